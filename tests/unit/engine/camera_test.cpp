#include <fstream>
#include <functional>
#include <thread>

#include <camera_server.hpp>

#include "engine_fixture.hpp"

namespace tenon {
namespace {

using namespace std::chrono_literals;
using test::CameraServer;

class CameraTest : public tests::EngineTest {
protected:
    [[nodiscard]] static bool wait(Duration limit, const std::function<bool()>& ready) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!ready()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(20ms);
        }
        return true;
    }

    static Duration covered(const Camera& camera) {
        Duration sum{};
        for (const auto& info : camera.recordings()) sum += info.end - info.start;
        return sum;
    }
};

TEST_F(CameraTest, FromTheCameraToAClip) {
    CameraServer server;
    auto s = session(acme);
    auto events = s.subscribe({.kinds = {"camera."}});
    auto camera = s.cameras().create({.name = "Door", .url = server.url(), .recording = Recording::continuous});
    ASSERT_TRUE(wait(20s, [&] { return covered(camera) >= 4s; })) << camera.info().problem;
    const auto info = camera.info();
    EXPECT_EQ(info.state, CameraState::recording);
    EXPECT_EQ(info.problem, "");
    EXPECT_EQ(info.name, "Door");
    EXPECT_TRUE(info.last_frame_at);
    EXPECT_EQ(s.cameras().list().size(), 1u);
    EXPECT_EQ(events.next(5s).value().kind, "camera.created");
    EXPECT_EQ(events.next(5s).value().kind, "camera.online");
    EXPECT_EQ(used(s, Resource::cameras), 1);

    const auto footage = camera.recordings().at(0);
    auto job = camera.export_clip({.start = footage.start + 1s, .end = footage.start + 3s, .cut = Cut::exact, .name = "door"});
    const auto clip = job.result();
    EXPECT_EQ(job.state(), JobState::succeeded);
    EXPECT_EQ(clip.frames, 60);
    EXPECT_EQ(std::filesystem::file_size(clip.path), static_cast<std::uintmax_t>(clip.size.count));
    EXPECT_EQ(s.cameras().find_clip(job.id()).value().result().sha256, clip.sha256);
    EXPECT_EQ(s.exports().find(clip.path.filename().string()).value().sha256, clip.sha256);
    EXPECT_FALSE(session(other).cameras().find_clip(job.id()));

    // The clip is footage like any other: it can be imported.
    auto project = s.projects().create({.name = "Case"});
    const auto asset = s.assets().import_file({.project = project.id, .path = clip.path});
    EXPECT_EQ(asset.width, 768);
    EXPECT_EQ(asset.height, 576);

    EXPECT_THROW((void)camera.export_clip({.start = footage.start - 2h, .end = footage.start - 1h}), NotFound);
    EXPECT_THROW((void)camera.export_clip({.start = footage.end, .end = footage.start}), InvalidArgument);
    EXPECT_THROW((void)camera.export_clip({.start = footage.start, .end = footage.end, .name = "../x"}), InvalidArgument);
    EXPECT_EQ(s.exports().list().size(), 1u);
}

TEST_F(CameraTest, TheIntentOutlivesTheEngine) {
    CameraServer server;
    CameraId id;
    {
        auto s = session(acme);
        auto camera = s.cameras().create({.name = "Door", .url = server.url(), .recording = Recording::continuous});
        id = camera.id();
        ASSERT_TRUE(wait(20s, [&] { return covered(camera) >= 1s; }));
    }
    engine.reset();
    open();
    auto s = session(acme);
    auto camera = s.cameras().get(id);
    ASSERT_TRUE(wait(20s, [&] { return camera.recordings().size() == 2; }));
    EXPECT_EQ(camera.recordings()[1].gap_before, "process_down");
    EXPECT_EQ(camera.set_recording(Recording::off).state, CameraState::off);
    s.cameras().remove(id);
    EXPECT_FALSE(s.cameras().find(id));
    EXPECT_TRUE(s.cameras().list().empty());
    EXPECT_FALSE(std::filesystem::exists(s.workspace() / "recordings" / id.text()));
    EXPECT_EQ(used(s, Resource::storage), 0);
    EXPECT_EQ(reserved(s, Resource::storage), 0);
    EXPECT_EQ(used(s, Resource::cameras), 0);
    EXPECT_THROW((void)camera.info(), NotFound);
    EXPECT_NO_THROW((void)s.audit().verify());
}

