#include <condition_variable>
#include <mutex>

#include <base/clock.hpp>
#include <tenon/error.hpp>

#include "backend.hpp"
#include "pg_connection.hpp"
#include "pg_notifier.hpp"
#include "pg_schema.hpp"
#include "pg_writer.hpp"

namespace tenon::db {
namespace {

/// Connections for reads, opened when first needed and lent to one thread at a time.
class PgReaders {
public:
    explicit PgReaders(const Options& options) : options_(options) {
        if (options_.readers < 1) throw InvalidArgument("at least one connection is needed for reads", {.subject = "readers"});
    }
    ~PgReaders() { close(); }

    void run(const std::function<void(Connection&)>& fn, std::optional<Duration> limit) {
        const Lent lent(*this);
        auto& c = *lent.connection;
        c.set_read_deadline(base::system_clock()->monotonic() + limit.value_or(options_.read_deadline));
        // It goes with the first statement, whose snapshot is that of all of them.
        c.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        try {
            fn(c);
            c.run("COMMIT");
        } catch (...) {
            try {
                c.finish();
            } catch (const std::exception&) {
            }
            c.rollback();
            throw;
        }
    }

    void close() noexcept {
        std::unique_lock lock(mutex_);
        closing_ = true;
        changed_.notify_all();
        changed_.wait(lock, [&] { return lent_ == 0; });
        idle_.clear();
    }

private:
    struct Lent {
        explicit Lent(PgReaders& pool) : readers(pool), connection(pool.take()) {
            if (connection) return;
            try {
                connection = std::make_unique<PgConnection>(pool.options_, PgConnection::Role::reader);
            } catch (...) {
                pool.give_back(nullptr);
                throw;
            }
        }
        ~Lent() { readers.give_back(connection->is_lost() ? nullptr : std::move(connection)); }
        Lent(const Lent&) = delete;
        Lent& operator=(const Lent&) = delete;
        PgReaders& readers;
        mutable std::unique_ptr<PgConnection> connection;
    };

    std::unique_ptr<PgConnection> take() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, options_.busy_deadline, [&] { return closing_ || lent_ < options_.readers; }))
            throw Unavailable("too many reads are waiting for the metadata store");
        if (closing_) throw Closed("the metadata store is closed");
        ++lent_;
        while (!idle_.empty()) {
            auto connection = std::move(idle_.back());
            idle_.pop_back();
            if (!connection->is_stale()) return connection;  // a server that was started again has ended all of them
        }
        return nullptr;
    }
    void give_back(std::unique_ptr<PgConnection> connection) noexcept {
        const std::lock_guard lock(mutex_);
        --lent_;
        if (connection) idle_.push_back(std::move(connection));
        if (closing_) changed_.notify_all();
        else changed_.notify_one();
    }

    const Options options_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<PgConnection>> idle_;  ///< Guarded by mutex_.
    int lent_ = 0;                                     ///< Guarded by mutex_.
    bool closing_ = false;                             ///< Guarded by mutex_.
};

class PgBackend final : public Backend {
public:
    explicit PgBackend(const Options& options) : readers_(options), writer_(options), notifier_(options, [this] { writer_.nudge(); }) {
        writer_.on_change([this] { notifier_.tell(); });
        writer_.begin();
    }
    ~PgBackend() override { close(); }

    void read(const TenantScope*, const std::function<void(Connection&)>& fn, std::optional<Duration> limit) override { readers_.run(fn, limit); }
    void write(const TenantScope*, const std::function<void(Connection&)>& fn) override { writer_.run(fn); }
    Watches::iterator watch(std::function<void()> then) override { return writer_.watch(std::move(then)); }
    void unwatch(Watches::iterator which) override { writer_.unwatch(which); }

    void close() noexcept override {
        writer_.close();
        readers_.close();
        const std::lock_guard lock(close_mutex_);
        notifier_.close();
    }

    /// The server keeps its log itself: there is none to empty.
    bool empty_log() override { return true; }

    Stats stats() override {
        Stats stats;
        writer_.fill(stats);
        return stats;
    }

private:
    PgReaders readers_;
    PgWriter writer_;
    std::mutex close_mutex_;
    PgNotifier notifier_;
};

}  // namespace

std::unique_ptr<Backend> open_postgres(const Options& options, const std::vector<Migration>& migrations) {
    prepare_pg_schema(options, migrations);
    check_pg_walls(options);
    return std::make_unique<PgBackend>(options);
}

}  // namespace tenon::db
