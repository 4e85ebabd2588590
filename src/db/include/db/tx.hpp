#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include <db/rows.hpp>
#include <db/scope.hpp>
#include <db/statement.hpp>
#include <db/value.hpp>

namespace tenon::db {

class Connection;  // private to the room

/// A consistent view of one tenant's rows (and of the tables that all tenants may read).
/// Arguments fill the statement's parameters in order of first appearance, `:tenant` excepted: the scope fills that.
class Reader {
public:
    template <class... Args> Rows query(const TenantStmt& stmt, const Args&... args) {
        const Value values[sizeof...(Args) + 1] = {Value(args)..., Value(nullptr)};
        return run(stmt.text(), {values, sizeof...(Args)});
    }
    template <class... Args> Rows query(const SharedStmt& stmt, const Args&... args) {
        const Value values[sizeof...(Args) + 1] = {Value(args)..., Value(nullptr)};
        return run(stmt.text(), {values, sizeof...(Args)});
    }
    const TenantScope& scope() const noexcept { return scope_; }

    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

protected:
    friend class Connection;
    Reader(Connection& connection, TenantScope scope) : connection_(connection), scope_(std::move(scope)) {}
    Rows run(const StatementText& text, std::span<const Value> values);
    Connection& connection_;
    TenantScope scope_;
};

/// A write transaction of one tenant. The function it is handed to has no effects outside of it and may run again.
class Tx : public Reader {
public:
    /// The number of rows changed.
    template <class... Args> std::int64_t exec(const TenantStmt& stmt, const Args&... args) {
        const Value values[sizeof...(Args) + 1] = {Value(args)..., Value(nullptr)};
        return change(stmt.text(), {values, sizeof...(Args)});
    }
    /// Runs `then` once the change is durable, before write() returns to its caller, on the writer's thread: for waking
    /// somebody up in this process. It must not block, throw or use the database.
    void on_commit(std::function<void()> then);
    /// Runs `finish` for this tenant once per transaction, just before its commit, however many writes share that and ask for
    /// it: for a summary of what each of them adds to. It may also run where the writes that asked for it were undone.
    void before_commit(void (*finish)(Tx&));
    /// As long as this stays the same, what earlier functions of this thread read and wrote is as they left it: nothing was
    /// undone and no other process wrote. Never the same for two databases.
    std::uint64_t lineage() const noexcept;

private:
    friend class Connection;
    friend class SystemTx;
    Tx(Connection& connection, TenantScope scope) : Reader(connection, std::move(scope)) {}
    std::int64_t change(const StatementText& text, std::span<const Value> values);
};

/// A consistent view across tenants. Tenant tables are read by their table's name (`project_`), not by their view.
class SystemReader {
public:
    template <class... Args> Rows query(const SystemStmt& stmt, const Args&... args) {
        const Value values[sizeof...(Args) + 1] = {Value(args)..., Value(nullptr)};
        return run(stmt.text(), {values, sizeof...(Args)});
    }

    SystemReader(const SystemReader&) = delete;
    SystemReader& operator=(const SystemReader&) = delete;

protected:
    friend class Connection;
    explicit SystemReader(Connection& connection) : connection_(connection) {}
    Rows run(const StatementText& text, std::span<const Value> values);
    Connection& connection_;
};

/// A write transaction across tenants.
class SystemTx : public SystemReader {
public:
    template <class... Args> std::int64_t exec(const SystemStmt& stmt, const Args&... args) {
        const Value values[sizeof...(Args) + 1] = {Value(args)..., Value(nullptr)};
        return change(stmt.text(), {values, sizeof...(Args)});
    }
    /// The same transaction, acting for one tenant: for functions that take a Tx.
    Tx tenant(const TenantScope& scope) { return Tx(connection_, scope); }
    void on_commit(std::function<void()> then);

private:
    friend class Connection;
    explicit SystemTx(Connection& connection) : SystemReader(connection) {}
    std::int64_t change(const StatementText& text, std::span<const Value> values);
};

}  // namespace tenon::db
