#pragma once

#include <cstdint>

#include <media/frame_reader.hpp>
#include <media/scaler.hpp>

namespace tenon::media {

/// The size in which a picture `width` wide is upright and has square pixels; both even, the height at most 4096.
struct Size { std::int32_t width, height; };
Size upright_size(const StreamInfo& stream, std::int32_t width);

/// The picture at `position`, scaled to `size` and upright, yuv420p.
VideoFrame still_at(FrameReader& reader, Scaler& scaler, Duration position, Size size);

/// How long the pictures last, for spreading stills over them; counts packets if the header does not say.
Duration picture_span(FrameReader& reader, const std::filesystem::path& path, const Limits& limits, std::stop_token stop);

}  // namespace tenon::media
