#pragma once

#include "connection.hpp"

namespace tenon::db {

/// A statement that is running. Its first row is fetched at once: a re-preparation after a schema change, which asks
/// the authorizer again, can then happen only while this statement is the connection's current one.
struct SqliteRows final : Rows::Impl {
    SqliteRows(SqliteConnection& connection, const Actor& actor, const StatementText& text);
    ~SqliteRows() override;

    bool next() override;
    bool is_null(int column) const override;
    std::int64_t integer(int column) const override;
    std::string_view text_of(int column) const override;
    std::span<const std::uint8_t> blob(int column) const override;

    void bind(std::span<const Value> values, bool copy);
    void begin();
    void advance();
    int column_type(int column) const;
    void expect(int column, int type) const;

    SqliteConnection& connection;
    Actor actor;
    Prepared prepared;
    sqlite3_stmt* stmt;    ///< The one of `prepared`.
    bool row = false;      ///< A row is there.
    bool started = false;  ///< The caller has asked for it.
};

}  // namespace tenon::db