TEST_F(CameraTest, SuspendingATenantEndsItsRecording) {
    CameraServer server;
    auto s = session(acme);
    auto camera = s.cameras().create({.name = "Door", .url = server.url(), .recording = Recording::continuous});
    ASSERT_TRUE(wait(20s, [&] { return covered(camera) >= 1s; }));
    operators().tenants().suspend(acme.id, "unpaid");
    EXPECT_FALSE(std::filesystem::is_empty(s.workspace() / "recordings"));
    const auto size = [&] {
        std::uintmax_t sum = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(s.workspace() / "recordings"))
            if (entry.is_regular_file()) sum += entry.file_size();
        return sum;
    };
    const auto before = size();
    std::this_thread::sleep_for(1500ms);  // longer than a fragment takes
    EXPECT_EQ(size(), before);
    operators().tenants().resume(acme.id, "paid");
    ASSERT_TRUE(wait(20s, [&] { return size() > before; }));
}

TEST_F(CameraTest, RecordingsAreNotRestoredUnderACameraThatRecords) {
    CameraServer server;
    auto s = session(acme);
    auto camera = s.cameras().create({.name = "Door", .url = server.url(), .recording = Recording::continuous});
    ASSERT_TRUE(wait(60s, [&] { return covered(camera) >= 1s; })) << camera.info().problem;
    const auto without = s.backups().start({.name = "projects"}).result().snapshot.id;
    const auto with = s.backups().start({.name = "all", .include_recordings = true}).result().snapshot.id;
    for (const auto& paths : std::vector<std::vector<std::string>>{{}, {"recordings"}, {"projects", "./recordings/"}})
        EXPECT_THROW((void)s.backups().restore({.snapshot = with, .paths = paths}), Conflict);
    EXPECT_NO_THROW(s.backups().restore({.snapshot = without}).result());
    EXPECT_NO_THROW(s.backups().restore({.snapshot = with, .paths = {"projects"}}).result());
    EXPECT_NO_THROW(s.backups().restore({.snapshot = with, .target = folder.path() / "elsewhere"}).result());
    camera.set_recording(Recording::off);
    EXPECT_NO_THROW(s.backups().restore({.snapshot = with}).result());
}

TEST_F(CameraTest, ForeignCamerasAreNotFound) {
    CameraServer server;
    auto camera = session(acme).cameras().create({.name = "Door", .url = server.url()});
    auto foreign = session(other);
    EXPECT_FALSE(foreign.cameras().find(camera.id()));
    EXPECT_THROW((void)foreign.cameras().get(camera.id()), NotFound);
    EXPECT_THROW(foreign.cameras().remove(camera.id()), NotFound);
    EXPECT_TRUE(foreign.cameras().list().empty());
    EXPECT_EQ(camera.info().state, CameraState::off);
    EXPECT_TRUE(camera.recordings().empty());
}

TEST_F(CameraTest, WhatACameraMayNotBeIsRefusedAndLeavesNothing) {
    auto s = session(acme);
    EXPECT_THROW((void)s.cameras().create({.name = "", .url = "rtsp://127.0.0.1/x"}), InvalidArgument);
    EXPECT_THROW((void)s.cameras().create({.name = "x", .url = "http://127.0.0.1/x"}), InvalidArgument);
    EXPECT_THROW((void)s.cameras().create({.name = "x", .url = "rtsp://a:b@127.0.0.1/x", .username = "c"}), InvalidArgument);
    EXPECT_THROW((void)s.cameras().create({.name = "x", .url = "rtsp://8.8.8.8/x"}), PermissionDenied);
    EXPECT_THROW((void)session(acme, Role::viewer).cameras().create({.name = "x", .url = "rtsp://127.0.0.1/x"}), PermissionDenied);
    EXPECT_TRUE(s.cameras().list().empty());
    EXPECT_EQ(used(s, Resource::cameras), 0);

    const auto info = s.cameras().create({.name = "x", .url = "rtsp://user:se%20cret@127.0.0.1/x"}).info();
    EXPECT_EQ(info.url, "rtsp://127.0.0.1/x");
    const auto other_login = s.cameras().create({.name = "y", .url = "rtsp://127.0.0.1/user=a_password=se%20cret_channel=1?token=se%20cret"}).info();
    EXPECT_EQ(other_login.url, "rtsp://127.0.0.1/***?***");
    for (const auto& record : s.audit().list({})) EXPECT_EQ(record.details.find("cret"), std::string::npos);
    std::string database;
    for (const auto* name : {"metadata.db", "metadata.db-wal"}) {
        std::ifstream file(folder.path() / "home" / name, std::ios::binary);
        database.append(std::istreambuf_iterator<char>(file), {});
    }
    EXPECT_EQ(database.find("se cret"), std::string::npos);
    EXPECT_EQ(database.find("se%20cret"), std::string::npos);
}

}  // namespace
}  // namespace tenon
