#include <algorithm>
#include <fstream>
#include <functional>
#include <thread>

#include <base/clock.hpp>
#include <base/file.hpp>
#include <camera_server.hpp>
#include <core.hpp>
#include <nvr/camera_rows.hpp>
#include <raw_store.hpp>
#include <recordings_pause.hpp>

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

    /// In the database or its log.
    bool stands_in_the_home(const std::string& text) const { return tests::RawStore::holds(folder / "home", text); }

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
    ASSERT_TRUE(wait(60s, [&] { return covered(camera) >= 4s; })) << camera.info().problem;
    const auto info = camera.info();
    EXPECT_EQ(info.state, CameraState::recording);
    EXPECT_EQ(info.problem, "");
    EXPECT_EQ(info.name, "Door");
    EXPECT_TRUE(info.last_frame_at);
    EXPECT_EQ(s.cameras().list().size(), 1u);
    EXPECT_EQ(events.next(60s).value().kind, "camera.created");
    EXPECT_EQ(events.next(60s).value().kind, "camera.online");
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

    const auto spans = camera.timeline({footage.start - 5s, footage.start + 2s});
    ASSERT_EQ(spans.size(), 2u);
    EXPECT_EQ(spans[1].kind, SpanKind::footage);
    const auto picture = folder.path() / "door.jpg";
    const auto taken = camera.snapshot({.at = footage.start + 1s, .target = picture});
    EXPECT_EQ(taken.size.count, static_cast<std::int64_t>(std::filesystem::file_size(picture)));
    EXPECT_THROW((void)camera.snapshot({.at = footage.start + 1s, .target = s.workspace() / "door.jpg"}), PermissionDenied);
    EXPECT_EQ(camera.playlist({.start = footage.start, .end = footage.start + 1s}).files.size(), 1u);

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
        ASSERT_TRUE(wait(60s, [&] { return covered(camera) >= 1s; }));
    }
    engine.reset();
    open();
    auto s = session(acme);
    auto camera = s.cameras().get(id);
    ASSERT_TRUE(wait(60s, [&] { return camera.recordings().size() == 2; }));
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
    ASSERT_TRUE(wait(60s, [&] { return covered(camera) >= 1s; }));
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
    ASSERT_TRUE(wait(60s, [&] { return size() > before; }));
}

TEST_F(CameraTest, ARestoreOfRecordingsPausesTheCamerasAndTheyGoOn) {
    CameraServer server;
    auto s = session(acme);
    auto camera = s.cameras().create({.name = "Door", .url = server.url(), .recording = Recording::continuous});
    ASSERT_TRUE(wait(60s, [&] { return covered(camera) >= 1s; })) << camera.info().problem;
    camera.set_recording(Recording::off);
    ASSERT_TRUE(wait(60s, [&] { return camera.info().state == CameraState::off && reserved(s, Resource::storage) == 0; }));
    const auto kept = camera.recordings();
    const auto with = s.backups().start({.name = "all", .include_recordings = true}).result().snapshot.id;
    camera.set_recording(Recording::continuous);
    ASSERT_TRUE(wait(60s, [&] { return camera.recordings().size() == kept.size() + 1; }));

    // The footage is lost, and the camera goes on recording.
    const auto folder_of_camera = s.workspace() / "recordings" / camera.id().text();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_of_camera))
        if (entry.path().extension() == ".mp4" || entry.path().extension() == ".bin") std::filesystem::remove(entry.path());
    EXPECT_NO_THROW(s.backups().restore({.snapshot = with}).result());
    const auto first = [&] {
        const auto now = camera.recordings();
        return now.empty() ? Time{} : now.front().start;
    };
    EXPECT_EQ(first(), kept.front().start);
    const auto after = base::system_clock()->now();
    EXPECT_TRUE(wait(60s, [&] { return camera.recordings().back().start > after - 60s && camera.recordings().size() > kept.size(); }));
    EXPECT_TRUE(wait(60s, [&] { return camera.info().state == CameraState::recording; })) << camera.info().problem;
    EXPECT_EQ(camera.recordings().back().gap_before, "switched_off");
}

