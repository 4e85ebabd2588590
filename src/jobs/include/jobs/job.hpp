#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <db/database.hpp>
#include <tenon/job.hpp>

namespace tenon::jobs {

inline bool has_ended(JobState state) {
    return state == JobState::succeeded || state == JobState::failed || state == JobState::cancelled ||
           state == JobState::dead;
}

/// What is asked for.
struct NewJob {
    std::string kind{};                  ///< Required. Must have been registered by every process that runs jobs.
    std::string payload{};               ///< The kind's own JSON.
    std::string cause{};                 ///< What it is about: an id as text. Empty: nothing.
    std::string unique_key{};            ///< Not empty: at most one unended job of the tenant has it.
    std::optional<HoldId> hold{};        ///< What was reserved for it; its kind settles it.
    std::int32_t priority = 0;           ///< Of the tenant's own jobs the higher runs first.
    std::int32_t max_attempts = 3;       ///< Times it may be begun; 1 or more. Failures that may pass and deaths count.
    std::optional<Time> due_at{};        ///< Not before. Unset: at once.
    std::string key{};                   ///< The host's own unique key, of jobs of this kind. See Queue::find_keyed.
    std::string batch{};
    std::vector<JobId> after{};          ///< Not before these have ended; at most `most_needs`.
    AfterFailure after_failure = AfterFailure::cancel;
};

constexpr std::size_t most_needs = 100;

/// Throws InvalidArgument.
void check_schedule(const JobSchedule& schedule, Time now);
/// Asks for what a schedule says.
void schedule(NewJob& job, const JobSchedule& schedule);

/// A job as stored.
struct JobRow {
    TenantId tenant{};
    JobId id{};
    std::string kind{};
    std::string payload{};
    std::string cause{};
    JobState state = JobState::ready;
    std::int32_t attempt = 0;
    std::int32_t max_attempts = 0;
    std::int32_t priority = 0;
    std::string unique_key{};
    std::string key{};                   ///< The host's own.
    std::string batch{};
    std::int64_t waits_for = 0;          ///< How many jobs that have not ended.
    std::vector<JobId> after{};          ///< Which.
    std::string cursor{};                ///< Where its last attempt got to; the kind's own.
    Progress progress{};
    std::string result{};                ///< The kind's own JSON, when succeeded.
    std::string failure{};               ///< See failure_json; of the last end, or of the attempt before.
    std::optional<HoldId> hold{};
    bool cancel_requested = false;
    Time created_at{};
    Time due_at{};                       ///< Not begun before.
    std::optional<Time> started_at{};    ///< Of the last attempt.
    std::optional<Time> ended_at{};
};

/// An error with all its details as JSON, and back: a job's failure must survive its process.
std::string failure_json(const Error& error);
[[noreturn]] void throw_failure(const std::string& json);
/// The resource that a failure names. Empty: none.
std::string resource_of_failure(const std::string& json);

std::vector<db::Migration> migrations();

/// What the job waits for. Empty for one that waits for nothing.
std::vector<JobId> needs_of(db::Reader& reader, const JobRow& job);

/// What of a tenant's work is paused, by kind; "" is all of it.
std::vector<JobPause> pauses(db::Reader& reader);

/// Where the jobs of a batch stand whose cause `fits`. total is 0 when there is none.
JobBatch batch_of(db::Reader& reader, const std::string& name, const std::function<bool(const std::string& cause)>& fits);
/// Those of them that have not ended, in the order they were enqueued.
std::vector<JobId> unended_of_batch(db::Reader& reader, const std::string& name, const std::function<bool(const std::string& cause)>& fits);

/// Newest first.
std::vector<JobRow> list(db::Reader& reader, const JobFilter& filter);
std::optional<JobRow> find(db::Reader& reader, const JobId& id);

JobInfo info_of(const JobRow& row);

/// How long an ended job is kept, with its result. include/tenon/job.hpp promises it. Its hold is remembered for 30 days, for
/// as long as it can be tried again by hand.
constexpr Duration kept_after_end = std::chrono::hours(24 * 90);
/// Whether forget_ended() would find anything.
bool any_to_forget(db::SystemReader& reader, Time now);
/// Removes ended jobs of any tenant that are kept no longer, at most so many. Returns how many.
std::int64_t forget_ended(db::SystemTx& tx, Time now, std::int32_t most);

/// Throws NotFound.
[[noreturn]] void refuse_unknown(const JobId& id);

/// Whether a job that has not ended is about `cause`.
bool is_cause_of_unended(db::Reader& reader, const std::string& cause);
/// Every job that has not ended.
std::vector<JobId> unended(db::Reader& reader);

/// Every row of a tenant that is being erased.
void erase(db::Tx& tx);

}  // namespace tenon::jobs
