#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/backup_stream.hpp>
#include <tenon/config.hpp>
#include <tenon/copies.hpp>
#include <tenon/id.hpp>
#include <tenon/job.hpp>
#include <tenon/units.hpp>
#include <tenon/work_limits.hpp>

TENON_BEGIN

class BackupDrills;
class BackupSchedules;
class BackupStream;

/// A folder that can be erased by itself, in every snapshot at once, without touching the others.
struct ErasableFolder {
    std::string path{};                       ///< Required. As `browse` shows it: "projects/prj_…".
    std::string subject{};                    ///< Required. Whose it is: folders of one subject are erased together. Better an id
                                              ///< than a name, as receipts keep it.
};

struct BackupOptions {
    std::string name{};                       ///< Required. Shown in lists; need not be unique.
    bool include_recordings = false;          ///< Camera footage too, closed segments only.
    std::vector<Label> tags{};
    JobSchedule schedule{};
    /// What to leave out, by paths as `browse` shows them: `*`, `?` and `[…]` stand for parts of one name, `**` for any number of
    /// folders. A pattern without '/' is about names in every folder, one that ends with '/' about folders alone; '!' before one
    /// takes back what those before it left out.
    std::vector<std::string> exclude{};
    /// Folders with keys of their own. Nothing is shared between two subjects, also where content is the same, nor with the rest. Of
    /// folders within one another the inner one's subject counts.
    std::vector<ErasableFolder> erasable{};
    WorkLimits limits{};
    /// Only these files and folders with what is below them, by paths as `browse` shows them; what `exclude` names of them stays
    /// out. One that is not there is none. Empty: everything.
    std::vector<std::string> include{};
    /// What the tenant's rows say, as a takeout tells it, in the snapshot's folder `rows`: assets, exports, users, usage, audit trail and all
    /// else, never a secret. All of one moment, and they name no file that the snapshot does not have, or `problems` says so. They
    /// are restored to folders alone. Needs the permission tenant:export, too.
    bool include_rows = false;
};

/// One committed state of the workspace.
struct Snapshot {
    SnapshotId id{};
    std::string name{};
    Time taken_at{};
    std::vector<Label> tags{};
    std::int64_t files = 0;
    Bytes size{};                             ///< Of the files, before deduplication and compression.
    std::optional<Bytes> stored{};            ///< What it added to the repository; unset where an older version took it.
    std::string held{};                       ///< Why it must not be forgotten; no text: it may be. See Backups::hold().
};

struct BackupResult {
    Snapshot snapshot{};
    std::int64_t files_new = 0;               ///< Read because they were new or changed.
    std::int64_t files_unchanged = 0;         ///< Taken over from the snapshot before; read only if they had just been written then.
    Bytes read{};
    Bytes deduplicated{};                     ///< Read, but already in the repository.
    Bytes stored{};                           ///< Written to the repository, encrypted, all overhead included.
    std::vector<std::string> problems{};      ///< Files that could not be read or changed while being read.
};

struct SnapshotFilter {
    std::optional<Time> start{};              ///< Taken at or after. Unset: no bound.
    std::optional<Time> end{};                ///< Taken before.
    std::string name{};                       ///< Empty: every name.
    std::vector<Label> tags{};                ///< With all of these; an empty value stands for any.
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
    bool erased = false;                      ///< A folder whose keys were destroyed: nobody reads what was in it.
};

struct DiffOptions {
    SnapshotId before{};                      ///< Required.
    SnapshotId after{};                       ///< Required.
    std::string path{};                       ///< At and below it. Empty: everything.
    std::int32_t limit = 10000;               ///< Changes listed at most; all are counted. 0: only counted.
};

enum class ChangeKind : std::uint8_t {
    added = 1,
    removed = 2,
    modified = 3,                             ///< Other content.
    attributes = 4,                           ///< The same content with another mode, owner, modification time …
};

TENON_API const char* to_string(ChangeKind change) noexcept;

/// One file or folder that differs between two snapshots.
struct FileChange {
    std::string path{};
    ChangeKind change = ChangeKind::added;
    FileKind kind = FileKind::file;
    Bytes before{};                           ///< A file's size there; 0 where it is not, and of other things.
    Bytes after{};
};

