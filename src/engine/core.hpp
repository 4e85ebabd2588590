#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <base/clock.hpp>
#include <base/log.hpp>
#include <base/slab.hpp>
#include <crypto/master_key.hpp>
#include <db/database.hpp>
#include <exec/pool.hpp>
#include <exec/timers.hpp>
#include <jobs/queue.hpp>
#include <tenant/audit.hpp>
#include <tenant/events.hpp>
#include <tenant/quota.hpp>
#include <tenant/registry.hpp>
#include <tenant/rights.hpp>
#include <tenon/engine.hpp>

#include "gate.hpp"
#include "hot.hpp"
#include "permissions.hpp"
#include "workspace.hpp"

namespace tenon::tenant::rates {
class Limiter;
}

namespace tenon::engine {

class Access;
class Leases;
class Watches;

/// What a session may do, as of a version of everything that decides it.
struct Granted {
    std::uint64_t version = 0;
    tenant::access::Rights rights{};         // before the tenant's state and plan
    PermissionSet mask{};                    // what these leave
    PermissionSet everywhere{};              // both
    TenantState state = TenantState::active;
    std::optional<Time> until{};             // then it must be looked up again

    PermissionSet in(const ProjectId& project) const { return rights.in(project) & mask; }
    /// With what belongs to a project; unset: to the tenant as a whole.
    bool may(Permission permission, const std::optional<ProjectId>& project) const { return (project ? in(*project) : everywhere).has(permission); }
};

/// The limiter of an engine that somebody asks about rates: of another it takes no memory.
class Rates {
public:
    Rates();
    ~Rates();
    tenant::rates::Limiter& get(const std::shared_ptr<const base::Clock>& clock);

private:
    std::once_flag once_;
    std::unique_ptr<tenant::rates::Limiter> limiter_;
};

/// The one maker of scopes: who holds one came through a session, an operator session or the engine's own work.
class SessionBroker {
public:
    static db::TenantScope tenant(const TenantId& id, const std::string& region, std::uint32_t slot, std::uint64_t epoch) {
        return {id, region, slot, epoch};
    }
    static db::SystemScope system() { return {}; }
};

/// A part of the engine that has threads or files of its own: recordings, backups, renders. Made when the engine opens,
/// in order; stopped in reverse.
class Part {
public:
    virtual ~Part() = default;
    /// Registers kinds of jobs. The queue does not run yet.
    virtual void prepare() {}
    /// Begins to work.
    virtual void start() {}
    /// Ends every wait and every thread of its own.
    virtual void stop() noexcept {}
    /// The last job has ended: ends what jobs left behind.
    virtual void end() noexcept {}
    /// The tenant was suspended or erased: nothing of it may go on.
    virtual void halt(const TenantId&) {}
    /// The tenant is active again.
    virtual void resume(const TenantId&) {}
    /// Removes its rows of a tenant that is being erased. Files go with the workspace.
    virtual void erase(db::Tx&) {}
};

}  // namespace tenon::engine

TENON_BEGIN

/// What stands behind Engine and outlives it for handles that still exist.
struct EngineImpl : std::enable_shared_from_this<EngineImpl> {
    explicit EngineImpl(const EngineOptions& options, std::shared_ptr<const base::Clock> clock = base::system_clock());
    ~EngineImpl();
    EngineImpl(const EngineImpl&) = delete;
    EngineImpl& operator=(const EngineImpl&) = delete;

    void start();
    void close() noexcept;

    Time now() const { return clock->now(); }
    std::int64_t next_stream() noexcept { return streams.fetch_add(1, std::memory_order_relaxed) + 1; }
    db::TenantScope scope_of(const TenantId& id) const { return registry->scope_of(*registry->standing(id)); }
    engine::Workspace workspace(const TenantId& id) const { return {home.workspace(id)}; }

