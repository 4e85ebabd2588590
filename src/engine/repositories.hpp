#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <backup/repository.hpp>
#include <backup/retention.hpp>
#include <blob/many_stores.hpp>
#include <nvr/camera_rows.hpp>
#include <tenon/copies.hpp>

#include "backup_evidence.hpp"
#include "core.hpp"
#include "per_tenant.hpp"

TENON_BEGIN
struct BackupStreamImpl;
TENON_END

namespace tenon::engine {

inline constexpr const char* backup_kind = "backup";
inline constexpr const char* restore_kind = "restore";
inline constexpr const char* check_kind = "check";
inline constexpr const char* repair_kind = "repair";
inline constexpr const char* prune_kind = "prune";
inline constexpr const char* rekey_kind = "rekey";
inline constexpr const char* copy_kind = "backup_copy";

/// Every tenant's backups: opens repositories with the keys of this home and runs their jobs.
class Repositories final : public Part {
public:
    explicit Repositories(EngineImpl& engine) : engine_(engine) {}

    void prepare() override;
    void erase(db::Tx& tx) override;
    void stop() noexcept override;
    void halt(const TenantId& tenant) override;

    // For backups whose files hosts write.
    /// The repository, opened for one of them alone, and looked at as before any backup. Throws Corrupt, Unavailable, Cancelled.
    std::shared_ptr<backup::Repository> open_for_stream(const db::TenantScope& scope, const std::stop_token& stop);
    /// Its snapshot stands.
    void stream_taken(const db::TenantScope& scope);
    /// And in as many stores as the tenant's policy wants. Throws Unavailable where that cannot be; Cancelled.
    void stream_to_level(const db::TenantScope& scope, const std::stop_token& stop);
    /// It ends with the engine, or when the tenant is halted.
    void keep_in_sight(const TenantId& tenant, const std::shared_ptr<BackupStreamImpl>& stream);

    /// The tenant's repository; null if nothing was ever backed up. Throws PermissionDenied when only a password opens
    /// it, Unavailable when it is not where it was made.
    std::shared_ptr<backup::Repository> find(const db::TenantScope& scope);
    /// The same, made when there is none. One process at a time makes it or changes who can open it: `stop` ends the wait for
    /// another one. Throws Cancelled, Unavailable when that one takes too long.
    std::shared_ptr<backup::Repository> open(const db::TenantScope& scope, const std::stop_token& stop);
    backup::Slot add_key(const db::TenantScope& scope, const backup::KeySource& key, const std::string& label, const std::stop_token& stop);
    /// Opens it with the first of these keys that fits. The home gets a new key of its own, unless the host keeps it.
    /// Throws NotFound, PermissionDenied.
    void unlock(const db::TenantScope& scope, const std::vector<backup::KeySource>& keys, const std::stop_token& stop);
    /// From now on the host keeps the key; this home's own is destroyed.
    backup::Slot defer_key(const db::TenantScope& scope, const backup::KeySource& key, const std::string& label, Duration patience,
                           const std::stop_token& stop);
    /// The host keeps the key and has not given it since this engine opened.
    [[nodiscard]] bool is_locked(const TenantId& tenant);
    /// Throws NotFound, Conflict for the key that it was opened with.
    void remove_key(const db::TenantScope& scope, std::uint32_t number, const std::stop_token& stop);
    /// A new key of the home and a new root key. Returns its generation. Throws NotFound, Conflict.
    std::uint32_t rotate(const db::TenantScope& scope, const std::stop_token& stop);
    /// New data keys for what is stored from now on. Throws NotFound, Conflict.
    void rotate_data_key(const db::TenantScope& scope, const std::stop_token& stop);
    /// Throws NotFound, Conflict.
    backup::ErasedClass shred(const db::TenantScope& scope, const std::string& subject, const std::stop_token& stop);

    /// Behind a change that no job made: other stores follow. What goes wrong with it is left to the next job.
    void copy_later(const db::TenantScope& scope) noexcept;

    /// How far each store is: looked at now where the keys are at hand, else as it was seen last.
    std::vector<CopyState> copies(const db::TenantScope& scope, const std::stop_token& stop);

