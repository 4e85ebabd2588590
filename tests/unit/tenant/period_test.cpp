#include <tenant/period.hpp>

#include <gtest/gtest.h>

#include <tenant_fixture.hpp>

namespace tenon::tenant {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;

Time day(int year, unsigned month, unsigned d) { return sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(d)); }

TEST(Anchor, IsClippedToTheMonthAndComesBack) {
    auto at = day(2027, 1, 31);
    for (const auto& expected : {day(2027, 2, 28), day(2027, 3, 31), day(2027, 4, 30), day(2027, 5, 31)})
        EXPECT_EQ(at = next_anchor(at, 31, "UTC"), expected);
    EXPECT_EQ(next_anchor(day(2028, 1, 31), 31, "UTC"), day(2028, 2, 29)) << "a leap year";
    EXPECT_EQ(next_anchor(day(2028, 2, 29), 29, "UTC"), day(2028, 3, 29));
    EXPECT_EQ(next_anchor(day(2027, 1, 29), 29, "UTC"), day(2027, 2, 28));
    EXPECT_EQ(next_anchor(day(2026, 12, 1), 1, "UTC"), day(2027, 1, 1));
    EXPECT_EQ(next_anchor(day(2026, 12, 1) - 1us, 1, "UTC"), day(2026, 12, 1)) << "the anchor itself still lies ahead";
}

TEST(Anchor, IsMidnightInTheZone) {
    EXPECT_EQ(next_anchor(day(2026, 1, 10), 1, "Europe/Berlin"), day(2026, 2, 1) - 1h);
    EXPECT_EQ(next_anchor(day(2026, 6, 10), 1, "Europe/Berlin"), day(2026, 7, 1) - 2h) << "summer time";
    EXPECT_EQ(next_anchor(day(2026, 6, 10), 1, "Asia/Kathmandu"), day(2026, 7, 1) - 5h - 45min);
    EXPECT_EQ(next_anchor(day(2026, 1, 31) + 20h, 1, "Pacific/Kiritimati"), day(2026, 3, 1) - 14h)
        << "there the first of February is over half a day old";
    EXPECT_EQ(next_anchor(day(2026, 2, 1) + 5h, 1, "America/Los_Angeles"), day(2026, 2, 1) + 8h) << "there it is still January";
}

TEST(Anchor, AtAMidnightThatDoesNotExistIsTheFirstInstantAfterTheGap) {
    // Clocks in Beirut went from 00:00 to 01:00 on 27 March 2022; in Samoa 30 December 2011 did not take place.
    EXPECT_EQ(next_anchor(day(2022, 3, 1), 27, "Asia/Beirut"), day(2022, 3, 27) - 2h);
    EXPECT_EQ(next_anchor(day(2011, 12, 1), 30, "Pacific/Apia"), day(2011, 12, 30) + 10h);
    EXPECT_EQ(next_anchor(day(2011, 12, 30) + 10h, 30, "Pacific/Apia"), day(2012, 1, 30) - 14h);
}

TEST(Anchor, AtAMidnightThatHappensTwiceIsTheEarlier) {
    // Clocks in Havana go from 01:00 back to 00:00 on 1 November 2026: midnight is at 04:00 and at 05:00 UTC.
    EXPECT_EQ(next_anchor(day(2026, 10, 10), 1, "America/Havana"), day(2026, 11, 1) + 4h);
    EXPECT_EQ(next_anchor(day(2026, 11, 1) + 4h, 1, "America/Havana"), day(2026, 12, 1) + 5h);
}

TEST(Anchor, OfForeignZonesIsRefused) {
    EXPECT_NO_THROW(check_zone("zone", "Europe/Berlin"));
    for (const auto* zone : {"", "Europe/Atlantis", "../../etc/passwd", "utc+1"}) {
        try {
            check_zone("zone", zone);
            ADD_FAILURE() << zone;
        } catch (const InvalidArgument& error) {
            EXPECT_EQ(error.subject(), "zone");
        }
    }
}

class Periods : public ::testing::Test {
protected:
    Period current(const TenantId& id) {
        return home.write(id, [&](db::Tx& tx) { return current_period(tx, home.now()); });
    }
    testing::Home home;
};

TEST_F(Periods, FollowEachOtherWithoutGapOrOverlap) {
    const TenantOptions options{.name = "n", .slug = "n", .plan = "studio/basic", .zone = "America/New_York", .anchor_day = 31};
    const auto id = home.registry->create(home.setup, options).id;
    auto before = current(id);
    EXPECT_EQ(before.n, 1);
    EXPECT_EQ(before.start, home.now());
    EXPECT_EQ(before.end, day(2026, 3, 31) + 4h);
    for (int i = 0; i < 30; ++i) {
        home.clock->advance(before.end - home.now());
        const auto next = current(id);
        EXPECT_EQ(next.n, before.n + 1);
        EXPECT_EQ(next.start, before.end);
        EXPECT_GT(next.end, next.start);
        EXPECT_LE(next.end - next.start, 32 * 24h);
        before = next;
    }
    EXPECT_EQ(before.n, 31);
}

TEST_F(Periods, OpenWhereNobodyLookedForMonths) {
    EXPECT_EQ(current(home.a).n, 1);
    home.clock->advance(24h * 365);
    EXPECT_EQ(home.read(home.a, [&](db::Reader& r) { return peek_period(r, home.now()); }).n, 13);
    const auto now = current(home.a);
    EXPECT_EQ(now.n, 13);
    EXPECT_EQ(now.start, day(2027, 3, 1));
    EXPECT_EQ(current(home.b).n, 13);
}

TEST_F(Periods, BeginWithTheTrial) {
    const auto id = home.registry->create(home.setup, {.name = "t", .slug = "t", .plan = "studio/basic", .trial = true}).id;
    const auto trial = current(id);
    EXPECT_EQ(trial.n, 0);
    EXPECT_EQ(trial.end - trial.start, 14 * 24h);
    home.clock->advance(14 * 24h);
    const auto first = current(id);
    EXPECT_EQ(first.n, 1);
    EXPECT_EQ(first.start, trial.end);
    EXPECT_EQ(first.end, day(2026, 4, 1));
}

TEST_F(Periods, AreFoundAgainByAClockThatStepsBack) {
    const auto first = current(home.a);
    home.clock->advance(24h * 60);
    EXPECT_GT(current(home.a).n, first.n);
    home.clock->step_wall(-24h * 60);
    EXPECT_EQ(current(home.a).n, first.n);
    home.clock->step_wall(-24h * 60);
    EXPECT_EQ(current(home.a).n, first.n) << "before the first there is none";
}

}  // namespace
}  // namespace tenon::tenant
