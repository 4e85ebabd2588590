#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include <db/database.hpp>

#include "backend.hpp"
#include "baton.hpp"

namespace tenon::db {

/// The one thread of a process that writes to a home, and the bounded queue in front of it. An engine says how a group is done.
class GroupWriter {
public:
    /// Runs `fn` on the writer's thread and returns once what it did is durable; throws what it threw.
    void run(const std::function<void(Connection&)>& fn);
    Backend::Watches::iterator watch(std::function<void()> then);
    void unwatch(Backend::Watches::iterator which);
    void fill(Stats& stats);

protected:
    struct Request {
        explicit Request(const std::function<void(Connection&)>& f) : fn(f) {}
        const std::function<void(Connection&)>& fn;
        std::exception_ptr error;
        std::vector<std::function<void()>> after;
        Baton done;
        bool spoiled = false;            ///< Refused after it had changed something, with no savepoint to go back to.
        Request* first_woken = nullptr;  ///< Set when it is answered: whom its caller wakes, a list linked by next_woken.
        Request* next_woken = nullptr;
    };
    using Batch = std::vector<Request*>;
    static constexpr std::size_t group_limit = 256;
    static constexpr Duration group_time = std::chrono::milliseconds(2);

    explicit GroupWriter(const Options& options) : options_(options) {}
    ~GroupWriter() = default;

    /// One transaction for whatever waits: at most 256 requests, and none is begun after 2 ms. Callers go on after its commit.
    virtual void commit_group() = 0;
    /// Asked for when there is nothing to write: whether another process wrote.
    virtual void look_for_others() = 0;

    void start();
    void stop() noexcept;  ///< Ends when all that was accepted is done. Not to be called by a function of this writer.
    void nudge() noexcept; ///< Has look_for_others() called soon.
    bool take_more(Batch& batch);
    void succeed(Batch& batch);
    void give_up(Batch& batch, const std::exception_ptr& error);
    void tell_watches();
    static void answer(Batch& batch) noexcept;

    const Options options_;
    std::mutex close_mutex_;
    std::atomic<std::int64_t> replays_ = 0;

private:
    void loop();
    static void wake(Request* list) noexcept;

    std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable space_;
    std::deque<Request*> queue_;  ///< Guarded by mutex_.
    bool closing_ = false;        ///< Guarded by mutex_.
    bool nudged_ = false;         ///< Guarded by mutex_.

    std::mutex watch_mutex_;
    Backend::Watches watches_;  ///< Guarded by watch_mutex_.

    std::atomic<std::int64_t> commits_ = 0, requests_ = 0;
    std::jthread thread_;
};

}  // namespace tenon::db