struct SnapshotDiff {
    std::vector<FileChange> changes{};        ///< In the order of names, a folder before what is in it.
    std::int64_t added = 0;
    std::int64_t removed = 0;
    std::int64_t modified = 0;
    std::int64_t attributes = 0;
    Bytes bytes_added{};                      ///< Of files; a modified one counts here and there with its whole size.
    Bytes bytes_removed{};
};

struct TagOptions {
    SnapshotId snapshot{};                    ///< Required.
    std::vector<Label> add{};                 ///< One whose key it has already replaces that.
    std::vector<std::string> remove{};        ///< Keys; those that it does not have are passed over.
};

/// A snapshot stays if any of these wants it. Of each hour, day … the newest snapshot counts. -1: as many as there are.
struct KeepRules {
    std::int32_t last = 0;
    std::int32_t hourly = 0;
    std::int32_t daily = 0;
    std::int32_t weekly = 0;                  ///< From Monday (ISO 8601).
    std::int32_t monthly = 0;
    std::int32_t yearly = 0;
    Duration within{};                        ///< Those that are at most so much older than the newest.
    std::vector<Label> tags{};                ///< Those with one of these; an empty value stands for any.
    Duration utc_offset{};                    ///< Of the clock on the wall that hours and days go by.
    std::string zone{};                       ///< IANA time zone of that clock instead, set forward and back as it is there.
};

struct ForgetOptions {
    KeepRules keep{};                         ///< For each name by itself, whose newest snapshot always stays.
    std::string name{};                       ///< Only snapshots of this name. Empty: all.
    std::vector<SnapshotId> snapshots{};      ///< Instead of rules: exactly these.
    bool dry_run = false;                     ///< Only say what would become of each.
};

/// What became of one snapshot, and why.
struct SnapshotVerdict {
    Snapshot snapshot{};
    bool kept = false;
    std::vector<std::string> reasons{};       ///< For people: the rules that want it, "daily 2026-11-21". Empty: none does.
};

struct ForgetResult {
    std::vector<SnapshotVerdict> snapshots{}; ///< Newest first.
    std::int64_t kept = 0;
    std::int64_t forgotten = 0;               ///< Or would be.
};

/// A part of a snapshot that is lost.
struct DamagedFile {
    SnapshotId snapshot{};
    std::string path{};                       ///< Of a file, or of a folder of which nothing can be read. Empty: all of the snapshot.
    Bytes offset{};                           ///< In the file.
    Bytes size{};                             ///< 0: all of it.
};

struct RestoreOptions {
    SnapshotId snapshot{};                    ///< Required.
    std::filesystem::path target{};           ///< Empty: the workspace itself.
    std::vector<std::string> paths{};         ///< Files and folders within the snapshot. Empty: all.
    JobSchedule schedule{};
    std::vector<std::string> exclude{};       ///< What of that to leave out: patterns as in BackupOptions.
    WorkLimits limits{};
    /// Where something is lost, bring back all the rest: lost parts of files are zeros, lost folders are not there, and the result names
    /// them. False: the job ends in Corrupt.
    bool salvage = false;
    /// What the target has in the snapshot's folders, and the snapshot has not, goes, once all that the snapshot has is there: also what the
    /// backup had left out. It stays: what `exclude` names, what lies beside the snapshot's uppermost folders, or beside `paths`, what is
    /// mounted; in the workspace the files and folders of projects' assets, exports and recordings, which are removed as such. No link is
    /// followed. Not with `salvage`.
    bool delete_extra = false;
};

struct RestoreResult {
    std::filesystem::path target{};
    std::int64_t files = 0;                   ///< That are now as in the snapshot.
    Bytes written{};
    std::int64_t files_unchanged = 0;         ///< Of them: were already there with the same content.
    std::vector<std::string> problems{};      ///< Owners, modes and the like that the target refused, and files that the
                                              ///< tenant's storage had no room for in the end.
    std::vector<DamagedFile> damaged{};       ///< With `salvage`: what did not come back, at most 1000.
    std::int64_t deleted = 0;                 ///< With `delete_extra`: files, links and folders that went.
};

