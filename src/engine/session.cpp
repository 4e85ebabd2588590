#include <tenon/session.hpp>

#include <algorithm>

#include <base/file.hpp>
#include <base/text.hpp>
#include <tenon/access.hpp>

#include "core.hpp"
#include "streams.hpp"
#include "watches.hpp"

TENON_BEGIN

void SessionImpl::check_outside(const std::filesystem::path& path, std::string_view field, bool own) const {
    engine->check_outside(path, field, own ? &workspace : nullptr);
}

void EngineImpl::check_outside(const std::filesystem::path& path, std::string_view field, const engine::Workspace* own) const {
    std::error_code error;
    const auto target = std::filesystem::weakly_canonical(path, error);
    if (error) base::throw_errno("cannot follow the path", path.string(), error.value());
    const auto lies_in = [&](const std::filesystem::path& folder) {
        const auto root = std::filesystem::weakly_canonical(folder, error);
        return std::mismatch(root.begin(), root.end(), target.begin(), target.end()).first == root.end();
    };
    if (!lies_in(home.root) || (own && lies_in(own->root))) return;
    throw PermissionDenied("the path leads into the engine's home", {.subject = std::string(field)});
}

Session::Session(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}
TenantId Session::tenant() const { return impl_->scope.tenant(); }
Tenant Session::info() const {
    const auto pass = impl_->enter(engine::Permission::settings_read);
    return tenant::as_of(impl_->engine->registry->standing(impl_->scope.tenant())->tenant, impl_->now());
}
std::filesystem::path Session::workspace() const { return impl_->workspace.root; }

Projects Session::projects() const { return Internal::make<Projects>(impl_); }
Assets Session::assets() const { return Internal::make<Assets>(impl_); }
Takeouts Session::takeouts() const { return Internal::make<Takeouts>(impl_); }
Renders Session::renders() const { return Internal::make<Renders>(impl_); }
Cameras Session::cameras() const { return Internal::make<Cameras>(impl_); }
Backups Session::backups() const { return Internal::make<Backups>(impl_); }
Exports Session::exports() const { return Internal::make<Exports>(impl_); }
Pictures Session::pictures() const { return Internal::make<Pictures>(impl_); }
Recurrences Session::recurrences() const { return Internal::make<Recurrences>(impl_); }
Jobs Session::jobs() const { return Internal::make<Jobs>(impl_); }
Quotas Session::quotas() const { return Internal::make<Quotas>(impl_); }
Usage Session::usage() const { return Internal::make<Usage>(impl_); }
Settings Session::settings() const { return Internal::make<Settings>(impl_); }
Users Session::users() const { return Internal::make<Users>(impl_); }
Roles Session::roles() const { return Internal::make<Roles>(impl_); }
ApiKeys Session::api_keys() const { return Internal::make<ApiKeys>(impl_); }
Logins Session::logins() const { return Internal::make<Logins>(impl_); }
Issuers Session::issuers() const { return Internal::make<Issuers>(impl_); }
Audit Session::audit() const { return Internal::make<Audit>(std::make_shared<AuditImpl>(AuditImpl{impl_, nullptr})); }
void Session::close() noexcept {
    if (impl_->closed.exchange(true, std::memory_order_acq_rel) || impl_->engine->gate.forked()) return;
    impl_->engine->watches->session_closed(impl_);
}

// ---- events ----

EventStream::EventStream(std::shared_ptr<EventStreamImpl> impl) : impl_(std::move(impl)) {}

EventStream Session::subscribe(const SubscribeOptions& options) {
    const auto pass = impl_->enter(engine::Permission::event_read);
    return Internal::make<EventStream>(
        std::make_shared<EventStreamImpl>(impl_, impl_->engine->events->subscribe(impl_->scope, options)));
}

std::optional<Event> EventStream::next(Duration timeout) {
    const auto pass = impl_->session->enter(engine::Permission::event_read);
    return impl_->subscription->next(timeout);
}

std::int64_t EventStream::number() const noexcept { return impl_->number; }

void EventStream::close() noexcept {
    if (!impl_->session->engine->gate.forked()) impl_->subscription->close();
}

TENON_END
