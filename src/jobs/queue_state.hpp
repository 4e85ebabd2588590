#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <base/bytes.hpp>
#include <base/file.hpp>
#include <exec/progress_state.hpp>
#include <exec/wait.hpp>
#include <jobs/queue.hpp>

#include "board.hpp"
#include "line.hpp"
#include "turns.hpp"

namespace tenon::jobs {

constexpr std::string_view room = "jobs";

/// A job that this process runs now.
struct Running {
    Running(db::TenantScope s, std::int64_t f, const std::shared_ptr<const base::Clock>& clock)
        : scope(std::move(s)), fence(f), progress(clock) {}
    db::TenantScope scope;
    std::int64_t fence;
    std::stop_source stop;
    exec::ProgressState progress;
    std::string written;  ///< The progress row as last written, without what changes by itself; the keeper's own.
    Board::Place board;
    Time started{};       ///< When this attempt began, as the job's row says.
    std::atomic<bool> cancelled{false};
};

struct Claim {
    JobRow job;
    std::shared_ptr<Running> running;
};

/// A job with the fence under which it was read.
struct Fenced {
    JobRow job;
    std::int64_t fence = 0;
};

std::optional<Fenced> find_fenced(db::Reader& reader, const JobId& id);

struct Queue::Impl : std::enable_shared_from_this<Impl> {
    Impl(Options o, db::Database& d, const db::SystemScope& s, Hooks h)
        : options(std::move(o)), database(d), system(s), hooks(std::move(h)), board(options.nodes), changed(mutex, options.clock),
          wanted(mutex, options.clock) {}

    const Options options;
    db::Database& database;
    const db::SystemScope system;
    const Hooks hooks;
    std::map<std::string, Kind> kinds;  // fixed once started
    const Board board;

    base::ByteVector node;                // this process's name among those that share the database
    std::optional<base::FileLock> alive;  // held for as long as this process lives
    std::unique_ptr<db::Database::Watch> foreign;

    mutable std::mutex mutex;
    exec::Condition changed;                             // for those who wait for an end: of what follows, all guarded by mutex
    exec::Condition wanted;                              // for workers without a job
    std::map<JobId, int> awaited;                        // how many wait for its end
    std::uint64_t ends = 0;                              // grows when a job that is awaited may have ended
    std::map<JobId, std::shared_ptr<Running>> running;
    std::condition_variable_any begun;                   // for who waits until something runs
    Turns turns;
    Line line;
    int idle = 0;                                        // workers that wait for work
    bool closing = false;
    bool draining = false;
    int claiming = 0;                                    // workers between looking and having

    std::atomic<bool> left_over{true};  // jobs may wait for some that have ended: more than one transaction told
    std::stop_source stopping;
    std::mutex joining;
    std::vector<std::jthread> threads;  // guarded by joining once started

    Time now() const { return options.clock->now(); }
    void start();
    void close() noexcept;
    void look_again();                                          // anything may have become ready, and may have ended
    void ready_when_durable(db::Tx& tx, const JobId& id = {});  // something of this tenant may have become ready
    void ended_when_durable(db::Tx& tx, const JobId& id, bool ran = false);  // `ran`: and one of this tenant's places may be free
    void place_is_free(const TenantId& tenant);
    void stopped_when_durable(db::Tx& tx);                      // one of this tenant's places may be free
    struct Awaiting;
    void stop_running(const JobId& id);
    void tell_when_durable(db::Tx& tx, const JobRow& job) const;
    void touch_when_durable(db::Tx& tx, const JobId& id) const;

    // transitions.cpp: the transactions that claim, end and put back
    std::optional<Claim> claim(db::Tx& tx);
    bool finish(db::Tx& tx, Fenced ended, const std::function<void(db::Tx&)>& settle = {});
    bool cancel_waiting(db::Tx& tx, Fenced waiting);
    bool end_waiting(db::Tx& tx, Fenced waiting, std::string failure);
    bool put_back(db::Tx& tx, const Fenced& running, std::int32_t attempt);
    std::optional<Fenced> leave_running(db::Tx& tx, const Fenced& running, bool& done);
    bool try_again(db::Tx& tx, const Fenced& running, const std::string& failure, Time due);
    void give_up(db::Tx& tx, const JobRow& job) const;

    // needs.cpp: jobs that wait for others
    std::int64_t check_needs(db::Reader& reader, const NewJob& job) const;
    void add_needs(db::Tx& tx, const JobId& id, const NewJob& job) const;
    void tell_those_who_wait(db::Tx& tx, const JobRow& ended);
    void tell_left_over();

    // pauses.cpp
    std::int64_t pauses_of(db::Reader& reader, const std::string& kind) const;

    // worker.cpp: one attempt
    struct Ending {
        std::optional<Outcome> outcome{};
        std::string failure{};
        bool stopped = false;   ///< It ended because it was told to.
        bool may_pass = false;  ///< The failure may be over the next time.
    };
    /// A tenant whose turn was taken, and the right to work for him.
    struct Turn {
        db::TenantScope scope;
        std::int32_t weight;
    };
    class Looking;
    void look();
    std::optional<Turn> take_turn();
    std::optional<Turn> take_turn_or_none() noexcept;
    void give_back(const Turn& turn);
    void begin(Claim& claimed);
    std::optional<Claim> claim_next();
    Ending run(Claim& claimed);
    Duration pause_before_next(std::int32_t attempt) const;
    std::optional<Claim> conclude(Claim& claimed, Ending ending);
    bool record(Claim& claimed, Ending ending, const std::optional<Turn>& turn, std::optional<Claim>& next);
    bool end_and_claim(const db::TenantScope& scope, const std::optional<Turn>& turn, std::optional<Claim>& next,
                       const std::function<bool(db::Tx&)>& end);
    void work_loop(const std::stop_token& stop);

    // keeper.cpp: heartbeats, progress rows, cancels from elsewhere, the dead
    void keep_loop(const std::stop_token& stop);
    void beat_and_report(bool beat);
    void show_loop(const std::stop_token& stop);
    void obey_cancels();
    void promote_due();
    void take_back_lost();
    void take_back(const db::TenantScope& scope, const JobId& id, const base::ByteVector& from);
    std::filesystem::path node_file(base::ByteView id) const;
    bool is_dead(base::ByteView id) const;
    void sweep_node_files() const;
};

}  // namespace tenon::jobs
