#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <db/database.hpp>

#include "connection.hpp"

namespace tenon::db {

/// Copies the write-ahead log into the file while others go on writing, on a thread of its own that lives from the first time on.
/// What is written meanwhile stays for the thread that writes to copy: only when nothing is left does the log begin anew.
class LogCopier {
public:
    LogCopier(const Options& options, std::shared_ptr<const Registry> registry);
    ~LogCopier();

    /// Begins to copy, unless that is under way. Failures are the next time's to meet again.
    void start() noexcept;
    /// Once after each time: it has ended.
    bool has_ended() noexcept;
    /// Returns when the file is let go of. Does nothing from then on.
    void close() noexcept;

private:
    enum class State : unsigned char { idle,
                                       copying,
                                       ended,
                                       closed };
    void loop();

    const Options options_;
    const std::shared_ptr<const Registry> registry_;
    std::mutex mutex_;
    std::condition_variable changed_;
    State state_ = State::idle;  ///< Guarded by mutex_.
    std::mutex close_mutex_;
    std::jthread thread_;  ///< Made under mutex_, joined under close_mutex_.
};

}  // namespace tenon::db