    const EngineOptions options;
    const engine::Home home;
    const std::shared_ptr<const base::Clock> clock;
    const std::shared_ptr<base::Log> log;
    const std::shared_ptr<engine::Watches> watches;
    const std::shared_ptr<base::Slab> session_memory;
    const db::SystemScope system;
    std::optional<crypto::MasterKey> master;
    std::unique_ptr<db::Database> database;
    std::unique_ptr<tenant::Registry> registry;
    std::unique_ptr<tenant::EventHub> events;
    std::unique_ptr<tenant::audit::Refusals> refusals;
    engine::Rates rates;
    std::unique_ptr<engine::Leases> leases;
    std::unique_ptr<exec::Timers> timers;
    std::unique_ptr<jobs::Queue> queue;
    std::unique_ptr<engine::Access> access;         // keys, passwords, tokens
    std::vector<engine::Part*> parts;               // in the order they were made
    std::unique_ptr<engine::Part> renders;
    std::unique_ptr<engine::Part> recordings;
    std::unique_ptr<engine::Part> repositories;
    std::unique_ptr<engine::Part> recurrences;
    std::unique_ptr<engine::Part> takeouts;

    std::atomic<bool> log_to_empty{false};          // what was sealed or removed may stand in the database's log

    engine::Gate gate;
    std::stop_source stopping;                      // ends every wait of every call

    /// Ends whatever of a tenant runs: it was suspended or is being erased.
    void halt(const TenantId& id);
    /// Removes a tenant whose undo window has passed.
    void erase(const TenantId& id);
    /// Removes the files that a transaction doomed. Throws nothing: what stays is swept later.
    void remove_doomed(const TenantId& id) noexcept;
    /// The same for the end of a transaction that is under way, and not on the thread that makes it durable.
    void remove_doomed_later(db::Tx& tx, const TenantId& id);
    /// A path of the host's must not lead into the home, but for `own`, if given. Throws PermissionDenied.
    void check_outside(const std::filesystem::path& path, std::string_view field, const engine::Workspace* own) const;
    /// A tenant's data stays in its region. Throws PermissionDenied unless this home may keep it.
    void check_region(const std::string& region) const;
    /// Returns what is held for jobs and imports that are gone.
    void recover_holds();
    /// Signs what was recorded since the last checkpoint.
    void seal_audit();
    /// Empties the database's log if `log_to_empty` says so; while somebody reads or writes, a little later.
    void empty_log();

private:
    void sweep();
    void sweep_doomed();
    void sweep_temp();
    void forget_old();
    void halt_lapsed_trials();
    void check_usage();
    void prune_audit();
    void schedule_sweep(Duration delay);
    void await_idle(const db::TenantScope& scope);
    bool is_idle(const db::TenantScope& scope);
    std::vector<tenant::quota::Cause> imports_of(const TenantId& id);
    bool import_lives(const TenantId& id, const tenant::quota::Cause& cause);
    std::shared_ptr<const tenant::Standing> standing_named(const std::string& id) const;
    /// Where files of a tenant lie.
    std::array<std::filesystem::path, 6> places_of(const TenantId& id) const;
    void remove_files(const TenantId& id);
    bool temp_swept = false;                  // the timer thread's own, as the next
    std::optional<Duration> events_swept_at;  // every tenant's, the last time
    Time trials_swept_until{};                // what ran of trials that ended before is stopped
    struct UsageChecked;
    std::shared_ptr<UsageChecked> usage_checked;   // whose events are being added up, over several sweeps
    std::atomic<std::int64_t> streams{0};
    std::shared_ptr<EngineImpl> self;  // until close(): see Gate::forked()
};

/// One tenant, one actor, what he may do.
/// What every call looks at comes first, in two cache lines side by side.
struct alignas(128) SessionImpl {
    SessionImpl(std::shared_ptr<EngineImpl> e, db::TenantScope s, tenant::Actor a, tenant::access::Identity i)
        : engine(std::move(e)), scope(std::move(s)), actor(std::move(a)), identity(i), workspace(engine->workspace(scope.tenant())) {}
    SessionImpl(std::shared_ptr<EngineImpl> e, db::TenantScope s, tenant::Actor a, Role role)
        : SessionImpl(std::move(e), std::move(s), std::move(a), tenant::access::Identity{.role = {.role = role, .custom = {}}}) {}

