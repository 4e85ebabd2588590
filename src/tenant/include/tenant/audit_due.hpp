#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <db/tx.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

// For the sweep, which looks at every log of a home each day and finds something to do in few.

namespace tenon::tenant::audit {

/// Whether the first record of the reader's log that was not announced yet is older. False does not mean that it may not be pruned
/// one day, true not that a checkpoint covers it: announce_prune() says.
bool begins_before(db::Reader& reader, Time before);

/// Logs of which less was pruned than was announced, by id.
std::vector<TenantId> logs_to_prune(db::SystemReader& reader, const std::optional<TenantId>& after, std::int32_t limit);

}  // namespace tenon::tenant::audit
