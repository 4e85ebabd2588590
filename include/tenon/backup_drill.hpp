#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/backup.hpp>
#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/job.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct DrillOptions {
    std::string name{};                       ///< The newest snapshot of this name is restored from. Empty: the newest of all.
    /// So many files are restored, drawn at random: 459 find, 99 times out of 100, damage to one file in a hundred. 0: all of them. Where
    /// these are less than a 64th of all bytes the largest file of at most 256 MiB goes with them, so that the time of bytes is measured, too.
    std::int32_t files = 459;
    Duration rto_goal{};                      ///< What restoring everything may take. 0: whatever it takes.
    Duration rpo_goal{};                      ///< How old the newest snapshot may be. 0: any age.
    JobSchedule schedule{};
    WorkLimits limits{};                      ///< A drill that keeps to them takes longer than a restore that has none, and says so.
};

/// What a drill found. Kept for two years.
struct DrillReport {
    JobId job{};
    std::string schedule{};                   ///< That it belonged to. Empty: it was started by hand.
    Snapshot snapshot{};                      ///< What was restored from.
    Time started_at{};
    bool passed = false;                      ///< No problem, and both goals are met.
    bool complete = false;                    ///< Everything was restored: `rto` is measured, not estimated.
    std::int64_t files = 0;                   ///< Restored to a folder that is gone again, read back and compared with the snapshot's hashes.
    Bytes size{};                             ///< Of these.
    std::int64_t compared = 0;                ///< Of these: also equal to the workspace's files, which were as old and as large as then.
    Duration restore_time{};                  ///< What restoring these took.
    Duration rto{};                           ///< Recovery time: what restoring everything takes, on this machine and to this disk.
    Duration rto_goal{};
    Duration rpo{};                           ///< Recovery point: what would be lost now, the snapshot's age.
    Duration rpo_goal{};                      ///< Of a schedule's drill: the age that it reaches only if a backup is missed.
    std::vector<std::string> problems{};      ///< What did not come back as it was backed up.
};

struct DrillFilter {
    std::string schedule{};                   ///< Empty: of all, and those by hand.
    std::optional<JobId> after{};             ///< The last one of the page before.
    std::int32_t limit = 100;                 ///< 1 to 1000.
};

class TENON_API DrillJob : public Job {
public:
    DrillReport result();    ///< Waits for the end. Throws what ended the job; what is wrong with the backup is in the report, not thrown.

private:
    friend struct Internal;
    explicit DrillJob(std::shared_ptr<JobImpl> impl);
};

/// Restores for practice: the proof that a backup comes back, and how fast.
class TENON_API BackupDrills {
public:
    /// Restores a sample of the newest snapshot, or all of it, to a folder below the workspace's temp, reads it back, compares, and removes
    /// it. The tenant's storage is held for it meanwhile. Needs the permission to restore.
    /// The job ends in NotFound where there is no such snapshot, NoSpace or QuotaExceeded where there is no room.
    /// Throws    InvalidArgument.
    /// Cancel    between pieces; there is no report then.
    DrillJob start(const DrillOptions& options = {});
    [[nodiscard]] std::optional<DrillJob> find(const JobId& id) const;
    /// Newest first. Throws InvalidArgument, NotFound (what the page is to follow is not there).
    std::vector<DrillReport> list(const DrillFilter& filter = {}) const;

private:
    friend struct Internal;
    explicit BackupDrills(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
