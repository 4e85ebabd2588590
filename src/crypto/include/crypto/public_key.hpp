#pragma once

#include <memory>

#include <base/bytes.hpp>

namespace tenon::crypto {

using base::ByteView;

/// A public key of somebody else's, bound to the one algorithm that it verifies: RS256, ES256 or EdDSA (Ed25519) of RFC 7518
/// and RFC 8037. What a message says of its own algorithm never reaches this.
///
/// Threads   any member, from any thread, at once.
class PublicVerifier {
public:
    /// Big-endian numbers. Throws InvalidArgument: a modulus of less than 2048 or more than 8192 bits, an exponent that is even
    /// or below 3, anything that is no key.
    static PublicVerifier rs256(ByteView modulus, ByteView exponent);
    /// Coordinates of 32 bytes each on P-256. Throws InvalidArgument, for a point that is not on the curve too.
    static PublicVerifier es256(ByteView x, ByteView y);
    /// 32 bytes. Throws InvalidArgument.
    static PublicVerifier ed25519(ByteView key);

    PublicVerifier(PublicVerifier&&) noexcept;
    PublicVerifier& operator=(PublicVerifier&&) noexcept;
    ~PublicVerifier();

    /// "RS256", "ES256" or "EdDSA"
    const char* algorithm() const noexcept;
    /// A signature in JOSE form: of ES256 the two numbers of 32 bytes, not DER.
    [[nodiscard]] bool verify(ByteView message, ByteView signature) const;

private:
    struct Impl;
    explicit PublicVerifier(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::crypto
