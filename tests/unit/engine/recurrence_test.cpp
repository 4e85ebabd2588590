// Jobs that come again, as a host meets them: with time set by hand, processes that were away, tenants that may not.
#include <functional>
#include <thread>

#include <core.hpp>
#include <set_clock.hpp>
#include <tenon/recurrence.hpp>

#include "engine_fixture.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using tests::SetClock;

class RecurrenceTest : public ::testing::Test {
protected:
    RecurrenceTest() {
        impl = open();
        auto operators = std::make_shared<OperatorImpl>();
        operators->engine = impl;
        operators->actor = {.kind = tenant::ActorKind::operator_session, .id = "operator", .reason = "test"};
        acme = Internal::make<OperatorSession>(operators).tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"}).id;
    }
    ~RecurrenceTest() override {
        if (impl) impl->close();
    }
    std::shared_ptr<EngineImpl> open() {
        auto engine = std::make_shared<EngineImpl>(tests::placed(EngineOptions{.home = folder / "home"}), clock);
        engine->start();
        return engine;
    }
    Session session() {
        return Internal::make<Session>(std::make_shared<SessionImpl>(impl, impl->scope_of(acme), tenant::Actor{.id = "tester"}, Role::owner));
    }
    Recurrence await(const std::string& name, const std::function<bool(const Recurrence&)>& ready) {
        auto found = session().recurrences().get(name);
        for (int i = 0; i < 6000 && !ready(found); ++i) {
            std::this_thread::sleep_for(10ms);
            found = session().recurrences().get(name);
        }
        EXPECT_TRUE(ready(found)) << name << ": " << found.last_message;
        return found;
    }

    tests::TempFolder folder;
    const std::shared_ptr<SetClock> clock = std::make_shared<SetClock>();
    std::shared_ptr<EngineImpl> impl;
    TenantId acme;
};

TEST_F(RecurrenceTest, starts_a_job_when_its_time_has_come) {
    const auto made = session().recurrences().create({.name = "nightly", .cron = "@hourly", .backup = BackupOptions{.name = "night"}});
    ASSERT_TRUE(made.next_at);
    EXPECT_GT(*made.next_at, impl->now());
    clock->set(*made.next_at - impl->now() + 1s);
    const auto ran = await("nightly", [](const Recurrence& r) { return r.runs == 1; });
    EXPECT_EQ(ran.last_at, made.next_at);
    EXPECT_EQ(ran.next_at, *made.next_at + 1h);
    session().jobs().get(ran.last_job.value()).join();
    EXPECT_EQ(session().backups().list().at(0).name, "night");
    session().audit().verify();
    bool recorded = false;
    for (const auto& record : session().audit().list({.action = "backup.start"}))
        recorded = recorded || record.actor.find("nightly") != std::string::npos;
    EXPECT_TRUE(recorded) << "the record of the start names the recurrence";
}

TEST_F(RecurrenceTest, makes_up_once_for_times_that_nobody_saw_or_skips_them) {
    session().recurrences().create({.name = "once", .cron = "@hourly", .backup = BackupOptions{.name = "b"}});
    const auto skipping = session().recurrences().create({.name = "skip", .cron = "30 * * * *", .misfire = Misfire::skip, .check = CheckLevel::full});
    impl->close();
    impl.reset();
    clock->set(72h + 10min - (clock->now().time_since_epoch() % 1h));  // ten past some hour
    impl = open();
    const auto once = await("once", [](const Recurrence& r) { return r.runs == 1; });
    const auto skip = await("skip", [&](const Recurrence& r) { return r.next_at != skipping.next_at; });
    EXPECT_EQ(skip.runs, 0);
    EXPECT_FALSE(skip.last_at);
    EXPECT_GT(*skip.next_at, impl->now());
    session().jobs().get(once.last_job.value()).join();
}

TEST_F(RecurrenceTest, of_two_processes_one_starts_each_job) {
    const auto made = session().recurrences().create({.name = "hourly", .cron = "@hourly", .backup = BackupOptions{.name = "b"}});
    const auto other = open();
    clock->set(*made.next_at - impl->now() + 1s);
    const auto ran = await("hourly", [](const Recurrence& r) { return r.runs + r.refused > 0; });
    session().jobs().get(ran.last_job.value()).join();
    std::this_thread::sleep_for(1500ms);  // the other one has looked, too
    other->close();
    EXPECT_EQ(session().recurrences().get("hourly").runs, 1);
    EXPECT_EQ(session().recurrences().get("hourly").refused, 0);
    EXPECT_EQ(session().jobs().list({.kind = "backup"}).size(), 1u);
}

TEST_F(RecurrenceTest, a_time_whose_job_may_not_start_says_why_and_the_next_comes) {
    session().jobs().pause("backup");
    session().recurrences().create({.name = "hourly", .cron = "@hourly", .backup = BackupOptions{.name = "b"}});
    session().recurrences().trigger("hourly");
    await("hourly", [](const Recurrence& r) { return r.runs == 1; });
    session().recurrences().trigger("hourly");
    const auto refused = await("hourly", [](const Recurrence& r) { return r.refused == 1; });
    EXPECT_EQ(refused.last_error, Errc::conflict);
    EXPECT_FALSE(refused.last_message.empty());
    EXPECT_FALSE(refused.last_job);
    EXPECT_GT(*refused.next_at, impl->now());
}

TEST_F(RecurrenceTest, a_paused_one_passes_its_times_over) {
    session().recurrences().create({.name = "hourly", .cron = "@hourly", .backup = BackupOptions{.name = "b"}});
    session().recurrences().pause("hourly");
    clock->set(3h);
    EXPECT_THROW(session().recurrences().trigger("hourly"), Conflict);
    const auto resumed = session().recurrences().resume("hourly");
    EXPECT_EQ(resumed.runs, 0);
    EXPECT_GT(*resumed.next_at, impl->now());
}

TEST_F(RecurrenceTest, what_is_wrong_is_refused_before_anything_is_kept) {
    auto all = session().recurrences();
    EXPECT_THROW(all.create({.name = "x", .cron = "@never", .check = CheckLevel::full}), InvalidArgument);
    EXPECT_THROW(all.create({.name = "x", .cron = "@daily", .zone = "Mars/Olympus", .check = CheckLevel::full}), InvalidArgument);
    EXPECT_THROW(all.create({.name = "x", .cron = "@daily"}), InvalidArgument);
    EXPECT_THROW(all.create({.name = "x", .cron = "@daily", .backup = BackupOptions{.name = ""}}), InvalidArgument);
    EXPECT_THROW(all.create({.name = "x", .cron = "@daily", .backup = BackupOptions{.name = "b", .schedule = {.start = impl->now()}}}),
                 InvalidArgument);
    EXPECT_TRUE(all.list().empty());
    const auto viewer =
        Internal::make<Session>(std::make_shared<SessionImpl>(impl, impl->scope_of(acme), tenant::Actor{.id = "viewer"}, Role::viewer));
    EXPECT_THROW(viewer.recurrences().create({.name = "x", .cron = "@daily", .check = CheckLevel::full}), PermissionDenied);
}

}  // namespace
