#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct BackupFileImpl;
struct BackupArchiveImpl;

struct BackupStreamOptions {
    std::string name{};                       ///< Required. Of the snapshot; need not be unique. Keep rules count for each name by itself.
    std::vector<Label> tags{};
    Bytes upload_per_second{};                ///< Written to the repository at most, once compressed. 0: no limit.
};

struct OpenFileOptions {
    SnapshotId snapshot{};                    ///< Required.
    std::string path{};                       ///< Required. A file, as `browse` shows it: "projects/prj_…/cut.mp4".
};

/// One file of a snapshot, read from wherever it is wanted without restoring it. Only what holds these bytes is fetched and opened, and
/// every byte is verified before it is given.
///
/// Threads   any member, from any thread; reads of one handle wait for each other.
/// Lifetime  may outlive its Engine; read() then throws Closed. A few MiB of memory are held until close().
class TENON_API BackupFile {
public:
    std::int64_t size() const noexcept;       ///< Of the file, in bytes.
    /// `length` bytes from `offset` on, at most 64 MiB at once: fewer at the end of the file, none behind it. Holes are zeros.
    /// Throws InvalidArgument, Corrupt (subject: what is damaged; other ranges can still be read), NotFound (the snapshot was forgotten
    /// and its space given back), PermissionDenied, Closed after close() or when session or engine close.
    Buffer read(std::int64_t offset, std::int64_t length);
    /// Lets go of it; ends a read() that is under way.
    void close() noexcept;

private:
    friend struct Internal;
    explicit BackupFile(std::shared_ptr<BackupFileImpl> impl);
    std::shared_ptr<BackupFileImpl> impl_;
};

struct ArchiveOptions {
    SnapshotId snapshot{};                    ///< Required.
    std::vector<std::string> paths{};         ///< Files and folders within the snapshot. Empty: all.
    std::vector<std::string> exclude{};       ///< What of that to leave out: patterns as in BackupOptions.
    Bytes download_per_second{};              ///< Read from the repository at most. 0: no limit.
};

/// Files and folders of a snapshot as one stream of bytes, a tar archive in PAX format, made as it is read: nothing of it lies on a disk
/// here. With modes, owners, times to the nanosecond, links, extended attributes and access lists, sparse files as such, as GNU tar and
/// others read them.
///
/// Threads   any member, from any thread; each byte goes to one caller.
/// Lifetime  may outlive its Engine; read() then throws Closed.
class TENON_API BackupArchive {
public:
    /// The next bytes, at most `length` and 64 MiB; none: that was all. Throws InvalidArgument, Corrupt, NotFound and PermissionDenied as
    /// BackupFile::read(), after which nothing more comes; Closed after close() or when session or engine close.
    Buffer read(std::int64_t length);
    /// What was left out up to here, with the reason: what was erased, sockets.
    std::vector<std::string> problems() const;
    /// Lets go of it; ends a read() that is under way.
    void close() noexcept;

private:
    friend struct Internal;
    explicit BackupArchive(std::shared_ptr<BackupArchiveImpl> impl);
    std::shared_ptr<BackupArchiveImpl> impl_;
};

TENON_END
