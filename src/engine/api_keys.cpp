#include <base/id.hpp>
#include <tenon/access.hpp>

#include "access.hpp"
#include "core.hpp"

namespace tenon {

namespace access = tenant::access;
namespace rows = tenant::access::keys;
using engine::Permission;

ApiKeys::ApiKeys(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

NewApiKey ApiKeys::create(const ApiKeyOptions& options) {
    const auto pass = impl_->enter(Permission::key_write);
    const auto at = impl_->now();
    const auto id = base::new_id<KeyId>(at);
    const auto granted = impl_->granted();
    const access::KeyText text{.kid = access::new_kid(), .secret = access::new_key_secret()};
    const auto& engine = *impl_->engine->access;
    auto made = impl_->change("key.create", id.text(), [&](db::Tx& tx) {
        return rows::create(tx, impl_->actor, granted->rights.everywhere, granted->rights.user, id, text, engine.key_prefix(), engine.hasher,
                            options, at);
    });
    return {.key = std::move(made.key), .secret = std::move(made.secret)};
}

ApiKey ApiKeys::get(const KeyId& id) const {
    const auto pass = impl_->enter(Permission::key_read);
    return impl_->read([&](db::Reader& reader) { return rows::get(reader, id); });
}

std::optional<ApiKey> ApiKeys::find(const KeyId& id) const {
    const auto pass = impl_->enter(Permission::key_read);
    return impl_->read([&](db::Reader& reader) { return rows::find(reader, id); });
}

std::vector<ApiKey> ApiKeys::list(const ApiKeyFilter& filter) const {
    const auto pass = impl_->enter(Permission::key_read);
    return impl_->read([&, at = impl_->now()](db::Reader& reader) { return rows::list(reader, filter, at); });
}

NewApiKey ApiKeys::rotate(const RotateOptions& options) {
    const auto pass = impl_->enter(Permission::key_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    const auto secret = access::new_key_secret();
    auto made = impl_->change("key.rotate", options.key.text(), [&](db::Tx& tx) {
        return rows::rotate(tx, impl_->actor, granted->rights.everywhere, secret, impl_->engine->access->hasher, options, at);
    });
    return {.key = std::move(made.key), .secret = std::move(made.secret)};
}

ApiKey ApiKeys::revoke(const KeyId& id) {
    const auto pass = impl_->enter(Permission::key_revoke);
    const auto at = impl_->now();
    return impl_->change("key.revoke", id.text(), [&](db::Tx& tx) { return rows::revoke(tx, impl_->actor, id, at); });
}

}  // namespace tenon
