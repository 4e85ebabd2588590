#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <tenon/units.hpp>

namespace tenon::base {

/// Where all time comes from. The engine is given one; tests own theirs. Thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;            ///< Wall clock, UTC. May step.
    virtual Duration monotonic() const = 0;  ///< Never steps back; stops while the machine is suspended.
    virtual Duration boot() const = 0;       ///< Like monotonic, but counts suspension.

    /// Calls `moved` whenever this clock is moved by hand, until the result is dropped: whoever waits for a time must
    /// look again. A clock that runs by itself never calls. `moved` must be short and not touch the clock's setters.
    virtual std::shared_ptr<void> on_step(std::function<void()> moved) const;
};

std::shared_ptr<const Clock> system_clock();

/// A clock that moves only when told to.
class ManualClock final : public Clock {
public:
    explicit ManualClock(Time start);
    ~ManualClock() override;
    Time now() const override;
    Duration monotonic() const override;
    Duration boot() const override;
    void advance(Duration by);    ///< All three clocks.
    void step_wall(Duration by);  ///< The wall clock alone, as an administrator or NTP would.
    std::shared_ptr<void> on_step(std::function<void()> moved) const override;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace tenon::base
