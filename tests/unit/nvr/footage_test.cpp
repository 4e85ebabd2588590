#include <fstream>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include <media/input.hpp>
#include <nvr/footage.hpp>
#include <nvr/footage_writer.hpp>
#include <temp_folder.hpp>
#include <tenon/error.hpp>

#include <feed.hpp>

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
using test::Feed;
using tests::TempFolder;

const Origin kOrigin{TenantId{1, 2}, SiteId{3, 4}, CameraId{5, 6}};
constexpr Duration kBegin = 1000s;
constexpr Time kEpoch{std::chrono::days{20'717} + 6h};  // the wall clock when the monotonic one shows 0

std::shared_ptr<const crypto::SigningKey> key() {
    static const auto made = std::make_shared<const crypto::SigningKey>(crypto::SigningKey::generate());
    return made;
}

/// A camera, its builder and its writer, without threads and without waiting.
struct Rig {
    explicit Rig(const std::filesystem::path& folder, const CameraTail& tail = {}, GapReason reason = GapReason::none)
        : builder(feed.streams(), reason), writer(folder, kOrigin, key(), tail) {}

    void send(std::size_t from, std::size_t to, Duration begin = kBegin, Time epoch = kEpoch) {
        for (auto n = from; n < to; ++n) deliver(builder.push(feed.packet(n, begin), epoch.time_since_epoch()));
    }
    void deliver(std::vector<Fragment> fragments) {
        for (auto& fragment : fragments) {
            writer.append(std::move(fragment));
            writer.sync();
        }
    }
    void end() {
        deliver(builder.flush(kEpoch.time_since_epoch()));
        writer.finish();
    }

    Feed feed;
    FragmentBuilder builder;
    FootageWriter writer;
};

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto day : days_of(folder))
        for (const auto& name : segments_of(folder / day_name(day))) files.push_back(folder / day_name(day) / name);
    return files;
}

std::vector<IndexRecord> index_of(const std::filesystem::path& folder) {
    std::vector<IndexRecord> records;
    for (const auto day : days_of(folder)) {
        const auto content = read_index(folder / day_name(day) / kIndexName);
        EXPECT_EQ(content.bad, 0u);
        EXPECT_EQ(content.torn, 0u);
        records.insert(records.end(), content.records.begin(), content.records.end());
    }
    return records;
}

/// Index and files say the same, nothing overlaps, every signature holds, and each segment names the one before.
void expect_whole(const std::filesystem::path& folder) {
    std::vector<IndexRecord> from_files;
    crypto::Digest previous{};
    for (const auto& file : files_of(folder)) {
        const auto fd = base::open_file(file, O_RDONLY);
        const auto scan = scan_segment(fd, file.string());
        EXPECT_TRUE(scan.trailer) << file;
        EXPECT_FALSE(scan.damaged) << file;
        from_files.insert(from_files.end(), scan.records.begin(), scan.records.end());
        const auto proof = verify_segment(file, key()->public_key());
        EXPECT_TRUE(proof.whole()) << file;
        EXPECT_EQ(proof.previous, previous) << file;
        previous = proof.statement;
    }
    auto indexed = index_of(folder);
    for (auto& record : indexed) record.flags &= static_cast<std::uint16_t>(~record_recovered);
    EXPECT_EQ(indexed, from_files);
    for (std::size_t i = 1; i < indexed.size(); ++i)
        EXPECT_GE(indexed[i].start + 1ms, indexed[i - 1].end()) << "fragment " << i << " overlaps the one before";
}

/// The video samples of all files, in order, as they lie there.
std::vector<base::ByteVector> frames_in(const std::filesystem::path& file) {
    std::vector<base::ByteVector> frames;
    const auto fd = base::open_file(file, O_RDONLY);
    const auto size = base::file_size(fd, file.string());
    for (const auto& box : media::mp4::top_boxes(fd.get(), 0, size).boxes) {
        if (box.type != media::mp4::fourcc("moof")) continue;
        const auto body = media::mp4::read_at(fd.get(), box.offset + box.header, box.size - box.header);
        for (const auto& part : media::mp4::read_moof(body, {}).parts) {
            auto at = box.offset + part.offset;
            for (const auto& sample : part.track.samples) {
                if (part.track.id == 1) frames.push_back(media::mp4::read_at(fd.get(), at, sample.size));
                at += sample.size;
            }
        }
    }
    return frames;
}

