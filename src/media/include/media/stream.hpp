#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <media/time.hpp>

namespace tenon::media {

enum class StreamKind : std::uint8_t { video, audio, other };

/// How numbers become colours: code points of ISO/IEC 23091-2 (H.273). 2: not said.
struct Colour {
    std::uint8_t primaries = 2;
    std::uint8_t transfer = 2;
    std::uint8_t matrix = 2;
    bool full_range = false;
    friend bool operator==(const Colour&, const Colour&) = default;
};

/// What decoders need beyond the fields below; opaque, since it is the codec library's.
struct CodecParameters;

struct StreamInfo {
    std::int32_t index = 0;
    StreamKind kind = StreamKind::other;
    std::string codec{};                     ///< "h264", "hevc", "mjpeg", "aac", "pcm_mulaw" …
    Rational time_base{1, 90'000};           ///< Of its packets.
    std::optional<MediaTime> duration{};     ///< Unset: unknown, or live.
    std::optional<MediaTime> start{};        ///< Of the first frame shown.
    std::vector<std::uint8_t> extradata{};   ///< avcC or hvcC from files; Annex B parameter sets from RTSP; may be empty.

    std::int32_t width = 0, height = 0;      ///< Coded samples shown, before aspect and rotation.
    Rational sample_aspect{1, 1};
    std::int32_t rotation = 0;               ///< Clockwise degrees to apply for display: 0, 90, 180, 270.
    Colour colour{};
    Rational rate{0, 1};                     ///< Frames per second; 0/1: not known.
    std::int32_t bit_depth = 8;

    std::int32_t channels = 0;
    std::int32_t sample_rate = 0;

    std::shared_ptr<const CodecParameters> parameters{};
};

}  // namespace tenon::media