// A process that dies in the middle of a restore leaves no lock: cameras record again.
TEST_F(CameraTest, CamerasWaitWhileFootageIsPutInPlaceAndNoLonger) {
    CameraServer server;
    auto s = session(acme);
    auto camera = s.cameras().create({.name = "Door", .url = server.url(), .recording = Recording::continuous});
    ASSERT_TRUE(wait(60s, [&] { return covered(camera) >= 1s; })) << camera.info().problem;
    auto& impl = *Internal::impl(*engine);
    {
        const auto pause = engine::pause_recordings(impl, impl.scope_of(acme.id), {});
        EXPECT_EQ(camera.info().state, CameraState::retrying);
        EXPECT_NE(camera.info().problem.find("restored"), std::string::npos);
        EXPECT_TRUE(engine::recordings_paused(impl, acme.id));
        EXPECT_FALSE(engine::recordings_paused(impl, other.id));
        EXPECT_TRUE(base::FileLock::try_acquire(s.workspace() / "recordings" / camera.id().text() / ".recorder"));
        auto late = s.cameras().create({.name = "Yard", .url = server.url(), .recording = Recording::continuous});
        EXPECT_TRUE(late.recordings().empty());
    }
    EXPECT_FALSE(engine::recordings_paused(impl, acme.id));
    EXPECT_TRUE(wait(60s, [&] { return camera.recordings().size() == 2; }));
}

TEST_F(CameraTest, AddressesOfOlderVersionsAreSealedWhenTheHomeIsOpened) {
    auto s = session(acme);
    const auto id = s.cameras().create({.name = "Door", .url = "rtsp://127.0.0.1:9/live"}).id();
    {
        auto& impl = *Internal::impl(*engine);
        impl.database->write(impl.scope_of(acme.id), [&](db::Tx& tx) {
            auto row = nvr::rows::find(tx, id).value();
            nvr::rows::remove(tx, id);
            row.url = "rtsp://127.0.0.1:9/token=geheim123456?key=geheim123456";
            row.sealed_url.clear();
            nvr::rows::insert(tx, row);
        });
    }
    ASSERT_TRUE(stands_in_the_home("geheim123456"));
    engine.reset();
    open();
    auto& impl = *Internal::impl(*engine);
    const auto row = impl.database->read(impl.scope_of(acme.id), [&](db::Reader& reader) { return nvr::rows::find(reader, id).value(); });
    EXPECT_EQ(row.url, "rtsp://127.0.0.1:9/***?***");
    const auto whole = impl.master->open(nvr::rows::url_label(id), row.sealed_url);
    EXPECT_EQ(base::text_of(whole.bytes()), "rtsp://127.0.0.1:9/token=geheim123456?key=geheim123456");
    EXPECT_TRUE(wait(60s, [&] { return !stands_in_the_home("geheim123456"); })) << "neither in the database nor in its log";
    engine.reset();
    EXPECT_FALSE(stands_in_the_home("geheim123456"));
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "home" / "metadata.db-wal")) << "although handles are left";
}

