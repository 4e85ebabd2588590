#include <tenant/quota.hpp>

#include <algorithm>
#include <map>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/json.hpp>
#include <tenant/events.hpp>
#include <tenant/live.hpp>
#include <tenant/usage.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

#include "amounts.hpp"

namespace tenon::tenant::quota {
namespace {

using namespace std::chrono_literals;

constexpr db::SystemStmt warnings{"SELECT subject, data FROM event_ WHERE tenant_id = :id AND kind = 'quota.warning' ORDER BY id"};

// studio/basic: 5 projects, 10 GB, 10 render hours a month.
class QuotaWarnings : public ::testing::Test {
protected:
    void charge(const TenantId& id, Resource resource, std::int64_t n) {
        home.write(id, [&](db::Tx& tx) { quota::charge(tx, {resource, n}, home.now()); });
    }
    void free(Resource resource, std::int64_t n) {
        home.write(home.a, [&](db::Tx& tx) { quota::free(tx, {resource, n}, home.now()); });
    }
    void render(std::int64_t ms) {
        const auto hold = home.fresh<HoldId>();
        home.write(home.a, [&](db::Tx& tx) { quota::reserve(tx, hold, {.asks = {{Resource::render_time, ms}}}, home.now()); });
        home.write(home.a, [&](db::Tx& tx) { quota::commit(tx, hold, {{Resource::render_time, ms}}, home.now()); });
    }
    void refuse(const std::string& resource) {
        home.write(home.a, [&](db::Tx& tx) { quota::note_refusal(tx, resource, home.now()); });
    }
    std::vector<std::string> told(const TenantId& id) {
        return home.database->read(home.system, [&](db::SystemReader& r) {
            std::vector<std::string> list;
            for (auto rows = r.query(warnings, id); rows.next();)
                list.push_back(rows.text(0) + " " + std::to_string(base::parse_json(rows.text(1)).get_int("percent")));
            return list;
        });
    }
    std::vector<std::string> told() { return told(home.a); }
    using List = std::vector<std::string>;
    testing::Home home;
};

TEST_F(QuotaWarnings, ComeAt50And80And90And100OncePerPeriod) {
    charge(home.a, Resource::projects, 2);
    EXPECT_EQ(told(), List{});
    charge(home.a, Resource::projects, 1);
    EXPECT_EQ(told(), List{"projects 50"});
    charge(home.a, Resource::projects, 1);
    EXPECT_EQ(told(), (List{"projects 50", "projects 80"}));
    charge(home.a, Resource::projects, 1);
    const List all{"projects 50", "projects 80", "projects 90", "projects 100"};
    EXPECT_EQ(told(), all);
    free(Resource::projects, 3);
    charge(home.a, Resource::projects, 3);
    EXPECT_EQ(told(), all) << "to and fro within a period is no news";
    EXPECT_EQ(told(home.b), List{});
    home.clock->advance(24h * 31);
    free(Resource::projects, 3);
    EXPECT_EQ(told().size(), 4u) << "falling is no news either";
    charge(home.a, Resource::projects, 3);
    EXPECT_EQ(told().size(), 8u) << "another period";
}

TEST_F(QuotaWarnings, ComeAtTheFirstUnitThatReachesThem) {
    const auto limit = [&](std::int64_t n) {
        home.registry->grant_limit(home.setup, {.tenant = home.a, .name = "odd", .resource = Resource::storage, .limit = n, .reason = "test"});
    };
    limit(999);  // 499.5, 799.2, 899.1
    for (const auto& [used, percent] : std::map<std::int64_t, int>{{500, 50}, {800, 80}, {900, 90}, {999, 100}}) {
        const auto before = told().size();
        const auto there = home.read(home.a, [&](db::Reader& r) { return quota::get(r, Resource::storage, home.now()).used; });
        if (used - 1 > there) charge(home.a, Resource::storage, used - 1 - there);
        EXPECT_EQ(told().size(), before) << percent;
        charge(home.a, Resource::storage, 1);
        ASSERT_EQ(told().size(), before + 1) << percent;
        EXPECT_EQ(told().back(), "storage " + std::to_string(percent));
    }
}

TEST_F(QuotaWarnings, OfALevelThatHoversComeAgainOnlyAfterItWasClearlyBelow) {
    charge(home.a, Resource::storage, 8 * GB);
    EXPECT_EQ(told(), (List{"storage 50", "storage 80"}));
    for (int month = 0; month < 3; ++month) {
        home.clock->advance(24h * 31);
        free(Resource::storage, GB / 2);  // 75 %: not below 75 %
        charge(home.a, Resource::storage, GB / 2);
        EXPECT_EQ(told().size(), 2u) << "month " << month;
    }
    free(Resource::storage, GB / 2 + 1);
    charge(home.a, Resource::storage, GB / 2 + 1);
    EXPECT_EQ(told().size(), 3u) << "it was below 75 %";
    EXPECT_EQ(told().back(), "storage 80");
}

TEST_F(QuotaWarnings, FollowALimitThatMoves) {
    charge(home.a, Resource::storage, 9 * GB);
    const List three{"storage 50", "storage 80", "storage 90"};
    EXPECT_EQ(told(), three);
    const auto limit = [&](std::int64_t n) {
        home.registry->grant_limit(home.setup, {.tenant = home.a, .name = "own", .resource = Resource::storage, .limit = n, .reason = "test"});
    };
    limit(9 * GB);
    EXPECT_EQ(told().size(), 4u);
    EXPECT_EQ(told().back(), "storage 100") << "a limit came down to what is used";
    limit(20 * GB);
    EXPECT_EQ(told().size(), 4u);
    charge(home.a, Resource::storage, 7 * GB);
    EXPECT_EQ(told().size(), 6u) << "50 and 80 % of the new limit are news";
    home.registry->grant_limit(home.setup, {.tenant = home.a, .name = "other", .resource = Resource::seats, .limit = 3, .reason = "test"});
    free(Resource::storage, 6 * GB);
    home.registry->grant_limit(home.setup, {.tenant = home.a, .name = "other", .resource = Resource::seats, .limit = 4, .reason = "test"});
    charge(home.a, Resource::storage, 6 * GB);
    EXPECT_EQ(told().size(), 6u) << "another resource's limit is none of its business";
}

TEST_F(QuotaWarnings, OfSeveralLimitsCrossedAtOnceComeTogether) {
    charge(home.a, Resource::storage, 10 * GB);
    EXPECT_EQ(told(), (List{"storage 50", "storage 80", "storage 90", "storage 100"}));
}

TEST_F(QuotaWarnings, OfWhatCountsPerPeriodBeginAnewWithIt) {
    render(79 * hour / 10);
    EXPECT_EQ(told(), List{"render_time 50"}) << "7.9 of 10 hours";
    render(hour / 10);
    EXPECT_EQ(told(), (List{"render_time 50", "render_time 80"}));
    home.clock->advance(24h * 31);
    render(9 * hour);
    EXPECT_EQ(told(), (List{"render_time 50", "render_time 80", "render_time 50", "render_time 80", "render_time 90"}));
}

TEST_F(QuotaWarnings, DoNotComeOfWhatIsOnlyReserved) {
    const auto hold = home.fresh<HoldId>();
    home.write(home.a, [&](db::Tx& tx) { quota::reserve(tx, hold, {.asks = {{Resource::storage, 10 * GB}}}, home.now()); });
    home.write(home.a, [&](db::Tx& tx) { quota::commit(tx, hold, {{Resource::storage, GB}}, home.now()); });
    EXPECT_EQ(told(), List{});
}

TEST_F(QuotaWarnings, SayThatSomethingWasRefused) {
    charge(home.a, Resource::storage, 9 * GB);
    EXPECT_THROW(charge(home.a, Resource::storage, 2 * GB), QuotaExceeded);
    refuse("storage");
    refuse("storage");
    refuse("no such thing");
    refuse("cameras");  // unlimited in this plan: nothing was refused for it
    EXPECT_EQ(told(), (List{"storage 50", "storage 80", "storage 90", "storage 100"}));
    charge(home.a, Resource::storage, GB);
    EXPECT_EQ(told().size(), 4u);
    home.clock->advance(24h * 31);
    refuse("storage");
    EXPECT_EQ(told().size(), 5u) << "refused in another period, too";
}

TEST_F(QuotaWarnings, LeaveNothingWhenTheirTransactionFails) {
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) {
        quota::charge(tx, {Resource::projects, 5}, home.now());
        throw Conflict("later");
    }), Conflict);
    EXPECT_EQ(told(), List{});
    charge(home.a, Resource::projects, 5);
    EXPECT_EQ(told(), (List{"projects 50", "projects 80", "projects 90", "projects 100"}));
}

