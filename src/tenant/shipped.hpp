#pragma once

#include <span>
#include <string_view>

namespace tenon::tenant {

/// A file of share/tenon that was compiled in. The build makes the definitions.
struct Shipped {
    std::string_view name;
    std::string_view text;
};

std::span<const Shipped> shipped_plans();
/// JSON Schemas, from share/tenon/settings.
std::span<const Shipped> shipped_settings();

}  // namespace tenon::tenant