std::size_t decoded_packets(const std::filesystem::path& file) {
    auto input = media::Input::open(file, {}, {});
    std::size_t n = 0;
    while (auto packet = input.next())
        if (packet->stream == input.video()->index) ++n;
    return n;
}

TEST(Footage, EveryFrameIsKeptBitForBitAcrossSegments) {
    TempFolder folder;
    Rig rig(folder.path());
    const std::size_t total = 30 * 200;
    rig.send(0, total);
    rig.end();
    expect_whole(folder.path());

    const auto files = files_of(folder.path());
    EXPECT_GE(files.size(), 4u);
    std::size_t n = 0;
    for (const auto& file : files) {
        const auto frames = frames_in(file);
        EXPECT_EQ(decoded_packets(file), frames.size());
        for (const auto& frame : frames) ASSERT_EQ(frame, rig.feed.stored(n++)) << n;
    }
    EXPECT_EQ(n, total);

    const auto records = index_of(folder.path());
    std::uint64_t ticks = 0;
    for (const auto& record : records) {
        EXPECT_LE(record.duration, 90'000u);
        ticks += record.duration;
        EXPECT_EQ((record.flags & record_run_start) != 0, &record == &records[0]);
        EXPECT_EQ(record.reason, GapReason::none);
    }
    EXPECT_EQ(ticks, total * 3'000);
    EXPECT_EQ(records[0].start, kEpoch + kBegin);
    EXPECT_NEAR(static_cast<double>((records.back().end() - records[0].start).count()), 200e6, 20e3);
}

TEST(Footage, SegmentsBeginAtKeysAndRotateAMinuteApart) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 30 * 250);
    rig.end();
    std::vector<IndexRecord> firsts;
    for (const auto& record : index_of(folder.path()))
        if (firsts.empty() || firsts.back().ordinal != record.ordinal) firsts.push_back(record);
    ASSERT_GE(firsts.size(), 4u);
    for (const auto& record : firsts) EXPECT_TRUE(record.flags & record_key);
    for (std::size_t i = 2; i < firsts.size(); ++i) {
        const auto length = firsts[i].start - firsts[i - 1].start;
        EXPECT_GE(length, 60s - 50ms);
        EXPECT_LE(length, 62s + 50ms);
    }
    const auto heads = files_of(folder.path());
    for (std::size_t i = 0; i < heads.size(); ++i) {
        const auto fd = base::open_file(heads[i], O_RDONLY);
        const auto head = scan_segment(fd, "").head.head;
        EXPECT_EQ(head.number, i);
        EXPECT_EQ(head.origin, kOrigin);
        EXPECT_EQ(head.start, firsts[i].start);
        EXPECT_EQ(head.flags, 0);
    }
}

TEST(Footage, TfdtCountsFromTheRunSoThatSegmentsPlayOn) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 30 * 130);
    rig.end();
    std::int64_t expected = 0;
    for (const auto& file : files_of(folder.path())) {
        const auto fd = base::open_file(file, O_RDONLY);
        for (const auto& box : media::mp4::top_boxes(fd.get(), 0, base::file_size(fd, "")).boxes) {
            if (box.type != media::mp4::fourcc("moof")) continue;
            const auto body = media::mp4::read_at(fd.get(), box.offset + box.header, box.size - box.header);
            const auto part = media::mp4::read_moof(body, {}).parts.at(0);
            EXPECT_EQ(part.track.decode_time, expected);
            for (const auto& sample : part.track.samples) expected += sample.duration;
        }
    }
    EXPECT_EQ(expected, 30 * 130 * 3'000);
}

TEST(Footage, ABackwardTimestampBeginsARunAndSaysWhy) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    rig.send(60, 360, kBegin + 8s);  // the stamps jump back by 8 s while the packets go on arriving
    rig.end();
    expect_whole(folder.path());
    std::vector<IndexRecord> runs;
    for (const auto& record : index_of(folder.path()))
        if (record.flags & record_run_start) runs.push_back(record);
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[0].reason, GapReason::none);
    EXPECT_EQ(runs[1].reason, GapReason::timestamp_jump);
    EXPECT_EQ(runs[1].start, kEpoch + kBegin + 10s);
}

