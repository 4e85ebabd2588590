#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <db/tx.hpp>
#include <tenant/quota.hpp>

namespace tenon::tenant::ledger {

/// Levels count in a row of their own, which no period ends.
inline constexpr std::int32_t level = -1;

/// The row in which `resource` counts at `now`.
std::int32_t row_of(db::Tx& tx, Resource resource, Time now);

/// Why an ask was refused.
struct Denial {
    Resource resource = Resource::projects;
    std::int64_t amount = 0;
    std::int64_t limit = 0;
    std::int64_t used = 0;             ///< With what is reserved.
    std::optional<Time> resets_at{};
};
[[noreturn]] void refuse(const Denial& denial);

/// Reserves n units in one conditional update, making the row if it is missing, and bringing it up to date if its limit has
/// changed by itself since. False: that would pass the limit.
[[nodiscard]] bool take(db::Tx& tx, Resource resource, std::int32_t period, std::int64_t n, Time now);
/// This limit refuses nothing.
[[nodiscard]] bool only_watches(db::Reader& reader, Resource resource, std::int32_t period);
/// Of a limit that only watches: reserves what take() would not, and counts that. False: this limit refuses.
[[nodiscard]] bool pass_in_shadow(db::Tx& tx, Resource resource, std::int32_t period, std::int64_t n, Time now);
Denial denial_of(db::Reader& reader, Resource resource, std::int32_t period, std::int64_t n);

/// Moves `reserved` out of what is held and `used` of it into what is used. Throws InternalError when the row does not
/// hold that much.
void settle(db::Tx& tx, Resource resource, std::int32_t period, std::int64_t reserved, std::int64_t used, Time now);
/// Counts n more as used of a resource that counts per period, whatever its limit: it has happened. Below 0: less.
/// Throws InternalError when less was.
void count(db::Tx& tx, Resource resource, std::int32_t period, std::int64_t n, Time now);
/// Counts n less as used. Throws InternalError when less was.
void give_back(db::Tx& tx, Resource resource, std::int64_t n, Time now);

/// One resource of one hold.
struct HoldRow {
    HoldId id{};
    Resource resource = Resource::projects;
    std::int32_t period = level;
    std::int64_t asked = 0;
    std::int64_t amount = 0;
    quota::Cause cause{};
    quota::HoldState state = quota::HoldState::open;
    std::optional<Time> expires_at{};
};

std::vector<HoldRow> rows_of(db::Reader& reader, const HoldId& id);
std::vector<HoldRow> rows_of_idempotency(db::Reader& reader, const std::string& key);
std::vector<HoldRow> rows_of_cause(db::Reader& reader, quota::CauseKind kind, const std::string& id);
void insert(db::Tx& tx, const HoldRow& row, const std::string& idempotency);
void set_amount(db::Tx& tx, const HoldRow& row, std::int64_t amount);
void set_cause(db::Tx& tx, const HoldId& id, const quota::Cause& cause);

/// Ends a hold: returns what of its rows is not in `used`. The rows stay for a day, so that ending it again is known.
void end(db::Tx& tx, const std::vector<HoldRow>& rows, const std::vector<Ask>& used, quota::HoldState state, Time now);
/// Ends the tenant's holds whose time is up. Returns how many.
std::int64_t end_due(db::Tx& tx, Time now);

}  // namespace tenon::tenant::ledger
