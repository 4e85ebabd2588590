#pragma once

#include <array>
#include <memory>

#include <base/bytes.hpp>

namespace tenon::crypto {

using base::ByteSpan;
using base::ByteView;

using Nonce = std::array<std::uint8_t, 12>;

/// 0⁸ ‖ seq in little-endian order.
Nonce nonce_of(std::uint32_t seq);

/// AES-256-GCM under one key, scheduled once. The caller never uses a nonce twice for the same key.
///
/// Threads   one at a time: give each thread its own.
class Aes256Gcm {
public:
    static constexpr std::size_t key_size = 32;
    static constexpr std::size_t tag_size = 16;

    explicit Aes256Gcm(ByteView key);
    Aes256Gcm(Aes256Gcm&&) noexcept;
    Aes256Gcm& operator=(Aes256Gcm&&) noexcept;
    ~Aes256Gcm();

    /// Writes ciphertext ‖ tag. `sealed`: plain.size() + tag_size bytes; its front may be `plain` itself.
    void seal(const Nonce& nonce, ByteView aad, ByteView plain, ByteSpan sealed);
    /// False, and `plain` zeroed, unless key, nonce, aad and every byte are the ones sealed. `plain`:
    /// sealed.size() − tag_size bytes; may be the front of `sealed`.
    [[nodiscard]] bool open(const Nonce& nonce, ByteView aad, ByteView sealed, ByteSpan plain);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// AES-128 on independent blocks: a keyed permutation, not an encryption of data. One thread at a time.
class Aes128 {
public:
    explicit Aes128(ByteView key);  ///< 16 bytes.
    Aes128(Aes128&&) noexcept;
    Aes128& operator=(Aes128&&) noexcept;
    ~Aes128();
    /// Any number of 16-byte blocks; fastest with many at once. May work in place.
    void encrypt(ByteView blocks, ByteSpan out);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::crypto
