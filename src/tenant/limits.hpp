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
    std::optional<std::int64_t> limit{};     ///< What is beyond is refused, or counted in the shadow. Unset: nothing is.
    std::optional<std::int64_t> included{};  ///< What is beyond is charged or graced. Unset: nothing is.
    std::optional<Time> until{};             ///< When it changes by itself. Unset: it does not.
    bool shadow = false;                     ///< It refuses nothing.
    std::optional<Duration> grace{};         ///< How long more than what is included is let through.

    /// What is refused beyond.
    std::optional<std::int64_t> refusing() const { return shadow ? std::nullopt : limit; }
};

using Limits = std::map<Resource, Limit>;    ///< Every resource.

/// The transaction's own tenant's.
Limits in_force(db::Reader& reader, Time now);
/// Those that would hold at `at` under another plan.
Limits under(db::Reader& reader, const PlanTerms& terms, Time at);

/// Use went beyond what is included: until when more is let through. Empty: it is known already.
[[nodiscard]] std::optional<Time> start_grace(db::Tx& tx, Resource resource, std::int32_t row_period, Duration grace, Time now);
/// It is within again. False: it was.
[[nodiscard]] bool end_grace(db::Tx& tx, Resource resource, std::int32_t row_period);
/// When the grace that runs or is over began.
[[nodiscard]] std::optional<Time> grace_of(db::Reader& reader, Resource resource, std::int32_t row_period);

/// Brings the rows of the ledger up to what holds now. What is used or held beyond it stays.
void apply(db::Tx& tx, Time now);

std::vector<LimitOverride> list(db::Reader& reader, Time now);
/// In place of one of the same name. `order` grows from one grant to the next: the last one granted holds.
void put(db::Tx& tx, const LimitOverride& limit, std::uint64_t order);
/// False: there is none of that name.
[[nodiscard]] bool remove(db::Tx& tx, const std::string& name);

}  // namespace tenon::tenant::limits