TEST(Footage, AStampAnHourAheadBeginsARunAndClaimsNoHour) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    const std::size_t hour = 30 * 3'600;
    rig.send(hour + 300, hour + 600, kBegin - 1h);
    rig.end();
    expect_whole(folder.path());
    const auto records = index_of(folder.path());
    EXPECT_NEAR(static_cast<double>((records.back().end() - records[0].start).count()), 20e6, 100e3);
    Duration covered{};
    for (const auto& record : records) covered += record.end() - record.start;
    EXPECT_NEAR(static_cast<double>(covered.count()), 20e6, 100e3);
}

TEST(Footage, ASilenceWithinTheStreamIsAGapNotALongFrame) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    rig.send(420, 720);  // four seconds are missing
    rig.end();
    expect_whole(folder.path());
    std::vector<IndexRecord> records = index_of(folder.path());
    Duration covered{};
    bool found = false;
    for (const auto& record : records) {
        covered += record.end() - record.start;
        found |= record.reason == GapReason::stalled;
    }
    EXPECT_TRUE(found);
    EXPECT_NEAR(static_cast<double>(covered.count()), 20e6, 100e3);
}

std::vector<IndexRecord> runs_of(const std::filesystem::path& folder) {
    std::vector<IndexRecord> runs;
    for (const auto& record : index_of(folder))
        if (record.flags & (record_run_start | record_discontinuity)) runs.push_back(record);
    return runs;
}

// A parser gives the last picture away only when the next one comes: after a stall it is read late, and is no jump.
TEST(Footage, AFrameThatWasHeldBackIsNoJumpAndTheStallSaysSo) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    rig.deliver(rig.builder.push(rig.feed.packet(300, kBegin, 4s), kEpoch.time_since_epoch()));
    rig.send(420, 720);
    rig.end();
    expect_whole(folder.path());
    const auto runs = runs_of(folder.path());
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[1].reason, GapReason::stalled);
    EXPECT_EQ(runs[1].start, kEpoch + kBegin + 14s);
}

TEST(Footage, AReaderThatIsHeldUpBreaksNothing) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    for (std::size_t n = 300; n < 480; ++n) {  // all of them when it goes on, six seconds later
        const Duration since{(rig.feed.ticks(n) - rig.feed.ticks(300)) * 100 / 9};
        rig.deliver(rig.builder.push(rig.feed.packet(n, kBegin, 6s - since), kEpoch.time_since_epoch()));
    }
    rig.send(480, 30 * 130);
    rig.end();
    expect_whole(folder.path());
    EXPECT_EQ(runs_of(folder.path()).size(), 1u);
    const auto records = index_of(folder.path());
    EXPECT_NEAR(static_cast<double>((records.back().end() - records[0].start).count()), 130e6, 50e3);
}

// Sound and picture are put on one clock when the first report of their sender arrives: a step that no camera made.
TEST(Footage, AClockSetByASendersReportIsNoBreak) {
    for (const std::int64_t shift : {-63'000, -3'000, -2'900, 27'000, 72'000}) {
        TempFolder folder;
        Rig rig(folder.path());
        rig.send(0, 100);
        for (std::size_t n = 100; n < 600; ++n) {
            auto packet = rig.feed.packet(n, kBegin);
            *packet.pts += shift;
            *packet.dts += shift;
            rig.deliver(rig.builder.push(packet, kEpoch.time_since_epoch()));
        }
        rig.end();
        expect_whole(folder.path());
        EXPECT_EQ(runs_of(folder.path()).size(), 1u) << shift;
        std::int64_t frames = 0;
        for (const auto& record : index_of(folder.path())) frames += record.frames;
        EXPECT_EQ(frames, 600) << shift;
        const auto records = index_of(folder.path());
        const auto length = static_cast<double>((records.back().end() - records[0].start).count());
        EXPECT_NEAR(length, 20e6, 350e3) << shift;
    }
}

TEST(Footage, AClockThatStoodStillBeginsARunAtItsTimeAndLosesNothing) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    rig.send(300, 1'200, kBegin + 5s);  // for five seconds the camera sent nothing, and its clock did not go on
    rig.end();
    expect_whole(folder.path());
    const auto runs = runs_of(folder.path());
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[1].reason, GapReason::timestamp_jump);
    EXPECT_TRUE(runs[1].flags & record_key);
    const auto records = index_of(folder.path());
    EXPECT_EQ(records.back().end(), kEpoch + kBegin + 45s);
    std::int64_t frames = 0;
    for (const auto& record : records) frames += record.frames;
    EXPECT_EQ(frames, 1'200);
}

TEST(Footage, OneStampForEveryFrameIsNoClock) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    for (std::size_t n = 300; n < 400; ++n) {
        auto packet = rig.feed.packet(n, kBegin);
        packet.pts = packet.dts = rig.feed.ticks(299);
        packet.arrival = kBegin + 10s;
        rig.deliver(rig.builder.push(packet, kEpoch.time_since_epoch()));
    }
    rig.end();
    expect_whole(folder.path());
    Duration covered{};
    for (const auto& record : index_of(folder.path())) covered += record.end() - record.start;
    EXPECT_LE(covered, 11s) << "no more than was received";
}

