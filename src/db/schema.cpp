#include "schema.hpp"

#include <map>
#include <string>

#include <sys/vfs.h>
#include <time.h>

#include <base/clock.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "errors.hpp"

namespace tenon::db {
namespace {

constexpr std::int64_t file_version = 1;

constexpr const char* own_tables = R"(
CREATE TABLE schema_migration (room TEXT NOT NULL, number INTEGER NOT NULL, checksum BLOB NOT NULL, applied_at INTEGER NOT NULL,
                               PRIMARY KEY (room, number)) STRICT, WITHOUT ROWID;
CREATE TABLE schema_object (name TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL,
                            CHECK (kind IN ('tenant', 'shared', 'system'))) STRICT, WITHOUT ROWID;
CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)";

/// Shared memory, which the write-ahead log needs, does not work between machines.
void refuse_network_disk(const std::filesystem::path& folder) {
    constexpr std::pair<long, const char*> kinds[] = {
        {0x6969, "NFS"},      {0x517b, "SMB"},    {0xff534d42, "CIFS"},   {0xfe534d42, "SMB2"},     {0x01021997, "9P"},
        {0x5346414f, "AFS"},  {0x73757245, "Coda"}, {0x00c36400, "Ceph"}, {0x0bd00bd0, "Lustre"},   {0x564c, "NCP"}};
    struct statfs info{};
    if (statfs(folder.c_str(), &info) != 0)
        throw NotFound("the folder of the metadata store cannot be read", {.subject = folder.string()});
    for (const auto& [type, name] : kinds)
        if (static_cast<std::uint32_t>(info.f_type) == static_cast<std::uint32_t>(type))
            throw Unsupported(std::string("the metadata store needs a local disk, and this folder is on ") + name,
                              {.subject = folder.string()});
}

struct Statement {
    Statement(sqlite3* handle, const char* sql) : db(handle) { check(db, sqlite3_prepare_v2(db, sql, -1, &stmt, nullptr)); }
    ~Statement() { sqlite3_finalize(stmt); }
    bool step() {
        const int code = sqlite3_step(stmt);
        check(db, code);
        return code == SQLITE_ROW;
    }
    std::string text(int column) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(stmt, column));
        return {text, static_cast<std::size_t>(sqlite3_column_bytes(stmt, column))};
    }
    sqlite3* db;
    sqlite3_stmt* stmt = nullptr;
};

/// A new file is switched once. Several processes may open it at that moment, and SQLite does not wait for this lock.
void use_write_ahead_log(SqliteConnection& c, Duration deadline) {
    const auto clock = base::system_clock();
    for (const auto begun = clock->monotonic();;) {
        try {
            Statement mode(c.handle(), "PRAGMA journal_mode=WAL");
            if (mode.step() && mode.text(0) == "wal") return;
            throw Unsupported("the metadata store's disk cannot hold a write-ahead log");
        } catch (const Unavailable&) {
            if (clock->monotonic() - begun > deadline) throw;
            const timespec pause{0, 2'000'000};
            nanosleep(&pause, nullptr);
        }
    }
}

std::string checksum(const Migration& m) {
    const auto digest = step_checksum(m);
    return {digest.begin(), digest.end()};
}

using Applied = std::map<std::pair<std::string, int>, std::string>;

Applied read_applied(sqlite3* handle) {
    Applied applied;
    Statement rows(handle, "SELECT room, number, checksum FROM schema_migration");
    while (rows.step()) applied[{rows.text(0), sqlite3_column_int(rows.stmt, 1)}] = rows.text(2);
    return applied;
}

void check_file(SqliteConnection& c) {
    const auto id = c.pragma_value("PRAGMA application_id");
    if (id == 0 && c.pragma_value("SELECT count(*) FROM sqlite_schema") == 0)
        return c.script(own_tables + std::string("PRAGMA application_id=") + std::to_string(file_application_id) +
                        ";PRAGMA user_version=" + std::to_string(file_version));
    if (id == moved_application_id)
        throw Conflict("the rows of this metadata file were moved to a PostgreSQL database, which is the store now", {.subject = "postgres"});
    if (id != file_application_id) throw Corrupt("the metadata store's file is something else");
    if (c.pragma_value("PRAGMA user_version") > file_version)
        throw Unsupported("the metadata store was written by a newer version of this software");
}

/// Whether there was a step to apply.
bool apply(SqliteConnection& c, const Options& options, const std::vector<Migration>& migrations) {
    auto applied = read_applied(c.handle());
    std::map<std::string, int> last;
    bool any = false;
    for (const auto& m : migrations) {
        if (m.number != ++last[m.room]) throw InternalError("migrations of a room are numbered 1, 2, 3 …", {.subject = m.room});
        const auto found = applied.find({m.room, m.number});
        if (found != applied.end()) {
            if (found->second != checksum(m))
                throw Conflict("an applied migration has changed since", {.subject = m.room + " " + std::to_string(m.number)});
            applied.erase(found);
            continue;
        }
        c.script(m.sql);
        any = true;
        Statement insert(c.handle(), "INSERT INTO schema_migration VALUES (?1, ?2, ?3, ?4)");
        const auto sum = checksum(m);
        sqlite3_bind_text(insert.stmt, 1, m.room.c_str(), -1, SQLITE_STATIC);
        sqlite3_bind_int(insert.stmt, 2, m.number);
        sqlite3_bind_blob(insert.stmt, 3, sum.data(), static_cast<int>(sum.size()), SQLITE_STATIC);
        sqlite3_bind_int64(insert.stmt, 4, (options.clock ? options.clock : base::system_clock())->now().time_since_epoch().count());
        insert.step();
    }
    if (!applied.empty())
        throw Unsupported("the metadata store was written by a newer version of this software",
                          {.subject = applied.begin()->first.first + " " + std::to_string(applied.begin()->first.second)});
    return any;
}

}  // namespace

crypto::Digest step_checksum(const Migration& step) {
    return crypto::sha256({reinterpret_cast<const std::uint8_t*>(step.sql.data()), step.sql.size()});
}

std::shared_ptr<const Registry> prepare_schema(const Options& options, const std::vector<Migration>& migrations) {
    if (options.file.empty()) throw InvalidArgument("the metadata store needs a file", {.subject = "file"});
    refuse_network_disk(options.file.has_parent_path() ? options.file.parent_path() : ".");
    SqliteConnection c(options.file, SqliteConnection::Role::migrator, nullptr, options.busy_deadline);
    use_write_ahead_log(c, options.busy_deadline);
    c.control("BEGIN IMMEDIATE");
    try {
        check_file(c);
        if (apply(c, options, migrations) && c.pragma_value("SELECT count(*) FROM pragma_foreign_key_check") != 0)
            throw Corrupt("after an upgrade a row of the metadata store refers to something that does not exist");
        c.control("COMMIT");
    } catch (...) {
        if (c.in_transaction()) c.try_control("ROLLBACK");
        throw;
    }
    auto registry = std::make_shared<Registry>();
    Statement objects(c.handle(), "SELECT name, kind FROM schema_object");
    while (objects.step()) {
        if (objects.text(1) == "tenant") registry->tenant_views.insert(objects.text(0));
        if (objects.text(1) == "shared") registry->shared_tables.insert(objects.text(0));
    }
    return registry;
}

}  // namespace tenon::db
