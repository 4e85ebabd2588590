#include "group_writer.hpp"

#include <utility>

#include <exec/thread.hpp>
#include <tenon/error.hpp>

namespace tenon::db {
namespace {

constexpr std::size_t fan_out = 4;  // how many callers each caller wakes

/// The change is durable by now: whatever goes wrong in telling of it must not look like a failure of the change.
void tell(const std::function<void()>& then) noexcept {
    try {
        then();
    } catch (...) {
    }
}

}  // namespace

void GroupWriter::start() {
    thread_ = exec::start_thread("store", [this] { loop(); });
}

void GroupWriter::run(const std::function<void(Connection&)>& fn) {
    if (std::this_thread::get_id() == thread_.get_id()) throw InternalError("write() on the thread that writes");
    Request request(fn);
    {
        std::unique_lock lock(mutex_);
        if (!space_.wait_for(lock, options_.busy_deadline, [&] { return closing_ || queue_.size() < options_.queue; }))
            throw Unavailable("too many writes are waiting for the metadata store");
        if (closing_) throw Closed("the metadata store is closed");
        queue_.push_back(&request);
        if (queue_.size() == 1) work_.notify_one();
    }
    request.done.wait();
    wake(request.first_woken);
    if (request.error) std::rethrow_exception(request.error);
}

void GroupWriter::stop() noexcept {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        work_.notify_all();
        space_.notify_all();
    }
    const std::lock_guard lock(close_mutex_);
    if (thread_.joinable()) thread_.join();
}

void GroupWriter::nudge() noexcept {
    const std::lock_guard lock(mutex_);
    nudged_ = true;
    work_.notify_all();
}

Backend::Watches::iterator GroupWriter::watch(std::function<void()> then) {
    const std::lock_guard lock(watch_mutex_);
    return watches_.insert(watches_.end(), std::move(then));
}

void GroupWriter::unwatch(Backend::Watches::iterator which) {
    const std::lock_guard lock(watch_mutex_);
    watches_.erase(which);
}

void GroupWriter::tell_watches() {
    const std::lock_guard lock(watch_mutex_);
    for (auto& then : watches_) tell(then);
}

void GroupWriter::fill(Stats& stats) {
    const std::lock_guard lock(mutex_);
    stats.waiting = static_cast<std::int64_t>(queue_.size());
    stats.commits = commits_;
    stats.requests = requests_;
    stats.replays = replays_;
}

void GroupWriter::loop() {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            work_.wait_for(lock, options_.poll, [&] { return closing_ || nudged_ || !queue_.empty(); });
            if (queue_.empty() && closing_) return;
            if (!queue_.empty()) {
                lock.unlock();
                commit_group();
                continue;
            }
            nudged_ = false;
        }
        try {
            look_for_others();
        } catch (const Error&) {
            // The next write meets the same trouble and has a caller to tell.
        }
    }
}

bool GroupWriter::take_more(Batch& batch) {
    const std::lock_guard lock(mutex_);
    const bool any = !queue_.empty();
    while (!queue_.empty() && batch.size() < group_limit) {
        batch.push_back(queue_.front());
        queue_.pop_front();
    }
    if (any) space_.notify_all();
    return any;
}

/// What the batch did is durable.
void GroupWriter::succeed(Batch& batch) {
    ++commits_;
    requests_ += static_cast<std::int64_t>(batch.size());
    for (auto* request : batch)
        for (auto& then : request->after) tell(then);
    answer(batch);
}

void GroupWriter::give_up(Batch& batch, const std::exception_ptr& error) {
    for (auto* request : batch) request->error = error;
    answer(batch);
}

/// Waking a thread costs the waker microseconds, and the thread that writes has the next group to do: it wakes one caller,
/// who wakes others, and so on.
void GroupWriter::answer(Batch& batch) noexcept {
    for (std::size_t i = batch.size(); i-- > 1;) {
        auto& waker = *batch[(i - 1) / fan_out];
        batch[i]->next_woken = std::exchange(waker.first_woken, batch[i]);
    }
    if (!batch.empty()) batch.front()->done.pass();
}

/// A request is gone as soon as it is passed: the list is read ahead of it.
void GroupWriter::wake(Request* list) noexcept {
    while (list) std::exchange(list, list->next_woken)->done.pass();
}

}  // namespace tenon::db
