#include <jobs/cron.hpp>

#include <gtest/gtest.h>

#include <base/text.hpp>
#include <jobs/recurrence.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using jobs::Cron;

Time utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
    return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second);
}

/// "01-31 09:30 02-01 09:30": the next times in UTC.
std::string next(const std::string& text, const std::string& zone, Time after, int count = 3) {
    const auto cron = Cron::parse(text);
    const tenant::Zone in(zone);
    std::string line;
    for (int i = 0; i < count; ++i) {
        const auto time = cron.next(after, in);
        if (!time) return line + "never";
        const auto stamp = base::to_rfc3339(*time);
        line += (i ? ", " : "") + stamp.substr(5, 5) + " " + stamp.substr(11, 5);
        after = *time;
    }
    return line;
}

TEST(Cron, reads_every_form_of_a_field) {
    const auto from = utc(2026, 3, 4, 10, 7, 30);  // a Wednesday
    EXPECT_EQ(next("* * * * *", "UTC", from), "03-04 10:08, 03-04 10:09, 03-04 10:10");
    EXPECT_EQ(next("*/20 * * * *", "UTC", from), "03-04 10:20, 03-04 10:40, 03-04 11:00");
    EXPECT_EQ(next("5/25 9-11 * * *", "UTC", from), "03-04 10:30, 03-04 10:55, 03-04 11:05");
    EXPECT_EQ(next("0 8-18/5 * * *", "UTC", from), "03-04 13:00, 03-04 18:00, 03-05 08:00");
    EXPECT_EQ(next("1,2,59 0 * * *", "UTC", from), "03-05 00:01, 03-05 00:02, 03-05 00:59");
    EXPECT_EQ(next("30 2 * * mon-fri", "UTC", from), "03-05 02:30, 03-06 02:30, 03-09 02:30");
    EXPECT_EQ(next("0 0 * * 7", "UTC", from), "03-08 00:00, 03-15 00:00, 03-22 00:00") << "7 is Sunday, too";
    EXPECT_EQ(next("0 0 * * 5-7", "UTC", from), "03-06 00:00, 03-07 00:00, 03-08 00:00");
    EXPECT_EQ(next("0 0 1 JAN,Jul *", "UTC", from), "07-01 00:00, 01-01 00:00, 07-01 00:00");
    EXPECT_EQ(next("0 0 31 * *", "UTC", from), "03-31 00:00, 05-31 00:00, 07-31 00:00");
    EXPECT_EQ(next("0 0 29 2 *", "UTC", from, 2), "02-29 00:00, 02-29 00:00") << "2028, 2032";
    EXPECT_EQ(next("  0\t0  *  * * ", "UTC", from, 1), "03-05 00:00");
}

TEST(Cron, takes_either_day_where_both_are_limited) {
    const auto from = utc(2026, 3, 4);
    EXPECT_EQ(next("0 0 13 * fri", "UTC", from), "03-06 00:00, 03-13 00:00, 03-20 00:00");
    EXPECT_EQ(next("0 0 13 * *", "UTC", from, 2), "03-13 00:00, 04-13 00:00");
    EXPECT_EQ(next("0 0 */2 * fri", "UTC", from, 2), "03-13 00:00, 03-27 00:00") << "a step over all days does not limit: both must fit";
}

TEST(Cron, knows_nicknames) {
    const auto from = utc(2026, 3, 4, 10, 7);
    EXPECT_EQ(next("@hourly", "UTC", from, 2), "03-04 11:00, 03-04 12:00");
    EXPECT_EQ(next("@daily", "UTC", from, 2), "03-05 00:00, 03-06 00:00");
    EXPECT_EQ(next("@Midnight", "UTC", from, 1), "03-05 00:00");
    EXPECT_EQ(next("@weekly", "UTC", from, 1), "03-08 00:00");
    EXPECT_EQ(next("@monthly", "UTC", from, 1), "04-01 00:00");
    EXPECT_EQ(next("@yearly", "UTC", from, 1), "01-01 00:00");
    EXPECT_EQ(next("@annually", "UTC", from, 1), "01-01 00:00");
}

TEST(Cron, a_time_itself_is_not_after_itself) {
    EXPECT_EQ(next("0 0 * * *", "UTC", utc(2026, 3, 5), 1), "03-06 00:00");
    EXPECT_EQ(next("0 0 * * *", "UTC", utc(2026, 3, 5) - 1us, 1), "03-05 00:00");
}

// Berlin: 29 March 2026, 02:00 becomes 03:00 (01:00 UTC); 25 October, 03:00 becomes 02:00 (01:00 UTC).
TEST(Cron, a_time_that_clocks_skip_is_the_end_of_the_gap) {
    EXPECT_EQ(next("30 2 * * *", "Europe/Berlin", utc(2026, 3, 28)), "03-28 01:30, 03-29 01:00, 03-30 00:30");
    EXPECT_EQ(next("*/20 2 * * *", "Europe/Berlin", utc(2026, 3, 28, 20), 3), "03-29 01:00, 03-30 00:00, 03-30 00:20")
        << "once for all that were skipped";
    EXPECT_EQ(next("0 2,3 * * *", "Europe/Berlin", utc(2026, 3, 28, 20), 2), "03-29 01:00, 03-30 00:00") << "skipped and real fall together";
    EXPECT_EQ(next("*/30 * * * *", "Europe/Berlin", utc(2026, 3, 29, 0, 15)), "03-29 00:30, 03-29 01:00, 03-29 01:30");
}

