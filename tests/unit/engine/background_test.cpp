#include "engine_fixture.hpp"

#include <camera_server.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

/// An engine that looks, and the work that it must leave alone.
class BackgroundTest : public tests::EngineTest {
protected:
    RenderJob start_render() {
        auto mine = session(acme);
        const auto project = mine.projects().create({.name = "reel"}).id;
        const auto asset = mine.assets().import_file({.project = project, .path = tests::clip_with_sound}).id;
        Timeline cut;
        cut.append({.asset = asset, .start = 1s, .end = 1500ms});
        return mine.renders().start({.project = project, .timeline = cut, .outputs = {"mp4"}});
    }
};

TEST_F(BackgroundTest, a_job_waits_for_a_process_that_works_and_is_heard_of) {
    open_looking();
    auto job = start_render();
    EXPECT_FALSE(job.join_for(300ms));
    EXPECT_EQ(job.state(), JobState::ready);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "home" / "run")) << "it shows as one that may hold jobs";
    Engine worker(options());
    EXPECT_EQ(job.result().outputs.size(), 1u);
    EXPECT_EQ(session(acme).exports().list().size(), 1u);
}

TEST_F(BackgroundTest, a_job_that_waits_can_be_cancelled_by_who_looks) {
    open_looking();
    auto job = start_render();
    job.cancel();
    EXPECT_THROW(job.result(), Cancelled);
    EXPECT_EQ(reserved(session(acme), Resource::storage), 0);
}

TEST_F(BackgroundTest, it_records_no_camera_and_removes_one_as_an_intent) {
    open_looking();
    auto mine = session(acme);
    test::CameraServer server;
    auto camera = mine.cameras().create({.name = "Door", .url = server.url(), .recording = Recording::continuous});
    EXPECT_FALSE(mine.subscribe({.kinds = {"camera.online"}}).next(500ms));
    EXPECT_EQ(camera.info().recording, Recording::continuous);
    EXPECT_TRUE(std::filesystem::is_empty(mine.workspace() / "recordings"));
    mine.cameras().remove(camera.id());
    EXPECT_TRUE(mine.cameras().list().empty());
    operators().tenants().suspend(acme.id, "unpaid");
    operators().tenants().resume(acme.id, "paid");
}

TEST_F(BackgroundTest, looking_signs_no_checkpoint_and_works_off_no_erasure) {
    open_looking();
    operators().tenants().erase({.tenant = other.id, .reason = "left", .undo_window = 1ms});
    EXPECT_EQ(operators().tenants().get(other.id).state, TenantState::erasing);
    open_looking();
    EXPECT_EQ(operators().tenants().get(other.id).state, TenantState::erasing);
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "home" / "workspaces" / other.id.text()));
}

}  // namespace
