#include <jobs/queue.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <crypto/encoding.hpp>
#include <crypto/secret.hpp>
#include <base/file.hpp>
#include <exec/progress_state.hpp>
#include <exec/wait.hpp>

#include "statements.hpp"

namespace tenon::jobs {
namespace {

constexpr std::string_view room = "jobs";

/// Why a claim was given up inside its transaction, which must leave no trace.
struct NotNow {};

std::string cancelled_json() { return failure_json(Cancelled("the job was cancelled")); }

}  // namespace

struct Queue::Impl : std::enable_shared_from_this<Impl> {
    Impl(Options o, db::Database& d, const db::SystemScope& s, Hooks h)
        : options(std::move(o)), database(d), system(s), hooks(std::move(h)), changed(mutex, options.clock) {}

    /// A job that this process runs now.
    struct Running {
        Running(db::TenantScope s, std::int64_t f, const std::shared_ptr<const base::Clock>& clock)
            : scope(std::move(s)), fence(f), progress(clock) {}
        db::TenantScope scope;
        std::int64_t fence;
        std::stop_source stop;
        exec::ProgressState progress;
        std::string written;            // the progress row as last written; the ticker's own
        std::atomic<bool> cancelled{false};
    };
    struct Claim {
        JobRow job;
        std::shared_ptr<Running> running;
    };

    const Options options;
    db::Database& database;
    const db::SystemScope system;
    const Hooks hooks;
    std::map<std::string, Kind> kinds;  // fixed once started

    base::ByteVector node;
    std::optional<base::FileLock> alive;  // held for as long as this process lives
    std::unique_ptr<db::Database::Watch> foreign;

    mutable std::mutex mutex;
    mutable exec::Condition changed;                        // of the four below
    std::uint64_t work = 0;                                 // grows when there may be something to claim
    std::uint64_t ends = 0;                                 // grows when a job may have ended
    std::map<JobId, std::shared_ptr<Running>> running;
    std::map<TenantId, std::uint64_t> service;              // jobs started, for turns between tenants
    bool closing = false;

    std::stop_source stopping;
    std::vector<std::jthread> threads;

    Time now() const { return options.clock->now(); }
    std::filesystem::path node_file(base::ByteView id) const { return options.nodes / (crypto::to_hex(id) + ".node"); }

    void wake_workers() {
        const std::lock_guard lock(mutex);
        ++work;
        changed.notify_all();
    }
    void wake_all() {
        const std::lock_guard lock(mutex);
        ++work;
        ++ends;
        changed.notify_all();
    }

    // ---- the transactions that end, put back and claim ----

    /// Ends a job for good. False: somebody else has it by now.
    bool finish(db::Tx& tx, JobRow job, std::int64_t fence, JobState state, const std::string& result,
                const std::string& failure, bool was_running, const std::function<void(db::Tx&)>& settle) {
        job.state = state;
        job.result = result;
        job.failure = failure;
        job.ended_at = now();
        if (state == JobState::succeeded) job.progress.percent = 100;
        if (tx.exec(sql::finish, state, result, failure, progress_json(job.progress), *job.ended_at, job.id, fence) == 0)
            return false;
        if (settle) settle(tx);
        if (state != JobState::succeeded) {
            const auto kind = kinds.find(job.kind);
            if (kind != kinds.end() && kind->second.give_up) kind->second.give_up(tx, job);
        }
        if (was_running) {
            tx.exec(sql::remove_run, job.id);
            if (hooks.stopped) hooks.stopped(tx, job);
        }
        if (hooks.ended) hooks.ended(tx, job);
        tx.on_commit([self = weak_from_this()] {
            if (const auto queue = self.lock()) queue->wake_all();
        });
        return true;
    }

    bool put_back(db::Tx& tx, const JobRow& job, std::int64_t fence, std::int32_t attempt) {
        if (tx.exec(sql::put_back, attempt, job.id, fence) == 0) return false;
        tx.exec(sql::remove_run, job.id);
        if (hooks.stopped) hooks.stopped(tx, job);
        tx.on_commit([self = weak_from_this()] {
            if (const auto queue = self.lock()) queue->wake_workers();
        });
        return true;
    }

