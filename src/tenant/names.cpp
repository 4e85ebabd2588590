#include <tenant/actor.hpp>
#include <tenon/access.hpp>
#include <tenon/operator.hpp>
#include <tenon/session.hpp>

TENON_BEGIN

const char* to_string(TenantState state) noexcept {
    switch (state) {
        case TenantState::trial: return "trial";
        case TenantState::active: return "active";
        case TenantState::suspended: return "suspended";
        case TenantState::archived: return "archived";
        case TenantState::erasing: return "erasing";
        case TenantState::erased: return "erased";
    }
    return "unknown";
}

const char* to_string(Role role) noexcept {
    switch (role) {
        case Role::owner: return "owner";
        case Role::admin: return "admin";
        case Role::billing: return "billing";
        case Role::editor: return "editor";
        case Role::camera_operator: return "camera_operator";
        case Role::viewer: return "viewer";
        case Role::auditor: return "auditor";
        case Role::support: return "support";
    }
    return "unknown";
}

const char* to_string(PrincipalKind kind) noexcept {
    switch (kind) {
        case PrincipalKind::host: return "host";
        case PrincipalKind::user: return "user";
        case PrincipalKind::key: return "key";
        case PrincipalKind::support: return "support";
    }
    return "unknown";
}

const char* to_string(UserState state) noexcept {
    switch (state) {
        case UserState::invited: return "invited";
        case UserState::active: return "active";
        case UserState::disabled: return "disabled";
    }
    return "unknown";
}

const char* to_string(KeyEnvironment environment) noexcept {
    switch (environment) {
        case KeyEnvironment::live: return "live";
        case KeyEnvironment::test: return "test";
    }
    return "unknown";
}

TENON_END

namespace tenon::tenant {

std::string_view to_string(ActorKind kind) noexcept {
    switch (kind) {
        case ActorKind::host: return "host";
        case ActorKind::operator_session: return "operator";
        case ActorKind::engine: return "engine";
        case ActorKind::user: return "user";
        case ActorKind::key: return "key";
    }
    return "unknown";
}

Actor engine_actor(std::string part) {
    return {.kind = ActorKind::engine, .id = std::move(part)};
}

}  // namespace tenon::tenant
