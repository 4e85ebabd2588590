#pragma once

#include <cstdint>

namespace tenon::tenant {

inline constexpr std::int64_t GB = 1'000'000'000, TB = 1'000 * GB;  // bytes
inline constexpr std::int64_t hour = 3'600'000;                     // milliseconds

}  // namespace tenon::tenant
