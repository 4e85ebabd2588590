#include "limits.hpp"

#include <algorithm>

#include <tenant/live.hpp>
#include <tenant/period.hpp>
#include <tenant/registry.hpp>

#include "ledger.hpp"
#include "tenant_rows.hpp"

namespace tenon::tenant::limits {
namespace {

constexpr db::TenantStmt all{
    "SELECT name, resource, lim, reason, granted_by, granted_at, expires_at, granted FROM limit_override WHERE tenant_id = :tenant "
    "ORDER BY name"};
constexpr db::TenantStmt upsert{
    "INSERT INTO limit_override_ (tenant_id, name, resource, lim, reason, granted_by, granted_at, expires_at, granted) "
    "VALUES (:tenant, :name, :resource, :lim, :reason, :granted_by, :granted_at, :expires_at, :granted) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET resource = :resource, lim = :lim, reason = :reason, granted_by = :granted_by, "
    "granted_at = :granted_at, expires_at = :expires_at, granted = :granted"};
constexpr db::TenantStmt drop{"DELETE FROM limit_override_ WHERE tenant_id = :tenant AND name = :name"};
// Rows of periods that are over are left as they were, but one that a hold still extends must not stay behind its time.
constexpr db::TenantStmt set_row{
    "UPDATE quota_ SET lim = :lim, soft = :soft, lim_until = :until, version = version + 1 WHERE tenant_id = :tenant "
    "AND resource = :resource AND (period = :level OR period >= :n OR lim_until <= :now)"};

struct Stored {
    LimitOverride limit{};
    std::int64_t granted = 0;
};

bool has_expired(const LimitOverride& limit, Time at) { return limit.expires_at && *limit.expires_at <= at; }

std::vector<Stored> read(db::Reader& reader) {
    std::vector<Stored> list;
    for (auto rows = reader.query(all); rows.next();)
        list.push_back({.limit = {.name = rows.text(0),
                                  .resource = static_cast<Resource>(rows.i64(1)),
                                  .limit = rows.maybe_i64(2),
                                  .reason = rows.text(3),
                                  .granted_by = rows.text(4),
                                  .granted_at = rows.time(5),
                                  .expires_at = rows.maybe_time(6)},
                        .granted = rows.i64(7)});
    return list;
}

/// The one of a resource that holds: of those that have not expired the last one granted. Null: the plan's limit holds.
const Stored* holding(const std::vector<Stored>& overrides, Resource resource, Time at) {
    const Stored* found = nullptr;
    for (const auto& each : overrides)
        if (each.limit.resource == resource && !has_expired(each.limit, at) && (!found || each.granted > found->granted)) found = &each;
    return found;
}

std::optional<Time> earlier(std::optional<Time> a, const std::optional<Time>& b) { return !a || (b && *b < *a) ? b : a; }

Limits of(const PlanTerms& terms, const std::vector<Stored>& overrides, Time at, const std::optional<Time>& plan_until) {
    Limits limits;
    for (const auto resource : all_resources()) {
        auto& each = limits[resource];
        each = {.limit = terms.limit(resource), .included = terms.included(resource), .until = plan_until};
        if (const auto* own = holding(overrides, resource, at)) {
            each.limit = own->limit.limit;
            each.until = earlier(plan_until, own->limit.expires_at);
        }
    }
    return limits;
}

}  // namespace

Limits in_force(db::Reader& reader, Time now) {
    const auto changes_at = as_of(own_row(reader).tenant, now).plan_changes_at;
    return of(own_terms(reader, now), read(reader), now, changes_at);
}

Limits under(db::Reader& reader, const PlanTerms& terms, Time at) { return of(terms, read(reader), at, std::nullopt); }

void apply(db::Tx& tx, Time now) {
    const auto period = current_period(tx, now);
    for (const auto& [resource, each] : in_force(tx, now))
        tx.exec(set_row, each.limit, each.included, each.until, resource, ledger::level, period.n, now);
    live::moved(tx);
}

std::vector<LimitOverride> list(db::Reader& reader, Time now) {
    const auto stored = read(reader);
    std::vector<LimitOverride> limits;
    for (const auto& each : stored) {
        limits.push_back(each.limit);
        limits.back().in_force = holding(stored, each.limit.resource, now) == &each;
    }
    return limits;
}

void put(db::Tx& tx, const LimitOverride& limit, std::uint64_t order) {
    tx.exec(upsert, limit.name, limit.resource, limit.limit, limit.reason, limit.granted_by, limit.granted_at, limit.expires_at, order);
}

bool remove(db::Tx& tx, const std::string& name) { return tx.exec(drop, name) > 0; }

}  // namespace tenon::tenant::limits
