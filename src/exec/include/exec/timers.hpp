#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>

#include <base/clock.hpp>
#include <exec/task.hpp>

namespace tenon::exec {

/// Runs short tasks when their time has come, on one thread of its own. What takes longer goes to a Pool.
///
/// Threads   any member, from any thread, its own tasks among them.
class Timers {
public:
    using Id = std::uint64_t;

    explicit Timers(std::shared_ptr<const base::Clock> clock,
                    std::function<void(const std::exception&)> on_failure = {});
    ~Timers();  ///< close()

    /// After a length of monotonic time. Throws Closed.
    Id after(Duration delay, Task task);
    /// When the wall clock shows `when`, however it gets there; a step is noticed within ten seconds. Throws Closed.
    Id at(Time when, Task task);
    /// True: it will never run. Otherwise it has run, and is not running any more unless it calls this itself.
    bool cancel(Id id) noexcept;

    /// Drops what has not come due and waits for the task that runs.
    void close() noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace tenon::exec