    /// Changes what the repository says of a snapshot, one caller after the other. Throws NotFound.
    backup::SnapshotInfo tag(const db::TenantScope& scope, const SnapshotId& id, const std::function<void(std::vector<Label>&)>& change);
    /// `reason` empty: it is released.
    backup::SnapshotInfo hold(const db::TenantScope& scope, const SnapshotId& id, const std::string& reason);
    void forget(const db::TenantScope& scope, const std::vector<SnapshotId>& ids);
    /// For work that makes room on a full disk. False: there is nothing to give.
    bool release_reserve() const noexcept;
    /// Compares the repository with its newest checkpoint, and takes the next one, which this home remembers. `also`: records that somebody
    /// else has kept. Throws NotFound, InvalidArgument.
    backup::CheckpointResult take_checkpoint(const db::TenantScope& scope, const std::vector<std::string>& also, bool accept,
                                             const std::stop_token& stop);
    /// Frees what is charged for restored files that have gone since. Does nothing while a restore writes into the workspace.
    void settle_restored(const db::TenantScope& scope);

private:
    bool restores_recordings(const db::TenantScope& scope, const SnapshotId& snapshot, const std::filesystem::path& target,
                             const std::vector<std::string>& paths);
    jobs::Outcome back_up(const jobs::Attempt& attempt);
    jobs::Outcome restore(const jobs::Attempt& attempt);
    jobs::Outcome check(const jobs::Attempt& attempt);
    jobs::Outcome repair(const jobs::Attempt& attempt);
    jobs::Outcome prune(const jobs::Attempt& attempt);
    jobs::Outcome rekey(const jobs::Attempt& attempt);
    /// Does it with the repository as it is open, and again where its data keys have been rotated since.
    template <class Work>
    auto with_newest_keys(const db::TenantScope& scope, const std::string& otherwise, const WorkLimits& limits, Work work);
    jobs::Outcome drill(const jobs::Attempt& attempt);
    std::optional<checkpoint_rows::Known> known_checkpoint(const db::TenantScope& scope) const;
    void tell_tampered(const db::TenantScope& scope, const std::vector<backup::CheckProblem>& problems);
    std::vector<std::string> known_records(const db::TenantScope& scope) const;
    std::int64_t tell_damage(const db::TenantScope& scope, const std::vector<backup::CheckProblem>& problems);
    void tell(const db::TenantScope& scope, const std::string& kind, base::Json data);
    /// Whether the newest checkpoint that this home knows is in the repository's past; what is wrong is told as an event.
    std::vector<backup::CheckProblem> look_at_past(const db::TenantScope& scope, backup::Repository& repository, const std::stop_token& stop);
    void try_look_at_past(const db::TenantScope& scope, backup::Repository& repository) noexcept;
    backup::CheckpointResult take_checkpoint_of(const db::TenantScope& scope, backup::Repository& repository, const std::vector<std::string>& also,
                                                bool accept, const std::stop_token& stop);
    /// Throws Corrupt: nothing is written to a repository that is not the one of before.
    void refuse_tampered(const db::TenantScope& scope, backup::Repository& repository, const std::stop_token& stop);
    /// Takes a checkpoint of what has just been changed. Returns what the repository weighs more by that.
    std::int64_t note_state(const db::TenantScope& scope) noexcept;
    jobs::Outcome copy(const jobs::Attempt& attempt);
    /// Brings copies as far as the tenant's policy wants it now. Throws Unavailable where that cannot be.
    void reach_level(const jobs::Attempt& attempt, backup::Repository& repository);
    void catch_up_to_level(const db::TenantScope& scope, backup::Repository& repository, bool everywhere, exec::ProgressSink& progress,
                           const std::stop_token& stop);
    /// Brings all that answer up to date. Throws Unavailable where that is not as many as the policy wants.
    void follow_everywhere(const jobs::Attempt& attempt, backup::Repository& repository);
    /// What every other store is to hear of at once, as far as they answer. Throws Cancelled alone.
    void try_catch_up(const jobs::Attempt& attempt, backup::Repository& repository, blob::CatchUpRequest request);
    /// What the home's own store has lost, up to all of it, comes back from the others. Returns how many objects did. Throws Unavailable
    /// where it is lost as a whole and does not.
    std::int64_t heal(const jobs::Attempt& attempt);
    void keep_states(const db::TenantScope& scope, const blob::CatchUpReport& report);
    /// Records of what other stores were written to by themselves.
    static std::vector<std::string> forks_elsewhere(backup::Repository& repository, const std::stop_token& stop);
    /// For what still has no copy when a job or a call has ended.
    void copy_later(db::Tx& tx);
    std::shared_ptr<blob::ManyStores> many_of(const TenantId& tenant) const;
    std::shared_ptr<backup::Repository> open_at(const TenantId& tenant, std::shared_ptr<blob::Store> objects);
    /// The repository as the other stores have it, to read from. Null: there are none.
    std::shared_ptr<backup::Repository> open_elsewhere(const db::TenantScope& scope);
    /// A file whose space lets a collection work on a full disk. One for all tenants.
    std::filesystem::path reserve() const;
    void keep_reserve() const noexcept;
    jobs::Outcome taken(const jobs::Attempt& attempt, const backup::BackupTotals& totals);
    struct Forgotten {
        std::int64_t snapshots = 0;
        std::string problem{};   ///< Why none was.
    };
    /// Applies the keep rules that the backup came with.
    Forgotten forget_by_rules(const jobs::Attempt& attempt) noexcept;
    backup::RestoreTotals restore_charged(const jobs::Attempt& attempt, backup::Repository& repository, const SnapshotId& snapshot,
                                          backup::RestoreRequest request);
    /// After a killed restore: what it left beside is removed, what it did not come to is not charged any more.
    void tidy(const db::TenantScope& scope, const std::stop_token& stop);
    void try_tidy(const TenantId& tenant) noexcept;
    backup::BackupRequest request_of(const jobs::Attempt& attempt);
    struct Stores {
        std::shared_ptr<blob::Store> objects;
        std::shared_ptr<blob::Store> vault;
    };
    Stores stores_of(const TenantId& tenant) const;
    bool exists(const db::TenantScope& scope) const;
    /// The same, or one with the keys of now where another process has changed them.
    std::shared_ptr<backup::Repository> current(const db::TenantScope& scope, std::shared_ptr<backup::Repository> repository);
    /// With classes for all of these.
    std::shared_ptr<backup::Repository> with_classes(const db::TenantScope& scope, const std::vector<backup::ClassRule>& rules,
                                                     const std::stop_token& stop);
    std::shared_ptr<backup::Repository> open_now(const db::TenantScope& scope);
    std::shared_ptr<backup::Repository> make_now(const db::TenantScope& scope);
    std::filesystem::path lock_file(const TenantId& tenant) const;
    base::FileLock lock(const TenantId& tenant, const std::stop_token& stop) const;
    /// Waits until the repository is unlocked, if the host keeps its key. Throws Unavailable, Cancelled.
    void await_key(const jobs::Attempt& attempt);
    [[nodiscard]] bool is_deferred(const TenantId& tenant) const;
    std::shared_ptr<backup::Repository> open_with(const TenantId& tenant, const backup::KeySource& key);
    std::shared_ptr<backup::Repository> open_with(const TenantId& tenant, const backup::KeySource& key, std::shared_ptr<blob::Store> objects);
    [[nodiscard]] bool has_home_key(const TenantId& tenant, const backup::Repository& repository) const;
    std::shared_ptr<backup::Repository> with_new_home_key(const TenantId& tenant, backup::Repository& repository);
    backup::KeySource home_key(const TenantId& tenant) const;
    /// Of the host's, or this home's.
    backup::KeySource newest_key(const TenantId& tenant);
    crypto::Secret read_key(const TenantId& tenant) const;
    void write_key(const TenantId& tenant, base::ByteView key) const;