/// What a restore would do.
struct RestorePreview {
    std::filesystem::path target{};
    std::int64_t files = 0;                   ///< In the snapshot, of what was asked for; links too.
    std::int64_t files_new = 0;               ///< Of them: nothing bears their name in the target.
    std::int64_t files_replaced = 0;          ///< Something else does, and goes.
    std::int64_t files_unchanged = 0;         ///< Are there with the same content, and stay.
    std::int64_t folders_new = 0;
    /// Files and folders that the target has in the folders of the snapshot, and the snapshot has not. They stay, but for `deleted`.
    std::int64_t extra = 0;
    std::int64_t deleted = 0;                 ///< With `delete_extra`: files, links and folders that would go, those in extra folders too.
    Bytes written{};                          ///< Out of the repository.
    Bytes kept{};                             ///< Of what is asked for, already in the target.
    Bytes fetched{};                          ///< Read from the repository, where it is compressed.
    std::int64_t requests = 0;                ///< To its store.
    /// How long it takes: as the newest drill of the backup measured it, scaled to what is written. Where there was none: what fetching and
    /// opening a sample took just now, without what the target's disk costs.
    Duration time{};
    bool measured = false;                    ///< `time` comes from a drill.
    std::vector<FileChange> changes{};        ///< What is new (`added`), replaced (`modified`) or would go (`removed`), at most 10,000.
    /// What would end the restore in Conflict: a folder where a file belongs and the like. And what was erased, and does not come back, and
    /// what is extra and would stay as it is mounted.
    std::vector<std::string> problems{};
};

enum class CheckLevel : std::uint8_t {
    structure = 0,   ///< Lists and sizes; every snapshot's objects are there.
    objects = 1,     ///< And every object's hash.
    full = 2,        ///< And every frame is decrypted, every chunk's id recomputed, every tree walked.
};

struct CheckOptions {
    CheckLevel level = CheckLevel::full;
    /// Of what is stored so much is read, 1 to 100, and the next check that reads a part goes on behind it: after 100 / `percent` of them all
    /// has been read. Lists, sizes, snapshots, folders, records and checkpoints are looked at entirely each time.
    std::int32_t percent = 100;
    /// A checkpoint's record that was kept elsewhere: it must be in the repository's past. That also tells of a repository that was put back
    /// together with the whole home. Empty: none.
    std::string against{};
    WorkLimits limits{};
    JobSchedule schedule{};
};

struct CheckReport {
    std::int64_t snapshots = 0;
    std::int64_t objects = 0;
    std::int64_t chunks = 0;
    Bytes read{};
    std::vector<std::string> problems{};      ///< Empty: all is well.
    Bytes unused{};                           ///< Stored and needed by no snapshot, about: `prune` gives it back.
    Bytes under_old_keys{};                   ///< Stored before the data keys were rotated and not written anew yet.
    /// Of the problems: objects that were deleted, put back, replaced or forked, as checkpoints show.
    std::int64_t tampered = 0;
    std::int64_t repairable = 0;              ///< Of the problems: `repair` mends them from what is stored.
    /// Objects without the parity that this home keeps: `repair` makes it. 0 where other stores have copies: no parity is made then.
    std::int64_t unprotected = 0;
    /// All that was stored then, and still is, has been read since, by this check and those before it at its level. Unset: not all, yet.
    std::optional<Time> read_since{};
};

struct RepairOptions {
    CheckLevel level = CheckLevel::full;      ///< How closely damage is looked for.
    bool reread = true;                       ///< What nothing stored brings back is read from the workspace again, where it still is.
    JobSchedule schedule{};
    WorkLimits limits{};
};

struct RepairResult {
    std::int64_t objects = 0;                 ///< Looked at.
    Bytes read{};
    std::int64_t repaired = 0;                ///< Objects that are again as they were stored, proven by their hashes or seals.
    std::int64_t protected_again = 0;         ///< Objects whose parity was missing or damaged.
    Bytes reread{};                           ///< That came from the workspace.
    std::vector<DamagedFile> damaged{};       ///< What stays lost, of every snapshot, at most 1000. Empty: all restores work.
    std::vector<std::string> problems{};      ///< Stored objects that are still damaged. Those that nothing needs go with `prune`.
};

