#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <backup/prune.hpp>

/// Writes anew, under the newest data keys, what is stored under older ones, and retires these: then who has them opens nothing that the
/// store holds. Locks nobody out, as a prune, and may meet others of its kind and prunes.
namespace tenon::backup {

struct RekeyRequest : PruneRequest {       // of which what is unused and the rehearsal play no part here
    std::int64_t bytes_per_second = 0;     ///< Written at most. 0: no limit.
    /// Packs that are written anew in one go, at least: a killed run repeats so much. It grows with the repository, as each go looks
    /// through all folders.
    std::int64_t batch = std::int64_t{256} << 20;
    /// Does what it is given while nobody else changes the repository's keys. Unset: nobody else does.
    std::function<void(const std::function<void()>& work)> with_keys{};
    /// Brings copies in other stores up to date, once all is written anew and before the old keys go: nobody can read after that what a copy
    /// has under them, be it all that is left of the repository. What it throws ends the run, and the next one goes on from there.
    std::function<void()> before_retiring{};
};

struct RekeyTotals {
    std::int64_t packs = 0;                ///< Of old keys, that are gone.
    std::int64_t objects = 0;              ///< Snapshots, log records, segments and the like that were sealed anew.
    std::int64_t bytes_rewritten = 0;      ///< Of packs.
    std::int64_t bytes_left = 0;           ///< Still under old keys: what is damaged. Those keys stay, or what is whole of it would be lost.
    bool is_done = false;                  ///< Nothing is left, and the old keys are gone from the ring.
    std::vector<CheckProblem> problems{};  ///< What could not be written anew.
};

/// Does nothing where no old keys are. Sessions that began before the rotation are waited for.
///
/// Cancel    between frames and objects. Whatever is done by then holds; the next run goes on.
/// Throws    KeysChanged; Corrupt where a snapshot's folders cannot be read.
RekeyTotals rekey(Repository& repository, const RekeyRequest& request, exec::ProgressSink& progress, std::stop_token stop);

}  // namespace tenon::backup
