#pragma once

#include <string>
#include <vector>

#include <db/statement.hpp>

namespace tenon::db {

/// A declared statement as PostgreSQL reads it.
struct PgText {
    std::string sql;
    std::vector<int> arguments;  ///< For $1, $2 …: which of the caller's arguments, or `scope_argument`.
    static constexpr int scope_argument = -1;
    /// Not empty: the text to learn the parameters' types from, because `$1 IS NULL` says nothing of a type and PostgreSQL will
    /// not wait for the place that does.
    std::string probe{};
};

/// The rooms write one text for both engines. What PostgreSQL writes otherwise is few words, and they are changed here:
/// parameters, blob literals, null-safe comparison, types in CAST, and the columns of an upsert, which PostgreSQL finds ambiguous.
PgText pg_statement(const StatementText& text);

/// The statements that a migration's script means in PostgreSQL, in order: types, security by row in the place of triggers.
std::vector<std::string> pg_script(std::string_view script);

/// What makes rows of a table reachable only as its kind (`tenant`, `shared`, `system`) says.
std::vector<std::string> pg_walls(const std::string& table, std::string_view kind);

}  // namespace tenon::db
