#pragma once

#include "connection.hpp"

namespace tenon::db {

/// A statement that is running. Its first row is fetched at once: a re-preparation after a schema change, which asks
/// the authorizer again, can then happen only while this statement is the connection's current one.
struct Rows::Impl {
    Impl(Connection& connection, const Actor& actor, const StatementText& text);
    ~Impl();
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void bind(std::span<const Value> values, bool copy);
    void begin();
    void advance();
    int column_type(int column) const;
    void expect(int column, int type) const;

    Connection& connection;
    Actor actor;
    StatementText text;
    Prepared prepared;
    sqlite3_stmt* stmt;    ///< The one of `prepared`.
    bool row = false;      ///< A row is there.
    bool started = false;  ///< The caller has asked for it.
};

}  // namespace tenon::db
