#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <media/frame.hpp>

namespace tenon::render {

/// A colour of a drawing: 0xRRGGBB and how opaque.
struct Ink {
    std::uint32_t rgb = 0;
    double opacity = 1;
};

/// The few colours that all pictures share, so that they look like one family.
namespace ink {
inline constexpr Ink ground{0x15181d}, panel{0x1d2128}, rule{0x343b45}, text{0xf0f2f5}, faint{0x98a2b0};
inline constexpr Ink body{0x3f8fd6}, core{0xa5d3ff}, warm{0xf0a45d}, alarm{0xff5f57}, shade{0x000000, 0.62};
}  // namespace ink

struct TextStyle {
    double size = 14;          ///< Pixels.
    bool bold = false;
    Ink colour = ink::text;
    double align = 0;          ///< 0: x is its left edge, 0.5: its middle, 1: its right edge.
    double room = 0;           ///< Wider text is cut and ends with an ellipsis. 0: as wide as it is.
};

/// A drawing of a fixed size, for PNG files: rectangles, lines, text in real fonts, frames of a video.
///
/// Threads   one at a time.
class Canvas {
public:
    using Points = std::vector<std::pair<double, double>>;

    /// Throws InvalidArgument if it would have more than 2^26 pixels or a side beyond 16,384.
    Canvas(std::int64_t width, std::int64_t height, Ink ground = ink::ground);
    Canvas(Canvas&&) noexcept;
    ~Canvas();

    void box(double x, double y, double width, double height, Ink colour, double radius = 0);
    void line(double x1, double y1, double x2, double y2, Ink colour, double width = 1);
    void shape(const Points& points, Ink colour);
    /// `y` is the top of its line. Returns its width.
    double text(const std::string& text, double x, double y, const TextStyle& style);
    double width_of(const std::string& text, const TextStyle& style) const;
    /// A frame as it is, its corners rounded.
    void frame(const media::VideoFrame& frame, std::int32_t x, std::int32_t y, double radius = 0);

    std::vector<std::uint8_t> png() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::render
