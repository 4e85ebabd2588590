#include "connection.hpp"

#include <cstring>
#include <utility>

#include <time.h>

#include <base/clock.hpp>
#include <tenon/error.hpp>

#include "cursor.hpp"
#include "errors.hpp"
#include "gathered_log.hpp"

namespace tenon::db {
namespace {

constexpr const char* settings[] = {
    "PRAGMA synchronous=FULL",     "PRAGMA foreign_keys=ON",     "PRAGMA recursive_triggers=ON",
    "PRAGMA trusted_schema=OFF",   "PRAGMA cell_size_check=ON",  "PRAGMA temp_store=MEMORY",
    "PRAGMA secure_delete=ON",  // as in Debian's build: what was removed stands in no free page
};

// Locks of other processes are real, so the time to wait for them is real too, whatever Clock a test owns.
Duration real_now() { return base::system_clock()->monotonic(); }

}  // namespace

SqliteConnection::SqliteConnection(const std::filesystem::path& file, Role role, std::shared_ptr<const Registry> registry,
                                   Duration busy_deadline)
    : Connection(role == Role::writer), role_(role), registry_(std::move(registry)), busy_{busy_deadline} {
    new_lineage();
    const int code = sqlite3_open_v2(file.c_str(), &handle_,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                     role == Role::writer ? gathering_files() : nullptr);
    try {
        check(handle_, code);
        configure();
    } catch (...) {
        sqlite3_close_v2(handle_);
        throw;
    }
}

SqliteConnection::~SqliteConnection() { close(); }

void SqliteConnection::close() noexcept {
    for (auto& kind : prepared_) {
        for (auto& [sql, statements] : kind)
            for (const auto& prepared : statements) sqlite3_finalize(prepared.stmt);
        kind.clear();
    }
    sqlite3_close_v2(std::exchange(handle_, nullptr));
}

bool SqliteConnection::empty_log() {
    const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED) return false;
    check(handle_, code);
    return true;
}

void SqliteConnection::configure() {
    sqlite3_busy_handler(handle_, on_busy, this);
    for (const auto& [option, value] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1}, std::pair{SQLITE_DBCONFIG_DQS_DML, 0},
                                        std::pair{SQLITE_DBCONFIG_DQS_DDL, 0}, std::pair{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}})
        check(handle_, sqlite3_db_config(handle_, option, value, nullptr));
    sqlite3_limit(handle_, SQLITE_LIMIT_ATTACHED, 0);
    for (const char* setting : settings) check(handle_, sqlite3_exec(handle_, setting, nullptr, nullptr, nullptr));
    // Who writes sees to the log himself. Replaces SQLite's own way, in which a commit copies it before it returns.
    if (role_ == Role::writer) sqlite3_wal_hook(handle_, on_log, this);
    if (role_ == Role::reader) check(handle_, sqlite3_exec(handle_, "PRAGMA query_only=ON", nullptr, nullptr, nullptr));

    // Without INNOCUOUS trusted_schema=OFF would refuse them inside views and triggers.
    constexpr int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    check(handle_, sqlite3_create_function_v2(handle_, "scope_tenant", 0, flags, this, scope_tenant, nullptr, nullptr, nullptr));
    check(handle_, sqlite3_create_function_v2(handle_, "scope_may", 1, flags, this, scope_may, nullptr, nullptr, nullptr));
    if (role_ == Role::migrator) {
        actor_.kind = Actor::Kind::system;
        return;
    }
    if (role_ == Role::reader) sqlite3_progress_handler(handle_, 4096, on_progress, this);
    check(handle_, sqlite3_set_authorizer(handle_, authorize, this));
}

int SqliteConnection::on_busy(void* self, int count) {
    auto& busy = static_cast<SqliteConnection*>(self)->busy_;
    const auto now = real_now();
    if (count == 0) busy.since = now;
    if (now - busy.since > busy.deadline) return 0;
    // Short and uneven: a writer of another process leaves gaps of well under a millisecond between two commits.
    const long pause = 50'000L << (count < 4 ? count : 4);
    const timespec time{0, pause + (now.count() % 97) * 1000};
    nanosleep(&time, nullptr);
    return 1;
}

int SqliteConnection::on_log(void* self, sqlite3*, const char*, int pages) {
    static_cast<SqliteConnection*>(self)->pages_in_log_ = pages;
    return SQLITE_OK;
}

int SqliteConnection::on_progress(void* self) {
    const auto deadline = static_cast<SqliteConnection*>(self)->read_deadline_;
    return deadline != Duration::zero() && real_now() > deadline;
}

void SqliteConnection::scope_tenant(sqlite3_context* context, int, sqlite3_value**) {
    const auto& actor = static_cast<SqliteConnection*>(sqlite3_user_data(context))->actor_;
    if (actor.kind == Actor::Kind::tenant) sqlite3_result_blob(context, actor.tenant.data(), 16, SQLITE_TRANSIENT);
    else sqlite3_result_null(context);
}

void SqliteConnection::scope_may(sqlite3_context* context, int, sqlite3_value** values) {
    const auto& actor = static_cast<SqliteConnection*>(sqlite3_user_data(context))->actor_;
    const bool own = actor.kind == Actor::Kind::tenant && sqlite3_value_type(values[0]) == SQLITE_BLOB &&
                     sqlite3_value_bytes(values[0]) == 16 &&
                     std::memcmp(sqlite3_value_blob(values[0]), actor.tenant.data(), 16) == 0;
    sqlite3_result_int(context, own || actor.kind == Actor::Kind::system);
}

