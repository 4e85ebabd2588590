#include <exec/wait.hpp>

#include <algorithm>
#include <utility>

namespace tenon::exec {

void check_stop(const std::stop_token& stop) {
    if (stop.stop_requested()) throw Cancelled("cancelled on request");
}

Condition::Condition(std::mutex& mutex, std::shared_ptr<const base::Clock> clock)
    : clock_(std::move(clock)),
      // Taking the lock closes the gap between a waiter's look at the clock and its sleep.
      steps_(clock_->on_step([this, &mutex] {
          const std::lock_guard lock(mutex);
          changed_.notify_all();
      })) {}

Condition::~Condition() = default;

void Condition::wait_once(std::unique_lock<std::mutex>& lock, const std::stop_token& stop, Duration at_most) {
    // Any wake-up will do: the caller looks at everything again. Hours are enough, and keep the sum in range.
    const auto time = std::min<Duration>(at_most, std::chrono::hours(1));
    static_cast<void>(changed_.wait_for(lock, stop, time, [asleep = false]() mutable { return std::exchange(asleep, true); }));
}

bool sleep_for(const std::shared_ptr<const base::Clock>& clock, const std::stop_token& stop, Duration time) {
    std::mutex mutex;
    Condition never(mutex, clock);
    std::unique_lock lock(mutex);
    try {
        static_cast<void>(never.wait_for(lock, stop, time, [] { return false; }));
        return false;
    } catch (const Cancelled&) {
        return true;
    }
}

}  // namespace tenon::exec
