#include <tenant/usage.hpp>

#include <map>
#include <random>

#include <gtest/gtest.h>

#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

#include "amounts.hpp"

namespace tenon::tenant::usage {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;

constexpr db::SystemStmt events{"SELECT meter, qty, occurred_at, period FROM usage_event_ WHERE tenant_id = :id"};
constexpr db::SystemStmt rollups{"SELECT grain, bucket, meter, qty FROM usage_rollup_ WHERE tenant_id = :id"};

class UsageMonths : public ::testing::Test {
protected:
    TenantId create(const std::string& slug, const std::string& zone, int anchor_day) {
        return home.registry->create(home.setup, {.name = slug, .slug = slug, .plan = "studio/basic", .zone = zone, .anchor_day = anchor_day}).id;
    }
    void charge(const TenantId& id, Resource resource, std::int64_t n) {
        home.write(id, [&](db::Tx& tx) { quota::charge(tx, {resource, n}, home.now()); });
    }
    void free(const TenantId& id, Resource resource, std::int64_t n) {
        home.write(id, [&](db::Tx& tx) { quota::free(tx, {resource, n}, home.now()); });
    }
    void render(const TenantId& id, std::int64_t ms) {
        const auto hold = home.fresh<HoldId>();
        home.write(id, [&](db::Tx& tx) {
            quota::reserve(tx, hold, {.asks = {{Resource::render_time, ms}}}, home.now());
            quota::commit(tx, hold, {{Resource::render_time, ms}}, home.now());
        });
    }
    void record(const TenantId& id, const std::string& name, std::int64_t quantity, Time at) {
        home.write(id, [&](db::Tx& tx) {
            usage::record(tx, {.source = "test", .id = name, .meter = "made", .quantity = quantity, .occurred_at = at}, home.now());
        });
    }
    std::vector<UsageMonth> months(const TenantId& id, std::int32_t count = 12) {
        return home.read(id, [&](db::Reader& r) { return usage::months(r, count, home.now()); });
    }
    static const ResourceUsage& of(const UsageMonth& month, Resource resource) {
        for (const auto& each : month.resources)
            if (each.resource == resource) return each;
        throw std::logic_error("no such resource");
    }
    std::vector<UsageAdvice> advice(const std::string& plan, const std::vector<UsageMonth>& list) {
        const auto& catalogues = home.registry->catalogues();
        return advise(list, *catalogues.get(plan), catalogues);
    }
    testing::Home home;
};

TEST_F(UsageMonths, SayWhatWasUsedAndHowHighLevelsStood) {
    charge(home.a, Resource::storage, 6 * GB);
    free(home.a, Resource::storage, 4 * GB);
    render(home.a, 2 * hour);
    home.clock->advance(24h * 31);  // 10 April: nothing happens
    home.clock->advance(24h * 30);  // 10 May
    free(home.a, Resource::storage, GB);
    render(home.a, hour);
    const auto list = months(home.a);
    ASSERT_EQ(list.size(), 3u);
    EXPECT_TRUE(list[0].running);
    EXPECT_FALSE(list[1].running);
    EXPECT_EQ(list[0].start, Time(sys_days(year(2026) / 5 / 1)));
    EXPECT_EQ(list[1].end, list[0].start);
    EXPECT_EQ(list[2].end, list[1].start);
    EXPECT_EQ(of(list[2], Resource::storage).peak, 6 * GB);
    EXPECT_EQ(of(list[2], Resource::storage).used, 2 * GB);
    EXPECT_EQ(of(list[2], Resource::storage).percent, 60);
    EXPECT_EQ(of(list[1], Resource::storage).peak, 2 * GB) << "what March left";
    EXPECT_EQ(of(list[0], Resource::storage).peak, 2 * GB) << "at the month's beginning";
    EXPECT_EQ(of(list[0], Resource::storage).used, GB);
    EXPECT_EQ(of(list[2], Resource::render_time).used, 2 * hour);
    EXPECT_EQ(of(list[1], Resource::render_time).used, 0);
    EXPECT_EQ(of(list[0], Resource::render_time).percent, 10);
    ASSERT_EQ(list[2].meters.size(), 1u);
    EXPECT_EQ(list[2].meters[0].quantity, 2 * hour);
    EXPECT_TRUE(list[1].meters.empty());
    EXPECT_EQ(of(list[0], Resource::seats).percent, std::nullopt);
    EXPECT_EQ(months(home.a, 2).size(), 2u);
    EXPECT_EQ(of(months(home.b)[0], Resource::storage).peak, 0) << "the other tenant's";
    EXPECT_THROW(months(home.a, 0), InvalidArgument);
    EXPECT_THROW(months(home.a, 121), InvalidArgument);
}

TEST_F(UsageMonths, BeginOnTheAnchorDayInTheTenantsZone) {
    const auto tokyo = create("tokyo", "Asia/Tokyo", 15);
    // 15 March, 00:00 in Tokyo is 14 March, 15:00 UTC.
    const Time border = sys_days(year(2026) / 3 / 14) + 15h;
    home.clock->advance(border - home.now() - 1us);
    render(tokyo, hour);
    home.clock->advance(1us);
    render(tokyo, 2 * hour);
    const auto list = months(tokyo);
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].start, border);
    EXPECT_EQ(of(list[0], Resource::render_time).used, 2 * hour);
    EXPECT_EQ(of(list[1], Resource::render_time).used, hour);
}

