#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include <exec/task.hpp>

namespace tenon::exec {

struct PoolOptions {
    unsigned threads = 0;      ///< 0: min(cores, 4).
    std::size_t queue = 1024;  ///< Tasks that may wait; one more is Unavailable.
    std::string name = "pool"; ///< Of the threads, as debuggers and top show them. At most 15 bytes are used.
    /// Hears what a submitted task threw: nobody else would. Must not throw.
    std::function<void(const std::exception&)> on_failure{};
};

/// Threads for work that blocks or takes long.
///
/// Threads   any member, from any thread, tasks of this pool among them.
class Pool {
public:
    /// What close() does with tasks that have not begun.
    enum class Waiting : std::uint8_t { run, drop };

    explicit Pool(PoolOptions options = {});
    ~Pool();  ///< close(Waiting::drop)

    /// Throws    Unavailable when the queue is full, Closed after close().
    void submit(Task task);
    /// The same with a future, which also carries what `f` throws; a dropped task breaks its promise.
    template <class F> auto run(F f) -> std::future<std::invoke_result_t<F&>> {
        std::packaged_task<std::invoke_result_t<F&>()> packaged(std::move(f));
        auto future = packaged.get_future();
        submit(Task(std::move(packaged)));
        return future;
    }

    unsigned threads() const noexcept;
    std::size_t waiting() const;
    /// Whether the caller is one of this pool's threads, which must never wait for the pool.
    bool on_this_thread() const noexcept;

    /// Takes no more tasks and returns when the last has ended; a task that calls it does not wait for itself.
    void close(Waiting waiting = Waiting::run) noexcept;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace tenon::exec
