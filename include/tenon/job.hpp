#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/error.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;     // the engine's own way to make handles
struct JobImpl;
struct SessionImpl;

enum class JobState : std::uint8_t {
    scheduled = 1,  ///< Waits for its time.
    ready = 2,      ///< Waits for a worker.
    running = 3,
    succeeded = 4,
    failed = 5,
    cancelled = 6,
    dead = 7,     ///< Every attempt it had failed or died with its process; see the message.
    blocked = 8,  ///< Waits for other jobs to end.
    paused = 9,   ///< Waits until it, its kind or all of the tenant's work is resumed.
};

/// The state's name: "running".
TENON_API const char* to_string(JobState state) noexcept;

/// How far work is at one moment.
struct Progress {
    double percent = 0;               ///< 0 to 100; of all stages together.
    std::string stage{};              ///< "encode", "upload" … Empty until the work has begun.
    std::int64_t done = 0;            ///< In this stage, in `unit`.
    std::int64_t total = 0;           ///< 0: not known yet.
    std::string unit{};               ///< "frames", "bytes", "files" …
    std::optional<Duration> eta{};    ///< Until the end of the work; unset while too little is known.
    double per_second = 0;            ///< Of `unit`, an average of the last seconds. 0: nothing was done, or too little is known.
    std::int64_t files = 0;           ///< Done in this stage, of work that goes through files; 0 elsewhere.
    double files_per_second = 0;
};

/// What becomes of a job when one that it waits for does not succeed.
enum class AfterFailure : std::uint8_t {
    cancel = 1,  ///< It is cancelled, and so is what waits for it in turn.
    go_on = 2,   ///< It begins all the same.
};

/// The rule's name: "go_on".
TENON_API const char* to_string(AfterFailure rule) noexcept;

/// When long work begins, and what of a tenant's own work goes first. Between tenants their plans' shares decide.
struct JobSchedule {
    std::optional<Time> start{};      ///< Not before this; at most 366 days ahead. Unset or past: as soon as a worker is free.
    std::int32_t priority = 0;        ///< -100 to 100: of what could begin, the tenant's higher goes first.
    /// At most 200 characters. As long as a job of this kind with the same key has not ended, starting another starts nothing and
    /// returns that one. Empty: every start is a job of its own.
    std::string unique_key{};
    std::vector<JobId> after{};       ///< Begins when these, at most 100, have ended.
    AfterFailure after_failure = AfterFailure::cancel;
    std::string batch{};              ///< At most 200 characters: jobs of one name are counted and cancelled together. Empty: none.
};

/// One row of a list of jobs.
struct JobInfo {
    JobId id{};
    std::string kind{};               ///< "render", "backup" …
    JobState state = JobState::ready;
    Progress progress{};
    std::int32_t attempt = 0;         ///< Times a worker has begun it.
    std::int32_t max_attempts = 0;    ///< What may pass by itself (a store that is away, say) is tried so often, with growing pauses.
    std::int32_t priority = 0;        ///< See JobSchedule.
    std::optional<Time> due_at{};     ///< When a scheduled one is begun; unset in every other state.
    std::string unique_key{};         ///< See JobSchedule.
    std::string batch{};
    std::vector<JobId> after{};       ///< What it still waits for.
    Time created_at{};
    std::optional<Time> started_at{}; ///< When a worker began it, the last time; unset before the first.
    std::optional<Time> ended_at{};
    std::optional<Errc> error{};      ///< Set when failed, cancelled or dead, and while one that failed waits to be tried again.
    std::string message{};            ///< What went wrong, for people.
};

/// Long work. Durable: when its process is killed, the next engine on the same home resumes it or fails it cleanly. An ended
/// job is kept with its result for 90 days; then its id is not found any more. What it made stays.
///
/// Threads   any member, from any thread, at once.
/// Lifetime  may outlive its Engine; calls then throw Closed. Dropping the handle does not stop the job.
class TENON_API Job {
public:
    JobId id() const;
    JobState state() const;
    Progress progress() const;
    JobInfo info() const;

