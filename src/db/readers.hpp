#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include <db/database.hpp>

#include "connection.hpp"

namespace tenon::db {

/// Connections for reads, opened when first needed and lent to one thread at a time.
class Readers {
public:
    Readers(const Options& options, std::shared_ptr<const Registry> registry);
    ~Readers();

    void run(const std::function<void(Connection&)>& fn, std::optional<Duration> limit);
    /// Returns when no read runs any more.
    void close() noexcept;

private:
    std::unique_ptr<SqliteConnection> take();
    void give_back(std::unique_ptr<SqliteConnection> connection) noexcept;

    const Options options_;
    const std::shared_ptr<const Registry> registry_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::unique_ptr<SqliteConnection>> idle_;  ///< Guarded by mutex_.
    int lent_ = 0;                                   ///< Guarded by mutex_.
    bool closing_ = false;                           ///< Guarded by mutex_.
};

}  // namespace tenon::db
