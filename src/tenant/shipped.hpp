#pragma once

#include <span>
#include <string_view>

namespace tenon::tenant {

/// A plan catalogue that was compiled in. The build makes the definition from share/tenon/plans.
struct Shipped {
    std::string_view name;
    std::string_view text;
};

std::span<const Shipped> shipped_plans();

}  // namespace tenon::tenant
