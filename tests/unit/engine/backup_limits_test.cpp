// Limits of backups' jobs, through the public face.
#include "engine_fixture.hpp"

#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <thread>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class BackupLimitsTest : public tests::EngineTest {
protected:
    /// It has begun, does not end by itself, and hears that it is to.
    static void expect_slow(Job job, const std::string& what) {
        for (auto state = job.state(); state == JobState::ready || state == JobState::scheduled; state = job.state())
            std::this_thread::sleep_for(1ms);
        EXPECT_FALSE(job.join_for(100ms)) << what;
        job.cancel();
        EXPECT_THROW(job.join(), Cancelled) << what;
    }
    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
    Asset asset = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
    const WorkLimits slow{.threads = 1, .memory = Bytes{64 << 20}, .download_per_second = Bytes{1}, .upload_per_second = Bytes{1}};  // for hours
    const WorkLimits fast{.threads = 3, .memory = Bytes{32 << 20}, .download_per_second = Bytes{1'000'000'000},
                          .upload_per_second = Bytes{1'000'000'000}};
};

TEST_F(BackupLimitsTest, hold_for_all_work_on_backups) {
    auto backups = mine.backups();
    expect_slow(backups.start({.name = "nightly", .limits = slow}), "backup");
    const auto id = backups.start({.name = "nightly", .limits = fast}).result().snapshot.id;
    const auto target = folder.path() / "back";
    expect_slow(backups.restore({.snapshot = id, .target = target, .limits = slow}), "restore");
    expect_slow(backups.check({.limits = slow}), "check");
    expect_slow(backups.repair({.limits = slow}), "repair");
    expect_slow(backups.drills().start({.limits = slow}), "drill");
    expect_slow(backups.prune({.unused_percent = 0, .limits = slow}), "prune");

    EXPECT_GT(backups.restore({.snapshot = id, .target = target, .limits = fast}).result().files, 0);
    EXPECT_TRUE(backups.check({.limits = fast}).result().problems.empty());
    EXPECT_TRUE(backups.repair({.limits = fast}).result().damaged.empty());
    EXPECT_TRUE(backups.drills().start({.limits = fast}).result().passed);
    EXPECT_NO_THROW(backups.prune({.unused_percent = 0, .limits = fast}).result());
    expect_slow(backups.keys().rotate_data_key({.limits = slow}), "rekey");
    EXPECT_TRUE(backups.keys().rotate_data_key({.resume = true, .limits = fast}).result().revoked);
    EXPECT_TRUE(backups.check().result().problems.empty());
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
}

TEST_F(BackupLimitsTest, that_cannot_be_are_refused_where_they_are_given) {
    auto backups = mine.backups();
    const auto id = backups.start({.name = "nightly"}).result().snapshot.id;
    const std::map<std::string, WorkLimits> wrong{{"threads", {.threads = 65}},
                                                  {"memory", {.memory = Bytes{(32 << 20) - 1}}},
                                                  {"download_per_second", {.download_per_second = Bytes{-1}}},
                                                  {"upload_per_second", {.upload_per_second = Bytes{-1}}}};
    for (const auto& each : wrong) {
        const auto& limits = each.second;
        const auto refused = [&](const char* what, auto work) {
            try {
                work();
                ADD_FAILURE() << what << " " << each.first;
            } catch (const InvalidArgument& error) {
                EXPECT_EQ(error.subject(), each.first) << what;
            }
        };
        refused("start", [&] { backups.start({.name = "x", .limits = limits}); });
        refused("restore", [&] { backups.restore({.snapshot = id, .limits = limits}); });
        refused("preview", [&] { (void)backups.preview({.snapshot = id, .limits = limits}); });
        refused("check", [&] { backups.check({.limits = limits}); });
        refused("repair", [&] { backups.repair({.limits = limits}); });
        refused("prune", [&] { backups.prune({.limits = limits}); });
        refused("rotate_data_key", [&] { backups.keys().rotate_data_key({.limits = limits}); });
        refused("drill", [&] { backups.drills().start({.limits = limits}); });
        refused("copies", [&] { backups.copies().start({.limits = limits}); });
        refused("policy", [&] { backups.copies().set_policy({.limits = limits}); });
        refused("schedule", [&] { backups.schedules().create({.name = "x", .cron = "@daily", .limits = limits}); });
        refused("its backups", [&] { backups.schedules().create({.name = "x", .cron = "@daily", .backup = {.limits = limits}}); });
    }
    EXPECT_EQ(backups.keys().list().front().generation, 1) << "nothing was rotated";
}

TEST_F(BackupLimitsTest, are_kept_with_schedules_and_hold_for_their_work) {
    auto schedules = mine.backups().schedules();
    auto kept = schedules.create({.name = "nightly", .cron = "0 3 1 1 *", .backup = {.limits = fast}, .check_cron = "0 4 1 1 *",
                                  .drill_cron = "0 5 1 1 *", .limits = slow});
    const auto same = [](const WorkLimits& a, const WorkLimits& b) {
        return a.threads == b.threads && a.memory == b.memory && a.download_per_second == b.download_per_second &&
               a.upload_per_second == b.upload_per_second;
    };
    kept = schedules.get("nightly");
    EXPECT_TRUE(same(kept.options.backup.limits, fast));
    EXPECT_TRUE(same(kept.options.limits, slow));
    schedules.run("nightly").join();
    expect_slow(schedules.run("nightly", ScheduledWork::check), "check");
    expect_slow(schedules.run("nightly", ScheduledWork::drill), "drill");
    kept.options.limits = {};
    kept = schedules.update(kept.options);
    EXPECT_TRUE(same(kept.options.limits, {}));
    EXPECT_NO_THROW(schedules.run("nightly", ScheduledWork::check).join());
}

TEST_F(BackupLimitsTest, of_copying_come_from_the_policy_or_the_job) {
    const auto disk = folder.path() / "north";
    std::filesystem::create_directories(disk);
    operators().backup_stores().add({.name = "north", .path = disk});
    auto copies = mine.backups().copies();
    EXPECT_EQ(copies.set_policy({.limits = slow}).limits.upload_per_second.count, 1);
    EXPECT_EQ(copies.policy().limits.memory.count, slow.memory.count);
    mine.backups().start({.name = "nightly"}).join();  // level local: it does not wait for copies
    // What the backup has asked for keeps to the policy.
    std::optional<JobId> by_itself;
    while (!by_itself)
        for (const auto& job : mine.jobs().list({.kind = "backup_copy"})) by_itself = job.id;
    auto following = mine.jobs().get(*by_itself);
    expect_slow(following, "copies by themselves");
    expect_slow(copies.start(), "copies by hand");
    const auto result = copies.start({.limits = fast}).result();
    ASSERT_EQ(result.stores.size(), 2u);
    EXPECT_TRUE(result.stores.back().is_whole);
    // A commit level waits for them, and is as slow.
    copies.set_policy({.level = CommitLevel::all, .limits = slow});
    std::ofstream(mine.workspace() / "projects" / "more.txt") << "more";
    expect_slow(mine.backups().start({.name = "nightly"}), "backup to all stores");
    copies.set_policy({.level = CommitLevel::all});
    EXPECT_TRUE(copies.start({.verify = true}).result().stores.back().is_whole);
}

}  // namespace
