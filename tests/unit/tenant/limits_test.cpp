#include <tenant/quota.hpp>

#include <gtest/gtest.h>

#include <tenant/live.hpp>
#include <tenant/usage.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

using namespace std::chrono_literals;

// studio/basic: 5 projects, 10 GB, 10 render hours a month.
class OwnLimits : public ::testing::Test {
protected:
    LimitOverride grant(const std::string& name, Resource resource, std::optional<std::int64_t> limit, std::optional<Time> until = {}) {
        return home.registry->grant_limit(
            home.setup, {.tenant = home.a, .name = name, .resource = resource, .limit = limit, .reason = "agreed", .expires_at = until});
    }
    bool charge(const TenantId& id, std::int64_t n = 1) {
        try {
            home.write(id, [&](db::Tx& tx) { quota::charge(tx, {Resource::projects, n}, home.now()); });
            return true;
        } catch (const QuotaExceeded& error) {
            refused_at = error.limit().value_or(-1);
            return false;
        }
    }
    Quota quota(Resource resource = Resource::projects) {
        return home.read(home.a, [&](db::Reader& r) { return quota::get(r, resource, home.now()); });
    }
    std::int64_t refused_at = 0;
    testing::Home home;
};

TEST_F(OwnLimits, HoldUntilTheyExpireAndThePlansLimitHoldsAgain) {
    EXPECT_TRUE(charge(home.a, 5));
    EXPECT_FALSE(charge(home.a));
    const auto end = home.now() + 48h;
    const auto granted = grant("campaign", Resource::projects, 7, end);
    EXPECT_EQ(granted.granted_by, "setup");
    EXPECT_EQ(granted.granted_at, home.now());
    EXPECT_EQ(quota().limit, 7);
    EXPECT_EQ(quota().limit_until, end);
    EXPECT_TRUE(charge(home.a, 2));
    EXPECT_FALSE(charge(home.a));
    EXPECT_EQ(refused_at, 7);
    EXPECT_TRUE(charge(home.b, 5));
    EXPECT_FALSE(charge(home.b)) << "another tenant's limit is its plan's";

    home.clock->advance(48h - 1us);
    EXPECT_EQ(quota().limit, 7);
    home.clock->advance(1us);
    EXPECT_EQ(quota().limit, 5) << "to the microsecond, though nobody wrote anything";
    EXPECT_EQ(quota().used, 7) << "what is there stays";
    EXPECT_FALSE(charge(home.a));
    EXPECT_EQ(refused_at, 5);
    home.write(home.a, [&](db::Tx& tx) { quota::free(tx, {Resource::projects, 3}, home.now()); });
    EXPECT_TRUE(charge(home.a)) << "below the limit again";
    EXPECT_FALSE(charge(home.a));
}

TEST_F(OwnLimits, ExpireInARowThatWasMadeUnderThem) {
    grant("campaign", Resource::projects, 7, home.now() + 1h);
    EXPECT_TRUE(charge(home.a, 6));
    home.clock->advance(1h);
    EXPECT_FALSE(charge(home.a));
    EXPECT_EQ(refused_at, 5);
}

TEST_F(OwnLimits, OfOneResourceTheLastOneGrantedHolds) {
    grant("larger", Resource::projects, 20);
    grant("for-a-day", Resource::projects, 2, home.now() + 24h);
    EXPECT_EQ(quota().limit, 2);
    EXPECT_TRUE(charge(home.a, 2));
    EXPECT_FALSE(charge(home.a)) << "smaller than the plan's, too";
    home.clock->advance(24h);
    EXPECT_EQ(quota().limit, 20);
    EXPECT_FALSE(quota().limit_until);
    EXPECT_TRUE(charge(home.a, 18));
    const auto list = home.registry->limits(home.setup, home.a);
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].name, "for-a-day");
    EXPECT_FALSE(list[0].in_force);
    EXPECT_TRUE(list[1].in_force);
    home.registry->revoke_limit(home.setup, home.a, "larger", "over");
    EXPECT_EQ(quota().limit, 5);
    EXPECT_FALSE(charge(home.a));
    EXPECT_EQ(refused_at, 5);
    EXPECT_THROW(home.registry->revoke_limit(home.setup, home.a, "larger", "again"), NotFound);
    EXPECT_THROW(home.registry->revoke_limit(home.setup, home.b, "for-a-day", "another tenant's"), NotFound);
}

