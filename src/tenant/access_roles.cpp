#include <base/text.hpp>
#include <tenant/audit.hpp>
#include <tenant/live.hpp>
#include <tenant/users.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::access {
namespace {

constexpr std::int64_t most_roles = 200;

constexpr db::TenantStmt insert_role{
    "INSERT INTO custom_role_ (tenant_id, id, name, bits, version, created_at) VALUES (:tenant, :id, :name, :bits, 1, :created_at)"};
constexpr db::TenantStmt role_by_id{"SELECT id, name, bits, version, created_at FROM custom_role WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt find_named{"SELECT id, name, bits, version, created_at FROM custom_role WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt all_roles{"SELECT id, name, bits, version, created_at FROM custom_role WHERE tenant_id = :tenant ORDER BY name"};
constexpr db::TenantStmt counted{"SELECT count(*) FROM custom_role WHERE tenant_id = :tenant"};
constexpr db::TenantStmt change_role{
    "UPDATE custom_role_ SET name = :name, bits = :bits, version = version + 1 WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt drop_role{"DELETE FROM custom_role_ WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt bearers{"SELECT count(*) FROM account WHERE tenant_id = :tenant AND role_id = :role"};
constexpr db::TenantStmt granted{"SELECT count(*) FROM project_grant WHERE tenant_id = :tenant AND role_id = :role"};
constexpr db::TenantStmt keys_with{"SELECT count(*) FROM api_key WHERE tenant_id = :tenant AND role_id = :role"};

CustomRole role_of(const db::Rows& rows) {
    return {.id = rows.id<RoleId>(0),
            .name = rows.text(1),
            .permissions = names_of(from_stored(rows.blob_view(2))),
            .version = static_cast<std::int32_t>(rows.i64(3)),
            .created_at = rows.time(4)};
}

std::int64_t count_of(db::Rows rows) {
    rows.next();
    return rows.i64(0);
}

base::Json details_of(const RoleOptions& options) {
    auto permissions = base::Json::array();
    for (const auto& name : options.permissions) permissions.push(name);
    auto details = base::Json::object();
    details.set("name", options.name).set("permissions", std::move(permissions));
    return details;
}

PermissionSet checked(const PermissionSet& held, const RoleOptions& options) {
    base::check_name("name", options.name);
    const auto set = set_of(options.permissions, "permissions");
    check_held(held, set, "role");
    return set;
}

[[noreturn]] void refuse_name(const std::string& name) { throw Conflict("a role is called \"" + name + "\" already", {.subject = name}); }

}  // namespace

PermissionSet permissions_of(db::Reader& reader, const RoleRef& role) {
    if (role.role.has_value() == role.custom.has_value())
        throw InvalidArgument("give a built-in role or a custom one, one of the two", {.subject = "role"});
    if (role.role) {
        check_role("role", *role.role);
        return tenant::permissions_of(*role.role);
    }
    auto rows = reader.query(role_by_id, *role.custom);
    if (!rows.next()) throw NotFound("there is no such role", {.subject = role.custom->text()});
    return from_stored(rows.blob_view(2));
}

void check_held(const PermissionSet& held, const PermissionSet& given, const char* what) {
    const auto missing = names_of(given - held);
    if (!missing.empty())
        throw PermissionDenied(std::string("nobody gives what he may not do himself: the ") + what + " includes it", {.subject = missing.front()});
}

namespace roles {

CustomRole create(db::Tx& tx, const Actor& actor, const PermissionSet& held, const RoleId& id, const RoleOptions& options, Time now) {
    const auto set = checked(held, options);
    if (count_of(tx.query(counted)) >= most_roles) throw Conflict("a tenant has 200 roles of its own at most", {.subject = "roles"});
    if (find_name(tx, options.name)) refuse_name(options.name);
    tx.exec(insert_role, id, options.name, stored(set), now);
    audit::append(tx, actor, {.time = now, .action = "role.create", .target = id.text(), .details = details_of(options)});
    return get(tx, id);
}

std::optional<CustomRole> find(db::Reader& reader, const RoleId& id) {
    auto rows = reader.query(role_by_id, id);
    if (!rows.next()) return std::nullopt;
    return role_of(rows);
}

std::optional<CustomRole> find_name(db::Reader& reader, const std::string& name) {
    auto rows = reader.query(find_named, name);
    if (!rows.next()) return std::nullopt;
    return role_of(rows);
}

CustomRole get(db::Reader& reader, const RoleId& id) {
    if (auto role = find(reader, id)) return *std::move(role);
    throw NotFound("there is no such role", {.subject = id.text()});
}

std::vector<CustomRole> list(db::Reader& reader) {
    std::vector<CustomRole> list;
    for (auto rows = reader.query(all_roles); rows.next();) list.push_back(role_of(rows));
    return list;
}

CustomRole update(db::Tx& tx, const Actor& actor, const PermissionSet& held, const RoleId& id, const RoleOptions& options, Time now) {
    const auto was = get(tx, id);
    // Taking from a role that may more than he would be changing what others may.
    check_held(held, set_of(was.permissions, "permissions"), "role as it was");
    const auto set = checked(held, options);
    if (const auto same = find_name(tx, options.name); same && same->id != id) refuse_name(options.name);
    tx.exec(change_role, options.name, stored(set), id);
    live::access_moved(tx);
    audit::append(tx, actor, {.time = now, .action = "role.update", .target = id.text(), .details = details_of(options)});
    return get(tx, id);
}

void remove(db::Tx& tx, const Actor& actor, const RoleId& id, Time now) {
    const auto role = get(tx, id);
    if (count_of(tx.query(bearers, id)) + count_of(tx.query(granted, id)) + count_of(tx.query(keys_with, id)) > 0)
        throw Conflict("users, grants or keys still have the role: give them another one first", {.subject = id.text()});
    tx.exec(drop_role, id);
    live::access_moved(tx);  // sessions by the host's word may have it still
    auto details = base::Json::object();
    details.set("name", role.name);
    audit::append(tx, actor, {.time = now, .action = "role.remove", .target = id.text(), .details = std::move(details)});
}

}  // namespace roles
}  // namespace tenon::tenant::access
