#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <media/frame.hpp>
#include <media/packet.hpp>

namespace tenon::media {

struct DecoderOptions {
    std::int32_t threads = 1;                       ///< 1 to 16.
    std::int64_t pixels = std::int64_t{1} << 27;    ///< Larger pictures are damage.
};

/// Packets in, pictures out, in the order they are shown.
///
/// Threads   one at a time.
/// Damage    a packet that cannot be decoded is counted and skipped: what follows is shown.
class VideoDecoder {
public:
    /// Throws Unsupported if no decoder of this codec is installed.
    VideoDecoder(const StreamInfo& stream, const DecoderOptions& options = {});
    VideoDecoder(VideoDecoder&&) noexcept;
    VideoDecoder& operator=(VideoDecoder&&) noexcept;
    ~VideoDecoder();

    /// Only after receive() has returned empty.
    void send(const Packet& packet);
    /// No packet follows: receive() gives the rest.
    void finish();
    [[nodiscard]] std::optional<VideoFrame> receive();
    /// Forgets everything sent, for use after a seek.
    void reset();

    std::int64_t damaged_packets() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Packets in, sound out: resampled to `rate` and mixed to `channels`, at exact sample positions counted from the
/// stream's time zero. Blocks follow each other without a seam, except where the stream's own times jump by more than
/// 20 ms: there positions jump too. After reset() the codec's first block may be incomplete: start a little early.
class AudioDecoder {
public:
    AudioDecoder(const StreamInfo& stream, std::int32_t rate, std::int32_t channels);
    AudioDecoder(AudioDecoder&&) noexcept;
    AudioDecoder& operator=(AudioDecoder&&) noexcept;
    ~AudioDecoder();

    void send(const Packet& packet);
    void finish();
    [[nodiscard]] std::optional<AudioBlock> receive();
    void reset();

    std::int64_t damaged_packets() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::media
