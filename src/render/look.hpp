#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tenon/units.hpp>

namespace tenon::render {

/// How a title looks, as share/tenon/titles/<name>.json says it. Lengths are thousandths: of the picture's shorter side for
/// letters, of its width and height for places, of the first line's letters for the rest.
struct Look {
    struct Colour {
        std::uint8_t red = 0, green = 0, blue = 0, alpha = 0;
    };
    struct Line {
        std::int32_t size = 0, weight = 0;
        Colour colour{};
    };
    struct Stroke {                    ///< Nothing if its width is zero.
        std::int32_t width = 0;
        Colour colour{};
    };
    enum class Align : std::uint8_t { start, centre };   ///< start: where the script begins, right for Arabic.

    std::string name{};
    std::vector<std::string> fonts{};  ///< The first that has a glyph draws it.
    std::vector<Line> lines{};         ///< The last is for all lines that follow too.
    Align align = Align::centre;
    std::int32_t x = 0, y = 0;         ///< Of its start or middle; above the picture's middle the top, below it the bottom.
    std::int32_t width = 0;            ///< Longer lines are broken.
    Stroke edge{}, shadow{}, bar{};
    Colour plate{};
    std::int32_t padding = 0, corner = 0;
    Duration fade{};                   ///< In and out.
};

/// Throws InvalidArgument naming the field; unknown fields are errors.
Look parse_look(const std::string& json);
/// Empty: "caption". Throws NotFound, listing those there are.
Look find_look(const std::string& name);

}  // namespace tenon::render
