// Schedules of backups as a host meets them: time set by hand, processes that were away or killed, tenants that may not.
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include <base/json.hpp>
#include <child_process.hpp>
#include <core.hpp>
#include <jobs/recurrence.hpp>
#include <set_clock.hpp>
#include <tenon/backup_schedule.hpp>

#include "engine_fixture.hpp"

namespace tenon {
namespace {

using namespace std::chrono_literals;
using tests::ChildProcess;
using tests::SetClock;

/// A day that comes once in four years: never while a test runs.
constexpr const char* never = "0 0 29 2 *";

Time utc(int y, unsigned m, unsigned d, int h, int min) {
    using namespace std::chrono;
    return Time(sys_days(year(y) / month(m) / day(d)) + hours(h) + minutes(min));
}

class BackupScheduleTest : public ::testing::Test {
protected:
    BackupScheduleTest() {
        impl = open();
        auto operators = std::make_shared<OperatorImpl>();
        operators->engine = impl;
        operators->actor = {.kind = tenant::ActorKind::operator_session, .id = "operator", .reason = "test"};
        auto tenants = Internal::make<OperatorSession>(operators).tenants();
        acme = tenants.create({.name = "Acme", .slug = "acme", .plan = "studio/professional"}).id;
        other = tenants.create({.name = "Other", .slug = "other", .plan = "studio/professional"}).id;
        for (const auto& id : {acme, other}) tenants.activate(id, "a trial would end while the clock is moved");
    }
    ~BackupScheduleTest() override {
        if (impl) impl->close();
    }
    std::shared_ptr<EngineImpl> open() {
        auto engine = std::make_shared<EngineImpl>(tests::placed(EngineOptions{.home = folder / "home"}), clock);
        engine->start();
        return engine;
    }
    void close() {
        impl->close();
        impl.reset();
    }
    Session session(const TenantId& tenant, Role role = Role::owner) {
        return Internal::make<Session>(std::make_shared<SessionImpl>(impl, impl->scope_of(tenant), tenant::Actor{.id = "tester"}, role));
    }
    Session mine() { return session(acme); }
    BackupSchedules schedules() { return mine().backups().schedules(); }
    /// The wall clock shows this moment from now on.
    void set_to(Time time) { clock->set(time - clock->now()); }
    ScheduleStanding standing(const std::string& name, ScheduledWork work = ScheduledWork::backup) {
        for (const auto& one : schedules().get(name).standings)
            if (one.work == work) return one;
        ADD_FAILURE() << name << " does no such work";
        return {};
    }
    ScheduleStanding await(const std::string& name, ScheduledWork work, const std::function<bool(const ScheduleStanding&)>& ready) {
        auto found = standing(name, work);
        for (int i = 0; i < 6000 && !ready(found); ++i) {
            std::this_thread::sleep_for(10ms);
            found = standing(name, work);
        }
        EXPECT_TRUE(ready(found)) << name << ": " << found.last_message << ", " << found.runs << " runs";
        return found;
    }
    /// Runs of the work, ended.
    ScheduleStanding await_runs(const std::string& name, std::int64_t runs, ScheduledWork work = ScheduledWork::backup) {
        using enum JobState;
        return await(name, work, [&](const ScheduleStanding& s) {
            const auto state = s.last_state.value_or(ready);
            return s.runs == runs && (state == succeeded || state == failed || state == dead || state == cancelled);
        });
    }
    ScheduleStanding await_failures(const std::string& name, std::int32_t failures, ScheduledWork work) {
        return await(name, work, [&](const ScheduleStanding& s) { return s.failures == failures; });
    }
    /// What was told of schedules, "succeeded nightly", and how often.
    std::map<std::string, int> told(const TenantId& tenant) {
        std::map<std::string, int> all;
        auto stream = session(tenant).subscribe({.kinds = {"backup_schedule."}, .after = 0});
        while (const auto event = stream.next(50ms)) ++all[event->kind.substr(16) + " " + event->subject];
        return all;
    }
    std::vector<base::Json> details(const std::string& kind) {
        std::vector<base::Json> all;
        auto stream = mine().subscribe({.kinds = {"backup_schedule." + kind}, .after = 0});
        while (const auto event = stream.next(50ms)) all.push_back(base::parse_json(event->data));
        return all;
    }

