#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>

#include <media/damage.hpp>
#include <media/decoder.hpp>
#include <media/input.hpp>

namespace tenon::media {

/// The pictures of a file by time, of two fields made one. Going forward decodes each once; going back or far ahead seeks.
///
/// Threads   one at a time.
class FrameReader {
public:
    /// Throws what Input::open does; Unsupported if the file has no pictures.
    FrameReader(const std::filesystem::path& path, const Limits& limits, const DecoderOptions& options, std::stop_token stop);
    FrameReader(FrameReader&&) noexcept;
    FrameReader& operator=(FrameReader&&) noexcept;
    ~FrameReader();

    const StreamInfo& stream() const;
    /// When the file's time begins: where its first stream starts.
    Duration origin() const;
    std::optional<Duration> duration() const;   ///< Of the pictures; unset if the file does not say.

    /// The picture shown at `ticks` of the stream's time base: the last that begins at or before it, a millisecond's
    /// rounding forgiven. The first picture before the first, the last after the last.
    ///
    /// Throws    Corrupt if nothing can be decoded; Cancelled.
    VideoFrame at(std::int64_t ticks);
    /// Counted from origin().
    VideoFrame at(Duration position);

    /// The picture behind the one last given, or the first; empty behind the last. Decodes each once.
    [[nodiscard]] std::optional<VideoFrame> next();

    /// Counted from origin(): when a picture of this file begins to be shown.
    Duration time_of(const VideoFrame& frame) const;
    /// Set when at() gave the file's last picture: until when that is shown, from origin().
    std::optional<Duration> end_of_last() const;

    std::int64_t damaged_packets() const;
    /// Of what was decoded so far; from origin(). Where a picture is damaged, the one before it is shown.
    const Damages& damages() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::media
