#pragma once

#include <array>

#include <crypto/secret.hpp>

namespace tenon::crypto {

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

/// An Ed25519 key pair (RFC 8032). Any thread.
class SigningKey {
public:
    static SigningKey generate();
    static SigningKey from_seed(ByteView seed);  ///< 32 bytes: all there is to store.
    const PublicKey& public_key() const noexcept { return public_; }
    Signature sign(ByteView message) const;
    ByteView seed() const { return secret_.part(0, 32); }

private:
    SigningKey() = default;
    Secret secret_;
    PublicKey public_{};
};

[[nodiscard]] bool verify(const PublicKey& key, ByteView message, ByteView signature);

}  // namespace tenon::crypto
