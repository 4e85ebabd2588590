#include "readers.hpp"

#include <base/clock.hpp>
#include <tenon/error.hpp>

namespace tenon::db {

Readers::Readers(const Options& options, std::shared_ptr<const Registry> registry)
    : options_(options), registry_(std::move(registry)) {
    if (options_.readers < 1) throw InvalidArgument("at least one connection is needed for reads", {.subject = "readers"});
    idle_.reserve(static_cast<std::size_t>(options_.readers));
}

Readers::~Readers() { close(); }

std::unique_ptr<SqliteConnection> Readers::take() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, options_.busy_deadline, [&] { return closing_ || lent_ < options_.readers; }))
        throw Unavailable("too many reads are waiting for the metadata store");
    if (closing_) throw Closed("the metadata store is closed");
    ++lent_;
    if (idle_.empty()) return nullptr;
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
}

void Readers::give_back(std::unique_ptr<SqliteConnection> connection) noexcept {
    const std::lock_guard lock(mutex_);
    --lent_;
    if (connection) idle_.push_back(std::move(connection));
    if (closing_) changed_.notify_all();
    else changed_.notify_one();
}

void Readers::run(const std::function<void(Connection&)>& fn, std::optional<Duration> limit) {
    auto connection = take();
    try {
        if (!connection)
            connection = std::make_unique<SqliteConnection>(options_.file, SqliteConnection::Role::reader, registry_, options_.busy_deadline);
        connection->set_read_deadline(base::system_clock()->monotonic() + limit.value_or(options_.read_deadline));
        connection->control("BEGIN");
        fn(*connection);
        connection->set_read_deadline(Duration::zero());
        connection->control("COMMIT");
    } catch (...) {
        if (connection) {
            connection->set_read_deadline(Duration::zero());
            // A connection that cannot even roll back is closed rather than lent again.
            if (connection->in_transaction() && !connection->try_control("ROLLBACK")) connection.reset();
        }
        give_back(std::move(connection));
        throw;
    }
    give_back(std::move(connection));
}

void Readers::close() noexcept {
    std::unique_lock lock(mutex_);
    closing_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return lent_ == 0; });
    idle_.clear();
}

}  // namespace tenon::db
