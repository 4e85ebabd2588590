#pragma once

#include <string>
#include <string_view>

namespace tenon::db {

/// The SQL that makes a tenant's table anew, with its rows, columns and constraints as they are, for rows that are mostly longer
/// than about 1,000 bytes: those are not clustered by their key but found through it, because looking for a place among
/// clustered rows compares whole ones.
std::string tenant_table_for_long_rows(std::string_view name, std::string_view columns, std::string_view constraints);

}  // namespace tenon::db
