#include "cursor.hpp"

#include <string>

#include <tenon/error.hpp>

#include "errors.hpp"

namespace tenon::db {

SqliteRows::SqliteRows(SqliteConnection& c, const Actor& a, const StatementText& t) : Impl(t), connection(c), actor(a) {
    connection.running_ = &text;
    prepared = connection.take(text);
    stmt = prepared.stmt;
    ++connection.cursors_;
}

SqliteRows::~SqliteRows() {
    --connection.cursors_;
    connection.give_back(text, prepared);
}

void SqliteRows::bind(std::span<const Value> values, bool copy) {
    if (values.size() != text.parameters)
        throw InternalError("a statement takes " + std::to_string(text.parameters) + " arguments, not " +
                            std::to_string(values.size()) + ": " + text.sql);
    const bool scoped = text.kind == StatementText::Kind::tenant;
    const auto lifetime = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;
    std::size_t next = 0;
    for (int i = 1; i <= prepared.parameters; ++i) {
        int code = SQLITE_OK;
        if (scoped && i == prepared.tenant) {
            code = sqlite3_bind_blob(stmt, i, actor.tenant.data(), 16, SQLITE_STATIC);
        } else {
            if (next >= values.size()) throw InternalError(std::string("a statement misses arguments: ") + text.sql);
            const Value& value = values[next++];
            switch (value.kind()) {
                case Value::Kind::null: code = sqlite3_bind_null(stmt, i); break;
                case Value::Kind::integer: code = sqlite3_bind_int64(stmt, i, value.integer()); break;
                case Value::Kind::text:
                    code = sqlite3_bind_text64(stmt, i, value.size() ? static_cast<const char*>(value.data()) : "", value.size(),
                                               lifetime, SQLITE_UTF8);
                    break;
                case Value::Kind::blob:
                    code = sqlite3_bind_blob64(stmt, i, value.size() ? value.data() : "", value.size(), lifetime);
                    break;
            }
        }
        if (code != SQLITE_OK) throw_sqlite(code, text.sql);
    }
}

void SqliteRows::begin() {
    connection.running_ = &text;
    advance();
}

void SqliteRows::advance() {
    const int code = connection.step(actor, stmt);
    row = code == SQLITE_ROW;
    if (!row && code != SQLITE_DONE) connection.fail(text.sql[0] == 'D' || text.sql[0] == 'd');
}

int SqliteRows::column_type(int column) const {
    if (!row || !started) no_row();
    if (column < 0 || column >= sqlite3_column_count(stmt)) no_column(column);
    return sqlite3_column_type(stmt, column);
}

void SqliteRows::expect(int column, int type) const {
    if (column_type(column) != type) other_kind(column);
}

bool SqliteRows::next() {
    if (started && row) advance();
    started = true;
    return row;
}

bool SqliteRows::is_null(int column) const { return column_type(column) == SQLITE_NULL; }

std::int64_t SqliteRows::integer(int column) const {
    expect(column, SQLITE_INTEGER);
    return sqlite3_column_int64(stmt, column);
}

std::string_view SqliteRows::text_of(int column) const {
    expect(column, SQLITE_TEXT);
    const auto* found = reinterpret_cast<const char*>(sqlite3_column_text(stmt, column));
    return {found, static_cast<std::size_t>(sqlite3_column_bytes(stmt, column))};
}

std::span<const std::uint8_t> SqliteRows::blob(int column) const {
    expect(column, SQLITE_BLOB);
    const auto* found = static_cast<const std::uint8_t*>(sqlite3_column_blob(stmt, column));
    return {found, static_cast<std::size_t>(sqlite3_column_bytes(stmt, column))};
}

}  // namespace tenon::db
