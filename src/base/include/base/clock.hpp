#pragma once

#include <cstdint>
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

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace tenon::base