/// What a repository held at one moment, signed. Whoever keeps its record somewhere else sees at any later time whether something was
/// taken away, put back or replaced since: see CheckOptions::against.
struct BackupCheckpoint {
    std::int64_t number = 0;                  ///< From 1; each is greater than those before.
    Time made_at{};
    std::int64_t snapshots = 0;
    std::int64_t packs = 0;                   ///< Files of data that it vouches for, besides indexes and logs.
    std::string record{};                     ///< Text of less than 1 KiB, signed by the repository's own key: what is to be kept.
    std::string public_key{};                 ///< That key, Ed25519, in base64.
    std::vector<std::string> accepted{};      ///< What accept() took for right.
};

struct PruneOptions {
    std::int32_t unused_percent = 5;          ///< So much of what is stored may stay unused; packs are written anew until no more is. 0 to 100.
    bool dry_run = false;                     ///< Only say what it would do, about.
    JobSchedule schedule{};
    WorkLimits limits{};
};

struct PruneResult {
    std::int64_t snapshots = 0;               ///< Forgotten ones whose last traces went.
    std::int64_t packs_removed = 0;           ///< Nothing in them was needed any more.
    std::int64_t packs_rewritten = 0;         ///< What is needed of them lies in others now.
    Bytes freed{};                            ///< What the repository weighs less by this run, to the byte; the tenant's storage, too.
    Bytes rewritten{};                        ///< Written anew on the way.
    Bytes unused{};                           ///< Not needed and left in packs that mostly are, about.
    std::vector<std::string> problems{};      ///< What is damaged and stays until it is mended.
};

struct RekeyOptions {
    bool resume = false;                      ///< No new data keys: only go on with what an earlier job has left.
    WorkLimits limits{};
    JobSchedule schedule{};
};

