#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <base/clock.hpp>
#include <base/file.hpp>
#include <blob/store.hpp>
#include <crypto/kdf.hpp>
#include <crypto/secret.hpp>
#include <crypto/sign.hpp>
#include <exec/progress.hpp>
#include <tenon/error.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>
#include <tenon/work_limits.hpp>

namespace tenon::backup {

/// What opens a repository.
struct KeySource {
    enum class Kind : std::uint8_t { password = 1, key_file = 2, recovery_code = 3, recipient = 4, host = 5 };
    enum class Derivation : std::uint8_t { none = 0, argon2id = 1, pbkdf2 = 2 };
    Kind kind = Kind::key_file;
    crypto::Secret secret{};                           ///< Empty where only a recipient's public key is known: enough to add it.
    Derivation derivation = Derivation::argon2id;      ///< Of a password's new slot.
    crypto::PublicKey recipient{};

    static KeySource password(std::string_view text, Derivation derivation = Derivation::argon2id);  ///< At least 8 bytes, else InvalidArgument.
    static KeySource key(base::ByteView bytes);        ///< At least 32 bytes, else InvalidArgument.
    static KeySource host_key(base::ByteView bytes);   ///< The same, kept by the host and never on this machine's disks.
    static KeySource new_recovery_code();
    /// Empty unless the text is a recovery code, checksum included. Case, groups and digits for letters do not matter.
    [[nodiscard]] static std::optional<KeySource> recovery_code(std::string_view text);
    static KeySource new_key_file();
    /// What a key file holds: the text of key_file_text(), or 32 bytes that are no text. Empty: it is no key file. Throws Corrupt for one
    /// that was cut or changed.
    [[nodiscard]] static std::optional<KeySource> key_file(base::ByteView content);
    static KeySource recipient_public(const crypto::PublicKey& key);
    static KeySource recipient_private(base::ByteView key);  ///< 32 bytes.
    KeySource clone() const;
};

/// 256 bits as people write them down: letters and digits in groups, with a checksum.
std::string recovery_text(base::ByteView secret);
/// All that is in the file of a key: for people a word of what it is, for machines the same kind of text.
std::string key_file_text(base::ByteView secret);

/// One way to open the repository.
struct Slot {
    std::uint32_t number = 0;
    KeySource::Kind kind = KeySource::Kind::key_file;
    std::string label{};
    KeySource::Derivation derivation = KeySource::Derivation::none;
    std::uint32_t generation = 0;      ///< Of the root key it opens.
};

/// What is left of an erasure: proof that it happened.
struct ErasedClass {
    std::string receipt{};             ///< JSON: what was erased, when, in which repository, which generations of keys, what waits for removal.
    std::string signature{};           ///< Ed25519 over its bytes, in base64.
    std::string public_key{};          ///< The repository's identity, in base64.
};

/// Bytes are held before they are written, committed as packs land, returned on failure. Every byte that was reserved
/// is either committed or released by the end of the call. Called from any of the session's threads, one at a time.
class Ledger {
public:
    virtual ~Ledger() = default;
    virtual void reserve(std::int64_t bytes) = 0;  ///< Throws QuotaExceeded, which ends the backup.
    virtual void commit(std::int64_t bytes) noexcept = 0;
    virtual void release(std::int64_t bytes) noexcept = 0;
};

struct RepositoryOptions {
    std::shared_ptr<const base::Clock> clock = base::system_clock();
    std::uint8_t pack_profile = 2;     ///< Of a new repository. 1: 8 MiB packs, 2: 32, 3: 128.
    crypto::Argon2Cost password_cost{};
    std::uint32_t password_iterations = 600'000;  ///< Of PBKDF2.
    WorkLimits limits{};               ///< Of each job: threads and memory; bytes a second only by within().
    /// A folder for what is too much for memory: 42 bytes a stored chunk, sealed, in files without names that go with their user. They
    /// are counted nowhere. Empty, missing or nearly full: it stays in memory.
    std::filesystem::path scratch{};
    /// The caller's key as it is now; asked for where the one it was opened with opens nothing any more.
    std::function<KeySource()> newest_key{};
};

/// Somebody has rotated the data keys since this was opened, so nothing is written with those that it knows; or has added the class that
/// is asked for. Opened again it does what was asked for.
struct KeysChanged : Unavailable {
    using Unavailable::Unavailable;
};

/// A folder to back up.
struct Source {
    std::string name{};                ///< Its folder in the snapshot; empty: its content is the snapshot's root (alone then).
    std::filesystem::path path{};
    /// Asked when the walk comes to it, before it is opened: sources are walked in the order of their names. Such a source is made anew for
    /// each run, and does not count for which snapshot a run is the successor of.
    std::function<void()> prepare{};
};

/// A folder that can be erased by itself.
struct ClassRule {
    std::string path{};                ///< In the snapshot.
    std::string subject{};             ///< Whose it is. Folders of one subject have one class of keys.
};

struct BackupRequest {
    std::string name{};
    std::vector<Source> sources{};
    /// Patterns on paths in the snapshot: `*`, `?`, `[…]` within a name, `**` for folders; one without '/' is about names in every
    /// folder, one that ends with '/' about folders alone; '!' takes back what those before it left out.
    std::vector<std::string> exclude{};
    /// Files and folders in the snapshot that alone are taken, with what is below them. Empty: everything.
    std::vector<std::string> include{};
    /// Asked for each file by its path in the snapshot. Unset: all of them. Unlike exclude it may differ from run to run.
    std::function<bool(const std::string& path)> keep{};
    std::vector<Label> tags{};
    std::string host{};
    std::string run{};                 ///< The caller's name for this run, kept in the snapshot: who missed its end finds it by that.
    std::vector<ClassRule> classes{};  ///< The classes must exist: Repository::add_classes(). Of rules within one another the inner one holds.
    std::int64_t bytes_per_second = 0; ///< Written to the repository at most, once compressed. 0: no limit.
    Duration checkpoint_after = std::chrono::seconds(30);            ///< A killed run repeats at most this much …
    std::int64_t checkpoint_bytes = std::int64_t{256} << 20;         ///< … or this many stored bytes.
};

struct SnapshotInfo {
    SnapshotId id{};
    std::string name{};
    Time taken_at{};                   ///< When its run began, by the clock of who took it.
    Time stored_at{};                  ///< By the store's clock.
    std::vector<Label> tags{};
    std::string held{};                ///< Why nobody may forget it. Empty: it is not held.
    std::string host{};
    std::int64_t files = 0;            ///< And links, devices …; not folders.
    std::int64_t folders = 0;
    std::int64_t bytes = 0;            ///< Of the files, before deduplication and compression.
    /// What its run read and stored; absent in snapshots of older versions.
    struct Cost {
        std::int64_t files_new = 0, files_unchanged = 0;
        std::int64_t bytes_read = 0, bytes_new = 0;
        std::int64_t bytes_stored = 0;  ///< Without the snapshot's own object.
    };
    std::string run{};
    std::optional<Cost> cost{};
};

/// A file that is not in the snapshot as it should be.
struct FileProblem {
    std::string path{};
    Errc code = Errc::internal_error;
    std::string message{};
};

struct BackupTotals {
    SnapshotInfo snapshot{};
    std::int64_t files_new = 0;
    std::int64_t files_unchanged = 0;
    std::int64_t bytes_read = 0;
    std::int64_t bytes_new = 0;        ///< Of bytes_read: not yet in the repository.
    std::int64_t bytes_stored = 0;     ///< Written to the repository, overhead included.
    std::int64_t bytes_before_compression = 0;  ///< Of the frames that bytes_stored holds.
    std::vector<FileProblem> problems{};
    std::vector<std::string> skipped_repositories{};
    bool resumed = false;              ///< An earlier, killed run's work was taken over.
};

enum class EntryKind : std::uint8_t {
    file = 1, folder = 2, link = 3, fifo = 4, char_device = 5, block_device = 6, socket = 7,
};

struct BrowseEntry {
    std::string name{};
    EntryKind kind = EntryKind::file;
    std::int64_t size = 0;             ///< A folder's: all files below it.
    Time modified_at{};
    std::uint32_t mode = 0;
    bool erased = false;               ///< A folder whose keys were destroyed: what was in it is gone.
};

/// A file that a restore is about to bring to a size.
struct RestoredFile {
    std::string path{};                ///< Below the target.
    std::int64_t size = 0;
};

struct RestoreRequest {
    std::filesystem::path target{};    ///< A folder; made if missing.
    std::vector<std::string> paths{};  ///< Within the snapshot. Empty: everything.
    std::vector<std::string> exclude{};  ///< Of that, as with BackupRequest.
    std::int64_t bytes_per_second = 0;   ///< Read from the repository at most. 0: no limit.
    /// Existing files: true brings them to the snapshot's content; false is Conflict before anything is written. What
    /// already has its content stays in place; anything else is written beside and renamed over, so that a name has its old
    /// content or its new one, never a mix, whatever ends the restore. Files that the snapshot does not have stay, unless:
    bool overwrite = false;
    /// What the snapshot does not have in its folders goes, once all that it has is there. Not beside its uppermost folders, not what
    /// `exclude` names, not through links, not what is mounted. Not with `salvage`: what is lost would be taken for extra.
    bool delete_extra = false;
    /// Asked for each before it goes, what is in a folder before the folder. Unset: all may.
    std::function<bool(const std::string& path, bool is_folder)> may_delete{};
    bool durable = true;               ///< Everything is on the disk before the restore returns.
    bool owners = true;                ///< Where the process may: numeric user and group.
    /// What is lost becomes zeros in its place, or is left out where that is a whole folder, and the totals name it; all else comes back.
    bool salvage = false;
    /// Hears of every file with content of its own, once, before anything is written. What it throws ends the restore.
    std::function<void(const std::vector<RestoredFile>&)> admit{};
};

/// A part of what was asked for that is lost.
struct DamagedPart {
    std::string path{};                ///< A file, or a folder of which nothing can be read.
    std::int64_t offset = 0;
    std::int64_t length = 0;           ///< 0: all of it.
};

struct RestoreTotals {
    std::int64_t files = 0;
    std::int64_t folders = 0;
    std::int64_t bytes_written = 0;    ///< That came out of the repository: parts that were there are copied.
    std::int64_t files_unchanged = 0;  ///< Already there with the same content.
    std::int64_t deleted = 0;          ///< Files, links and folders that the snapshot does not have.
    std::vector<FileProblem> problems{};  ///< Metadata that the target refused, and what it did not let go; never content.
    std::vector<DamagedPart> damaged{};   ///< With `salvage`: what is zeros, or not there, in path order.
};

enum class CheckDepth : std::uint8_t { structure = 0, objects = 1, full = 2 };

/// Which packs a check reads, at the depths that do: in the order of their names, which are hashes and so as good as drawn, from behind
/// `after` on and round about, until they are so many percent of all that packs weigh.
struct CheckShare {
    std::int32_t percent = 100;
    std::string after{};               ///< A pack's name. Empty: from the first one.
};

struct CheckProblem {
    std::string object{};              ///< "packs/ab/…", "vault:slot/1", or a path within a snapshot.
    std::uint64_t offset = 0;
    std::uint64_t length = 0;          ///< 0: all of it.
    std::string message{};
    bool tampered = false;             ///< Objects are whole as they lie here: a checkpoint shows that they are not those that should.
    bool repairable = false;           ///< From another store's copy or from parity, as things stand.
};

struct CheckReport {
    std::int64_t snapshots = 0;
    std::int64_t objects = 0;
    std::int64_t chunks = 0;
    std::int64_t bytes_read = 0;
    std::int64_t unused_packs = 0;     ///< Left by killed sessions: no damage.
    std::int64_t bytes_unused = 0;     ///< Of packs, that no snapshot needs; about.
    std::int64_t bytes_written = 0;    ///< Of what it kept in the log.
    std::int64_t bytes_under_old_keys = 0;  ///< Stored before the data keys were rotated, and not written anew yet.
    std::int64_t mended = 0;           ///< Objects that were put back as they were.
    std::int64_t protected_again = 0;  ///< Objects whose parity was made anew.
    std::int64_t unprotected = 0;      ///< Objects without the parity that this store keeps beside its objects.
    std::string last_pack{};           ///< That this one read: where the next share begins.
    bool came_round = false;           ///< It read the last of all packs, in the order of shares.
    std::vector<CheckProblem> problems{};
};

/// One tenant's encrypted snapshots in one store, its keys in another.
///
/// Threads   any member, from any thread, at once; one backup at a time per object (a second is Conflict), any number
///           per repository.
/// Throws    PermissionDenied (no key fits), Corrupt (subject: object and range), NotFound, NoSpace, Unsupported
///           (made by a newer version), Cancelled.
class Repository {
public:
    [[nodiscard]] static bool exists(blob::Store& objects);
    static std::string id_of(blob::Store& objects);  ///< In hex; needs no key. Throws NotFound, Corrupt.
    /// One at a time for a place, and changes of slots too, between processes: that is the caller's business. What lies in the
    /// vault is taken for a killed creation's and removed.
    ///
    /// Throws    Conflict if there is one already.
    static std::unique_ptr<Repository> create(std::shared_ptr<blob::Store> objects, std::shared_ptr<blob::Store> vault,
                                              const KeySource& key, const std::string& label,
                                              const RepositoryOptions& options = {});
    static std::unique_ptr<Repository> open(std::shared_ptr<blob::Store> objects, std::shared_ptr<blob::Store> vault,
                                            const KeySource& key, const RepositoryOptions& options = {});
    ~Repository();