TEST(Footage, AFormatThatChangesInAGapDoesNotExplainIt) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    rig.send(70, 80, kBegin + 8s);  // back by eight seconds, and no key frame yet
    auto packet = rig.feed.packet(80, kBegin + 8s);
    const Feed clip(TENON_FOOTAGE "/balle-jbart.mp4");
    const auto changed = clip.streams()[0].extradata;
    packet.new_extradata = changed;
    rig.deliver(rig.builder.push(packet, kEpoch.time_since_epoch()));
    rig.send(81, 360, kBegin + 8s);
    rig.end();
    const auto runs = runs_of(folder.path());
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[1].reason, GapReason::timestamp_jump);
}

TEST(Footage, ASlowCameraClockIsSteeredToTheHosts) {
    TempFolder folder;
    Rig rig(folder.path());
    // 300 ppm: after 10 minutes the camera's stamps are 180 ms behind.
    for (std::size_t n = 0; n < 30 * 600; ++n) {
        const Duration late{rig.feed.ticks(n) * 100 / 9 * 300 / 1'000'000};
        rig.deliver(rig.builder.push(rig.feed.packet(n, kBegin, late), kEpoch.time_since_epoch()));
    }
    rig.end();
    expect_whole(folder.path());
    const auto records = index_of(folder.path());
    for (std::size_t i = 1; i < records.size(); ++i) EXPECT_FALSE(records[i].flags & record_run_start);
    const auto span = records.back().end() - records[0].start;
    EXPECT_NEAR(static_cast<double>(span.count()), 600.18e6, 60e3);  // uncorrected it would be 180 ms short
}

// A camera that sends what it kept in memory, or a machine that was slow to describe the stream: regression of a run that
// broke at its first rotation.
TEST(Footage, ABurstAtTheStartIsNoBreak) {
    TempFolder folder;
    Rig rig(folder.path());
    for (std::size_t n = 0; n < 30 * 130; ++n) {
        const Duration due{rig.feed.ticks(n) * 100 / 9};
        const auto late = due < 3s ? 3s - due : Duration{};  // the first three seconds arrive at once
        rig.deliver(rig.builder.push(rig.feed.packet(n, kBegin, late), kEpoch.time_since_epoch()));
    }
    rig.end();
    expect_whole(folder.path());
    const auto records = index_of(folder.path());
    for (std::size_t i = 1; i < records.size(); ++i) EXPECT_FALSE(records[i].flags & (record_run_start | record_discontinuity)) << i;
}

TEST(Footage, AForwardStepOfTheHostClockIsMarked) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 900);
    rig.send(900, 1'800, kBegin, kEpoch + 1h);
    rig.end();
    expect_whole(folder.path());
    const IndexRecord* stepped = nullptr;
    const auto records = index_of(folder.path());
    for (const auto& record : records)
        if (record.reason == GapReason::clock_step) stepped = &record;
    ASSERT_TRUE(stepped);
    EXPECT_TRUE(stepped->flags & record_discontinuity);
    EXPECT_FALSE(stepped->flags & record_run_start) << "media time goes on";
    EXPECT_NEAR(static_cast<double>((stepped->start - (stepped - 1)->end()).count()), 3'600e6, 20e3);
}

TEST(Footage, ABackwardStepNeverOverlapsAndIsNotTrusted) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 900);
    rig.send(900, 1'800, kBegin, kEpoch - 1h);
    rig.end();
    expect_whole(folder.path());
    const auto records = index_of(folder.path());
    EXPECT_TRUE(records.back().flags & record_clock_untrusted);
    EXPECT_NEAR(static_cast<double>((records.back().end() - records[0].start).count()), 60e6, 50e3);
}