    const std::shared_ptr<EngineImpl> engine;
    std::atomic<bool> closed{false};
    mutable engine::KnownRights known_rights;
    const db::TenantScope scope;
    mutable engine::KnownQuotas known_quotas;
    const tenant::Actor actor;
    const tenant::access::Identity identity;
    const engine::Workspace workspace;
    /// Of the engine's own sessions: runs in the transaction that starts a job, or finds the one that is there by its key.
    std::function<void(db::Tx&, const JobId&)> with_job{};

    /// What the session may do now: remembered, and asked of the store again when anything moved. Throws Unauthenticated: what it
    /// was opened with has ended.
    std::shared_ptr<const engine::Granted> granted() const;
    /// What was found for another session of the same identity.
    void remember(std::shared_ptr<const engine::Granted> granted) const;
    /// Where a resource stands; see Quotas::get().
    Quota quota(Resource resource) const;

    /// First in every public call: the engine and the session are open, the tenant's state and plan, the role and the key allow it.
    /// Throws Closed, Unauthenticated, PermissionDenied (which leaves an audit record).
    engine::Gate::Pass enter(engine::Permission permission) const;
    /// The same for a call that is about one project, where more may have been granted.
    engine::Gate::Pass enter(engine::Permission permission, const ProjectId& project) const;
    /// The same for a call that finds out itself which project it is about: may(), then. It is allowed in some project at least.
    engine::Gate::Pass enter_somewhere(engine::Permission permission) const;
    bool may(engine::Permission permission, const std::optional<ProjectId>& project = {}) const { return granted()->may(permission, project); }
    /// The same for what a user may do to himself without any permission.
    engine::Gate::Pass enter_for(const UserId& user, engine::Permission permission) const;
    bool is_user(const UserId& user) const { return identity.kind == PrincipalKind::user && identity.user == user; }
    /// The engine and the session are open, and what it was opened with holds.
    engine::Gate::Pass enter_open() const;
    /// For a long call, now and then: the tenant's state still allows it. Throws PermissionDenied, Unauthenticated.
    void check_state(engine::Permission permission) const;

    Time now() const { return engine->now(); }
    /// Runs `work` with a token that ends it when the engine closes; the caller then hears Closed.
    template <class Work> auto interruptible(Work&& work) const {
        const auto stop = engine->stopping.get_token();
        try {
            return work(stop);
        } catch (const Cancelled&) {
            if (stop.stop_requested()) throw Closed("the engine was closed meanwhile");
            throw;
        }
    }
    /// A path of the host's must not lead into the home: other tenants, keys and the database live there. Throws
    /// PermissionDenied. `own`: the session's own workspace is allowed.
    void check_outside(const std::filesystem::path& path, std::string_view field, bool own) const;
    template <class Fn> auto read(Fn&& fn) const { return engine->database->read(scope, std::forward<Fn>(fn)); }
    template <class Fn> auto write(Fn&& fn) const { return engine->database->write(scope, std::forward<Fn>(fn)); }
    /// A change that leaves an audit record when it is refused.
    template <class Fn> auto change(std::string action, std::string target, Fn&& fn) const {
        const tenant::audit::Entry entry{.time = now(), .action = std::move(action), .target = std::move(target)};
        try {
            return tenant::audit::attempt(*engine->refusals, scope, actor, entry, [&] { return write(fn); });
        } catch (const QuotaExceeded& refusal) {
            warn_of(refusal);
            throw;
        }
    }
    /// The tenant hears, once in a period, that a limit is reached. Never throws: the caller must hear the refusal.
    void warn_of(const QuotaExceeded& refusal) const noexcept;
    /// Moves whenever what is remembered may no longer hold.
    std::uint64_t version() const noexcept;
    void audit(db::Tx& tx, std::string action, std::string target, Time at, base::Json details = {}) const {
        tenant::audit::append(tx, actor, {.time = at, .action = std::move(action), .target = std::move(target), .details = std::move(details)});
    }

private:
    void demand(engine::Permission permission, const engine::PermissionSet& allowed) const;

    mutable std::mutex granted_mutex_;
    mutable std::shared_ptr<const engine::Granted> granted_;  // under granted_mutex_
};

