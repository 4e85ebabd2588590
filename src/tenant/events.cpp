#include <tenant/events.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

constexpr std::int32_t page_size = 256;
constexpr std::int32_t event_portion = 500;  // removed in one transaction

constexpr db::TenantStmt last_id{"SELECT coalesce(max(id), 0) FROM event WHERE tenant_id = :tenant"};
constexpr db::TenantStmt insert{
    "INSERT INTO event_ (tenant_id, id, kind, at, subject, data) VALUES (:tenant, :id, :kind, :at, :subject, :data)"};
constexpr db::TenantStmt page{
    "SELECT id, kind, at, subject, data FROM event WHERE tenant_id = :tenant AND id > :after AND id <= :until "
    "ORDER BY id LIMIT :limit"};

// Hops from tenant to tenant, and looks at the front of each one's rows alone: a clock that was far ahead for a while may have
// left a few there that are to stay longer than what follows them. The newest always stays: the next id comes from it.
#define TENON_OLD_EVENTS(tenant)                                                    \
    "SELECT f.id FROM (SELECT e.id, e.at FROM event_ e WHERE e.tenant_id = " tenant \
    " ORDER BY e.id LIMIT :front) f "                                               \
    "WHERE f.at < :before AND f.id < (SELECT MAX(m.id) FROM event_ m WHERE m.tenant_id = " tenant ")"
constexpr db::SystemStmt tenants_with_old{
    "WITH RECURSIVE owner (tenant) AS (SELECT MIN(tenant_id) FROM event_ UNION ALL "
    "SELECT (SELECT MIN(n.tenant_id) FROM event_ n WHERE n.tenant_id > owner.tenant) FROM owner WHERE owner.tenant IS NOT NULL) "
    "SELECT owner.tenant FROM owner WHERE owner.tenant IS NOT NULL AND EXISTS (" TENON_OLD_EVENTS("owner.tenant") ") LIMIT :most"};
constexpr db::SystemStmt remove_old{"DELETE FROM event_ WHERE tenant_id = :of AND id IN (" TENON_OLD_EVENTS(":of") ")"};
#undef TENON_OLD_EVENTS

std::int64_t newest(db::Reader& reader) {
    auto rows = reader.query(last_id);
    rows.next();
    return rows.i64(0);
}

void check(const SubscribeOptions& options) {
    if (options.capacity < 1 || options.capacity > 65'536)
        throw InvalidArgument("must lie between 1 and 65536", {.subject = "capacity"});
    if (options.after && *options.after < 0) throw InvalidArgument("must be 0 or more", {.subject = "after"});
    if (options.kinds.size() > 64 || std::ranges::any_of(options.kinds, [](const auto& kind) { return kind.empty(); }))
        throw InvalidArgument("at most 64 kinds, none of them empty", {.subject = "kinds"});
}

}  // namespace

// The rows are the queue: a listener is only woken, and then reads what came since. So nothing is lost between
// processes, and nobody who does not listen costs anything.
struct EventHub::Impl {
    explicit Impl(db::Database& db, std::shared_ptr<const base::Clock> c) : database(db), clock(std::move(c)) {}

    void wake(const std::optional<TenantId>& tenant);
    void enter();
    void leave() noexcept;

    db::Database& database;
    std::shared_ptr<const base::Clock> clock;
    std::unique_ptr<db::Database::Watch> watch;

    std::mutex mutex;
    std::condition_variable idle;
    std::multimap<TenantId, std::weak_ptr<Subscription::Impl>> listeners;  // under mutex
    std::int64_t reading = 0;                                              // under mutex: who touches the database
    bool closed = false;                                                   // under mutex
};

struct EventHub::Subscription::Impl {
    Impl(std::shared_ptr<EventHub::Impl> h, db::TenantScope s, SubscribeOptions o)
        : hub(std::move(h)), scope(std::move(s)), options(std::move(o)), changed(mutex, hub->clock) {}

    bool wants(std::string_view kind) const {
        return options.kinds.empty() || std::ranges::any_of(options.kinds, [&](const std::string& k) {
                   return k.ends_with('.') ? kind.starts_with(k) : kind == k;
               });
    }
    void wake() {
        {
            const std::lock_guard lock(mutex);
            ++news;
            changed.notify_all();
        }
        listeners.tell();
    }
    void end() noexcept {
        {
            const std::lock_guard lock(mutex);
            closed = true;
            changed.notify_all();
        }
        listeners.tell();
    }
    bool may_have_more() const { return !queue.empty() || news != seen; }
    struct Found {
        std::deque<Event> events{};
        std::int64_t cursor = 0;
        std::int64_t lost = 0;
        bool caught_up = false;
    };
    Found read(std::int64_t after);
    void fill(std::unique_lock<std::mutex>& lock);

