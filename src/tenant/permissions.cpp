#include <tenant/permissions.hpp>

#include <algorithm>

#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

using P = Permission;

struct Named {
    Permission permission;
    const char* name;
};

constexpr Named table[] = {
    {P::project_read, "project:read"},         {P::project_write, "project:write"},
    {P::asset_read, "asset:read"},             {P::asset_write, "asset:write"},
    {P::render_read, "render:read"},           {P::render_write, "render:write"},
    {P::export_read, "export:read"},           {P::export_remove, "export:remove"},
    {P::camera_read, "camera:read"},           {P::camera_write, "camera:write"},
    {P::recording_read, "recording:read"},     {P::recording_export, "recording:export"},
    {P::backup_read, "backup:read"},           {P::backup_write, "backup:write"},
    {P::backup_restore, "backup:restore"},     {P::backup_forget, "backup:forget"},
    {P::backup_keys, "backup:keys"},           {P::job_read, "job:read"},
    {P::job_cancel, "job:cancel"},             {P::quota_read, "quota:read"},
    {P::quota_hold, "quota:hold"},             {P::usage_read, "usage:read"},
    {P::audit_read, "audit:read"},             {P::event_read, "event:read"},
    {P::user_read, "user:read"},               {P::user_write, "user:write"},
    {P::role_read, "role:read"},               {P::role_write, "role:write"},
    {P::key_read, "key:read"},                 {P::key_write, "key:write"},
    {P::key_revoke, "key:revoke"},             {P::login_read, "login:read"},
    {P::login_end, "login:end"},               {P::issuer_read, "issuer:read"},
    {P::issuer_write, "issuer:write"},         {P::settings_read, "settings:read"},
    {P::settings_write, "settings:write"},     {P::tenant_read, "tenant:read"},
    {P::tenant_write, "tenant:write"},         {P::branding_write, "branding:write"},
    {P::billing_read, "billing:read"},         {P::billing_write, "billing:write"},
    {P::usage_write, "usage:write"},
    {P::audit_write, "audit:write"},           {P::tenant_export, "tenant:export"},
};

constexpr bool is_whole() {
    std::size_t next = 0;
    for (const auto& each : table)
        if (static_cast<std::size_t>(each.permission) != next++) return false;
    return next == static_cast<std::size_t>(P::count_);
}
static_assert(is_whole(), "every permission has its name, at its number's place");

constexpr PermissionSet all = PermissionSet::everything();
constexpr PermissionSet reads{P::project_read, P::asset_read, P::render_read, P::export_read, P::camera_read, P::recording_read,
                              P::backup_read, P::job_read, P::quota_read, P::usage_read, P::event_read, P::settings_read};
constexpr PermissionSet access_reads{P::user_read, P::role_read, P::key_read, P::login_read, P::issuer_read, P::tenant_read};
constexpr PermissionSet takes_out{P::recording_export, P::backup_write, P::backup_restore, P::audit_read, P::job_cancel};
// Shutting somebody out is possible as long as anybody can be in.
constexpr PermissionSet shuts_out{P::key_revoke, P::login_end};
// A person's right to be forgotten does not wait for an invoice to be paid.
constexpr PermissionSet forgets{P::audit_write};
// Everything at once, users and audit trail included: the owner's, in every state that lets anybody in.
constexpr PermissionSet takes_all{P::tenant_export};
constexpr PermissionSet money{P::billing_read, P::billing_write};

constexpr PermissionSet of_role(Role role) {
    switch (role) {
        case Role::owner: return all;
        // Who administrates does not also decide what is remembered of it.
        case Role::admin: return all - money - PermissionSet{P::tenant_write, P::audit_write} - takes_all;
        case Role::billing: return money | PermissionSet{P::quota_read, P::usage_read, P::settings_read, P::tenant_read};
        case Role::editor:
            return reads | PermissionSet{P::project_write, P::asset_write, P::render_write, P::export_remove, P::recording_export,
                                         P::job_cancel, P::quota_hold};
        case Role::camera_operator:
            return {P::camera_read, P::camera_write, P::recording_read, P::recording_export, P::export_read, P::job_read,
                    P::job_cancel, P::quota_read, P::event_read, P::settings_read};
        case Role::viewer:
            return {P::project_read, P::asset_read, P::render_read, P::export_read, P::camera_read, P::recording_read, P::settings_read};
        case Role::auditor: return reads | access_reads | PermissionSet{P::audit_read, P::billing_read};
        case Role::support: return {P::job_read, P::event_read, P::usage_read, P::quota_read, P::settings_read};
    }
    return {};
}

constexpr PermissionSet of_state(TenantState state) {
    switch (state) {
        case TenantState::trial: return all - PermissionSet{P::branding_write};
        case TenantState::active: return all;
        case TenantState::suspended: return reads | access_reads | takes_out | shuts_out | forgets | takes_all | money;
        case TenantState::archived:
            return (reads | access_reads | takes_out | shuts_out | forgets | takes_all | PermissionSet{P::billing_read}) -
                   PermissionSet{P::backup_write};
        case TenantState::erasing:
        case TenantState::erased: return {};
    }
    return {};
}

/// Permissions that a plan must have a feature for; with several, any of them is enough.
struct Needs {
    Permission permission;
    std::string_view feature;
};
constexpr Needs needed[] = {{P::branding_write, "white_label"}, {P::branding_write, "custom_branding"}};

}  // namespace

const char* to_string(Permission permission) noexcept { return table[static_cast<std::size_t>(permission)].name; }

std::optional<Permission> permission_named(std::string_view name) noexcept {
    for (const auto& each : table)
        if (name == each.name) return each.permission;
    return std::nullopt;
}

std::vector<std::string> names_of(const PermissionSet& set) {
    std::vector<std::string> names;
    for (const auto& each : table)
        if (set.has(each.permission)) names.emplace_back(each.name);
    return names;
}

PermissionSet set_of(const std::vector<std::string>& names, std::string_view field) {
    PermissionSet set;
    for (const auto& name : names) {
        const auto permission = permission_named(name);
        if (!permission) throw InvalidArgument("no permission is called \"" + name.substr(0, 64) + "\"", {.subject = std::string(field)});
        set.add(*permission);
    }
    return set;
}

base::ByteVector stored(const PermissionSet& set) {
    base::ByteVector bytes;
    for (const auto word : set.words) base::append_le(bytes, word);
    return bytes;
}

PermissionSet from_stored(base::ByteView bytes) {
    if (bytes.size() != PermissionSet::stored_size) throw Corrupt("a stored set of permissions has another size", {.subject = "permissions"});
    PermissionSet set;
    for (std::size_t i = 0; i < PermissionSet::word_count; ++i) set.words[i] = base::load_le<std::uint64_t>(bytes.data() + i * 8);
    return set & all;
}

PermissionSet permissions_of(Role role) noexcept { return of_role(role); }
PermissionSet permissions_of(TenantState state) noexcept { return of_state(state); }

PermissionSet permissions_of(const std::vector<std::string>& features) noexcept {
    auto set = all;
    for (const auto& each : needed) set = set - PermissionSet{each.permission};
    for (const auto& each : needed)
        if (std::ranges::find(features, each.feature) != features.end()) set.add(each.permission);
    return set;
}

void check_role(std::string_view field, Role role) {
    if (role < Role::owner || role > Role::support) throw InvalidArgument("there is no such role", {.subject = std::string(field)});
}

}  // namespace tenon::tenant
