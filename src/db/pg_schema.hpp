#pragma once

#include <vector>

#include <db/database.hpp>

namespace tenon::db {

class PgConnection;

/// Lifts a PostgreSQL database to the newest migrations, once, whoever starts together.
void prepare_pg_schema(const Options& options, const std::vector<Migration>& migrations);

/// The same within the transaction of whoever is at it, in a database that has no schema `store` yet.
void make_pg_schema(PgConnection& c, const Options& options, const std::vector<Migration>& migrations);

/// Waits for whoever else writes, makes or moves something in the database, until the end of the transaction.
void lock_pg(PgConnection& c);
/// Throws Unsupported, PermissionDenied: a login that security by row does not bind, or that did not make the tables.
void refuse_pg_login(PgConnection& c);
[[noreturn]] void forbid_pg_tables();  ///< What SQLSTATE 42501 means to whoever makes them.
bool has_pg_table(PgConnection& c, const char* name);

/// The table that a database has as long as what is moved into it may not be all there. Nobody opens one that has it.
constexpr const char* pg_moving = "moving";

/// Refuses (Unsupported) to go on where security by row would not hold: a login that passes it by, a table without it, a view
/// that reads as its owner, and what a try with two tenants shows.
void check_pg_walls(const Options& options);

}  // namespace tenon::db
