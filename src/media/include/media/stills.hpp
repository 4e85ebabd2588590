#pragma once

#include <cstdint>

#include <media/frame_reader.hpp>
#include <media/scaler.hpp>

namespace tenon::media {

/// The size in which a picture `width` wide is upright and has square pixels; both even, the height at most 4096.
struct Size { std::int32_t width, height; };
Size upright_size(const StreamInfo& stream, std::int32_t width);

/// The size in which the stream's pictures are upright and have square pixels, in their own resolution.
Size shown_size(const StreamInfo& stream);

/// The picture upright, in `size` and `format`, yuv of limited range: the same memory where it is all that already, and its
/// rows go from the top down.
VideoFrame shown(const VideoFrame& frame, Scaler& scaler, std::int32_t rotation, Size size, PixelFormat format);

/// The picture at `position`, scaled to `size` and upright, yuv420p.
VideoFrame still_at(FrameReader& reader, Scaler& scaler, Duration position, Size size);

/// How long the pictures last, for spreading stills over them; counts packets if the header does not say.
Duration picture_span(FrameReader& reader, const std::filesystem::path& path, const Limits& limits, std::stop_token stop);

}  // namespace tenon::media
