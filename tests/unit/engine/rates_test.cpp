#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>
#include <vector>

#include <unistd.h>

#include <child_process.hpp>

#include "engine_fixture.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;

/// A plan of ten calls in a month, five of them at once, and one of twice as many.
constexpr const char* catalogue = R"({"format": 1, "catalogue": "rated", "title": "Rated", "currency": "EUR", "plans": [
  {"name": "ten", "title": "Ten", "version": 1, "price": 1, "interval": "month", "per": "tenant", "trial_days": 0, "weight": 1,
   "limits": {"projects": 9, "storage": 9, "render_time": 9, "concurrent_jobs": 1, "seats": 9, "cameras": 9, "sites": 9, "agents": 9,
              "api_calls": 100}, "features": [], "retention": {},
   "rates": [{"scope": "tenant", "limit": 10, "window": "30 days", "burst": 5}]},
  {"name": "twenty", "title": "Twenty", "version": 1, "price": 2, "interval": "month", "per": "tenant", "trial_days": 0, "weight": 1,
   "limits": {"projects": 9, "storage": 9, "render_time": 9, "concurrent_jobs": 1, "seats": 9, "cameras": 9, "sites": 9, "agents": 9,
              "api_calls": 100}, "features": [], "retention": {},
   "rates": [{"scope": "tenant", "limit": 20, "window": "30 days", "burst": 20}]}]})";

class RatesTest : public tests::EngineTest {
protected:
    RatesTest() {
        engine->close();
        std::ofstream(folder / "rated.json") << catalogue;
        reopen();
        rated = operators().tenants().create({.name = "Rated", .slug = "rated", .plan = "rated/ten"});
    }
    void reopen() {
        auto with_plans = options();
        with_plans.plan_catalogues = {folder / "rated.json"};
        engine.emplace(with_plans);
    }
    Tenant rated;
};

TEST_F(RatesTest, a_gate_counts_with_the_checks_of_its_session_and_of_others) {
    const auto mine = session(rated), again = session(rated);
    auto gate = mine.rates().gate();
    EXPECT_TRUE(gate.admit());
    EXPECT_TRUE(again.rates().gate().admit());
    EXPECT_EQ(again.rates().check().remaining, 2);
    auto two = mine.rates().gate({.cost = 2});
    EXPECT_TRUE(two.admit());
    EXPECT_FALSE(gate.admit());
    EXPECT_FALSE(mine.rates().check().allowed);
    const auto refused = gate.peek();
    EXPECT_FALSE(refused.allowed);
    EXPECT_GT(refused.retry_after, 1h);
    EXPECT_TRUE(session(other).rates().gate().admit()) << "no rates in that plan";
    EXPECT_THROW((void)mine.rates().gate({.cost = 6}), InvalidArgument);
    EXPECT_THROW((void)mine.rates().gate({.cost = 0}), InvalidArgument);
    EXPECT_THROW((void)mine.rates().gate({.address = "nowhere"}), InvalidArgument);
}

TEST_F(RatesTest, a_gate_follows_the_plan_the_tenant_and_the_engine) {
    auto mine = session(rated);
    auto gate = mine.rates().gate();
    while (gate.admit()) continue;
    operators().tenants().change_plan({.tenant = rated.id, .plan = "rated/twenty", .reason = "grew", .effect = PlanEffect::at_once});
    int more = 0;
    while (gate.admit()) ++more;
    EXPECT_EQ(more, 10) << "half of what was used is used still";
    operators().tenants().suspend(rated.id, "unpaid");
    EXPECT_FALSE(gate.admit()) << "who is suspended may still look";
    operators().tenants().erase({.tenant = rated.id, .reason = "left"});
    EXPECT_THROW((void)gate.admit(), PermissionDenied);
    operators().tenants().undo_erase(rated.id, "came back");
    EXPECT_FALSE(gate.admit());
    mine.close();
    EXPECT_THROW((void)gate.admit(), Closed);
    auto last = session(rated).rates().gate();
    engine->close();
    EXPECT_THROW((void)last.admit(), Closed);
    EXPECT_THROW((void)last.peek(), Closed);
}

TEST_F(RatesTest, of_one_gate_many_threads_get_the_burst_and_no_more) {
    const auto mine = session(rated);
    auto gate = mine.rates().gate();
    std::atomic<int> passed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 2'000; ++i) passed += gate.admit();
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(passed, 5);
}

