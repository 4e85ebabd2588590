#include <base/id.hpp>
#include <tenon/access.hpp>

#include "access.hpp"
#include "core.hpp"

namespace tenon {

namespace access = tenant::access;
namespace key_rows = tenant::access::keys;
using engine::Permission;

namespace {

/// What a key makes does not outlive it, nor what a secret makes that works on for a time of grace alone.
void check_lasts(const SessionImpl& session, const engine::Granted& granted, const std::optional<Time>& ends) {
    const auto& until = granted.rights.until;
    if (session.identity.key && until && (!ends || *ends > *until))
        throw PermissionDenied("a key that ends gives none that lasts longer", {.subject = "expires_at"});
}

}  // namespace

ApiKeys::ApiKeys(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

NewApiKey ApiKeys::create(const ApiKeyOptions& options) {
    const auto pass = impl_->enter(Permission::key_write);
    const auto at = impl_->now();
    const auto id = base::new_id<KeyId>(at);
    const auto granted = impl_->granted();
    const access::KeyText text{.kid = access::new_kid(), .secret = access::new_key_secret()};
    const auto& prefix = impl_->engine->access->key_prefix();
    const auto& hasher = impl_->engine->access->hasher();
    auto made = impl_->change("key.create", id.text(), [&](db::Tx& tx) {
        check_lasts(*impl_, *granted, options.expires_at);
        return key_rows::create(tx, impl_->actor, granted->rights.everywhere, granted->rights.user, id, text, prefix, hasher, options, at);
    });
    return {.key = std::move(made.key), .secret = std::move(made.secret)};
}

ApiKey ApiKeys::get(const KeyId& id) const {
    const auto pass = impl_->enter(Permission::key_read);
    return impl_->read([&](db::Reader& reader) { return key_rows::get(reader, id); });
}

std::optional<ApiKey> ApiKeys::find(const KeyId& id) const {
    const auto pass = impl_->enter(Permission::key_read);
    return impl_->read([&](db::Reader& reader) { return key_rows::find(reader, id); });
}

std::vector<ApiKey> ApiKeys::list(const ApiKeyFilter& filter) const {
    const auto pass = impl_->enter(Permission::key_read);
    return impl_->read([&, at = impl_->now()](db::Reader& reader) { return key_rows::list(reader, filter, at); });
}

NewApiKey ApiKeys::rotate(const RotateOptions& options) {
    const auto pass = impl_->enter(Permission::key_write);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    const auto secret = access::new_key_secret();
    const auto& hasher = impl_->engine->access->hasher();
    auto made = impl_->change("key.rotate", options.key.text(), [&](db::Tx& tx) {
        check_lasts(*impl_, *granted, key_rows::get(tx, options.key).expires_at);
        return key_rows::rotate(tx, impl_->actor, granted->rights.everywhere, secret, hasher, options, at);
    });
    return {.key = std::move(made.key), .secret = std::move(made.secret)};
}

ApiKey ApiKeys::revoke(const KeyId& id) {
    const auto pass = impl_->enter(Permission::key_revoke);
    const auto at = impl_->now();
    return impl_->change("key.revoke", id.text(), [&](db::Tx& tx) { return key_rows::revoke(tx, impl_->actor, id, at); });
}

}  // namespace tenon
