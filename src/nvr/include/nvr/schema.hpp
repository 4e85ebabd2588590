#pragma once

#include <vector>

#include <db/migration.hpp>

namespace tenon::nvr {

/// The tables of this room. Layouts: docs/design/nvr.md.
std::vector<db::Migration> migrations();

}  // namespace tenon::nvr