TEST_F(CameraTest, AnotherAddressIsSealedAuditedAndConnectedTo) {
    CameraServer first, second;
    auto s = session(acme);
    auto events = s.subscribe({.kinds = {"camera.updated"}});
    auto camera = s.cameras().create({.name = "Door", .url = first.url(), .username = "viewer", .password = "geheim123456"});
    camera.set_recording(Recording::continuous);
    ASSERT_TRUE(wait(60s, [&] { return covered(camera) >= 1s; })) << camera.info().problem;
    const auto before = camera.recordings();
    const auto row = [&] {
        auto& impl = *Internal::impl(*engine);
        return impl.database->read(impl.scope_of(acme.id), [&](db::Reader& reader) { return nvr::rows::find(reader, camera.id()).value(); });
    };
    EXPECT_THROW(camera.update({.url = second.url()}), InvalidArgument) << "the password does not go elsewhere unasked";
    EXPECT_EQ(row().revision, 0);
    const auto info = camera.update({.name = "Front door", .url = second.url(), .password = "geheim999999"});
    EXPECT_EQ(info.name, "Front door");
    EXPECT_EQ(info.url, second.url());
    EXPECT_EQ(info.recording, Recording::continuous);
    ASSERT_TRUE(wait(60s, [&] {
        const auto runs = camera.recordings();
        return std::any_of(runs.begin(), runs.end(), [](const RecordingInfo& run) { return run.gap_before == "switched_off"; });
    })) << camera.info().problem;
    first.kill();
    const auto recorded = covered(camera);
    ASSERT_TRUE(wait(60s, [&] { return covered(camera) >= recorded + 2s; })) << camera.info().problem;
    EXPECT_EQ(camera.recordings().size(), before.size() + 1) << "nothing came from the first one any more";
    EXPECT_EQ(camera.recordings().front().start, before.front().start) << "footage stays";
    EXPECT_EQ(used(s, Resource::cameras), 1);
    EXPECT_EQ(events.next(60s).value().subject, camera.id().text());

    const auto login = row();
    EXPECT_EQ(login.username, "viewer");
    EXPECT_EQ(base::text_of(Internal::impl(*engine)->master->open(nvr::rows::password_label(camera.id()), login.password).bytes()), "geheim999999");
    for (const auto* secret : {"geheim123456", "geheim999999"}) EXPECT_FALSE(stands_in_the_home(secret)) << secret;
    for (const auto& record : s.audit().list({})) EXPECT_EQ(record.details.find("geheim"), std::string::npos);
    EXPECT_EQ(s.audit().list({.action = "camera.update"}).size(), 1u);
    EXPECT_NE(s.audit().list({.action = "camera.update"})[0].details.find("Front door"), std::string::npos);
}

TEST_F(CameraTest, AnUpdateChangesWhatItSaysAndNothingElse) {
    auto s = session(acme);
    auto camera = s.cameras().create({.name = "Door", .url = "rtsp://127.0.0.1:9/live", .username = "viewer", .password = "geheim123456"});
    const auto row = [&] {
        auto& impl = *Internal::impl(*engine);
        return impl.database->read(impl.scope_of(acme.id), [&](db::Reader& reader) { return nvr::rows::find(reader, camera.id()).value(); });
    };
    const auto password = row().password;
    const std::vector<RecordingWindow> never{{Weekday::monday, 25h, 26h}}, monday{{Weekday::monday, 8h, 18h}};
    EXPECT_THROW(camera.update({}), InvalidArgument);
    EXPECT_THROW(camera.update({.name = ""}), InvalidArgument);
    EXPECT_THROW(camera.update({.url = "http://127.0.0.1/x"}), InvalidArgument);
    EXPECT_THROW(camera.update({.url = "rtsp://a:b@127.0.0.1:9/live", .username = "c"}), InvalidArgument) << "two logins";
    EXPECT_THROW(camera.update({.url = "rtsp://127.0.0.1:10/live"}), InvalidArgument) << "another port";
    EXPECT_THROW(camera.update({.url = "rtsp://127.0.0.2:9/live"}), InvalidArgument) << "another host";
    EXPECT_THROW(camera.update({.recording = Recording::schedule}), InvalidArgument);
    EXPECT_THROW(camera.update({.name = "x", .schedule = never}), InvalidArgument);
    EXPECT_THROW(camera.update({.retention = Retention{.keep_for = -1s}}), InvalidArgument);
    EXPECT_THROW(camera.update({.url = "rtsp://8.8.8.8/x", .password = ""}), PermissionDenied);
    EXPECT_THROW(session(acme, Role::viewer).cameras().get(camera.id()).update({.name = "x"}), PermissionDenied);
    EXPECT_EQ(camera.info().name, "Door");
    EXPECT_EQ(row().revision, 0);

    EXPECT_EQ(camera.update({.name = "Gate"}).name, "Gate");
    EXPECT_EQ(row().revision, 0) << "a name is no reason to connect anew";
    EXPECT_EQ(camera.update({.url = "rtsp://127.0.0.1:9/other?token=geheim654321"}).url, "rtsp://127.0.0.1:9/other?***");
    EXPECT_FALSE(stands_in_the_home("geheim654321"));
    EXPECT_EQ(row().password, password) << "the same host and port";
    EXPECT_EQ(camera.update({.url = "rtsps://127.0.0.1:7441/live"}).url, "rtsps://127.0.0.1:7441/live");
    EXPECT_EQ(row().password, password) << "the same host, and safer";
    EXPECT_THROW(camera.update({.url = "rtsp://127.0.0.1:9/live"}), InvalidArgument) << "and not back";
    camera.update({.url = "rtsp://mallory:new%20one@127.0.0.1:9/live"});
    EXPECT_EQ(row().username, "mallory");
    EXPECT_NE(row().password, password);
    camera.update({.username = "", .password = ""});
    EXPECT_EQ(row().username, "");
    EXPECT_TRUE(row().password.empty());
    EXPECT_EQ(row().revision, 4);
    EXPECT_EQ(camera.update({.url = "rtsp://127.0.0.2/live"}).url, "rtsp://127.0.0.2/live") << "without a password it may go anywhere";
    const auto info = camera.update({.recording = Recording::schedule, .schedule = monday, .retention = Retention{.keep_for = 24h}});
    EXPECT_EQ(info.recording, Recording::schedule);
    EXPECT_EQ(info.schedule.size(), 1u);
    EXPECT_EQ(info.retention.keep_for, 24h);
    s.cameras().remove(camera.id());
    EXPECT_THROW(camera.update({.name = "x"}), NotFound);
    EXPECT_NO_THROW((void)s.audit().verify());
}

