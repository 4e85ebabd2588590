#include <base/clock.hpp>

#include <atomic>
#include <ctime>

namespace tenon::base {
namespace {

std::int64_t microseconds(clockid_t id) {
    timespec ts{};
    clock_gettime(id, &ts);
    return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000 + ts.tv_nsec / 1'000;
}

class SystemClock final : public Clock {
public:
    Time now() const override { return Time{Duration{microseconds(CLOCK_REALTIME)}}; }
    Duration monotonic() const override { return Duration{microseconds(CLOCK_MONOTONIC)}; }
    Duration boot() const override { return Duration{microseconds(CLOCK_BOOTTIME)}; }
};

}  // namespace

std::shared_ptr<const Clock> system_clock() {
    static const auto clock = std::make_shared<const SystemClock>();
    return clock;
}

struct ManualClock::State {
    std::atomic<std::int64_t> wall;
    std::atomic<std::int64_t> steady{0};
};

ManualClock::ManualClock(Time start) : state_(new State{start.time_since_epoch().count()}) {}
ManualClock::~ManualClock() = default;
Time ManualClock::now() const { return Time{Duration{state_->wall.load()}}; }
Duration ManualClock::monotonic() const { return Duration{state_->steady.load()}; }
Duration ManualClock::boot() const { return monotonic(); }
void ManualClock::advance(Duration by) {
    state_->steady += by.count();
    state_->wall += by.count();
}
void ManualClock::step_wall(Duration by) { state_->wall += by.count(); }

}  // namespace tenon::base