/// One in the engine's memory for sessions: with very many tenants a call waits for memory, see base::Slab.
template <class... Rest> std::shared_ptr<SessionImpl> make_session(const std::shared_ptr<EngineImpl>& engine, Rest&&... rest) {
    void* const place = engine->session_memory->take();
    SessionImpl* session = nullptr;
    try {
        session = new (place) SessionImpl(engine, std::forward<Rest>(rest)...);
    } catch (...) {
        engine->session_memory->give(place);
        throw;
    }
    return {session, [](SessionImpl* ended) {
                const auto memory = ended->engine->session_memory;  // of an engine that may end here
                std::destroy_at(ended);
                memory->give(ended);
            }};
}

struct OperatorImpl {
    std::shared_ptr<EngineImpl> engine;
    tenant::Actor actor;
    std::atomic<bool> closed{false};

    engine::Gate::Pass enter() const;
    /// After a change that lets a tenant work: its workspace, its recordings.
    Tenant go_on(Tenant tenant) const;
};

/// One job, seen from one session.
struct JobImpl {
    std::shared_ptr<SessionImpl> session;
    JobId id;
    std::string kind;
    std::optional<ProjectId> project{};  // that it is about

    engine::Gate::Pass enter(engine::Permission permission) const {
        return project ? session->enter(permission, *project) : session->enter(permission);
    }
};

struct AuditImpl {
    std::shared_ptr<SessionImpl> session;      // one of the two
    std::shared_ptr<OperatorImpl> operators;
};

/// The engine's own way to make handles, which nobody else can.
struct Internal {
    template <class Handle, class Impl> static Handle make(std::shared_ptr<Impl> impl) { return Handle(std::move(impl)); }
    template <class Handle> static const auto& impl(const Handle& handle) { return handle.impl_; }
};

TENON_END

namespace tenon::engine {

std::unique_ptr<Part> make_renders(EngineImpl& engine);
std::unique_ptr<Part> make_recordings(EngineImpl& engine);
std::unique_ptr<Part> make_repositories(EngineImpl& engine);
std::unique_ptr<Part> make_recurrences(EngineImpl& engine);
std::unique_ptr<Part> make_takeouts(EngineImpl& engine);

/// Enqueues the job, unless one of its kind with its key has not ended: `is_new` says which.
struct Enqueued {
    JobId job{};
    bool is_new = true;
    std::optional<ProjectId> project{};  // of the job that there is: the one with the key may be of another
};
/// `granted`: what the session may do, which is not asked for inside of a transaction. Throws what Queue::enqueue does; NotFound for
/// a job to wait for that he may not know of, Conflict when the one with the key is none of his.
Enqueued enqueue(const SessionImpl& session, const Granted& granted, db::Tx& tx, const jobs::NewJob& job);
/// What stands behind the handle of it.
inline std::shared_ptr<JobImpl> handle_of(std::shared_ptr<SessionImpl> session, const Enqueued& enqueued, std::string kind) {
    return std::make_shared<JobImpl>(JobImpl{std::move(session), enqueued.job, std::move(kind), enqueued.project});
}

/// The project that a job is about, if it is about one.
std::optional<ProjectId> project_of(const std::string& cause);
std::optional<ProjectId> project_of(const jobs::JobRow& job);
/// Follows a list page by page until `limit` of it pass `fits`: for who may see some of it. `page(last)`: what comes after it.
template <class Item, class Page, class Fits> std::vector<Item> sifted(std::int32_t limit, Page&& page, Fits&& fits) {
    std::vector<Item> found;
    for (auto items = page(static_cast<const Item*>(nullptr)); !items.empty();) {
        for (auto& item : items) {
            if (!fits(item)) continue;
            found.push_back(item);
            if (std::ssize(found) == limit) return found;
        }
        if (std::ssize(items) < limit) break;
        const auto last = std::move(items.back());
        items = page(&last);
    }
    return found;
}
/// The handle of a job of `kind`; empty if the tenant has no such job.
std::optional<jobs::JobRow> find_job(const SessionImpl& session, const JobId& id, const std::string& kind);
/// Those that he may know of by this permission.
std::vector<JobInfo> list_jobs(const SessionImpl& session, const JobFilter& filter, Permission permission);
/// The ended job's result as JSON. Throws what ended it, Closed when the engine closes first.
std::string job_result(const JobImpl& job);

}  // namespace tenon::engine