    std::shared_ptr<EventHub::Impl> hub;
    db::TenantScope scope;
    SubscribeOptions options;
    base::Listeners listeners;  // told without the lock

    std::mutex mutex;
    exec::Condition changed;
    std::deque<Event> queue;        // all below under mutex
    std::int64_t cursor = 0;        // the last event read
    std::int64_t replay_until = 0;  // up to here it was asked for by name: never dropped
    std::int64_t dropped = 0;
    std::uint64_t news = 1;         // grows when there may be something to read …
    std::uint64_t seen = 0;         // … and what of that was read
    bool filling = false;
    bool closed = false;
};

namespace {

/// The open hubs of this process: who writes an event knows the transaction, not who listens. A hub of another home that is
/// woken for nothing finds no new row.
class Hubs {
public:
    void add(const std::shared_ptr<EventHub::Impl>& hub) {
        const std::lock_guard lock(mutex_);
        hubs_.push_back(hub);
    }
    void wake(const TenantId& tenant) {
        std::vector<std::shared_ptr<EventHub::Impl>> open;
        {
            const std::lock_guard lock(mutex_);
            std::erase_if(hubs_, [](const auto& hub) { return hub.expired(); });
            for (const auto& hub : hubs_)
                if (auto alive = hub.lock()) open.push_back(std::move(alive));
        }
        for (const auto& hub : open) hub->wake(tenant);
    }

private:
    std::mutex mutex_;
    std::vector<std::weak_ptr<EventHub::Impl>> hubs_;
};

Hubs& hubs() {
    static auto& all = *new Hubs;  // never destroyed: an engine that is not closed may still commit while the process ends
    return all;
}

}  // namespace

void EventHub::Impl::wake(const std::optional<TenantId>& tenant) {
    std::vector<std::shared_ptr<Subscription::Impl>> awake;
    {
        const std::lock_guard lock(mutex);
        const auto [begin, end] = tenant ? listeners.equal_range(*tenant) : std::pair(listeners.begin(), listeners.end());
        for (auto at = begin; at != end; ++at)
            if (auto listener = at->second.lock()) awake.push_back(std::move(listener));
    }
    for (const auto& listener : awake) listener->wake();
}

void EventHub::Impl::enter() {
    const std::lock_guard lock(mutex);
    if (closed) throw Closed("the engine is closed");
    ++reading;
}

void EventHub::Impl::leave() noexcept {
    const std::lock_guard lock(mutex);
    if (--reading == 0) idle.notify_all();
}

/// What follows the cursor: what was asked for by name in portions that fit the queue, of what is new the newest that do.
EventHub::Subscription::Impl::Found EventHub::Subscription::Impl::read(std::int64_t after) {
    const auto capacity = static_cast<std::size_t>(options.capacity);
    const bool replay = after < replay_until;
    Found found{.cursor = after, .caught_up = !replay};
    for (bool more = true; more;) {
        more = hub->database.read(scope, [&](db::Reader& reader) {
            std::int32_t count = 0;
            for (auto rows = reader.query(page, found.cursor, replay ? replay_until : INT64_MAX, page_size); rows.next(); ++count) {
                if (replay && found.events.size() == capacity) return false;
                const auto id = rows.i64(0);
                found.lost += id - found.cursor - 1;  // ids have no holes but where events are no longer kept
                found.cursor = id;
                if (!wants(rows.text_view(1))) continue;
                found.events.push_back({.id = found.cursor,
                                        .kind = rows.text(1),
                                        .at = rows.time(2),
                                        .subject = rows.text(3),
                                        .data = rows.text(4)});
                if (found.events.size() > capacity) found.events.pop_front(), ++found.lost;
            }
            if (count < page_size && replay) found.lost += replay_until - std::exchange(found.cursor, replay_until);
            return count == page_size;
        });
    }
    return found;
}

void EventHub::Subscription::Impl::fill(std::unique_lock<std::mutex>& lock) {
    filling = true;
    const auto after = cursor;
    const auto upto = news;
    lock.unlock();
    Found found;
    std::exception_ptr failure;
    try {
        hub->enter();
        try {
            found = read(after);
        } catch (...) {
            failure = std::current_exception();
        }
        hub->leave();
    } catch (const Closed&) {
        failure = std::current_exception();
    }
    lock.lock();
    filling = false;
    changed.notify_all();
    if (failure) std::rethrow_exception(failure);
    queue = std::move(found.events);
    cursor = found.cursor;
    dropped += found.lost;
    if (found.caught_up) seen = upto;
}

