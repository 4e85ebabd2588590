#include <media/blend.hpp>

#include <algorithm>

#include <tenon/error.hpp>

namespace tenon::media {
namespace {

constexpr std::int32_t one = 1 << 15, half = 1 << 14;

/// a * b / 255, rounded.
int scaled(int a, int b) {
    const int product = a * b;
    return (product >= 0 ? product + 127 : product - 127) / 255;
}

}  // namespace

VideoFrame blend(const VideoFrame& under, const VideoFrame& over, std::int32_t weight) {
    if (under.format() != PixelFormat::yuv420p || over.format() != PixelFormat::yuv420p ||
        under.width() != over.width() || under.height() != over.height() || weight < 0 || weight > one)
        throw InvalidArgument("only pictures of one size blend");
    VideoFrame result = VideoFrame::allocate(under.width(), under.height(), PixelFormat::yuv420p);
    result.set_colour(under.colour());
    for (std::int32_t i = 0; i < 3; ++i) {
        const Plane a = under.plane(i), b = over.plane(i), out = result.plane(i);
        for (std::int32_t y = 0; y < out.height; ++y) {
            const std::uint8_t* from = a.data + y * a.stride;
            const std::uint8_t* to = b.data + y * b.stride;
            std::uint8_t* row = out.data + y * out.stride;
            for (std::int32_t x = 0; x < out.width; ++x)
                row[x] = static_cast<std::uint8_t>((from[x] * (one - weight) + to[x] * weight + half) >> 15);
        }
    }
    return result;
}

std::int32_t crossfade_weight(std::int64_t k, std::int64_t n) {
    return static_cast<std::int32_t>(((k + 1) * one + (n + 1) / 2) / (n + 1));
}

Overlay overlay_from_bgra(const std::vector<std::uint8_t>& pixels, std::int32_t width, std::int32_t height,
                          std::ptrdiff_t stride, std::int32_t x, std::int32_t y) {
    if (width % 2 || height % 2 || x % 2 || y % 2 || width <= 0 || height <= 0 ||
        static_cast<std::ptrdiff_t>(pixels.size()) < stride * height)
        throw InvalidArgument("an overlay has even sides at an even place");
    Overlay out{.x = x, .y = y, .width = width, .height = height};
    const auto area = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    out.luma.resize(area);
    out.opacity.resize(area);
    for (auto* plane : {&out.u, &out.v}) plane->resize(area / 4);
    out.half_opacity.resize(area / 4);
    // BT.709 limited range in Q16. Premultiplied colour gives premultiplied Y'CbCr: the conversion is linear.
    constexpr int yr = 11'966, yg = 40'254, yb = 4'064, ur = -6'596, ug = -22'189, ub = 28'784, vr = 28'784, vg = -26'145, vb = -2'639;
    constexpr int round = 1 << 15;
    for (std::int32_t row = 0; row < height; row += 2)
        for (std::int32_t column = 0; column < width; column += 2) {
            int sum_r = 0, sum_g = 0, sum_b = 0, sum_a = 0;
            for (int i = 0; i < 4; ++i) {
                const std::int32_t py = row + i / 2, px = column + i % 2;
                const std::uint8_t* p = pixels.data() + py * stride + px * 4;
                const auto at = static_cast<std::size_t>(py) * static_cast<std::size_t>(width) + static_cast<std::size_t>(px);
                out.luma[at] = static_cast<std::uint8_t>((yr * p[2] + yg * p[1] + yb * p[0] + round) >> 16);
                out.opacity[at] = p[3];
                sum_b += p[0];
                sum_g += p[1];
                sum_r += p[2];
                sum_a += p[3];
            }
            const auto at = static_cast<std::size_t>(row / 2) * static_cast<std::size_t>(width / 2) + static_cast<std::size_t>(column / 2);
            const int r = (sum_r + 2) / 4, g = (sum_g + 2) / 4, b = (sum_b + 2) / 4;
            out.u[at] = static_cast<std::int8_t>(std::clamp((ur * r + ug * g + ub * b + round) >> 16, -112, 112));
            out.v[at] = static_cast<std::int8_t>(std::clamp((vr * r + vg * g + vb * b + round) >> 16, -112, 112));
            out.half_opacity[at] = static_cast<std::uint8_t>((sum_a + 2) / 4);
        }
    return out;
}

namespace {

template <class Colour>
void lay_plane(const std::vector<Colour>& colours, const std::vector<std::uint8_t>& opacities, int width, int height, int left, int top,
               int offset, int strength, const Plane& plane) {
    constexpr int opaque = 255;
    const int first = std::max(0, -left), end = std::min(width, plane.width - left);
    for (int row = std::max(0, -top); row < height && top + row < plane.height; ++row) {
        const auto at = static_cast<std::size_t>(row) * static_cast<std::size_t>(width);
        const Colour* colour = colours.data() + at;
        const std::uint8_t* opacity = opacities.data() + at;
        std::uint8_t* pixels = plane.data + (top + row) * plane.stride + left;
        for (int x = first; x < end; ++x) {
            if (opacity[x] == 0) continue;
            const int seen = strength == 256 ? colour[x] : (colour[x] * strength + 128) >> 8;
            const int hidden = strength == 256 ? opacity[x] : (opacity[x] * strength + 128) >> 8;
            pixels[x] = static_cast<std::uint8_t>(std::clamp(offset + seen + scaled(pixels[x] - offset, opaque - hidden), 0, 255));
        }
    }
}

}  // namespace

void lay_over(const Overlay& overlay, VideoFrame& frame, std::int32_t strength) {
    constexpr int black = 16, grey = 128;
    if (strength < 0 || strength > 256) throw InvalidArgument("an overlay is seen from 0 to 256 / 256");
    const int width = overlay.width, height = overlay.height, x = overlay.x, y = overlay.y;
    lay_plane(overlay.luma, overlay.opacity, width, height, x, y, black, strength, frame.plane(0));
    lay_plane(overlay.u, overlay.half_opacity, width / 2, height / 2, x / 2, y / 2, grey, strength, frame.plane(1));
    lay_plane(overlay.v, overlay.half_opacity, width / 2, height / 2, x / 2, y / 2, grey, strength, frame.plane(2));
}

}  // namespace tenon::media
