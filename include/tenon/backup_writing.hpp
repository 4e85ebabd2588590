#pragma once

#include <memory>
#include <string>

#include <tenon/backup.hpp>
#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct BackupStreamImpl;

/// A backup whose files the host writes: a database's dump, say, that never lies on a disk. There is a snapshot once finish() has returned,
/// and nothing before: one that is closed, forgotten or killed leaves none. It does not stand in the way of other backups, restores and
/// checks; a prune, and new data keys, wait for its end.
///
/// Threads   any member, from any thread; calls of one handle wait for each other.
/// Lifetime  may outlive its Engine; calls then throw Closed. What was stored without a snapshot is given back by the next prune.
/// Throws    open, write and finish: PermissionDenied, Closed after close(), or when session or engine close, or the tenant is suspended.
class TENON_API BackupStream {
public:
    /// Begins a file of the snapshot, "dumps/shop.sql"; the one before is complete then.
    /// Throws InvalidArgument, Conflict (the path is taken, or leads through a file); it can go on after these.
    void open(const std::string& path);
    /// Appends to the file that was begun last. What it stores is held against the tenant's storage before it is written.
    /// Throws InvalidArgument without such a file; QuotaExceeded, NoSpace and other errors end the stream: there is no snapshot.
    void write(const Buffer& bytes);
    std::int64_t written() const;             ///< By write() up to here, in bytes.
    /// Completes the last file and commits the snapshot, which is durable when this returns, and in as many stores as the tenant's
    /// CopyPolicy wants. Then the handle is closed. Unavailable, subject "stores", where these do not answer: the snapshot stands all the
    /// same and is copied later; called again it looks again.
    BackupResult finish();
    /// Gives it up, unless there is a snapshot; ends a call that is under way.
    void close() noexcept;

private:
    friend struct Internal;
    explicit BackupStream(std::shared_ptr<BackupStreamImpl> impl);
    std::shared_ptr<BackupStreamImpl> impl_;
};

TENON_END
