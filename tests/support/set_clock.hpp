#pragma once

#include <atomic>

#include <base/clock.hpp>

namespace tenon::tests {

/// The machine's own clocks, with the wall clock set by hand.
class SetClock final : public base::Clock {
public:
    Time now() const override { return base::system_clock()->now() + Duration{off.load()}; }
    Duration monotonic() const override { return base::system_clock()->monotonic(); }
    Duration boot() const override { return base::system_clock()->boot(); }
    void set(Duration by) { off += by.count(); }

private:
    std::atomic<std::int64_t> off = 0;
};

}  // namespace tenon::tests
