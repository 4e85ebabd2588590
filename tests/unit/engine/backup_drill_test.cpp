// Restores for practice: what they prove, what they measure, what they hold and leave.
#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include <child_process.hpp>
#include <core.hpp>
#include <set_clock.hpp>
#include <tenon/backup_drill.hpp>
#include <tenon/backup_schedule.hpp>

#include "engine_fixture.hpp"

namespace tenon {
namespace {

using namespace std::chrono_literals;
using tests::ChildProcess;

class BackupDrillTest : public tests::EngineTest {
protected:
    BackupDrillTest() {
        for (int i = 0; i < 60; ++i)
            write(i, std::string(1000 + static_cast<std::size_t>(i) * 997, static_cast<char>('a' + i % 26)) + std::to_string(i));
        mine.backups().start({.name = "b"}).join();
    }
    std::filesystem::path documents() const { return folder.path() / "home" / "workspaces" / acme.id.text() / "projects" / "documents"; }
    std::filesystem::path temp() const { return folder.path() / "home" / "workspaces" / acme.id.text() / "temp"; }
    void write(int number, const std::string& text) const {
        std::filesystem::create_directories(documents());
        std::ofstream(documents() / ("file" + std::to_string(number)), std::ios::binary) << text;
    }
    void expect_nothing_left() {
        EXPECT_TRUE(!std::filesystem::exists(temp()) || std::filesystem::is_empty(temp()));
        EXPECT_EQ(reserved(mine, Resource::storage), 0);
    }

    Session mine = session(acme);
};

TEST_F(BackupDrillTest, all_of_it_comes_back_and_the_report_says_how_fast_and_how_old) {
    const auto before = used(mine, Resource::storage);
    const auto report = mine.backups().drills().start({.files = 0, .rto_goal = 1h, .rpo_goal = 1h}).result();
    EXPECT_TRUE(report.passed);
    EXPECT_TRUE(report.complete);
    EXPECT_EQ(report.files, 60);
    EXPECT_EQ(report.compared, 60) << "with the workspace's own, of the same size and time";
    EXPECT_EQ(report.snapshot.id, mine.backups().list().at(0).id);
    EXPECT_EQ(report.size, report.snapshot.size);
    EXPECT_GT(report.restore_time, Duration::zero());
    EXPECT_EQ(report.rto, report.restore_time) << "measured";
    EXPECT_GT(report.rpo, Duration::zero());
    EXPECT_LT(report.rpo, 1h);
    EXPECT_TRUE(report.problems.empty());
    EXPECT_EQ(used(mine, Resource::storage), before);
    expect_nothing_left();
    EXPECT_EQ(mine.backups().drills().list().at(0).files, 60);
    EXPECT_TRUE(session(other).backups().drills().list().empty());
}

TEST_F(BackupDrillTest, a_sample_is_drawn_anew_each_time_and_the_whole_is_estimated_from_it) {
    std::set<std::int64_t> sizes;
    for (int i = 0; i < 5; ++i) {
        const auto report = mine.backups().drills().start({.files = 7}).result();
        EXPECT_TRUE(report.passed);
        EXPECT_FALSE(report.complete);
        EXPECT_EQ(report.files, 7);
        EXPECT_GE(report.rto, report.restore_time * 60 / 7);
        sizes.insert(report.size.count);
    }
    EXPECT_GT(sizes.size(), 1u);
    const auto list = mine.backups().drills().list();
    ASSERT_EQ(list.size(), 5u);
    EXPECT_EQ(mine.backups().drills().list({.after = list[3].job}).size(), 1u);
    EXPECT_EQ(mine.backups().drills().list({.limit = 2}).size(), 2u);
    EXPECT_TRUE(mine.backups().drills().start({.files = 1000}).result().complete) << "more than there are";
}

// Estimated from a few small files alone the whole would take hours.
TEST_F(BackupDrillTest, where_most_bytes_are_in_large_files_one_of_them_is_timed) {
    write(1000, std::string(20'000'000, 'x') + "the largest");
    write(1001, std::string(15'000'000, 'y'));
    mine.backups().start({.name = "b"}).join();
    const auto report = mine.backups().drills().start({.files = 1}).result();
    EXPECT_TRUE(report.passed);
    EXPECT_FALSE(report.complete);
    EXPECT_GE(report.size.count, 15'000'000) << "by itself, or beside the one that was drawn";
    EXPECT_LE(report.files, 2);
    EXPECT_LE(report.rto, report.restore_time * 62) << "by files: as if each took as long as the largest";
}

TEST_F(BackupDrillTest, damage_and_missed_goals_fail_it) {
    EXPECT_FALSE(mine.backups().drills().start({.rto_goal = 1us}).result().passed);
    EXPECT_FALSE(mine.backups().drills().start({.rpo_goal = 1us}).result().passed);
    // The workspace's own file became another, with the same size and time: the backup is what it was, one of the two is wrong.
    const auto file = documents() / "file7";
    const auto time = std::filesystem::last_write_time(file);
    std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).put('!');
    std::filesystem::last_write_time(file, time);
    const auto twisted = mine.backups().drills().start({.files = 0}).result();
    EXPECT_FALSE(twisted.passed);
    ASSERT_EQ(twisted.problems.size(), 1u);
    EXPECT_NE(twisted.problems.front().find("file7"), std::string::npos);
    EXPECT_EQ(twisted.compared, 59);
    std::filesystem::remove_all(folder.path() / "home" / "backups" / acme.id.text() / "par");  // or it would be mended
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() / "home" / "backups" / acme.id.text() / "packs")) {
        if (!entry.is_regular_file()) continue;
        std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
        std::fstream pack(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        pack.seekp(150);
        pack.put('\x5a').put('\x5b');
    }
    const auto damaged = mine.backups().drills().start({.files = 0}).result();
    EXPECT_FALSE(damaged.passed);
    EXPECT_FALSE(damaged.problems.empty());
    expect_nothing_left();
    EXPECT_EQ(mine.backups().drills().list().size(), 4u) << "what failed is kept, too";
}