TEST_F(RatesTest, what_a_lease_has_left_is_returned_when_the_engine_closes) {
    std::optional<Lease> kept, dropped;
    {
        const auto mine = session(rated);
        kept = mine.quotas().lease({.resource = Resource::api_calls, .block = 20, .ttl = 1h});
        dropped = mine.quotas().lease({.resource = Resource::api_calls, .block = 20, .ttl = 1h});
        EXPECT_TRUE(kept->spend(3));
        EXPECT_TRUE(dropped->spend(4));
        EXPECT_EQ(mine.quotas().leases().size(), 2u);
        dropped.reset();
        engine->close();
        EXPECT_EQ(kept->left(), 0);
        EXPECT_THROW((void)kept->spend(), Closed);
    }
    reopen();
    const auto mine = session(rated);
    EXPECT_TRUE(mine.quotas().leases().empty());
    EXPECT_EQ(used(mine, Resource::api_calls), 7);
    EXPECT_EQ(reserved(mine, Resource::api_calls), 0);
    EXPECT_THROW((void)kept->spend(), Closed) << "it was the other engine's";
    kept.reset();
    EXPECT_EQ(used(mine, Resource::api_calls), 7);
}

/// Spends what it is told to and is killed.
TEST(LeaseVictim, DISABLED_spend) {
    using tests::ChildProcess;
    Engine engine(tests::placed({.home = ChildProcess::setting("LEASE_HOME"), .plan_catalogues = {ChildProcess::setting("LEASE_PLANS")}}));
    const auto tenant = TenantId::parse(tests::ChildProcess::setting("LEASE_TENANT"));
    auto mine = engine.open_session({.tenant = tenant, .actor = "victim", .role = Role::owner});
    auto lease = mine.quotas().lease({.resource = Resource::api_calls, .block = 10, .ttl = 1h});
    for (int i = 0; i < 14; ++i)
        if (!lease.spend()) std::abort();
    auto told = mine.quotas().lease({.resource = Resource::api_calls, .block = 10, .ttl = 1h});
    if (!told.spend(3)) std::abort();
    told.tell();
    if (!told.spend(2)) std::abort();
    tests::ChildProcess::report("s", 1);
    for (;;) ::pause();
}

TEST_F(RatesTest, of_a_process_that_is_killed_what_it_spent_counts_and_the_rest_comes_back) {
    engine->close();
    for (int round = 1; round <= 2; ++round) {
        tests::ChildProcess child("LeaseVictim.DISABLED_spend", {{"LEASE_HOME", (folder / "home").string()},
                                                                 {"LEASE_PLANS", (folder / "rated.json").string()},
                                                                 {"LEASE_TENANT", rated.id.text()}});
        ASSERT_EQ(child.read(1), "s");
        if (round == 1) {
            reopen();
            EXPECT_EQ(session(rated).quotas().leases().size(), 2u) << "who lives keeps what he has";
            engine->close();
        }
        child.kill();
        reopen();
        const auto mine = session(rated);
        EXPECT_TRUE(mine.quotas().leases().empty());
        EXPECT_EQ(used(mine, Resource::api_calls), 19 * round);
        EXPECT_EQ(reserved(mine, Resource::api_calls), 0);
        EXPECT_EQ(mine.audit().list({.action = "lease.recover"}).size(), 2u * static_cast<unsigned>(round));
        engine->close();
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder / "home" / "leases")) << "nothing is left of those who are gone";
}

TEST_F(RatesTest, leases_dropped_while_the_engine_closes_are_returned_too) {
    for (int round = 0; round < 5; ++round) {
        const auto mine = session(rated);
        std::vector<Lease> leases;
        for (int i = 0; i < 4; ++i) {
            leases.push_back(mine.quotas().lease({.resource = Resource::api_calls, .block = 5, .ttl = 1h}));
            EXPECT_TRUE(leases.back().spend());
        }
        std::thread dropping([&] { leases.clear(); });
        engine->close();
        dropping.join();
        reopen();
        const auto after = session(rated);
        EXPECT_EQ(used(after, Resource::api_calls), 4 * (round + 1));
        EXPECT_EQ(reserved(after, Resource::api_calls), 0) << round;
    }
}

}  // namespace
