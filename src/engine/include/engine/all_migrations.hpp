#pragma once

#include <vector>

#include <db/migration.hpp>

namespace tenon::engine {

/// Of every room, lower ones first.
std::vector<db::Migration> all_migrations();

}  // namespace tenon::engine
