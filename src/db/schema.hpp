#pragma once

#include <memory>
#include <vector>

#include <crypto/hash.hpp>
#include <db/database.hpp>

#include "connection.hpp"

namespace tenon::db {

/// Makes or lifts the file's tables under its write lock, and reads which tables the walls must know.
std::shared_ptr<const Registry> prepare_schema(const Options& options, const std::vector<Migration>& migrations);

// Random, and never to change: how a metadata file is told from any other SQLite file, and one whose rows were moved elsewhere from
// one that is a store. Earlier versions know the first one only, and refuse the second, too.
constexpr std::int64_t file_application_id = 0x36c9a1f7;
constexpr std::int64_t moved_application_id = 0x5d20b3c4;

/// SHA-256 of a step's SQL.
crypto::Digest step_checksum(const Migration& step);

}  // namespace tenon::db
