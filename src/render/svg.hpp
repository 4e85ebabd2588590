#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "canvas.hpp"

namespace tenon::render {

/// An SVG document being written. Whatever text it is given comes out as text: nothing in it is markup.
class Svg {
public:
    using Points = std::vector<std::pair<double, double>>;

    void open(double width, double height, const std::string& title);
    std::string close();

    void box(double x, double y, double width, double height, Ink colour, double radius = 0);
    void frame(double x, double y, double width, double height, Ink colour);
    void line(double x1, double y1, double x2, double y2, Ink colour, double width = 1);
    void shape(const Points& points, Ink colour);
    /// `y` is its baseline.
    void text(double x, double y, const std::string& text, const TextStyle& style);
    /// A picture `shown` wide of `full`; the rest is cut off.
    void jpeg(double x, double y, double shown, double height, double full, const std::string& base64);
    /// What follows, up to end(), has its own origin and is cut at the edges; `hint` appears under the pointer.
    void window(double x, double y, double width, double height, const std::string& hint);
    void end();

private:
    std::string text_;
};

/// For element content and attributes. What XML cannot hold becomes U+FFFD.
std::string xml_escaped(std::string_view text);

}  // namespace tenon::render
