#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <base/bytes.hpp>
#include <tenon/operator.hpp>
#include <tenon/session.hpp>

namespace tenon::tenant {

/// What a call needs. Sets of them are stored: append, never renumber. At most 256.
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
    user_read, user_write,
    role_read, role_write,
    key_read, key_write, key_revoke,
    login_read, login_end,
    issuer_read, issuer_write,
    settings_read, settings_write,
    tenant_read, tenant_write,
    branding_write,
    billing_read, billing_write,
    usage_write,
    audit_write,
    tenant_export,
    count_
};

/// A set of permissions: four words, whatever the table grows to.
class PermissionSet {
public:
    static constexpr std::size_t word_count = 4;
    static constexpr std::size_t stored_size = word_count * 8;

    constexpr PermissionSet() = default;
    constexpr PermissionSet(std::initializer_list<Permission> list) {
        for (const auto each : list) add(each);
    }
    static constexpr PermissionSet everything() {
        PermissionSet all;
        for (std::size_t i = 0; i < static_cast<std::size_t>(Permission::count_); ++i) all.add(static_cast<Permission>(i));
        return all;
    }

    constexpr bool has(Permission p) const noexcept { return words[index(p)] >> (static_cast<std::size_t>(p) % 64) & 1; }
    constexpr void add(Permission p) noexcept { words[index(p)] |= std::uint64_t{1} << (static_cast<std::size_t>(p) % 64); }
    constexpr bool includes(const PermissionSet& other) const noexcept { return (other & *this) == other; }
    constexpr bool empty() const noexcept { return *this == PermissionSet{}; }

    friend constexpr PermissionSet operator|(PermissionSet a, const PermissionSet& b) noexcept {
        for (std::size_t i = 0; i < word_count; ++i) a.words[i] |= b.words[i];
        return a;
    }
    friend constexpr PermissionSet operator&(PermissionSet a, const PermissionSet& b) noexcept {
        for (std::size_t i = 0; i < word_count; ++i) a.words[i] &= b.words[i];
        return a;
    }
    /// What `a` has and `b` lacks.
    friend constexpr PermissionSet operator-(PermissionSet a, const PermissionSet& b) noexcept {
        for (std::size_t i = 0; i < word_count; ++i) a.words[i] &= ~b.words[i];
        return a;
    }
    friend constexpr bool operator==(const PermissionSet&, const PermissionSet&) = default;

    std::array<std::uint64_t, word_count> words{};

private:
    static constexpr std::size_t index(Permission p) noexcept { return static_cast<std::size_t>(p) / 64; }
};
static_assert(static_cast<std::size_t>(Permission::count_) <= PermissionSet::word_count * 64);

/// "project:read"
const char* to_string(Permission permission) noexcept;
[[nodiscard]] std::optional<Permission> permission_named(std::string_view name) noexcept;

/// In the order of their numbers.
std::vector<std::string> names_of(const PermissionSet& set);
/// Throws InvalidArgument, subject `field`, for a name that no permission has.
PermissionSet set_of(const std::vector<std::string>& names, std::string_view field);

/// 32 bytes, little-endian. What a later version stored and this one does not know is kept out.
base::ByteVector stored(const PermissionSet& set);
/// Throws Corrupt.
PermissionSet from_stored(base::ByteView bytes);

/// What a role includes, what a tenant in a state may do at all (a suspended one reads and takes its data out, nothing else),
/// and what the features of a plan leave: permissions that no feature is needed for, and those whose feature it has.
PermissionSet permissions_of(Role role) noexcept;
PermissionSet permissions_of(TenantState state) noexcept;
PermissionSet permissions_of(const std::vector<std::string>& features) noexcept;

/// Throws InvalidArgument, subject `field`, for a number that is no role.
void check_role(std::string_view field, Role role);

}  // namespace tenon::tenant
