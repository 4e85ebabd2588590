#pragma once

#include <cstdint>

#include <crypto/secret.hpp>

namespace tenon::crypto {

/// HKDF-SHA256 (RFC 5869). `size` ≤ 8160.
Secret hkdf_extract(ByteView salt, ByteView input);
Secret hkdf_expand(ByteView prk, ByteView info, std::size_t size);
Secret hkdf(ByteView salt, ByteView input, ByteView info, std::size_t size);

/// What a password costs to try. The numbers come from files that others may have written, so they are bounded below
/// (downgrade) and above (a bomb).
struct Argon2Cost {
    std::uint32_t memory_kib = 64 * 1024;  ///< 19 MiB to 1 GiB.
    std::uint32_t passes = 3;              ///< 2 to 16.
    std::uint32_t lanes = 1;               ///< 1; more are Unsupported.
};

/// Throws InvalidArgument unless the cost lies within its bounds; derives nothing.
void check_cost(const Argon2Cost& cost);
void check_pbkdf2_iterations(std::uint32_t iterations);  ///< 600,000 to 10,000,000.

/// Argon2id, version 1.3.
///
/// `salt`: its first 16 bytes are used.
/// Throws    InvalidArgument, Unsupported, Unavailable (out of memory).
Secret argon2id(ByteView password, ByteView salt, const Argon2Cost& cost, std::size_t size = 32);

/// PBKDF2-HMAC-SHA256.
Secret pbkdf2_sha256(ByteView password, ByteView salt, std::uint32_t iterations, std::size_t size = 32);

}  // namespace tenon::crypto
