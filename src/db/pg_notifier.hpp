#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include <db/database.hpp>

#include "pg_connection.hpp"

namespace tenon::db {

/// Tells other processes of commits and hears of theirs, by NOTIFY on a connection of its own: within a writing transaction it
/// would hold a lock of the whole server over the COMMIT. At most one in 10 ms; what is missed, the writer's poll finds.
class PgNotifier {
public:
    PgNotifier(const Options& options, std::function<void()> heard);
    ~PgNotifier();

    void tell() noexcept;  ///< Of a commit. Any thread; never waits.
    void close() noexcept;

private:
    void loop(const std::stop_token& stop);
    void listen();
    bool take_news();
    void wait(Duration at_most);
    void wake() noexcept;

    const Options options_;
    const std::function<void()> heard_;
    std::unique_ptr<PgConnection> connection_;  ///< The thread's only.
    int wake_ = -1;
    std::atomic<bool> told_ = false;
    std::jthread thread_;
};

}  // namespace tenon::db
