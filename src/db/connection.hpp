#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <sqlite3.h>

#include "backend.hpp"

namespace tenon::db {

/// A prepared statement and what binding it needs to know.
struct Prepared {
    sqlite3_stmt* stmt = nullptr;
    int parameters = 0;
    int tenant = 0;  ///< The number of `:tenant`; 0: it has none.
};

/// One SQLite connection with its prepared statements. Used by one thread at a time.
class SqliteConnection final : public Connection {
public:
    /// `migrator`: bare, for schema changes; the others run declared statements only.
    enum class Role : unsigned char { migrator, writer, reader };

    SqliteConnection(const std::filesystem::path& file, Role role, std::shared_ptr<const Registry> registry, Duration busy_deadline);
    ~SqliteConnection() override;

    /// Before its end, for who keeps the object longer. Nothing may be asked of it any more. Again: does nothing.
    void close() noexcept;
    /// Copies the write-ahead log into the file and cuts it to nothing. False: somebody reads or writes and did not end in time.
    bool empty_log();

    void control(const char* sql);            ///< BEGIN, COMMIT, SAVEPOINT …: the connection's own statements, kept prepared.
    void commit();                  ///< COMMIT: when it returns, what the transaction did is durable.
    /// Copies the write-ahead log into the file, as far as nobody else does and no reader needs it as it was.
    void copy_log() noexcept { sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr); }
    int pages_in_log() const noexcept { return pages_in_log_; }  ///< After this connection's last commit.
    std::int64_t pragma_value(const char* sql);
    bool try_control(const char* sql) noexcept;
    void script(const std::string& sql);      ///< Migrators only.
    bool in_transaction() const noexcept override { return sqlite3_get_autocommit(handle_) == 0; }
    sqlite3* handle() const noexcept { return handle_; }
    /// Of the newest failure, or of the first failure of the disk: a primary result code.
    int last_code() const noexcept { return last_code_; }
    void forget_failure() noexcept { last_code_ = SQLITE_OK; }

    /// Grows with every row that is changed and everything that is left to be done before the COMMIT.
    std::int64_t changes() const noexcept { return sqlite3_total_changes64(handle_) + asked_; }

    void set_read_deadline(Duration deadline) noexcept { read_deadline_ = deadline; }  ///< Monotonic; 0: none.

    std::unique_ptr<Rows::Impl> query(const Actor& actor, const StatementText& text, std::span<const Value> values) override;
    std::int64_t change(const Actor& actor, const StatementText& text, std::span<const Value> values) override;

private:
    friend struct SqliteRows;
    struct Busy {
        Duration deadline;
        Duration since{};
    };

    void configure();
    Prepared take(const StatementText& text);
    void give_back(const StatementText& text, const Prepared& prepared) noexcept;
    Prepared prepare(const char* sql);
    int step(const Actor& actor, sqlite3_stmt* stmt);
    void note(int code) noexcept;
    [[noreturn]] void fail(bool deleting);

    static int on_busy(void* self, int count);
    static int on_progress(void* self);
    static int on_log(void* self, sqlite3*, const char*, int pages);
    static int authorize(void* self, int action, const char* a, const char* b, const char* database, const char* by);
    static void scope_tenant(sqlite3_context* context, int count, sqlite3_value** values);
    static void scope_may(sqlite3_context* context, int count, sqlite3_value** values);
    bool allowed(int action, const char* a, const char* by) const;

    sqlite3* handle_ = nullptr;
    Role role_;
    std::shared_ptr<const Registry> registry_;
    Busy busy_;
    Duration read_deadline_{};
    Actor actor_;
    const StatementText* running_ = nullptr;  ///< Unset: the connection's own statements.
    int last_code_ = SQLITE_OK;
    bool expects_transaction_ = false;
    int pages_in_log_ = 0;
    /// By kind and the literal's address. Compilers give equal literals one address, and what was authorized for the system
    /// is not for a tenant.
    std::array<std::unordered_map<const char*, std::vector<Prepared>>, 4> prepared_;
};

}  // namespace tenon::db
