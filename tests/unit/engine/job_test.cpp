#include "engine_fixture.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class JobTest : public tests::EngineTest {
protected:
    RenderOptions reel(Duration length) const {
        Timeline cut;
        cut.append({.asset = clip.id, .start = 1s, .end = 1s + length});
        return {.project = project.id, .timeline = cut, .outputs = {"social_square"}};
    }
    JobId cancelled_render() {
        auto options = reel(1s);
        options.schedule.start = std::chrono::floor<Duration>(std::chrono::system_clock::now()) + 1h;  // or it may end before it hears
        auto job = mine.renders().start(options);
        job.cancel();
        EXPECT_TRUE(job.join_for(60s));
        return job.id();
    }
    std::int64_t records(const std::string& action) {
        return static_cast<std::int64_t>(mine.audit().list({.action = action}).size());
    }

    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
    Asset clip = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
};

TEST_F(JobTest, retried_by_hand_the_work_is_done_as_a_new_job_and_paid_once) {
    const auto id = cancelled_render();
    auto again = mine.jobs().retry(id);
    EXPECT_NE(again.id(), id);
    again.join();
    EXPECT_EQ(mine.jobs().get(id).state(), JobState::cancelled) << "the old one stays as it ended";
    auto render = mine.renders().find(again.id());
    ASSERT_TRUE(render);
    EXPECT_EQ(render->result().outputs.at(0).frames, 25);
    EXPECT_EQ(used(mine, Resource::render_time), 1'000);
    EXPECT_EQ(reserved(mine, Resource::render_time), 0);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_EQ(records("job.retry"), 1);
    EXPECT_THROW(mine.jobs().retry(again.id()), Conflict) << "it succeeded";
}

TEST_F(JobTest, only_what_ended_can_be_retried_and_only_by_those_who_may_start_it) {
    EXPECT_THROW(mine.jobs().retry(JobId::parse("job_01jd8w3v5e6f7g8h9j0k1m2n3p")), NotFound);
    auto waiting = mine.renders().start(reel(8s));
    EXPECT_THROW(mine.jobs().retry(waiting.id()), Conflict);
    waiting.cancel();
    EXPECT_TRUE(waiting.join_for(60s));
    EXPECT_THROW(session(other).jobs().retry(waiting.id()), NotFound) << "another tenant's";
    EXPECT_THROW(session(acme, Role::camera_operator).jobs().retry(waiting.id()), PermissionDenied);
    EXPECT_EQ(mine.jobs().list().size(), 1u);
    EXPECT_EQ(records("job.retry"), 0);
}

TEST_F(JobTest, a_retry_beyond_the_plan_leaves_nothing) {
    const auto id = cancelled_render();
    const auto limit = mine.quotas().get(Resource::render_time).limit.value();
    auto hold = mine.quotas().reserve({.asks = {{Resource::render_time, limit - 500}}});
    EXPECT_THROW(mine.jobs().retry(id), QuotaExceeded);
    EXPECT_EQ(mine.jobs().list().size(), 1u);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    hold.release();
    mine.jobs().retry(id).join();
}

}  // namespace
