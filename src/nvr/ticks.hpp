#pragma once

#include <cstdint>

#include <tenon/units.hpp>

namespace tenon::nvr {

/// Footage is timed in ticks of 1/90000 s, the clock that cameras count with (RFC 3551).
inline constexpr std::int64_t kSecond = 90'000;

inline Duration micros(std::int64_t ticks) { return Duration{ticks * 100 / 9}; }

}  // namespace tenon::nvr