    tests::TempFolder folder;
    const std::shared_ptr<SetClock> clock = std::make_shared<SetClock>();
    std::shared_ptr<EngineImpl> impl;
    TenantId acme, other;
};

TEST_F(BackupScheduleTest, backups_are_taken_at_their_times_and_the_rules_drop_old_ones) {
    auto made = schedules().create({.name = "nightly", .cron = "30 2 * * *", .zone = "Europe/Berlin", .keep = KeepRules{.last = 2}});
    EXPECT_EQ(made.options.backup.name, "nightly");
    EXPECT_EQ(made.standings.size(), 1u);
    auto when = made.standings.at(0).next_at.value();
    for (int night = 1; night <= 4; ++night) {
        set_to(when + 1s);
        const auto ran = await_runs("nightly", night);
        EXPECT_EQ(ran.last_at, when);
        EXPECT_EQ(ran.last_state, JobState::succeeded);
        EXPECT_EQ(ran.snapshot, mine().backups().list().at(0).id);
        EXPECT_EQ(mine().backups().list().size(), static_cast<std::size_t>(std::min(night, 2)));
        when = ran.next_at.value();
    }
    const auto told_of = told(acme);
    EXPECT_EQ(told_of, (std::map<std::string, int>{{"started nightly", 4}, {"succeeded nightly", 4}}));
    EXPECT_EQ(details("succeeded").at(3).get_int("forgotten"), 1);
    int forgotten = 0;
    for (const auto& record : mine().audit().list({.action = "backup.forget"})) forgotten += record.actor.find("keep rules") != std::string::npos;
    EXPECT_EQ(forgotten, 2) << "what rules forget is in the trail";
    mine().audit().verify();
    EXPECT_TRUE(mine().recurrences().list().empty()) << "its clocks are nobody's recurrences";
    EXPECT_TRUE(told(other).empty());
}

TEST_F(BackupScheduleTest, a_time_in_the_gap_runs_once_behind_it_and_one_shown_twice_runs_once) {
    set_to(utc(2027, 3, 27, 23, 0));
    schedules().create({.name = "nightly", .cron = "30 2 * * *", .zone = "Europe/Berlin"});
    set_to(utc(2027, 3, 28, 0, 59));
    std::this_thread::sleep_for(1500ms);  // the clocks' thread has looked
    EXPECT_EQ(standing("nightly").runs, 0);
    set_to(utc(2027, 3, 28, 1, 0) + 1s);  // from 02:00 to 03:00 at once: there is no 02:30
    const auto gap = await_runs("nightly", 1);
    EXPECT_EQ(gap.last_at, utc(2027, 3, 28, 1, 0));
    EXPECT_EQ(gap.next_at, utc(2027, 3, 29, 0, 30));
    schedules().pause("nightly");
    set_to(utc(2027, 10, 30, 12, 0));
    schedules().resume("nightly");
    set_to(utc(2027, 10, 31, 0, 30) + 1s);  // the first 02:30
    const auto fold = await_runs("nightly", 2);
    EXPECT_EQ(fold.last_at, utc(2027, 10, 31, 0, 30));
    EXPECT_EQ(fold.next_at, utc(2027, 11, 1, 1, 30)) << "not at the second one an hour later";
    EXPECT_EQ(told(acme).count("missed nightly"), 0u);
}

TEST_F(BackupScheduleTest, prune_and_check_have_times_of_their_own) {
    set_to(utc(2027, 1, 4, 0, 0));
    schedules().create({.name = "all", .cron = "0 1 * * *", .zone = "UTC", .keep = KeepRules{.last = 1}, .prune_cron = "0 2 * * *",
                        .check_cron = "0 3 * * *", .check_level = CheckLevel::objects});
    const auto upcoming = schedules().upcoming("all", 4);
    ASSERT_EQ(upcoming.size(), 4u);
    EXPECT_EQ(upcoming[1].work, ScheduledWork::prune);
    EXPECT_EQ(upcoming[2].at, utc(2027, 1, 4, 3, 0));
    EXPECT_EQ(upcoming[3].at, utc(2027, 1, 5, 1, 0));
    for (const auto work : {ScheduledWork::backup, ScheduledWork::prune, ScheduledWork::check}) {
        set_to(utc(2027, 1, 4, static_cast<int>(work), 0) + 1s);
        const auto ran = await_runs("all", 1, work);
        EXPECT_EQ(ran.last_state, JobState::succeeded) << to_string(work);
        EXPECT_TRUE(ran.succeeded_at);
        EXPECT_EQ(ran.snapshot.has_value(), work == ScheduledWork::backup);
    }
    EXPECT_EQ(mine().jobs().get(standing("all", ScheduledWork::check).last_job.value()).info().kind, "check");
    // Later without the two.
    auto options = schedules().get("all").options;
    options.prune_cron.clear();
    options.check_cron = "@weekly";
    EXPECT_EQ(schedules().update(options).standings.size(), 2u);
    EXPECT_EQ(standing("all", ScheduledWork::check).runs, 1) << "what it did before stays told";
}

TEST_F(BackupScheduleTest, times_that_nobody_saw_are_made_up_for_once_or_skipped_and_told_of) {
    set_to(utc(2027, 1, 4, 0, 10));
    schedules().create({.name = "once", .cron = "@hourly", .zone = "UTC"});
    schedules().create({.name = "skip", .cron = "@hourly", .zone = "UTC", .misfire = Misfire::skip});
    close();
    set_to(utc(2027, 1, 4, 6, 30));
    impl = open();
    const auto once = await_runs("once", 1);
    EXPECT_EQ(once.last_state, JobState::succeeded);
    const auto skip = await("skip", ScheduledWork::backup, [](const auto& s) { return s.next_at == utc(2027, 1, 4, 7, 0); });
    EXPECT_EQ(skip.runs, 0);
    EXPECT_EQ(skip.last_message, "6 times were missed: no process had the home open");
    const auto missed = details("missed");
    ASSERT_EQ(missed.size(), 2u);
    std::set<std::pair<std::int64_t, bool>> said;
    for (const auto& data : missed) said.emplace(data.get_int("times"), data.get_bool("made_up"));
    EXPECT_EQ(said, (std::set<std::pair<std::int64_t, bool>>{{5, true}, {6, false}}));
}

TEST_F(BackupScheduleTest, a_time_that_comes_while_the_job_before_runs_goes_by_the_rule) {
    set_to(utc(2027, 1, 4, 0, 10));
    mine().jobs().pause("check");  // jobs that do not end
    for (const auto rule : {Overlap::skip, Overlap::queue, Overlap::cancel})
        schedules().create({.name = to_string(rule), .cron = never, .zone = "UTC", .overlap = rule, .retries = 0, .check_cron = "@hourly"});
    const auto work = ScheduledWork::check;
    set_to(utc(2027, 1, 4, 1, 0) + 1s);
    std::map<std::string, JobId> first;
    for (const char* name : {"skip", "queue", "cancel"})
        first[name] = await(name, work, [](const auto& s) { return s.runs == 1; }).last_job.value();
    set_to(utc(2027, 1, 4, 2, 0) + 1s);
    const auto skipped = await("skip", work, [](const auto& s) { return s.next_at == utc(2027, 1, 4, 3, 0); });
    EXPECT_EQ(skipped.last_job, first["skip"]);
    EXPECT_EQ(skipped.last_message, "one time was missed: the job before had not ended");
    const auto second = await("cancel", work, [](const auto& s) { return s.runs == 2; });
    EXPECT_EQ(mine().jobs().get(first["cancel"]).state(), JobState::cancelled);
    EXPECT_EQ(second.last_at, utc(2027, 1, 4, 2, 0));
    EXPECT_EQ(standing("queue", work).runs, 1);
    // What waits survives its process, however long that is away.
    close();
    set_to(utc(2027, 1, 4, 2, 45));
    impl = open();
    mine().jobs().get(first["queue"]).cancel();
    const auto queued = await("queue", work, [](const auto& s) { return s.runs == 2; });
    EXPECT_EQ(queued.last_at, utc(2027, 1, 4, 2, 0));
    EXPECT_EQ(queued.next_at, utc(2027, 1, 4, 3, 0));
    EXPECT_EQ(told(acme).at("missed skip"), 1);
    EXPECT_EQ(told(acme).count("missed queue"), 0u);
}

TEST_F(BackupScheduleTest, a_backup_waits_for_one_that_somebody_else_has_started) {
    set_to(utc(2027, 1, 4, 0, 10));
    mine().jobs().pause("backup");
    auto by_hand = mine().backups().start({.name = "by hand"});
    schedules().create({.name = "hourly", .cron = "@hourly", .zone = "UTC"});
    EXPECT_THROW(schedules().run("hourly"), Conflict);
    set_to(utc(2027, 1, 4, 1, 0) + 1s);
    await("hourly", ScheduledWork::backup, [](const auto& s) { return s.last_message == "waits for work that has not ended"; });
    mine().jobs().resume("backup");
    by_hand.join();
    const auto ran = await_runs("hourly", 1);
    EXPECT_EQ(ran.last_at, utc(2027, 1, 4, 1, 0));
    EXPECT_EQ(ran.last_state, JobState::succeeded);
    EXPECT_EQ(mine().backups().list().size(), 2u);
}

TEST_F(BackupScheduleTest, what_failed_is_tried_again_after_growing_pauses_until_its_next_time) {
    set_to(utc(2027, 1, 4, 0, 10));
    const auto work = ScheduledWork::check;  // there is nothing to check yet
    schedules().create({.name = "daily", .cron = never, .zone = "UTC", .retries = 2, .retry_pause = 10min, .check_cron = "@daily"});
    set_to(utc(2027, 1, 5, 0, 0) + 1s);
    auto failed = await_failures("daily", 1, work);
    EXPECT_EQ(failed.last_error, Errc::not_found);
    ASSERT_TRUE(failed.next_at);
    EXPECT_NEAR(static_cast<double>((*failed.next_at - utc(2027, 1, 5, 0, 10)).count()), 0, 60e6) << "ten minutes later";
    set_to(*failed.next_at + 1s);
    failed = await_failures("daily", 2, work);
    EXPECT_NEAR(static_cast<double>((*failed.next_at - utc(2027, 1, 5, 0, 30)).count()), 0, 60e6) << "and twenty";
    set_to(*failed.next_at + 1s);
    failed = await_failures("daily", 3, work);
    EXPECT_EQ(failed.next_at, utc(2027, 1, 6, 0, 0)) << "no third time";
    EXPECT_EQ(failed.runs, 3);
    EXPECT_EQ(told(acme).count("missed daily"), 0u);
    // The next time begins from the front, and a success ends all of it.
    set_to(utc(2027, 1, 6, 0, 0) + 1s);
    failed = await_failures("daily", 4, work);
    EXPECT_LT(*failed.next_at, utc(2027, 1, 6, 1, 0));
    mine().backups().start({.name = "b"}).join();
    auto job = schedules().run("daily", work);
    job.join();
    const auto well = standing("daily", work);
    EXPECT_EQ(well.failures, 0);
    EXPECT_EQ(well.next_at, utc(2027, 1, 7, 0, 0)) << "the retry is not needed any more";
    EXPECT_FALSE(well.last_error);
}

TEST_F(BackupScheduleTest, damage_that_a_check_finds_is_a_failure_and_not_tried_again) {
    set_to(utc(2027, 1, 4, 0, 10));
    schedules().create({.name = "s", .cron = never, .zone = "UTC", .check_cron = "@daily", .check_level = CheckLevel::objects});
    mine().backups().start({.name = "b"}).join();
    std::filesystem::remove_all(folder / "home" / "backups" / acme.text() / "par");
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "home" / "backups" / acme.text() / "packs")) {
        if (!entry.is_regular_file()) continue;
        std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
        std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(100);
        file.put('\x5a').put('\x5b');
    }
    auto job = schedules().run("s", ScheduledWork::check);
    job.join();
    const auto found = await_failures("s", 1, ScheduledWork::check);
    EXPECT_EQ(found.last_error, Errc::corrupt);
    EXPECT_FALSE(found.last_message.empty());
    EXPECT_EQ(found.next_at, utc(2027, 1, 5, 0, 0));
    EXPECT_EQ(told(acme).at("failed s"), 1);
}

