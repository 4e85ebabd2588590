#include "look.hpp"

#include <charconv>

#include <base/json.hpp>
#include <base/text.hpp>
#include <tenon/error.hpp>

#include "shipped_data.hpp"

namespace tenon::render {
namespace {

using base::Json;

constexpr std::int64_t look_version = 1;

Look::Colour colour(const Json& json) {
    constexpr std::size_t length = 9;
    constexpr int hex = 16;
    const std::string& text = json.get_string("colour");
    std::uint32_t value = 0;
    if (text.size() != length || text[0] != '#' ||
        std::from_chars(text.data() + 1, text.data() + length, value, hex).ptr != text.data() + length)
        throw InvalidArgument("a colour is #rrggbbaa", {.subject = "colour"});
    const auto byte = [&](int shift) { return static_cast<std::uint8_t>(value >> shift); };
    return {byte(24), byte(16), byte(8), byte(0)};
}

Look::Stroke stroke(const Json& json, const char* field) {
    const Json* found = json.find(field);
    if (found == nullptr) return {};
    found->allow_only({"width", "colour"});
    return {in_range(*found, "width", 1, 1'000), colour(*found)};
}

}  // namespace

Look parse_look(const std::string& text) {
    constexpr std::size_t most = 8;
    const Json json = base::parse_json(text, {}, "title");
    json.allow_only({"version", "name", "fonts", "lines", "align", "place", "edge", "shadow", "bar", "plate", "fade_ms"});
    if (json.get_int("version") != look_version) throw InvalidArgument("this version of a title's look is not known", {.subject = "version"});
    Look look;
    look.name = json.get_string("name");
    base::check_name("name", look.name);
    for (const Json& font : json.get_array("fonts")) look.fonts.push_back(font.as_string("fonts"));
    for (const Json& line : json.get_array("lines")) {
        line.allow_only({"size", "weight", "colour"});
        look.lines.push_back({in_range(line, "size", 5, 500), in_range(line, "weight", 100, 1'000), colour(line)});
    }
    if (look.fonts.empty() || look.fonts.size() > most) throw InvalidArgument("1 to 8 fonts", {.subject = "fonts"});
    if (look.lines.empty() || look.lines.size() > most) throw InvalidArgument("1 to 8 lines", {.subject = "lines"});
    const std::string& align = json.get_string("align");
    if (align != "start" && align != "centre") throw InvalidArgument("align is start or centre", {.subject = "align"});
    look.align = align == "start" ? Look::Align::start : Look::Align::centre;
    const Json& place = json.at("place");
    place.allow_only({"x", "y", "width"});
    look.x = in_range(place, "x", 0, 1'000);
    look.y = in_range(place, "y", 0, 1'000);
    look.width = in_range(place, "width", 50, 1'000);
    look.edge = stroke(json, "edge");
    look.shadow = stroke(json, "shadow");
    look.bar = stroke(json, "bar");
    if (const Json* plate = json.find("plate"); plate != nullptr) {
        plate->allow_only({"colour", "padding", "corner"});
        look.plate = colour(*plate);
        look.padding = in_range(*plate, "padding", 0, 2'000);
        look.corner = in_range(*plate, "corner", 0, 2'000);
    }
    look.fade = std::chrono::milliseconds(in_range(json, "fade_ms", 0, 5'000));
    return look;
}

Look find_look(const std::string& name) {
    return parse_look(std::string(shipped_text(shipped_titles(), name.empty() ? "caption" : name, "there is no such look of a title")));
}

}  // namespace tenon::render