TEST(Footage, AChangedPictureBeginsARun) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    const Feed clip(TENON_FOOTAGE "/balle-jbart.mp4");
    auto packet = rig.feed.packet(300, kBegin);
    const auto changed = clip.streams()[0].extradata;
    packet.new_extradata = changed;
    rig.deliver(rig.builder.push(packet, kEpoch.time_since_epoch()));
    rig.send(301, 600);
    rig.end();
    const auto records = index_of(folder.path());
    bool found = false;
    for (const auto& record : records) found |= record.reason == GapReason::format_change;
    EXPECT_TRUE(found);
    const auto files = files_of(folder.path());
    const auto first = scan_segment(base::open_file(files.front(), O_RDONLY), "").formats;
    const auto last = scan_segment(base::open_file(files.back(), O_RDONLY), "").formats;
    EXPECT_EQ(first[0].width, 768);
    EXPECT_EQ(last[0].width, 720);
}

TEST(Footage, AFlippedByteIsFoundInTheRightLeaf) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 300);
    rig.end();
    const auto file = files_of(folder.path()).at(0);
    const auto scan = scan_segment(base::open_file(file, O_RDONLY), "");
    std::mt19937 random(3);
    const auto flip = [&](std::uint64_t at) {
        std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
        f.seekg(static_cast<std::streamoff>(at));
        const auto old = static_cast<char>(f.get());
        f.seekp(static_cast<std::streamoff>(at));
        f.put(static_cast<char>(old ^ 0x10));
    };
    for (std::uint32_t i = 0; i < scan.records.size(); ++i) {
        const auto& record = scan.records[i];
        const auto at = record.offset + 56 + random() % (record.bytes - 56);
        flip(at);
        const auto proof = verify_segment(file, key()->public_key());
        EXPECT_EQ(proof.bad_leaves, std::vector<std::uint32_t>{i + 1});
        EXPECT_TRUE(proof.trailer_signed);
        flip(at);
    }
    // Anywhere at all: found too, whatever it breaks.
    for (int i = 0; i < 200; ++i) {
        const auto at = random() % scan.size;
        flip(at);
        bool found = false;
        try {
            found = !verify_segment(file, key()->public_key()).whole();
        } catch (const Error&) {
            found = true;
        }
        EXPECT_TRUE(found) << at;
        flip(at);
    }
    EXPECT_TRUE(verify_segment(file, key()->public_key()).whole());
    EXPECT_FALSE(verify_segment(file, crypto::SigningKey::generate().public_key()).whole());
}

TEST(Recovery, AFileCutAnywhereLosesAtMostItsLastFragment) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 30 * 70);
    rig.end();
    const auto file = files_of(folder.path()).back();
    base::ByteVector whole = base::read_file(file, 1 << 30);
    const auto index_path = file.parent_path() / kIndexName;
    const auto index = base::read_file(index_path, 1 << 20);
    const auto scan = scan_segment(base::open_file(file, O_RDONLY), "");
    std::mt19937 random(11);
    for (int round = 0; round < 60; ++round) {
        // What is on disk: a file cut somewhere, an index that is at most a second behind and perhaps torn.
        const auto cut = random() % (whole.size() + 1);
        std::size_t kept = 0;
        while (kept < scan.records.size() && scan.records[kept].offset + scan.records[kept].bytes <= cut) ++kept;
        const auto behind = std::min<std::size_t>(kept, random() % 3);
        const auto others = (index.size() - kIndexHeaderSize) / kRecordSize - scan.records.size();
        std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(whole.data()), static_cast<std::streamsize>(cut));
        std::ofstream(index_path, std::ios::binary)
            .write(reinterpret_cast<const char*>(index.data()),
                   static_cast<std::streamsize>(kIndexHeaderSize + (others + kept - behind) * kRecordSize + (kept ? random() % 32 : 0)));

        const auto tail = recover_camera(folder.path(), kOrigin, key().get(), *base::Log::none());
        if (kept > 0) {
            expect_whole(folder.path());
            const auto again = scan_segment(base::open_file(file, O_RDONLY), "");
            ASSERT_EQ(again.records.size(), kept) << cut;
            EXPECT_EQ(*tail.end, again.trailer->trailer.end);
            if (cut < whole.size()) {
                EXPECT_EQ(again.trailer->trailer.flags, trailer_recovered);
            }
            const auto records = index_of(folder.path());
            std::size_t marked = 0;
            for (const auto& record : records) marked += (record.flags & record_recovered) != 0;
            EXPECT_EQ(marked, behind);
        } else {
            EXPECT_FALSE(std::filesystem::exists(file));
            EXPECT_EQ(tail.dropped, 1u);
        }
        // Doing it again changes nothing.
        const auto once = base::read_file(index_path, 1 << 20);
        const auto same = recover_camera(folder.path(), kOrigin, key().get(), *base::Log::none());
        EXPECT_EQ(base::read_file(index_path, 1 << 20), once);
        EXPECT_EQ(same.recovered, 0u);
        EXPECT_EQ(same.statement, tail.statement);
    }
}

