#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>

#include <media/blend.hpp>
#include <media/frame.hpp>
#include <media/scaler.hpp>

namespace tenon::render {

/// The first picture of a file with its transparency, as it is laid over an edit. Throws what media::FrameReader does,
/// Unsupported beyond 32 million pixels.
media::VideoFrame read_still(const std::filesystem::path& path, std::stop_token stop = {});

/// Where it lies in a picture; everything in millionths.
struct Placement {
    std::int64_t x = 0, y = 0;   ///< 0: flush with the left or upper side, 1: with the right or lower one.
    std::int64_t width = 0;      ///< Of the picture's; 0: its own size, counted at 1080 lines.
};

/// Where a still of this size lies in pictures of that size: never larger than they are, all even.
media::Rect place_of_still(std::int32_t still_width, std::int32_t still_height, const Placement& placement, std::int32_t width,
                           std::int32_t height);

/// The still as an overlay for pictures of this size.
media::Overlay place_still(const media::VideoFrame& still, const Placement& placement, std::int32_t width, std::int32_t height);

}  // namespace tenon::render
