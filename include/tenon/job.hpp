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
    dead = 7,  ///< Every attempt it had failed or died with its process; see the message.
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
};

/// When long work begins, and what of a tenant's own work goes first. Between tenants their plans' shares decide.
struct JobSchedule {
    std::optional<Time> start{};      ///< Not before this; at most 366 days ahead. Unset or past: as soon as a worker is free.
    std::int32_t priority = 0;        ///< -100 to 100: of what could begin, the tenant's higher goes first.
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
    /// Needs the permission that starting it needed. Throws Conflict (it runs or has ended), InvalidArgument.
    void reschedule(const JobSchedule& schedule);

protected:
    friend struct Internal;
    explicit Job(std::shared_ptr<JobImpl> impl);
    std::shared_ptr<JobImpl> impl_;
};

struct JobFilter {
    std::string kind{};                   ///< Empty: every kind.
    std::optional<JobState> state{};      ///< Unset: every state.
    std::optional<JobId> after{};         ///< The last one of the page before.
    std::int32_t limit = 100;             ///< 1 to 1000, newest first.
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

private:
    friend struct Internal;
    explicit Jobs(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