TEST_F(BackupScheduleTest, a_check_that_finds_damage_is_followed_by_a_repair_unless_that_is_not_wanted) {
    set_to(utc(2027, 1, 4, 0, 10));
    mine().backups().start({.name = "b"}).join();
    const auto spoil = [&] {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "home" / "backups" / acme.text() / "packs")) {
            if (!entry.is_regular_file()) continue;
            std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
            std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(100);
            file.put('\x5a').put('\x5b');
        }
    };
    const auto repairs = [&] {
        const auto all = mine().jobs().list();
        return std::count_if(all.begin(), all.end(), [](const auto& job) { return job.kind == "repair"; });
    };
    schedules().create({.name = "reports", .cron = never, .zone = "UTC", .check_cron = "@daily", .check_repairs = false});
    schedules().create({.name = "mends", .cron = never, .zone = "UTC", .check_cron = "@daily"});
    schedules().run("mends", ScheduledWork::check).join();
    EXPECT_EQ(repairs(), 0) << "nothing was damaged";
    spoil();
    schedules().run("reports", ScheduledWork::check).join();
    await_failures("reports", 1, ScheduledWork::check);
    EXPECT_EQ(repairs(), 0);
    schedules().run("mends", ScheduledWork::check).join();
    await_failures("mends", 1, ScheduledWork::check);
    ASSERT_EQ(repairs(), 1);
    for (const auto& job : mine().jobs().list())
        if (job.kind == "repair") {
            EXPECT_GT(mine().backups().find_repair(job.id)->result().repaired, 0);
        }
    schedules().run("reports", ScheduledWork::check).join();
    EXPECT_EQ(standing("reports", ScheduledWork::check).failures, 0);
}

