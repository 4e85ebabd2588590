#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <db/database.hpp>
#include <tenon/quota.hpp>

/// Slices of what counts per period, for rates too high for a transaction each: a process takes one durably, spends it in memory and
/// tells now and then. What it did not give back when its time is up counts as used, so that nothing is oversold whatever became of
/// the process; a kill wastes at most a slice.
namespace tenon::tenant::lease {

/// A slice as stored.
struct Slice {
    HoldId id{};
    Resource resource = Resource::api_calls;
    std::int32_t period = 0;
    std::int64_t amount = 0;     ///< Not told to be spent yet.
    Time expires_at{};           ///< From then on what is left of it counts as used.
    Time spend_until{};          ///< When its period ends: it can be told and given back after that, and not be spent.
};

/// Takes a slice of at most `want`: a quarter of what is left, so that several share it and the limit is met exactly; what is left
/// of less than eight is taken unit by unit, but never less than `least` if there is as much. `id` comes from the caller.
/// Throws QuotaExceeded (there is not `least`), InvalidArgument (a level).
Slice take(db::Tx& tx, const HoldId& id, Resource resource, std::int64_t want, std::int64_t least, Duration ttl, Time now);

/// Counts `spent` of it as used, for good, and gives it as much time again. `turn` numbers what a holder tells: told again, it counts
/// nothing. Throws Conflict (its time was up: all of it counts as used), InvalidArgument (more than there is), NotFound.
Slice tell(db::Tx& tx, const HoldId& id, std::int64_t turn, std::int64_t spent, Duration ttl, Time now);
/// tell(), and a larger slice, by the rule of take(). It may stay as it was.
Slice top_up(db::Tx& tx, const HoldId& id, std::int64_t turn, std::int64_t spent, std::int64_t want, std::int64_t least, Duration ttl, Time now);
/// tell(), and the rest is returned. Again: does nothing.
void give_back(db::Tx& tx, const HoldId& id, std::int64_t turn, std::int64_t spent, Time now);

/// The same for a holder that was killed, told by somebody who knows how much it has spent since it took it. Empty: there is none any
/// more. Otherwise what was returned of it.
std::optional<Slice> recover(db::Tx& tx, const HoldId& id, std::int64_t spent_in_all, Time now);

[[nodiscard]] std::optional<Slice> find(db::Reader& reader, const HoldId& id);
/// Oldest first.
std::vector<Slice> list(db::Reader& reader);

/// Counts what is left of slices whose time is up as used. Returns how many. Throws at the end, as quota::expire() does.
std::int64_t expire(db::Database& database, const db::SystemScope& system,
                    const std::function<db::TenantScope(const TenantId&)>& scope_of, Time now);

}  // namespace tenon::tenant::lease
