#pragma once

#include <span>

#include <db/database.hpp>

#include "records.hpp"

/// Every table that has rows of a tenant, once, for both who removes them and who tells of them: a new table must say here what an
/// erasure and a takeout do with it, and a test holds the list, and every column, against the schema.
namespace tenon::engine {

enum class Fate : bool {
    goes,   ///< An erased tenant has no such rows.
    stays,  ///< The tenant's row without its name, its audit trail without personal values.
};

struct TenantTable {
    const char* name;
    db::SystemStmt count;
    Fate fate;
    const records::Kind* told;      ///< As what a takeout tells of its rows.
    const char* untold = nullptr;   ///< Why it does not, if it does not.
};

std::span<const TenantTable> tenant_tables();

}  // namespace tenon::engine