TEST_F(BackupScheduleTest, work_beyond_its_time_limit_is_cancelled_and_has_failed) {
    set_to(utc(2027, 1, 4, 0, 10));
    mine().jobs().pause("check");
    schedules().create({.name = "s", .cron = never, .zone = "UTC", .time_limit = 30min, .check_cron = "@daily"});
    auto job = schedules().run("s", ScheduledWork::check);
    set_to(utc(2027, 1, 4, 0, 35));
    std::this_thread::sleep_for(1500ms);
    EXPECT_EQ(job.state(), JobState::paused);
    set_to(utc(2027, 1, 4, 0, 41));
    const auto late = await_failures("s", 1, ScheduledWork::check);
    EXPECT_EQ(job.state(), JobState::cancelled);
    EXPECT_EQ(late.last_error, Errc::unavailable);
    EXPECT_LT(*late.next_at, utc(2027, 1, 4, 1, 0)) << "it is tried again";
}

TEST_F(BackupScheduleTest, a_schedule_without_success_for_too_long_says_so_once) {
    set_to(utc(2027, 1, 4, 0, 10));
    mine().jobs().pause("backup");
    auto made = schedules().create({.name = "hourly", .cron = "@hourly", .zone = "UTC", .overdue_after = 2});
    EXPECT_EQ(made.overdue_at, utc(2027, 1, 4, 3, 0));
    set_to(utc(2027, 1, 4, 2, 59));
    std::this_thread::sleep_for(1500ms);
    EXPECT_EQ(told(acme).count("overdue hourly"), 0u);
    set_to(utc(2027, 1, 4, 3, 0) + 1s);
    for (int i = 0; i < 6000 && !told(acme).contains("overdue hourly"); ++i) std::this_thread::sleep_for(10ms);
    close();
    impl = open();
    set_to(utc(2027, 1, 4, 5, 0) + 1s);
    std::this_thread::sleep_for(1500ms);
    EXPECT_EQ(told(acme).at("overdue hourly"), 1) << "nobody says it again, in no process";
    EXPECT_LT(schedules().get("hourly").overdue_at.value(), impl->now());
    mine().jobs().resume("backup");
    await_runs("hourly", 1);
    EXPECT_EQ(schedules().get("hourly").overdue_at, utc(2027, 1, 4, 8, 0));
    schedules().pause("hourly");
    EXPECT_FALSE(schedules().get("hourly").overdue_at) << "what is paused is never overdue";
}

