#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <db/database.hpp>
#include <scope_maker.hpp>
#include <temp_folder.hpp>

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

class Store : public ::testing::Test {
protected:
    void SetUp() override {
        reopen();
    }
    void TearDown() override { database.reset(); }

    Options options() const { return {.file = folder / "metadata.db"}; }
    void reopen() {
        database.reset();
        database = Database::open(options(), example_tables());
    }
    template <class T> T fresh() { return base::new_id<T>(base::system_clock()->now()); }
    ProjectId add_project(const TenantScope& scope, const std::string& name) {
        const auto id = fresh<ProjectId>();
        database->write(scope, [&](Tx& tx) { tx.exec(insert_project, id, name); });
        return id;
    }
    std::int64_t count(const TenantScope& scope) {
        return database->read(scope, [](Reader& r) {
            auto rows = r.query(count_projects);
            rows.next();
            return rows.i64(0);
        });
    }

    tests::TempFolder folder;
    std::unique_ptr<Database> database;
    TenantScope a = ScopeMaker::tenant(fresh<TenantId>());
    TenantScope b = ScopeMaker::tenant(fresh<TenantId>());
    SystemScope system = ScopeMaker::system();
};

}  // namespace tenon::db::testing