int SqliteConnection::authorize(void* self, int action, const char* a, const char*, const char*, const char* by) {
    return static_cast<const SqliteConnection*>(self)->allowed(action, a, by) ? SQLITE_OK : SQLITE_DENY;
}

/// `a`: the table; `by`: the view or trigger through which it is reached, null for the statement itself.
bool SqliteConnection::allowed(int action, const char* a, const char* by) const {
    if (action == SQLITE_SELECT || action == SQLITE_FUNCTION || action == SQLITE_RECURSIVE) return true;
    if (!running_) return action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT || action == SQLITE_PRAGMA;
    const bool writes = action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE;
    if (action != SQLITE_READ && !writes) return false;  // ATTACH, PRAGMA, DDL, temp objects, transactions
    if (writes && role_ == Role::reader) return false;
    const std::string_view table = a;
    if (table.starts_with("sqlite_") || table.starts_with("schema_")) return false;
    const bool is_view = registry_->tenant_views.contains(table);
    const bool is_tenant_table = table.ends_with('_') && registry_->tenant_views.contains(table.substr(0, table.size() - 1));
    switch (running_->kind) {
        case StatementText::Kind::system:
            // A tenant's view is empty for the system: naming it is a mistake that would otherwise go unnoticed.
            return by || !is_view;
        case StatementText::Kind::shared: return registry_->shared_tables.contains(table);
        case StatementText::Kind::own: return false;
        case StatementText::Kind::tenant: break;
    }
    if (writes) return is_tenant_table;
    if (is_view || table == "json_each" || table == "json_tree") return true;
    // Foreign keys read their parent's table on behalf of a write.
    return is_tenant_table && ((by && registry_->tenant_views.contains(std::string_view(by))) || !running_->target.empty());
}

Prepared SqliteConnection::prepare(const char* sql) {
    Prepared prepared;
    check(handle_, sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared.stmt, nullptr));
    prepared.parameters = sqlite3_bind_parameter_count(prepared.stmt);
    prepared.tenant = sqlite3_bind_parameter_index(prepared.stmt, ":tenant");
    return prepared;
}

Prepared SqliteConnection::take(const StatementText& text) {
    auto& kept = prepared_[static_cast<std::size_t>(text.kind)][text.sql];
    if (kept.empty()) return prepare(text.sql);
    const auto prepared = kept.back();
    kept.pop_back();
    return prepared;
}

void SqliteConnection::give_back(const StatementText& text, const Prepared& prepared) noexcept {
    sqlite3_reset(prepared.stmt);
    sqlite3_clear_bindings(prepared.stmt);
    try {
        prepared_[static_cast<std::size_t>(text.kind)][text.sql].push_back(prepared);
    } catch (...) {
        sqlite3_finalize(prepared.stmt);
    }
}

void SqliteConnection::control(const char* sql) {
    running_ = nullptr;
    const StatementText text{.kind = StatementText::Kind::own, .sql = sql};
    const auto prepared = take(text);
    const int code = sqlite3_step(prepared.stmt);
    note(code);
    const int extended = code;
    const std::string message = code == SQLITE_DONE || code == SQLITE_ROW ? "" : sqlite3_errmsg(handle_);
    give_back(text, prepared);
    expects_transaction_ = in_transaction();
    if (!message.empty()) throw_sqlite(extended, message);
}

void SqliteConnection::commit() {
    Gathering gathering;
    control("COMMIT");
    gathering.finish();
}

bool SqliteConnection::try_control(const char* sql) noexcept {
    try {
        control(sql);
        return true;
    } catch (const std::exception&) {
        expects_transaction_ = in_transaction();
        return false;
    }
}

std::int64_t SqliteConnection::pragma_value(const char* sql) {
    running_ = nullptr;
    const StatementText text{.kind = StatementText::Kind::own, .sql = sql};
    const auto prepared = take(text);
    const int code = sqlite3_step(prepared.stmt);
    const std::int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(prepared.stmt, 0) : 0;
    give_back(text, prepared);
    check(handle_, code);
    return value;
}

void SqliteConnection::script(const std::string& sql) { check(handle_, sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr)); }

/// A failed disk is not forgotten for what fails because of it.
void SqliteConnection::note(int code) noexcept {
    if (code != SQLITE_ROW && code != SQLITE_DONE && last_code_ != SQLITE_IOERR) last_code_ = code & 0xff;
}

int SqliteConnection::step(const Actor& actor, sqlite3_stmt* stmt) {
    // A full disk or a failed read may have ended the transaction; what ran now would commit itself.
    if (expects_transaction_ && !in_transaction()) throw Unavailable("the transaction was given up after an earlier error");
    actor_ = actor;
    const int code = sqlite3_step(stmt);
    note(code);
    return code;
}

void SqliteConnection::fail(bool deleting) { throw_sqlite(sqlite3_extended_errcode(handle_), sqlite3_errmsg(handle_), deleting); }

std::unique_ptr<Rows::Impl> SqliteConnection::query(const Actor& actor, const StatementText& text, std::span<const Value> values) {
    auto cursor = std::make_unique<SqliteRows>(*this, actor, text);
    cursor->bind(values, true);
    cursor->begin();
    return cursor;
}

std::int64_t SqliteConnection::change(const Actor& actor, const StatementText& text, std::span<const Value> values) {
    SqliteRows cursor(*this, actor, text);
    cursor.bind(values, false);
    cursor.begin();
    while (cursor.row) cursor.advance();
    return sqlite3_stmt_readonly(cursor.stmt) ? 0 : sqlite3_changes64(handle_);
}

}  // namespace tenon::db
