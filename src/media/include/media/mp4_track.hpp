#pragma once

#include <cstdint>
#include <vector>

#include <media/mp4_bytes.hpp>
#include <media/stream.hpp>

namespace tenon::media::mp4 {

enum class Codec : std::uint8_t { h264,
                                  hevc,
                                  mjpeg,
                                  aac,
                                  mulaw,
                                  alaw };

constexpr bool is_video(Codec codec) { return codec <= Codec::mjpeg; }

/// What a track's sample entry says. Two runs with equal formats can be decoded by one decoder.
struct TrackFormat {
    Codec codec = Codec::h264;
    std::uint32_t timescale = 90'000;  ///< Video 90000, audio its sample rate.
    std::uint16_t width = 0, height = 0;
    std::uint32_t aspect_h = 1, aspect_v = 1;  ///< Of a sample.
    Colour colour{};
    std::uint16_t channels = 0;
    std::uint32_t sample_rate = 0;
    Buffer config{};  ///< avcC or hvcC without its box header; AudioSpecificConfig; else empty.
    friend bool operator==(const TrackFormat&, const TrackFormat&) = default;
};

/// One sample in a track, in its timescale.
struct Sample {
    std::uint32_t size = 0;
    std::uint32_t duration = 0;
    std::int32_t composition = 0;  ///< Presentation minus decode time.
    bool key = true;
    friend bool operator==(const Sample&, const Sample&) = default;
};

/// Samples of one track that lie one behind the other in the file.
struct Chunk {
    std::uint64_t offset = 0;      ///< Of the first byte; what it counts from is said where chunks are used.
    std::int64_t decode_time = 0;  ///< Of the first sample.
    std::uint32_t entry = 0;       ///< Index into the track's formats.
    std::vector<Sample> samples{};
};

/// A stretch of a track as it is shown. `media_time` -1 shows nothing.
struct Edit {
    std::uint64_t duration = 0;   ///< In the movie's timescale. 0 in a fragmented file: to the end.
    std::int64_t media_time = 0;  ///< In the track's timescale.
    friend bool operator==(const Edit&, const Edit&) = default;
};

struct Track {
    std::uint32_t id = 0;
    std::vector<TrackFormat> formats{};
    std::vector<Edit> edits{};
    std::vector<Chunk> chunks{};
};

struct Movie {
    std::uint32_t timescale = 90'000;
    std::vector<Track> tracks{};
};

}  // namespace tenon::media::mp4
