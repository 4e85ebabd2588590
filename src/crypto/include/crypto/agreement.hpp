#pragma once

#include <crypto/secret.hpp>
#include <crypto/sign.hpp>

namespace tenon::crypto {

/// An X25519 key pair (RFC 7748). Any thread.
class AgreementKey {
public:
    static AgreementKey generate();
    static AgreementKey from_private(ByteView key);  ///< Any 32 bytes.
    const PublicKey& public_key() const noexcept { return public_; }
    ByteView private_key() const { return secret_.bytes(); }
    /// What both sides get: input for a key derivation, no key itself. Empty for a public key that leaves no choice of secrets.
    Secret agree(const PublicKey& other) const;

private:
    AgreementKey() = default;
    Secret secret_;
    PublicKey public_{};
};

}  // namespace tenon::crypto