TEST_F(QuotaWarnings, ReachWhoListens) {
    EventHub hub(*home.database, base::system_clock());
    const auto mine = hub.subscribe(home.scope(home.a), {.kinds = {"quota."}});
    const auto theirs = hub.subscribe(home.scope(home.b), {});
    charge(home.a, Resource::projects, 4);
    const auto first = mine->next(60s);
    ASSERT_TRUE(first);
    EXPECT_EQ(base::parse_json(first->data).get_int("percent"), 50);
    const auto event = mine->next(60s);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, "quota.warning");
    EXPECT_EQ(event->subject, "projects");
    const auto data = base::parse_json(event->data);
    EXPECT_EQ(data.get_int("limit"), 5);
    EXPECT_EQ(data.get_int("used"), 4);
    EXPECT_FALSE(theirs->next(1ms));
}

TEST_F(QuotaWarnings, ComeOnceHoweverManyThreadsCross) {
    for (int round = 0; round < 3; ++round) {
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 25; ++i) charge(home.a, Resource::storage, GB / 10);
            });
        for (auto& thread : threads) thread.join();
        EXPECT_EQ(told().size(), 4u * static_cast<std::size_t>(round + 1));
        free(Resource::storage, 10 * GB);
        home.clock->advance(24h * 31);
    }
}