TEST_F(CameraTest, AScheduleAndARetentionAreCheckedStoredAndAudited) {
    auto s = session(acme);
    auto camera = s.cameras().create({.name = "Door", .url = "rtsp://127.0.0.1:9/live"});
    EXPECT_THROW(camera.set_recording(Recording::schedule), InvalidArgument);
    EXPECT_THROW(camera.set_schedule({{Weekday::monday, 25h, 26h}}), InvalidArgument);
    EXPECT_EQ(camera.set_schedule({{Weekday::monday, 8h, 18h}}).schedule.size(), 1u);
    EXPECT_EQ(camera.set_recording(Recording::schedule).recording, Recording::schedule);
    EXPECT_THROW(camera.set_schedule({}), InvalidArgument) << "it records by them";
    EXPECT_THROW(camera.set_retention({.keep_for = -1s}), InvalidArgument);
    const auto info = camera.set_retention({.keep_for = 24h * 30, .keep_bytes = {1'000'000'000}});
    EXPECT_EQ(info.retention.keep_for, 24h * 30);
    EXPECT_EQ(info.retention.keep_bytes.count, 1'000'000'000);
    const auto now = base::system_clock()->now();
    EXPECT_THROW((void)camera.protect({now, now}, "x"), InvalidArgument);
    EXPECT_EQ(camera.protect({now - 1h, now}, "case 12"), 1);
    EXPECT_EQ(camera.protect({now - 2h, now}, ""), 2);
    camera.unprotect(1);
    EXPECT_THROW(camera.unprotect(1), NotFound);
    ASSERT_EQ(camera.protections().size(), 1u);
    EXPECT_EQ(camera.protections()[0].number, 2);
    for (const auto* action : {"camera.set_schedule", "camera.set_retention", "camera.protect", "camera.unprotect"}) {
        const auto records = s.audit().list({});
        EXPECT_TRUE(std::any_of(records.begin(), records.end(), [&](const auto& record) { return record.action == action; })) << action;
    }
    EXPECT_THROW((void)session(acme, Role::viewer).cameras().get(camera.id()).protect({now - 1h, now}, "x"), PermissionDenied);
    EXPECT_THROW((void)camera.timeline({now, now - 1h}), InvalidArgument);
    EXPECT_THROW((void)camera.snapshot({.at = now, .target = folder.path() / "x.jpg"}), NotFound);
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "x.jpg"));
    EXPECT_THROW((void)camera.playlist({.start = now - 1h, .end = now}), NotFound);
    EXPECT_THROW((void)camera.playlist({.start = now - 1h, .end = now, .uri_prefix = "x\"y"}), InvalidArgument);
    EXPECT_THROW(s.cameras().remove(camera.id()), Conflict) << "some of its footage is protected";
    camera.unprotect(2);
    s.cameras().remove(camera.id());
    EXPECT_NO_THROW((void)s.audit().verify());
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
    EXPECT_FALSE(stands_in_the_home("se cret"));
    EXPECT_FALSE(stands_in_the_home("se%20cret"));
}

}  // namespace
}  // namespace tenon
