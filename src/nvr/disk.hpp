#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <base/clock.hpp>
#include <base/log.hpp>
#include <exec/wait.hpp>
#include <nvr/footage_writer.hpp>

namespace tenon::nvr {

/// What a camera may still write before somebody has to ask for more.
struct Allowance {
    std::atomic<std::int64_t> left{0};  ///< Granted and not yet written: more than this is never written.
    std::atomic<std::int64_t> low{0};   ///< Below it more is asked for.
    std::atomic<bool> denied{true};     ///< Nothing was granted yet, or asking was refused.
};

/// What a line tells its camera. Called on the disk's thread: short, never waiting for anything.
class LineOwner {
public:
    virtual void noted(std::vector<SegmentNote> notes) = 0;
    /// Nothing is recorded until the cause is gone: no room, or the disk fails.
    virtual void paused(GapReason reason, const std::string& problem) = 0;
    virtual void resumed() = 0;

protected:
    ~LineOwner() = default;
};

/// The one thread that writes to a disk. Cameras hand it fragments and go on; a disk that stalls costs footage, whole
/// GOPs and the oldest first, but never makes a camera wait.
class Disk {
public:
    /// One camera's footage on this disk.
    class Line;

    Disk(std::shared_ptr<const base::Clock> clock, std::shared_ptr<base::Log> log, std::size_t queue_bytes);
    ~Disk();  ///< stop()

    struct LineOptions {
        std::filesystem::path folder{};
        Origin origin{};
        std::shared_ptr<const crypto::SigningKey> key{};
        CameraTail tail{};
        std::shared_ptr<Allowance> allowance{};
        LineOwner* owner = nullptr;  ///< Outlives the line: until close() has returned.
    };
    std::shared_ptr<Line> open(LineOptions options);

    void push(const std::shared_ptr<Line>& line, Fragment fragment);

    /// Writes what is queued for the line, finishes its segment and forgets it. Returns when that is done.
    void close(const std::shared_ptr<Line>& line);

    void stop() noexcept;

private:
    struct Item {
        std::shared_ptr<Line> line;
        Fragment fragment;
        std::size_t bytes;
        bool end = false;  ///< The line is to be closed.
    };

    void run();
    void take(Item& item);
    void make_room();

    const std::shared_ptr<const base::Clock> clock_;
    const std::shared_ptr<base::Log> log_;
    const std::size_t capacity_;
    std::mutex mutex_;  // guards the queue and its state
    std::condition_variable changed_;
    std::deque<Item> queue_;
    std::size_t queued_ = 0;
    bool stopping_ = false;
    bool ended_ = false;                        ///< The thread has written its last.
    std::vector<std::shared_ptr<Line>> lines_;  // the thread's own
    std::size_t unsynced_ = 0;                  // the thread's own: so many of the first lines are still to be synced
    std::jthread thread_;
};

}  // namespace tenon::nvr
