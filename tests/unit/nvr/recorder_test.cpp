#include <algorithm>
#include <set>

#include <fcntl.h>

#include <media/input.hpp>
#include <nvr/segment_file.hpp>
#include <tenon/error.hpp>

#include <feed.hpp>
#include <threads.hpp>

#include "recorder_fixture.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
using tenon::test::CameraServer;
using test::expect_whole;
using test::Feed;
using test::Studio;

TEST(Recorder, RecordsListsAndExportsWhatTheCameraSent) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 7s; })) << studio.status(camera).problem;
    EXPECT_EQ(studio.status(camera).state, CameraState::recording);
    EXPECT_TRUE(studio.status(camera).last_frame_at);

    // A clip of what is being recorded right now.
    const auto now = studio.list(a, camera);
    ASSERT_EQ(now.size(), 1u);
    EXPECT_EQ(now[0].gap_before, "");
    const ClipRequest request{now[0].start + 2500ms, now[0].start + 5s, Cut::exact};
    const ClipPlan plan(studio.folder(a, camera), request);
    const auto path = studio.home.folder / "clip.mp4";
    const auto hash = plan.write(studio.home.folder / "clip.part", path, exec::no_progress(), {});
    EXPECT_EQ(hash.size(), 64u);
    EXPECT_EQ(std::filesystem::file_size(path), static_cast<std::uintmax_t>(plan.size().count));
    EXPECT_FALSE(std::filesystem::exists(studio.home.folder / "clip.part"));
    EXPECT_NEAR(static_cast<double>(plan.clip().duration.count()), 2.5e6, 50e3);
    EXPECT_NEAR(static_cast<double>((plan.clip().start - request.start).count()), 0, 17e3);
    EXPECT_EQ(plan.clip().frames, 75);

    studio.stop();
    expect_whole(studio, a, camera);

    // Every frame of the clip is one that the camera sent, in the order it sent them.
    const Feed feed;
    std::vector<base::ByteVector> sent;
    for (std::size_t n = 0; n < 720; ++n) sent.push_back(feed.stored(n));
    auto input = media::Input::open(path, {}, {});
    ASSERT_TRUE(input.video());
    ASSERT_TRUE(input.audio());
    std::optional<std::size_t> last;
    std::size_t frames = 0;
    while (const auto packet = input.next()) {
        if (packet->stream != input.video()->index) continue;
        const base::ByteVector bytes(packet->data.begin(), packet->data.end());
        const auto found = static_cast<std::size_t>(std::find(sent.begin(), sent.end(), bytes) - sent.begin());
        ASSERT_LT(found, sent.size()) << "frame " << frames << " is none that was sent";
        if (last) {
            EXPECT_EQ(found, (*last + 1) % sent.size());
        }
        last = found;
        ++frames;
    }
    EXPECT_GE(frames, 75u);

    // What was recorded is what was charged, and nothing is held any more.
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(studio.folder(a, camera)))
        if (entry.path().extension() == ".mp4") bytes += entry.file_size();
    EXPECT_EQ(static_cast<std::uintmax_t>(studio.storage(a).used), bytes);
    EXPECT_EQ(studio.storage(a).reserved, 0);
}

TEST(Recorder, AKeyFrameClipWidensAndDecodesWithoutDamage) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 5s; }));
    studio.stop();
    const auto info = studio.list(a, camera).at(0);
    const ClipPlan plan(studio.folder(a, camera), {info.start + 3s, info.start + 4s, Cut::gop});
    EXPECT_LE(plan.clip().start, info.start + 3s);
    EXPECT_GE(plan.clip().start, info.start + 1s - 100ms);
    const auto path = studio.home.folder / "clip.mp4";
    (void)plan.write(studio.home.folder / "clip.part", path, exec::no_progress(), {});
    EXPECT_EQ(test::decode_all(path, [](const auto&) {}), plan.clip().frames);

    EXPECT_THROW((void)ClipPlan(studio.folder(a, camera), {info.start - 1h, info.start - 30min, Cut::gop}), NotFound);
    EXPECT_THROW((void)ClipPlan(studio.folder(a, camera), {info.end, info.start, Cut::gop}), InvalidArgument);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW((void)plan.write(studio.home.folder / "x.part", studio.home.folder / "x.mp4", exec::no_progress(), stop.get_token()), Cancelled);
    EXPECT_FALSE(std::filesystem::exists(studio.home.folder / "x.part"));
    EXPECT_THROW((void)plan.write(studio.home.folder / "x.part", path, exec::no_progress(), {}), Conflict);
}

