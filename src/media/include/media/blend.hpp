#pragma once

#include <cstdint>
#include <vector>

#include <media/frame.hpp>

namespace tenon::media {

/// `weight` / 32768 of `over`, the rest of `under`. Both yuv420p of one size.
VideoFrame blend(const VideoFrame& under, const VideoFrame& over, std::int32_t weight);

/// The weight of frame k of n in a crossfade: (k+1)/(n+1) in Q15.
std::int32_t crossfade_weight(std::int64_t k, std::int64_t n);

/// A picture with transparency, ready to be laid over yuv420p: premultiplied, chroma already halved.
struct Overlay {
    std::int32_t x = 0, y = 0;                 ///< Even.
    std::int32_t width = 0, height = 0;        ///< Even.
    std::vector<std::uint8_t> luma{};          ///< width x height; colour times opacity, without the offset of black.
    std::vector<std::uint8_t> opacity{};       ///< width x height.
    std::vector<std::int8_t> u{}, v{};         ///< width/2 x height/2; colour times opacity around zero.
    std::vector<std::uint8_t> half_opacity{};  ///< width/2 x height/2.
};

/// From premultiplied pixels in memory order B, G, R, A, as Cairo paints them; BT.709. Sides and place are even.
Overlay overlay_from_bgra(const std::vector<std::uint8_t>& pixels, std::int32_t width, std::int32_t height,
                          std::ptrdiff_t stride, std::int32_t x, std::int32_t y);

/// Lays it over a writable yuv420p picture; what lies outside is cut off. `strength` / 256 of it is seen.
void lay_over(const Overlay& overlay, VideoFrame& frame, std::int32_t strength = 256);

}  // namespace tenon::media
