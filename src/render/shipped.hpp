#pragma once

#include <span>
#include <string_view>

namespace tenon::render {

/// A data file that was compiled in. The build makes the definitions from share/tenon.
struct Shipped {
    std::string_view name;
    std::string_view text;
};

std::span<const Shipped> shipped_presets();
std::span<const Shipped> shipped_grades();
std::span<const Shipped> shipped_titles();

}  // namespace tenon::render
