#pragma once

#include <cstdint>

#include <base/clock.hpp>

namespace tenon::base {

/// clock.monotonic() in nanoseconds, for whoever asks millions of times a second: of the system's clock cheaper, and right to two
/// microseconds, so that of two threads one may see a moment that lies that little before what the other saw.
std::int64_t nanoseconds(const Clock& clock);

}  // namespace tenon::base
