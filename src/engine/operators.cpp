#include <tenon/operator.hpp>

#include <base/text.hpp>
#include <tenon/access.hpp>

#include "core.hpp"

namespace tenon {
namespace {

constexpr auto erase_window_max = std::chrono::hours(24 * 366);

}  // namespace

engine::Gate::Pass OperatorImpl::enter() const {
    auto pass = engine->gate.enter();
    if (closed.load(std::memory_order_acquire)) throw Closed("the operator session is closed");
    return pass;
}

/// A tenant that may work again does.
Tenant OperatorImpl::go_on(Tenant tenant) const {
    engine->workspace(tenant.id).make();
    if (engine::allows(tenant.state, engine::Permission::camera_write))
        for (auto* part : engine->parts) part->resume(tenant.id);
    return tenant;
}

OperatorSession::OperatorSession(std::shared_ptr<OperatorImpl> impl) : impl_(std::move(impl)) {}
Tenants OperatorSession::tenants() const { return Internal::make<Tenants>(impl_); }
Partners OperatorSession::partners() const { return Internal::make<Partners>(impl_); }
Plans OperatorSession::plans() const { return Internal::make<Plans>(impl_); }
TokenKeys OperatorSession::token_keys() const { return Internal::make<TokenKeys>(impl_); }
BackupStores OperatorSession::backup_stores() const { return Internal::make<BackupStores>(impl_); }
Audit OperatorSession::audit() const { return Internal::make<Audit>(std::make_shared<AuditImpl>(AuditImpl{nullptr, impl_})); }
void OperatorSession::close() noexcept { impl_->closed.store(true, std::memory_order_release); }

Tenants::Tenants(std::shared_ptr<OperatorImpl> impl) : impl_(std::move(impl)) {}

Tenant Tenants::create(const TenantOptions& options) {
    const auto pass = impl_->enter();
    base::check_slug("region", options.region);
    impl_->engine->check_region(options.region);
    auto tenant = impl_->engine->registry->create(impl_->actor, options);
    impl_->engine->workspace(tenant.id).make();
    return tenant;
}

Tenant Tenants::get(const TenantId& id) const {
    if (auto tenant = find(id)) return *std::move(tenant);
    throw NotFound("there is no such tenant", {.subject = id.text()});
}

std::optional<Tenant> Tenants::find(const TenantId& id) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->find(impl_->actor, id);
}

std::optional<Tenant> Tenants::find_slug(const std::string& slug) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->find_slug(impl_->actor, slug);
}

std::vector<Tenant> Tenants::list(const TenantFilter& filter) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->list(impl_->actor, filter);
}

Tenant Tenants::update(const TenantUpdate& change) {
    const auto pass = impl_->enter();
    return impl_->engine->registry->update(impl_->actor, change);
}

Tenant Tenants::activate(const TenantId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    return impl_->go_on(impl_->engine->registry->activate(impl_->actor, id, reason));
}

Tenant Tenants::extend_trial(const TenantId& id, Duration by, const std::string& reason) {
    const auto pass = impl_->enter();
    return impl_->go_on(impl_->engine->registry->extend_trial(impl_->actor, id, by, reason));
}

Tenant Tenants::suspend(const TenantId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    auto tenant = impl_->engine->registry->suspend(impl_->actor, id, reason);
    impl_->engine->halt(id);
    return tenant;
}

Tenant Tenants::resume(const TenantId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    return impl_->go_on(impl_->engine->registry->resume(impl_->actor, id, reason));
}

Tenant Tenants::archive(const TenantId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    auto tenant = impl_->engine->registry->archive(impl_->actor, id, reason);
    impl_->engine->halt(id);
    return tenant;
}

Tenant Tenants::undo_erase(const TenantId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    return impl_->go_on(impl_->engine->registry->undo_erase(impl_->actor, id, reason));
}

Tenant Tenants::erase(const EraseOptions& options) {
    const auto pass = impl_->enter();
    if (options.undo_window < Duration::zero() || options.undo_window > erase_window_max)
        throw InvalidArgument("an undo window is between 0 and 366 days", {.subject = "undo_window"});
    auto tenant = impl_->engine->registry->start_erasure(impl_->actor, options);
    impl_->engine->halt(tenant.id);
    if (options.undo_window > Duration::zero()) return tenant;
    impl_->engine->erase(tenant.id);
    return *impl_->engine->registry->find(impl_->actor, options.tenant);
}

PlanChange Tenants::preview_plan(const PlanChangeOptions& options) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->preview_plan(impl_->actor, options);
}

PlanChange Tenants::change_plan(const PlanChangeOptions& options) {
    const auto pass = impl_->enter();
    return impl_->engine->registry->change_plan(impl_->actor, options);
}

Tenant Tenants::keep_plan(const TenantId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    return impl_->engine->registry->keep_plan(impl_->actor, id, reason);
}

std::vector<PlanChange> Tenants::plan_changes(const TenantId& id) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->plan_changes(impl_->actor, id);
}

LimitOverride Tenants::grant_limit(const LimitOptions& options) {
    const auto pass = impl_->enter();
    return impl_->engine->registry->grant_limit(impl_->actor, options);
}

void Tenants::revoke_limit(const TenantId& id, const std::string& name, const std::string& reason) {
    const auto pass = impl_->enter();
    impl_->engine->registry->revoke_limit(impl_->actor, id, name, reason);
}

UsageReceipt Tenants::correct_usage(const CorrectionOptions& options) {
    const auto pass = impl_->enter();
    return impl_->engine->registry->correct_usage(impl_->actor, options);
}

UsageCheck Tenants::rebuild_usage(const TenantId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    return impl_->engine->registry->rebuild_usage(impl_->actor, id, reason);
}

std::vector<LimitOverride> Tenants::limits(const TenantId& id) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->limits(impl_->actor, id);
}

ErasureReceipt Tenants::erasure_receipt(const TenantId& id) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->erasure_receipt(impl_->actor, id);
}

LegalHold Tenants::place_legal_hold(const LegalHoldOptions& options) {
    const auto pass = impl_->enter();
    return impl_->engine->registry->place_legal_hold(impl_->actor, options);
}

void Tenants::lift_legal_hold(const TenantId& id, const std::string& name, const std::string& reason) {
    const auto pass = impl_->enter();
    impl_->engine->registry->lift_legal_hold(impl_->actor, id, name, reason);
}

std::vector<LegalHold> Tenants::legal_holds(const TenantId& id) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->legal_holds(impl_->actor, id);
}

Plans::Plans(std::shared_ptr<OperatorImpl> impl) : impl_(std::move(impl)) {}

std::vector<Plan> Plans::list() const {
    const auto pass = impl_->enter();
    impl_->engine->registry->note(impl_->actor, "plan.list", "");
    std::vector<Plan> plans;
    for (const auto& terms : impl_->engine->registry->catalogues().plans()) plans.push_back(terms->plan);
    return plans;
}

Plan Plans::get(const std::string& name) const {
    if (auto plan = find(name)) return *std::move(plan);
    return impl_->engine->registry->catalogues().get(name)->plan;  // throws
}

std::optional<Plan> Plans::find(const std::string& name) const {
    const auto pass = impl_->enter();
    const auto terms = impl_->engine->registry->catalogues().find(name);
    impl_->engine->registry->note(impl_->actor, "plan.read", terms ? name : "");
    return terms ? std::optional(terms->plan) : std::nullopt;
}

}  // namespace tenon
