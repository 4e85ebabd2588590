#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/job.hpp>
#include <tenon/units.hpp>
#include <tenon/work_limits.hpp>

TENON_BEGIN

struct Internal;
struct OperatorImpl;
struct SessionImpl;

struct BackupStoreOptions {
    std::string name{};                       ///< Required. a-z, 0-9 and '-'. Unique in this home; "home" is its own store.
    std::filesystem::path path{};             ///< Required. A folder that is there, outside of the home. A file `store` in it says that it is this
                                              ///< store, so that a mount point without its disk is not taken for it.
    std::vector<std::string> regions{};       ///< Whose data may lie in it: those of tenants of these regions. Empty: everybody's.
};

/// A place for copies of backups, beside the home's own.
struct BackupStore {
    std::string name{};
    std::filesystem::path path{};
    std::vector<std::string> regions{};
};

/// The stores of a home. What lies in them is sealed: nobody without a tenant's keys reads a byte or makes one vanish elsewhere.
///
/// Throws    PermissionDenied for a partner's operator: places belong to who runs the home.
class TENON_API BackupStores {
public:
    /// Throws InvalidArgument, NotFound (there is no such folder), Conflict (the name or the folder is taken), PermissionDenied.
    BackupStore add(const BackupStoreOptions& options);
    std::vector<BackupStore> list() const;
    /// What lies in it stays there. Added again it is caught up, and brings nothing back that was removed meanwhile. Throws NotFound.
    void remove(const std::string& name);

private:
    friend struct Internal;
    explicit BackupStores(std::shared_ptr<OperatorImpl> impl);
    std::shared_ptr<OperatorImpl> impl_;
};

/// Where a backup has to be before its job has succeeded. The home's own store is one of the stores.
enum class CommitLevel : std::uint8_t {
    local = 1,   ///< In the home's own; the others get it afterwards.
    quorum = 2,  ///< In more than half of all.
    all = 3,     ///< In all.
};

TENON_API const char* to_string(CommitLevel level) noexcept;

struct CopyPolicy {
    CommitLevel level = CommitLevel::local;
    std::vector<std::string> stores{};        ///< Those that get copies. Empty: every store that may hold the tenant's data. What one that is left
                                              ///< out has from before stays there as it was, so what is forgotten and pruned from then on too; named
                                              ///< again it is caught up. Erased tenants' data goes from all.
    /// Of all copying: what other stores get counts as uploaded, what comes from them as downloaded, all of them together. As many are brought
    /// up to date at once as there are threads.
    WorkLimits limits{};
};

/// One of the stores that a tenant's backups are, or could be, copied to.
struct CopyState {
    std::string store{};                      ///< "home": the home's own.
    bool is_allowed = false;                  ///< The tenant's region may lie there.
    bool is_reached = false;                  ///< It answered.
    bool is_whole = false;                    ///< It has all that the home's own store has.
    std::int64_t objects = 0;                 ///< It holds.
    Bytes size{};
    std::int64_t behind_objects = 0;          ///< That it lacks.
    Bytes behind{};
    std::optional<Time> seen_at{};            ///< When it answered last. Unset: never.
    std::optional<Time> whole_at{};           ///< When it was whole last.
    std::string problem{};                    ///< Why it is not whole, or not reached. Empty: nothing is wrong.
};

struct CopyOptions {
    std::vector<std::string> stores{};        ///< Only these. Empty: all of the policy's.
    bool heal = false;                        ///< Also bring back what the home's own store has lost, be it all of it.
    bool verify = false;                      ///< Also read everything and replace what is damaged, here and there.
    JobSchedule schedule{};
    WorkLimits limits{};                      ///< In place of the policy's, where one is set.
};

struct CopyResult {
    std::vector<CopyState> stores{};          ///< The home's own first.
    std::int64_t copied_objects = 0;
    Bytes copied{};
    std::int64_t removed_objects = 0;         ///< That were removed from the backup while a store was away, or must not lie where they lay.
    std::int64_t healed_objects = 0;          ///< Damaged ones that were replaced, and what the home's own store had lost.
};

class TENON_API CopyJob : public Job {
public:
    CopyResult result();                      ///< Waits for the end. Throws what ended the job; what a store refuses is said in its state.

private:
    friend struct Internal;
    explicit CopyJob(std::shared_ptr<JobImpl> impl);
};

/// Copies of one tenant's backups in the home's other stores. Every backup is copied as soon as it is taken; restores read from them
/// where the home's own store does not answer, is damaged or lost.
///
/// Events: `backup.store_behind` (subject: the store; why) once a store could not be brought to the home's own state, and
/// `backup.store_whole` once it has been again; `backup.healed` (subject: the repository's id) when the home's own got something back;
/// `backup.tampered` (subject: the repository's id; problems) once a store turns out to have been written to by another home that went on
/// from the same repository. Such a store is left as it is, and counts for no level, until Backups::accept says that what is here is right.
class TENON_API BackupCopies {
public:
    CopyPolicy policy() const;
    /// Throws InvalidArgument, NotFound (a store's name), PermissionDenied (a store that must not hold the tenant's data).
    CopyPolicy set_policy(const CopyPolicy& policy);
    /// How far each store is, the home's own first. One that does not answer within two seconds is said to be away.
    std::vector<CopyState> list() const;
    /// Brings the stores to the state of the home's own. Each backup and prune does so by itself; this is for a store that was away.
    /// The job ends in NotFound where nothing was backed up yet.
    /// Cancel    between pieces of 4 MiB; the next one copies only what is missing.
    CopyJob start(const CopyOptions& options = {});
    [[nodiscard]] std::optional<CopyJob> find_job(const JobId& id) const;

private:
    friend struct Internal;
    explicit BackupCopies(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
