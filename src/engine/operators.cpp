#include <tenon/operator.hpp>

#include <base/text.hpp>

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

OperatorSession::OperatorSession(std::shared_ptr<OperatorImpl> impl) : impl_(std::move(impl)) {}
Tenants OperatorSession::tenants() const { return Internal::make<Tenants>(impl_); }
Plans OperatorSession::plans() const { return Internal::make<Plans>(impl_); }
Audit OperatorSession::audit() const { return Internal::make<Audit>(std::make_shared<AuditImpl>(AuditImpl{nullptr, impl_})); }
void OperatorSession::close() noexcept { impl_->closed.store(true, std::memory_order_release); }

Tenants::Tenants(std::shared_ptr<OperatorImpl> impl) : impl_(std::move(impl)) {}

Tenant Tenants::create(const TenantOptions& options) {
    const auto pass = impl_->enter();
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

Tenant Tenants::suspend(const TenantId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    auto tenant = impl_->engine->registry->suspend(impl_->actor, id, reason);
    impl_->engine->halt(id);
    return tenant;
}

Tenant Tenants::resume(const TenantId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    auto tenant = impl_->engine->registry->resume(impl_->actor, id, reason);
    impl_->engine->workspace(id).make();
    for (auto* part : impl_->engine->parts) part->resume(id);
    return tenant;
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

Plans::Plans(std::shared_ptr<OperatorImpl> impl) : impl_(std::move(impl)) {}

std::vector<Plan> Plans::list() const {
    const auto pass = impl_->enter();
    std::vector<Plan> plans;
    for (const auto& terms : impl_->engine->registry->catalogues().plans()) plans.push_back(terms->plan);
    return plans;
}

Plan Plans::get(const std::string& name) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->catalogues().get(name)->plan;
}

std::optional<Plan> Plans::find(const std::string& name) const {
    const auto pass = impl_->enter();
    const auto terms = impl_->engine->registry->catalogues().find(name);
    return terms ? std::optional(terms->plan) : std::nullopt;
}

}  // namespace tenon