    std::vector<Slot> slots() const;
    /// Which of them this key opens. Empty: none.
    std::optional<std::uint32_t> slot_of(const KeySource& key) const;
    std::optional<std::uint32_t> opened_slot() const;  ///< Of the key that this was opened with.
    Slot add_slot(const KeySource& key, const std::string& label);
    void remove_slot(std::uint32_t number);  ///< Throws NotFound; Conflict for the last one.

    /// A new root key and ring, sealed anew to every slot; the old ones are destroyed. Who has an old root key, or a removed
    /// slot's secret and old copies of the vault, opens no ring made from now on. Killed at any moment it has happened or it has not.
    /// Returns the new generation. Throws Conflict (subject: the slot) for a slot of the first version that this key does not open: only
    /// its secret can seal it anew.
    std::uint32_t rotate_root();
    /// New data keys for everything that is written from now on, under a new root key: as rotate_root(), whose generation it returns.
    /// What there is stays as it is until rekey() (backup/rekey.hpp) has written it anew. Whoever has the repository open goes on reading;
    /// to write he opens it again: KeysChanged says so.
    std::uint32_t rotate_data_key();
    /// Data keys have been rotated, and the old ones are not retired yet.
    [[nodiscard]] bool has_old_data_keys() const;
    /// Classes of keys for these subjects, where there are none yet. True: the ring has changed, and whoever has the repository open
    /// opens it again to know them. Throws InvalidArgument.
    bool add_classes(const std::vector<std::string>& subjects);
    /// The subjects that have a class, in order.
    std::vector<std::string> subjects() const;
    /// Destroys a class's keys: nobody reads anything of it any more, in any snapshot, whatever its size. A new root key and ring come
    /// with that, as with rotate_root(). Whoever has the repository open has keys in memory until he opens it again.
    /// Throws NotFound; Conflict as rotate_root().
    ErasedClass shred(const std::string& subject);
    /// What of it was destroyed and is done with, and when.
    std::vector<ErasedClass> erased() const;
    /// Whether the keys are those of the vault still: false after another process's add_classes() or shred().
    [[nodiscard]] bool is_current() const;
    /// Finishes a rotation that was killed behind its commit. Whoever changes slots does that first. False: there was none.
    bool settle();

