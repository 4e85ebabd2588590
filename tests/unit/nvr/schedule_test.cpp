#include <gtest/gtest.h>

#include <nvr/schedule.hpp>
#include <tenant/period.hpp>
#include <tenon/error.hpp>

#include "recorder_fixture.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
using tenon::test::CameraServer;
using test::Studio;

const std::vector<RecordingWindow> kOffice{{Weekday::monday, 8h, 18h}, {Weekday::friday, 22h, 6h}, {Weekday::sunday, 23h, 1h}};

TEST(Schedule, WindowsCoverTheirHoursAndReachIntoTheNextDay) {
    const auto at = [](int day, Duration time) { return 24h * (day - 1) + time; };
    EXPECT_FALSE(covers(kOffice, at(1, 8h - 1us)));
    EXPECT_TRUE(covers(kOffice, at(1, 8h)));
    EXPECT_TRUE(covers(kOffice, at(1, 18h - 1us)));
    EXPECT_FALSE(covers(kOffice, at(1, 18h)));
    EXPECT_FALSE(covers(kOffice, at(2, 12h)));
    EXPECT_TRUE(covers(kOffice, at(5, 23h)));
    EXPECT_TRUE(covers(kOffice, at(6, 5h)));
    EXPECT_FALSE(covers(kOffice, at(6, 6h)));
    EXPECT_TRUE(covers(kOffice, at(7, 23h)));
    EXPECT_TRUE(covers(kOffice, at(1, 30min))) << "Sunday's window ends on Monday";
    EXPECT_FALSE(covers({}, 0us));
    EXPECT_TRUE(covers({{Weekday::wednesday, 0h, 24h}}, at(3, 24h - 1us)));
}

TEST(Schedule, WhatIsStoredIsWhatWasGiven) {
    const auto again = schedule_from(schedule_text(kOffice));
    ASSERT_EQ(again.size(), kOffice.size());
    for (std::size_t i = 0; i < again.size(); ++i) {
        EXPECT_EQ(again[i].day, kOffice[i].day);
        EXPECT_EQ(again[i].start, kOffice[i].start);
        EXPECT_EQ(again[i].end, kOffice[i].end);
    }
    EXPECT_TRUE(schedule_from("").empty());
    for (const RecordingWindow& bad : {RecordingWindow{Weekday{0}, 1h, 2h}, RecordingWindow{Weekday{8}, 1h, 2h},
                                       RecordingWindow{Weekday::monday, 24h, 2h},
                                       RecordingWindow{Weekday::monday, 1h, 25h}, RecordingWindow{Weekday::monday, 1h, 1h},
                                       RecordingWindow{Weekday::monday, -1h, 1h}})
        EXPECT_THROW(check_schedule({bad}), InvalidArgument);
}

TEST(Schedule, ClocksOfThePlaceCountThroughTheirChanges) {
    using std::chrono::sys_days;
    using namespace std::chrono;
    const auto at = [](year_month_day day, Duration time) { return Time{sys_days{day}} + time; };
    EXPECT_EQ(tenant::week_time(at(2026y / 11 / 16, 0h), "UTC"), 0us) << "a Monday";
    EXPECT_EQ(tenant::week_time(at(2026y / 11 / 16, 0h), "Europe/Berlin"), 1h);
    EXPECT_EQ(tenant::week_time(at(2026y / 11 / 15, 23h), "Europe/Berlin"), 0us);
    // On Sunday 29 March 2026 two o'clock does not come; on 25 October it comes twice.
    constexpr Duration sunday = 24h * 6;
    EXPECT_EQ(tenant::week_time(at(2026y / 3 / 29, 59min), "Europe/Berlin"), sunday + 1h + 59min);
    EXPECT_EQ(tenant::week_time(at(2026y / 3 / 29, 1h), "Europe/Berlin"), sunday + 3h);
    EXPECT_EQ(tenant::week_time(at(2026y / 10 / 25, 30min), "Europe/Berlin"), sunday + 2h + 30min);
    EXPECT_EQ(tenant::week_time(at(2026y / 10 / 25, 1h + 30min), "Europe/Berlin"), sunday + 2h + 30min);
}

TEST(Schedule, ACameraRecordsInItsWindowsAlone) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    studio.week_time = Duration{12h}.count();
    const auto camera = studio.add(a, server.url());
    studio.home.write(a, [&](db::Tx& tx) {
        EXPECT_TRUE(rows::set_schedule(tx, camera, {{Weekday::monday, 8h, 18h}}));
        EXPECT_TRUE(rows::set_recording(tx, camera, Recording::schedule));
    });
    studio.recorder->changed();
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 1s; }));
    studio.week_time = Duration{18h}.count();
    studio.recorder->changed();
    ASSERT_TRUE(studio.wait(60s, [&] { return !studio.recorder->status(camera); }));
    EXPECT_EQ(studio.storage(a).reserved, 0);
    studio.week_time = Duration{24h * 7 + 8h}.count() % Duration{24h * 7}.count();
    studio.recorder->changed();
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() == 2; }));
    EXPECT_EQ(studio.list(a, camera)[1].gap_before, "switched_off");
    const auto health = [&] { return studio.status(camera).health; };
    EXPECT_TRUE(studio.wait(60s, [&] { return health().frames_per_second > 1 && health().bits_per_second > 10'000; }));
    EXPECT_TRUE(health().arrived_at);
    EXPECT_TRUE(studio.wait(60s, [&] { return health().key_frame_interval > 1500ms; })) << "it sends one every two seconds";
}

}  // namespace
}  // namespace tenon::nvr