TEST(Recovery, RecordingGoesOnBehindWhatWasRecovered) {
    TempFolder folder;
    {
        Rig rig(folder.path());
        rig.send(0, 300);  // and then the process is gone
    }
    const auto tail = recover_camera(folder.path(), kOrigin, key().get(), *base::Log::none());
    EXPECT_EQ(tail.recovered, 1u);
    ASSERT_EQ(tail.segments.size(), 1u);
    // Eight whole seconds and the frames of the ninth: the tenth second was never complete.
    EXPECT_GE(tail.segments[0].frames, 270u);
    Rig rig(folder.path(), tail, GapReason::process_down);
    rig.send(300, 600);
    rig.end();
    expect_whole(folder.path());
    const auto records = index_of(folder.path());
    std::size_t runs = 0;
    for (const auto& record : records) {
        if (!(record.flags & record_run_start)) continue;
        ++runs;
        EXPECT_EQ(record.reason, runs == 2 ? GapReason::process_down : GapReason::none);
    }
    EXPECT_EQ(runs, 2u);
}

TEST(Recovery, ASegmentThatCannotBeOpenedEndsNothing) {
    const TempFolder folder;
    {
        Rig rig(folder.path());
        rig.send(0, 30 * 200);
        rig.end();
    }
    const auto files = files_of(folder.path());
    ASSERT_GE(files.size(), 3u);
    const auto records = index_of(folder.path());
    for (const auto& victim : {files.back(), files[1]}) {
        std::filesystem::rename(victim, folder / "kept");
        std::filesystem::create_directory(victim);
        const auto tail = recover_camera(folder.path(), kOrigin, key().get(), *base::Log::none());
        EXPECT_EQ(tail.segments.size(), files.size() - 1);
        EXPECT_LT(index_of(folder.path()).size(), records.size());
        EXPECT_EQ(tail.next_ordinal, records.back().ordinal + 1u) << "its ordinal is not given again";
        EXPECT_GE(tail.run, parse_segment_name(victim.filename().string())->run);
        const auto first = index_of(folder.path()).front();
        EXPECT_NO_THROW((void)ClipPlan(folder.path(), {first.start, first.start + 1s, Cut::gop}));
        const auto last = index_of(folder.path()).back();
        EXPECT_NO_THROW((void)ClipPlan(folder.path(), {last.start, last.end(), Cut::gop}));
        std::filesystem::remove(victim);
        std::filesystem::rename(folder / "kept", victim);
    }
    (void)recover_camera(folder.path(), kOrigin, key().get(), *base::Log::none());
    EXPECT_EQ(index_of(folder.path()).size(), records.size()) << "what can be read again is back";
    expect_whole(folder.path());
}

TEST(Recovery, ALostIndexIsMadeFromTheFiles) {
    TempFolder folder;
    Rig rig(folder.path());
    rig.send(0, 30 * 130);
    rig.end();
    const auto path = files_of(folder.path()).front().parent_path() / kIndexName;
    const auto before = index_of(folder.path());
    std::filesystem::remove(path);
    (void)recover_camera(folder.path(), kOrigin, key().get(), *base::Log::none());
    auto after = index_of(folder.path());
    for (auto& record : after) record.flags &= static_cast<std::uint16_t>(~record_recovered);
    EXPECT_EQ(after, before);
    std::filesystem::resize_file(path, 100);
    (void)recover_camera(folder.path(), kOrigin, key().get(), *base::Log::none());
    EXPECT_EQ(index_of(folder.path()).size(), before.size());
}

