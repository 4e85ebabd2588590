#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <base/json.hpp>

#include "shipped.hpp"

/// What readers of shipped data have in common.
namespace tenon::render {

/// The text of the one of that name. Throws NotFound: `missing`, and the names that there are.
std::string_view shipped_text(std::span<const Shipped> files, const std::string& name, const std::string& missing);

/// A number of an object. Throws InvalidArgument outside of its range.
std::int32_t in_range(const base::Json& json, const char* field, std::int64_t least, std::int64_t most);

}  // namespace tenon::render
