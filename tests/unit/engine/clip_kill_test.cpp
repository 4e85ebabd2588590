#include <functional>
#include <random>
#include <thread>

#include <child_process.hpp>
#include <core.hpp>

#include "footage_fixture.hpp"

namespace tenon {
namespace {

using namespace std::chrono_literals;
using tests::ChildProcess;

class ClipKillTest : public tests::FootageTest {
protected:
    void SetUp() override {
        tests::FootageTest::SetUp();
        settings = {{"CLIP_HOME", (folder.path() / "home").string()}, {"CLIP_TENANT", acme.id.text()}, {"CLIP_CAMERA", camera.text()}};
    }
    /// A process that exports a clip is killed at some moment of it, or right behind.
    void kill_once(const std::string& part, Duration after) {
        engine.reset();
        ChildProcess child("ClipVictim.DISABLED_" + part, settings);
        ASSERT_EQ(child.read(1), "s");
        std::this_thread::sleep_for(after);  // the moment is what the test is about
        child.kill();
        open();
    }
    static std::size_t files_in(const std::filesystem::path& root) {
        std::size_t count = 0;
        if (!std::filesystem::exists(root)) return 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) count += entry.is_regular_file();
        return count;
    }

    std::map<std::string, std::string> settings;
};

Camera camera_of(Engine& engine) {
    auto mine = engine.open_session({.tenant = TenantId::parse(ChildProcess::setting("CLIP_TENANT")), .actor = "victim", .role = Role::owner});
    return mine.cameras().get(CameraId::parse(ChildProcess::setting("CLIP_CAMERA")));
}

TEST(ClipVictim, DISABLED_export) {
    Engine engine(tests::placed({.home = ChildProcess::setting("CLIP_HOME"), .camera_networks = {"127.0.0.0/8"}}));
    auto camera = camera_of(engine);
    const auto footage = camera.recordings().at(0);
    auto job = camera.export_clip({.start = footage.start, .end = footage.end});
    ChildProcess::report("s", 1);
    job.join();
    for (;;) ::pause();
}

/// Takes up what a killed one has begun.
TEST(ClipVictim, DISABLED_resume) {
    Engine engine(tests::placed({.home = ChildProcess::setting("CLIP_HOME"), .camera_networks = {"127.0.0.0/8"}}));
    ChildProcess::report("s", 1);
    for (;;) ::pause();
}

TEST_F(ClipKillTest, whatever_moment_an_export_is_killed_at_it_is_whole_or_leaves_nothing) {
    std::mt19937 random(11);
    const auto moment = [&] { return std::chrono::milliseconds(random() % 200); };
    for (std::size_t round = 1; round <= 3; ++round) {
        kill_once("export", moment());
        if (round > 1) kill_once("resume", moment());
        if (round > 2) kill_once("resume", moment());  // its third attempt may have died: then it is given up
        auto mine = session(acme);
        std::int64_t bytes = 0;
        std::size_t made = 0;
        const auto all = mine.jobs().list({});
        EXPECT_EQ(all.size(), round);
        for (const auto& info : all) {
            auto job = mine.cameras().find_clip(info.id).value();
            ASSERT_TRUE(job.join_for(120s));
            if (job.state() != JobState::succeeded) continue;
            const auto clip = job.result();
            EXPECT_EQ(std::filesystem::file_size(clip.path), static_cast<std::uintmax_t>(clip.size.count));
            EXPECT_EQ(clip.frames, 3'600);
            EXPECT_EQ(mine.exports().find(clip.path.filename().string()).value().sha256, clip.sha256);
            bytes += clip.size.count;
            ++made;
        }
        EXPECT_TRUE(eventually([&] { return files_in(mine.workspace() / "temp") == 0; }));
        EXPECT_TRUE(eventually([&] { return files_in(mine.workspace() / "exports") == made; }));
        EXPECT_EQ(mine.exports().list().size(), made);
        EXPECT_EQ(used(mine, Resource::storage), bytes);
        EXPECT_EQ(reserved(mine, Resource::storage), 0);
    }
}

// A clip that is given up when its process dies leaves rows that name what it may have written.
TEST_F(ClipKillTest, a_cancelled_export_leaves_no_file) {
    auto mine = session(acme);
    auto door = mine.cameras().get(camera);
    const auto footage = door.recordings().at(0);
    auto job = door.export_clip({.start = footage.start, .end = footage.end});
    job.cancel();
    ASSERT_TRUE(job.join_for(120s));
    if (job.state() == JobState::succeeded) mine.exports().remove(job.result().path.filename().string());  // it was quicker
    EXPECT_TRUE(eventually([&] { return files_in(mine.workspace() / "temp") + files_in(mine.workspace() / "exports") == 0; }));
    EXPECT_EQ(used(mine, Resource::storage) + reserved(mine, Resource::storage), 0);
}

}  // namespace
}  // namespace tenon
