#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>

#include <base/file.hpp>
#include <base/id.hpp>
#include <crypto/hash.hpp>
#include <feed.hpp>
#include "recorder_fixture.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
using test::Feed;
using test::Studio;

constexpr Duration kPlaybackBegin = 1000s;
constexpr Time kStart{std::chrono::days{20'700} + 6h};

/// Footage of a camera that is not recorded now, written without waiting: runs that begin at `start` and last `length`.
struct Archive {
    Studio studio;
    TenantId tenant = studio.home.a;
    CameraId camera = studio.add(tenant, "rtsp://127.0.0.1:9/live");
    Feed feed;
    CameraTail tail{};

    Archive() {
        put_away();
        // A run's first segment ends at a second of its camera's own: for footage of a few seconds to be one file, late enough.
        while (crypto::crc32c(base::bytes_of(camera)) % 60 < 10) {
            camera = studio.add(tenant, "rtsp://127.0.0.1:9/live");
            put_away();
        }
    }
    void put_away() {
        studio.set(tenant, camera, Recording::off);
        EXPECT_TRUE(Studio::wait(60s, [&] { return !studio.recorder->status(camera); }));
    }
    void record(Time start, Duration length, GapReason reason = GapReason::offline) {
        const auto site = studio.home.read(tenant, [&](db::Reader& r) { return *rows::find_site(r, rows::find(r, camera)->site); });
        const auto key = std::make_shared<const crypto::SigningKey>(rows::signing_key(site, studio.master));
        const Origin origin{tenant, site.id, camera};
        // As one who records it: the recorder looks after what was left behind.
        std::filesystem::create_directories(folder());
        std::optional<base::FileLock> lock;
        EXPECT_TRUE(Studio::wait(60s, [&] { return (lock = base::FileLock::try_acquire(folder() / ".recorder")).has_value(); }));
        tail = recover_camera(folder(), origin, key.get(), *studio.log);
        FragmentBuilder builder(feed.streams(), reason);
        FootageWriter writer(folder(), origin, key, tail);
        const auto deliver = [&](std::vector<Fragment> fragments) {
            for (auto& fragment : fragments) writer.append(std::move(fragment));
        };
        const auto epoch = start.time_since_epoch() - kPlaybackBegin;
        for (std::size_t n = 0; Duration{feed.ticks(n) * 100 / 9} < length; ++n) deliver(builder.push(feed.packet(n, kPlaybackBegin), epoch));
        deliver(builder.flush(epoch));
        writer.finish();
        lock.reset();
        studio.recorder->take_in(studio.home.scope(tenant));
    }
    std::filesystem::path folder() const { return studio.folder(tenant, camera); }
    std::vector<rows::KeptSegment> segments() {
        return studio.home.read(tenant, [&](db::Reader& r) { return rows::segments(r, camera); });
    }
    std::size_t files() const {
        std::size_t count = 0;
        for (const auto day : days_of(folder())) count += segments_of(folder() / day_name(day)).size();
        return count;
    }
    std::int64_t weight() const {
        std::int64_t bytes = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder()))
            if (entry.path().extension() == ".mp4") bytes += static_cast<std::int64_t>(entry.file_size());
        return bytes;
    }
    void keep(const Retention& retention) {
        studio.home.write(tenant, [&](db::Tx& tx) { EXPECT_TRUE(rows::set_retention(tx, camera, retention)); });
        studio.recorder->changed();
    }
};

std::string output_of(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    std::string text;
    std::array<char, 4096> buffer{};
    while (const auto n = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) text.append(buffer.data(), n);
    return text;
}

TEST(Playback, ATimelineSaysWhatIsThereAndWhyTheRestIsNot) {
    Archive archive;
    archive.record(kStart, 10s);
    archive.record(kStart + 30s, 10s, GapReason::stalled);
    const auto spans = list_spans(archive.folder(), {kStart - 10s, kStart + 60s},
                                  {.now = kStart + 50s, .pruned_until = {}, .now_missing = "switched_off"});
    ASSERT_EQ(spans.size(), 5u);
    const auto expect = [&](std::size_t n, SpanKind kind, Duration start, Duration end, const std::string& reason) {
        EXPECT_EQ(spans[n].kind, kind) << n;
        EXPECT_NEAR(static_cast<double>((spans[n].start - kStart - start).count()), 0, 50e3) << n;
        EXPECT_NEAR(static_cast<double>((spans[n].end - kStart - end).count()), 0, 50e3) << n;
        EXPECT_EQ(spans[n].reason, reason) << n;
    };
    expect(0, SpanKind::gap, -10s, 0s, "");
    expect(1, SpanKind::footage, 0s, 10s, "");
    expect(2, SpanKind::gap, 10s, 30s, "stalled");
    expect(3, SpanKind::footage, 30s, 40s, "");
    expect(4, SpanKind::gap, 40s, 50s, "switched_off");
    for (std::size_t i = 1; i < spans.size(); ++i) EXPECT_EQ(spans[i].start, spans[i - 1].end);

    const auto inside = list_spans(archive.folder(), {kStart + 12s, kStart + 20s}, {.now = kStart + 1h, .pruned_until = {}, .now_missing = {}});
    ASSERT_EQ(inside.size(), 1u);
    EXPECT_EQ(inside[0].reason, "stalled") << "what comes behind the range says it";
    EXPECT_TRUE(list_spans(archive.folder(), {kStart + 2h, kStart + 3h}, {.now = kStart + 1h, .pruned_until = {}, .now_missing = {}}).empty());
}