    std::optional<Claim> claim(const db::TenantScope& scope) {
        try {
            return database.write(scope, [&](db::Tx& tx) -> std::optional<Claim> {
                JobId id;
                {
                    auto rows = tx.query(sql::next_ready);
                    if (!rows.next()) return std::nullopt;
                    id = rows.id<JobId>(0);
                }
                if (tx.exec(sql::claim, now(), id) == 0) return std::nullopt;
                auto rows = tx.query(sql::find, id);
                rows.next();
                Claim claimed{from_row(rows), std::make_shared<Running>(scope, fence_of(rows), options.clock)};
                tx.exec(sql::insert_run, id, node, claimed.running->fence, now(), now() + options.lease);
                if (hooks.started && !hooks.started(tx, claimed.job)) throw NotNow{};
                return claimed;
            });
        } catch (const NotNow&) {
            return std::nullopt;
        }
    }

    /// The tenants with something to do, those served least first.
    std::vector<TenantId> waiting_tenants() {
        struct Turn {
            std::int64_t priority;
            std::uint64_t served;
            JobId first;
            TenantId tenant;
        };
        std::vector<Turn> turns;
        database.read(system, [&](db::SystemReader& reader) {
            auto rows = reader.query(sql::waiting);
            while (rows.next()) turns.push_back({rows.i64(1), 0, rows.id<JobId>(2), rows.id<TenantId>(0)});
        });
        {
            const std::lock_guard lock(mutex);
            for (auto& turn : turns) turn.served = service[turn.tenant];
        }
        std::sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) {
            return std::tuple(-a.priority, a.served, a.first) < std::tuple(-b.priority, b.served, b.first);
        });
        std::vector<TenantId> tenants;
        for (const auto& turn : turns) tenants.push_back(turn.tenant);
        return tenants;
    }

    std::optional<Claim> claim_next() {
        for (const auto& tenant : waiting_tenants()) {
            const auto scope = hooks.scope(tenant);
            if (!scope) continue;
            auto claimed = claim(*scope);
            if (!claimed) continue;
            const std::lock_guard lock(mutex);
            running[claimed->job.id] = claimed->running;
            // A tenant that was away starts level with the others instead of claiming all it missed.
            std::uint64_t least = UINT64_MAX;
            for (const auto& [id, entry] : running) least = std::min(least, service[entry->scope.tenant()]);
            auto& served = service[tenant];
            served = std::max(served, least == UINT64_MAX ? 0 : least) + 1;
            if (closing) claimed->running->stop.request_stop();
            return claimed;
        }
        return std::nullopt;
    }

    // ---- one attempt ----

    void run(Claim& claimed) {
        const JobRow& job = claimed.job;
        Running& mine = *claimed.running;
        std::optional<Outcome> outcome;
        std::string failure;
        bool stopped = false;
        try {
            const auto kind = kinds.find(job.kind);
            if (kind == kinds.end()) throw Unsupported("this version does not know jobs of this kind", {.subject = job.kind});
            outcome = kind->second.run(Attempt{
                mine.scope, job, mine.progress, mine.stop.get_token(), [&](const std::string& cursor) {
                    const auto kept = database.write(mine.scope, [&](db::Tx& tx) {
                        return tx.exec(sql::save_cursor, cursor, job.id, mine.fence);
                    });
                    if (kept == 0) throw Cancelled("another process has taken the job over", {.subject = job.id.text()});
                }});
        } catch (const Error& error) {
            stopped = error.code() == Errc::cancelled && mine.stop.stop_requested();
            failure = failure_json(error);
            if (!stopped) options.log->failure(room, "a job failed", error);
        } catch (const std::exception& error) {
            failure = failure_json(InternalError(error.what(), {.subject = job.id.text()}));
            options.log->failure(room, "a job failed", error);
        }
        conclude(claimed, std::move(outcome), std::move(failure), stopped);
    }

    void conclude(Claim& claimed, std::optional<Outcome> outcome, std::string failure, bool stopped) {
        Running& mine = *claimed.running;
        JobRow job = claimed.job;
        job.progress = mine.progress.snapshot();
        try {
            bool still_ours = true;
            if (stopped && !mine.cancelled) {
                still_ours = database.write(mine.scope, [&](db::Tx& tx) { return put_back(tx, job, mine.fence, job.attempt - 1); });
            } else {
                if (outcome) {
                    try {
                        still_ours = database.write(mine.scope, [&](db::Tx& tx) {
                            return finish(tx, job, mine.fence, JobState::succeeded, outcome->result, {}, true, outcome->settle);
                        });
                    } catch (const Error& error) {
                        if (error.code() == Errc::closed || error.code() == Errc::unavailable) throw;
                        failure = failure_json(error);  // what the work cost could not be booked
                        outcome.reset();
                    }
                }
                if (!outcome) {
                    const auto state = stopped ? JobState::cancelled : JobState::failed;
                    const auto text = stopped ? cancelled_json() : failure;
                    still_ours = database.write(mine.scope, [&](db::Tx& tx) {
                        return finish(tx, job, mine.fence, state, {}, text, true, {});
                    });
                }
            }
            if (!still_ours) options.log->warning(room, "a job had been taken over", {{"job", job.id.text()}});
        } catch (const std::exception& error) {
            // The lease runs out and some process takes the job up again.
            options.log->failure(room, "the end of a job could not be recorded", error);
        }
        const std::lock_guard lock(mutex);
        running.erase(job.id);
        ++work;
        changed.notify_all();
    }

    void work_loop(const std::stop_token& stop) {
        std::uint64_t seen = 0;
        while (!stop.stop_requested()) {
            {
                const std::lock_guard lock(mutex);
                seen = work;
            }
            try {
                if (auto claimed = claim_next()) {
                    run(*claimed);
                    continue;
                }
            } catch (const Closed&) {
                return;
            } catch (const std::exception& error) {
                options.log->failure(room, "cannot look for jobs", error);
            }
            std::unique_lock lock(mutex);
            try {
                (void)changed.wait_for(lock, stop, options.tick * 10, [&] { return work != seen; });
            } catch (const Cancelled&) {
                return;
            }
        }
    }

    // ---- the ticker: heartbeats, progress rows, cancels from elsewhere, the dead ----

    void tick_loop(const std::stop_token& stop) {
        auto beat_at = options.clock->monotonic();
        while (!exec::sleep_for(options.clock, stop, options.tick)) {
            try {
                const bool beat = options.clock->monotonic() >= beat_at;
                if (beat) beat_at = options.clock->monotonic() + options.heartbeat;
                tick(beat);
                if (beat) take_back(false);
            } catch (const Closed&) {
                return;
            } catch (const std::exception& error) {
                options.log->failure(room, "the queue's housekeeping failed", error);
            }
        }
    }

    void tick(bool beat) {
        std::vector<std::pair<JobId, std::shared_ptr<Running>>> mine;
        {
            const std::lock_guard lock(mutex);
            mine.assign(running.begin(), running.end());
        }
        if (!mine.empty()) {
            std::vector<std::string> news(mine.size());
            for (std::size_t i = 0; i < mine.size(); ++i) {
                auto text = progress_json(mine[i].second->progress.snapshot());
                if (text != mine[i].second->written) news[i] = std::move(text);
            }
            const auto lost = database.write(system, [&](db::SystemTx& tx) {
                std::vector<std::size_t> gone;
                for (std::size_t i = 0; i < mine.size(); ++i) {
                    const auto& [id, entry] = mine[i];
                    const auto tenant = entry->scope.tenant();
                    if (beat && tx.exec(sql::beat, now(), now() + options.lease, tenant, id, node, entry->fence) == 0)
                        gone.push_back(i);
                    if (!news[i].empty()) tx.exec(sql::write_progress, news[i], tenant, id, entry->fence);
                }
                return gone;
            });
            for (std::size_t i = 0; i < mine.size(); ++i)
                if (!news[i].empty()) mine[i].second->written = news[i];
            const std::lock_guard lock(mutex);
            // A job that has just ended has no row any more either: only those that still run were taken away.
            for (const auto i : lost)
                if (running.contains(mine[i].first)) mine[i].second->stop.request_stop();
        }
        std::vector<JobId> cancels;
        database.read(system, [&](db::SystemReader& reader) {
            auto rows = reader.query(sql::cancels_here, node);
            while (rows.next()) cancels.push_back(rows.id<JobId>(0));
        });
        for (const auto& id : cancels) stop_running(id);
        const auto due = database.read(system, [&](db::SystemReader& reader) {
            auto rows = reader.query(sql::any_due, now());
            return rows.next();
        });
        if (due) {
            database.write(system, [&](db::SystemTx& tx) { tx.exec(sql::promote, now()); });
            wake_workers();
        }
    }

    void stop_running(const JobId& id) {
        const std::lock_guard lock(mutex);
        const auto entry = running.find(id);
        if (entry == running.end()) return;
        entry->second->cancelled = true;
        entry->second->stop.request_stop();
    }

    /// Takes back the jobs of processes that are gone, and of those silent for longer than their lease.
    void take_back(bool at_start) {
        struct Run {
            TenantId tenant;
            JobId job;
            base::ByteVector node;
            Time expires;
        };
        std::vector<Run> runs;
        database.read(system, [&](db::SystemReader& reader) {
            auto rows = reader.query(sql::runs_of_others, node);
            while (rows.next()) runs.push_back({rows.id<TenantId>(0), rows.id<JobId>(1), rows.blob(2), rows.time(3)});
        });
        std::map<base::ByteVector, bool> dead;
        for (const auto& run : runs) {
            const auto [entry, first] = dead.try_emplace(run.node, false);
            if (first) entry->second = is_dead(run.node);
            if (!entry->second && run.expires > now()) continue;
            if (const auto scope = hooks.scope(run.tenant)) take_back(*scope, run.job, run.node);
        }
        if (at_start) sweep_node_files();
    }

    void take_back(const db::TenantScope& scope, const JobId& id, const base::ByteVector& from) {
        database.write(scope, [&](db::Tx& tx) {
            std::optional<JobRow> job;
            std::int64_t fence = 0;
            {
                auto rows = tx.query(sql::find, id);
                if (rows.next()) {
                    job = from_row(rows);
                    fence = fence_of(rows);
                }
            }
            {
                auto rows = tx.query(sql::run_of, id);
                if (!rows.next() || rows.blob(0) != from) return;  // another process was quicker
            }
            if (!job || job->state != JobState::running) return;
            if (job->cancel_requested) {
                finish(tx, *job, fence, JobState::cancelled, {}, cancelled_json(), true, {});
            } else if (job->attempt >= job->max_attempts) {
                finish(tx, *job, fence, JobState::failed, {},
                       failure_json(InternalError("the process died each of the " + std::to_string(job->attempt) +
                                                      " times this job was begun",
                                                  {.subject = id.text()})),
                       true, {});
            } else {
                put_back(tx, *job, fence, job->attempt);
            }
        });
        options.log->warning(room, "took back the job of a process that is gone", {{"job", id.text()}});
    }

    bool is_dead(base::ByteView id) const {
        std::error_code ignored;
        if (!std::filesystem::exists(node_file(id), ignored)) return true;
        return base::FileLock::try_acquire(node_file(id)).has_value();
    }

    void sweep_node_files() const {
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(options.nodes, error)) {
            if (entry.path().extension() != ".node" || entry.path() == node_file(node)) continue;
            std::error_code ignored;
            if (const auto lock = base::FileLock::try_acquire(entry.path())) std::filesystem::remove(entry.path(), ignored);
        }
    }

    void close() noexcept {
        {
            const std::lock_guard lock(mutex);
            if (closing) return;
            closing = true;
            for (const auto& [id, entry] : running) entry->stop.request_stop();
            changed.notify_all();
        }
        stopping.request_stop();
        threads.clear();  // joins
        foreign.reset();
        alive.reset();
        std::error_code ignored;
        if (!node.empty()) std::filesystem::remove(node_file(node), ignored);
    }
};