TEST_F(BackupDrillTest, without_room_or_a_snapshot_nothing_is_written) {
    const auto quota = mine.quotas().get(Resource::storage);
    auto hold = mine.quotas().reserve({.asks = {{Resource::storage, *quota.limit - quota.used - quota.reserved - 10'000}}});
    EXPECT_THROW(mine.backups().drills().start({.files = 0}).result(), QuotaExceeded);
    hold.release();
    expect_nothing_left();
    EXPECT_THROW(mine.backups().drills().start({.name = "other"}).result(), NotFound);
    EXPECT_THROW(session(other).backups().drills().start().result(), NotFound);
    EXPECT_THROW(mine.backups().drills().start({.files = -1}), InvalidArgument);
    EXPECT_THROW(mine.backups().drills().start({.rto_goal = -1s}), InvalidArgument);
    EXPECT_THROW(mine.backups().drills().list({.limit = 0}), InvalidArgument);
    EXPECT_THROW(session(acme, Role::auditor).backups().drills().start(), PermissionDenied);
    EXPECT_TRUE(session(acme, Role::auditor).backups().drills().list().empty());
    expect_nothing_left();
}

TEST_F(BackupDrillTest, of_a_schedule_it_is_measured_by_the_schedules_times) {
    auto schedules = mine.backups().schedules();
    schedules.create({.name = "s", .cron = "@hourly", .backup = {.name = "b"}, .drill_cron = "@weekly", .drill_files = 5, .rto_goal = 1h});
    auto job = schedules.run("s", ScheduledWork::drill);
    job.join();
    const auto report = mine.backups().drills().list({.schedule = "s"}).at(0);
    EXPECT_TRUE(report.passed);
    EXPECT_EQ(report.files, 5);
    EXPECT_EQ(report.rto_goal, 1h);
    EXPECT_GT(report.rpo_goal, 1h);
    EXPECT_LE(report.rpo_goal, 2h) << "until the second time from the snapshot on";
    const auto standing = schedules.get("s").standings.at(1);
    EXPECT_EQ(standing.work, ScheduledWork::drill);
    EXPECT_EQ(standing.last_state, JobState::succeeded);
    auto options = schedules.get("s").options;
    options.rto_goal = 1us;
    schedules.update(options);
    auto slow = schedules.run("s", ScheduledWork::drill);
    slow.join();
    EXPECT_EQ(schedules.get("s").standings.at(1).failures, 1) << "a goal that is missed is a failure";
    EXPECT_EQ(schedules.get("s").standings.at(1).last_error, Errc::unavailable);
    EXPECT_THROW(session(acme, Role::auditor).backups().schedules().run("s", ScheduledWork::drill), PermissionDenied);
}

// ---- kill -9 ----

TEST(DrillVictim, DISABLED_drill) {
    Engine engine(tests::placed({.home = ChildProcess::setting("DRILL_HOME")}));
    auto mine = engine.open_session({.tenant = TenantId::parse(ChildProcess::setting("DRILL_TENANT")), .actor = "victim", .role = Role::owner});
    auto job = mine.backups().drills().start({.files = 0});
    ChildProcess::report("s", 1);
    job.join();
    for (;;) ::pause();
}

TEST_F(BackupDrillTest, killed_at_any_moment_it_ends_with_one_report_and_leaves_nothing) {
    for (std::size_t round = 1; round <= 6; ++round) {
        engine.reset();
        {
            ChildProcess child("DrillVictim.DISABLED_drill", {{"DRILL_HOME", (folder.path() / "home").string()}, {"DRILL_TENANT", acme.id.text()}});
            ASSERT_EQ(child.read(1), "s");
            std::this_thread::sleep_for(std::chrono::milliseconds(12 * (round - 1)));  // the moment is what the test is about
            child.kill();
        }
        open();
        mine = session(acme);
        const auto jobs = mine.jobs().list({.kind = "drill"});
        ASSERT_EQ(jobs.size(), round);
        EXPECT_TRUE(mine.backups().drills().find(jobs.front().id).value().result().passed);
        EXPECT_EQ(mine.backups().drills().list().size(), round);
        expect_nothing_left();
    }
}

TEST_F(BackupDrillTest, cancelled_at_any_moment_it_says_so_and_leaves_nothing) {
    for (int i = 0; i < 8; ++i) write(100 + i, std::string(2'000'000, static_cast<char>('A' + i)) + std::to_string(i));
    mine.backups().start({.name = "b"}).join();
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_TRUE(mine.backups().drills().start({.files = 0}).result().passed);
    const auto whole = std::chrono::steady_clock::now() - begun;
    int cancelled = 0;
    for (int round = 0; round < 12; ++round) {
        auto job = mine.backups().drills().start({.files = 0});
        std::this_thread::sleep_for(whole * round / 12);  // the moment is what the test is about
        job.cancel();
        ASSERT_TRUE(job.join_for(60s));
        if (job.state() == JobState::cancelled) {
            ++cancelled;
            EXPECT_THROW(job.result(), Cancelled);
        } else {
            EXPECT_TRUE(job.result().passed) << "it had ended before";
        }
        expect_nothing_left();
    }
    EXPECT_GT(cancelled, 0);
    EXPECT_TRUE(mine.backups().drills().start({.files = 0}).result().passed) << "none is in the next one's way";
    expect_nothing_left();
}

}  // namespace
}  // namespace tenon
