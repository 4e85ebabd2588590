#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include <db/database.hpp>

#include "baton.hpp"
#include "connection.hpp"
#include "log_copier.hpp"

namespace tenon::db {

/// The one thread that writes: it drains a bounded queue into one transaction at a time.
class Writer {
public:
    Writer(const Options& options, std::shared_ptr<const Registry> registry);
    ~Writer();

    /// Runs `fn` on the writer's thread and returns once what it did is durable; throws what it threw.
    void run(const std::function<void(Connection&)>& fn);
    /// Ends when all that was accepted is done. Not to be called by a function of this writer.
    void close() noexcept;
    /// After close(): lets go of the file, of which the last to do so removes the write-ahead log.
    void disconnect() noexcept;

    std::list<std::function<void()>>::iterator watch(std::function<void()> then);
    void unwatch(std::list<std::function<void()>>::iterator which);
    void fill(Stats& stats);

private:
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

    /// Whether each write of a group can be undone by itself.
    enum class Guard : unsigned char { none,
                                       each };

    void loop();
    void commit_group();
    bool run_group(Batch& batch, Guard guard);
    bool take_more(Batch& batch);
    void apply(Request& request, Guard guard);
    void undo();
    bool run_all(Batch& batch, Guard guard);
    bool answer_refused(Batch& batch);
    void replay(Batch& batch);
    void run_alone(Request& request);
    void settle(Batch& batch);
    void shorten_log() noexcept;
    void give_up(Batch& batch, const std::exception_ptr& error);
    static void answer(Batch& batch) noexcept;
    static void wake(Request* list) noexcept;
    void abandon() noexcept;
    void look_for_others();

    const Options options_;
    SqliteConnection connection_;
    LogCopier copier_;

    std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable space_;
    std::deque<Request*> queue_;  ///< Guarded by mutex_.
    bool closing_ = false;        ///< Guarded by mutex_.

    std::mutex watch_mutex_;
    std::list<std::function<void()>> watches_;  ///< Guarded by watch_mutex_.

    std::int64_t data_version_ = 0;   // the writer's thread only
    Duration foreign_seen_{-1};       // the writer's thread only
    Duration copied_at_{};            // the writer's thread only
    int guarded_ = 0;                 // the writer's thread only: so many groups still with savepoints
    std::atomic<std::int64_t> commits_ = 0, requests_ = 0, replays_ = 0;
    std::mutex close_mutex_;
    std::jthread thread_;
};

}  // namespace tenon::db
