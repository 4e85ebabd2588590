#include <tenon/lease.hpp>

#include <algorithm>
#include <mutex>

#include <base/id.hpp>
#include <tenant/live.hpp>

#include "leases.hpp"

TENON_BEGIN

namespace slices = tenant::lease;
using engine::Permission;

namespace {

void note_lease(const SessionImpl& session, db::Tx& tx, const char* action, const slices::Slice& slice, Time at) {
    auto details = base::Json::object();
    details.set("resource", to_string(slice.resource)).set("amount", slice.amount);
    session.audit(tx, action, slice.id.text(), at, std::move(details));
}

void give_back(const engine::Leases::Rest& rest) {
    const auto at = rest.session->now();
    auto& journal = rest.session->engine->leases->journal;
    const std::shared_ptr<void> forgotten(nullptr, [&](void*) { journal.close(rest.cell); });
    try {
        rest.session->write([&](db::Tx& tx) {
            slices::give_back(tx, rest.slice.id, rest.turn, rest.slice.amount - rest.left, at);
            auto told = rest.slice;
            told.amount = rest.left;
            note_lease(*rest.session, tx, "lease.give_back", told, at);
        });
    } catch (const Conflict&) {
        // Its time was up: all of it counts as used.
    }
}

}  // namespace

/// What a process has of a quota. `left_` is spent without a lock; everything else changes under the mutex.
struct LeaseImpl : std::enable_shared_from_this<LeaseImpl> {
    LeaseImpl(std::shared_ptr<SessionImpl> s, const LeaseOptions& o) : session(std::move(s)), options(o) { session->engine->leases->join(*this); }
    ~LeaseImpl() {
        if (session->engine->gate.forked()) return;
        session->engine->leases->leave(*this, rest());
    }
    LeaseImpl(const LeaseImpl&) = delete;
    LeaseImpl& operator=(const LeaseImpl&) = delete;

    std::int64_t left() const noexcept { return boot() < until_.load(std::memory_order_acquire) ? std::max<std::int64_t>(0, left_.load()) : 0; }

    bool spend(std::int64_t n) {
        if (take(n)) return true;
        const auto pass = session->enter(Permission::quota_hold);
        const std::lock_guard lock(mutex_);
        if (closed_) throw Closed("the lease is closed");
        if (take(n)) return true;  // somebody else took more meanwhile
        if (is_refused(n)) return false;
        try {
            // A slice whose time is up, or whose period is over, gives way to another.
            for (int tries = 0; tries < 3; ++tries) {
                renew(n);
                if (take(n)) return true;
            }
        } catch (const QuotaExceeded& refusal) {
            session->warn_of(refusal);
            refused_version_ = tenant::live::version_of(session->scope.tenant());
            refused_amount_ = n;
            refused_until_ = boot() + look_again.count();
        }
        return false;
    }

    void tell() {
        const auto pass = session->enter(Permission::quota_hold);
        const std::lock_guard lock(mutex_);
        if (closed_) throw Closed("the lease is closed");
        if (slice_) tell_now();
    }

    void close() {
        const auto pass = session->enter(Permission::quota_hold);
        const std::lock_guard lock(mutex_);
        if (!std::exchange(closed_, true)) end();
    }

    /// The engine closes. What is left, if anything is.
    std::optional<engine::Leases::Rest> surrender() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        return rest();
    }

    /// Now and then: what was spent is told; who has not spent since gives all of it back.
    void look() {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
        follow();
        if (!slice_) return;
        if (slice_->amount == left_.load()) end();
        else tell_now();
    }
    void follow() {
        session->engine->timers->after(options.ttl / 2, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->look();
        });
    }

    const std::shared_ptr<SessionImpl> session;
    const LeaseOptions options;

