#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/backup.hpp>
#include <tenon/config.hpp>
#include <tenon/error.hpp>
#include <tenon/id.hpp>
#include <tenon/job.hpp>
#include <tenon/recurrence.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// What becomes of a time while the same work of the time before has not ended. Stored: append, never renumber.
enum class Overlap : std::uint8_t {
    skip = 1,    ///< The time is passed over.
    queue = 2,   ///< It waits until that has ended.
    cancel = 3,  ///< That is cancelled.
};

/// The rule's name: "skip".
TENON_API const char* to_string(Overlap rule) noexcept;

/// What a schedule does. Stored: append, never renumber.
enum class ScheduledWork : std::uint8_t {
    backup = 1,
    prune = 2,
    check = 3,
    drill = 4,
};

/// The work's name: "prune".
TENON_API const char* to_string(ScheduledWork work) noexcept;

struct BackupScheduleOptions {
    std::string name{};                     ///< Required. Unique among the tenant's, which are at most 100.
    std::string cron{};                     ///< Required. When backups are taken: see RecurrenceOptions.
    /// IANA time zone of all expressions, and of the hours and days that `keep` counts. Empty: the tenant's, as it is now.
    std::string zone{};
    BackupOptions backup{};                 ///< What is taken. Without a name, under the schedule's. Of its schedule priority, key and batch count.
    Misfire misfire = Misfire::run_once;    ///< Of times that nobody saw because no process had the home open.
    /// Work of others never counts as overlap: a backup waits until one that was started by hand or by another schedule has ended.
    Overlap overlap = Overlap::skip;
    /// So often is tried again what failed, before the next of its times comes; 0 to 100. Each try is a job of its own.
    std::int32_t retries = 3;
    Duration retry_pause{};                 ///< Before the first; each next is twice as long, up to six hours. 0: five minutes.
    Duration time_limit{};                  ///< Work that has not ended so long after its turn is cancelled, and has failed. 0: none.
    /// Applied after each successful backup to the snapshots of its name, by `zone`'s clocks. Unset: all of them stay.
    std::optional<KeepRules> keep{};
    std::string prune_cron{};               ///< When the space of forgotten snapshots is given back. Empty: never.
    std::int32_t unused_percent = 5;        ///< See PruneOptions.
    std::string check_cron{};               ///< When the backups are checked. Empty: never.
    CheckLevel check_level = CheckLevel::full;
    std::int32_t check_percent = 100;       ///< How much of what is stored each of them reads, going on where the last one ended: see CheckOptions.
    bool check_repairs = true;              ///< A check that finds damage is followed by a job that repairs it: see Backups::repair.
    std::string drill_cron{};               ///< When a restore is practised. Empty: never.
    std::int32_t drill_files = 459;         ///< See DrillOptions.
    Duration rto_goal{};                    ///< See DrillOptions.
    WorkLimits limits{};                    ///< Of its prunes, checks, repairs and drills. Its backups have those of `backup`.
    /// The schedule is overdue at the first of its times that comes without a successful backup for longer than so many intervals.
    /// 0: never.
    std::int32_t overdue_after = 1;
};

/// How one kind of a schedule's work stands.
struct ScheduleStanding {
    ScheduledWork work = ScheduledWork::backup;
    std::string cron{};
    std::optional<Time> next_at{};          ///< When it is looked at next: one of its times, or a retry's. Unset while paused.
    std::optional<Time> last_at{};          ///< The last time whose turn it was, or when it was run by hand.
    std::optional<JobId> last_job{};        ///< Unset where none could be started.
    std::optional<JobState> last_state{};   ///< How that job stands, as long as it is kept.
    std::optional<Errc> last_error{};       ///< Why it failed; Corrupt for a check or drill that found damage.
    std::string last_message{};             ///< For people: what went wrong, what was passed over.
    std::int32_t failures = 0;              ///< In a row, until now.
    std::optional<Time> succeeded_at{};     ///< When it ended well the last time.
    std::optional<SnapshotId> snapshot{};   ///< Of a backup: what it took then.
    std::int64_t runs = 0;                  ///< Jobs started, retries included.
};

struct BackupSchedule {
    BackupScheduleOptions options{};        ///< With zone and name of the backup filled in.
    bool paused = false;
    /// When it becomes overdue unless a backup succeeds before; past: since when it is. Unset while paused.
    std::optional<Time> overdue_at{};
    std::vector<ScheduleStanding> standings{};  ///< Of backups first.
    Time created_at{};
};

/// A time that will come.
struct UpcomingWork {
    Time at{};
    ScheduledWork work = ScheduledWork::backup;
};

/// The tenant's schedules: when backups are taken, which of them stay, when space is given back, when all is proved. Each time has one
/// job, however many processes share the home, started by one that has it open; times are those of Recurrences, gaps and folds too.
///
/// Events tell of a schedule by its name: `backup_schedule.started`, `.succeeded`, `.failed`, `.missed` (a time without a job: nobody was
/// there, or the job before still ran), `.overdue` (no success for too long).
///
/// To make, change, pause, run or remove one takes the permission that its work takes by hand: `backup:write`, `backup:forget`
/// where it has keep rules or prunes, `backup:restore` where it has drills. Its jobs are started by the tenant's own right from then on.
class TENON_API BackupSchedules {
public:
    /// Throws InvalidArgument, Conflict (the name is taken, there are 100).
    BackupSchedule create(const BackupScheduleOptions& options);
    /// All of it anew: pass what get() says, with what is to change. Times count from now on. Throws NotFound, InvalidArgument.
    BackupSchedule update(const BackupScheduleOptions& options);
    /// Throws NotFound.
    BackupSchedule get(const std::string& name) const;
    [[nodiscard]] std::optional<BackupSchedule> find(const std::string& name) const;
    std::vector<BackupSchedule> list() const;   ///< By name.
    /// Times pass unused until resume(), and it is never overdue. Work that has begun goes on. Throws NotFound.
    BackupSchedule pause(const std::string& name);
    BackupSchedule resume(const std::string& name);
    /// Starts one of its works now, paused or not; its times stay. A retry that was to come is not needed any more.
    /// Throws NotFound (also for work that it does not do), Conflict (the same work has not ended; a backup: of anybody).
    Job run(const std::string& name, ScheduledWork work = ScheduledWork::backup);
    /// Jobs that it has started go on; snapshots stay. Throws NotFound.
    void remove(const std::string& name);
    /// The next times of all its works, 1 to 1000, also of a paused one. Throws NotFound, InvalidArgument.
    std::vector<UpcomingWork> upcoming(const std::string& name, std::int32_t limit) const;

private:
    friend struct Internal;
    explicit BackupSchedules(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
