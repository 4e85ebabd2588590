#pragma once

#include <cstdint>

#include <tenon/operator.hpp>
#include <tenon/session.hpp>

namespace tenon::engine {

/// What a call needs. One bit each in a role's set.
enum class Permission : std::uint8_t {
    project_read, project_write,
    asset_read, asset_write,
    render_read, render_write,
    export_read, export_remove,
    camera_read, camera_write,
    recording_read, recording_export,
    backup_read, backup_write, backup_restore, backup_forget, backup_keys,
    job_read, job_cancel,
    quota_read, quota_hold,
    usage_read, audit_read, event_read,
    settings_read, settings_write, branding_write,
    count_
};

const char* to_string(Permission permission) noexcept;

/// Whether a role includes a permission.
bool allows(Role role, Permission permission) noexcept;

/// Whether a tenant in this state may do it at all: one in its trial shows no brand of its own; a suspended one reads and takes its
/// data out, nothing else; an archived one does so without new backups.
bool allows(TenantState state, Permission permission) noexcept;

}  // namespace tenon::engine
