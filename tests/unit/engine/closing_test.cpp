#include "engine_fixture.hpp"

#include <latch>
#include <thread>
#include <vector>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

/// Closing while others are at work, with no more threads in the pool than there are closers.
class ClosingTest : public tests::EngineTest {
protected:
    ClosingTest() {
        engine.emplace(options());
        auto mine = session(acme);
        project = mine.projects().create({.name = "reel"}).id;
        asset = mine.assets().import_file({.project = project, .path = tests::clip_with_sound}).id;
    }
    EngineOptions options() const {
        auto two = EngineTest::options();
        two.workers = 2;
        return two;
    }
    RenderJob start_render(Session& mine) {
        Timeline cut;
        cut.append({.asset = asset, .start = 1s, .end = 2s});
        return mine.renders().start({.project = project, .timeline = cut, .outputs = {"mp4"}});
    }
    ProjectId project{};
    AssetId asset{};
};

TEST_F(ClosingTest, from_two_threads_while_a_pool_of_two_works_and_a_third_thread_waits) {
    auto mine = session(acme);
    RenderJob first = start_render(mine), second = start_render(mine);
    const std::vector<JobId> jobs{first.id(), second.id()};
    std::latch begin(3);
    std::jthread waiter([&] {
        begin.arrive_and_wait();
        try {
            first.result();
        } catch (const Closed&) {
        }
    });
    const auto close = [&] {
        begin.arrive_and_wait();
        engine->close();
        EXPECT_TRUE(engine->is_closed());
        EXPECT_THROW(mine.projects().list(), Closed);
    };
    {
        const std::jthread one(close), two(close);
    }
    waiter.join();
    EXPECT_THROW(first.state(), Closed);
    EXPECT_NO_THROW(engine->close());
    // What was interrupted goes on when the home is opened again.
    engine.emplace(options());
    auto again = session(acme);
    for (const auto& id : jobs) {
        auto job = again.renders().find(id);
        ASSERT_TRUE(job);
        EXPECT_EQ(job->result().outputs.size(), 1u);
    }
    EXPECT_EQ(reserved(again, Resource::storage), 0);
}

TEST_F(ClosingTest, a_tenant_erased_while_it_renders_leaves_nothing) {
    auto mine = session(acme);
    const auto workspace = mine.workspace();
    start_render(mine);
    start_render(mine);
    const auto erased = operators().tenants().erase({.tenant = acme.id, .reason = "left", .undo_window = Duration::zero()});
    EXPECT_EQ(erased.state, TenantState::erased);
    EXPECT_FALSE(std::filesystem::exists(workspace));
    EXPECT_THROW(session(acme), Error);
    EXPECT_NO_THROW(session(other).projects().create({.name = "untouched"}));
}

TEST_F(ClosingTest, a_tenant_suspended_by_one_engine_and_resumed_by_another_works_in_both) {
    Engine second(options());
    auto here = session(acme);
    auto there = second.open_session({.tenant = acme.id, .actor = "tester", .role = Role::owner});
    engine->open_operator({.actor = "operator", .reason = "test"}).tenants().suspend(acme.id, "unpaid");
    EXPECT_THROW(here.projects().create({.name = "no"}), PermissionDenied);
    second.open_operator({.actor = "operator", .reason = "test"}).tenants().resume(acme.id, "paid");
    EXPECT_NO_THROW(there.projects().create({.name = "there"}));
    // The other engine hears of it with its next write, which this one is.
    operators().tenants().get(acme.id);
    session(other).projects().create({.name = "a write"});
    EXPECT_NO_THROW(here.projects().create({.name = "here"}));
}

}  // namespace
