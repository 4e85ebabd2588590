#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>

#include <base/clock.hpp>
#include <exec/wait.hpp>

namespace tenon::exec {

/// Keeps several threads together below so many bytes a second, by letting them wait after what they moved.
class Throttle {
public:
    /// 0: no limit.
    Throttle(std::int64_t per_second, std::shared_ptr<const base::Clock> clock) : rate_(per_second), clock_(std::move(clock)) {}

    /// Throws Cancelled.
    void spend(std::int64_t bytes, const std::stop_token& stop) {
        if (rate_ <= 0) return;
        Duration wait;
        {
            const std::lock_guard lock(mutex_);
            const auto now = clock_->monotonic();
            free_at_ = std::max(free_at_, now) + Duration{static_cast<std::int64_t>(static_cast<double>(bytes) / static_cast<double>(rate_) * 1e6)};
            wait = free_at_ - now;
        }
        if (sleep_for(clock_, stop, wait)) check_stop(stop);
    }

private:
    const std::int64_t rate_;
    const std::shared_ptr<const base::Clock> clock_;
    std::mutex mutex_;
    Duration free_at_{};  // guarded by mutex_: when all that was moved may have been
};

}  // namespace tenon::exec
