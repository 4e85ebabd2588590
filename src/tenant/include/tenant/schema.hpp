#pragma once

#include <vector>

#include <db/migration.hpp>

namespace tenon::tenant {

/// The tables of this room. Layouts: docs/design/tenant.md.
std::vector<db::Migration> migrations();

}  // namespace tenon::tenant
