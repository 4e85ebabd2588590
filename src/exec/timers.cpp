#include <exec/timers.hpp>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include <exec/thread.hpp>
#include <tenon/error.hpp>

namespace tenon::exec {
namespace {

// A wall clock may step at any time without telling, so its timers look again now and then.
constexpr Duration wall_recheck = std::chrono::seconds(10);
constexpr Duration longest_wait = std::chrono::hours(1);
constexpr Duration longest_delay = std::chrono::years(100);  // keeps sums in range

}  // namespace

struct Timers::State {
    struct Entry {
        bool wall;
        Duration due;  // on the monotonic clock, or since the epoch
        Task task;
    };
    using Order = std::set<std::pair<Duration, Id>>;

    State(std::shared_ptr<const base::Clock> c, std::function<void(const std::exception&)> f)
        : clock(std::move(c)), on_failure(std::move(f)) {}
    ~State() {
        if (thread.get_id() == std::this_thread::get_id()) thread.detach();
    }

    const std::shared_ptr<const base::Clock> clock;
    const std::function<void(const std::exception&)> on_failure;
    std::mutex mutex;
    std::condition_variable changed, ran;
    std::map<Id, Entry> entries;          // guarded by mutex
    Order by_monotonic, by_wall;          // guarded by mutex
    Id next = 1;                          // guarded by mutex
    Id running = 0;                       // guarded by mutex
    bool closed = false, ended = false;   // guarded by mutex
    std::jthread thread;                  // guarded by mutex once started
    std::shared_ptr<void> steps;          // guarded by mutex

    Order& order_of(const Entry& entry) { return entry.wall ? by_wall : by_monotonic; }

    Id add(Entry entry) {
        const std::lock_guard lock(mutex);
        if (closed) throw Closed("the timers are closed");
        const auto id = next++;
        order_of(entry).emplace(entry.due, id);
        entries.emplace(id, std::move(entry));
        changed.notify_one();
        return id;
    }

    // The id of what is due, or 0 and how long to wait.
    std::pair<Id, Duration> first_due() const {
        auto wait = longest_wait;
        if (!by_monotonic.empty()) {
            const auto left = by_monotonic.begin()->first - clock->monotonic();
            if (left <= Duration::zero()) return {by_monotonic.begin()->second, {}};
            wait = std::min(wait, left);
        }
        if (!by_wall.empty()) {
            const auto left = by_wall.begin()->first - clock->now().time_since_epoch();
            if (left <= Duration::zero()) return {by_wall.begin()->second, {}};
            wait = std::min({wait, left, wall_recheck});
        }
        return {0, wait};
    }

    Task take(Id id) {
        auto entry = entries.extract(id);
        order_of(entry.mapped()).erase({entry.mapped().due, id});
        return std::move(entry.mapped().task);
    }

    void perform(Task task) noexcept {
        try {
            task();
        } catch (const std::exception& error) {
            if (on_failure) on_failure(error);
        } catch (...) {
            if (on_failure) on_failure(std::runtime_error("a timer threw what is no exception"));
        }
    }

    void serve() {
        std::unique_lock lock(mutex);
        while (!closed) {
            const auto [id, wait] = first_due();
            if (id == 0) {
                changed.wait_for(lock, wait);
                continue;
            }
            running = id;
            auto task = take(id);
            lock.unlock();
            perform(std::move(task));
            lock.lock();
            running = 0;
            ran.notify_all();
        }
        ended = true;
        ran.notify_all();
    }
};

Timers::Timers(std::shared_ptr<const base::Clock> clock, std::function<void(const std::exception&)> on_failure)
    : state_(std::make_shared<State>(std::move(clock), std::move(on_failure))) {
    const std::weak_ptr<State> weak = state_;
    state_->steps = state_->clock->on_step([weak] {
        const auto state = weak.lock();
        if (!state) return;
        const std::lock_guard lock(state->mutex);
        state->changed.notify_one();
    });
    try {
        const std::lock_guard lock(state_->mutex);
        state_->thread = start_thread("timers", [state = state_] { state->serve(); });
    } catch (const std::system_error& error) {
        throw Unavailable(std::string("cannot start a thread: ") + error.what(), {.subject = "timers"});
    }
}

Timers::~Timers() { close(); }

Timers::Id Timers::after(Duration delay, Task task) {
    const auto due = state_->clock->monotonic() + std::clamp(delay, Duration::zero(), longest_delay);
    return state_->add({false, due, std::move(task)});
}

Timers::Id Timers::at(Time when, Task task) { return state_->add({true, when.time_since_epoch(), std::move(task)}); }

bool Timers::cancel(Id id) noexcept {
    Task cancelled;  // destroyed without the lock
    std::unique_lock lock(state_->mutex);
    if (state_->entries.contains(id)) {
        cancelled = state_->take(id);
        lock.unlock();
        return true;
    }
    if (state_->thread.get_id() != std::this_thread::get_id())
        state_->ran.wait(lock, [&] { return state_->running != id; });
    return false;
}

void Timers::close() noexcept {
    const auto state = state_;  // a task may destroy these timers meanwhile
    std::map<Id, State::Entry> dropped;
    std::shared_ptr<void> steps;  // both end without the lock: tasks may own anything, the clock has its own lock
    std::jthread thread;
    {
        std::unique_lock lock(state->mutex);
        state->closed = true;
        dropped.swap(state->entries);
        state->by_monotonic.clear();
        state->by_wall.clear();
        steps.swap(state->steps);
        state->changed.notify_one();
        if (state->thread.get_id() == std::this_thread::get_id()) return;
        state->ran.wait(lock, [&] { return state->ended; });
        thread.swap(state->thread);
    }
}  // joins

}  // namespace tenon::exec