TEST(Playback, AStillIsTheFrameOfItsMoment) {
    Archive archive;
    archive.record(kStart, 8s);
    for (const auto at : {0ms, 1500ms, 3000ms, 7900ms}) {
        const auto still = take_still(archive.folder(), kStart + at, 85);
        EXPECT_LE(still.info.at, kStart + at + 1ms);
        EXPECT_GE(still.info.at, kStart + at - 34ms);
        EXPECT_EQ(still.info.width, 768);
        EXPECT_EQ(still.info.height, 576);
        ASSERT_GT(still.jpeg.size(), 1000u);
        EXPECT_EQ(still.jpeg[0], 0xff);
        EXPECT_EQ(still.jpeg[1], 0xd8);
    }
    EXPECT_NE(take_still(archive.folder(), kStart, 85).jpeg, take_still(archive.folder(), kStart + 7900ms, 85).jpeg);
    EXPECT_THROW((void)take_still(archive.folder(), kStart + 20s, 85), NotFound);
    EXPECT_THROW((void)take_still(archive.folder() / "none", kStart, 85), NotFound);
}

TEST(Playback, APlaylistPlaysTheRecordedFilesThemselves) {
    Archive archive;
    archive.record(kStart, 70s);
    archive.record(kStart + 100s, 10s);
    const auto list = make_playlist(archive.folder(), {.start = kStart + 1s, .end = kStart + 105s, .uri_prefix = archive.folder().string() + "/"});
    EXPECT_EQ(list.start, kStart);
    EXPECT_EQ(list.files.size(), archive.files());
    EXPECT_NE(list.text.find("#EXT-X-DISCONTINUITY"), std::string::npos);
    EXPECT_NE(list.text.find("#EXT-X-PROGRAM-DATE-TIME:"), std::string::npos);
    const auto path = archive.studio.home.folder / "door.m3u8";
    std::ofstream(path) << list.text;
    // An own player, which knows nothing of this project.
    const std::string player = "ffprobe -v error -allowed_extensions ALL -select_streams v -count_packets -show_entries ";
    const auto frames = output_of(player + "stream=nb_read_packets -of csv=p=0 '" + path.string() + "'");
    EXPECT_EQ(std::atoll(frames.c_str()), list.duration.count() * 30 / 1'000'000) << frames;
    EXPECT_EQ(output_of("ffmpeg -v error -allowed_extensions ALL -i '" + path.string() + "' -map 0:v -t 20 -f null - 2>&1"), "");
    EXPECT_THROW((void)make_playlist(archive.folder(), {.start = kStart - 1h, .end = kStart - 30min}), NotFound);
}

TEST(Playback, FromTheBeginningOfTimeIsFromTheBeginning) {
    Archive archive;
    archive.record(kStart, 8s);
    for (const auto start : {Time{}, Time{} + 5min, Time{} - 1h, Time::min()}) {
        const auto playlist = make_playlist(archive.folder(), {.start = start, .end = kStart + 5s});
        EXPECT_EQ(playlist.start, kStart);
        EXPECT_EQ(ClipPlan(archive.folder(), {start, kStart + 5s, Cut::gop}).clip().start, kStart);
        EXPECT_EQ(list_recordings(archive.folder(), {.start = start, .end = {}}).size(), 1u);
        const auto spans = list_spans(archive.folder(), {start, kStart + 4s}, {.now = kStart + 1h, .pruned_until = {}, .now_missing = {}});
        ASSERT_EQ(spans.size(), 2u);
        EXPECT_EQ(spans[1].kind, SpanKind::footage);
    }
    EXPECT_EQ(list_spans(archive.folder(), {kStart, Time::max()}, {.now = kStart + 1h, .pruned_until = {}, .now_missing = {}}).size(), 2u);
    EXPECT_EQ(ClipPlan(archive.folder(), {Time{}, Time::max(), Cut::exact}).clip().start, kStart);
    EXPECT_THROW((void)take_still(archive.folder(), Time{} + 5min, 85), NotFound);
    EXPECT_THROW((void)take_still(archive.folder(), Time::min(), 85), NotFound);
    EXPECT_THROW((void)ClipPlan(archive.folder(), {Time::min(), Time{} - 1s, Cut::gop}), NotFound);
}

