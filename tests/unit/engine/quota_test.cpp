#include "engine_fixture.hpp"

#include <chrono>
#include <thread>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class QuotaTest : public tests::EngineTest {
protected:
    Session mine = session(acme);
    Quotas quotas = mine.quotas();
};

TEST_F(QuotaTest, what_is_remembered_is_what_was_just_done) {
    const auto limit = quotas.get(Resource::storage).limit.value();
    EXPECT_TRUE(quotas.has_room({Resource::storage, limit}));
    EXPECT_FALSE(quotas.has_room({Resource::storage, limit + 1}));
    auto hold = quotas.reserve({.asks = {{Resource::storage, limit - 10}, {Resource::render_time, 1'000}}});
    EXPECT_EQ(quotas.get(Resource::storage).reserved, limit - 10);
    EXPECT_TRUE(quotas.has_room({Resource::storage, 10}));
    EXPECT_FALSE(quotas.has_room({Resource::storage, 11}));
    EXPECT_TRUE(session(other).quotas().has_room({Resource::storage, limit})) << "the other tenant's";
    hold.commit({{Resource::storage, 5}, {Resource::render_time, 500}});
    EXPECT_EQ(quotas.get(Resource::storage).used, 5);
    EXPECT_EQ(quotas.get(Resource::render_time).used, 500);
    EXPECT_EQ(quotas.get(Resource::render_time).resets_at, mine.usage().current().end);
    EXPECT_TRUE(quotas.has_room({Resource::cameras, 1'000'000})) << "unlimited in this plan";
    EXPECT_THROW(quotas.has_room({Resource::storage, 0}), InvalidArgument);
    EXPECT_THROW(quotas.get(static_cast<Resource>(77)), InvalidArgument);
    EXPECT_THROW(quotas.get(static_cast<Resource>(0)), InvalidArgument);
}

TEST_F(QuotaTest, another_engine_on_the_same_home_is_heard) {
    EXPECT_EQ(quotas.get(Resource::projects).used, 0);
    Engine second(tests::placed({.home = folder.path() / "home"}));
    second.open_session({.tenant = acme.id, .actor = "elsewhere", .role = Role::owner}).projects().create({.name = "there"});
    EXPECT_EQ(quotas.get(Resource::projects).used, 1) << "of this process: at once";
}

TEST_F(QuotaTest, what_lapsed_is_room) {
    const auto limit = quotas.get(Resource::storage).limit.value();
    const auto hold = quotas.reserve({.asks = {{Resource::storage, limit}}, .ttl = 1s});
    EXPECT_FALSE(quotas.has_room({Resource::storage, limit + 1}));
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!quotas.has_room({Resource::storage, limit}) && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(20ms);
    EXPECT_TRUE(quotas.has_room({Resource::storage, limit}));
}

TEST_F(QuotaTest, a_suspended_tenant_is_known_at_the_next_call) {
    mine.projects().create({.name = "one"});
    for (int round = 0; round < 3; ++round) {
        operators().tenants().suspend(acme.id, "unpaid");
        EXPECT_THROW(mine.projects().create({.name = "two"}), PermissionDenied);
        EXPECT_EQ(mine.projects().list().size(), 1u);
        operators().tenants().resume(acme.id, "paid");
        const auto made = mine.projects().create({.name = "two"});
        mine.projects().remove(made.id);
    }
}

TEST_F(QuotaTest, warnings_reach_who_listens_and_refusals_warn) {
    auto news = mine.subscribe({.kinds = {"quota."}});
    const auto limit = quotas.get(Resource::storage).limit.value();
    auto hold = quotas.reserve({.asks = {{Resource::storage, limit}}});
    EXPECT_FALSE(news.next(1ms));
    EXPECT_THROW((void)quotas.reserve({.asks = {{Resource::storage, 1}}}), QuotaExceeded);
    const auto refused = news.next(60s);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->subject, "storage");
    EXPECT_NE(refused->data.find("\"percent\":100"), std::string::npos) << refused->data;
    EXPECT_THROW((void)quotas.reserve({.asks = {{Resource::storage, 1}}}), QuotaExceeded);
    hold.commit({{Resource::storage, limit}});
    for (const auto* percent : {"\"percent\":50", "\"percent\":80", "\"percent\":90"}) {
        const auto event = news.next(60s);
        ASSERT_TRUE(event);
        EXPECT_NE(event->data.find(percent), std::string::npos) << event->data;
    }
    EXPECT_FALSE(news.next(1ms)) << "the limit was told of";
}

TEST_F(QuotaTest, months_are_summed_up) {
    for (int i = 0; i < 4; ++i) mine.projects().create({.name = "p" + std::to_string(i)});
    const auto months = mine.usage().months();
    ASSERT_EQ(months.size(), 1u);
    EXPECT_TRUE(months[0].running);
    ASSERT_FALSE(months[0].advice.empty());
    EXPECT_EQ(months[0].advice[0].advice, Advice::upgrade);
    EXPECT_EQ(months[0].advice[0].resource, Resource::projects);
    EXPECT_EQ(mine.usage().months(1).size(), 1u);
    EXPECT_THROW((void)session(acme, Role::viewer).usage().months(), PermissionDenied);
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    EXPECT_TRUE(mine.usage().series({.meter = "rendered_bytes", .start = now - 24h, .end = now}).empty());
}

}  // namespace