TEST(Recorder, ACameraThatDiesAndReturnsIsRecordedWithinSeconds) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    auto events = studio.events->subscribe(studio.home.scope(a), {.kinds = {"camera."}});
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 2s; }));
    server.down();
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.status(camera).state == CameraState::retrying; }));
    EXPECT_FALSE(studio.status(camera).problem.empty());
    server.up();
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.status(camera).state == CameraState::recording; }));
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() == 2; }));
    EXPECT_EQ(studio.list(a, camera)[1].gap_before, "offline");
    std::vector<std::string> kinds;
    for (int i = 0; i < 3; ++i)
        if (const auto event = events->next(60s)) {
            kinds.push_back(event->kind);
            EXPECT_EQ(event->subject, camera.text());
        }
    EXPECT_EQ(kinds, (std::vector<std::string>{"camera.online", "camera.offline", "camera.recovered"}));
    studio.stop();
    expect_whole(studio, a, camera);
}

TEST(Recorder, ASilentCameraIsNoticedWithinFiveSeconds) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 3s; }));
    server.stall();
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.status(camera).state == CameraState::retrying; }));
    EXPECT_EQ(studio.status(camera).problem, "the camera has stopped sending");
    server.resume();
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() >= 2; }));
    const auto runs = studio.list(a, camera);
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[1].gap_before, "stalled");
}

TEST(Recorder, ACameraThatNeverAnswersIsRetriedAndStopsAtOnce) {
    CameraServer server;
    server.mute();
    Studio studio(2s);
    const auto camera = studio.add(studio.home.a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.status(camera).state == CameraState::retrying; }));
    EXPECT_FALSE(studio.status(camera).problem.empty());
    const auto begin = std::chrono::steady_clock::now();
    studio.stop();
    EXPECT_LE(std::chrono::steady_clock::now() - begin, 1s);
    EXPECT_TRUE(studio.list(studio.home.a, camera).empty());
    EXPECT_EQ(studio.storage(studio.home.a).reserved, 0);
}

TEST(Recorder, ACamerasThreadRunsNoHandlerOfItsHost) {
    Studio studio;
    const auto before = tenon::test::threads();
    const auto camera = studio.add(studio.home.a, "rtsp://127.0.0.1:9/live");
    ASSERT_TRUE(Studio::wait(60s, [&] { return studio.recorder->status(camera).has_value(); }));
    bool found = false;
    for (const auto& thread : tenon::test::threads()) {
        if (before.contains(thread)) continue;
        std::string name;
        EXPECT_TRUE(tenon::test::blocks(thread, SIGINT, name)) << name;
        found |= name == "camera";
    }
    EXPECT_TRUE(found);
}

TEST(Recorder, HaltEndsWithItsRecorder) {
    Studio studio;
    std::jthread halting([&] {
        for (int i = 0; i < 200; ++i) EXPECT_NO_THROW(studio.recorder->halt());
    });
    studio.recorder->stop();
    halting.join();
}

TEST(Recorder, AnAddressOutsideOfTheNetworksIsNeverConnectedTo) {
    CameraServer server;
    Studio studio;
    studio.stop();
    studio.start({"10.0.0.0/8"});
    const auto camera = studio.add(studio.home.a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.status(camera).state == CameraState::retrying; }));
    EXPECT_NE(studio.status(camera).problem.find("outside"), std::string::npos) << studio.status(camera).problem;
}

TEST(Recorder, TheIntentSurvivesARestartAndTheGapSaysWhy) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 2s; }));
    studio.stop();
    studio.start();
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() == 2; }));
    EXPECT_EQ(studio.list(a, camera)[1].gap_before, "process_down");
    studio.set(a, camera, Recording::off);
    ASSERT_TRUE(studio.wait(60s, [&] { return !studio.recorder->status(camera); }));
    studio.set(a, camera, Recording::continuous);
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() == 3; }));
    EXPECT_EQ(studio.list(a, camera)[2].gap_before, "switched_off");
    studio.stop();
    expect_whole(studio, a, camera);
}