Queue::Queue(Options options, db::Database& database, const db::SystemScope& system, Hooks hooks)
    : impl_(std::make_shared<Impl>(std::move(options), database, system, std::move(hooks))) {}
Queue::~Queue() { close(); }

void Queue::add_kind(const std::string& name, Kind kind) { impl_->kinds[name] = std::move(kind); }

void Queue::start() {
    auto& q = *impl_;
    std::filesystem::create_directories(q.options.nodes);
    q.node = crypto::random_bytes(16);
    q.alive = base::FileLock::try_acquire(q.node_file(q.node));
    if (!q.alive) throw Unavailable("cannot lock the file that shows this process is alive", {.subject = q.node_file(q.node).string()});
    q.take_back(true);
    q.foreign = q.database.on_foreign_change([self = std::weak_ptr(impl_)] {
        if (const auto queue = self.lock()) queue->wake_all();
    });
    const auto stop = q.stopping.get_token();
    for (unsigned i = 0; i < q.options.workers; ++i) q.threads.emplace_back([&q, stop] { q.work_loop(stop); });
    q.threads.emplace_back([&q, stop] { q.tick_loop(stop); });
}

JobId Queue::enqueue(db::Tx& tx, const NewJob& job) {
    const auto now = impl_->now();
    const auto id = base::new_id<JobId>(now);
    const auto due = job.due_at.value_or(now);
    const std::optional<std::string> unique = job.unique_key.empty() ? std::nullopt : std::optional(job.unique_key);
    tx.exec(sql::insert, id, job.priority, job.kind, job.payload, job.cause, unique, job.hold,
            due > now ? JobState::scheduled : JobState::ready, job.max_attempts, due, now);
    tx.on_commit([self = std::weak_ptr(impl_)] {
        if (const auto queue = self.lock()) queue->wake_workers();
    });
    return id;
}

