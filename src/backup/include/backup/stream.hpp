#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <backup/repository.hpp>

namespace tenon::backup {

struct StreamRequest {
    std::string name{};
    std::vector<Label> tags{};
    std::string host{};
    std::int64_t bytes_per_second = 0;   ///< Written to the repository at most, once compressed. 0: no limit.
    /// Stored bytes after which what landed is made durable and charged.
    std::int64_t checkpoint_bytes = std::int64_t{256} << 20;
};

/// A backup whose files its caller writes, one after the other. There is a snapshot once finish() has returned, and nothing of it before:
/// what a killed or abandoned one has stored is collected as what no snapshot needs.
///
/// Threads   one at a time. A thread of its own keeps collections waiting for it.
class StreamBackup {
public:
    /// The repository is its alone, and the ledger outlives it. Throws KeysChanged, Conflict (a backup runs on it), Corrupt.
    StreamBackup(std::shared_ptr<Repository> repository, StreamRequest request, Ledger& ledger, std::stop_token stop);
    ~StreamBackup();

    /// Begins a file; the one before is complete. `mode`: its permission bits.
    /// Throws InvalidArgument for what is no path, Conflict for one that is taken or lies below a file.
    void open(const std::string& path, std::uint32_t mode = 0600);
    /// Throws InvalidArgument without an open file; QuotaExceeded, NoSpace, Cancelled and the like, after which nothing else can be done.
    void write(base::ByteView bytes);
    /// Completes the last file and commits. Throws Unavailable where collections did not wait for it.
    BackupTotals finish();

    std::int64_t written() const;        ///< By the caller.

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace tenon::backup