TEST(Recorder, AnotherAddressIsConnectedToAtOnceAndFootageStays) {
    CameraServer first, second;
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, first.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 2s; }));
    studio.change(a, camera, [&](rows::CameraRow& row) { row.url = second.url(); });
    ASSERT_TRUE(studio.wait(60s, [&] {
        const auto runs = studio.list(a, camera);
        return std::any_of(runs.begin(), runs.end(), [](const RecordingInfo& run) { return run.gap_before == "switched_off"; });
    }));
    first.kill();
    const auto before = studio.covered(a, camera);
    EXPECT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= before + 1s; })) << "the new one is recorded";
    studio.stop();
    expect_whole(studio, a, camera);
}

TEST(Recorder, AnotherPasswordIsTriedAtOnceHoweverLongThePause) {
    CameraServer server({TENON_FOOTAGE "/camera.mp4", "--user", "user", "--password", "right"});
    Studio studio;
    studio.stop();
    studio.refused_pause = 24h;  // nothing but the change can end it
    studio.start();
    const auto a = studio.home.a;
    const auto camera = studio.add(a, server.url(), "wrong");
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.status(camera).state == CameraState::retrying; }));
    studio.change(a, camera, [&](rows::CameraRow& row) {
        row.password = studio.master.seal(rows::password_label(camera), base::view_of(std::string_view("right")));
    });
    EXPECT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 1s; })) << studio.status(camera).problem;
}

TEST(Recorder, TwoTenantsShareNothing) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a, b = studio.home.b;
    const auto of_a = studio.add(a, server.url()), of_b = studio.add(b, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, of_a) >= 2s && studio.covered(b, of_b) >= 2s; }));
    studio.home.read(a, [&](db::Reader& reader) {
        EXPECT_FALSE(rows::find(reader, of_b));
        EXPECT_EQ(rows::list(reader).size(), 1u);
        for (const auto& row : rows::closed_segments(reader)) EXPECT_EQ(row.camera, of_a);
    });
    EXPECT_NE(studio.public_key(a, of_a), studio.public_key(b, of_b));
    EXPECT_FALSE(studio.home.write(a, [&](db::Tx& tx) { return rows::set_removing(tx, of_b); }));
    studio.stop();
    expect_whole(studio, a, of_a);
    expect_whole(studio, b, of_b);
    for (const auto day : days_of(studio.folder(b, of_b)))
        for (const auto& name : segments_of(studio.folder(b, of_b) / day_name(day)))
            EXPECT_FALSE(verify_segment(studio.folder(b, of_b) / day_name(day) / name, studio.public_key(a, of_a)).whole());
}

TEST(Recorder, WhatASuspensionStopsGoesOnWhenAnotherProcessLiftsIt) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 1s; }));
    studio.suspended = true;
    studio.recorder->halt();
    EXPECT_FALSE(studio.recorder->status(camera));
    EXPECT_EQ(studio.storage(a).reserved, 0);
    studio.suspended = false;  // all that this process hears of it is that the store has changed
    studio.recorder->changed();
    EXPECT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() == 2; }));
}

TEST(Recorder, ACameraThatCannotBeHandledDisturbsNobody) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a, b = studio.home.b;
    studio.b_is_away = true;
    const auto stuck = studio.add(b, server.url()), leaving = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, leaving) > Duration{}; }));
    studio.set(a, leaving, Recording::off);
    ASSERT_TRUE(studio.wait(60s, [&] { return !studio.recorder->status(leaving); }));
    std::filesystem::remove(studio.folder(a, leaving) / ".recorder");
    std::filesystem::create_directory(studio.folder(a, leaving) / ".recorder");  // no lock can be had there
    studio.home.write(a, [&](db::Tx& tx) { EXPECT_TRUE(rows::set_removing(tx, leaving)); });

    const auto good = studio.add(a, server.url());
    EXPECT_TRUE(studio.wait(60s, [&] { return studio.covered(a, good) >= 1s; }));
    EXPECT_TRUE(studio.wait(60s, [&] { return studio.status(stuck).state == CameraState::retrying; }));
    EXPECT_EQ(studio.status(stuck).problem, "the recordings are away");
    std::filesystem::remove(studio.folder(a, leaving) / ".recorder");
    studio.b_is_away = false;
    EXPECT_TRUE(studio.wait(60s, [&] { return studio.covered(b, stuck) > Duration{}; })) << "tried again by itself";
    EXPECT_TRUE(studio.wait(60s, [&] { return !std::filesystem::exists(studio.folder(a, leaving)); }));
}