/// Takes hundredths of two limits at once, more often than there are; tells how many it got.
[[noreturn]] void take_much(testing::Home& home, int told) {
    home.open();
    std::int64_t granted = 0;
    for (int i = 0; i < 75; ++i)
        granted += home.write(home.a, [&, hold = home.fresh<HoldId>()](db::Tx& tx) {
            const ReserveOptions options{.asks = {{Resource::storage, GB / 10}, {Resource::render_time, hour / 10}}};
            if (!quota::try_reserve(tx, hold, options, home.now())) return 0;
            quota::commit(tx, hold, {{Resource::storage, GB / 10}, {Resource::render_time, hour / 10}}, home.now());
            return 1;
        });
    _exit(::write(told, &granted, sizeof granted) == sizeof granted ? 0 : 1);
}

TEST_F(QuotaWarnings, TwoProcessesOversellNothingAndWarnOnce) {
    home.registry.reset();  // the children open stores of their own
    home.database.reset();
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 2; ++i) {
        children.push_back(fork());
        if (children.back() == 0) take_much(home, pipe_ends[1]);
    }
    close(pipe_ends[1]);
    std::int64_t granted = 0, one = 0;
    while (read(pipe_ends[0], &one, sizeof one) == sizeof one) granted += one;
    close(pipe_ends[0]);
    for (const auto child : children) {
        int status = 0;
        waitpid(child, &status, 0);
        EXPECT_EQ(status, 0);
    }
    home.open();
    EXPECT_EQ(granted, 100) << "150 asked, each a hundredth";
    for (const auto resource : {Resource::storage, Resource::render_time}) {
        const auto quota = home.read(home.a, [&](db::Reader& r) { return quota::get(r, resource, home.now()); });
        EXPECT_EQ(quota.used, quota.limit);
        EXPECT_EQ(quota.reserved, 0);
    }
    auto list = told();
    std::ranges::sort(list);
    EXPECT_EQ(list, (List{"render_time 100", "render_time 50", "render_time 80", "render_time 90", "storage 100", "storage 50",
                          "storage 80", "storage 90"}));
}

TEST_F(QuotaWarnings, AVersionMovesWithEveryChangeAndOnlyThen) {
    const auto begin = live::version_of(home.a);
    EXPECT_NE(begin, 0u);
    EXPECT_THROW(charge(home.a, Resource::projects, 6), QuotaExceeded);
    EXPECT_EQ(live::version_of(home.a), begin) << "nothing was changed";
    charge(home.a, Resource::projects, 1);
    const auto after = live::version_of(home.a);
    EXPECT_GT(after, begin);
    live::all_moved();
    EXPECT_GT(live::version_of(home.a), after);
}

}  // namespace
}  // namespace tenon::tenant::quota
