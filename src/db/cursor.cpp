#include "cursor.hpp"

#include <string>

#include <tenon/error.hpp>

#include "errors.hpp"

namespace tenon::db {

Rows::Impl::Impl(Connection& c, const Actor& a, const StatementText& t) : connection(c), actor(a), text(t) {
    connection.running_ = &text;
    prepared = connection.take(text);
    stmt = prepared.stmt;
    ++connection.cursors_;
}

Rows::Impl::~Impl() {
    --connection.cursors_;
    connection.give_back(text, prepared);
}

void Rows::Impl::bind(std::span<const Value> values, bool copy) {
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

void Rows::Impl::begin() {
    connection.running_ = &text;
    advance();
}

void Rows::Impl::advance() {
    const int code = connection.step(actor, stmt);
    row = code == SQLITE_ROW;
    if (!row && code != SQLITE_DONE) connection.fail(text.sql[0] == 'D' || text.sql[0] == 'd');
}

int Rows::Impl::column_type(int column) const {
    if (!row || !started) throw InternalError(std::string("a column was read where there is no row: ") + text.sql);
    if (column < 0 || column >= sqlite3_column_count(stmt))
        throw InternalError("no column " + std::to_string(column) + ": " + text.sql);
    return sqlite3_column_type(stmt, column);
}

void Rows::Impl::expect(int column, int type) const {
    if (column_type(column) != type)
        throw InternalError("column " + std::to_string(column) + " holds something else: " + text.sql);
}

Rows::Rows(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Rows::Rows(Rows&&) noexcept = default;
Rows& Rows::operator=(Rows&&) noexcept = default;
Rows::~Rows() = default;

bool Rows::next() {
    if (impl_->started && impl_->row) impl_->advance();
    impl_->started = true;
    return impl_->row;
}

bool Rows::is_null(int column) const { return impl_->column_type(column) == SQLITE_NULL; }

std::int64_t Rows::i64(int column) const {
    impl_->expect(column, SQLITE_INTEGER);
    return sqlite3_column_int64(impl_->stmt, column);
}

std::string_view Rows::text_view(int column) const {
    impl_->expect(column, SQLITE_TEXT);
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(impl_->stmt, column));
    return {text, static_cast<std::size_t>(sqlite3_column_bytes(impl_->stmt, column))};
}

std::span<const std::uint8_t> Rows::blob_view(int column) const {
    impl_->expect(column, SQLITE_BLOB);
    const auto* blob = static_cast<const std::uint8_t*>(sqlite3_column_blob(impl_->stmt, column));
    return {blob, static_cast<std::size_t>(sqlite3_column_bytes(impl_->stmt, column))};
}

std::span<const std::uint8_t, 16> Rows::id_bytes(int column) const {
    const auto blob = blob_view(column);
    if (blob.size() != 16) throw InternalError("column " + std::to_string(column) + " holds no id: " + impl_->text.sql);
    return blob.first<16>();
}

}  // namespace tenon::db