TEST_F(BackupScheduleTest, of_two_processes_one_starts_each_job_and_one_tells) {
    set_to(utc(2027, 1, 4, 0, 10));
    schedules().create({.name = "hourly", .cron = "@hourly", .zone = "UTC"});
    const auto second = open();
    for (int hour = 1; hour <= 3; ++hour) {
        set_to(utc(2027, 1, 4, hour, 0) + 1s);
        await_runs("hourly", hour);
        std::this_thread::sleep_for(1200ms);  // the other one has looked, too
    }
    second->close();
    EXPECT_EQ(mine().jobs().list({.kind = "backup"}).size(), 3u);
    EXPECT_EQ(told(acme), (std::map<std::string, int>{{"started hourly", 3}, {"succeeded hourly", 3}}));
}

TEST_F(BackupScheduleTest, changes_hold_from_then_on_and_what_is_removed_is_gone) {
    set_to(utc(2027, 1, 4, 0, 10));
    schedules().create({.name = "s", .cron = "@hourly", .zone = "UTC", .backup = {.name = "b", .tags = {{"by", "clock"}}}});
    EXPECT_THROW(schedules().create({.name = "s", .cron = "@daily"}), Conflict);
    auto options = schedules().get("s").options;
    options.cron = "15 * * * *";
    options.zone = "Asia/Tokyo";
    options.keep = KeepRules{.daily = 7, .tags = {{"keep", ""}}};
    const auto changed = schedules().update(options);
    EXPECT_EQ(changed.standings.at(0).next_at, utc(2027, 1, 4, 0, 15));
    EXPECT_EQ(changed.options.keep->tags.at(0).key, "keep");
    close();
    impl = open();
    EXPECT_EQ(schedules().get("s").options.backup.tags.at(0).value, "clock") << "all of it survives the process";
    schedules().pause("s");
    set_to(utc(2027, 1, 4, 3, 0));
    auto job = schedules().run("s");  // by hand also while it is paused
    job.join();
    EXPECT_EQ(standing("s").runs, 1);
    EXPECT_FALSE(standing("s").next_at);
    EXPECT_EQ(mine().backups().list().at(0).tags.at(0).value, "clock");
    schedules().resume("s");
    schedules().remove("s");
    EXPECT_THROW(schedules().get("s"), NotFound);
    EXPECT_FALSE(schedules().find("s"));
    EXPECT_TRUE(schedules().list().empty());
    set_to(utc(2027, 1, 4, 5, 0));
    std::this_thread::sleep_for(1500ms);
    EXPECT_EQ(mine().jobs().list({.kind = "backup"}).size(), 1u);
    EXPECT_EQ(mine().audit().list({.action = "backup_schedule.remove"}).size(), 1u);
}

