#include <tenant/events.hpp>

#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

using namespace std::chrono_literals;

class Events : public ::testing::Test {
protected:
    void tell(const TenantId& id, const std::string& kind, int count = 1) {
        home.write(id, [&](db::Tx& tx) {
            for (int i = 0; i < count; ++i) hub.append(tx, {.kind = kind, .at = home.now(), .subject = "s"});
        });
    }
    std::shared_ptr<EventHub::Subscription> listen(const TenantId& id, const SubscribeOptions& options = {}) {
        return hub.subscribe(home.scope(id), options);
    }
    static std::vector<std::int64_t> drain(EventHub::Subscription& subscription) {
        std::vector<std::int64_t> ids;
        while (const auto event = subscription.next(0s)) ids.push_back(event->id);
        return ids;
    }
    testing::Home home;
    EventHub hub{*home.database, base::system_clock()};
};

TEST_F(Events, ReachTheirTenantsListenersOnly) {
    const auto mine = listen(home.a), theirs = listen(home.b);
    auto data = base::Json::object();
    data.set("percent", 50);
    home.write(home.a, [&](db::Tx& tx) { hub.append(tx, {.kind = "job.progress", .at = home.now(), .subject = "job_1", .data = data}); });
    const auto event = mine->next(5s);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->id, 1);
    EXPECT_EQ(event->kind, "job.progress");
    EXPECT_EQ(event->at, home.now());
    EXPECT_EQ(event->subject, "job_1");
    EXPECT_EQ(event->data, R"({"percent":50})");
    EXPECT_EQ(event->dropped_before, 0);
    EXPECT_FALSE(theirs->next(0s));
    EXPECT_FALSE(mine->next(0s));
}

TEST_F(Events, OfAnUndoneTransactionNeverHappened) {
    const auto mine = listen(home.a);
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) {
        hub.append(tx, {.kind = "x", .at = home.now()});
        throw Conflict("later");
    }), Conflict);
    EXPECT_FALSE(mine->next(0s));
    tell(home.a, "y");
    EXPECT_EQ(mine->next(5s)->id, 1);
}

TEST_F(Events, WakeWhoWaits) {
    const auto mine = listen(home.a);
    auto waiting = std::async(std::launch::async, [&] { return mine->next(30s); });
    tell(home.a, "x");
    ASSERT_EQ(waiting.wait_for(30s), std::future_status::ready);
    EXPECT_EQ(waiting.get()->kind, "x");
}

TEST_F(Events, AreChosenByKind) {
    const auto mine = listen(home.a, {.kinds = {"job.", "camera.online"}});
    for (const auto* kind : {"job.started", "jobs", "camera.online", "camera.online.x", "job.ended"}) tell(home.a, kind);
    EXPECT_EQ(drain(*mine), (std::vector<std::int64_t>{1, 3, 5}));
}

TEST_F(Events, AreReplayedFromWhereOneLeftOff) {
    tell(home.a, "x", 700);
    tell(home.b, "x", 5);
    EXPECT_TRUE(drain(*listen(home.a)).empty()) << "unset: only what is new";
    const auto mine = listen(home.a, {.after = 600, .capacity = 16});
    tell(home.a, "x", 3);
    std::vector<std::int64_t> expected;
    for (std::int64_t id = 601; id <= 703; ++id) expected.push_back(id);
    EXPECT_EQ(drain(*mine), expected) << "what was asked for by name is never dropped";
    EXPECT_EQ(drain(*listen(home.a, {.after = 0})).size(), 703u);
    EXPECT_EQ(drain(*listen(home.b, {.after = 0})).size(), 5u);
}

