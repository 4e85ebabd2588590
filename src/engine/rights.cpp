// What a session may do: looked up once, remembered until anything moves that decides it.

#include <tenon/session.hpp>

#include <algorithm>

#include <tenant/live.hpp>

#include "core.hpp"

TENON_BEGIN

namespace access = tenant::access;
using engine::Granted;
using engine::Permission;

std::uint64_t SessionImpl::version() const noexcept {
    // Both only grow, so their sum is never again what it was.
    return engine->registry->version() + tenant::live::access_version_of(scope.tenant());
}

std::shared_ptr<const Granted> SessionImpl::granted() const {
    const auto now = engine->now();
    const auto current = version();
    {
        const std::lock_guard lock(granted_mutex_);
        if (granted_ && granted_->version == current && (!granted_->until || now < *granted_->until)) return granted_;
    }
    auto found = std::make_shared<Granted>();
    found->version = current;
    const auto standing = engine->registry->standing(scope.tenant());
    found->state = standing->state_at(now);
    const bool stored = identity.user || identity.key || identity.login || identity.role.custom;
    found->rights = stored ? read([&](db::Reader& reader) { return access::rights_of(reader, identity, now); })
                           : access::Rights{.role = identity.role, .everywhere = tenant::permissions_of(*identity.role.role)};
    found->mask = tenant::permissions_of(found->state) & tenant::permissions_of(standing->terms_at(now)->plan.features);
    found->everywhere = found->rights.everywhere & found->mask;
    found->until = found->rights.until;
    // A trial ends and a planned plan begins by itself; whatever else becomes of a tenant is a change that moves the version.
    for (const auto& moment : {standing->tenant.trial_ends_at, standing->tenant.plan_changes_at})
        if (moment && *moment > now && (!found->until || *moment < *found->until)) found->until = moment;
    remember(found);
    return found;
}

void SessionImpl::remember(std::shared_ptr<const Granted> granted) const {
    const std::lock_guard lock(granted_mutex_);
    known_rights.keep(granted->version, granted->everywhere, granted->until);
    granted_ = std::move(granted);
}

engine::Gate::Pass SessionImpl::enter(Permission permission) const {
    auto pass = engine->gate.enter();
    if (closed.load(std::memory_order_acquire)) throw Closed("the session is closed");
    if (known_rights.allows(version(), permission, [this] { return engine->now(); }).value_or(false)) return pass;
    demand(permission, granted()->everywhere);
    return pass;
}

engine::Gate::Pass SessionImpl::enter(Permission permission, const ProjectId& project) const {
    auto pass = enter_open();
    demand(permission, granted()->in(project));
    return pass;
}

engine::Gate::Pass SessionImpl::enter_somewhere(Permission permission) const {
    auto pass = enter_open();
    const auto now_granted = granted();
    auto allowed = now_granted->everywhere;
    for (const auto& [project, set] : now_granted->rights.projects) allowed = allowed | now_granted->in(project);
    demand(permission, allowed);
    return pass;
}

engine::Gate::Pass SessionImpl::enter_for(const UserId& user, Permission permission) const {
    return is_user(user) ? enter_open() : enter(permission);
}

engine::Gate::Pass SessionImpl::enter_open() const {
    auto pass = engine->gate.enter();
    if (closed.load(std::memory_order_acquire)) throw Closed("the session is closed");
    const auto state = granted()->state;
    if (!engine::allows(state, Permission::project_read))
        throw PermissionDenied(std::string("the tenant is ") + to_string(state), {.subject = scope.tenant().text()});
    return pass;
}

void SessionImpl::check_state(Permission permission) const {
    const auto state = granted()->state;
    if (engine::allows(state, permission)) return;
    throw PermissionDenied(std::string("the tenant is ") + to_string(state) + ": this needs it to be active",
                           {.subject = engine::to_string(permission)});
}

void SessionImpl::demand(Permission permission, const engine::PermissionSet& allowed) const {
    if (allowed.has(permission)) return;
    try {
        const auto now_granted = granted();
        const auto& rights = now_granted->rights;
        const std::string subject = engine::to_string(permission);
        if (now_granted->mask.has(permission) || !rights.everywhere.has(permission)) {
            const std::string role = rights.role.role ? to_string(*rights.role.role) : "of its own";
            const std::string who = identity.key ? "the key" : "the role " + role;
            throw PermissionDenied(who + " does not include this", {.subject = subject});
        }
        check_state(permission);
        throw PermissionDenied("the tenant's plan does not include this", {.subject = subject});
    } catch (const PermissionDenied& refusal) {
        engine->refusals->append(scope, actor, {.time = now(), .action = "session.call", .target = engine::to_string(permission)}, refusal);
        throw;
    }
}

Principal Session::principal() const {
    const auto pass = impl_->enter_open();
    const auto granted = impl_->granted();
    const auto& identity = impl_->identity;
    return {.kind = identity.kind,
            .actor = impl_->actor.id,
            .user = granted->rights.user,
            .key = identity.key,
            .login = identity.login,
            .role = granted->rights.role.role,
            .custom_role = granted->rights.role.custom,
            .permissions = tenant::names_of(granted->everywhere),
            .expires_at = granted->rights.until};
}

bool Session::may(const std::string& permission) const {
    const auto pass = impl_->enter_open();
    const auto named = tenant::permission_named(permission);
    if (!named) throw InvalidArgument("no permission is called \"" + permission.substr(0, 64) + "\"", {.subject = "permission"});
    return impl_->may(*named);
}

bool Session::may_in(const std::string& permission, const ProjectId& project) const {
    const auto pass = impl_->enter_open();
    const auto named = tenant::permission_named(permission);
    if (!named) throw InvalidArgument("no permission is called \"" + permission.substr(0, 64) + "\"", {.subject = "permission"});
    return impl_->may(*named, project);
}

TENON_END
