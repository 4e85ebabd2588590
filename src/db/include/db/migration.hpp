#pragma once

#include <string>
#include <string_view>

namespace tenon::db {

/// One numbered, forward-only step of a room's tables. Its SQL is hashed when applied: a released step never changes.
/// Each room offers `std::vector<db::Migration> migrations()`; engine joins them, lower rooms first.
struct Migration {
    std::string room;   ///< "tenant", "jobs" …
    int number = 0;     ///< 1, 2, 3 … within the room.
    std::string sql;    ///< Statements ended by `;`, mostly what the functions below return.
};

/// The SQL of a table owned by tenants: table `name_` (STRICT; its first column is `tenant_id BLOB NOT NULL`, added
/// here), view `name` that shows the scope's own rows, and triggers that refuse rows of anybody else. Read from `name`,
/// write to `name_`.
///
///     tenant_table("asset", "id BLOB NOT NULL, project_id BLOB NOT NULL, name TEXT NOT NULL",
///                  "PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, project_id) REFERENCES project_ (tenant_id, id)")
///
/// The primary key and every reference to a tenant table begin with tenant_id, else InvalidArgument. Rows are clustered
/// by the primary key. An index is made by a plain `CREATE INDEX … ON name_ (tenant_id, …);`.
std::string tenant_table(std::string_view name, std::string_view columns, std::string_view constraints);

/// A table of the engine or the operator; no tenant statement reaches it.
std::string system_table(std::string_view name, std::string_view columns, std::string_view constraints = "");

/// A table that tenants may read through SharedStmt (plans, catalogues) and system statements write.
std::string shared_table(std::string_view name, std::string_view columns, std::string_view constraints = "");

}  // namespace tenon::db
