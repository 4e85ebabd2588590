#pragma once

#include <optional>

#include "move_rows.hpp"
#include "pg_connection.hpp"

namespace tenon::db {

/// The database that a store is moved into. Everything up to commit() is one transaction, during which nobody else writes there.
class MoveTarget {
public:
    explicit MoveTarget(const MoveOptions& options);

    struct Unfinished {
        std::string name;  ///< Of the move.
        std::string file;  ///< Whose rows it was to get.
    };
    /// What an earlier move left.
    std::optional<Unfinished> unfinished();
    bool holds_store();
    void drop();

    /// The tables, empty and open to copy(), with the mark of a move that has not ended.
    void make(const std::vector<Migration>& migrations, const std::string& name);
    /// Throws InternalError unless the tables have these columns.
    void check_shape(const std::vector<MoveTable>& tables);
    /// `rows` hands every row of the table to its argument, in order.
    void copy(const MoveTable& table, const std::function<void(const std::function<void(Row)>&)>& rows);
    /// Keys between tables, security by row, counters: all as in a database that was never moved to. Throws Corrupt.
    void close_tables();
    /// Reads a table back.
    MovedTable digest(const MoveTable& table, const std::function<void()>& each);
    void commit();
    /// In a transaction of its own: the store may be opened, and has this in `meta`.
    void finish(const std::string& name_key, const std::string& name);

    /// For tests: something that nobody expects.
    void damage(const char* sql) { connection_.run(sql); }

private:
    std::vector<std::string> names(const char* sql);

    const MoveOptions& options_;
    const Options store_;
    PgConnection connection_;
    std::vector<std::string> tables_{};
    std::vector<std::string> references_{};  ///< What makes them anew.
};

}  // namespace tenon::db
