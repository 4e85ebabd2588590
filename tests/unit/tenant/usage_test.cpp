#include <tenant/usage.hpp>

#include <random>

#include <gtest/gtest.h>

#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::usage {
namespace {

using namespace std::chrono_literals;

constexpr db::SystemStmt rollups{
    "SELECT grain, coalesce(sum(qty), 0), count(*) FROM usage_rollup_ WHERE tenant_id = :id AND meter = :meter GROUP BY grain ORDER BY grain"};

class UsageEvents : public ::testing::Test {
protected:
    bool record(const TenantId& id, const Event& event) {
        return home.write(id, [&](db::Tx& tx) { return usage::record(tx, event, home.now()); });
    }
    Event imported(const std::string& id, std::int64_t bytes) {
        return {.source = "import", .id = id, .meter = "imported_bytes", .quantity = bytes, .occurred_at = home.now()};
    }
    std::int64_t total(const TenantId& id, const std::string& meter) {
        for (const auto& sum : home.read(id, [&](db::Reader& r) { return report(r, home.now()); }).meters)
            if (sum.meter == meter) return sum.quantity;
        return 0;
    }
    testing::Home home;
};

TEST_F(UsageEvents, CountOnceHoweverOftenTheyAreTold) {
    EXPECT_TRUE(record(home.a, imported("one", 100)));
    EXPECT_FALSE(record(home.a, imported("one", 100)));
    EXPECT_FALSE(record(home.a, imported("one", 777)));
    EXPECT_TRUE(record(home.b, imported("one", 5))) << "ids are the tenant's own";
    auto other_source = imported("one", 11);
    other_source.source = "upload";
    EXPECT_TRUE(record(home.a, other_source));
    EXPECT_EQ(total(home.a, "imported_bytes"), 111);
    EXPECT_EQ(total(home.b, "imported_bytes"), 5);
}

TEST_F(UsageEvents, DoNotClaimTheirIdInATransactionThatFails) {
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) {
        usage::record(tx, imported("one", 100), home.now());
        throw Conflict("later");
    }), Conflict);
    EXPECT_TRUE(record(home.a, imported("one", 100)));
    EXPECT_EQ(total(home.a, "imported_bytes"), 100);
}

TEST_F(UsageEvents, AddUpAlikeByMinuteHourAndPeriod) {
    std::mt19937 random(7);
    std::int64_t sum = 0;
    for (int group = 0; group < 40; ++group) {
        home.write(home.a, [&](db::Tx& tx) {
            for (int i = 0; i < 10; ++i) {
                // Every third one is told twice, as a retry does, and all come out of order.
                const auto id = std::to_string(random() % 300);
                auto event = imported(id, 1 + static_cast<std::int64_t>(random() % 1000));
                event.occurred_at -= std::chrono::seconds(random() % 7200);
                if (usage::record(tx, event, home.now())) sum += event.quantity;
            }
        });
        home.clock->advance(41min);
    }
    home.database->read(home.system, [&](db::SystemReader& r) {
        int grains = 0;
        for (auto rows = r.query(rollups, home.a, "imported_bytes"); rows.next(); ++grains)
            EXPECT_EQ(rows.i64(1), sum) << "grain " << rows.i64(0);
        EXPECT_EQ(grains, 3);
    });
    EXPECT_EQ(total(home.a, "imported_bytes"), sum);
}

TEST_F(UsageEvents, BelongToThePeriodInWhichTheyHappenedUntilItCloses) {
    EXPECT_EQ(total(home.a, "imported_bytes"), 0);
    record(home.a, imported("march", 1));
    const auto march = home.now();
    home.clock->advance(24h * 22 + 1h);  // 1 April, 13:00
    auto late = imported("late", 10);
    late.occurred_at = march;
    record(home.a, late);
    EXPECT_EQ(total(home.a, "imported_bytes"), 0) << "it counts in March, which is still open";
    home.clock->advance(48h);
    auto too_late = imported("too late", 100);
    too_late.occurred_at = march;
    record(home.a, too_late);
    EXPECT_EQ(total(home.a, "imported_bytes"), 100) << "March is closed";
    home.clock->step_wall(-24h * 10);
    EXPECT_EQ(total(home.a, "imported_bytes"), 11);
}

TEST_F(UsageEvents, AreReportedWithTheirUnitsAndQuotas) {
    record(home.a, imported("one", 100));
    record(home.a, {.source = "engine", .id = "x", .meter = "encoder_time", .quantity = 5, .occurred_at = home.now(), .dims = {{"codec", "h264"}}});
    record(home.a, {.source = "engine", .id = "y", .meter = "exports", .quantity = 2, .occurred_at = home.now()});
    const auto report = home.read(home.a, [&](db::Reader& r) { return usage::report(r, home.now()); });
    EXPECT_EQ(report.plan, "studio/basic");
    EXPECT_EQ(report.end, Time(std::chrono::sys_days(std::chrono::year(2026) / 4 / 1)));
    ASSERT_EQ(report.meters.size(), 3u);
    EXPECT_EQ(report.meters[0].unit, "ms");
    EXPECT_EQ(report.meters[1].unit, "count");
    EXPECT_EQ(report.meters[2].unit, "bytes");
    EXPECT_EQ(report.quotas.size(), 11u);
    EXPECT_TRUE(home.read(home.b, [&](db::Reader& r) { return usage::report(r, home.now()); }).meters.empty());
}

TEST_F(UsageEvents, AreChecked) {
    const auto with = [&](auto change) {
        auto event = imported("one", 1);
        change(event);
        EXPECT_THROW(record(home.a, event), InvalidArgument);
    };
    with([](Event& e) { e.quantity = -1; });
    with([](Event& e) { e.quantity = (std::int64_t{1} << 53) + 1; });
    with([](Event& e) { e.meter = "Imported Bytes"; });
    with([](Event& e) { e.meter = ""; });
    with([](Event& e) { e.id = ""; });
    with([](Event& e) { e.source = ""; });
}

}  // namespace
}  // namespace tenon::tenant::usage
