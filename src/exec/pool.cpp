#include <exec/pool.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include <exec/thread.hpp>
#include <tenon/error.hpp>

namespace tenon::exec {
namespace {

thread_local const void* pool_of_this_thread = nullptr;

unsigned default_threads() { return std::clamp(std::thread::hardware_concurrency(), 1u, 4u); }

}  // namespace

struct Pool::State {
    explicit State(PoolOptions&& o) : options(std::move(o)) {}

    // The last worker may be the one that drops the state.
    ~State() {
        for (auto& thread : threads)
            if (thread.get_id() == std::this_thread::get_id()) thread.detach();
    }

    PoolOptions options;
    std::mutex mutex;
    std::condition_variable work, left;
    std::deque<Task> queue;           // guarded by mutex
    bool closed = false;              // guarded by mutex
    unsigned alive = 0;               // guarded by mutex; workers that may still run a task
    unsigned closing = 0;             // guarded by mutex; workers whose task is inside close()
    std::vector<std::jthread> threads;  // guarded by mutex once the constructor is done

    void report(const std::exception& error) noexcept {
        if (options.on_failure) options.on_failure(error);
    }

    void perform(Task task) noexcept {
        try {
            task();
        } catch (const std::exception& error) {
            report(error);
        } catch (...) {
            report(std::runtime_error("a task threw what is no exception"));
        }
    }

    void serve() {
        pool_of_this_thread = this;
        std::unique_lock lock(mutex);
        while (true) {
            work.wait(lock, [&] { return closed || !queue.empty(); });
            if (queue.empty()) break;
            auto task = std::move(queue.front());
            queue.pop_front();
            lock.unlock();
            perform(std::move(task));
            lock.lock();
        }
        --alive;
        left.notify_all();
    }
};

Pool::Pool(PoolOptions options) : state_(std::make_shared<State>(std::move(options))) {
    const auto count = state_->options.threads ? state_->options.threads : default_threads();
    try {
        for (unsigned i = 0; i < count; ++i) {
            {
                const std::lock_guard lock(state_->mutex);
                ++state_->alive;
            }
            try {
                state_->threads.push_back(start_thread(state_->options.name, [state = state_] { state->serve(); }));
            } catch (...) {
                const std::lock_guard lock(state_->mutex);
                --state_->alive;
                throw;
            }
        }
    } catch (const std::system_error& error) {
        close(Waiting::drop);
        throw Unavailable(std::string("cannot start threads: ") + error.what(), {.subject = state_->options.name});
    }
}

Pool::~Pool() { close(Waiting::drop); }

void Pool::submit(Task task) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->closed) throw Closed("the pool is closed", {.subject = state_->options.name});
        if (state_->queue.size() >= state_->options.queue)
            throw Unavailable("too much work is waiting; try again later", {.subject = state_->options.name});
        state_->queue.push_back(std::move(task));
    }
    state_->work.notify_one();
}

unsigned Pool::threads() const noexcept {
    const std::lock_guard lock(state_->mutex);
    return state_->alive;
}

std::size_t Pool::waiting() const {
    const std::lock_guard lock(state_->mutex);
    return state_->queue.size();
}

bool Pool::on_this_thread() const noexcept { return pool_of_this_thread == state_.get(); }

void Pool::close(Waiting waiting) noexcept {
    const auto state = state_;  // a task may destroy this pool meanwhile
    const bool inside = on_this_thread();
    std::vector<std::jthread> ended;
    {
        std::deque<Task> dropped;  // ends without the lock, as what tasks own may do anything, and before the wait, as
        const std::lock_guard lock(state->mutex);  // running tasks may wait for dropped ones
        state->closed = true;
        if (waiting == Waiting::drop) dropped.swap(state->queue);
        state->work.notify_all();
    }
    {
        std::unique_lock lock(state->mutex);
        if (inside) {
            ++state->closing;
            state->left.notify_all();
        }
        // Workers inside close() cannot wait for one another.
        state->left.wait(lock, [&] { return state->alive == (inside ? state->closing : 0); });
        if (inside) --state->closing;
        else ended.swap(state->threads);
    }
}  // joins what ended

}  // namespace tenon::exec
