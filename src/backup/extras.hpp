#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include <base/file.hpp>

#include "globs.hpp"
#include "restore_plan.hpp"

namespace tenon::backup {

/// What lies in a restore's target beside what its plan has there.
struct ExtraTotals {
    std::int64_t beside = 0;    ///< Names in the plan's own folders that the plan has not.
    std::int64_t deleted = 0;   ///< Files, links and folders that went, or would; what was in such folders too.
    std::vector<FileProblem> problems{};  ///< What could not go.
};

enum class ExtraWork : std::uint8_t {
    count,     ///< Only what lies beside.
    rehearse,  ///< Says what would go.
    remove,
};

/// Looks only into folders that the snapshot itself has and that were there; beside its uppermost ones nothing was ever asked. What is left out
/// of the restore stays, and what was erased; no link is followed and no mount entered. `on`: hears of each one that goes.
ExtraTotals treat_extras(ExtraWork work, const base::Fd& target, const RestorePlan& plan, const Globs& exclude, const RestoreRequest& request,
                         const std::function<void(const std::string& path, EntryKind kind, std::int64_t size)>& on,
                         const std::stop_token& stop);

}  // namespace tenon::backup
