#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <backup/repository.hpp>

namespace tenon::backup {

enum class Change : std::uint8_t {
    added = 1,
    removed = 2,
    modified = 3,    ///< Other content, or another link's target.
    attributes = 4,  ///< The same content with another mode, owner, modification time …
};

struct EntryChange {
    std::string path{};
    Change change = Change::added;
    EntryKind kind = EntryKind::file;
    std::int64_t before = 0, after = 0;  ///< Sizes of files; of other things 0.
};

struct DiffTotals {
    std::int64_t added = 0, removed = 0, modified = 0, attributes = 0;
    std::int64_t bytes_added = 0, bytes_removed = 0;  ///< Of files, a modified one's with its whole size.
};

/// What differs from one snapshot to another, at and below a path, in the order of names: a folder before what is in it. What both share costs
/// nothing. Throws NotFound where neither has the path, Corrupt, Cancelled.
DiffTotals diff(const Repository& repository, const SnapshotId& from, const SnapshotId& to, const std::string& path,
                const std::function<void(const EntryChange&)>& on_change, std::stop_token stop);

}  // namespace tenon::backup
