#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <base/id.hpp>
#include <db/database.hpp>
#include <db/rows.hpp>
#include <db/tx.hpp>

// What a database engine must be able to do for Database, Reader and Tx: the only place where the room's face meets one.

namespace tenon::db {

/// Which tables the walls know, as migrations declared them. Never changes once a database is open.
struct Registry {
    std::set<std::string, std::less<>> tenant_views;
    std::set<std::string, std::less<>> shared_tables;
};

/// On whose behalf a statement runs: what the third wall goes by.
struct Actor {
    enum class Kind : unsigned char { nobody,
                                      tenant,
                                      system };
    Kind kind = Kind::nobody;
    base::IdBytes tenant{};
};

/// The rows that a statement found, an engine's own way. Columns are asked for only where next() has said that there is a row.
struct Rows::Impl {
    explicit Impl(const StatementText& t) : text(t) {}
    virtual ~Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    virtual bool next() = 0;
    virtual bool is_null(int column) const = 0;
    virtual std::int64_t integer(int column) const = 0;
    virtual std::string_view text_of(int column) const = 0;
    virtual std::span<const std::uint8_t> blob(int column) const = 0;

    /// What the members above throw.
    [[noreturn]] void no_row() const;
    [[noreturn]] void no_column(int column) const;
    [[noreturn]] void other_kind(int column) const;

    const StatementText text;
};

/// One connection inside of one transaction, as functions meet it through Reader and Tx. Used by one thread at a time.
class Connection {
public:
    virtual ~Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    virtual std::unique_ptr<Rows::Impl> query(const Actor& actor, const StatementText& text, std::span<const Value> values) = 0;
    virtual std::int64_t change(const Actor& actor, const StatementText& text, std::span<const Value> values) = 0;
    /// False also once the transaction was given up by an error.
    virtual bool in_transaction() const noexcept = 0;

    bool idle() const noexcept { return cursors_ == 0; }

    /// The functions that run after a commit are collected here; null: the transaction reads.
    void collect_after(std::vector<std::function<void()>>* after) noexcept { after_ = after; }
    void after_commit(std::function<void()> then);

    /// What is to be done once per transaction, before its COMMIT: see Tx::before_commit.
    void before_commit(const TenantScope& scope, void (*finish)(Tx&));
    void finish_transaction();
    void drop_finishers() noexcept { finishers_.clear(); }

    /// See Tx::lineage.
    std::uint64_t lineage() const noexcept { return lineage_; }
    void new_lineage() noexcept;

    // Views on a connection, for those who hand them to functions.
    static Reader reader(Connection& c, const TenantScope& scope) { return Reader(c, scope); }
    static Tx tx(Connection& c, const TenantScope& scope) { return Tx(c, scope); }
    static SystemReader system_reader(Connection& c) { return SystemReader(c); }
    static SystemTx system_tx(Connection& c) { return SystemTx(c); }

protected:
    explicit Connection(bool writes) : writes_(writes) {}

    int cursors_ = 0;
    std::int64_t asked_ = 0;  ///< How often before_commit() was called.

private:
    const bool writes_;
    std::vector<std::function<void()>>* after_ = nullptr;
    std::map<std::pair<base::IdBytes, void (*)(Tx&)>, TenantScope> finishers_;
    std::uint64_t lineage_ = 0;
};

/// A relational engine with its connections. Thread-safe.
class Backend {
public:
    /// Kept until unwatch(): called after another process changed the data.
    using Watches = std::list<std::function<void()>>;

    virtual ~Backend() = default;

    /// `scope` unset: on behalf of the system. The functions run as Database::read and Database::write say. `limit` unset: what the
    /// options say of a read.
    virtual void read(const TenantScope* scope, const std::function<void(Connection&)>& fn, std::optional<Duration> limit) = 0;
    virtual void write(const TenantScope* scope, const std::function<void(Connection&)>& fn) = 0;
    virtual Watches::iterator watch(std::function<void()> then) = 0;
    virtual void unwatch(Watches::iterator which) = 0;
    virtual bool empty_log() = 0;
    virtual void close() noexcept = 0;
    virtual Stats stats() = 0;
};

std::unique_ptr<Backend> open_sqlite(const Options& options, const std::vector<Migration>& migrations);
std::unique_ptr<Backend> open_postgres(const Options& options, const std::vector<Migration>& migrations);

}  // namespace tenon::db