EventHub::Subscription::Subscription(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

EventHub::Subscription::~Subscription() {
    close();
    const std::lock_guard lock(impl_->hub->mutex);
    std::erase_if(impl_->hub->listeners, [&](const auto& entry) {
        const auto listener = entry.second.lock();
        return !listener || listener == impl_;
    });
}

std::optional<Event> EventHub::Subscription::next(Duration timeout) {
    auto& my = *impl_;
    std::unique_lock lock(my.mutex);
    const auto deadline = my.hub->clock->monotonic() + std::min<Duration>(timeout, std::chrono::hours(24 * 365));
    for (;;) {
        if (my.closed) throw Closed("the subscription is closed");
        if (!my.queue.empty()) break;
        if (my.news != my.seen && !my.filling) {
            my.fill(lock);
            continue;
        }
        const auto left = deadline - my.hub->clock->monotonic();
        const auto ready = [&] { return my.closed || !my.queue.empty() || (my.news != my.seen && !my.filling); };
        if (!my.changed.wait_for(lock, {}, left, ready)) return std::nullopt;
    }
    auto event = std::move(my.queue.front());
    my.queue.pop_front();
    event.dropped_before = std::exchange(my.dropped, 0);
    const bool more = my.may_have_more();
    lock.unlock();
    if (more) my.listeners.tell();
    return event;
}

bool EventHub::Subscription::has_news() {
    auto& my = *impl_;
    std::unique_lock lock(my.mutex);
    while (!my.closed && my.queue.empty() && my.news != my.seen && !my.filling) my.fill(lock);
    if (my.closed) throw Closed("the subscription is closed");
    return !my.queue.empty();
}

void EventHub::Subscription::listen(const std::shared_ptr<base::Listener>& listener) { impl_->listeners.add(listener); }

void EventHub::Subscription::close() noexcept { impl_->end(); }

EventHub::EventHub(db::Database& database, std::shared_ptr<const base::Clock> clock)
    : impl_(std::make_shared<Impl>(database, std::move(clock))) {
    hubs().add(impl_);
    impl_->watch = database.on_foreign_change([hub = std::weak_ptr(impl_)] {
        if (const auto alive = hub.lock()) alive->wake(std::nullopt);
    });
}

EventHub::~EventHub() { close(); }

std::int64_t append_event(db::Tx& tx, const News& news) {
    const auto id = newest(tx) + 1;
    tx.exec(insert, id, news.kind, news.at, news.subject, news.data.is_null() ? "{}" : base::to_json(news.data));
    tx.on_commit([tenant = tx.scope().tenant()] { hubs().wake(tenant); });
    return id;
}

std::vector<TenantId> tenants_with_old_events(db::SystemReader& reader, Time now, std::int32_t most) {
    std::vector<TenantId> tenants;
    for (auto rows = reader.query(tenants_with_old, event_portion, now - events_kept, most); rows.next();)
        tenants.push_back(rows.id<TenantId>(0));
    return tenants;
}

std::int64_t forget_events(db::SystemTx& tx, const TenantId& tenant, Time now) {
    return tx.exec(remove_old, tenant, event_portion, now - events_kept);
}

std::shared_ptr<EventHub::Subscription> EventHub::subscribe(const db::TenantScope& scope, const SubscribeOptions& options) {
    check(options);
    auto impl = std::make_shared<Subscription::Impl>(impl_, scope, options);
    impl_->enter();
    try {
        impl->replay_until = impl_->database.read(scope, [](db::Reader& reader) { return newest(reader); });
    } catch (...) {
        impl_->leave();
        throw;
    }
    impl_->leave();
    impl->cursor = options.after.value_or(impl->replay_until);
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->closed) throw Closed("the engine is closed");
        impl_->listeners.emplace(scope.tenant(), impl);
    }
    return std::shared_ptr<Subscription>(new Subscription(std::move(impl)));
}

void EventHub::close() noexcept {
    std::vector<std::shared_ptr<Subscription::Impl>> open;
    std::unique_lock lock(impl_->mutex);
    impl_->closed = true;
    for (const auto& [tenant, listener] : impl_->listeners)
        if (auto alive = listener.lock()) open.push_back(std::move(alive));
    lock.unlock();
    for (const auto& listener : open) listener->end();
    lock.lock();
    impl_->idle.wait(lock, [&] { return impl_->reading == 0; });
    const auto watch = std::move(impl_->watch);
    lock.unlock();  // ending the watch waits for a call of it, which takes the lock
}

}  // namespace tenon::tenant
