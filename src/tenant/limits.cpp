#include "limits.hpp"

#include <algorithm>
#include <functional>

#include <tenant/live.hpp>
#include <tenant/period.hpp>
#include <tenant/registry.hpp>

#include "ledger.hpp"
#include "marks.hpp"
#include "tenant_rows.hpp"

namespace tenon::tenant::limits {
namespace {

constexpr db::TenantStmt all{
    "SELECT name, resource, lim, reason, granted_by, granted_at, expires_at, granted, shadow FROM limit_override WHERE tenant_id = :tenant "
    "ORDER BY name"};
constexpr db::TenantStmt upsert{
    "INSERT INTO limit_override_ (tenant_id, name, resource, lim, reason, granted_by, granted_at, expires_at, granted, shadow) "
    "VALUES (:tenant, :name, :resource, :lim, :reason, :granted_by, :granted_at, :expires_at, :granted, :shadow) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET resource = :resource, lim = :lim, reason = :reason, granted_by = :granted_by, "
    "granted_at = :granted_at, expires_at = :expires_at, granted = :granted, shadow = :shadow"};
constexpr db::TenantStmt drop{"DELETE FROM limit_override_ WHERE tenant_id = :tenant AND name = :name"};
// Rows of periods that are over are left as they were, but one that a hold still extends must not stay behind its time.
constexpr db::TenantStmt set_row{
    "UPDATE quota_ SET lim = :lim, soft = :soft, lim_until = :until, shadow = :shadow, grace = :grace, version = version + 1 "
    "WHERE tenant_id = :tenant AND resource = :resource AND (period = :level OR period >= :n OR lim_until <= :now)"};
constexpr db::TenantStmt grace_begins{
    "INSERT INTO quota_grace_ (tenant_id, resource, period, since) VALUES (:tenant, :resource, :period, :since) "
    "ON CONFLICT (tenant_id, resource, period) DO NOTHING"};
constexpr db::TenantStmt grace_limits{
    "UPDATE quota_ SET lim_until = :until, version = version + 1 WHERE tenant_id = :tenant AND resource = :resource "
    "AND period = :period AND (lim_until IS NULL OR lim_until > :until)"};
constexpr db::TenantStmt grace_ends{
    "DELETE FROM quota_grace_ WHERE tenant_id = :tenant AND resource = :resource AND period = :period"};
constexpr db::TenantStmt grace_since{
    "SELECT since FROM quota_grace WHERE tenant_id = :tenant AND resource = :resource AND period = :period"};

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
                                  .expires_at = rows.maybe_time(6),
                                  .shadow = rows.i64(8) != 0},
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

/// When the grace of a resource began, if it did.
using GraceOf = std::function<std::optional<Time>(Resource)>;

Limit of_plan(const PlanTerms& terms, Resource resource, Time at, const std::optional<Time>& plan_until, const GraceOf& began) {
    Limit limit{.limit = terms.limit(resource), .included = terms.included(resource), .until = plan_until};
    const auto* beyond = terms.overage(resource);
    if (!beyond || !limit.included) {
        limit.shadow = beyond && beyond->rule == OverageRule::shadow;
        if (limit.shadow) limit.limit = terms.amount(resource);
        return limit;
    }
    if (beyond->rule != OverageRule::grace) return limit;
    limit.grace = beyond->grace;
    const auto since = began(resource);
    if (since && *since + beyond->grace <= at) return limit;  // over: the plan's amount refuses
    limit.limit = beyond->most ? std::optional(*limit.included + *beyond->most) : std::nullopt;
    if (since) limit.until = earlier(plan_until, *since + beyond->grace);
    return limit;
}

Limits of(const PlanTerms& terms, const std::vector<Stored>& overrides, Time at, const std::optional<Time>& plan_until, const GraceOf& began) {
    Limits limits;
    for (const auto resource : all_resources()) {
        auto& each = limits[resource];
        if (const auto* own = holding(overrides, resource, at)) {
            each = {.limit = own->limit.limit, .until = earlier(plan_until, own->limit.expires_at), .shadow = own->limit.shadow};
            // Without a limit of its own what the plan includes still says when to warn.
            if (!each.limit) each.included = terms.included(resource);
        } else {
            each = of_plan(terms, resource, at, plan_until, began);
        }
    }
    return limits;
}

}  // namespace

Limits in_force(db::Reader& reader, Time now) {
    const auto changes_at = as_of(own_row(reader).tenant, now).plan_changes_at;
    const auto began = [&](Resource resource) {
        return grace_of(reader, resource, is_periodic(resource) ? peek_period(reader, now).n : ledger::level);
    };
    return of(own_terms(reader, now), read(reader), now, changes_at, began);
}

Limits under(db::Reader& reader, const PlanTerms& terms, Time at) {
    return of(terms, read(reader), at, std::nullopt, [](Resource) { return std::optional<Time>{}; });
}

void apply(db::Tx& tx, Time now) {
    const auto period = current_period(tx, now);
    live::moved(tx);
    for (const auto& [resource, each] : in_force(tx, now)) {
        const auto row_period = is_periodic(resource) ? period.n : ledger::level;
        const auto before = marks::border_of(tx, resource, row_period);
        tx.exec(set_row, each.limit, each.included, each.until, std::int64_t{each.shadow}, each.grace, resource, ledger::level, period.n, now);
        if (marks::border_of(tx, resource, row_period) != before) marks::limit_moved(tx, resource, row_period, now);
        if (each.grace) marks::grace_given(tx, resource, row_period, now);
        else static_cast<void>(end_grace(tx, resource, row_period));
    }
}

std::optional<Time> start_grace(db::Tx& tx, Resource resource, std::int32_t row_period, Duration grace, Time now) {
    if (tx.exec(grace_begins, resource, row_period, now) == 0) return std::nullopt;
    tx.exec(grace_limits, now + grace, resource, row_period);
    return now + grace;
}

bool end_grace(db::Tx& tx, Resource resource, std::int32_t row_period) { return tx.exec(grace_ends, resource, row_period) > 0; }

std::optional<Time> grace_of(db::Reader& reader, Resource resource, std::int32_t row_period) {
    auto rows = reader.query(grace_since, resource, row_period);
    return rows.next() ? std::optional(rows.time(0)) : std::nullopt;
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
    tx.exec(upsert, limit.name, limit.resource, limit.limit, limit.reason, limit.granted_by, limit.granted_at, limit.expires_at, order,
            std::int64_t{limit.shadow});
}

bool remove(db::Tx& tx, const std::string& name) { return tx.exec(drop, name) > 0; }

}  // namespace tenon::tenant::limits
