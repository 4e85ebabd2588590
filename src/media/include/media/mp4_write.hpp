#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <media/mp4_track.hpp>

namespace tenon::media::mp4 {

/// Nothing written here holds a time of creation or the name of a tool: bytes depend on content only.

/// Brands: the first is the major one.
Buffer write_ftyp(std::span<const FourCC> brands);

/// The moov of a fragmented file. Tracks get the ids 1, 2 …; each has one format. Throws InvalidArgument for a format
/// that cannot be stored (no size, no configuration).
Buffer write_init(std::span<const TrackFormat> tracks);

/// One track's part of a fragment.
struct FragmentTrack {
    std::uint32_t id = 0;
    std::int64_t decode_time = 0;  ///< tfdt
    std::vector<Sample> samples{};
};

/// moof and the header of the mdat that follows it. The mdat's content is every track's samples, track after track.
/// Throws InvalidArgument beyond 2 GiB.
Buffer write_fragment(std::uint32_t sequence, std::span<const FragmentTrack> tracks);

/// The moov of a file that is not fragmented. Chunk offsets count from the content of the mdat, which begins at
/// `data_offset` of the file and is `data_size` bytes long; offsets take 64 bits if it ends beyond 4 GiB.
Buffer write_moov(const Movie& movie, std::uint64_t data_offset, std::uint64_t data_size);

/// ftyp, moov and mdat header of a file whose mdat holds `data_size` bytes. The data follows it.
Buffer write_progressive_head(const Movie& movie, std::uint64_t data_size);

}  // namespace tenon::media::mp4
