#pragma once

#include <atomic>
#include <cstdint>

namespace tenon::base {

/// CLOCK_MONOTONIC in nanoseconds, worked out from the processor's own counter where the kernel keeps time by it too: reading that
/// costs a third of asking the kernel. Ten times a second the kernel is asked nevertheless, so that the two differ by no more than two
/// microseconds, also after the machine was suspended or moved to another one.
///
/// Threads   any, at once.
class TickCounter {
public:
    TickCounter();
    std::int64_t nanoseconds() noexcept;

private:
    /// A moment, in both.
    struct Mark {
        std::uint64_t ticks = 0;
        std::int64_t at = 0;
        std::uint64_t took = 0;  // ticks between the readings around it
    };
    static Mark look() noexcept;
    std::int64_t renew() noexcept;
    std::int64_t measure() noexcept;

    const bool usable_;
    // Written by who holds `writing_`; a reader takes what it read only if `turn_` was even and is still the same.
    std::atomic<std::uint64_t> turn_{0};
    std::atomic<std::uint64_t> ticks_{0};  // at the last look …
    std::atomic<std::int64_t> at_{0};      // … and what the kernel said then
    std::atomic<std::uint64_t> scale_{0};  // nanoseconds of a tick, in 2⁻³⁰
    std::atomic<std::uint64_t> lasts_{0};  // for so many ticks; 0: the kernel is to be asked
    std::atomic_flag writing_;
    Mark first_{};  // the look that the next scale is worked out from
};

}  // namespace tenon::base
