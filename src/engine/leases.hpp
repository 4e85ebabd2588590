#pragma once

#include <mutex>
#include <set>
#include <vector>

#include <tenant/lease.hpp>

#include "core.hpp"
#include "lease_journal.hpp"

namespace tenon::engine {

/// The leases of an engine: what they have left goes back when they are dropped, and at the latest when the engine closes.
///
/// Threads   any member, from any thread, at once.
class Leases {
public:
    explicit Leases(const Home& home) : journal(home.leases()) {}

    /// What is left of a slice that nobody spends any more.
    struct Rest {
        std::shared_ptr<SessionImpl> session{};
        tenant::lease::Slice slice{};
        std::int64_t turn = 0;  // the next one
        std::int64_t left = 0;
        LeaseJournal::Cell* cell = nullptr;
    };

    void join(LeaseImpl& lease);
    /// It is being destroyed, with this left.
    void leave(LeaseImpl& lease, std::optional<Rest> rest);
    /// Gives back what was left of those that were dropped. Logs what cannot be: it counts as used when its time is up.
    void settle() noexcept;
    /// The engine closes, no call is inside any more: the same of all.
    void end() noexcept;
    /// Tells and gives back for processes that were killed.
    void recover(EngineImpl& engine);

    LeaseJournal journal;

private:
    std::mutex mutex_;  // locked before a lease's own
    std::set<LeaseImpl*> all_;
    std::vector<Rest> rests_;
};

}  // namespace tenon::engine
