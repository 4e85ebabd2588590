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

TENON_BEGIN

struct BackupOptions {
    std::string name{};                       ///< Required. Shown in lists; need not be unique.
    bool include_recordings = false;          ///< Camera footage too, closed segments only.
    std::vector<Label> tags{};
    JobSchedule schedule{};
};

/// One committed state of the workspace.
struct Snapshot {
    SnapshotId id{};
    std::string name{};
    Time taken_at{};
    std::vector<Label> tags{};
    std::int64_t files = 0;
    Bytes size{};                             ///< Of the files, before deduplication and compression.
};

struct BackupResult {
    Snapshot snapshot{};
    std::int64_t files_new = 0;               ///< Read because they were new or changed.
    std::int64_t files_unchanged = 0;         ///< Taken over from the snapshot before without reading.
    Bytes read{};
    Bytes deduplicated{};                     ///< Read, but already in the repository.
    Bytes stored{};                           ///< Written to the repository, encrypted, all overhead included.
    std::vector<std::string> problems{};      ///< Files that could not be read or changed while being read.
};

struct SnapshotFilter {
    std::optional<Time> start{};              ///< Taken at or after. Unset: no bound.
    std::optional<Time> end{};                ///< Taken before.
    std::string name{};                       ///< Empty: every name.
};

struct BrowseOptions {
    SnapshotId snapshot{};                    ///< Required.
    std::string path{};                       ///< A folder within the snapshot. Empty: its root.
};

enum class FileKind : std::uint8_t { file = 1, folder = 2, link = 3, other = 4 };

struct FileEntry {
    std::string name{};
    FileKind kind = FileKind::file;
    Bytes size{};
    Time modified_at{};
};

struct RestoreOptions {
    SnapshotId snapshot{};                    ///< Required.
    std::filesystem::path target{};           ///< Empty: the workspace itself.
    std::vector<std::string> paths{};         ///< Files and folders within the snapshot. Empty: all.
    JobSchedule schedule{};
};

struct RestoreResult {
    std::filesystem::path target{};
    std::int64_t files = 0;                   ///< That are now as in the snapshot.
    Bytes written{};
    std::int64_t files_unchanged = 0;         ///< Of them: were already there with the same content.
    std::vector<std::string> problems{};      ///< Owners, modes and the like that the target refused; never content.
};

enum class CheckLevel : std::uint8_t {
    structure = 0,   ///< Lists and sizes; every snapshot's objects are there.
    objects = 1,     ///< And every object's hash.
    full = 2,        ///< And every frame is decrypted, every chunk's id recomputed, every tree walked.
};

struct CheckReport {
    std::int64_t snapshots = 0;
    std::int64_t objects = 0;
    std::int64_t chunks = 0;
    Bytes read{};
    std::vector<std::string> problems{};      ///< Empty: all is well.
};

class TENON_API BackupJob : public Job {
public:
    BackupResult result();   ///< Waits for the end. Throws what ended the job.

private:
    friend struct Internal;
    explicit BackupJob(std::shared_ptr<JobImpl> impl);
};

class TENON_API RestoreJob : public Job {
public:
    RestoreResult result();  ///< Waits for the end. Throws what ended the job.

private:
    friend struct Internal;
    explicit RestoreJob(std::shared_ptr<JobImpl> impl);
};

class TENON_API CheckJob : public Job {
public:
    CheckReport result();    ///< Waits for the end. Throws what ended the job; damage is in the report, not thrown.

private:
    friend struct Internal;
    explicit CheckJob(std::shared_ptr<JobImpl> impl);
};

/// One way to open the repository.
struct KeySlot {
    std::int32_t number = 0;
    std::string kind{};                       ///< "password", "key_file"
    std::string label{};
};

/// The keys of a tenant's repository. Without any of these the repository opens with a key that the engine's master key
/// seals: who loses the home's keys loses the backup, unless a password was added.
class TENON_API BackupKeys {
public:
    /// Throws InvalidArgument for a password shorter than 8 characters.
    KeySlot add_password(const std::string& password, const std::string& label);
    std::vector<KeySlot> list() const;
    /// Throws NotFound, Conflict for the key of this home.
    void remove(std::int32_t number);
    /// Opens the repository with a password where this home's own key cannot, and gives the home a new key of its own.
    /// Throws NotFound, PermissionDenied (wrong password).
    void unlock(const std::string& password);

private:
    friend struct Internal;
    explicit BackupKeys(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

/// One tenant's backups: encrypted, deduplicated within the tenant only, outside the workspace they protect.
class TENON_API Backups {
public:
    /// Cancel    between chunks; no snapshot appears, never half of one.
    BackupJob start(const BackupOptions& options);
    /// Fetches only what differs. A file is replaced in one step or not at all; those that the snapshot does not have stay.
    /// One restore into a folder at a time: the job of a second one ends in Conflict.
    /// Throws    Conflict when recordings would be restored into the workspace while a camera of the tenant records.
    RestoreJob restore(const RestoreOptions& options);
    CheckJob check(CheckLevel level = CheckLevel::full);

    std::vector<Snapshot> list(const SnapshotFilter& filter = {}) const;  ///< Newest first.
    Snapshot get(const SnapshotId& id) const;
    [[nodiscard]] std::optional<Snapshot> find(const SnapshotId& id) const;
    std::vector<FileEntry> browse(const BrowseOptions& options) const;

    [[nodiscard]] std::optional<BackupJob> find_job(const JobId& id) const;
    [[nodiscard]] std::optional<RestoreJob> find_restore(const JobId& id) const;
    [[nodiscard]] std::optional<CheckJob> find_check(const JobId& id) const;

    BackupKeys keys() const;

private:
    friend struct Internal;
    explicit Backups(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
