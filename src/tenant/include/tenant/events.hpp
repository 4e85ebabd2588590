#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <base/clock.hpp>
#include <base/json.hpp>
#include <base/news.hpp>
#include <db/database.hpp>
#include <tenon/event.hpp>

namespace tenon::tenant {

/// What happened. `kind`: "job.succeeded".
struct News {
    std::string kind{};
    Time at{};
    std::string subject{};       ///< The id of what it is about.
    base::Json data{};           ///< Null or an object.
};

/// Writes the event in the caller's transaction; whoever listens in this process hears of it once that is durable. Returns
/// its id.
std::int64_t append_event(db::Tx& tx, const News& news);

/// How long an event is kept. include/tenon/event.hpp promises it. A tenant's newest stays for ever: ids grow from it.
constexpr Duration events_kept = std::chrono::hours(24 * 30);
/// Who has events that are kept no longer, at most so many tenants.
std::vector<TenantId> tenants_with_old_events(db::SystemReader& reader, Time now, std::int32_t most);
/// Removes some of a tenant's, oldest first. Returns how many; 0: none is left.
std::int64_t forget_events(db::SystemTx& tx, const TenantId& tenant, Time now);

/// Every tenant's news: durable rows, written with what causes them, and the queues of those who listen.
///
/// Threads   any member, from any thread, at once.
class EventHub {
public:
    /// One listener's bounded queue.
    class Subscription final : public base::Source {
    public:
        ~Subscription() override;
        /// Empty: none in time. Throws Closed after close() of this or of the hub.
        [[nodiscard]] std::optional<Event> next(Duration timeout);
        void close() noexcept;
        /// Reads what came since, if somebody else does not just do that. Throws what next() does.
        [[nodiscard]] bool has_news() override;
        void listen(const std::shared_ptr<base::Listener>& listener) override;

    private:
        friend class EventHub;
        struct Impl;
        explicit Subscription(std::shared_ptr<Impl> impl);
        std::shared_ptr<Impl> impl_;
    };

    EventHub(db::Database& database, std::shared_ptr<const base::Clock> clock);
    ~EventHub();  ///< close()
    EventHub(const EventHub&) = delete;
    EventHub& operator=(const EventHub&) = delete;

    /// append_event()
    std::int64_t append(db::Tx& tx, const News& news) const { return append_event(tx, news); }

    /// Throws InvalidArgument.
    std::shared_ptr<Subscription> subscribe(const db::TenantScope& scope, const SubscribeOptions& options);

    /// Wakes and ends every subscription. Returns once none of them touches the database any more.
    void close() noexcept;

    struct Impl;

private:
    std::shared_ptr<Impl> impl_;
};

}  // namespace tenon::tenant