    void end_streams(const std::optional<TenantId>& tenant) noexcept;

    EngineImpl& engine_;
    /// As many as are kept open: deriving a key again costs a moment, an index costs memory for as long as it is held.
    static constexpr std::size_t most_opened = 64;
    PerTenant<backup::Repository> opened_{most_opened};

    std::mutex unlocked_mutex_;
    std::map<TenantId, backup::KeySource> unlocked_;  // guarded by unlocked_mutex_; keys that hosts keep, until the engine closes
    std::atomic<unsigned> awaiting_{0};               ///< Jobs that wait for a key, and take a worker's time.

    std::mutex streams_mutex_;
    std::vector<std::pair<TenantId, std::weak_ptr<BackupStreamImpl>>> streams_;  // guarded by streams_mutex_
};

Repositories& repositories_of(EngineImpl& engine);

/// The repository for one job's work, which keeps to its limits.
std::shared_ptr<backup::Repository> within(std::shared_ptr<backup::Repository> repository, const WorkLimits& limits);

/// A thousand problems, each with a path and what is wrong with it.
constexpr std::size_t largest_backup_result = 16 << 20;

/// Puts a backup into the queue. `keep`: then applied to the snapshots of its name. Throws what Backups::start does.
JobId start_backup(const SessionImpl& session, const BackupOptions& options, const std::optional<KeepRules>& keep = {});
/// Puts a check into the queue. `repairs`: where it finds damage, a repair follows it.
JobId start_check(const SessionImpl& session, const CheckOptions& options, bool repairs);
/// Puts a job of the repository into the queue with its audit record; `holds`: storage, of which it asks for more as it goes.
JobId enqueue_backup_job(const SessionImpl& session, const std::string& action, jobs::NewJob job, bool holds);

/// Throws InvalidArgument.
void check_stream(const BackupStreamOptions& options);
/// Where these bring things. Throws InvalidArgument, PermissionDenied.
std::filesystem::path restore_target(const SessionImpl& session, const RestoreOptions& options);

std::vector<db::Migration> repository_migrations();

std::string path_in_workspace(const nvr::rows::SegmentRow& row);

/// What a forgetting would do to each snapshot that it is about; `repository` may be null: there is none then.
/// Throws InvalidArgument, NotFound.
std::vector<backup::Verdict> judge(backup::Repository* repository, const ForgetOptions& options);

/// A snapshot as hosts see it.
Snapshot to_public(const backup::SnapshotInfo& info);

}  // namespace tenon::engine