TEST_F(OwnLimits, OfPeriodsCountInTheRunningPeriodAndTheNext) {
    constexpr std::int64_t hour = 3'600'000;
    const auto hold = [&](std::int64_t n) {
        return home.write(home.a, [&](db::Tx& tx) {
            return quota::try_reserve(tx, home.fresh<HoldId>(), {.asks = {{Resource::render_time, n}}}, home.now()).has_value();
        });
    };
    EXPECT_TRUE(hold(10 * hour));
    EXPECT_FALSE(hold(1));
    grant("rush", Resource::render_time, 12 * hour, home.now() + 60 * 24h);
    EXPECT_TRUE(hold(2 * hour));
    EXPECT_FALSE(hold(1));
    home.clock->advance(31 * 24h);
    EXPECT_TRUE(hold(12 * hour));
    EXPECT_FALSE(hold(1));
    home.clock->advance(31 * 24h);
    EXPECT_TRUE(hold(10 * hour));
    EXPECT_FALSE(hold(1));
}

TEST_F(OwnLimits, MoveWhatSessionsRemember) {
    const auto before = live::version_of(home.a);
    grant("unlimited", Resource::storage, std::nullopt);
    EXPECT_NE(live::version_of(home.a), before);
    EXPECT_FALSE(quota(Resource::storage).limit);
    const auto month = home.read(home.a, [&](db::Reader& r) { return usage::months(r, 1, home.now()).front(); });
    for (const auto& each : month.resources) {
        EXPECT_EQ(each.limit.has_value(), each.resource == Resource::projects || each.resource == Resource::render_time ||
                                              each.resource == Resource::concurrent_jobs);
    }
}

TEST_F(OwnLimits, AreCheckedAndRecorded) {
    const auto refused = [&](LimitOptions options, const char* field) {
        options.tenant = home.a;
        if (options.reason.empty()) options.reason = "agreed";
        try {
            home.registry->grant_limit(home.setup, options);
            ADD_FAILURE() << field;
        } catch (const InvalidArgument& error) {
            EXPECT_EQ(error.subject(), field);
        }
    };
    refused({.name = "", .limit = 1}, "name");
    refused({.name = "x", .resource = static_cast<Resource>(77), .limit = 1}, "resource");
    refused({.name = "x", .limit = -1}, "limit");
    refused({.name = "x", .limit = 1, .expires_at = home.now()}, "expires_at");
    EXPECT_THROW(home.registry->grant_limit(home.setup, {.tenant = home.a, .name = "x", .limit = 1}), InvalidArgument) << "without a reason";
    EXPECT_THROW(home.registry->grant_limit(home.setup, {.tenant = home.fresh<TenantId>(), .name = "x", .limit = 1, .reason = "r"}), NotFound);
    for (int i = 0; i < 100; ++i) grant("n" + std::to_string(i), Resource::seats, i);
    EXPECT_THROW(grant("one-more", Resource::seats, 1), Conflict);
    EXPECT_NO_THROW(grant("n5", Resource::seats, 1)) << "in place of one";
    const auto records = home.read(home.a, [](db::Reader& r) { return audit::list(r, {.action = "tenant.grant_limit", .limit = 1000}); });
    ASSERT_EQ(records.size(), 101u);
    EXPECT_EQ(records[0].reason, "agreed");
    EXPECT_EQ(base::parse_json(records[1].details).get_string("name"), "n1");
}

}  // namespace
}  // namespace tenon::tenant
