#pragma once

#include <cstdint>
#include <vector>

#include <media/frame.hpp>

namespace tenon::media {

/// A JPEG or PNG file in memory. `quality` 1 to 100.
std::vector<std::uint8_t> encode_jpeg(const VideoFrame& frame, std::int32_t quality = 85);
std::vector<std::uint8_t> encode_png(const VideoFrame& frame);

}  // namespace tenon::media
