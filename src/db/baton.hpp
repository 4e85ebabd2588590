#pragma once

#include <atomic>
#include <cstdint>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tenon::db {

/// One thread waits, once, for another. std::atomic::wait would spin and yield first, and wake everybody whose flag shares a
/// slot of its table: with hundreds of callers asleep that costs more than what they wait for.
class Baton {
public:
    void wait() noexcept {
        auto seen = running;
        if (!state_.compare_exchange_strong(seen, asleep, std::memory_order_acquire)) return;
        while (state_.load(std::memory_order_acquire) == asleep) futex(FUTEX_WAIT_PRIVATE, asleep);
    }
    /// The waiter may be gone, and this object with it, before this returns: waking an address that nobody waits at is harmless.
    void pass() noexcept {
        if (state_.exchange(passed, std::memory_order_release) == asleep) futex(FUTEX_WAKE_PRIVATE, 1);
    }

private:
    static constexpr std::uint32_t running = 0, asleep = 1, passed = 2;
    void futex(int operation, std::uint32_t value) noexcept { syscall(SYS_futex, &state_, operation, value, nullptr, nullptr, 0); }

    std::atomic<std::uint32_t> state_ = running;
    static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
};

}  // namespace tenon::db
