#pragma once

#include <vector>

#include <db/database.hpp>

namespace tenon::db::testing {

/// Projects and their assets of two tenants: enough to be wrong about.
inline std::vector<Migration> example_tables() {
    return {{"example", 1,
             tenant_table("project", "id BLOB NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1, note TEXT, at INTEGER",
                          "PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name)") +
                 tenant_table("asset", "id BLOB NOT NULL, project_id BLOB NOT NULL, size INTEGER NOT NULL",
                              "PRIMARY KEY (tenant_id, id), "
                              "FOREIGN KEY (tenant_id, project_id) REFERENCES project_ (tenant_id, id)") +
                 tenant_table("domain", "host TEXT NOT NULL", "PRIMARY KEY (tenant_id, host), UNIQUE (host)") +
                 system_table("secret", "id INTEGER PRIMARY KEY, value TEXT NOT NULL") +
                 shared_table("plan", "name TEXT PRIMARY KEY NOT NULL, lim INTEGER NOT NULL")}};
}

inline constexpr TenantStmt insert_project{"INSERT INTO project_ (tenant_id, id, name) VALUES (:tenant, :id, :name)"};
inline constexpr TenantStmt find_project{"SELECT name, version FROM project WHERE tenant_id = :tenant AND id = :id"};
inline constexpr TenantStmt count_projects{"SELECT count(*) FROM project WHERE tenant_id = :tenant"};
inline constexpr TenantStmt rename_project{
    "UPDATE project_ SET name = :name, version = version + 1 WHERE tenant_id = :tenant AND id = :id"};
inline constexpr TenantStmt insert_asset{
    "INSERT INTO asset_ (tenant_id, id, project_id, size) VALUES (:tenant, :id, :project, :size)"};
inline constexpr TenantStmt list_assets{
    "SELECT p.name, a.id, a.size FROM project p JOIN asset a ON a.tenant_id = :tenant AND a.project_id = p.id "
    "WHERE p.tenant_id = :tenant ORDER BY a.id"};
inline constexpr TenantStmt drop_project{"DELETE FROM project_ WHERE tenant_id = :tenant AND id = :id"};
inline constexpr SystemStmt count_all{"SELECT count(*) FROM project_"};

}  // namespace tenon::db::testing
