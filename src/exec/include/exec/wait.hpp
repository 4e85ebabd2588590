#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>

#include <base/clock.hpp>
#include <tenon/error.hpp>

namespace tenon::exec {

/// Throws Cancelled when a stop was asked for.
void check_stop(const std::stop_token& stop);

/// A condition variable that ends by a Clock's deadline or a stop request too, so that every wait has an end and tests
/// own the time. Guards with the mutex it was made for.
class Condition {
public:
    Condition(std::mutex& mutex, std::shared_ptr<const base::Clock> clock);
    ~Condition();
    Condition(const Condition&) = delete;
    Condition& operator=(const Condition&) = delete;

    void notify_one() noexcept { changed_.notify_one(); }
    void notify_all() noexcept { changed_.notify_all(); }

    /// True: `ready` holds. False: the time is up.
    ///
    /// Throws    Cancelled when a stop is asked for first.
    template <class Ready>
    [[nodiscard]] bool wait_for(std::unique_lock<std::mutex>& lock, const std::stop_token& stop, Duration timeout,
                                Ready ready) {
        const auto deadline = clock_->monotonic() + timeout;
        while (!ready()) {
            check_stop(stop);
            const auto left = deadline - clock_->monotonic();
            if (left <= Duration::zero()) return false;
            wait_once(lock, stop, left);
        }
        return true;
    }

private:
    void wait_once(std::unique_lock<std::mutex>& lock, const std::stop_token& stop, Duration at_most);

    std::shared_ptr<const base::Clock> clock_;
    std::condition_variable_any changed_;
    std::shared_ptr<void> steps_;  ///< Ends first: a clock moved by hand wakes those who wait.
};

/// Sleeps. False: the time has passed; true: a stop was asked for.
[[nodiscard]] bool sleep_for(const std::shared_ptr<const base::Clock>& clock, const std::stop_token& stop, Duration time);

}  // namespace tenon::exec
