#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <media/frame.hpp>
#include <media/packet.hpp>
#include <media/stream.hpp>

namespace tenon::media {

/// Everything that decides the bytes of a picture stream.
struct VideoEncoding {
    std::int32_t width = 0, height = 0;
    Rational rate{25, 1};
    std::string profile = "high";
    std::string preset = "veryfast";
    std::int32_t crf = 21;
    std::int32_t gop = 50;                 ///< Frames; every GOP is closed and exactly this long.
    std::int32_t threads = 2;              ///< The bytes depend on it.
    Colour colour{1, 1, 1, false};
};

/// Pictures in, H.264 out. The first picture and each `gop`-th are IDR. Needs x264, which is looked up at run time.
///
/// Threads   one at a time.
class VideoEncoder {
public:
    /// Throws Unsupported, naming the package, if the encoder is not installed.
    explicit VideoEncoder(const VideoEncoding& encoding);
    VideoEncoder(VideoEncoder&&) noexcept;
    VideoEncoder& operator=(VideoEncoder&&) noexcept;
    ~VideoEncoder();

    /// yuv420p of the encoding's size. Numbered 0, 1, 2 … in the order sent; packets carry that number as pts.
    void send(const VideoFrame& frame);
    void finish();
    [[nodiscard]] std::optional<Packet> receive();

    /// The parameter sets, Annex B.
    const std::vector<std::uint8_t>& extradata() const;
    /// What it makes, for a decoder; times are counted in frames.
    StreamInfo stream() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct AudioEncoding {
    std::int32_t rate = 48'000;
    std::int32_t channels = 2;
    std::int64_t bits_per_second = 160'000;
};

/// Sound in, AAC-LC out.
class AudioEncoder {
public:
    explicit AudioEncoder(const AudioEncoding& encoding);
    AudioEncoder(AudioEncoder&&) noexcept;
    AudioEncoder& operator=(AudioEncoder&&) noexcept;
    ~AudioEncoder();

    /// Any number of samples, following the last. Packets carry the sample position as pts, priming below zero.
    void send(const AudioBlock& block);
    void finish();
    [[nodiscard]] std::optional<Packet> receive();

    const std::vector<std::uint8_t>& extradata() const;   ///< AudioSpecificConfig
    std::int32_t priming() const;                          ///< Samples before the first real one.

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Names and versions of what encodes, for ids of results that depend on them.
std::string codec_versions();

}  // namespace tenon::media
