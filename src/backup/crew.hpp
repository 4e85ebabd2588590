#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <exec/thread.hpp>

namespace tenon::backup {

/// Threads that belong to one job, with a bounded queue: the queue is the back-pressure. The first failure ends it all.
template <class Task> class Crew {
public:
    /// `meanwhile`: done now and then by who waits here.
    Crew(unsigned threads, std::size_t queue, std::function<void(unsigned, Task&)> work, std::function<void()> meanwhile = {})
        : limit_(queue), work_(std::move(work)), meanwhile_(std::move(meanwhile)) {
        for (unsigned i = 0; i < threads; ++i) threads_.push_back(exec::start_thread("backup", [this, i] { run(i); }));
    }
    Crew(const Crew&) = delete;
    ~Crew() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
            waiting_.clear();
            offered_ = 0;
        }
        changed_.notify_all();
        threads_.clear();
    }

    /// Waits while the queue is full. Throws what a task threw.
    void post(Task task) {
        std::unique_lock lock(mutex_);
        wait(lock, [&] { return failure_ || posted() < limit_; });
        if (failure_) std::rethrow_exception(failure_);
        waiting_.push_back(std::move(task));
        ++open_;
        changed_.notify_all();
    }
    /// Gives the task to a thread that has nothing to do but such tasks, as its next one. False: none has, and the task stays the caller's.
    bool offer(Task& task) {
        const std::lock_guard lock(mutex_);
        if (failure_ || closed_ || posted() > 0 || offered_ >= idle_ + helping_) return false;
        waiting_.push_back(std::move(task));  // whoever offers waits for the first one first
        ++offered_;
        ++open_;
        changed_.notify_all();
        return true;
    }
    /// Waits until all that was posted is done. Throws what a task threw.
    void drain() {
        std::unique_lock lock(mutex_);
        wait(lock, [&] { return open_ == 0; });
        if (failure_) std::rethrow_exception(failure_);
    }
    /// Waits until no more than so many that were posted wait for a thread.
    void wait_until(std::size_t waiting) {
        std::unique_lock lock(mutex_);
        wait(lock, [&] { return failure_ || posted() <= waiting; });
    }

private:
    static constexpr auto look_every = std::chrono::milliseconds(20);

    std::size_t posted() const { return waiting_.size() - offered_; }  // of what waits

    template <class Done> void wait(std::unique_lock<std::mutex>& lock, Done done) {
        if (!meanwhile_) return changed_.wait(lock, done);
        while (!changed_.wait_for(lock, look_every, done)) {
            lock.unlock();
            meanwhile_();
            lock.lock();
        }
    }
    void run(unsigned number) {
        std::unique_lock lock(mutex_);
        for (;;) {
            ++idle_;
            changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
            --idle_;
            if (waiting_.empty()) return;
            const bool helps = offered_ > 0;
            auto task = std::move(waiting_.front());
            waiting_.pop_front();
            if (helps) --offered_, ++helping_;
            const bool skip = failure_ != nullptr;
            lock.unlock();
            changed_.notify_all();
            std::exception_ptr failure;
            try {
                if (!skip) work_(number, task);
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            if (failure && !failure_) failure_ = failure;
            if (helps) --helping_;
            --open_;
            changed_.notify_all();
        }
    }

    const std::size_t limit_;
    const std::function<void(unsigned, Task&)> work_;
    const std::function<void()> meanwhile_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> waiting_;        // guarded by mutex_; what was offered is in front
    std::size_t offered_ = 0;         // guarded by mutex_: of these
    std::size_t helping_ = 0;         // guarded by mutex_: threads that do what was offered
    std::size_t open_ = 0;            // guarded by mutex_: posted, not done
    std::size_t idle_ = 0;            // guarded by mutex_: threads that wait
    std::exception_ptr failure_;      // guarded by mutex_
    bool closed_ = false;             // guarded by mutex_
    std::vector<std::jthread> threads_;
};

}  // namespace tenon::backup