TEST_F(Events, AreKeptForThirtyDaysAndTheNewestForEver) {
    const auto forget = [&] {
        std::int64_t removed = 0;
        while (true) {
            const auto owners = home.database->read(home.system, [&](db::SystemReader& r) { return tenants_with_old_events(r, home.now(), 10); });
            if (owners.empty()) return removed;
            for (const auto& owner : owners)
                removed += home.database->write(home.system, [&](db::SystemTx& tx) { return forget_events(tx, owner, home.now()); });
        }
    };
    const auto first_of = [&](std::int64_t after) {
        const auto event = listen(home.a, {.after = after})->next(5s);
        return event ? std::pair(event->id, event->dropped_before) : std::pair(std::int64_t{0}, std::int64_t{0});
    };
    using Pair = std::pair<std::int64_t, std::int64_t>;
    tell(home.a, "x", 1200);
    home.clock->advance(24h * 29);
    tell(home.a, "y", 3);
    tell(home.b, "x", 2);
    EXPECT_EQ(forget(), 0);
    const auto listening = listen(home.a, {.kinds = {"y"}, .after = 0, .capacity = 2});
    home.clock->advance(24h * 2);
    EXPECT_EQ(forget(), 1200);
    EXPECT_EQ(first_of(0), Pair(1201, 1200)) << "what is not kept any more is told";
    EXPECT_EQ(first_of(1199), Pair(1201, 1));
    EXPECT_EQ(first_of(1202), Pair(1203, 0));
    EXPECT_EQ(listening->next(5s)->dropped_before, 1200);
    EXPECT_EQ(listening->next(5s)->dropped_before, 0);
    home.clock->advance(24h * 400);
    EXPECT_EQ(forget(), 3) << "but each tenant's newest";
    EXPECT_EQ(first_of(0), Pair(1203, 1202));
    EXPECT_EQ(drain(*listening), std::vector<std::int64_t>{1203});
    tell(home.a, "x");
    EXPECT_EQ(first_of(1203), Pair(1204, 0)) << "ids grow on";
    EXPECT_EQ(forget(), 1);
}

TEST_F(Events, ThatNobodyDrainsAreDroppedOldestFirstAndCounted) {
    const auto mine = listen(home.a, {.kinds = {"x"}, .capacity = 10});
    tell(home.a, "x", 300);
    tell(home.a, "y", 50);
    const auto first = mine->next(5s);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->id, 291);
    EXPECT_EQ(first->dropped_before, 290);
    const auto second = mine->next(0s);
    EXPECT_EQ(second->id, 292);
    EXPECT_EQ(second->dropped_before, 0);
    EXPECT_EQ(drain(*mine).size(), 8u);
}

TEST_F(Events, OfAnotherProcessArriveToo) {
    auto other_store = db::Database::open(tests::store_in(home.folder.path()), home.tables);
    EventHub other(*other_store, base::system_clock());
    const auto mine = listen(home.a);
    EXPECT_FALSE(mine->next(0s));
    other_store->write(home.scope(home.a), [&](db::Tx& tx) { other.append(tx, {.kind = "x", .at = home.now()}); });
    const auto event = mine->next(30s);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->id, 1);
}

TEST_F(Events, EachGoToOneOfSeveralCallers) {
    const auto mine = listen(home.a);
    std::atomic<int> taken{0};
    std::vector<std::future<void>> callers;
    for (int i = 0; i < 4; ++i)
        callers.push_back(std::async(std::launch::async, [&] {
            try {
                while (mine->next(30s)) ++taken;
            } catch (const Closed&) {
            }
        }));
    for (int i = 0; i < 40; ++i) tell(home.a, "x");
    const auto enough = std::chrono::steady_clock::now() + 30s;
    while (taken < 40 && std::chrono::steady_clock::now() < enough) std::this_thread::yield();
    mine->close();
    for (auto& caller : callers) caller.get();
    EXPECT_EQ(taken, 40);
}

TEST_F(Events, EndWithSubscriptionAndHub) {
    const auto one = listen(home.a), two = listen(home.a);
    auto waiting = std::async(std::launch::async, [&] { EXPECT_THROW(static_cast<void>(two->next(30s)), Closed); });
    one->close();
    one->close();
    EXPECT_THROW(static_cast<void>(one->next(0s)), Closed);
    hub.close();
    waiting.get();
    hub.close();
    EXPECT_THROW(listen(home.a), Closed);
    tell(home.a, "x");
}

TEST_F(Events, AreSubscribedToWithCare) {
    EXPECT_THROW(listen(home.a, {.capacity = 0}), InvalidArgument);
    EXPECT_THROW(listen(home.a, {.after = -1}), InvalidArgument);
    EXPECT_THROW(listen(home.a, {.kinds = {""}}), InvalidArgument);
}

}  // namespace
}  // namespace tenon::tenant
