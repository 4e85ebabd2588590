#include "timed_store.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>

#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

namespace tenon::blob {
namespace {

constexpr unsigned most_hands = 16;
constexpr auto last_wait = std::chrono::seconds(2);

}  // namespace

/// What one call and its caller share; it outlives a caller that gave up.
struct TimedStore::Call {
    explicit Call(const std::shared_ptr<const base::Clock>& clock) : changed(mutex, clock) {}

    std::mutex mutex;
    exec::Condition changed;
    bool done = false, given_up = false;     // these guarded by mutex
    bool wants = false;                      // the next piece of the source
    std::exception_ptr failure;
    ByteVector piece;                        // handed over; empty: the source's end
    std::stop_source stop;
};

/// The threads, which end with the last who knows them.
struct TimedStore::Hands {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> waiting;  // these guarded by mutex
    unsigned threads = 0, idle = 0;
    bool over = false;
    OpenStore open;
    std::shared_ptr<Store> store;

    /// Opening may hang, too, so that the lock is not held meanwhile: of two that open at once one's store is kept.
    std::shared_ptr<Store> opened() {
        {
            const std::lock_guard lock(mutex);
            if (store) return store;
        }
        auto fresh = open();
        const std::lock_guard lock(mutex);
        if (!store) store = std::move(fresh);
        return store;
    }

    static void post(const std::shared_ptr<Hands>& hands, std::function<void()> work) {
        const std::lock_guard lock(hands->mutex);
        hands->waiting.push_back(std::move(work));
        if (hands->idle >= hands->waiting.size() || hands->threads == most_hands) {
            hands->changed.notify_one();
            return;
        }
        ++hands->threads;
        exec::start_thread("store", [hands] { run(*hands); }).detach();
    }

