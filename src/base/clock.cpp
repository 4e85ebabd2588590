#include <base/clock.hpp>

#include <atomic>
#include <ctime>
#include <map>
#include <mutex>

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

std::shared_ptr<void> Clock::on_step(std::function<void()>) const { return nullptr; }

struct ManualClock::State {
    std::atomic<std::int64_t> wall;
    std::atomic<std::int64_t> steady{0};
    std::mutex mutex;
    std::map<std::uint64_t, std::function<void()>> listeners;  // guarded by mutex, also while one is called
    std::uint64_t next = 0;                                    // guarded by mutex

    explicit State(Time start) : wall(start.time_since_epoch().count()) {}
    void tell() {
        const std::lock_guard lock(mutex);
        for (const auto& [id, moved] : listeners) moved();
    }
};

ManualClock::ManualClock(Time start) : state_(std::make_shared<State>(start)) {}
ManualClock::~ManualClock() = default;
Time ManualClock::now() const { return Time{Duration{state_->wall.load()}}; }
Duration ManualClock::monotonic() const { return Duration{state_->steady.load()}; }
Duration ManualClock::boot() const { return monotonic(); }
void ManualClock::advance(Duration by) {
    state_->steady += by.count();
    step_wall(by);
}
void ManualClock::step_wall(Duration by) {
    state_->wall += by.count();
    state_->tell();
}

std::shared_ptr<void> ManualClock::on_step(std::function<void()> moved) const {
    const std::lock_guard lock(state_->mutex);
    const auto id = state_->next++;
    state_->listeners.emplace(id, std::move(moved));
    return {nullptr, [state = state_, id](void*) {
                const std::lock_guard inner(state->mutex);
                state->listeners.erase(id);
            }};
}

}  // namespace tenon::base
