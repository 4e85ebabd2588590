#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <base/clock.hpp>
#include <db/migration.hpp>

namespace tenon::db {

/// How far a move is.
struct MoveStep {
    enum class Stage : unsigned char { copy = 1, verify = 2, finish = 3 };
    Stage stage = Stage::copy;
    std::string table{};     ///< That is being copied or read back.
    std::int64_t rows = 0;   ///< Of all tables, in this stage.
    std::int64_t total = 0;
};

struct MoveOptions {
    std::filesystem::path file{};                    ///< SQLite's, which no process has open.
    std::string postgres{};                          ///< As Options::postgres: of a database without the schema `store`.
    std::shared_ptr<const base::Clock> clock{};      ///< Unset: the system's.
    Duration busy_deadline = std::chrono::seconds(5);   ///< Waiting for who still has one of the two open.
    std::stop_token stop{};                          ///< Then the move ends by Cancelled, and nothing has changed.
    std::function<void(const MoveStep&)> tell{};     ///< Called on the calling thread, about every thousand rows.
    /// Called once the copy is durable and compared, and the file says that it is no longer the store; with the name that the database
    /// gets in `meta` under `name_key`. The database can be opened when it has returned. After a kill it is called again.
    std::function<void(const std::string& name)> moved{};
    std::string name_key{};
};

/// A table as both stores have it.
struct MovedTable {
    std::string name{};
    std::int64_t rows = 0;
    /// SHA-256 over the names and kinds of its columns and then its rows in the order of its primary key, every value with its kind and
    /// length: equal for two stores whose rows are equal.
    std::array<std::uint8_t, 32> digest{};
    bool operator==(const MovedTable&) const = default;
};

/// Copies every table of an SQLite store into an empty PostgreSQL database, reads it back, compares, and marks the file as moved, which no
/// Database opens any more. All of it or nothing: killed at any moment, the file is the store and a database that holds half of a move is
/// refused by Database::open; the next call begins anew or, where the file was marked already, ends what is left.
/// Takes the memory of one portion (256 KiB), or of the largest row.
///
/// Throws    NotFound (no such file), InvalidArgument, Conflict (the file is open somewhere, was moved already; the database holds a store or
///           another home's move), Unsupported (another schema version; a text that PostgreSQL cannot hold), Corrupt (what was read
///           back is not what was written; rows refer to nothing), Cancelled, Unavailable, NoSpace.
std::vector<MovedTable> move_to_postgres(const MoveOptions& options, const std::vector<Migration>& migrations);

}  // namespace tenon::db
