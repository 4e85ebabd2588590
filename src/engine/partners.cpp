#include <tenon/partner.hpp>

#include "core.hpp"

namespace tenon {

Partners::Partners(std::shared_ptr<OperatorImpl> impl) : impl_(std::move(impl)) {}

Partner Partners::create(const PartnerOptions& options) {
    const auto pass = impl_->enter();
    return impl_->engine->registry->create_partner(impl_->actor, options);
}

Partner Partners::get(const PartnerId& id) const {
    if (auto partner = find(id)) return *std::move(partner);
    throw NotFound("there is no such partner", {.subject = id.text()});
}

std::optional<Partner> Partners::find(const PartnerId& id) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->find_partner(impl_->actor, id);
}

std::optional<Partner> Partners::find_slug(const std::string& slug) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->find_partner_slug(impl_->actor, slug);
}

std::vector<Partner> Partners::list(const PartnerFilter& filter) const {
    const auto pass = impl_->enter();
    return impl_->engine->registry->list_partners(impl_->actor, filter);
}

Partner Partners::update(const Partner& changed) {
    const auto pass = impl_->enter();
    return impl_->engine->registry->update_partner(impl_->actor, changed);
}

void Partners::remove(const PartnerId& id, const std::string& reason) {
    const auto pass = impl_->enter();
    impl_->engine->registry->remove_partner(impl_->actor, id, reason);
}

}  // namespace tenon
