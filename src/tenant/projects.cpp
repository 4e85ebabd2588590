#include <tenant/projects.hpp>

#include <base/text.hpp>
#include <tenant/audit.hpp>
#include <tenant/quota.hpp>
#include <tenant/users.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::projects {
namespace {

constexpr db::TenantStmt insert{
    "INSERT INTO project_ (tenant_id, id, name, created_at) VALUES (:tenant, :id, :name, :created_at)"};
constexpr db::TenantStmt find_id{"SELECT id, name, created_at FROM project WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt page{
    "SELECT id, name, created_at FROM project WHERE tenant_id = :tenant AND id > :after ORDER BY id LIMIT :limit"};
constexpr db::TenantStmt update{"UPDATE project_ SET name = :name WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt drop{"DELETE FROM project_ WHERE tenant_id = :tenant AND id = :id"};

Project project_of(const db::Rows& rows) {
    return {.id = rows.id<ProjectId>(0), .name = rows.text(1), .created_at = rows.time(2)};
}

base::Json named(const std::string& name) {
    auto details = base::Json::object();
    details.set("name", name);
    return details;
}

}  // namespace

void check(const ProjectOptions& options) { base::check_name("name", options.name); }

Project create(db::Tx& tx, const Actor& actor, const ProjectId& id, const ProjectOptions& options, Time now) {
    check(options);
    quota::charge(tx, {Resource::projects, 1}, now);
    tx.exec(insert, id, options.name, now);
    audit::append(tx, actor, {.time = now, .action = "project.create", .target = id.text(), .details = named(options.name)});
    return {.id = id, .name = options.name, .created_at = now};
}

std::optional<Project> find(db::Reader& reader, const ProjectId& id) {
    auto rows = reader.query(find_id, id);
    if (!rows.next()) return std::nullopt;
    return project_of(rows);
}

Project get(db::Reader& reader, const ProjectId& id) {
    if (auto project = find(reader, id)) return *std::move(project);
    throw NotFound("there is no such project", {.subject = id.text()});
}

void check_page(const ProjectFilter& filter) {
    if (filter.limit < 1 || filter.limit > 1000) throw InvalidArgument("must lie between 1 and 1000", {.subject = "limit"});
}

std::vector<Project> list(db::Reader& reader, const ProjectFilter& filter) {
    check_page(filter);
    std::vector<Project> list;
    for (auto rows = reader.query(page, filter.after.value_or(ProjectId{}), filter.limit); rows.next();)
        list.push_back(project_of(rows));
    return list;
}

Project rename(db::Tx& tx, const Actor& actor, const ProjectId& id, const std::string& name, Time now) {
    check({.name = name});
    auto project = get(tx, id);
    tx.exec(update, name, id);
    auto details = named(name);
    details.set("was", project.name);
    audit::append(tx, actor, {.time = now, .action = "project.rename", .target = id.text(), .details = std::move(details)});
    project.name = name;
    return project;
}

void remove(db::Tx& tx, const Actor& actor, const ProjectId& id, Time now) {
    const auto project = get(tx, id);
    access::users::forget_project(tx, id);
    tx.exec(drop, id);
    quota::free(tx, {Resource::projects, 1}, now);
    audit::append(tx, actor, {.time = now, .action = "project.remove", .target = id.text(), .details = named(project.name)});
}

}  // namespace tenon::tenant::projects
