#include "log_copier.hpp"

#include <optional>
#include <utility>

#include <exec/thread.hpp>

namespace tenon::db {
namespace {

// The second time copies what came during the first, so that next to nothing is left.
constexpr int times = 2;

void copy(std::optional<SqliteConnection>& connection, const Options& options, const std::shared_ptr<const Registry>& registry) noexcept {
    try {
        if (!connection) connection.emplace(options.file, SqliteConnection::Role::reader, registry, options.busy_deadline);
        for (int i = 0; i < times; ++i) connection->copy_log();
    } catch (...) {
        connection.reset();
    }
}

}  // namespace

LogCopier::LogCopier(const Options& options, std::shared_ptr<const Registry> registry)
    : options_(options), registry_(std::move(registry)) {}

LogCopier::~LogCopier() { close(); }

void LogCopier::start() noexcept {
    try {
        const std::lock_guard lock(mutex_);
        if (state_ != State::idle) return;
        if (!thread_.joinable()) thread_ = exec::start_thread("store-log", [this] { loop(); });
        state_ = State::copying;
        changed_.notify_all();
    } catch (...) {
        // No thread just now: the log stays longer until there is one.
    }
}

bool LogCopier::has_ended() noexcept {
    const std::lock_guard lock(mutex_);
    if (state_ != State::ended) return false;
    state_ = State::idle;
    return true;
}

void LogCopier::close() noexcept {
    {
        const std::lock_guard lock(mutex_);
        state_ = State::closed;
        changed_.notify_all();
    }
    const std::lock_guard lock(close_mutex_);
    if (thread_.joinable()) thread_.join();
}

void LogCopier::loop() {
    std::optional<SqliteConnection> connection;
    for (std::unique_lock lock(mutex_);;) {
        changed_.wait(lock, [&] { return state_ == State::copying || state_ == State::closed; });
        if (state_ == State::closed) return;
        lock.unlock();
        copy(connection, options_, registry_);
        lock.lock();
        if (state_ == State::copying) state_ = State::ended;
    }
}

}  // namespace tenon::db
