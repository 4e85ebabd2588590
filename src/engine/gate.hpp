#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include <tenon/error.hpp>

namespace tenon::engine {

/// Counts the calls inside an engine, so that close() can refuse new ones and wait for those under way.
class Gate {
public:
    class Pass {
    public:
        Pass() = default;
        Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
        Pass& operator=(Pass&& other) noexcept {
            std::swap(gate_, other.gate_);
            return *this;
        }
        ~Pass() {
            if (gate_) gate_->leave();
        }

    private:
        friend class Gate;
        explicit Pass(Gate* gate) : gate_(gate) {}
        Gate* gate_ = nullptr;
    };

    /// Throws Closed.
    Pass enter() {
        if (state_.fetch_add(1, std::memory_order_acquire) & closed_bit) {
            leave();
            throw Closed("the engine is closed");
        }
        return Pass(this);
    }

    bool closed() const noexcept { return state_.load(std::memory_order_acquire) & closed_bit; }

    /// True for the one caller that closed it.
    bool close() noexcept { return !(state_.fetch_or(closed_bit, std::memory_order_acq_rel) & closed_bit); }

    /// The one who closed it says that everything has ended …
    void end() noexcept {
        ended_.store(true, std::memory_order_release);
        ended_.notify_all();
    }
    /// … and whoever closes second waits for that.
    void await_end() const noexcept { ended_.wait(false, std::memory_order_acquire); }

    /// Returns once every pass has been handed back.
    void drain() noexcept {
        for (auto now = state_.load(std::memory_order_acquire); now != closed_bit; now = state_.load(std::memory_order_acquire))
            state_.wait(now);
    }

private:
    static constexpr std::uint64_t closed_bit = std::uint64_t{1} << 63;

    void leave() noexcept {
        if (state_.fetch_sub(1, std::memory_order_acq_rel) == (closed_bit | 1)) state_.notify_all();
    }

    std::atomic<std::uint64_t> state_{0};
    std::atomic<bool> ended_{false};
};

}  // namespace tenon::engine
