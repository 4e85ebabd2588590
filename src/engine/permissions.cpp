#include "permissions.hpp"

#include <array>
#include <initializer_list>

namespace tenon::engine {
namespace {

using P = Permission;

constexpr std::array<const char*, static_cast<std::size_t>(P::count_)> names{
    "project:read",   "project:write",    "asset:read",     "asset:write",  "render:read", "render:write", "export:read", "export:remove",
    "camera:read",    "camera:write",     "recording:read", "recording:export",
    "backup:read",    "backup:write",     "backup:restore", "backup:forget", "backup:keys",
    "job:read",       "job:cancel",       "quota:read",     "quota:hold",
    "usage:read",     "audit:read",       "event:read",     "settings:read", "settings:write", "branding:write"};

constexpr std::uint64_t bit(P p) { return std::uint64_t{1} << static_cast<unsigned>(p); }

constexpr std::uint64_t set(std::initializer_list<P> list) {
    std::uint64_t bits = 0;
    for (const P p : list) bits |= bit(p);
    return bits;
}

constexpr std::uint64_t all = bit(P::count_) - 1;
constexpr std::uint64_t reads = set({P::project_read, P::asset_read, P::render_read, P::export_read, P::camera_read,
                                     P::recording_read, P::backup_read, P::job_read, P::quota_read, P::usage_read, P::event_read,
                                     P::settings_read});
constexpr std::uint64_t takes_out = set({P::recording_export, P::backup_write, P::backup_restore, P::audit_read, P::job_cancel});

constexpr std::uint64_t of(Role role) {
    switch (role) {
        case Role::owner: return all;
        case Role::admin: return all;
        case Role::billing: return set({P::quota_read, P::usage_read, P::settings_read});
        case Role::editor:
            return reads | set({P::project_write, P::asset_write, P::render_write, P::export_remove, P::recording_export,
                                P::job_cancel, P::quota_hold});
        case Role::camera_operator:
            return set({P::camera_read, P::camera_write, P::recording_read, P::recording_export, P::export_read, P::job_read,
                        P::job_cancel, P::quota_read, P::event_read, P::settings_read});
        case Role::viewer:
            return set({P::project_read, P::asset_read, P::render_read, P::export_read, P::camera_read, P::recording_read, P::settings_read});
        case Role::auditor: return reads | set({P::audit_read});
        case Role::support: return set({P::job_read, P::event_read, P::usage_read, P::quota_read, P::settings_read});
    }
    return 0;
}

constexpr std::uint64_t of(TenantState state) {
    switch (state) {
        case TenantState::trial: return all & ~bit(P::branding_write);
        case TenantState::active: return all;
        case TenantState::suspended: return reads | takes_out;
        case TenantState::archived: return (reads | takes_out) & ~bit(P::backup_write);
        case TenantState::erasing:
        case TenantState::erased: return 0;
    }
    return 0;
}

}  // namespace

const char* to_string(Permission permission) noexcept { return names[static_cast<std::size_t>(permission)]; }
bool allows(Role role, Permission permission) noexcept { return of(role) & bit(permission); }
bool allows(TenantState state, Permission permission) noexcept { return of(state) & bit(permission); }

}  // namespace tenon::engine
