#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <base/clock.hpp>
#include <base/log.hpp>
#include <db/database.hpp>
#include <exec/progress.hpp>
#include <jobs/job.hpp>

namespace tenon::jobs {

/// What a handler is given for one attempt.
struct Attempt {
    const db::TenantScope& scope;
    const JobRow& job;
    exec::ProgressSink& progress;
    /// Asked for when the job is cancelled, when its engine closes, and when another process has taken it over.
    std::stop_token stop;
    /// Makes `cursor` durable: the next attempt finds it in job.cursor.
    std::function<void(const std::string& cursor)> save_cursor;
};

/// What a handler achieved.
struct Outcome {
    std::string result{};                                    ///< The kind's own JSON.
    /// Runs in the transaction that records the result, or not at all: books what the work cost.
    std::function<void(db::Tx&)> settle{};
};

/// One kind of job.
struct Kind {
    /// Does the work; throws what ended it. What says retryable() is tried again while attempts are left.
    /// After a stop request it throws Cancelled soon and leaves what can be resumed.
    std::function<Outcome(const Attempt&)> run{};
    /// Runs in the transaction that records a failure or a cancellation: returns what was held.
    std::function<void(db::Tx&, const JobRow&)> give_up{};
};

/// What the queue asks of its owner. All run inside the transaction they are given.
struct Hooks {
    /// The scope of a tenant that may run jobs now; empty: leave its jobs waiting. Called outside of transactions.
    std::function<std::optional<db::TenantScope>(const TenantId&)> scope{};
    /// The tenant's share among those that wait: 2 is served twice as often as 1. Unset: all alike.
    std::function<std::int32_t(const TenantId&)> weight{};
    /// Takes the tenant's place for one more running job. False: no place is free.
    std::function<bool(db::Tx&, const JobRow&)> started{};
    /// Gives the place back; the job ended, was put back, or its process died.
    std::function<void(db::Tx&, const JobRow&)> stopped{};
    /// The job reached its final state.
    std::function<void(db::Tx&, const JobRow&)> ended{};
};

/// Hears what becomes of jobs, once that is durable: on the writer's thread or a worker's. Must not block, throw or use the
/// database.
class Listener {
public:
    virtual ~Listener() = default;
    /// It was begun here, or it ended: how it stands now.
    virtual void became(const JobInfo& job) noexcept = 0;
    /// Something else became of it.
    virtual void touched(const JobId& id) noexcept = 0;
    /// Another process has changed something, perhaps a job.
    virtual void may_have_changed() noexcept = 0;
};

struct Options {
    std::shared_ptr<const base::Clock> clock{};
    std::shared_ptr<base::Log> log{};
    std::filesystem::path nodes{};                        ///< Folder of the files that show which processes live, and how far their jobs are.
    unsigned workers = 2;                                 ///< 0: enqueues and watches; the work is left to other processes.
    Duration lease = std::chrono::seconds(30);            ///< A silent process loses its jobs after this.
    Duration heartbeat = std::chrono::seconds(5);
    Duration retry_first = std::chrono::seconds(2);       ///< About the pause before the second attempt; each next is longer …
    Duration retry_longest = std::chrono::minutes(5);     ///< … up to this.
    Duration tick = std::chrono::seconds(1);              ///< Progress rows, cancels and deaths of other processes.
    std::shared_ptr<Listener> listener{};                 ///< Unset: nobody listens.
};

/// The durable queue and the threads that work on it. Several processes may share one database: a job is run by one of
/// them, and to completion once.
///
/// Threads   any member, from any thread; not from inside a transaction, except enqueue and cancel.
class Queue {
public:
    Queue(Options options, db::Database& database, const db::SystemScope& system, Hooks hooks);
    ~Queue();  ///< close()

    /// Before start() only.
    void add_kind(const std::string& name, Kind kind);
    /// Takes back the jobs of processes that are gone, then begins to work.
    void start();

    /// Part of the caller's transaction. Throws Conflict when the unique key is taken, or what it is to wait for has ended without
    /// success; NotFound for a job to wait for that there is not.
    JobId enqueue(db::Tx& tx, const NewJob& job);
    /// The job of this kind with the host's key, if it has not ended: within the transaction that would enqueue it otherwise.
    /// Empty for an empty key.
    [[nodiscard]] std::optional<JobId> find_keyed(db::Reader& reader, const std::string& kind, const std::string& key) const;
    /// Part of the caller's transaction: ends a waiting job, asks a running one to stop. False: unknown or ended.
    bool cancel(db::Tx& tx, const JobId& id);

    /// Part of the caller's transaction: a new job with the work of one that ended without success. `hold` is what was
    /// reserved for it. Throws NotFound; Conflict when it has not ended, succeeded, or its unique key is taken.
    JobId repeat(db::Tx& tx, const JobId& id, const std::optional<HoldId>& hold);

    /// Part of the caller's transaction: another time and priority for a job that waits. False: it runs, has ended, is unknown.
    bool reschedule(db::Tx& tx, const JobId& id, std::int32_t priority, const std::optional<Time>& due_at);

    /// Part of the caller's transaction: a job that waits is not begun before resume(). False: it is so already.
    /// Throws NotFound, Conflict (it runs or has ended).
    bool pause(db::Tx& tx, const JobId& id);
    bool resume(db::Tx& tx, const JobId& id);
    /// Part of the caller's transaction: no job of the kind is begun; "": none of the tenant's. False: it is so already.
    bool pause_kind(db::Tx& tx, const std::string& kind);
    bool resume_kind(db::Tx& tx, const std::string& kind);
    /// Whether the process knows how to run such jobs.
    [[nodiscard]] bool knows(const std::string& kind) const;

    /// The job with its progress of this moment.
    [[nodiscard]] std::optional<JobRow> find(const db::TenantScope& scope, const JobId& id) const;
    std::vector<JobRow> list(const db::TenantScope& scope, const JobFilter& filter) const;
    /// Those of `ids` that there are, as find() sees them.
    std::vector<JobInfo> look(const db::TenantScope& scope, const std::vector<JobId>& ids) const;
    /// Of a job that runs now, in this process or in another one of this machine, a tenth of a second ago at most. Asks no database. `started`:
    /// when its attempt began, where that is known.
    [[nodiscard]] std::optional<Progress> progress_now(const JobId& id, const std::optional<Time>& started = {}) const;
    /// The ended job, or empty after `timeout`. Throws NotFound; Cancelled when `stop` is asked for.
    [[nodiscard]] std::optional<JobRow> wait_end(const db::TenantScope& scope, const JobId& id, Duration timeout,
                                                 const std::stop_token& stop) const;

    /// Begins nothing more, waits for what this process runs, and after `limit` stops the rest: those jobs go back to waiting
    /// with their cursor, and the attempt is not counted. True: nothing had to be stopped. Returns early when `stop` is asked for.
    bool drain(Duration limit, const std::stop_token& stop);

    /// Stops every attempt; its job goes back to waiting with its cursor kept. Joins.
    void close() noexcept;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace tenon::jobs