    /// Cancel    between chunks; no snapshot appears. What landed is used by the next run.
    /// Throws    KeysChanged; NotFound for a class that nobody added.
    BackupTotals backup(const BackupRequest& request, Ledger& ledger, exec::ProgressSink& progress, std::stop_token stop);

    std::vector<SnapshotInfo> list(std::stop_token stop = {}) const;  ///< Newest first.
    [[nodiscard]] std::optional<SnapshotInfo> find(const SnapshotId& id) const;
    std::vector<BrowseEntry> browse(const SnapshotId& id, const std::string& path) const;
    RestoreTotals restore(const SnapshotId& id, const RestoreRequest& request, exec::ProgressSink& progress,
                          std::stop_token stop) const;
    /// Damage is reported, not thrown, and which packs it hit is kept in the repository's log: later backups store again what
    /// only those have.
    /// `repair`: damaged and missing objects that another store has as they were are put back first.
    /// What there is is compared with the newest checkpoint, at every depth; `known`: records of checkpoints that must be in its past
    /// (backup/checkpoint.hpp). Throws InvalidArgument for known text that is no record.
    CheckReport check(CheckDepth depth, exec::ProgressSink& progress, std::stop_token stop, bool repair = false,
                      const std::vector<std::string>& known = {}, const CheckShare& share = {}) const;
    /// Whether these bytes are such an object of this repository: what else lies in another store never comes back into this one.
    [[nodiscard]] bool is_ours(const std::string& name, base::ByteView bytes) const;