struct RekeyResult {
    std::int64_t packs = 0;                   ///< Under old data keys, that are gone.
    std::int64_t objects = 0;                 ///< Snapshots, records of the log and the like that were sealed anew.
    Bytes rewritten{};                        ///< What was needed of these packs, written anew.
    Bytes left{};                             ///< Still under old keys, because it is damaged.
    bool revoked = false;                     ///< Nothing is left: old data keys open nothing that the repository holds.
    std::vector<std::string> problems{};      ///< What is damaged. Once it is mended, `resume` does the rest.
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

class TENON_API RepairJob : public Job {
public:
    RepairResult result();   ///< Waits for the end. Throws what ended the job; what is lost is in the result, not thrown.

private:
    friend struct Internal;
    explicit RepairJob(std::shared_ptr<JobImpl> impl);
};

class TENON_API PruneJob : public Job {
public:
    PruneResult result();    ///< Waits for the end. Throws what ended the job.

private:
    friend struct Internal;
    explicit PruneJob(std::shared_ptr<JobImpl> impl);
};

class TENON_API RekeyJob : public Job {
public:
    RekeyResult result();    ///< Waits for the end. Throws what ended the job.

private:
    friend struct Internal;
    explicit RekeyJob(std::shared_ptr<JobImpl> impl);
};

/// How a password is made slow to try.
enum class KeyDerivation : std::uint8_t {
    argon2id = 1,    ///< 64 MiB of memory for each try.
    pbkdf2 = 2,      ///< HMAC-SHA256, 600,000 times: for those who must. Weaker against people with special hardware.
};

TENON_API const char* to_string(KeyDerivation derivation) noexcept;

/// One way to open the repository.
struct KeySlot {
    std::int32_t number = 0;
    std::string kind{};                       ///< "password", "key_file" (this home's own too: "home"), "recovery_code", "recipient", "host"
    std::string label{};
    std::string derivation{};                 ///< Of a password: "argon2id", "pbkdf2". Empty for others.
    std::int32_t generation = 0;              ///< Of the root key that it opens; grows with each rotation.
};

struct RecoveryCode {
    KeySlot slot{};
    std::string code{};                       ///< 256 bits in letters, digits and hyphens, with a checksum. Said this once.
};

struct KeyFileOptions {
    /// Required. Outside of the engine's home. A new file of 256 random bits with a checksum, as text, which this user alone may read: it is
    /// never put in another one's place.
    std::filesystem::path path{};
    std::string label{};                      ///< Required.
    bool existing = false;                    ///< The file is there: a key file, or 32 random bytes of another tool's. It stays as it is.
};

/// A pair of X25519 keys, each 32 bytes in base64.
struct RecipientKey {
    std::string public_key{};
    std::string private_key{};                ///< Kept nowhere here.
};

struct DeferredKeyOptions {
    std::string key{};                        ///< Required. 32 random bytes or more, in base64. Kept nowhere here.
    std::string label{};                      ///< Required.
    Duration unlock_within{};                 ///< Work that needs the key waits for it so long. 0: ten minutes.
};

/// Proof of an erasure.
struct BackupErasure {
    std::string subject{};
    Time erased_at{};
    std::int64_t packs = 0;                   ///< Objects that nobody can read any more; their space comes back when they are collected.
    Bytes size{};                             ///< Of these.
    std::string receipt{};                    ///< All of that as JSON, with the repository's id and the generations of its keys.
    std::string signature{};                  ///< Ed25519 over the bytes of `receipt`, in base64.
    std::string public_key{};                 ///< Whose signature it is: the repository's, in base64.
};

struct KeyRotation {
    std::int32_t generation = 0;              ///< Of the new root key.
    std::vector<KeySlot> slots{};             ///< What opens it: those of before, each sealed anew.
};

/// The keys of a tenant's repository. Without any of these the repository opens with a key that the engine's master key
/// seals: who loses the home's keys loses the backup, unless something was added.
class TENON_API BackupKeys {
public:
    /// Throws InvalidArgument for a password shorter than 8 characters.
    KeySlot add_password(const std::string& password, const std::string& label, KeyDerivation derivation = KeyDerivation::argon2id);
    /// A code to write down and lock away.
    RecoveryCode add_recovery_code(const std::string& label);
    /// A file that opens the repository: for a medium in a safe, or a place that secrets are mounted from. One file may open several
    /// tenants' repositories.
    /// Throws    Conflict (without `existing`: there is something of that name); InvalidArgument (it is no key file, or others than its user
    ///           may read it); Corrupt (it was cut or changed); PermissionDenied for a path into the engine's home.
    KeySlot add_key_file(const KeyFileOptions& options);
    /// Whoever has the private key can open the repository; nobody here ever needs to have it. `public_key`: X25519, in base64.
    /// Throws InvalidArgument.
    KeySlot add_recipient(const std::string& public_key, const std::string& label);
    /// A pair for add_recipient(), for those who have no other tool.
    RecipientKey new_recipient() const;
    /// From now on the host keeps the key, and this home has none: after each start of an engine work on backups waits (progress
    /// stage `locked`, an event `backup.locked`) until somebody unlocks the repository, and ends as Unavailable when nobody does in
    /// time. Lists and other calls are Unavailable meanwhile. Throws InvalidArgument.
    KeySlot add_deferred(const DeferredKeyOptions& options);
    std::vector<KeySlot> list() const;
    /// Throws NotFound, Conflict for the key that this home has opened it with.
    void remove(std::int32_t number);
    /// Opens the repository where this home's own key cannot: with a password, a recovery code, the text of a key file, a recipient's
    /// private key or the deferred key, the latter two in base64. The home gets a new key of its own, unless its key is deferred: then the
    /// repository stays open until the engine closes.
    /// Throws NotFound, PermissionDenied (it opens nothing), InvalidArgument.
    void unlock(const std::string& secret);
    /// The same with a key file.
    /// Throws    NotFound, PermissionDenied (it opens nothing); InvalidArgument and Corrupt as add_key_file().
    void unlock_with_file(const std::filesystem::path& path);
    /// A new root key, sealed anew to everything in list(), and a new key of this home; the old ones are destroyed. Removed passwords
    /// and leaked root keys then open nothing of what is kept, whatever its size; what is stored stays as it is, and who copied the
    /// data keys themselves still reads it. Throws NotFound; Conflict for a password from an older version (remove it and add it again).
    /// Cost      some milliseconds.
    KeyRotation rotate();
    /// For the day on which the data keys themselves may have leaked: new ones, under a new root key, for all that is stored from now on,
    /// and a job that writes anew what was stored before. When that is done the old keys are destroyed, and nothing that the
    /// repository holds opens with them; what somebody has copied does. Backups, restores, checks and prunes go on meanwhile: a backup
    /// that was running is waited for. Ids and cuts stay, so nothing is stored twice; what was erased stays erased, and what no snapshot
    /// needs goes. The copies are not charged while both exist. Other stores follow before the old keys go, as many as the commit level
    /// wants (else the job ends in Unavailable, and `resume` goes on): what one that was away holds nobody reads until it is caught up.
    /// Throws NotFound where nothing was backed up yet; Conflict as rotate().
    /// Cancel    between objects; what is written anew by then stays so. `resume` goes on, as a killed job does by itself.
    RekeyJob rotate_data_key(const RekeyOptions& options = {});

