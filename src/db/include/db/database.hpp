#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <base/clock.hpp>
#include <db/migration.hpp>
#include <db/scope.hpp>
#include <db/tx.hpp>

namespace tenon::db {

struct Options {
    std::filesystem::path file{};                     ///< SQLite's. Its folder must exist; the file is made if missing.
    /// In the place of a file: a PostgreSQL database, as libpq's connection string names it. Of a login that owns what it makes
    /// there and is neither superuser nor BYPASSRLS. A secret: it is never shown, logged or part of an error.
    std::string postgres{};
    std::shared_ptr<const base::Clock> clock{};       ///< Unset: the system's.
    int readers = 4;                                  ///< Connections for reads; more concurrent reads wait for one.
    std::size_t queue = 1024;                         ///< Writes waiting; more callers wait for a place.
    Duration busy_deadline = std::chrono::seconds(15);   ///< Waiting for a place, a connection or another process.
    Duration read_deadline = std::chrono::seconds(30);   ///< A longer read is cancelled: it keeps the log from shrinking.
    Duration poll = std::chrono::milliseconds(250);      ///< How often to look for other processes' changes.
};

/// Throws InvalidArgument if `text` is no connection string for Options::postgres.
void check_postgres(const std::string& text);

/// Since open().
struct Stats {
    std::int64_t commits = 0;    ///< Groups made durable.
    std::int64_t requests = 0;   ///< Writes in them.
    std::int64_t waiting = 0;    ///< Writes in the queue now.
    std::int64_t replays = 0;    ///< Writes run again alone because a neighbour broke their group.
    Bytes log{};                 ///< Write-ahead log on disk now. More than 256 MiB: some reader never ends.
};

/// The relational store. Thread-safe; made once per home by `engine`.
///
/// Every function handed in runs at most for a moment, calls no read() or write() itself (InternalError), and does
/// nothing that the transaction would not undo.
///
/// Throws    Unavailable (busy, input/output), NoSpace, Corrupt, Closed, Cancelled (a read past its deadline), Conflict
///           (a unique key exists), NotFound (a reference to nothing), and whatever the function throws.
class Database {
public:
    /// Opens or makes the file and lifts it to the newest migrations. Throws Unsupported if it was written by a newer
    /// version or lies on a network file system, Conflict if an applied migration has changed since.
    static std::unique_ptr<Database> open(Options options, const std::vector<Migration>& migrations);
    ~Database();

    /// Runs fn(Reader&) on one consistent snapshot, on the calling thread; it sees every write that has returned.
    template <class Fn> auto read(const TenantScope& scope, Fn&& fn) {
        return collect<Reader>(fn, [&](const auto& step) { run_read(scope, step); });
    }
    /// The same for who reads all there is of a tenant: cancelled after `limit` instead of Options::read_deadline. On PostgreSQL each
    /// statement of it is still bound by that.
    template <class Fn> auto read_at_length(const TenantScope& scope, Duration limit, Fn&& fn) {
        return collect<Reader>(fn, [&](const auto& step) { run_read(scope, step, limit); });
    }
    template <class Fn> auto read(const SystemScope& scope, Fn&& fn) {
        return collect<SystemReader>(fn, [&](const auto& step) { run_read(scope, step); });
    }

    /// Runs fn(Tx&) in a transaction and returns its value once that is durable. If fn throws, nothing it did remains
    /// and the exception arrives here. Many callers share one commit.
    template <class Fn> auto write(const TenantScope& scope, Fn&& fn) {
        return collect<Tx>(fn, [&](const auto& step) { run_write(scope, step); });
    }
    template <class Fn> auto write(const SystemScope& scope, Fn&& fn) {
        return collect<SystemTx>(fn, [&](const auto& step) { run_write(scope, step); });
    }

    /// Ends the call's registration when destroyed.
    class Watch;
    /// Calls `then` after another process changed the file: on the writer's thread, at the latest before the first
    /// function that builds on that change. For caches; it must not block, throw or use the database.
    [[nodiscard]] std::unique_ptr<Watch> on_foreign_change(std::function<void()> then);

    /// Brings what the write-ahead log holds into the file and cuts the log to nothing, so that what was overwritten or removed
    /// stands in neither. False: somebody reads or writes just now; try again.
    [[nodiscard]] bool empty_log();

    /// Lets writes that have begun end, refuses new ones with Closed, and lets go of the file. May be called twice and from any
    /// thread but the writer's.
    void close() noexcept;

    Stats stats() const;

private:
    struct Impl;
    explicit Database(std::unique_ptr<Impl> impl);

    void run_read(const TenantScope& scope, const std::function<void(Reader&)>& fn, std::optional<Duration> limit = {});
    void run_read(const SystemScope& scope, const std::function<void(SystemReader&)>& fn);
    void run_write(const TenantScope& scope, const std::function<void(Tx&)>& fn);
    void run_write(const SystemScope& scope, const std::function<void(SystemTx&)>& fn);

    template <class View, class Fn, class Run> static auto collect(Fn& fn, const Run& run) {
        using Result = std::invoke_result_t<Fn&, View&>;
        static_assert(!std::is_same_v<Result, Rows>, "rows live inside the function only");
        if constexpr (std::is_void_v<Result>) {
            run([&fn](View& view) { fn(view); });
        } else {
            std::optional<Result> result;
            run([&fn, &result](View& view) { result.emplace(fn(view)); });
            return std::move(*result);
        }
    }

    std::unique_ptr<Impl> impl_;
};

class Database::Watch {
public:
    virtual ~Watch() = default;
};

/// The engine's own facts about a home: node names, format marks, key checks.
std::optional<std::string> meta(SystemReader& reader, std::string_view key);
void set_meta(SystemTx& tx, std::string_view key, std::string_view value);

/// Adds `step` to a named counter that starts at 0, and returns the sum: gapless, because it rolls back with its caller.
std::int64_t advance_counter(SystemTx& tx, std::string_view name, std::int64_t step = 1);

}  // namespace tenon::db