TEST_F(BackupScheduleTest, one_tenants_schedules_are_nothing_to_another_and_rights_are_those_of_the_work) {
    schedules().create({.name = "mine", .cron = "@daily"});
    auto theirs = session(other).backups().schedules();
    theirs.create({.name = "theirs", .cron = "@daily"});
    EXPECT_EQ(theirs.list().size(), 1u);
    EXPECT_THROW(theirs.get("mine"), NotFound);
    EXPECT_THROW(theirs.run("mine"), NotFound);
    EXPECT_THROW(theirs.pause("mine"), NotFound);
    EXPECT_THROW(theirs.remove("mine"), NotFound);
    EXPECT_THROW(theirs.upcoming("mine", 1), NotFound);
    EXPECT_THROW(theirs.update({.name = "mine", .cron = "@daily"}), NotFound);
    auto auditor = session(acme, Role::auditor).backups().schedules();
    EXPECT_EQ(auditor.list().size(), 1u);
    EXPECT_THROW(auditor.pause("mine"), PermissionDenied);
    EXPECT_THROW(auditor.create({.name = "x", .cron = "@daily"}), PermissionDenied);
    EXPECT_THROW(session(acme, Role::viewer).backups().schedules().list(), PermissionDenied);
    EXPECT_EQ(schedules().list().size(), 1u);
    EXPECT_TRUE(schedules().get("mine").standings.at(0).next_at);
}

