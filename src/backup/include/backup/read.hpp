#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <backup/repository.hpp>

/// What is in a snapshot, read without restoring it: one file in ranges, or files and folders as a tar stream.
namespace tenon::backup {

/// One file of a snapshot.
///
/// Threads   one at a time.
class FileView {
public:
    /// Throws NotFound (no such snapshot or file; erased), InvalidArgument (it is no file), Corrupt.
    FileView(std::shared_ptr<const Repository> repository, const SnapshotId& snapshot, const std::string& path, std::stop_token stop);
    ~FileView();

    std::uint64_t size() const;
    /// `length` bytes from `offset` on; fewer at the file's end, none behind it. Holes are zeros.
    /// Throws Corrupt (subject: what is damaged), NotFound (the snapshot has gone meanwhile), Cancelled.
    base::ByteVector read(std::uint64_t offset, std::uint64_t length);

private:
    struct State;
    std::unique_ptr<State> state_;
};

struct ArchiveRequest {
    SnapshotId snapshot{};
    std::vector<std::string> paths{};    ///< Files and folders within the snapshot. Empty: everything.
    std::vector<std::string> exclude{};  ///< Of that, as with BackupRequest.
    std::int64_t bytes_per_second = 0;   ///< Read from the repository at most. 0: no limit.
};

/// Files and folders of a snapshot as one tar stream in PAX format (POSIX.1-2001): modes, owners, times to the nanosecond, hard links,
/// extended attributes and access lists as other tools write them (SCHILY.xattr, SCHILY.acl), sparse files as GNU's format 1.0.
///
/// Threads   one at a time.
class ArchiveReader {
public:
    /// Throws NotFound, InvalidArgument, Corrupt.
    ArchiveReader(std::shared_ptr<const Repository> repository, ArchiveRequest request, std::stop_token stop);
    ~ArchiveReader();

    /// The next bytes, `most` of them at most; none: that was all. Throws as FileView::read(). After an error the stream is at its end.
    base::ByteVector next(std::uint64_t most);
    /// What is not in it: what was erased, sockets.
    const std::vector<FileProblem>& problems() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// What a restore would do, and what that asks for.
struct RestoreForecast {
    std::int64_t files = 0, folders = 0;          ///< In the snapshot, of what was asked for.
    std::int64_t files_new = 0;
    std::int64_t files_replaced = 0;
    std::int64_t files_unchanged = 0;             ///< Have their content already.
    std::int64_t folders_new = 0;
    std::int64_t extra = 0;                       ///< Names in folders of the snapshot that only the target has.
    std::int64_t deleted = 0;                     ///< Of these, with what is in them, what goes where the restore deletes.
    std::int64_t bytes_written = 0;               ///< Out of the repository; parts that are there are copied.
    std::int64_t bytes_kept = 0;                  ///< Of files that stay, and of parts that are copied.
    std::int64_t bytes_fetched = 0;               ///< As they are stored: compressed, with what lies between them.
    std::int64_t requests = 0;                    ///< To the store.
    struct Change {
        std::string path{};
        bool is_new = false, is_gone = false;
        EntryKind kind = EntryKind::file;
        std::int64_t before = 0, after = 0;
    };
    std::vector<Change> changes{};                ///< In no order; as many as were asked for.
    std::vector<FileProblem> problems{};          ///< Each of them ends a restore, but for what was erased or stays.
    Duration fetch_time{};                        ///< What getting all that takes, as a sample took just now: without the target's disk.
};

/// Looks at snapshot and target, and changes nothing. `compare`: reads what lies in the target, as a restore does; else a file of the same size
/// and time is taken for the same. A part of what would be fetched is, for at most `sample`.
/// Throws as Repository::restore() before it writes, but for conflicts, which it lists.
RestoreForecast forecast(const Repository& repository, const SnapshotId& id, const RestoreRequest& request, bool compare,
                         std::size_t most_changes, Duration sample, std::stop_token stop);

}  // namespace tenon::backup