TEST(Recorder, NothingIsWrittenBeforeItIsGranted) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    const auto limit = studio.storage(a).limit.value();
    studio.home.write(a, [&](db::Tx& tx) { tenant::quota::charge(tx, {Resource::storage, limit}, studio.home.now()); });
    auto events = studio.events->subscribe(studio.home.scope(a), {.kinds = {"camera.paused"}});
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(events->next(60s));
    EXPECT_TRUE(days_of(studio.folder(a, camera)).empty());
    EXPECT_EQ(studio.storage(a).used + studio.storage(a).reserved, limit);
}

TEST(Recorder, RemovingACameraRemovesItsFootageAndReturnsItsStorage) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 2s; }));
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.storage(a).used > 0; }));
    studio.home.write(a, [&](db::Tx& tx) { EXPECT_TRUE(rows::set_removing(tx, camera)); });
    EXPECT_TRUE(studio.recorder->wait_removed(studio.home.scope(a), camera, 10s, {}));
    EXPECT_FALSE(std::filesystem::exists(studio.folder(a, camera)));
    EXPECT_EQ(studio.storage(a).used, 0);
    EXPECT_EQ(studio.storage(a).reserved, 0);
}

TEST(Recorder, AFullQuotaPausesAndRoomResumes) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    // Leave room for about a second of footage.
    const auto limit = studio.storage(a).limit.value();
    const auto filler = limit - (600 << 10);
    studio.home.write(a, [&](db::Tx& tx) { tenant::quota::charge(tx, {Resource::storage, filler}, studio.home.now()); });
    auto events = studio.events->subscribe(studio.home.scope(a), {.kinds = {"camera.paused", "camera.resumed"}});
    const auto camera = studio.add(a, server.url());
    const auto paused = events->next(60s);
    ASSERT_TRUE(paused);
    EXPECT_EQ(paused->kind, "camera.paused");
    EXPECT_EQ(studio.status(camera).state, CameraState::retrying);
    EXPECT_NE(studio.status(camera).problem.find("quota"), std::string::npos);
    const auto held = studio.storage(a);
    EXPECT_LE(held.used + held.reserved, limit);

    studio.home.write(a, [&](db::Tx& tx) { tenant::quota::free(tx, {Resource::storage, filler}, studio.home.now()); });
    const auto resumed = events->next(60s);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(resumed->kind, "camera.resumed");
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.list(a, camera).size() >= 2; }));
    EXPECT_EQ(studio.list(a, camera).back().gap_before, "disk_full");
    studio.stop();
    expect_whole(studio, a, camera);
}

TEST(Recorder, TwoRecordersOfOneHomeNeverRecordOneCameraTwice) {
    CameraServer server;
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= 2s; }));
    RecorderOptions options;
    options.clock = base::system_clock();
    options.log = studio.log;
    options.networks = {"127.0.0.0/8"};
    options.scope = [&](const TenantId& id) { return std::optional(studio.home.scope(id)); };
    options.folder = [&](const TenantId& id) { return studio.folder(id); };
    Recorder second(options, *studio.home.database, studio.home.system, *studio.events, studio.master);
    second.start();
    const auto covered = studio.covered(a, camera);
    ASSERT_TRUE(studio.wait(60s, [&] { return studio.covered(a, camera) >= covered + 2s; }));
    EXPECT_FALSE(second.status(camera)) << "it has no say while the first one records";
    const auto stored = [&] { return studio.home.read(a, [&](db::Reader& reader) { return rows::status(reader, camera); }); };
    ASSERT_TRUE(studio.wait(60s, [&] { return stored() && stored()->state == CameraState::recording; }));
    studio.recorder->stop();
    ASSERT_TRUE(studio.wait(60s, [&] { return second.status(camera).value_or(rows::StatusRow{}).state == CameraState::recording; }))
        << "the other takes over";
    second.stop();
    expect_whole(studio, a, camera);
}

}  // namespace
}  // namespace tenon::nvr