TEST(Recovery, ADamagedIndexWithNothingToMakeItFromDoesNotEndTheDay) {
    TempFolder folder;
    {
        Rig rig(folder.path());
        rig.send(0, 300);
        rig.end();
    }
    const auto file = files_of(folder.path()).front();
    std::ofstream(file) << std::string(8'000, 'x');
    std::ofstream(file.parent_path() / kIndexName) << "no index";
    const auto tail = recover_camera(folder.path(), kOrigin, key().get(), *base::Log::none());
    EXPECT_EQ(tail.next_ordinal, 1u);
    Rig again(folder.path(), tail);
    again.send(0, 300, kBegin, kEpoch + 1h);
    again.end();
    EXPECT_GT(index_of(folder.path()).size(), 0u);
    EXPECT_EQ(std::filesystem::file_size(file), 8'000u) << "left for people";
}

TEST(Recovery, ARecordThatHoldsNothingIsDamage) {
    TempFolder folder;
    {
        Rig rig(folder.path());
        rig.send(0, 300);
    }
    const auto file = files_of(folder.path()).front();
    const auto scan = scan_segment(base::open_file(file, O_RDONLY), "");
    auto record = scan.records.back();
    record.offset = static_cast<std::uint32_t>(scan.end);
    record.bytes = 0;
    media::mp4::Writer box;
    box.begin(kRecordUuid);
    box.bytes(encode(record, record_seed(kOrigin.camera, day_of(scan.head.head.start))));
    box.end();
    base::pwrite_all(base::open_file(file, O_RDWR), box.data(), scan.end, "");
    const auto again = scan_segment(base::open_file(file, O_RDONLY), "", ~std::uint64_t{0});
    EXPECT_TRUE(again.damaged);
    EXPECT_EQ(again.records.size(), scan.records.size());
}

TEST(Recovery, ZerosThatNeverReachedTheDiskAreCut) {
    TempFolder folder;
    {
        Rig rig(folder.path());
        rig.send(0, 300);
    }
    const auto file = files_of(folder.path()).front();
    const auto scan = scan_segment(base::open_file(file, O_RDONLY), "");
    const auto& last = scan.records.back();
    {  // the size arrived, the end of the data did not
        const auto fd = base::open_file(file, O_RDWR);
        base::pwrite_all(fd, base::ByteVector(last.bytes / 2), last.offset + last.bytes - last.bytes / 2, "");
    }
    const auto index = file.parent_path() / kIndexName;
    std::filesystem::resize_file(index, kIndexHeaderSize + (scan.records.size() - 1) * kRecordSize);
    (void)recover_camera(folder.path(), kOrigin, key().get(), *base::Log::none());
    EXPECT_EQ(scan_segment(base::open_file(file, O_RDONLY), "").records.size(), scan.records.size() - 1);
    expect_whole(folder.path());
}

TEST(Fragments, AStreamWithoutAPictureIsRefused) {
    EXPECT_THROW(FragmentBuilder({}, GapReason::none), Unsupported);
    auto streams = Feed().streams();
    streams[0].codec = "vp8";
    EXPECT_THROW(FragmentBuilder(streams, GapReason::none), Unsupported);
}

TEST(Fragments, ShortGroupsOfPicturesLieTogether) {
    Feed feed;
    FragmentBuilder builder(feed.streams(), GapReason::none);
    std::size_t count = 0;
    for (std::int64_t n = 0; n < 500; ++n) {  // every other picture is a key
        auto packet = feed.packet(static_cast<std::size_t>(n % 2), kBegin);
        packet.pts = packet.dts = n * 3'600;
        packet.arrival = kBegin + n * 40ms;
        for (const auto& fragment : builder.push(packet, {})) {
            EXPECT_TRUE(fragment.key);
            ++count;
        }
    }
    EXPECT_GE(count, 20u);
    EXPECT_LE(count, 45u);
}

TEST(Fragments, NothingIsStoredBeforeAKeyFrame) {
    Feed feed;
    FragmentBuilder builder(feed.streams(), GapReason::none);
    for (std::size_t n = 7; n < 60; ++n) EXPECT_TRUE(builder.push(feed.packet(n, kBegin), {}).empty());
    std::vector<Fragment> done;
    for (std::size_t n = 60; n < 91; ++n)
        for (auto& f : builder.push(feed.packet(n, kBegin), {})) done.push_back(std::move(f));
    ASSERT_EQ(done.size(), 1u);
    EXPECT_TRUE(done[0].key);
    EXPECT_TRUE(done[0].begins_stretch);
    EXPECT_EQ(done[0].frames, 18);
    EXPECT_EQ(done[0].duration, 54'000u);
}

}  // namespace
}  // namespace tenon::nvr