    /// The same repository for one job, whose work stays within these limits, whatever it is: all that is read and written goes at that pace.
    /// What writes through it is a writer of its own. Throws InvalidArgument, and as open() does where its keys have just been changed.
    std::shared_ptr<Repository> within(const WorkLimits& limits) const;

    /// Where its objects are, at full speed.
    const std::shared_ptr<blob::Store>& objects() const;

    struct Impl;
    Impl& inside() const { return *impl_; }  ///< For the room itself and its tests.

private:
    explicit Repository(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

/// Throws InvalidArgument.
void check_limits(const WorkLimits& limits);
/// Throws InvalidArgument for what ClassRule::path cannot be.
void check_class_path(const std::string& path);
/// Throws InvalidArgument for what BackupRequest::include cannot have.
void check_includes(const std::vector<std::string>& paths);
/// Throws InvalidArgument for patterns that BackupRequest::exclude cannot have.
void check_patterns(const std::vector<std::string>& patterns);

/// A Ledger for those who do not count.
Ledger& free_ledger();

/// Keeps restores out of a folder, as each of them keeps the others out. Dies with its process.
class TargetLock {
public:
    /// Empty while a restore writes into it. Throws NotFound.
    [[nodiscard]] static std::optional<TargetLock> try_acquire(const std::filesystem::path& folder);
    const base::Fd& folder() const { return folder_; }

private:
    explicit TargetLock(base::Fd folder) : folder_(std::move(folder)) {}
    base::Fd folder_;
};

/// Removes what killed restores left beside their files anywhere below `folder`, which the caller keeps locked, or a folder
/// above it. Returns how many files that were.
std::int64_t sweep_left_over(const std::filesystem::path& folder, const std::stop_token& stop);

}  // namespace tenon::backup