    static void run(Hands& hands) {
        std::unique_lock lock(hands.mutex);
        for (;;) {
            ++hands.idle;
            hands.changed.wait(lock, [&] { return hands.over || !hands.waiting.empty(); });
            --hands.idle;
            if (hands.waiting.empty()) break;
            {
                const auto work = std::move(hands.waiting.front());
                hands.waiting.pop_front();
                lock.unlock();
                work();
            }
            lock.lock();
        }
        --hands.threads;
        hands.changed.notify_all();
    }
};

TimedStore::TimedStore(std::string name, OpenStore open, const Patience& patience, std::shared_ptr<const base::Clock> clock)
    : name_(std::move(name)), patience_(patience), clock_(std::move(clock)), hands_(std::make_shared<Hands>()) {
    hands_->open = std::move(open);
}

TimedStore::~TimedStore() {
    std::unique_lock lock(hands_->mutex);
    hands_->over = true;
    hands_->waiting.clear();
    hands_->changed.notify_all();
    hands_->changed.wait_for(lock, last_wait, [&] { return hands_->threads == 0; });
}

bool TimedStore::is_away() const { return clock_->monotonic().count() < away_until_; }

void TimedStore::note(bool answered) const { away_until_ = answered ? 0 : (clock_->monotonic() + patience_.pause).count(); }

void TimedStore::run(Work work, Duration within, const std::stop_token& stop, ByteSource* source) {
    exec::check_stop(stop);
    const auto call = std::make_shared<Call>(clock_);
    Hands::post(hands_, [call, work = std::move(work), hands = hands_.get()] {
        std::exception_ptr failure;
        {
            const std::lock_guard lock(call->mutex);
            if (call->given_up) return;
        }
        try {
            work(*hands->opened(), *call);
        } catch (...) {
            failure = std::current_exception();
        }
        const std::lock_guard lock(call->mutex);
        call->failure = failure;
        call->done = true;
        call->changed.notify_all();
    });

    std::unique_lock lock(call->mutex);
    const auto give_up = [&] {
        call->given_up = true;
        call->stop.request_stop();
        call->changed.notify_all();
    };
    for (;;) {
        bool in_time = false;
        try {
            in_time = call->changed.wait_for(lock, stop, within, [&] { return call->done || call->wants; });
        } catch (const Cancelled&) {
            give_up();
            throw;
        }
        if (!in_time) {
            give_up();
            note(false);
            throw Unavailable("the store does not answer in time", {.subject = name_, .retryable = true});
        }
        if (call->done) break;
        // What the store stores comes from the caller's thread: whatever hangs there has nothing of the caller's in its hands.
        lock.unlock();
        ByteVector next(std::min<std::uint64_t>(piece, std::max<std::uint64_t>(source->size(), 1)));
        try {
            next.resize(source->read(next));
        } catch (...) {
            lock.lock();
            give_up();
            throw;
        }
        lock.lock();
        call->piece = std::move(next);
        call->wants = false;
        call->changed.notify_all();
    }
    if (!call->failure) return note(true);
    try {
        std::rethrow_exception(call->failure);
    } catch (const Unavailable&) {
        note(false);
        throw;
    }
}

ByteVector TimedStore::get(const Name& name, Range range, Duration within, const std::stop_token& stop) {
    const auto sink = std::make_shared<VectorSink>();
    range.length = std::min(range.length, piece);
    run([sink, name, range](Store& store, Call& call) { store.get(name, range, *sink, call.stop.get_token()); }, within, stop);
    return std::move(sink->bytes);
}

ByteVector TimedStore::get_all(const Name& name, std::uint64_t limit, Duration within, const std::stop_token& stop) {
    ByteVector all;
    for (;;) {
        const auto more = get(name, {.offset = all.size()}, within, stop);
        if (more.size() > limit - all.size()) throw Corrupt("the object is larger than it can be", {.subject = name.text()});
        base::append(all, more);
        if (more.size() < piece) return all;
    }
}

std::optional<ObjectInfo> TimedStore::head(const Name& name, Duration within, const std::stop_token& stop) {
    const auto found = std::make_shared<std::optional<ObjectInfo>>();
    run([found, name](Store& store, Call& call) { *found = store.head(name, call.stop.get_token()); }, within, stop);
    return *found;
}

Page TimedStore::list(const std::string& prefix, const std::string& after, int limit, Duration within, const std::stop_token& stop) {
    const auto page = std::make_shared<Page>();
    run([=](Store& store, Call& call) { *page = store.list(prefix, after, limit, call.stop.get_token()); }, within, stop);
    return std::move(*page);
}

std::vector<ObjectInfo> TimedStore::list_all(const std::string& prefix, Duration within, const std::stop_token& stop) {
    std::vector<ObjectInfo> all;
    for (bool more = true; more;) {
        auto page = list(prefix, all.empty() ? std::string() : all.back().name, 1000, within, stop);
        more = page.more && !page.objects.empty();
        // A store may say a thing twice.
        for (auto& object : page.objects)
            if (all.empty() || all.back().name < object.name) all.push_back(std::move(object));
    }
    return all;
}

bool TimedStore::remove(const Name& name, Duration within, const std::stop_token& stop) {
    const auto removed = std::make_shared<bool>();
    run([removed, name](Store& store, Call& call) { *removed = store.remove(name, {}, call.stop.get_token()); }, within, stop);
    return *removed;
}

void TimedStore::put(const Name& name, ByteSource& source, const PutOptions& options, Duration within, const std::stop_token& stop) {
    /// Asks the caller's thread for each piece.
    class HandedOver final : public ByteSource {
    public:
        HandedOver(Call& call, std::uint64_t size) : call_(call), size_(size) {}
        std::uint64_t size() const override { return size_; }
        std::size_t read(ByteSpan into) override {
            if (at_ == piece_.size()) {
                if (ended_) return 0;
                std::unique_lock lock(call_.mutex);
                call_.wants = true;
                call_.changed.notify_all();
                const auto over = [&] { return !call_.wants || call_.given_up; };
                while (!call_.changed.wait_for(lock, {}, std::chrono::hours(1), over)) continue;
                if (call_.given_up) throw Cancelled("nobody waits for this any more");
                piece_ = std::move(call_.piece);
                at_ = 0;
                if (piece_.empty()) {
                    ended_ = true;
                    return 0;
                }
            }
            const auto count = std::min(into.size(), piece_.size() - at_);
            std::copy_n(piece_.data() + at_, count, into.data());
            at_ += count;
            return count;
        }

    private:
        Call& call_;
        const std::uint64_t size_;
        ByteVector piece_;
        std::size_t at_ = 0;
        bool ended_ = false;
    };
    run(
        [name, options, size = source.size()](Store& store, Call& call) {
            HandedOver handed(call, size);
            store.put(name, handed, options, call.stop.get_token());
        },
        within, stop, &source);
}

}  // namespace tenon::blob
