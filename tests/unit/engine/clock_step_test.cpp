// Clocks that are set: forwards, back, and in the middle of work.

#include <functional>
#include <thread>

#include "engine_fixture.hpp"
#include "tenant_state.hpp"

#include <core.hpp>
#include <raw_store.hpp>
#include <set_clock.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

using tests::SetClock;

class ClockStepTest : public ::testing::Test {
protected:
    ClockStepTest() { open(); }
    ~ClockStepTest() override { impl->close(); }
    void open() {
        if (impl) impl->close();
        impl = std::make_shared<EngineImpl>(tests::placed(EngineOptions{.home = folder / "home"}), clock);
        impl->start();
        auto operators = std::make_shared<OperatorImpl>();
        operators->engine = impl;
        operators->actor = {.kind = tenant::ActorKind::operator_session, .id = "operator", .reason = "test"};
        tenants.emplace(Internal::make<OperatorSession>(operators).tenants());
        if (!acme) acme = tenants->create({.name = "Acme", .slug = "acme", .plan = "studio/basic"}).id;
    }
    Session session() {
        return Internal::make<Session>(
            std::make_shared<SessionImpl>(impl, impl->scope_of(*acme), tenant::Actor{.id = "tester"}, Role::owner));
    }
    std::int64_t reserved(Session& mine, Resource resource) { return mine.quotas().get(resource).reserved; }

    tests::TempFolder folder;
    const std::shared_ptr<SetClock> clock = std::make_shared<SetClock>();
    std::shared_ptr<EngineImpl> impl;
    std::optional<Tenants> tenants;
    std::optional<TenantId> acme;
};

TEST_F(ClockStepTest, work_goes_on_and_its_trail_holds_whichever_way_the_clock_is_set) {
    auto mine = session();
    const auto project = mine.projects().create({.name = "reel"}).id;
    const auto asset = mine.assets().import_file({.project = project, .path = tests::footage / "clapper.mp4"}).id;
    Timeline cut;
    cut.append({.asset = asset, .start = 0s, .end = 400ms});
    for (const auto step : {Duration(3h), Duration(-26h), Duration(24h * 40), Duration(-24h * 80)}) {
        SCOPED_TRACE(step.count());
        auto job = mine.renders().start({.project = project, .timeline = cut, .outputs = {"mp4"}});
        clock->set(step);  // while it runs
        EXPECT_EQ(job.result().outputs.size(), 1u);
        EXPECT_NO_THROW(mine.projects().create({.name = "later or earlier"}));
        EXPECT_NO_THROW(mine.backups().start({.name = "nightly"}).result());
        EXPECT_EQ(reserved(mine, Resource::storage), 0);
        EXPECT_EQ(reserved(mine, Resource::render_time), 0);
        EXPECT_NO_THROW(mine.usage().current());
        open();
        mine = session();
        EXPECT_EQ(mine.projects().get(project).name, "reel");
        EXPECT_NO_THROW(mine.audit().verify());
    }
    EXPECT_EQ(mine.exports().list().size(), 4u);
    EXPECT_EQ(mine.backups().list().size(), 4u);
}

TEST_F(ClockStepTest, usage_is_compared_with_its_events_in_the_night) {
    auto mine = session();
    const auto now = [&] { return std::chrono::floor<Duration>(clock->now()); };
    mine.usage().record({{.source = "gateway", .id = "one", .meter = "scans", .quantity = 5, .occurred_at = now()}});
    impl->close();
    {
        tests::RawStore raw(folder / "home");
        ASSERT_TRUE(raw.run("UPDATE usage_rollup_ SET qty = 4 WHERE grain = 2")) << raw.problem();
    }
    clock->set(28h);
    open();
    mine = session();
    std::vector<AuditRecord> told;
    for (const auto end = std::chrono::steady_clock::now() + 60s; told.empty() && std::chrono::steady_clock::now() < end;) {
        std::this_thread::sleep_for(20ms);
        told = mine.audit().list({.action = "usage.difference"});
    }
    ASSERT_EQ(told.size(), 1u);
    EXPECT_NE(told[0].details.find("\"counted\":5"), std::string::npos) << told[0].details;
    EXPECT_EQ(tenants->rebuild_usage(*acme, "after a bad disk").different, 1);
    EXPECT_EQ(mine.usage().verify().different, 0);
}