TEST_F(BackupScheduleTest, what_is_wrong_is_refused_by_its_name_before_anything_is_kept) {
    const auto refused = [&](const BackupScheduleOptions& options) -> std::string {
        try {
            schedules().create(options);
        } catch (const InvalidArgument& error) {
            return error.subject();
        }
        return "taken";
    };
    const BackupScheduleOptions good{.name = "x", .cron = "@daily"};
    const auto with = [&](auto&& change) {
        auto options = good;
        change(options);
        return refused(options);
    };
    EXPECT_EQ(with([](auto& o) { o.name = ""; }), "name");
    EXPECT_EQ(with([](auto& o) { o.cron = "@never"; }), "cron");
    EXPECT_EQ(with([](auto& o) { o.prune_cron = "61 * * * *"; }), "prune_cron");
    EXPECT_EQ(with([](auto& o) { o.check_cron = "x"; }), "check_cron");
    EXPECT_EQ(with([](auto& o) { o.zone = "Mars/Olympus"; }), "zone");
    EXPECT_EQ(with([](auto& o) { o.keep = KeepRules{}; }), "keep");
    EXPECT_EQ(with([](auto& o) { o.keep = KeepRules{.daily = -2}; }), "daily");
    EXPECT_EQ(with([](auto& o) { o.keep = KeepRules{.daily = 1, .zone = "Mars/Olympus"}; }), "zone");
    EXPECT_EQ(with([](auto& o) { o.keep = KeepRules{.daily = 1, .utc_offset = 1h, .zone = "UTC"}; }), "utc_offset");
    EXPECT_EQ(with([](auto& o) { o.retries = 101; }), "retries");
    EXPECT_EQ(with([](auto& o) { o.retry_pause = -1s; }), "retry_pause");
    EXPECT_EQ(with([](auto& o) { o.time_limit = -1s; }), "time_limit");
    EXPECT_EQ(with([](auto& o) { o.unused_percent = 101; }), "unused_percent");
    EXPECT_EQ(with([](auto& o) { o.overdue_after = -1; }), "overdue_after");
    EXPECT_EQ(with([&](auto& o) { o.backup.schedule.start = impl->now(); }), "backup.schedule.start");
    EXPECT_EQ(with([](auto& o) { o.backup.exclude = {""}; }), "exclude");
    EXPECT_EQ(with([](auto& o) { o.backup.include = {"projects/../.."}; }), "include");
    EXPECT_EQ(with([](auto& o) { o.backup.include = {"temp"}; }), "include");
    EXPECT_EQ(with([](auto& o) { o.backup.include = {"recordings"}; }), "include");
    EXPECT_TRUE(schedules().list().empty());
    EXPECT_EQ(with([](auto&) {}), "taken");
    EXPECT_THROW(schedules().upcoming("x", 0), InvalidArgument);
    EXPECT_THROW(schedules().run("x", ScheduledWork::prune), NotFound) << "it does not prune";
}

