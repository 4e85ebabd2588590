#include "move_target.hpp"

#include <limits>
#include <set>

#include <base/text.hpp>
#include <tenon/error.hpp>

#include "pg_errors.hpp"
#include "pg_schema.hpp"

namespace tenon::db {
namespace {

constexpr std::string_view copy_signature{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
constexpr std::size_t portion = 256 * 1024;

/// COPY is not to be had in pipeline mode.
class PlainMode {
public:
    explicit PlainMode(PGconn* handle) : handle_(handle) {
        if (PQexitPipelineMode(handle_) != 1) throw InternalError("the connection to the database server is busy");
    }
    ~PlainMode() { PQenterPipelineMode(handle_); }
    PlainMode(const PlainMode&) = delete;
    PlainMode& operator=(const PlainMode&) = delete;

private:
    PGconn* const handle_;
};

[[noreturn]] void fail_copy(PGconn* handle, const PGresult* result, const std::string& table) {
    const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
    const char* text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
    if (!state || PQstatus(handle) != CONNECTION_OK) throw Unavailable("the connection to the database server was lost", {.retryable = true});
    throw_postgres(state, table + ": " + (text ? text : ""), false);
}

void begin_copy(PGconn* handle, const std::string& sql, ExecStatusType expected, const std::string& table) {
    const PgResult begun(PQexec(handle, sql.c_str()));
    if (PQresultStatus(begun.get()) != expected) fail_copy(handle, begun.get(), table);
}

/// How many rows it was about. Reads to the end of the conversation.
std::int64_t end_copy(PGconn* handle, const std::string& table) {
    PgResult last(PQgetResult(handle));
    while (PGresult* next = PQgetResult(handle)) PQclear(next);
    if (PQresultStatus(last.get()) != PGRES_COMMAND_OK) fail_copy(handle, last.get(), table);
    return std::strtoll(PQcmdTuples(last.get()), nullptr, 10);
}

void check_storable(const MoveTable& table, std::size_t column, const Cell& cell) {
    const auto where = [&] { return ErrorInfo{.subject = table.name + "." + table.columns[column].name}; };
    if (cell.kind != CellKind::null && cell.kind != table.columns[column].kind) throw Corrupt("a column holds a value of another kind", where());
    if (cell.bytes.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
        throw Unsupported("a value is longer than PostgreSQL can hold", where());
    if (cell.kind != CellKind::text) return;
    if (cell.bytes.find('\0') != std::string_view::npos) throw Unsupported("a text holds a NUL, which PostgreSQL cannot", where());
    if (!base::is_utf8(cell.bytes)) throw Unsupported("a text is not UTF-8, and PostgreSQL holds no other", where());
}

void put_row(std::string& out, const MoveTable& table, Row row) {
    append_number(out, row.size(), 2);
    for (std::size_t i = 0; i < row.size(); ++i) {
        const auto& cell = row[i];
        check_storable(table, i, cell);
        if (cell.kind == CellKind::null) {
            append_number(out, ~std::uint64_t{0}, 4);
        } else if (cell.kind == CellKind::integer) {
            append_number(out, 8, 4);
            append_number(out, static_cast<std::uint64_t>(cell.number), 8);
        } else {
            append_number(out, cell.bytes.size(), 4);
            out += cell.bytes;
        }
    }
}

/// What is left of one message of a binary COPY.
class CopyReader {
public:
    explicit CopyReader(std::string_view message) : left_(message) {}

    bool empty() const noexcept { return left_.empty(); }
    std::string_view take(std::size_t size) {
        if (size > left_.size()) throw InternalError("the database server's copy cannot be read");
        const auto taken = left_.substr(0, size);
        left_.remove_prefix(size);
        return taken;
    }
    std::uint64_t number(std::size_t bytes) { return read_number(take(bytes)); }

private:
    std::string_view left_;
};

void read_row(CopyReader& in, const MoveTable& table, std::vector<Cell>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        const auto size = static_cast<std::uint32_t>(in.number(4));
        row[i] = {};
        if (size == std::numeric_limits<std::uint32_t>::max()) continue;
        row[i].kind = table.columns[i].kind;
        if (row[i].kind == CellKind::integer) row[i].number = static_cast<std::int64_t>(in.number(size));
        else row[i].bytes = in.take(size);
    }
}

std::string field(const PgResult& r, int row, int column) {
    return {PQgetvalue(r.get(), row, column), static_cast<std::size_t>(PQgetlength(r.get(), row, column))};
}

}  // namespace

MoveTarget::MoveTarget(const MoveOptions& options)
    : options_(options), store_{.postgres = options.postgres, .clock = options.clock, .busy_deadline = options.busy_deadline},
      connection_(store_, PgConnection::Role::migrator) {
    connection_.begin("BEGIN");
    lock_pg(connection_);
    refuse_pg_login(connection_);
}

std::vector<std::string> MoveTarget::names(const char* sql) {
    const auto found = connection_.run(sql);
    std::vector<std::string> all;
    for (int i = 0; i < PQntuples(found.get()); ++i) all.push_back(field(found, i, 0));
    return all;
}

std::optional<MoveTarget::Unfinished> MoveTarget::unfinished() {
    if (!has_pg_table(connection_, pg_moving)) return std::nullopt;
    const auto row = connection_.run("SELECT name, file FROM moving");
    if (PQntuples(row.get()) != 1) throw Corrupt("the database does not say what was being moved to it");
    return Unfinished{field(row, 0, 0), field(row, 0, 1)};
}

bool MoveTarget::holds_store() { return connection_.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'store'") != 0; }

void MoveTarget::drop() { connection_.run("DROP SCHEMA store CASCADE"); }

void MoveTarget::make(const std::vector<Migration>& migrations, const std::string& name) {
    auto& c = connection_;
    try {
        make_pg_schema(c, store_, migrations);
    } catch (const std::exception&) {
        if (c.last_state() == "42501") forbid_pg_tables();
        throw;
    }
    c.send("CREATE TABLE moving (name text COLLATE \"C\" NOT NULL, file text COLLATE \"C\" NOT NULL)");
    for (const auto& wall : pg_walls("moving", "system")) c.send(wall.c_str());
    c.run("INSERT INTO moving VALUES ($1, $2)", {name.c_str(), base::to_utf8(options_.file.string()).c_str()});
    tables_ = names("SELECT relname::text FROM pg_class WHERE relnamespace = 'store'::regnamespace AND relkind = 'r' "
                    "AND relname NOT IN ('schema_format', 'commit_number', 'scope_try_', 'moving')");
    // What refers to something is checked once, when all is there, which is also the faster way.
    const auto references = c.run("SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
                                  "WHERE connamespace = 'store'::regnamespace AND contype = 'f'");
    for (int i = 0; i < PQntuples(references.get()); ++i) {
        const auto table = field(references, i, 0), constraint = field(references, i, 1);
        c.send(("ALTER TABLE " + table + " DROP CONSTRAINT " + constraint).c_str());
        references_.push_back("ALTER TABLE " + table + " ADD CONSTRAINT " + constraint + " " + field(references, i, 2));
    }
    // Steps put rows into tables, which come with the others. COPY refuses a table whose owner security by row binds; until the end
    // of this transaction nobody else sees the tables at all.
    std::string all;
    for (const auto& table : tables_) {
        all += (all.empty() ? "" : ", ") + table;
        c.send(("ALTER TABLE " + table + " NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER USER").c_str());
    }
    c.run(("TRUNCATE " + all).c_str());
}

void MoveTarget::check_shape(const std::vector<MoveTable>& tables) {
    std::set<std::string> wanted, found;
    for (const auto& table : tables)
        for (const auto& [name, kind] : table.columns)
            wanted.insert(table.name + "." + name + (kind == CellKind::integer ? " int8" : kind == CellKind::text ? " text" : " bytea"));
    for (auto& column : names("SELECT relname || '.' || attname || ' ' || typname FROM pg_class c JOIN pg_attribute ON attrelid = c.oid "
                              "JOIN pg_type t ON t.oid = atttypid WHERE c.relnamespace = 'store'::regnamespace AND relkind = 'r' AND attnum > 0 "
                              "AND NOT attisdropped AND relname NOT IN ('schema_format', 'commit_number', 'scope_try_', 'moving')"))
        found.insert(std::move(column));
    for (const auto& one : wanted)
        if (!found.contains(one)) throw InternalError("the database lacks a column of the file", {.subject = one});
    for (const auto& one : found)
        if (!wanted.contains(one)) throw InternalError("the file lacks a column of the database", {.subject = one});
}

void MoveTarget::copy(const MoveTable& table, const std::function<void(const std::function<void(Row)>&)>& rows) {
    auto* handle = connection_.handle();
    const PlainMode plain(handle);
    begin_copy(handle, "COPY " + table.name + " (" + table.column_list() + ") FROM STDIN (FORMAT binary, FREEZE)", PGRES_COPY_IN, table.name);
    std::string out(copy_signature);
    const auto send = [&] {
        if (PQputCopyData(handle, out.data(), static_cast<int>(out.size())) != 1) {
            PQputCopyEnd(handle, nullptr);
            end_copy(handle, table.name);
            throw Unavailable("the connection to the database server was lost", {.retryable = true});
        }
        out.clear();
    };
    std::int64_t count = 0;
    rows([&](Row row) {
        put_row(out, table, row);
        ++count;
        if (out.size() >= portion) send();
    });
    append_number(out, ~std::uint64_t{0}, 2);
    send();
    PQputCopyEnd(handle, nullptr);
    if (end_copy(handle, table.name) != count) throw Corrupt("the database took another number of rows than it was given", {.subject = table.name});
}

void MoveTarget::close_tables() {
    auto& c = connection_;
    for (const auto& reference : references_) {
        try {
            c.run(reference.c_str());
        } catch (const NotFound& error) {
            throw Corrupt("a row of the metadata store refers to something that does not exist", {.subject = error.subject()});
        }
    }
    const auto counters = c.run("SELECT quote_ident(relname), quote_ident(attname) FROM pg_class c JOIN pg_attribute ON attrelid = c.oid "
                                "WHERE relnamespace = 'store'::regnamespace AND relkind = 'r' AND attidentity <> ''");
    for (int i = 0; i < PQntuples(counters.get()); ++i) {
        const auto table = field(counters, i, 0), column = field(counters, i, 1);
        c.run(("SELECT setval(pg_get_serial_sequence('store." + table + "', '" + column + "'), max(" + column + ")) FROM " + table + " HAVING max(" +
               column + ") > 0")
                  .c_str());
    }
    for (const auto& table : tables_) {
        c.send(("ALTER TABLE " + table + " FORCE ROW LEVEL SECURITY, ENABLE TRIGGER USER").c_str());
        c.send(("ANALYZE " + table).c_str());  // or the first questions are answered by guesses
    }
    c.finish();
}

MovedTable MoveTarget::digest(const MoveTable& table, const std::function<void()>& each) {
    RowDigest made(table);
    auto* handle = connection_.handle();
    const PlainMode plain(handle);
    const auto rows = "SELECT " + table.column_list() + " FROM " + table.name + " ORDER BY " + table.key_list();
    begin_copy(handle, "COPY (" + rows + ") TO STDOUT (FORMAT binary)", PGRES_COPY_OUT, table.name);
    std::vector<Cell> row(table.columns.size());
    bool begun = false;
    for (char* bytes = nullptr;;) {
        const int size = PQgetCopyData(handle, &bytes, 0);
        if (size < 0) break;
        const std::unique_ptr<char, decltype(&PQfreemem)> kept(bytes, PQfreemem);
        CopyReader in({bytes, static_cast<std::size_t>(size)});
        if (!std::exchange(begun, true)) in.take(copy_signature.size());
        while (!in.empty()) {
            const auto columns = in.number(2);
            if (columns == 0xffff) break;
            if (columns != row.size()) throw InternalError("the database server's copy cannot be read");
            read_row(in, table, row);
            made.add(row);
            each();
        }
    }
    end_copy(handle, table.name);
    return made.finish();
}

void MoveTarget::commit() { connection_.run("COMMIT"); }

void MoveTarget::finish(const std::string& name_key, const std::string& name) {
    auto& c = connection_;
    c.begin("BEGIN");
    lock_pg(c);
    if (!name_key.empty())
        c.send("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
               {name_key.c_str(), name.c_str()});
    c.send("DROP TABLE moving");
    c.run("COMMIT");
}

}  // namespace tenon::db
