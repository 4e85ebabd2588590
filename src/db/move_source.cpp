#include "move_source.hpp"

#include <algorithm>
#include <map>

#include <tenon/error.hpp>

#include "errors.hpp"
#include "schema.hpp"

namespace tenon::db {
namespace {

class SourceRows {
public:
    SourceRows(sqlite3* handle, const std::string& sql) : db_(handle) {
        check(db_, sqlite3_prepare_v2(db_, sql.c_str(), -1, &stmt, nullptr));
    }
    ~SourceRows() { sqlite3_finalize(stmt); }
    SourceRows(const SourceRows&) = delete;
    SourceRows& operator=(const SourceRows&) = delete;

    bool step() {
        const int code = sqlite3_step(stmt);
        check(db_, code);
        return code == SQLITE_ROW;
    }
    std::int64_t number(int column) const { return sqlite3_column_int64(stmt, column); }
    std::string_view text(int column) const {
        const auto* found = reinterpret_cast<const char*>(sqlite3_column_text(stmt, column));
        return {found ? found : "", static_cast<std::size_t>(sqlite3_column_bytes(stmt, column))};
    }

private:
    sqlite3* db_;

public:
    sqlite3_stmt* stmt = nullptr;
};

CellKind kind_named(std::string_view type, const std::string& where) {
    if (type == "INTEGER" || type == "INT") return CellKind::integer;
    if (type == "TEXT") return CellKind::text;
    if (type == "BLOB") return CellKind::blob;
    throw InternalError("a column of a kind that no store has: " + where);
}

MoveTable table_of(sqlite3* handle, const std::string& name) {
    MoveTable table{.name = name, .columns = {}, .key = {}};
    std::map<std::int64_t, std::string> key;
    SourceRows columns(handle, "SELECT name, type, pk FROM pragma_table_info('" + name + "') ORDER BY cid");
    while (columns.step()) {
        const std::string column(columns.text(0));
        table.columns.push_back({column, kind_named(columns.text(1), name + "." + column)});
        if (columns.number(2) > 0) key[columns.number(2)] = column;
    }
    for (const auto& [place, column] : key) table.key.push_back(column);
    if (table.key.empty())
        for (const auto& column : table.columns) table.key.push_back(column.name);
    SourceRows rows(handle, "SELECT count(*) FROM \"" + name + "\"");
    rows.step();
    table.rows = rows.number(0);
    return table;
}

Cell cell_of(sqlite3_stmt* row, int column) {
    const auto bytes = [&](const void* found) {
        return std::string_view(found ? static_cast<const char*>(found) : "", static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
    };
    switch (sqlite3_column_type(row, column)) {
        case SQLITE_NULL: return {};
        case SQLITE_INTEGER: return {.kind = CellKind::integer, .number = sqlite3_column_int64(row, column)};
        case SQLITE_TEXT: return {.kind = CellKind::text, .bytes = bytes(sqlite3_column_text(row, column))};
        case SQLITE_BLOB: return {.kind = CellKind::blob, .bytes = bytes(sqlite3_column_blob(row, column))};
        default: throw Corrupt("the metadata store holds a number that is no integer");
    }
}

}  // namespace

MoveSource::MoveSource(const std::filesystem::path& file, Duration patience) {
    const int code = sqlite3_open_v2(file.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    try {
        check(handle_, code);
        sqlite3_busy_timeout(handle_, static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count()));
        // In this mode, chosen before the file is first read, SQLite takes the file for itself alone; every connection of an engine
        // that is open holds a lock that stands against it, whether it writes just now or not.
        script("PRAGMA locking_mode=EXCLUSIVE");
        try {
            script("PRAGMA synchronous=FULL");
            script("BEGIN EXCLUSIVE");
        } catch (const Unavailable&) {
            throw Conflict("the home is open: close every process that has it open, then move it", {.subject = file.string()});
        }
    } catch (...) {
        sqlite3_close_v2(handle_);
        throw;
    }
}

MoveSource::~MoveSource() { sqlite3_close_v2(handle_); }

void MoveSource::script(const std::string& sql) { check(handle_, sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr)); }

std::optional<std::string> MoveSource::moved_as() {
    SourceRows id(handle_, "PRAGMA application_id");
    id.step();
    if (id.number(0) == file_application_id) return std::nullopt;
    if (id.number(0) != moved_application_id) throw Corrupt("the metadata store's file is something else");
    SourceRows name(handle_, "SELECT name FROM moved_to");
    if (!name.step()) throw Corrupt("the metadata store's file does not say where it was moved to");
    return std::string(name.text(0));
}

void MoveSource::check_steps(const std::vector<Migration>& migrations) {
    SourceRows applied(handle_, "SELECT room, number, checksum FROM schema_migration");
    std::size_t known = 0;
    while (applied.step()) {
        const auto sum = base::ByteView(static_cast<const std::uint8_t*>(sqlite3_column_blob(applied.stmt, 2)),
                                        static_cast<std::size_t>(sqlite3_column_bytes(applied.stmt, 2)));
        const auto same_step = [&](const Migration& m) { return m.room == applied.text(0) && m.number == applied.number(1); };
        const auto found = std::ranges::find_if(migrations, same_step);
        if (found == migrations.end() || !std::ranges::equal(step_checksum(*found), sum))
            throw Unsupported("the metadata store is not of this version of the software", {.subject = std::string(applied.text(0))});
        ++known;
    }
    if (known != migrations.size())
        throw Unsupported("the metadata store was written by an older version of this software: open the home once, then move it");
}

std::vector<MoveTable> MoveSource::tables() {
    std::vector<std::string> names;
    {
        SourceRows found(handle_, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
                                  "AND name <> 'moved_to' ORDER BY name");
        while (found.step()) names.emplace_back(found.text(0));
    }
    std::vector<MoveTable> all;
    for (const auto& name : names) all.push_back(table_of(handle_, name));
    return all;
}

void MoveSource::each_row(const MoveTable& table, const std::function<void(Row)>& then) {
    SourceRows rows(handle_, "SELECT " + table.column_list() + " FROM \"" + table.name + "\" ORDER BY " + table.key_list());
    std::vector<Cell> row(table.columns.size());
    while (rows.step()) {
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = cell_of(rows.stmt, static_cast<int>(i));
        then(row);
    }
}

void MoveSource::mark_as_moved(const std::string& name, Time at) {
    const auto values = "'" + name + "', " + std::to_string(at.time_since_epoch().count());
    script("CREATE TABLE IF NOT EXISTS moved_to (name TEXT NOT NULL, at INTEGER NOT NULL) STRICT; DELETE FROM moved_to;"
           "INSERT INTO moved_to VALUES (" + values + "); PRAGMA application_id=" + std::to_string(moved_application_id) + "; COMMIT");
}

}  // namespace tenon::db