TEST_F(BackupScheduleTest, only_what_is_included_is_taken_and_of_that_not_what_is_excluded) {
    auto s = mine();
    const auto kept = s.projects().create({.name = "kept"}).id, left = s.projects().create({.name = "left"}).id;
    for (const auto& project : {kept, left})
        for (const char* name : {"a.txt", "b.tmp"}) {
            const auto file = s.workspace() / "projects" / project.text() / "notes" / name;
            std::filesystem::create_directories(file.parent_path());
            std::ofstream(file) << name;
        }
    const std::string path = "projects/" + kept.text() + "/notes";
    const auto result = s.backups().start({.name = "some", .exclude = {"*.tmp"}, .include = {"/" + path}}).result();
    EXPECT_EQ(result.snapshot.files, 1);
    const auto top = s.backups().browse({.snapshot = result.snapshot.id});
    ASSERT_EQ(top.size(), 1u);
    EXPECT_EQ(s.backups().browse({.snapshot = result.snapshot.id, .path = "projects"}).size(), 1u);
    EXPECT_EQ(s.backups().browse({.snapshot = result.snapshot.id, .path = path}).at(0).name, "a.txt");
}

TEST_F(BackupScheduleTest, an_erased_tenant_leaves_no_schedule) {
    schedules().create({.name = "s", .cron = "@daily", .prune_cron = "@weekly"});
    impl->database->write(impl->scope_of(acme), [&](db::Tx& tx) {
        impl->repositories->erase(tx);
        jobs::erase(tx);
    });
    EXPECT_TRUE(schedules().list().empty());
    const auto left = impl->database->read(impl->scope_of(acme), [](db::Reader& reader) {
        return jobs::recurrences::find(reader, "prune\ts").has_value();
    });
    EXPECT_FALSE(left);
}

// ---- kill -9 ----

/// Opens the home with a clock that is ahead, and works until it is killed.
TEST(ScheduleVictim, DISABLED_work) {
    const auto clock = std::make_shared<SetClock>();
    clock->set(Duration(std::stoll(ChildProcess::setting("SCHEDULE_AHEAD"))));
    const auto engine = std::make_shared<EngineImpl>(tests::placed(EngineOptions{.home = ChildProcess::setting("SCHEDULE_HOME")}), clock);
    engine->start();
    ChildProcess::report("s", 1);
    for (;;) ::pause();
}

TEST_F(BackupScheduleTest, killed_at_any_moment_each_time_has_its_one_backup_and_the_rules_were_applied) {
    set_to(utc(2027, 1, 4, 0, 10));
    for (int i = 0; i < 300; ++i) {
        const auto file = mine().workspace() / "projects" / ("file" + std::to_string(i));
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << std::string(20'000, static_cast<char>('a' + i % 26)) << i;
    }
    schedules().create({.name = "hourly", .cron = "@hourly", .zone = "UTC", .keep = KeepRules{.last = 2}});
    constexpr int rounds = 12;
    for (int round = 1; round <= rounds; ++round) {
        set_to(utc(2027, 1, 4, round, 0) + 500ms);
        const auto ahead = clock->now() - base::system_clock()->now();
        close();
        {
            ChildProcess child("ScheduleVictim.DISABLED_work",
                               {{"SCHEDULE_HOME", (folder / "home").string()}, {"SCHEDULE_AHEAD", std::to_string(ahead.count())}});
            ASSERT_EQ(child.read(1), "s");
            std::this_thread::sleep_for(std::chrono::milliseconds(40 * (round - 1)));  // the moment is what the test is about
            child.kill();
        }
        impl = open();
        const auto ran = await_runs("hourly", round);
        EXPECT_EQ(ran.last_at, utc(2027, 1, 4, round, 0));
        EXPECT_EQ(ran.last_state, JobState::succeeded) << ran.last_message;
        EXPECT_EQ(mine().backups().list().size(), static_cast<std::size_t>(std::min(round, 2)));
    }
    EXPECT_EQ(mine().jobs().list({.kind = "backup"}).size(), static_cast<std::size_t>(rounds));
    const auto said = told(acme);
    EXPECT_EQ(said.at("started hourly"), rounds);
    EXPECT_EQ(said.at("succeeded hourly"), rounds);
    EXPECT_TRUE(mine().backups().check().result().problems.empty());
    mine().audit().verify();
}

}  // namespace
}  // namespace tenon
