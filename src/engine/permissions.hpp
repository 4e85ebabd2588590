#pragma once

#include <tenant/permissions.hpp>

namespace tenon::engine {

using tenant::Permission;
using tenant::PermissionSet;
using tenant::to_string;

/// Whether a role includes a permission.
inline bool allows(Role role, Permission permission) noexcept { return tenant::permissions_of(role).has(permission); }

/// Whether a tenant in this state may do it at all.
inline bool allows(TenantState state, Permission permission) noexcept { return tenant::permissions_of(state).has(permission); }

}  // namespace tenon::engine