TEST(Playback, ADamagedIndexHidesNothing) {
    Archive archive;
    archive.record(kStart, 8s);
    archive.record(kStart + 24h, 8s);
    const auto before = list_recordings(archive.folder(), {});
    ASSERT_EQ(before.size(), 2u);
    const auto index = archive.folder() / day_name(day_of(kStart)) / kIndexName;
    std::filesystem::resize_file(index, 100);
    for (int lost = 0; lost < 2; ++lost) {
        const auto after = list_recordings(archive.folder(), {});
        ASSERT_EQ(after.size(), 2u);
        EXPECT_EQ(after[0].start, before[0].start);
        EXPECT_EQ(after[0].frames, before[0].frames);
        EXPECT_NO_THROW((void)take_still(archive.folder(), kStart + 3s, 85));
        EXPECT_NO_THROW((void)ClipPlan(archive.folder(), {kStart + 24h, kStart + 24h + 5s, Cut::gop}));
        std::filesystem::remove(index);
    }
}

TEST(Retention, WhatIsTooOldGoesAndItsStorageIsGivenBack) {
    Archive archive;
    const auto now = base::system_clock()->now();
    archive.record(now - 72h, 5s);
    archive.record(now - 48h, 5s);
    archive.record(now - 1h, 5s);
    ASSERT_EQ(archive.files(), 3u);
    EXPECT_EQ(archive.studio.storage(archive.tenant).used, archive.weight());
    auto events = archive.studio.events->subscribe(archive.studio.home.scope(archive.tenant), {.kinds = {"camera.pruned"}});
    archive.keep({.keep_for = 24h});
    ASSERT_TRUE(Studio::wait(60s, [&] { return archive.segments().size() == 1; }));
    EXPECT_EQ(archive.files(), 1u);
    EXPECT_EQ(archive.studio.storage(archive.tenant).used, archive.weight());
    EXPECT_EQ(days_of(archive.folder()).size(), 1u);
    EXPECT_EQ(archive.studio.list(archive.tenant, archive.camera).size(), 1u);
    EXPECT_TRUE(events->next(60s));
    const auto row = archive.studio.home.read(archive.tenant, [&](db::Reader& r) { return *rows::find(r, archive.camera); });
    ASSERT_TRUE(row.pruned_until);
    const auto spans = list_spans(archive.folder(), {now - 80h, now}, {.now = now, .pruned_until = row.pruned_until, .now_missing = {}});
    EXPECT_EQ(spans.at(0).reason, "retention");
}

TEST(Retention, TheOldestGoesWhenAllWeighTooMuchAndTheNewestDayStaysReadable) {
    Archive archive;
    const auto now = base::system_clock()->now();
    const auto noon = std::chrono::floor<std::chrono::days>(now) - 24h + 10h;
    for (int run = 0; run < 4; ++run) archive.record(noon + run * 1min, 5s);  // all of one day
    const auto each = archive.weight() / 4;
    archive.keep({.keep_bytes = {each * 2 + each / 2}});
    ASSERT_TRUE(Studio::wait(60s, [&] { return archive.segments().size() == 2; }));
    EXPECT_EQ(archive.files(), 2u);
    EXPECT_EQ(archive.studio.list(archive.tenant, archive.camera).size(), 2u) << "the index speaks of files that are there";
    EXPECT_EQ(archive.studio.storage(archive.tenant).used, archive.weight());
    EXPECT_NO_THROW((void)take_still(archive.folder(), noon + 2min + 1s, 85));
    EXPECT_THROW((void)take_still(archive.folder(), noon + 1s, 85), NotFound);
    EXPECT_NO_THROW((void)ClipPlan(archive.folder(), {noon + 2min, noon + 4min, Cut::gop}));
    archive.keep({});
    // More is recorded behind it, and its index is whole again.
    archive.record(noon + 10min, 5s);
    test::expect_whole(archive.studio, archive.tenant, archive.camera);
}

