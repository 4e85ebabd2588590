#include <backup/retention.hpp>

#include <algorithm>
#include <chrono>

#include "fixture.hpp"

namespace tenon::tests {
namespace {

using namespace backup;
using namespace std::chrono;

Time at(int y, unsigned m, unsigned d, int h = 12, int min = 0) {
    return Time(sys_days(year(y) / month(m) / day(d)) + hours(h) + minutes(min));
}

SnapshotInfo taken(std::uint64_t number, Time time, const std::string& name = "nightly") {
    return {.id = SnapshotId{1, number}, .name = name, .taken_at = time, .stored_at = time};
}

/// The days of the month of those that stay.
std::vector<unsigned> kept_days(const KeepRules& rules, const std::vector<SnapshotInfo>& snapshots) {
    std::vector<unsigned> days;
    for (const auto& verdict : apply(rules, snapshots)) {
        EXPECT_EQ(verdict.kept, !verdict.reasons.empty());
        if (verdict.kept) days.push_back(static_cast<unsigned>(year_month_day(floor<std::chrono::days>(verdict.snapshot.taken_at)).day()));
    }
    return days;
}

std::vector<SnapshotInfo> a_month_of_days() {
    std::vector<SnapshotInfo> all;
    for (unsigned d = 1; d <= 30; ++d) all.push_back(taken(d, at(2026, 11, d)));
    return all;
}

using Days = std::vector<unsigned>;

TEST(Retention, every_rule_keeps_the_newest_of_its_buckets) {
    const auto month = a_month_of_days();  // 1 November 2026 is a Sunday
    EXPECT_EQ(kept_days({.last = 3}, month), (Days{30, 29, 28}));
    EXPECT_EQ(kept_days({.daily = 2}, month), (Days{30, 29}));
    EXPECT_EQ(kept_days({.weekly = 3}, month), (Days{30, 29, 22})) << "the 30th is a Monday";
    EXPECT_EQ(kept_days({.monthly = 5}, month), (Days{30}));
    EXPECT_EQ(kept_days({.yearly = 1}, month), (Days{30}));
    EXPECT_EQ(kept_days({.weekly = KeepRules::every}, month), (Days{30, 29, 22, 15, 8, 1}));
    EXPECT_EQ(kept_days({.within = hours(48)}, month), (Days{30, 29, 28}));
    EXPECT_EQ(kept_days({.last = 1, .weekly = 2, .within = hours(24)}, month), (Days{30, 29}));
    EXPECT_EQ(kept_days({.last = KeepRules::every}, month).size(), 30u);

    std::vector<SnapshotInfo> hours_of_a_day;
    for (int h = 0; h < 24; ++h)
        for (int quarter = 0; quarter < 60; quarter += 15)
            hours_of_a_day.push_back(taken(static_cast<std::uint64_t>(h * 60 + quarter + 1), at(2026, 3, 5, h, quarter)));
    const auto verdicts = apply({.hourly = 5}, hours_of_a_day);
    EXPECT_EQ(std::count_if(verdicts.begin(), verdicts.end(), [](const auto& v) { return v.kept; }), 5);
    for (const auto& verdict : verdicts) {
        if (verdict.kept) {
            EXPECT_EQ(duration_cast<minutes>(verdict.snapshot.taken_at.time_since_epoch()).count() % 60, 45);
        }
    }
}

TEST(Retention, days_are_those_of_a_clock_that_is_set_forward_and_back) {
    // Central Europe: an hour ahead of UTC until 28 March 2027 01:00, two from then on.
    const auto change = at(2027, 3, 28, 1);
    const KeepRules rules{.daily = KeepRules::every, .offset_at = [&](Time time) -> Duration { return hours(time < change ? 1 : 2); }};
    std::vector<SnapshotInfo> all;
    std::uint64_t number = 0;
    for (const auto& time : {at(2027, 3, 27, 22, 30), at(2027, 3, 27, 23, 30), at(2027, 3, 28, 21, 30), at(2027, 3, 28, 22, 30)})
        all.push_back(taken(++number, time));
    std::vector<std::string> reasons;
    for (const auto& verdict : apply(rules, all))
        if (verdict.kept) reasons.push_back(verdict.reasons.front());
    // 23:30 of the 27th; 00:30 and 23:30 of the 28th, of which the later counts; 00:30 of the 29th
    EXPECT_EQ(reasons, (std::vector<std::string>{"daily 2027-03-29", "daily 2027-03-28", "daily 2027-03-27"}));
}

TEST(Retention, says_why) {
    auto month = a_month_of_days();
    month[2].tags = {{"keep", "contract"}};
    const auto verdicts = apply({.last = 1, .daily = 1, .weekly = 1, .monthly = 1, .yearly = 1, .tags = {{"keep", ""}}}, month);
    EXPECT_EQ(verdicts.front().reasons,
              (std::vector<std::string>{"last 1", "daily 2026-11-30", "weekly 2026-W49", "monthly 2026-11", "yearly 2026"}));
    EXPECT_EQ(verdicts[27].reasons, (std::vector<std::string>{"tag keep"}));
    EXPECT_TRUE(verdicts[1].reasons.empty());
    EXPECT_EQ(kept_days({.tags = {{"keep", "other"}}}, month), (Days{30})) << "only the newest, which always stays";
    EXPECT_EQ(apply({.tags = {{"keep", "other"}}}, month).front().reasons, (std::vector<std::string>{"newest"}));
}

TEST(Retention, weeks_count_to_the_year_of_their_thursday) {
    const auto reasons = [](Time time) { return apply({.weekly = 1}, {taken(1, time)}).front().reasons.front(); };
    EXPECT_EQ(reasons(at(2021, 1, 3)), "weekly 2020-W53");
    EXPECT_EQ(reasons(at(2021, 1, 4)), "weekly 2021-W01");
    EXPECT_EQ(reasons(at(2024, 12, 30)), "weekly 2025-W01");
    EXPECT_EQ(reasons(at(2026, 12, 31)), "weekly 2026-W53");
}

TEST(Retention, each_name_by_itself_and_its_newest_stays) {
    std::vector<SnapshotInfo> all;
    for (unsigned d = 1; d <= 5; ++d) {
        all.push_back(taken(d, at(2026, 11, d)));
        all.push_back(taken(100 + d, at(2026, 10, d), "weekly"));
    }
    EXPECT_EQ(kept_days({.last = 2}, all), (Days{5, 4, 5, 4}));
    EXPECT_EQ(kept_days({.tags = {{"none", ""}}}, all), (Days{5, 5}));
}

TEST(Retention, days_go_by_the_clock_on_the_wall) {
    const std::vector<SnapshotInfo> all{taken(1, at(2026, 11, 20, 22, 30)), taken(2, at(2026, 11, 20, 23, 30))};
    EXPECT_EQ(kept_days({.daily = 5}, all).size(), 1u);
    EXPECT_EQ(kept_days({.daily = 5, .utc_offset = hours(1)}, all).size(), 2u) << "one of them is of the 21st";
}

TEST(Retention, a_forged_time_pushes_nobody_out) {
    auto all = a_month_of_days();
    for (std::uint64_t n = 0; n < 10; ++n) {
        auto forged = taken(200 + n, at(2040, 1, static_cast<unsigned>(n) + 1));
        forged.stored_at = at(2026, 11, 15, 13);
        all.push_back(forged);
    }
    const auto verdicts = apply({.daily = 30}, all);
    for (const auto& verdict : verdicts) {
        const auto year_taken = static_cast<int>(year_month_day(floor<std::chrono::days>(verdict.snapshot.taken_at)).year());
        if (year_taken == 2026 && verdict.snapshot.taken_at != at(2026, 11, 15)) {
            EXPECT_TRUE(verdict.kept);
        }
    }
}

TEST(Retention, rules_that_keep_nothing_are_refused) {
    const auto month = a_month_of_days();
    EXPECT_THROW(apply({}, month), InvalidArgument);
    EXPECT_THROW(apply({.daily = -2}, month), InvalidArgument);
    EXPECT_THROW(apply({.last = 1, .within = hours(-1)}, month), InvalidArgument);
    EXPECT_THROW(apply({.last = 1, .utc_offset = hours(25)}, month), InvalidArgument);
    EXPECT_TRUE(apply({.last = 1}, {}).empty());
}

/// Over a whole year of hours the rules are compared with a second, slower reading of them: a snapshot stays for a rule of n
/// if it is the newest of its bucket and less than n buckets that have one are newer.
TEST(Retention, agrees_with_a_second_reading_of_the_rules) {
    std::vector<SnapshotInfo> all;
    std::uint64_t number = 0;
    for (Time time = at(2025, 1, 1, 0); time < at(2026, 1, 20, 0); time += minutes(433)) all.push_back(taken(++number, time));
    const auto day_of = [](const SnapshotInfo& info) { return floor<std::chrono::days>(info.taken_at).time_since_epoch().count(); };
    for (int n : {1, 7, 100}) {
        const auto verdicts = apply({.daily = n}, all);
        for (const auto& verdict : verdicts) {
            std::vector<std::int64_t> newer;
            bool newest = true;
            for (const auto& info : all) {
                if (info.taken_at <= verdict.snapshot.taken_at) continue;
                if (day_of(info) == day_of(verdict.snapshot)) newest = false;
                else newer.push_back(day_of(info));
            }
            std::sort(newer.begin(), newer.end());
            const auto buckets = std::unique(newer.begin(), newer.end()) - newer.begin();
            EXPECT_EQ(verdict.kept, newest && buckets < n) << n;
        }
    }
}

class Forgetting : public BackupTest {};

TEST_F(Forgetting, what_is_forgotten_is_not_found_and_the_rest_stays_whole) {
    fill_source();
    auto repository = create();
    std::vector<SnapshotId> ids;
    for (int i = 0; i < 4; ++i) {
        write(source() / "changing", std::string(50'000, static_cast<char>('a' + i)));
        ids.push_back(back_up(*repository).snapshot.id);
    }
    forget(*repository, {ids[0], ids[2]}, {});
    for (auto* each : {repository.get(), open().release()}) {
        const auto left = each->list();
        ASSERT_EQ(left.size(), 2u);
        EXPECT_EQ(left[0].id, ids[3]);
        EXPECT_EQ(left[1].id, ids[1]);
        EXPECT_FALSE(each->find(ids[0]));
        EXPECT_THROW(each->browse(ids[2], ""), NotFound);
        EXPECT_THROW(restore(*each, ids[0], "none"), NotFound);
        EXPECT_EQ(all(check(*each).problems), "");
        if (each != repository.get()) delete each;
    }
    EXPECT_THROW(forget(*repository, {ids[3], ids[0]}, {}), NotFound);
    EXPECT_EQ(repository->list().size(), 2u) << "all of them or none";
    restore(*repository, ids[1], "out");
    const auto next = back_up(*repository);
    EXPECT_EQ(next.files_new, 0) << "and backups go on from what was there";
    forget(*repository, {ids[1], ids[3], next.snapshot.id}, {});
    EXPECT_TRUE(repository->list().empty());
    EXPECT_EQ(all(check(*repository).problems), "");
    back_up(*repository);
    EXPECT_EQ(repository->list().size(), 1u);
}

TEST_F(Forgetting, tags_change_and_the_last_change_counts) {
    write(source() / "a", "a");
    auto repository = create();
    auto wanted = request();
    wanted.tags = {{"first", "1"}};
    const auto id = back_up(*repository, wanted).snapshot.id;
    const auto untouched = back_up(*repository, wanted).snapshot.id;
    for (int i = 0; i < 5; ++i) set_tags(*repository, id, {{"round", std::to_string(i)}}, {});
    EXPECT_EQ(open()->find(id)->tags, (std::vector<Label>{{"round", "4"}}));
    EXPECT_EQ(repository->find(untouched)->tags, wanted.tags);
    set_tags(*repository, id, {}, {});
    EXPECT_TRUE(open()->find(id)->tags.empty());
    EXPECT_THROW(set_tags(*repository, SnapshotId{1, 2}, {}, {}), NotFound);
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(Forgetting, what_is_held_is_not_forgotten_until_it_is_released) {
    write(source() / "a", "a");
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id, other = back_up(*repository).snapshot.id;
    EXPECT_EQ(set_hold(*repository, id, "case", {}).held, "case");
    set_hold(*repository, id, "another case", {});
    auto again = open();
    EXPECT_EQ(again->find(id)->held, "another case");
    EXPECT_EQ(again->find(other)->held, "");
    EXPECT_THROW(forget(*again, {other, id}, {}), Conflict);
    EXPECT_EQ(again->list().size(), 2U) << "all of them or none";
    const auto verdicts = apply({.last = 1}, again->list());
    EXPECT_TRUE(verdicts[1].kept);
    EXPECT_EQ(verdicts[1].reasons, std::vector<std::string>{"held: another case"});
    set_tags(*again, id, {{"k", "v"}}, {});
    EXPECT_EQ(again->find(id)->held, "another case") << "tags are another matter";
    EXPECT_EQ(set_hold(*again, id, "", {}).held, "");
    forget(*repository, {id}, {});
    EXPECT_THROW(set_hold(*again, id, "too late", {}), NotFound);
    EXPECT_EQ(all(check(*repository).problems), "");
}

}  // namespace
}  // namespace tenon::tests