bool Queue::cancel(db::Tx& tx, const JobId& id) {
    std::optional<JobRow> job;
    std::int64_t fence = 0;
    {
        auto rows = tx.query(sql::find, id);
        if (!rows.next()) return false;
        job = from_row(rows);
        fence = fence_of(rows);
    }
    if (has_ended(job->state)) return false;
    tx.exec(sql::request_cancel, id);
    if (job->state == JobState::running) {
        tx.on_commit([self = std::weak_ptr(impl_), id] {
            if (const auto queue = self.lock()) queue->stop_running(id);
        });
        return true;
    }
    return impl_->finish(tx, *job, fence, JobState::cancelled, {}, cancelled_json(), false, {});
}

std::optional<JobRow> Queue::find(const db::TenantScope& scope, const JobId& id) const {
    auto job = impl_->database.read(scope, [&](db::Reader& reader) { return jobs::find(reader, id); });
    if (job && job->state == JobState::running) {
        const std::lock_guard lock(impl_->mutex);
        const auto entry = impl_->running.find(id);
        if (entry != impl_->running.end()) job->progress = entry->second->progress.snapshot();
    }
    return job;
}

std::vector<JobRow> Queue::list(const db::TenantScope& scope, const JobFilter& filter) const {
    auto jobs = impl_->database.read(scope, [&](db::Reader& reader) { return jobs::list(reader, filter); });
    const std::lock_guard lock(impl_->mutex);
    for (auto& job : jobs) {
        const auto entry = impl_->running.find(job.id);
        if (entry != impl_->running.end()) job.progress = entry->second->progress.snapshot();
    }
    return jobs;
}

std::optional<JobRow> Queue::wait_end(const db::TenantScope& scope, const JobId& id, Duration timeout,
                                      const std::stop_token& stop) const {
    const auto deadline = impl_->options.clock->monotonic() + timeout;
    for (;;) {
        std::uint64_t seen = 0;
        {
            const std::lock_guard lock(impl_->mutex);
            seen = impl_->ends;
        }
        auto job = find(scope, id);
        if (!job) throw NotFound("there is no such job", {.subject = id.text()});
        if (has_ended(job->state)) return job;
        const auto left = deadline - impl_->options.clock->monotonic();
        if (left <= Duration::zero()) return std::nullopt;
        std::unique_lock lock(impl_->mutex);
        if (!impl_->changed.wait_for(lock, stop, left, [&] { return impl_->ends != seen; })) return std::nullopt;
    }
}

void Queue::close() noexcept { impl_->close(); }

}  // namespace tenon::jobs