TEST_F(ClockStepTest, events_are_kept_for_thirty_days_and_ended_jobs_for_ninety) {
    const auto soon = [](const std::function<bool()>& ready) {
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (!ready() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(20ms);
        return ready();
    };
    auto mine = session();
    JobId job;
    for (int i = 0; i < 3; ++i) {
        auto check = mine.backups().check();
        EXPECT_THROW(check.result(), NotFound) << "nothing was backed up";
        job = check.id();
    }
    const auto first_kept = [&] { return mine.subscribe({.after = 0}).next(10s); };
    const auto newest = [&] {
        auto events = mine.subscribe({.after = 0});
        std::int64_t id = 0;
        while (const auto event = events.next(Duration{1})) id = event->id;
        return id;
    }();
    EXPECT_GE(newest, 3);
    EXPECT_EQ(first_kept()->dropped_before, 0);

    clock->set(24h * 31);
    open();
    mine = session();
    EXPECT_TRUE(soon([&] { return first_kept()->dropped_before > 0; }));
    EXPECT_EQ(first_kept()->id, first_kept()->dropped_before + 1);
    EXPECT_EQ(mine.jobs().get(job).info().error, Errc::not_found) << "it ended and is kept";
    EXPECT_TRUE(mine.jobs().get(job).info().started_at);

    clock->set(24h * 60);
    open();
    mine = session();
    EXPECT_TRUE(soon([&] { return !mine.jobs().find(job); }));
    EXPECT_TRUE(mine.jobs().list({.state = JobState::failed}).empty());
    EXPECT_FALSE(mine.backups().find_check(job));
    try {
        (void)mine.jobs().get(job);
        ADD_FAILURE();
    } catch (const NotFound& error) {
        EXPECT_NE(std::string(error.what()).find("90 days"), std::string::npos) << error.what();
        EXPECT_EQ(error.subject(), job.text());
    }
    EXPECT_THROW((void)mine.jobs().retry(job), NotFound);
    EXPECT_NO_THROW(mine.audit().verify());
}

TEST_F(ClockStepTest, a_hold_that_ran_out_by_the_clock_is_refused_and_returned_and_one_set_back_ends_at_its_time) {
    auto mine = session();
    auto hold = mine.quotas().reserve({.asks = {{Resource::storage, 5000}}, .ttl = 10min});
    clock->set(-1h);
    EXPECT_NO_THROW(hold.extend({Resource::storage, 5000})) << "it has longer now";
    EXPECT_EQ(reserved(mine, Resource::storage), 10'000);
    clock->set(3h);
    // What the sweep does every minute.
    tenant::quota::expire(*impl->database, impl->system, [&](const TenantId& id) { return impl->scope_of(id); }, impl->now());
    EXPECT_THROW(hold.commit({{Resource::storage, 5000}}), Conflict);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
}

TEST_F(ClockStepTest, a_clock_set_back_undoes_no_state) {
    tenants->suspend(*acme, "unpaid");
    clock->set(-24h * 365);
    EXPECT_EQ(tenants->get(*acme).state, TenantState::suspended);
    tenants->resume(*acme, "paid");
    auto mine = session();
    EXPECT_NO_THROW(mine.projects().create({.name = "reel"}));
    tenants->erase({.tenant = *acme, .reason = "left", .undo_window = 1h});
    clock->set(-24h);
    EXPECT_EQ(tenants->get(*acme).state, TenantState::erasing);
    EXPECT_TRUE(std::filesystem::exists(mine.workspace())) << "the undo window is not over";
    open();
    EXPECT_EQ(tenants->get(*acme).state, TenantState::erasing);
}

}  // namespace