    /// Subjects of BackupOptions::erasable whose keys there are, in order.
    std::vector<std::string> subjects() const;
    /// Destroys a subject's keys, with the root key and ring that held them: what was backed up under it reads as erased in all
    /// snapshots, from now on and for everybody, also for who has every password and the whole store. Cannot be undone. What old copies
    /// of the home's `keys` folder hold is out of reach: do not keep any.
    /// A job that runs already goes on with the keys it has.
    /// Throws NotFound for a subject that has none; Conflict as rotate(), or while a legal hold forbids it.
    /// Cost      some milliseconds, whatever was stored.
    BackupErasure shred(const std::string& subject);
    /// What was erased, in the order of time.
    std::vector<BackupErasure> erasures() const;

private:
    friend struct Internal;
    explicit BackupKeys(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

/// One tenant's backups: encrypted, deduplicated within the tenant only, outside the workspace they protect.
class TENON_API Backups {
public:
    /// There is one of a tenant at a time. One with the same options that waits for a worker, as a killed process has left it, is the one
    /// that this returns; where another one waits or runs it throws Conflict, whose subject is that job's id.
    /// Cancel    between chunks; no snapshot appears, never half of one.
    BackupJob start(const BackupOptions& options);
    /// A backup whose files the host writes. Records who opened it. Any number at once, and beside start().
    /// Throws    InvalidArgument; Corrupt (the repository was tampered with), Unavailable while it is locked.
    BackupStream open_stream(const BackupStreamOptions& options);
    /// Fetches only what differs. A file is replaced in one step or not at all; those that the snapshot does not have stay, unless
    /// `delete_extra`.
    /// Into the workspace: the tenant's storage is charged for what comes back before anything is written; the job ends in
    /// QuotaExceeded where there is no room.
    /// One restore into a folder at a time: the job of a second one ends in Conflict.
    /// While recordings are restored into the workspace the tenant's cameras wait.
    /// Cancel    between pieces; what was written beside is removed, what was renamed into its place stays.
    RestoreJob restore(const RestoreOptions& options);
    /// What restore() would do with the same options, and how long it would take. Changes nothing.
    /// `compare`: reads what lies in the target, as a restore does, so that the answer is exact; else a file of the same size and
    /// modification time is taken for the same. Needs the permission to restore.
    /// Throws    as restore(); Unavailable while the repository is locked.
    RestorePreview preview(const RestoreOptions& options, bool compare = true) const;
    /// One file of a snapshot, to be read in ranges. Records who opened it. Needs the permission to restore.
    /// Throws    NotFound (no such snapshot or file, or it was erased), InvalidArgument (it is a folder or a link).
    BackupFile open_file(const OpenFileOptions& options);
    /// Files and folders of a snapshot as a tar stream. Records who opened it. Needs the permission to restore.
    /// Throws    NotFound, InvalidArgument.
    BackupArchive open_archive(const ArchiveOptions& options);
    /// Everything, at every level, is also compared with the newest checkpoint that the repository has and the newest that this home
    /// remembers: see checkpoint().
    /// Damage is also the event `backup.damaged` (subject: the repository; problems, count, repairable).
    /// The job ends in NotFound where nothing was backed up yet.
    /// Throws    InvalidArgument, also for a record that is none.
    CheckJob check(const CheckOptions& options = {});

    /// Compares the repository with its newest checkpoint and takes the next one; where nothing has changed since, that one is it. The
    /// engine does so behind each of its own changes and remembers the newest outside of the repository. Where the repository does not have
    /// what is remembered, or something has gone without a reason, there is the event `backup.tampered`; backups, forgetting, prunes
    /// and new data keys' work end in Corrupt then when the repository is not the one of before, until that one is there again or accept().
    /// Restores go on.
    /// Throws    NotFound where nothing was backed up yet; Corrupt for a repository that was tampered with (subject: the object).
    BackupCheckpoint checkpoint();
    /// Takes what there is now for right: after the home or its repository was put back from an older copy on purpose, or when what was
    /// lost is known. The checkpoint that is taken says so for ever. `record`: one that was kept elsewhere and is not in the past any more.
    /// Throws    NotFound, InvalidArgument. Needs the permission for keys.
    BackupCheckpoint accept(const std::string& record = "");

    /// Looks for damage as check() does and mends it: from another store's copy, from parity, else by reading the workspace again. An
    /// object takes a damaged one's place in one step, and only once its own hash or seal has proven it. Where other stores have what the
    /// home's own has lost, up to all of it, that comes back first. Reads repair by themselves what they meet; this looks at everything.
    /// What was mended or stays lost is also the event `backup.repaired` (repaired, reread, lost). Into a repository that is not the one of
    /// before nothing is read from the workspace: see checkpoint(). Other stores' own damage is a CopyJob's with `verify`.
    /// The job ends in NotFound where nothing was backed up yet.
    /// Cancel    between objects; what was mended stays so.
    RepairJob repair(const RepairOptions& options = {});

    std::vector<Snapshot> list(const SnapshotFilter& filter = {}) const;  ///< Newest first.
    Snapshot get(const SnapshotId& id) const;
    [[nodiscard]] std::optional<Snapshot> find(const SnapshotId& id) const;
    std::vector<FileEntry> browse(const BrowseOptions& options) const;
    /// What differs from one snapshot to another. What they share costs nothing.
    SnapshotDiff diff(const DiffOptions& options) const;

    /// Changes a snapshot's tags; the snapshot itself stays as it is.
    Snapshot tag(const TagOptions& options);
    /// From now on the snapshot stays, whatever rules and people say: for a court, an audit, a release. Rules keep it, forget() refuses it,
    /// and while any snapshot is held nothing is erased by its keys. The reason is for people; a second one takes the first one's place.
    /// Throws    NotFound; InvalidArgument for a reason of no text or more than 500 bytes.
    Snapshot hold(const SnapshotId& id, const std::string& reason);
    /// Ends that. Rules may forget it from now on. Needs the permission to forget.
    /// Throws    NotFound; Conflict if it is not held.
    Snapshot lift_hold(const SnapshotId& id, const std::string& reason);
    /// Nobody finds these snapshots any more. The space that only they took is free after the next prune().
    /// Throws    InvalidArgument for rules that keep nothing, NotFound for a snapshot that there is not, Conflict for one that is held, and
    ///           for any while the tenant has a legal hold.
    ForgetResult forget(const ForgetOptions& options);
    /// Gives back the space that no snapshot needs. Backups, restores and checks go on meanwhile; a backup that was running when it
    /// began is waited for before anything is removed. A killed one leaves nothing that would be in anybody's way.
    /// The job ends in NotFound where nothing was backed up yet, and in Corrupt where a snapshot's folders cannot be read: then nobody
    /// knows what it needs, and nothing is removed.
    /// Cancel    between objects; what was removed by then is gone, and the next one goes on.
    PruneJob prune(const PruneOptions& options = {});

    [[nodiscard]] std::optional<BackupJob> find_job(const JobId& id) const;
    [[nodiscard]] std::optional<RestoreJob> find_restore(const JobId& id) const;
    [[nodiscard]] std::optional<CheckJob> find_check(const JobId& id) const;
    [[nodiscard]] std::optional<RepairJob> find_repair(const JobId& id) const;
    [[nodiscard]] std::optional<PruneJob> find_prune(const JobId& id) const;
    [[nodiscard]] std::optional<RekeyJob> find_rekey(const JobId& id) const;

    BackupKeys keys() const;
    BackupSchedules schedules() const;
    BackupDrills drills() const;
    /// Copies in the home's other stores.
    BackupCopies copies() const;

private:
    friend struct Internal;
    explicit Backups(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