private:
    static constexpr Duration look_again = std::chrono::seconds(1);

    std::int64_t boot() const noexcept { return session->engine->clock->boot().count(); }

    bool take(std::int64_t n) noexcept {
        if (boot() >= until_.load(std::memory_order_acquire) || session->closed.load(std::memory_order_acquire) ||
            session->engine->gate.closed() || session->engine->gate.forked())
            return false;
        auto left = left_.load(std::memory_order_relaxed);
        while (left >= n) {
            if (!left_.compare_exchange_weak(left, left - n, std::memory_order_acq_rel, std::memory_order_relaxed)) continue;
            // Who is killed before this line was never told that it was his. Should the slice have ended meanwhile, the next one's
            // cell has too much: a kill then returns too little.
            if (auto* const cell = cell_.load(std::memory_order_acquire)) cell->spent.fetch_add(n, std::memory_order_relaxed);
            return true;
        }
        return false;
    }

    /// Where the slice's use is written down for others. Null: it is not, and a kill wastes what is left of it.
    engine::LeaseJournal::Cell* record(const HoldId& id) const noexcept {
        try {
            return session->engine->leases->journal.open(session->scope.tenant(), id);
        } catch (const std::exception& error) {
            session->engine->log->failure("quota", "what a lease spends is not written down", error);
            return nullptr;
        }
    }

    /// Nothing has changed since so much, or less, was refused.
    bool is_refused(std::int64_t n) const {
        return refused_amount_ > 0 && n >= refused_amount_ && boot() < refused_until_ &&
               tenant::live::version_of(session->scope.tenant()) == refused_version_;
    }

    void renew(std::int64_t n) {
        const auto at = session->now();
        const auto begun = boot();
        const auto want = std::max(options.block, n);
        if (slice_ && at >= slice_->spend_until) end();
        if (!slice_) {
            const auto id = base::new_id<HoldId>(at);
            auto* const cell = record(id);
            try {
                const auto taken = session->change("lease.take", id.text(), [&](db::Tx& tx) {
                    auto slice = slices::take(tx, id, options.resource, want, n, options.ttl, at);
                    note_lease(*session, tx, "lease.take", slice, at);
                    return slice;
                });
                cell_.store(cell, std::memory_order_release);
                adopt(taken, 0, begun, at);
            } catch (...) {
                session->engine->leases->journal.close(cell);
                throw;
            }
            if (!std::exchange(followed_, true)) follow();
            return;
        }
        change(begun, at, [&](db::Tx& tx, std::int64_t turn, std::int64_t spent) {
            auto slice = slices::top_up(tx, slice_->id, turn, spent, want, n, options.ttl, at);
            note_lease(*session, tx, "lease.top_up", slice, at);
            return slice;
        });
        if (slice_ && left_.load() < n) refuse(at);
    }

    /// A top-up brings what there is. If that is not enough, the refusal says why.
    [[noreturn]] void refuse(Time at) const {
        const auto quota = session->read([&](db::Reader& reader) { return tenant::quota::get(reader, options.resource, at); });
        throw QuotaExceeded("the plan's limit is reached", {.subject = to_string(options.resource),
                                                            .resource = to_string(options.resource),
                                                            .limit = quota.limit,
                                                            .used = quota.used + quota.reserved,
                                                            .resets_at = quota.resets_at});
    }

    void tell_now() {
        const auto at = session->now();
        const auto begun = boot();
        change(begun, at, [&](db::Tx& tx, std::int64_t turn, std::int64_t spent) {
            auto slice = slices::tell(tx, slice_->id, turn, spent, options.ttl, at);
            note_lease(*session, tx, "lease.tell", slice, at);
            return slice;
        });
    }

    /// Runs fn(tx, turn, spent). Whatever goes wrong, the slice is given up: what is left of it then counts as used.
    template <class Fn>
    void change(std::int64_t begun, Time at, const Fn& fn) {
        const auto spent = slice_->amount - left_.load();
        try {
            auto slice = session->write([&](db::Tx& tx) { return fn(tx, turn_ + 1, spent); });
            ++turn_;
            adopt(slice, slice_->amount - spent, begun, at);
        } catch (const Conflict&) {
            drop();  // its time was up
        } catch (...) {
            drop();
            throw;
        }
    }

    /// From here on nothing is spent.
    std::optional<engine::Leases::Rest> rest() {
        until_ = 0;
        const auto left = left_.exchange(0);
        if (!slice_) return std::nullopt;
        return engine::Leases::Rest{.session = session,
                                    .slice = *std::exchange(slice_, std::nullopt),
                                    .turn = std::exchange(turn_, 0) + 1,
                                    .left = left,
                                    .cell = cell_.exchange(nullptr)};
    }

    void end() {
        if (const auto left = rest()) give_back(*left);
    }

    /// `before`: how much of it was there already, less what others have spent since.
    void adopt(const slices::Slice& slice, std::int64_t before, std::int64_t begun, Time at) {
        slice_ = slice;
        left_.fetch_add(slice.amount - before, std::memory_order_acq_rel);
        const auto in_time = options.ttl * 4 / 5, in_period = std::max(Duration::zero(), slice.spend_until - at);
        until_.store(begun + std::min<Duration>(in_time, in_period).count(), std::memory_order_release);
    }

    void drop() noexcept {
        until_ = 0;
        left_ = 0;
        turn_ = 0;
        slice_.reset();
        session->engine->leases->journal.close(cell_.exchange(nullptr));
    }

    std::atomic<std::int64_t> left_{0};
    std::atomic<engine::LeaseJournal::Cell*> cell_{nullptr};
    std::atomic<std::int64_t> until_{0};  // boot time, microseconds: not spent from then on
    std::mutex mutex_;
    std::optional<slices::Slice> slice_;  // as last stored
    std::int64_t turn_ = 0;
    bool closed_ = false;
    bool followed_ = false;
    std::uint64_t refused_version_ = 0;
    std::int64_t refused_amount_ = 0;
    std::int64_t refused_until_ = 0;
};

