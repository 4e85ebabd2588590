#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace tenon::base {

/// Told that there may be something to read somewhere. On whatever thread made it so: must not block, throw or call back.
class Listener {
public:
    virtual ~Listener() = default;
    virtual void news() noexcept = 0;
};

/// Those who listen to one thing. Held weakly: who is gone hears no more.
///
/// Threads   any, at once.
class Listeners {
public:
    void add(const std::shared_ptr<Listener>& listener) {
        const std::lock_guard lock(mutex_);
        std::erase_if(all_, [](const auto& one) { return one.expired(); });
        all_.push_back(listener);
    }

    void tell() noexcept {
        const std::lock_guard lock(mutex_);
        for (const auto& one : all_)
            if (const auto alive = one.lock()) alive->news();
    }

private:
    std::mutex mutex_;
    std::vector<std::weak_ptr<Listener>> all_;  // guarded by mutex_
};

/// A queue that somebody reads, seen by one who only wants to know whether there is something in it.
class Source {
public:
    virtual ~Source() = default;
    /// Whether the next read finds something at once. Throws Closed.
    [[nodiscard]] virtual bool has_news() = 0;
    /// From now on `listener` is told when the answer may have become yes, and when there is no more to come.
    virtual void listen(const std::shared_ptr<Listener>& listener) = 0;
};

}  // namespace tenon::base