TEST(Cron, a_time_that_clocks_show_twice_counts_once_unless_every_hour_does) {
    EXPECT_EQ(next("30 2 * * *", "Europe/Berlin", utc(2026, 10, 24, 12)), "10-25 00:30, 10-26 01:30, 10-27 01:30");
    EXPECT_EQ(next("30 * * * *", "Europe/Berlin", utc(2026, 10, 24, 23)), "10-24 23:30, 10-25 00:30, 10-25 01:30") << "both";
    EXPECT_EQ(next("*/30 0-5 * * *", "Europe/Berlin", utc(2026, 10, 25, 0, 15), 2), "10-25 00:30, 10-25 02:00") << "limited hours: the first";
}

TEST(Cron, follows_odd_zones) {
    EXPECT_EQ(next("0 9 * * *", "Asia/Kathmandu", utc(2026, 6, 1), 2), "06-01 03:15, 06-02 03:15");
    // Clocks in Santiago go from 24:00 back to 23:00 and skip midnight in spring.
    EXPECT_EQ(next("30 23 * * *", "America/Santiago", utc(2026, 4, 4, 12), 2), "04-05 02:30, 04-06 03:30");
    EXPECT_EQ(next("30 * * * *", "America/Santiago", utc(2026, 4, 5, 2), 3), "04-05 02:30, 04-05 03:30, 04-05 04:30");
    EXPECT_EQ(next("0 0 * * *", "America/Santiago", utc(2026, 9, 5, 12), 2), "09-06 04:00, 09-07 03:00");
    // Samoa had no 30 December 2011.
    EXPECT_EQ(next("0 12 * * *", "Pacific/Apia", utc(2011, 12, 29, 12), 3), "12-29 22:00, 12-30 10:00, 12-30 22:00");
}

TEST(Cron, refuses_what_is_no_expression_and_says_why) {
    for (const char* text : {"", "   ", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * 0 *",
                             "* * * * 8", "*/0 * * * *", "5-2 * * * *", "1-2-3 * * * *", "a * * * *", "-1 * * * *", ", * * * *", "1, * * * *",
                             "1/ * * * *", "/2 * * * *", "*/99999 * * * *", "@never", "@reboot", "mon * * * *", "* * * mon *", "0 0 30 2 *",
                             "0 0 31 apr,jun *", "** * * * *", "1\n* * * *"}) {
        try {
            (void)Cron::parse(text);
            ADD_FAILURE() << text;
        } catch (const InvalidArgument& error) {
            EXPECT_EQ(error.subject(), "cron") << text;
            EXPECT_STRNE(error.what(), "") << text;
        }
    }
    EXPECT_THROW((void)Cron::parse(std::string(201, ' ')), InvalidArgument);
    EXPECT_THROW(tenant::Zone("Mars/Olympus"), InvalidArgument);
}

// Against the plain way: every minute of real time, asked what clocks show.
TEST(Cron, agrees_with_the_clock_on_the_wall_minute_by_minute) {
    for (const char* name : {"Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"}) {
        const tenant::Zone zone(name);
        const auto cron = Cron::parse("*/15 * * * *");
        for (const auto& begin : {utc(2026, 3, 28, 20), utc(2026, 4, 4, 10), utc(2026, 10, 3, 10), utc(2026, 10, 24, 20)}) {
            auto expected = cron.next(begin, zone);
            for (auto time = begin + 1min; time < begin + 24h; time += 1min) {
                const auto minute = std::chrono::duration_cast<std::chrono::minutes>(zone.wall(time)).count() % 15;
                if (minute != 0) continue;
                EXPECT_EQ(base::to_rfc3339(*expected), base::to_rfc3339(time)) << name;
                expected = cron.next(*expected, zone);
            }
        }
    }
}

jobs::recurrences::Turn turn(Misfire rule, Time due, Time now, const std::string& cron = "0 2 * * *") {
    Recurrence info;
    info.cron = cron;
    info.zone = "UTC";
    info.misfire = rule;
    info.next_at = due;
    return jobs::recurrences::turn_of(info, now);
}

TEST(Misfires, a_time_seen_within_five_minutes_was_not_missed) {
    for (const auto rule : {Misfire::run_once, Misfire::skip}) {
        const auto it = turn(rule, utc(2026, 3, 4, 2), utc(2026, 3, 4, 2, 4));
        EXPECT_EQ(it.run, utc(2026, 3, 4, 2));
        EXPECT_EQ(it.next, utc(2026, 3, 5, 2));
    }
}

TEST(Misfires, what_nobody_saw_is_made_up_for_once_or_skipped) {
    const auto late = utc(2026, 3, 9, 11);
    EXPECT_EQ(turn(Misfire::run_once, utc(2026, 3, 4, 2), late).run, utc(2026, 3, 4, 2));
    EXPECT_EQ(turn(Misfire::skip, utc(2026, 3, 4, 2), late).run, std::nullopt);
    for (const auto rule : {Misfire::run_once, Misfire::skip}) EXPECT_EQ(turn(rule, utc(2026, 3, 4, 2), late).next, utc(2026, 3, 10, 2));
}

TEST(Misfires, after_a_pause_only_the_last_of_many_times_is_run) {
    const auto it = turn(Misfire::skip, utc(2026, 3, 4, 2), utc(2026, 3, 4, 11, 0, 20), "* * * * *");
    EXPECT_EQ(it.run, utc(2026, 3, 4, 11));
    EXPECT_EQ(it.next, utc(2026, 3, 4, 11, 1));
}

}  // namespace
