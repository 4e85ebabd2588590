#pragma once

#include <cstdint>
#include <memory>

#include <media/frame.hpp>

namespace tenon::media {

struct Rect {
    std::int32_t x = 0, y = 0, width = 0, height = 0;
    friend bool operator==(const Rect&, const Rect&) = default;
};

/// Scales part of a picture into part of another. Bit exact on every machine. Colours keep their matrix; what is not
/// yuv420p of limited range becomes so (RGB by the target's matrix).
///
/// Threads   one at a time; the set-up is kept while the geometry stays.
class Scaler {
public:
    Scaler();
    Scaler(Scaler&&) noexcept;
    Scaler& operator=(Scaler&&) noexcept;
    ~Scaler();

    /// `target` must be writable; both rectangles even in x, y. Throws InvalidArgument.
    void scale(const VideoFrame& source, Rect from, VideoFrame& target, Rect to);

    /// The whole picture at another size and format; rgb24, rgba and gray come out as full range.
    VideoFrame convert(const VideoFrame& source, std::int32_t width, std::int32_t height, PixelFormat format);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The picture turned clockwise by 90, 180 or 270 degrees. Throws InvalidArgument for a format of other libraries.
VideoFrame rotated(const VideoFrame& frame, std::int32_t degrees);

/// Copies all of `source` into `target` at an even place; both yuv420p. Throws InvalidArgument if it does not fit.
void paste(const VideoFrame& source, VideoFrame& target, std::int32_t x, std::int32_t y);

/// Black, limited range.
void fill_black(VideoFrame& frame);

}  // namespace tenon::media
