#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <backup/repository.hpp>

/// Gives back the space that no snapshot needs. Locks nobody out: backups, restores and checks go on meanwhile, in this process
/// and in others, and so may other collections.
namespace tenon::backup {

struct PruneRequest {
    std::int32_t unused_percent = 5;  ///< So much of what is stored may stay unused; packs are written anew until no more is. 0 … 100.
    bool dry_run = false;             ///< Only says what it would do.
    /// Asked when the store is full: gives some space back, and says whether it did.
    std::function<bool()> release_space{};
    /// When a session counts as dead although nobody can say that it is: its beacon stood still for so long, by the store's clock
    /// and by this process's, in so many looks at least.
    Duration given_up_after = std::chrono::minutes(30);
    int given_up_looks = 10;
    Duration look_again = std::chrono::milliseconds(20);  ///< While it waits.
    /// Once so many records of the log have objects of their own, a book takes their place.
    std::int32_t most_records = 64;
};

struct PruneTotals {
    std::int64_t snapshots_removed = 0;   ///< Forgotten ones whose objects went.
    std::int64_t packs_removed = 0;       ///< Nothing in them was needed any more.
    std::int64_t packs_rewritten = 0;     ///< What was needed of them lies elsewhere now.
    std::int64_t bytes_freed = 0;         ///< What the store weighs less by this run: removed less written. By a dry run: about.
    std::int64_t bytes_rewritten = 0;     ///< Stored anew.
    std::int64_t bytes_unused = 0;        ///< Left in packs that are mostly needed, about.
    std::vector<CheckProblem> problems{}; ///< What could not be written anew and stays.
};

/// Cancel    between frames and objects. Whatever is done by then holds; the next run goes on.
/// Throws    Corrupt where a snapshot's folders cannot be read: what they need is not known then, and nothing is removed.
PruneTotals prune(Repository& repository, const PruneRequest& request, exec::ProgressSink& progress, std::stop_token stop);

}  // namespace tenon::backup
