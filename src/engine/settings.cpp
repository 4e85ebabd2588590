#include <tenon/settings.hpp>

#include <base/json.hpp>
#include <tenant/settings.hpp>

#include "core.hpp"

namespace tenon {
namespace {

namespace setting_rows = tenant::settings;
using engine::Permission;

/// A brand of one's own is what the plan sells; anything else only needs the right to change settings.
engine::Gate::Pass enter_to_write(const SessionImpl& session, SettingsKind kind) {
    return session.enter(kind == SettingsKind::branding ? Permission::branding_write : Permission::settings_write);
}

template <class Write> SettingsDocument change(const SessionImpl& session, const SettingsOptions& options, const char* action, Write write) {
    const auto pass = enter_to_write(session, options.kind);
    const auto at = session.now();
    return session.change(action, to_string(options.kind), [&](db::Tx& tx) { return write(tx, session.actor, options, at); });
}

base::Json own_brand(const Brand& brand) {
    auto document = base::Json::object();
    document.set("product", brand.product);
    if (!brand.vendor.empty()) document.set("vendor", brand.vendor);
    if (!brand.url.empty()) document.set("url", brand.url);
    return document;
}

}  // namespace

Settings::Settings(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

SettingsDocument Settings::get(SettingsKind kind) const {
    const auto pass = impl_->enter(Permission::settings_read);
    return impl_->read([&](db::Reader& reader) { return setting_rows::get(reader, kind); });
}

SettingsDocument Settings::put(const SettingsOptions& options) { return change(*impl_, options, "settings.put", setting_rows::put); }

SettingsDocument Settings::patch(const SettingsOptions& options) { return change(*impl_, options, "settings.patch", setting_rows::patch); }

std::string Settings::schema(SettingsKind kind) const {
    const auto pass = impl_->enter(Permission::settings_read);
    return setting_rows::schema(kind);
}

std::string Settings::brand() const {
    const auto pass = impl_->enter(Permission::settings_read);
    const auto& registry = *impl_->engine->registry;
    const auto standing = registry.standing(impl_->scope.tenant());
    const auto now = impl_->now();
    auto document = own_brand(impl_->engine->options.brand);
    if (const auto& partner = standing->tenant.partner)
        document = setting_rows::merged(std::move(document), base::parse_json(registry.partner_branding(*partner)));
    if (tenant::may_white_label(standing->tenant, *standing->terms_at(now), now)) {
        const auto own = impl_->read([](db::Reader& reader) { return setting_rows::get(reader, SettingsKind::branding); });
        document = setting_rows::merged(std::move(document), base::parse_json(own.body));
    }
    return base::to_json(document);
}

}  // namespace tenon