TENON_END

namespace tenon::engine {

void Leases::join(LeaseImpl& lease) {
    const std::lock_guard lock(mutex_);
    all_.insert(&lease);
}

void Leases::leave(LeaseImpl& lease, std::optional<Rest> rest) {
    const auto engine = lease.session->engine;
    const std::lock_guard lock(mutex_);
    all_.erase(&lease);
    if (!rest) return;
    rests_.push_back(std::move(*rest));
    // A destructor neither waits nor does I/O. Where timers have ended, end() is still to come.
    try {
        engine->timers->after(Duration::zero(), [engine] { engine->leases->settle(); });
    } catch (const std::exception&) {
    }
}

void Leases::settle() noexcept {
    std::vector<Rest> rests;
    {
        const std::lock_guard lock(mutex_);
        rests.swap(rests_);
    }
    for (const auto& rest : rests) {
        try {
            give_back(rest);
        } catch (const std::exception& error) {
            rest.session->engine->log->failure("quota", "what is left of a lease is not given back: it counts as used when its time is up", error);
        }
    }
}

void Leases::end() noexcept {
    {
        const std::lock_guard lock(mutex_);
        for (auto* lease : all_)
            if (auto rest = lease->surrender()) rests_.push_back(std::move(*rest));
    }
    settle();
    journal.remove();
}

void Leases::recover(EngineImpl& engine) {
    journal.recover([&](const LeaseJournal::Found& found) {
        const auto standing = engine.registry->find_standing(found.tenant);
        if (!standing) return;
        const auto at = engine.now();
        engine.database->write(engine.registry->scope_of(*standing), [&](db::Tx& tx) {
            const auto returned = tenant::lease::recover(tx, found.lease, found.spent, at);
            if (!returned) return;
            auto details = base::Json::object();
            details.set("resource", to_string(returned->resource)).set("amount", returned->amount);
            tenant::audit::append(tx, tenant::engine_actor("leases"),
                                  {.time = at, .action = "lease.recover", .target = found.lease.text(), .details = std::move(details)});
        });
    });
}

}  // namespace tenon::engine

TENON_BEGIN

Lease::Lease(std::shared_ptr<LeaseImpl> impl) : impl_(std::move(impl)) {}

bool Lease::spend(std::int64_t amount) {
    if (amount < 1 || amount > std::int64_t{1} << 53) throw InvalidArgument("must lie between 1 and 2^53", {.subject = "amount"});
    return impl_->spend(amount);
}

void Lease::tell() { impl_->tell(); }
std::int64_t Lease::left() const noexcept { return impl_->left(); }
void Lease::close() { impl_->close(); }

Lease Quotas::lease(const LeaseOptions& options) {
    const auto pass = impl_->enter(Permission::quota_hold);
    if (!tenant::is_periodic(options.resource))
        throw InvalidArgument(std::string(to_string(options.resource)) + " does not count per period: hold it", {.subject = "resource"});
    if (options.block < 1 || options.block > std::int64_t{1} << 53)
        throw InvalidArgument("must lie between 1 and 2^53", {.subject = "block"});
    if (options.ttl < std::chrono::seconds(1) || options.ttl > std::chrono::hours(1))
        throw InvalidArgument("must lie between 1 second and 1 hour", {.subject = "ttl"});
    return Internal::make<Lease>(std::make_shared<LeaseImpl>(impl_, options));
}

std::vector<LeaseInfo> Quotas::leases() const {
    const auto pass = impl_->enter(Permission::quota_read);
    std::vector<LeaseInfo> list;
    for (const auto& slice : impl_->read([](db::Reader& reader) { return slices::list(reader); }))
        list.push_back({.id = slice.id, .resource = slice.resource, .amount = slice.amount, .expires_at = slice.expires_at});
    return list;
}

TENON_END
