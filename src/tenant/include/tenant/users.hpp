#pragma once

#include <optional>
#include <string>
#include <vector>

#include <db/database.hpp>
#include <tenant/actor.hpp>
#include <tenant/permissions.hpp>
#include <tenon/access.hpp>

/// Users, the roles of a tenant's own, and what is granted in single projects.
///
/// Functions work in the caller's transaction and write the audit record of what they do. Whoever may give something hands in
/// what he has himself, `held`: nobody gives what he lacks, and nobody changes somebody who may more than he. Every change moves
/// the tenant's access version (tenant/live.hpp).
namespace tenon::tenant::access {

std::vector<db::Migration> migrations();
/// What this part keeps of a tenant that is erased.
void remove_rows(db::SystemTx& tx, const TenantId& id);

/// A built-in role, or one of the tenant's own.
struct RoleRef {
    std::optional<Role> role{};
    std::optional<RoleId> custom{};
};
/// What it includes. Throws NotFound, InvalidArgument unless exactly one is given.
PermissionSet permissions_of(db::Reader& reader, const RoleRef& role);
/// Throws PermissionDenied unless `held` includes `given`, naming the first that is missing.
void check_held(const PermissionSet& held, const PermissionSet& given, const char* what);

namespace roles {
CustomRole create(db::Tx& tx, const Actor& actor, const PermissionSet& held, const RoleId& id, const RoleOptions& options, Time now);
[[nodiscard]] std::optional<CustomRole> find(db::Reader& reader, const RoleId& id);
[[nodiscard]] std::optional<CustomRole> find_name(db::Reader& reader, const std::string& name);
CustomRole get(db::Reader& reader, const RoleId& id);
std::vector<CustomRole> list(db::Reader& reader);
CustomRole update(db::Tx& tx, const Actor& actor, const PermissionSet& held, const RoleId& id, const RoleOptions& options, Time now);
void remove(db::Tx& tx, const Actor& actor, const RoleId& id, Time now);
}  // namespace roles

namespace users {
/// Throws InvalidArgument.
void check_email(std::string_view field, const std::string& email);

User create(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& id, const UserOptions& options, Time now);
[[nodiscard]] std::optional<User> find(db::Reader& reader, const UserId& id);
[[nodiscard]] std::optional<User> find_email(db::Reader& reader, const std::string& email);
User get(db::Reader& reader, const UserId& id);
std::vector<User> list(db::Reader& reader, const UserFilter& filter);
User update(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserUpdateOptions& options, Time now);
User disable(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& id, Time now);
User enable(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& id, Time now);
void remove(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& id, Time now);
/// Throws PermissionDenied unless `held` includes all that the user may, anywhere.
void check_over(db::Reader& reader, const PermissionSet& held, const User& user);

void grant(db::Tx& tx, const Actor& actor, const PermissionSet& held, const ProjectGrant& grant, Time now);
void revoke(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& user, const ProjectId& project, Time now);
std::vector<ProjectGrant> grants(db::Reader& reader, const UserId& user);
/// The project is being removed.
void forget_project(db::Tx& tx, const ProjectId& project);
}  // namespace users

}  // namespace tenon::tenant::access
