#pragma once

#include <memory>
#include <vector>

#include <db/database.hpp>

#include "connection.hpp"

namespace tenon::db {

/// Makes or lifts the file's tables under its write lock, and reads which tables the walls must know.
std::shared_ptr<const Registry> prepare_schema(const Options& options, const std::vector<Migration>& migrations);

}  // namespace tenon::db
