#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <backup/repository.hpp>

namespace tenon::backup {

struct RepairRequest {
    CheckDepth depth = CheckDepth::full;  ///< How closely damage is looked for.
    /// What nothing that is stored brings back is read again from where the snapshots were taken. Only bytes with the right id count.
    bool reread = true;
    /// Records of checkpoints that were kept elsewhere, as for a check. Where they are not in the past, nothing is read from sources.
    std::vector<std::string> known{};
};

/// A part of a snapshot that is lost for good, as far as this could see.
struct LostRange {
    SnapshotId snapshot{};
    std::string path{};            ///< A file, or a folder that cannot be read.
    std::int64_t offset = 0;
    std::int64_t length = 0;       ///< 0: all of it.
};

struct RepairTotals {
    CheckReport check{};           ///< What is still wrong, and what was mended.
    std::int64_t bytes_reread = 0; ///< That came from the sources.
    std::int64_t bytes_moved = 0;  ///< What is whole of packs that stay damaged, and was stored elsewhere: those go with the next prune.
    std::vector<LostRange> lost{};
};

/// Looks for damage and mends it: from another store's copy, else from parity, else from the source. Each object is replaced in one
/// step by one that its own hash, or this repository's keys, have proven. Makes parity that is missing, too. Killed at any moment it has
/// mended some objects and not others.
///
/// Cancel    between objects; what was mended stays so.
/// Throws    Cancelled, KeysChanged; what is not mended is in the totals, not thrown.
RepairTotals repair(Repository& repository, const RepairRequest& request, exec::ProgressSink& progress, std::stop_token stop);

}  // namespace tenon::backup
