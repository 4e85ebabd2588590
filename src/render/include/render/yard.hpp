#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace tenon::render {

/// Where threads of renders that were given up wind down: an encoder lets go only after it has looked at the pictures that
/// it holds. They compute, and touch nothing that anybody sees.
///
/// Threads   any.
class Yard {
public:
    Yard() = default;
    ~Yard();   ///< Waits for all of them.
    Yard(const Yard&) = delete;
    Yard& operator=(const Yard&) = delete;

    /// `ended` becomes true as the thread's last act.
    void take(std::jthread thread, std::shared_ptr<const std::atomic<bool>> ended);
    /// Waits for all of them.
    void clear();

private:
    struct Entry {
        std::jthread thread;
        std::shared_ptr<const std::atomic<bool>> ended;
    };
    std::mutex mutex_;
    std::vector<Entry> entries_;   // guarded by mutex_
};

}  // namespace tenon::render