TEST_F(UsageMonths, DaysAreTheTenantsOwn) {
    const auto nepal = create("nepal", "Asia/Kathmandu", 1);  // +05:45: its days begin at 18:15 UTC
    const Time day = sys_days(year(2026) / 3 / 9) + 18h + 15min;
    record(nepal, "before", 1, day - 1us);
    record(nepal, "first", 10, day);
    record(nepal, "same hour", 100, day + 44min);
    record(nepal, "last", 1000, day + 24h - 1us);
    record(nepal, "after", 10'000, day + 24h);
    const auto series = [&](UsageGrain grain, Time start, Time end) {
        return home.read(nepal, [&](db::Reader& r) { return usage::series(r, {.meter = "made", .grain = grain, .start = start, .end = end}); });
    };
    const auto all = series(UsageGrain::day, day - 24h, day + 48h);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].start, day - 24h);
    EXPECT_EQ(all[0].quantity, 1);
    EXPECT_EQ(all[1].quantity, 1110);
    EXPECT_EQ(all[2].quantity, 10'000);
    const auto one = series(UsageGrain::day, day, day + 24h);
    ASSERT_EQ(one.size(), 1u);
    EXPECT_EQ(one[0].quantity, 1110);
    EXPECT_EQ(series(UsageGrain::hour, day - 15min, day + 45min).at(0).quantity, 111);
    EXPECT_EQ(series(UsageGrain::minute, day, day + 1min).at(0).quantity, 10);
    EXPECT_THROW(series(UsageGrain::day, day, day), InvalidArgument);
    EXPECT_THROW(series(static_cast<UsageGrain>(3), day, day + 24h), InvalidArgument);
}

TEST_F(UsageMonths, AMisspeltMeterIsNamedAndNotReadAsUnused) {
    const auto id = create("meters", "UTC", 1);
    record(id, "one", 1, home.now());
    const auto series = [&](const std::string& meter) {
        return home.read(id, [&](db::Reader& r) { return usage::series(r, {.meter = meter, .start = home.now() - 24h, .end = home.now()}); });
    };
    EXPECT_TRUE(series("backup_bytes").empty()) << "nothing was used of it yet";
    EXPECT_NO_THROW(series("made"));
    EXPECT_THROW(series(""), InvalidArgument);
    try {
        series("rendered_byte");
        ADD_FAILURE();
    } catch (const InvalidArgument& error) {
        EXPECT_EQ(error.subject(), "meter");
        const std::string said = error.what();
        EXPECT_NE(said.find("backup_bytes, bandwidth, imported_bytes, made, model_tokens, render_time, rendered_bytes"), std::string::npos) << said;
    }
}

