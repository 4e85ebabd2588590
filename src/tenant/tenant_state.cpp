// What holds of a tenant at a moment, whatever a late worker has not written yet.

#include <tenant/registry.hpp>

#include <utility>

namespace tenon::tenant {

TenantState state_at(const Tenant& tenant, Time now) noexcept {
    if (tenant.state == TenantState::trial && tenant.trial_ends_at && *tenant.trial_ends_at <= now) return TenantState::suspended;
    return tenant.state;
}

bool has_next_plan(const Tenant& tenant, Time now) noexcept { return tenant.plan_changes_at && *tenant.plan_changes_at <= now; }

void take_next_plan(Tenant& tenant) {
    tenant.plan = std::exchange(tenant.next_plan, {});
    tenant.plan_version = std::exchange(tenant.next_plan_version, 0);
    tenant.plan_changes_at.reset();
}

Tenant as_of(Tenant tenant, Time now) {
    tenant.state = state_at(tenant, now);
    if (has_next_plan(tenant, now)) take_next_plan(tenant);
    return tenant;
}

TenantState Standing::state_at(Time now) const noexcept { return tenant::state_at(tenant, now); }

const std::shared_ptr<const PlanTerms>& Standing::terms_at(Time now) const noexcept {
    return next_terms && has_next_plan(tenant, now) ? next_terms : terms;
}

bool may_white_label(const Tenant& tenant, const PlanTerms& terms, Time now) {
    return state_at(tenant, now) == TenantState::active && (terms.has("white_label") || terms.has("custom_branding"));
}

}  // namespace tenon::tenant
