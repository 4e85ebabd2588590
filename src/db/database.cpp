#include <db/database.hpp>

#include <tenon/error.hpp>

#include "backend.hpp"

namespace tenon::db {
namespace sql {

void statement_refused(const char* why) { throw InternalError(why); }

}  // namespace sql

namespace {

/// Which databases the thread is inside of. A function that entered one again would wait for itself: the writer for its
/// own thread, a reader for a connection that others hold the same way.
struct Inside {
    Inside(const void* which, const char* call) : database(which), outer(innermost) {
        for (const auto* i = innermost; i; i = i->outer)
            if (i->database == which) throw InternalError(std::string(call) + " inside of a function that read or write runs");
        innermost = this;
    }
    ~Inside() { innermost = outer; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

    const void* database;
    const Inside* outer;
    static thread_local const Inside* innermost;
};
thread_local const Inside* Inside::innermost = nullptr;

}  // namespace

struct Database::Impl {
    explicit Impl(std::unique_ptr<Backend> engine) : backend(std::move(engine)) {}

    void read(const TenantScope* scope, const std::function<void(Connection&)>& fn, std::optional<Duration> limit = {}) {
        const Inside inside(this, "read()");
        backend->read(scope, fn, limit);
    }
    template <class Fn> void write(const TenantScope* scope, const Fn& fn) {
        { const Inside outside(this, "write()"); }
        backend->write(scope, [this, &fn](Connection& c) {
            const Inside inside(this, "write()");
            fn(c);
            if (!c.idle()) throw InternalError("rows outlived the function that asked for them");
        });
    }

    const std::unique_ptr<Backend> backend;
};

namespace {

class WatchHandle final : public Database::Watch {
public:
    WatchHandle(Backend& backend, std::function<void()> then) : backend_(backend), place_(backend.watch(std::move(then))) {}
    ~WatchHandle() override { backend_.unwatch(place_); }

private:
    Backend& backend_;
    Backend::Watches::iterator place_;
};

constexpr SystemStmt find_meta{"SELECT value FROM meta WHERE key = :key"};
constexpr SystemStmt put_meta{"INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value"};
constexpr SystemStmt add_counter{
    "INSERT INTO counter (name, value) VALUES (:name, :step) ON CONFLICT (name) DO UPDATE "
    "SET value = value + excluded.value RETURNING value"};

}  // namespace

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() { close(); }

std::unique_ptr<Database> Database::open(Options options, const std::vector<Migration>& migrations) {
    if (!options.file.empty() && !options.postgres.empty())
        throw InvalidArgument("a metadata store is a file or a PostgreSQL database, not both", {.subject = "postgres"});
    auto engine = options.postgres.empty() ? open_sqlite(options, migrations) : open_postgres(options, migrations);
    return std::unique_ptr<Database>(new Database(std::make_unique<Impl>(std::move(engine))));
}

void Database::run_read(const TenantScope& scope, const std::function<void(Reader&)>& fn, std::optional<Duration> limit) {
    impl_->read(
        &scope,
        [&](Connection& c) {
            auto view = Connection::reader(c, scope);
            fn(view);
        },
        limit);
}

void Database::run_read(const SystemScope&, const std::function<void(SystemReader&)>& fn) {
    impl_->read(nullptr, [&](Connection& c) {
        auto view = Connection::system_reader(c);
        fn(view);
    });
}

void Database::run_write(const TenantScope& scope, const std::function<void(Tx&)>& fn) {
    impl_->write(&scope, [&](Connection& c) {
        auto view = Connection::tx(c, scope);
        fn(view);
    });
}

void Database::run_write(const SystemScope&, const std::function<void(SystemTx&)>& fn) {
    impl_->write(nullptr, [&](Connection& c) {
        auto view = Connection::system_tx(c);
        fn(view);
    });
}

std::unique_ptr<Database::Watch> Database::on_foreign_change(std::function<void()> then) {
    return std::make_unique<WatchHandle>(*impl_->backend, std::move(then));
}

void Database::close() noexcept { impl_->backend->close(); }

bool Database::empty_log() { return impl_->backend->empty_log(); }

Stats Database::stats() const { return impl_->backend->stats(); }

std::optional<std::string> meta(SystemReader& reader, std::string_view key) {
    auto rows = reader.query(find_meta, key);
    if (!rows.next()) return std::nullopt;
    return rows.text(0);
}

void set_meta(SystemTx& tx, std::string_view key, std::string_view value) { tx.exec(put_meta, key, value); }

std::int64_t advance_counter(SystemTx& tx, std::string_view name, std::int64_t step) {
    auto rows = tx.query(add_counter, name, step);
    if (!rows.next()) throw InternalError("a counter was not advanced", {.subject = std::string(name)});
    return rows.i64(0);
}

}  // namespace tenon::db
