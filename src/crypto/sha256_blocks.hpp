#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tenon::crypto {

/// SHA-256's state between two blocks (FIPS 180-4, H0 … H7).
using Sha256State = std::array<std::uint32_t, 8>;

/// Where a message's next blocks of 64 bytes lie.
struct Sha256Lane {
    Sha256State* state;
    const std::uint8_t* blocks;
};

/// Whether this processor has instructions for SHA-256. Without them none of the following may be called.
[[nodiscard]] bool has_sha256_blocks() noexcept;

void add_blocks(const Sha256Lane& lane, std::size_t count) noexcept;
/// As many of each. A round waits for the one before it, so two messages side by side take little more time than one.
void add_blocks(const Sha256Lane& one, const Sha256Lane& other, std::size_t count) noexcept;

}  // namespace tenon::crypto
