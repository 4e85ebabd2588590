#include <algorithm>

#include <base/text.hpp>
#include <tenant/audit.hpp>
#include <tenant/live.hpp>
#include <tenant/projects.hpp>
#include <tenant/quota.hpp>
#include <tenant/users.hpp>
#include <tenon/error.hpp>

#include "access_text.hpp"

namespace tenon::tenant::access::users {
namespace {

constexpr std::size_t longest_email = 254;  // RFC 5321

// Column order is shared by all that reads a row: see user_of.
#define TENON_USER_COLUMNS "SELECT id, email, name, state, role, role_id, password IS NOT NULL, factor IS NOT NULL, last_login_at, locked_until, " \
    "created_at FROM account WHERE tenant_id = :tenant"
constexpr db::TenantStmt find_id{TENON_USER_COLUMNS " AND id = :id"};
constexpr db::TenantStmt find_by_email{TENON_USER_COLUMNS " AND email_key = :email"};
constexpr db::TenantStmt page{TENON_USER_COLUMNS
                              " AND id > :after AND (:state = 0 OR state = :state) "
                              "AND (:search = '' OR instr(email_key, :search) > 0 OR instr(name_key, :search) > 0) ORDER BY id LIMIT :limit"};
#undef TENON_USER_COLUMNS
constexpr db::TenantStmt insert{
    "INSERT INTO account_ (tenant_id, id, email, email_key, name, name_key, state, role, role_id, created_at) "
    "VALUES (:tenant, :id, :email, :email_key, :name, :name_key, :state, :role, :role_id, :created_at)"};
constexpr db::TenantStmt change{
    "UPDATE account_ SET email = :email, email_key = :email_key, name = :name, name_key = :name_key, role = :role, role_id = :role_id "
    "WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt set_state{"UPDATE account_ SET state = :state WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt other_owners{
    "SELECT count(*) FROM account WHERE tenant_id = :tenant AND role = :owner AND state <> :disabled AND id <> :id"};
constexpr db::TenantStmt drop_logins{"DELETE FROM login_ WHERE tenant_id = :tenant AND account = :id"};
constexpr db::TenantStmt drop_tickets{"DELETE FROM ticket_ WHERE tenant_id = :tenant AND account = :id"};
constexpr db::TenantStmt drop_codes{"DELETE FROM recovery_code_ WHERE tenant_id = :tenant AND account = :id"};
constexpr db::TenantStmt drop_keys{"DELETE FROM api_key_ WHERE tenant_id = :tenant AND account = :id"};
constexpr db::TenantStmt drop_grants{"DELETE FROM project_grant_ WHERE tenant_id = :tenant AND account = :id"};
constexpr db::TenantStmt drop_user{"DELETE FROM account_ WHERE tenant_id = :tenant AND id = :id"};

constexpr db::TenantStmt put_grant{
    "INSERT INTO project_grant_ (tenant_id, account, project, role, role_id) VALUES (:tenant, :account, :project, :role, :role_id) "
    "ON CONFLICT (tenant_id, account, project) DO UPDATE SET role = excluded.role, role_id = excluded.role_id"};
constexpr db::TenantStmt drop_grant{"DELETE FROM project_grant_ WHERE tenant_id = :tenant AND account = :account AND project = :project"};
constexpr db::TenantStmt drop_project{"DELETE FROM project_grant_ WHERE tenant_id = :tenant AND project = :project"};
constexpr db::TenantStmt all_grants{
    "SELECT account, project, role, role_id FROM project_grant WHERE tenant_id = :tenant AND account = :account ORDER BY project"};

RoleRef role_of(const std::optional<Role>& role, const std::optional<RoleId>& custom) { return {role, custom}; }

std::optional<Role> maybe_role(const db::Rows& rows, int column) {
    const auto number = rows.maybe_i64(column);
    return number ? std::optional(static_cast<Role>(*number)) : std::nullopt;
}

User user_of(const db::Rows& rows) {
    return {.id = rows.id<UserId>(0),
            .email = rows.text(1),
            .name = rows.text(2),
            .state = static_cast<UserState>(rows.i64(3)),
            .role = maybe_role(rows, 4),
            .custom_role = rows.maybe_id<RoleId>(5),
            .has_password = rows.boolean(6),
            .second_factor = rows.boolean(7),
            .last_login_at = rows.maybe_time(8),
            .locked_until = rows.maybe_time(9),
            .created_at = rows.time(10)};
}

std::optional<User> first_of(db::Rows rows) {
    if (!rows.next()) return std::nullopt;
    return user_of(rows);
}

base::Json details_of(const User& user) {
    auto details = base::Json::object();
    details.set("email", user.email).set("name", user.name);
    details.set("role", user.role ? std::string(to_string(*user.role)) : user.custom_role->text());
    return details;
}

void record(db::Tx& tx, const Actor& actor, const char* action, const User& user, Time now) {
    live::access_moved(tx);
    audit::append(tx, actor, {.time = now, .action = action, .target = user.id.text(), .details = details_of(user)});
}

bool is_working_owner(const User& user) { return user.role == Role::owner && user.state != UserState::disabled; }

void check_not_last_owner(db::Reader& reader, const User& user) {
    if (!is_working_owner(user)) return;
    auto rows = reader.query(other_owners, Role::owner, UserState::disabled, user.id);
    rows.next();
    if (rows.i64(0) == 0) throw Conflict("the last owner stays: make somebody else an owner first", {.subject = user.id.text()});
}

void check_free(db::Reader& reader, const std::string& email, const UserId& self) {
    const auto other = find_email(reader, email);
    if (other && other->id != self) throw Conflict("a user of this tenant has the email already", {.subject = email});
}

}  // namespace

void check_email(std::string_view field, const std::string& email) {
    base::check_name(field, email);
    const auto at = email.find('@');
    if (email.size() > longest_email || at == 0 || at == std::string::npos || at + 1 == email.size() ||
        email.find('@', at + 1) != std::string::npos || email.find(' ') != std::string::npos)
        throw InvalidArgument("an email is written like anna@example.org", {.subject = std::string(field)});
}

User create(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& id, const UserOptions& options, Time now) {
    check_email("email", options.email);
    base::check_name("name", options.name);
    const auto role = options.custom_role ? RoleRef{{}, options.custom_role} : RoleRef{options.role, {}};
    check_held(held, permissions_of(tx, role), "role");
    check_free(tx, options.email, id);
    quota::charge(tx, {Resource::seats, 1}, now);
    tx.exec(insert, id, options.email, lower(options.email), options.name, lower(options.name), UserState::invited, role.role, role.custom, now);
    auto user = get(tx, id);
    record(tx, actor, "user.create", user, now);
    return user;
}

std::optional<User> find(db::Reader& reader, const UserId& id) { return first_of(reader.query(find_id, id)); }
std::optional<User> find_email(db::Reader& reader, const std::string& email) { return first_of(reader.query(find_by_email, lower(email))); }

User get(db::Reader& reader, const UserId& id) {
    if (auto user = find(reader, id)) return *std::move(user);
    throw NotFound("there is no such user", {.subject = id.text()});
}

std::vector<User> list(db::Reader& reader, const UserFilter& filter) {
    if (filter.limit < 1 || filter.limit > 1000) throw InvalidArgument("must lie between 1 and 1000", {.subject = "limit"});
    base::check_text("search", filter.search, 200);
    const auto state = filter.state ? static_cast<std::int64_t>(*filter.state) : 0;
    std::vector<User> list;
    for (auto rows = reader.query(page, filter.after.value_or(UserId{}), state, lower(filter.search), filter.limit); rows.next();)
        list.push_back(user_of(rows));
    return list;
}

void check_over(db::Reader& reader, const PermissionSet& held, const User& user) {
    auto all = permissions_of(reader, role_of(user.role, user.custom_role));
    for (const auto& each : grants(reader, user.id)) all = all | permissions_of(reader, role_of(each.role, each.custom_role));
    check_held(held, all, "user's role");
}

User update(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserUpdateOptions& options, Time now) {
    const auto was = get(tx, options.user);
    check_over(tx, held, was);
    auto user = was;
    if (options.email) {
        check_email("email", *options.email);
        check_free(tx, *options.email, user.id);
        user.email = *options.email;
    }
    if (options.name) {
        base::check_name("name", *options.name);
        user.name = *options.name;
    }
    if (options.role || options.custom_role) {
        check_held(held, permissions_of(tx, role_of(options.role, options.custom_role)), "role");
        user.role = options.role;
        user.custom_role = options.custom_role;
        if (!is_working_owner(user)) check_not_last_owner(tx, was);
    }
    tx.exec(change, user.email, lower(user.email), user.name, lower(user.name), user.role, user.custom_role, user.id);
    record(tx, actor, "user.update", user, now);
    return user;
}

User disable(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& id, Time now) {
    auto user = get(tx, id);
    check_over(tx, held, user);
    if (user.state == UserState::disabled) return user;
    check_not_last_owner(tx, user);
    user.state = UserState::disabled;
    tx.exec(set_state, user.state, id);
    tx.exec(drop_logins, id);
    tx.exec(drop_tickets, id);
    quota::free(tx, {Resource::seats, 1}, now);
    record(tx, actor, "user.disable", user, now);
    return user;
}

User enable(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& id, Time now) {
    auto user = get(tx, id);
    check_over(tx, held, user);
    if (user.state != UserState::disabled) return user;
    quota::charge(tx, {Resource::seats, 1}, now);
    user.state = user.has_password ? UserState::active : UserState::invited;
    tx.exec(set_state, user.state, id);
    record(tx, actor, "user.enable", user, now);
    return user;
}

void remove(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& id, Time now) {
    const auto user = get(tx, id);
    check_over(tx, held, user);
    check_not_last_owner(tx, user);
    for (const auto* each : {&drop_logins, &drop_tickets, &drop_codes, &drop_keys, &drop_grants, &drop_user}) tx.exec(*each, id);
    if (user.state != UserState::disabled) quota::free(tx, {Resource::seats, 1}, now);
    record(tx, actor, "user.remove", user, now);
}

void grant(db::Tx& tx, const Actor& actor, const PermissionSet& held, const ProjectGrant& grant, Time now) {
    const auto user = get(tx, grant.user);
    check_over(tx, held, user);
    projects::get(tx, grant.project);
    check_held(held, permissions_of(tx, role_of(grant.role, grant.custom_role)), "role");
    tx.exec(put_grant, user.id, grant.project, grant.role, grant.custom_role);
    live::access_moved(tx);
    auto details = base::Json::object();
    details.set("project", grant.project.text()).set("role", grant.role ? std::string(to_string(*grant.role)) : grant.custom_role->text());
    audit::append(tx, actor, {.time = now, .action = "user.grant", .target = user.id.text(), .details = std::move(details)});
}

void revoke(db::Tx& tx, const Actor& actor, const PermissionSet& held, const UserId& id, const ProjectId& project, Time now) {
    check_over(tx, held, get(tx, id));
    if (tx.exec(drop_grant, id, project) == 0)
        throw NotFound("nothing was granted to the user in this project", {.subject = project.text()});
    live::access_moved(tx);
    auto details = base::Json::object();
    details.set("project", project.text());
    audit::append(tx, actor, {.time = now, .action = "user.revoke", .target = id.text(), .details = std::move(details)});
}

std::vector<ProjectGrant> grants(db::Reader& reader, const UserId& user) {
    std::vector<ProjectGrant> list;
    for (auto rows = reader.query(all_grants, user); rows.next();)
        list.push_back({.user = rows.id<UserId>(0), .project = rows.id<ProjectId>(1), .role = maybe_role(rows, 2),
            .custom_role = rows.maybe_id<RoleId>(3)});
    return list;
}

void forget_project(db::Tx& tx, const ProjectId& project) {
    if (tx.exec(drop_project, project) > 0) live::access_moved(tx);
}

}  // namespace tenon::tenant::access::users
