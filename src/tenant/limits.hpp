#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <db/tx.hpp>
#include <tenant/catalogues.hpp>
#include <tenon/limit.hpp>

/// What a tenant may use: its plan's limits, and in place of some of them those that it was given.
namespace tenon::tenant::limits {

struct Limit {
    std::optional<std::int64_t> limit{};     ///< What is beyond is refused. Unset: nothing is.
    std::optional<std::int64_t> included{};  ///< What is beyond is charged. Unset: nothing is.
    std::optional<Time> until{};             ///< When it changes by itself. Unset: it does not.
};

using Limits = std::map<Resource, Limit>;    ///< Every resource.

/// The transaction's own tenant's.
Limits in_force(db::Reader& reader, Time now);
/// Those that would hold at `at` under another plan.
Limits under(db::Reader& reader, const PlanTerms& terms, Time at);

/// Brings the rows of the ledger up to what holds now. What is used or held beyond it stays.
void apply(db::Tx& tx, Time now);

std::vector<LimitOverride> list(db::Reader& reader, Time now);
/// In place of one of the same name. `order` grows from one grant to the next: the last one granted holds.
void put(db::Tx& tx, const LimitOverride& limit, std::uint64_t order);
/// False: there is none of that name.
[[nodiscard]] bool remove(db::Tx& tx, const std::string& name);

}  // namespace tenon::tenant::limits
