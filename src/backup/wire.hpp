#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include <base/bytes.hpp>

namespace tenon::backup {

using base::ByteSpan;
using base::ByteVector;
using base::ByteView;

using Id = std::array<std::uint8_t, 32>;    ///< Of a chunk, or the SHA-256 of an object.
using Id16 = std::array<std::uint8_t, 16>;  ///< Of a repository, class, writer, snapshot or session.
using Magic = std::array<std::uint8_t, 8>;

/// What an object is; sealed into its key, so none passes for another.
enum class Kind : std::uint8_t {
    data = 1, tree = 2, index = 3, snapshot = 4, log = 5, session = 6, collector = 7, ring = 8, progress = 9,
    checkpoint = 10, past = 11, book = 12,
};

enum class ChunkType : std::uint8_t { data = 1, node = 2 };
enum class Codec : std::uint8_t { raw = 0, zstd = 1 };

inline constexpr Magic superblock_magic{0x85, 0x3d, 0xe3, 0x49, 0x02, 0x7a, 0xb9, 0xe8};
inline constexpr Magic container_magic{0xca, 0x88, 0x13, 0x87, 0xd7, 0x47, 0xeb, 0x82};
inline constexpr Magic frame_magic{0xc2, 0x52, 0xf6, 0x12, 0xd3, 0xd4, 0x50, 0x62};
inline constexpr Magic trailer_magic{0xcb, 0x3a, 0xff, 0x0f, 0x67, 0xc5, 0x66, 0x99};
inline constexpr Magic slot_magic{0xc5, 0x56, 0x0f, 0x91, 0xb3, 0x25, 0x21, 0xcb};

inline constexpr std::size_t superblock_size = 4096;
inline constexpr std::size_t container_header_size = 96;
inline constexpr std::size_t frame_header_size = 20;
inline constexpr std::size_t trailer_size = 32;
inline constexpr std::size_t tag_size = 16;
inline constexpr std::size_t content_header_size = 16;
inline constexpr std::uint32_t footer_seq = 0xffffffff;
inline constexpr std::uint8_t aead_aes_256_gcm = 1;

inline constexpr std::uint32_t frame_target = 1u << 20;
inline constexpr std::uint32_t max_frame_chunks = 4096;
inline constexpr std::uint32_t max_plain = 20u << 20;
/// The most a frame's ciphertext can be: padded content and tag.
inline constexpr std::uint32_t max_sealed = max_plain + (max_plain >> 4) + 4 * max_frame_chunks + 4096;
inline constexpr std::uint32_t max_pack_frames = 65'000;
inline constexpr std::uint32_t max_pack_chunks = 262'144;
inline constexpr std::uint64_t max_small_object = std::uint64_t{1} << 31;

/// Class zero: index segments, snapshots, log records and the like.
inline constexpr Id16 control_class{};

std::string hex(ByteView bytes);
inline std::string pack_name(const Id& sha) {
    const auto text = hex(sha);
    return "packs/" + text.substr(0, 2) + '/' + text;
}

/// Ids are uniformly distributed, so any eight of their bytes are a hash.
struct IdHash {
    std::size_t operator()(const Id& id) const noexcept { return base::load_le<std::uint64_t>(id.data()); }
};

/// L grown so that little of it shows (Padmé, at most 12 %; 3 % at 1 MiB).
std::uint64_t padme(std::uint64_t length);

}  // namespace tenon::backup
