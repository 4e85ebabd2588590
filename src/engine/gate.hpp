#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <base/process_mark.hpp>
#include <tenon/error.hpp>

namespace tenon::engine {

/// Counts the calls inside an engine, so that close() can refuse new ones and wait for those under way. Threads count in
/// stripes, so that calls that share nothing else do not share a cache line either.
class Gate {
    struct alignas(64) Stripe {
        std::atomic<std::uint64_t> inside{0};
    };

public:
    class Pass {
    public:
        Pass() = default;
        Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), stripe_(other.stripe_) {}
        Pass& operator=(Pass&& other) noexcept {
            std::swap(gate_, other.gate_);
            std::swap(stripe_, other.stripe_);
            return *this;
        }
        ~Pass() {
            if (gate_) gate_->leave(*stripe_);
        }

    private:
        friend class Gate;
        Pass(Gate& gate, Stripe& stripe) : gate_(&gate), stripe_(&stripe) {}
        Gate* gate_ = nullptr;
        Stripe* stripe_ = nullptr;
    };

    /// This process is a fork of the one that made the engine: it has the engine's memory, but none of its threads, and locks
    /// that a thread held at that moment stay locked. Nothing of the engine can work here or be ended here.
    bool forked() const noexcept { return origin_.is_elsewhere(); }

    /// Throws Closed.
    Pass enter() {
        if (forked()) throw Closed("the engine belongs to the process that this one was forked from: open another one here");
        Stripe& mine = stripes_[stripe_of_thread()];
        mine.inside.fetch_add(1);
        // After counting: whoever closes either is seen here or sees the count.
        if (closed_.load()) {
            leave(mine);
            throw Closed("the engine is closed");
        }
        return {*this, mine};
    }

    bool closed() const noexcept { return closed_.load(); }

    /// True for the one caller that closed it.
    bool close() noexcept { return !closed_.exchange(true); }

    /// The one who closed it says that everything has ended …
    void end() noexcept {
        ended_.store(true, std::memory_order_release);
        ended_.notify_all();
    }
    /// … and whoever closes second waits for that.
    void await_end() const noexcept { ended_.wait(false, std::memory_order_acquire); }

    /// After close(): returns once every pass has been handed back.
    void drain() noexcept {
        for (auto& stripe : stripes_)
            for (auto inside = stripe.inside.load(); inside != 0; inside = stripe.inside.load()) stripe.inside.wait(inside);
    }

private:
    static constexpr std::size_t count = 8;

    static std::size_t stripe_of_thread() noexcept {
        static std::atomic<std::size_t> threads{0};
        thread_local const std::size_t mine = threads.fetch_add(1, std::memory_order_relaxed) % count;
        return mine;
    }

    void leave(Stripe& stripe) noexcept {
        if (stripe.inside.fetch_sub(1) == 1 && closed_.load()) stripe.inside.notify_all();
    }

    base::ProcessMark origin_;
    std::array<Stripe, count> stripes_{};
    alignas(64) std::atomic<bool> closed_{false};
    std::atomic<bool> ended_{false};
};

}  // namespace tenon::engine