    /// Waits for the end. Throws what ended the job; Closed if the engine closes first (the job goes on when it is
    /// opened again).
    void join();

    /// True: the job has ended, well or not. Throws Closed, never the job's own failure.
    [[nodiscard]] bool join_for(Duration timeout);

    /// Asks the job to stop and returns at once. A job that has ended stays as it is.
    void cancel();

    /// Gives a job that waits another time and priority: both, so give what info() says for the one that is to stay. What is
    /// held for it stays held, in the period it was started in.
    /// Key, batch and what it waits for cannot be changed. Needs the permission that starting it needed. Throws Conflict (it runs or
    /// has ended), InvalidArgument.
    void reschedule(const JobSchedule& schedule);

    /// A job that waits does so until resume(), whatever its time. What is held for it stays held. One that is paused stays so.
    /// Needs the permission that starting it needed. Throws Conflict (it runs or has ended).
    void pause();
    /// Takes back pause(); a pause of its kind holds it on. One that is not paused stays as it is. Throws Conflict (it has ended).
    void resume();

protected:
    friend struct Internal;
    explicit Job(std::shared_ptr<JobImpl> impl);
    std::shared_ptr<JobImpl> impl_;
};

struct JobFilter {
    std::string kind{};                   ///< Empty: every kind.
    std::optional<JobState> state{};      ///< Unset: every state.
    std::string batch{};                  ///< Empty: of every batch and of none.
    std::optional<JobId> after{};         ///< The last one of the page before.
    std::int32_t limit = 100;             ///< 1 to 1000, newest first.
};

/// What was asked to be started together with others.
struct StartedJob {
    JobId job{};                          ///< Nil: it could not be started.
    std::optional<Errc> error{};          ///< Why not.
    std::string message{};                ///< For people.
};

/// Where the jobs of one batch stand.
struct JobBatch {
    std::string name{};
    std::int64_t total = 0;
    std::int64_t waiting = 0;             ///< Scheduled, ready, blocked or paused.
    std::int64_t running = 0;
    std::int64_t succeeded = 0;
    std::int64_t failed = 0;              ///< Failed or dead.
    std::int64_t cancelled = 0;
    double percent = 0;                   ///< 0 to 100, of all of them.
};

/// Work that is not begun until it is resumed.
struct JobPause {
    std::string kind{};                   ///< Empty: every kind.
    Time paused_at{};
};

/// The tenant's jobs of every kind.
class TENON_API Jobs {
public:
    std::vector<JobInfo> list(const JobFilter& filter = {}) const;
    /// Throws NotFound.
    Job get(const JobId& id) const;
    [[nodiscard]] std::optional<Job> find(const JobId& id) const;
    /// Does the work of a job that failed, was cancelled or is dead once more, as a new job, which is returned; the old one
    /// stays as it is. Needs the permission that starting it needed, and reserves what it reserved.
    /// Throws NotFound, Conflict (it has not ended, it succeeded, or it ended over 30 days ago), QuotaExceeded.
    Job retry(const JobId& id);

    /// Begins no more jobs of a kind ("render"; empty: of any) until resume(). New ones can be started and wait. What runs goes on.
    /// Pausing twice is pausing once. Needs the permission to cancel jobs. Throws InvalidArgument (no such kind).
    void pause(const std::string& kind);
    /// Takes back pause() of the same kind; what was paused by another rule waits on.
    void resume(const std::string& kind);
    /// By kind.
    std::vector<JobPause> pauses() const;

    /// Throws NotFound (no job of the last 90 days has this batch).
    JobBatch batch(const std::string& name) const;
    /// Cancels what of a batch has not ended; returns how many jobs that were.
    std::int64_t cancel_batch(const std::string& name);

private:
    friend struct Internal;
    explicit Jobs(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
