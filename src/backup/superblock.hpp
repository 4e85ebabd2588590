#pragma once

#include <stop_token>

#include <blob/store.hpp>
#include <tenon/units.hpp>

#include "wire.hpp"

namespace tenon::backup {

/// What a repository is, in the clear: 4 KiB under `super` and again under `super.1`.
struct Superblock {
    std::uint16_t format = 1;
    std::uint16_t min_reader = 1;
    std::uint32_t mandatory = 0;      ///< Feature bits a reader must know.
    std::uint32_t optional = 0;
    Id16 repo{};
    Time created{};
    std::uint8_t id_alg = 1;          ///< 1: HMAC-SHA256.
    std::uint8_t aead = aead_aes_256_gcm;
    std::uint8_t chunker_profile = 1;
    std::uint8_t pack_profile = 2;

    std::uint64_t pack_size() const { return pack_profile == 1 ? 8u << 20 : pack_profile == 3 ? 128u << 20 : 32u << 20; }
};

ByteVector encode(const Superblock& super);
/// Throws Corrupt; Unsupported for what a newer version wrote.
Superblock decode_superblock(ByteView raw, const std::string& name);
/// Whether these bytes begin as a superblock does.
bool is_superblock(ByteView raw);

/// Reads either copy; a damaged or missing one is rewritten from the other. NotFound if there is neither.
Superblock load_superblock(blob::Store& store, std::stop_token stop);

}  // namespace tenon::backup
