#pragma once

#include <vector>

#include <db/database.hpp>

namespace tenon::db {

/// Lifts a PostgreSQL database to the newest migrations, once, whoever starts together.
void prepare_pg_schema(const Options& options, const std::vector<Migration>& migrations);

/// Refuses (Unsupported) to go on where security by row would not hold: a login that passes it by, a table without it, a view
/// that reads as its owner, and what a try with two tenants shows.
void check_pg_walls(const Options& options);

}  // namespace tenon::db
