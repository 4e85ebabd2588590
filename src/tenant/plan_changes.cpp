#include "plan_changes.hpp"

#include <algorithm>

#include <tenant/period.hpp>
#include <tenant/quota.hpp>
#include <tenon/error.hpp>

#include "limits.hpp"
#include "tenant_rows.hpp"

namespace tenon::tenant::plan_changes {
namespace {

constexpr db::TenantStmt page{
    "SELECT plan_before, version_before, plan, version, state, asked_at, effective_at, reason FROM plan_change "
    "WHERE tenant_id = :tenant ORDER BY n DESC LIMIT :most"};
constexpr db::TenantStmt last{"SELECT n FROM plan_change WHERE tenant_id = :tenant ORDER BY n DESC LIMIT 1"};
constexpr db::TenantStmt insert{
    "INSERT INTO plan_change_ (tenant_id, n, plan_before, version_before, plan, version, state, asked_at, effective_at, reason) "
    "VALUES (:tenant, :n, :plan_before, :version_before, :plan, :version, :state, :asked_at, :effective_at, :reason)"};
constexpr db::TenantStmt end{"UPDATE plan_change_ SET state = :state WHERE tenant_id = :tenant AND state = :planned"};

/// Prices of different currencies, or of things counted differently, cannot be compared: such a change is no step down.
bool is_cheaper(const PlanTerms& after, const PlanTerms& before) {
    return after.is_priced && before.is_priced && after.per == before.per && after.interval == before.interval &&
           after.plan.price.currency == before.plan.price.currency && after.plan.price.minor < before.plan.price.minor;
}

Time effective_at(db::Reader& reader, const Tenant& tenant, const PlanTerms& before, const PlanTerms& after, PlanEffect effect, Time now) {
    // In its trial a tenant has paid for nothing that it would lose.
    if (effect == PlanEffect::by_rule)
        effect = tenant.state != TenantState::trial && is_cheaper(after, before) ? PlanEffect::at_period_end : PlanEffect::at_once;
    return effect == PlanEffect::at_once ? now : peek_period(reader, now).end;
}

std::vector<PlanImpact> impacts(db::Reader& reader, const PlanTerms& after, Time at, Time now) {
    const auto before = limits::in_force(reader, now), then = limits::under(reader, after, at);
    std::vector<PlanImpact> list;
    for (const auto& quota : quota::snapshot(reader, now)) {
        const auto limit = then.at(quota.resource).refusing();
        if (limit == before.at(quota.resource).refusing()) continue;
        // What counts per period begins anew with the period in which the plan does.
        const bool carries = !is_periodic(quota.resource) || at < quota.resets_at.value_or(at);
        const auto used = quota.used + quota.reserved;
        list.push_back({.resource = quota.resource,
                        .before = before.at(quota.resource).refusing(),
                        .after = limit,
                        .used = used,
                        .over = carries && limit && used > *limit});
    }
    return list;
}

/// Those of `a` that `b` lacks.
std::vector<std::string> less(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    std::vector<std::string> rest;
    std::ranges::copy_if(a, std::back_inserter(rest), [&](const auto& each) { return std::ranges::find(b, each) == b.end(); });
    return rest;
}

}  // namespace

PlanChange decide(db::Reader& reader, const Tenant& tenant, const PlanTerms& after, PlanEffect effect, Time now) {
    if (effect != PlanEffect::by_rule && effect != PlanEffect::at_once && effect != PlanEffect::at_period_end)
        throw InvalidArgument("by rule, at once or at the period's end", {.subject = "effect"});
    if (tenant.plan == after.plan.name && tenant.plan_version == after.plan.version)
        throw Conflict("the tenant has that plan already", {.subject = after.plan.name});
    const auto before = own_terms(reader, now);
    const auto at = effective_at(reader, tenant, before, after, effect, now);
    return {.before = tenant.plan,
            .version_before = tenant.plan_version,
            .plan = after.plan.name,
            .version = after.plan.version,
            .state = PlanChangeState::preview,
            .asked_at = now,
            .effective_at = at,
            .reason = {},
            .impacts = impacts(reader, after, at, now),
            .features_gained = less(after.plan.features, before.plan.features),
            .features_lost = less(before.plan.features, after.plan.features)};
}

std::vector<PlanChange> list(db::Reader& reader, std::int32_t most) {
    std::vector<PlanChange> changes;
    for (auto rows = reader.query(page, most); rows.next();)
        changes.push_back({.before = rows.text(0),
                           .version_before = static_cast<std::int32_t>(rows.i64(1)),
                           .plan = rows.text(2),
                           .version = static_cast<std::int32_t>(rows.i64(3)),
                           .state = static_cast<PlanChangeState>(rows.i64(4)),
                           .asked_at = rows.time(5),
                           .effective_at = rows.time(6),
                           .reason = rows.text(7),
                           .impacts = {},
                           .features_gained = {},
                           .features_lost = {}});
    return changes;
}

void add(db::Tx& tx, const PlanChange& change) {
    std::int64_t n = 1;
    if (auto rows = tx.query(last); rows.next()) n = rows.i64(0) + 1;
    tx.exec(insert, n, change.before, change.version_before, change.plan, change.version, change.state, change.asked_at,
            change.effective_at, change.reason);
}

void end_planned(db::Tx& tx, PlanChangeState state) { tx.exec(end, state, PlanChangeState::planned); }

}  // namespace tenon::tenant::plan_changes