// Whatever happens in whatever order, what is stored of it is what its events say.
TEST_F(UsageMonths, RollupsAreWhatTheEventsSay) {
    for (const std::uint32_t seed : {1u, 2u, 3u}) {
        std::mt19937 random(seed);
        const auto id = create("random" + std::to_string(seed), seed == 1 ? "UTC" : seed == 2 ? "America/St_Johns" : "Asia/Tokyo",
                               1 + static_cast<int>(random() % 31));
        for (int step = 0; step < 60; ++step) {
            home.write(id, [&](db::Tx& tx) {
                for (int i = 0; i < 5; ++i)
                    usage::record(tx, {.source = "test", .id = std::to_string(random() % 200), .meter = random() % 2 ? "made" : "made_bytes",
                                       .quantity = static_cast<std::int64_t>(random() % 1000),
                                       .occurred_at = home.now() - std::chrono::minutes(random() % (60 * 24 * 40))}, home.now());
            });
            if (random() % 3 == 0) render(id, 1 + static_cast<std::int64_t>(random() % 1000));
            home.clock->advance(std::chrono::minutes(random() % (60 * 24 * 4)));
        }
        std::map<std::tuple<std::int64_t, std::int64_t, std::string>, std::int64_t> wanted, stored;
        home.database->read(home.system, [&](db::SystemReader& r) {
            for (auto rows = r.query(events, id); rows.next();) {
                const auto meter = rows.text(0);
                const auto at = rows.i64(2);
                constexpr std::int64_t minute = 60'000'000;
                wanted[{1, at - at % minute, meter}] += rows.i64(1);
                wanted[{2, at - at % (60 * minute), meter}] += rows.i64(1);
                wanted[{3, rows.i64(3), meter}] += rows.i64(1);
            }
            for (auto rows = r.query(rollups, id); rows.next();) stored[{rows.i64(0), rows.i64(1), rows.text(2)}] = rows.i64(3);
        });
        EXPECT_EQ(wanted, stored) << "seed " << seed;
        std::int64_t by_day = 0, by_event = 0;
        for (const auto& point : home.read(id, [&](db::Reader& r) {
                 return usage::series(r, {.meter = "made", .start = home.now() - 24h * 900, .end = home.now() + 24h});
             }))
            by_day += point.quantity;
        for (const auto& [key, quantity] : wanted)
            if (std::get<0>(key) == 3 && std::get<2>(key) == "made") by_event += quantity;
        EXPECT_EQ(by_day, by_event);
        std::int64_t by_period = 0;
        for (const auto& month : months(id, 120))
            for (const auto& meter : month.meters)
                if (meter.meter == "made") by_period += meter.quantity;
        EXPECT_EQ(by_period, by_event);
    }
}

TEST_F(UsageMonths, AdviseWhatTheFiguresSuggest) {
    charge(home.a, Resource::storage, 9 * GB);
    auto given = advice("studio/basic", months(home.a));
    ASSERT_EQ(given.size(), 2u);
    EXPECT_EQ(given[0].advice, Advice::clean_up);
    EXPECT_EQ(given[1].advice, Advice::upgrade);
    EXPECT_EQ(given[1].resource, Resource::storage);
    EXPECT_EQ(given[1].plan, "studio/professional");
    free(home.a, Resource::storage, 9 * GB);
    EXPECT_EQ(advice("studio/basic", months(home.a)).size(), 2u) << "it was short in this month";
    home.clock->advance(24h * 62);
    charge(home.a, Resource::storage, 2 * GB);
    given = advice("studio/professional", months(home.a));
    ASSERT_EQ(given.size(), 1u);
    EXPECT_EQ(given[0].advice, Advice::downgrade);
    EXPECT_EQ(given[0].plan, "studio/basic");
    EXPECT_TRUE(advice("studio/basic", months(home.a)).empty());
    EXPECT_TRUE(advice("studio/professional", months(home.a, 1)).empty()) << "no whole month was looked at";
}

}  // namespace
}  // namespace tenon::tenant::usage