TEST(Retention, WhatIsProtectedOrBeingReadStays) {
    Archive archive;
    const auto now = base::system_clock()->now();
    const auto day = std::chrono::floor<std::chrono::days>(now) - 72h + 10h;
    for (int run = 0; run < 3; ++run) archive.record(day + run * 1min, 5s);
    archive.record(now - 1h, 5s);
    archive.studio.use(std::nullopt);
    const auto number = archive.studio.home.write(archive.tenant, [&](db::Tx& tx) {
        return rows::protect(tx, archive.camera, {0, day + 61s, day + 62s, "case 12"});
    });
    EXPECT_EQ(number, 1);
    archive.keep({.keep_for = 24h});
    std::this_thread::sleep_for(500ms);  // several times what it takes it to look
    EXPECT_EQ(archive.files(), 4u) << "somebody reads all of it";
    archive.studio.use(FootageUse{{{day + 121s, day + 122s}}, {}});
    ASSERT_TRUE(Studio::wait(60s, [&] { return archive.segments().size() == 3; }));
    EXPECT_EQ(archive.files(), 3u) << "somebody reads a second of the third";
    archive.studio.use(FootageUse{});
    ASSERT_TRUE(Studio::wait(60s, [&] { return archive.segments().size() == 2; }));
    const auto runs = archive.studio.list(archive.tenant, archive.camera);
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_NEAR(static_cast<double>((runs[0].start - day - 1min).count()), 0, 50e3);
    EXPECT_EQ(archive.studio.storage(archive.tenant).used, archive.weight());
    test::expect_whole(archive.studio, archive.tenant, archive.camera);
    archive.studio.home.write(archive.tenant, [&](db::Tx& tx) { EXPECT_TRUE(rows::unprotect(tx, archive.camera, number)); });
    archive.studio.recorder->changed();
    EXPECT_TRUE(Studio::wait(60s, [&] { return archive.segments().size() == 1; }));
}

TEST(Retention, ADayWhoseIndexIsDamagedOrLostKeepsNoOther) {
    Archive archive;
    const auto now = base::system_clock()->now();
    const auto first = std::chrono::floor<std::chrono::days>(now) - 96h + 10h, second = first + 24h;
    for (const auto day : {first, second})
        for (int run = 0; run < 3; ++run) archive.record(day + run * 1min, 5s);
    archive.record(second + 24h, 5s);
    archive.record(now - 1h, 5s);
    const auto folder_of = [&](Time day) { return archive.folder() / day_name(day_of(day)); };
    std::filesystem::resize_file(folder_of(first) / kIndexName, 100);
    std::filesystem::remove(folder_of(second) / kIndexName);
    archive.studio.use(FootageUse{{{first + 61s, first + 62s}, {second + 121s, second + 122s}}, {}});
    archive.keep({.keep_for = 24h});
    ASSERT_TRUE(Studio::wait(60s, [&] { return archive.segments().size() == 3; }));
    EXPECT_EQ(archive.files(), 3u);
    EXPECT_EQ(archive.studio.storage(archive.tenant).used, archive.weight());
    const auto runs = archive.studio.list(archive.tenant, archive.camera);
    ASSERT_EQ(runs.size(), 3u);
    EXPECT_NEAR(static_cast<double>((runs[0].start - first - 1min).count()), 0, 50e3);
    EXPECT_NEAR(static_cast<double>((runs[1].start - second - 2min).count()), 0, 50e3);
    test::expect_whole(archive.studio, archive.tenant, archive.camera);
}

TEST(Retention, ProtectedFootageDoesNotDriveOutTheRest) {
    Archive archive;
    const auto now = base::system_clock()->now();
    const auto day = std::chrono::floor<std::chrono::days>(now) - 72h + 10h;
    for (int run = 0; run < 3; ++run) archive.record(day + run * 1min, 5s);
    for (int run = 0; run < 3; ++run) archive.record(day + 24h + run * 1min, 5s);
    const auto each = archive.weight() / 6;
    archive.studio.home.write(archive.tenant, [&](db::Tx& tx) {
        return rows::protect(tx, archive.camera, {0, day, day + 10min, "case 12"});
    });
    archive.keep({.keep_bytes = {each * 2 + each / 2}});  // less than what is protected weighs
    ASSERT_TRUE(Studio::wait(60s, [&] { return archive.segments().size() == 5; }));
    std::this_thread::sleep_for(500ms);  // several times what it takes it to look again
    const auto runs = archive.studio.list(archive.tenant, archive.camera);
    ASSERT_EQ(runs.size(), 5u);
    EXPECT_NEAR(static_cast<double>((runs[0].start - day).count()), 0, 50e3);
    EXPECT_NEAR(static_cast<double>((runs[3].start - day - 24h - 1min).count()), 0, 50e3);
}

}  // namespace
}  // namespace tenon::nvr
