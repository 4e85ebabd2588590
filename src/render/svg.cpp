#include "svg.hpp"

#include <array>
#include <utility>

#include "legend.hpp"

namespace tenon::render {
namespace {

std::string number(double value) {
    std::string text = fixed(value, 2);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text == "-0" ? "0" : text;
}

std::string attribute(std::string_view name, double value) { return " " + std::string(name) + "=\"" + number(value) + '"'; }

std::string colour(std::string_view name, Ink ink) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = " " + std::string(name) + "=\"#";
    for (int shift = 20; shift >= 0; shift -= 4) text += digits[ink.rgb >> shift & 15];
    text += '"';
    if (ink.opacity < 1) text += attribute(std::string(name) + "-opacity", ink.opacity);
    return text;
}

std::string place(double x, double y, double width, double height) {
    return attribute("x", x) + attribute("y", y) + attribute("width", width) + attribute("height", height);
}

}  // namespace

std::string xml_escaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '&') out += "&amp;";
        else if (c == '<') out += "&lt;";
        else if (c == '>') out += "&gt;";
        else if (c == '"') out += "&quot;";
        else if (byte < 0x20 && c != '\n' && c != '\t') out += "\xef\xbf\xbd";
        else if (text.substr(i, 3) == "\xef\xbf\xbe" || text.substr(i, 3) == "\xef\xbf\xbf") {
            out += "\xef\xbf\xbd";  // U+FFFE and U+FFFF are characters, but not of XML
            i += 2;
        } else out += c;
    }
    return out;
}

void Svg::open(double width, double height, const std::string& title) {
    text_ = R"(<?xml version="1.0" encoding="UTF-8"?>)"
            "\n"
            R"(<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img")" +
            attribute("width", width) + attribute("height", height) + " viewBox=\"0 0 " + number(width) + " " + number(height) +
            R"(" font-family="DejaVu Sans, Noto Sans, Helvetica, Arial, sans-serif">)"
            "\n<title>" +
            xml_escaped(title) + "</title>\n";
}

std::string Svg::close() { return std::exchange(text_, {}) + "</svg>\n"; }

void Svg::box(double x, double y, double width, double height, Ink ink, double radius) {
    text_ += "<rect" + place(x, y, width, height) + (radius > 0 ? attribute("rx", radius) : "") + colour("fill", ink) + "/>\n";
}

void Svg::frame(double x, double y, double width, double height, Ink ink) {
    text_ += "<rect" + place(x, y, width, height) + " fill=\"none\"" + colour("stroke", ink) + "/>\n";
}

void Svg::line(double x1, double y1, double x2, double y2, Ink ink, double width) {
    text_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) + attribute("y2", y2) + colour("stroke", ink) +
             attribute("stroke-width", width) + "/>\n";
}

void Svg::shape(const Points& points, Ink ink) {
    text_ += "<path d=\"";
    for (std::size_t i = 0; i < points.size(); ++i) text_ += (i == 0 ? "M" : "L") + number(points[i].first) + " " + number(points[i].second);
    text_ += "Z\"" + colour("fill", ink) + "/>\n";
}

void Svg::text(double x, double y, const std::string& text, const TextStyle& style) {
    const char* const anchor = style.align > 0.75 ? " text-anchor=\"end\"" : style.align > 0.25 ? " text-anchor=\"middle\""
                                                                                                : "";
    text_ += "<text" + attribute("x", x) + attribute("y", y) + attribute("font-size", style.size) +
             (style.bold ? " font-weight=\"bold\"" : "") + anchor + colour("fill", style.colour) + ">" + xml_escaped(text) + "</text>\n";
}

void Svg::jpeg(double x, double y, double shown, double height, double full, const std::string& base64) {
    if (shown <= 0) return;
    text_ += "<svg" + place(x, y, shown, height) + "><image" + attribute("width", full) + attribute("height", height) +
             " preserveAspectRatio=\"none\" xlink:href=\"data:image/jpeg;base64," + base64 + "\"/></svg>\n";
}

void Svg::window(double x, double y, double width, double height, const std::string& hint) {
    text_ += "<svg" + place(x, y, width, height) + "><title>" + xml_escaped(hint) + "</title>\n";
}

void Svg::end() { text_ += "</svg>\n"; }

}  // namespace tenon::render
