#include <gtest/gtest.h>

#include <fcntl.h>

#include <media/input.hpp>
#include <media/mp4_read.hpp>
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

const Origin kClipOrigin{TenantId{1, 2}, SiteId{3, 4}, CameraId{5, 6}};
constexpr Duration kClipBegin = 1000s;

/// Ten minutes to midnight, so that footage lies in two days.
constexpr Time kClipEpoch{std::chrono::days{20'717} + 23h + 50min - 1000s};

/// Runs of a camera, one frame in 1/30 s, written at once.
class Clips : public ::testing::Test {
protected:
    /// Frames [from, to) of the feed's time; each call is a run of its own.
    void record(std::size_t from, std::size_t to, GapReason reason = GapReason::offline, const std::vector<media::StreamInfo>& streams = {}) {
        FragmentBuilder builder(streams.empty() ? feed.streams() : streams, reason);
        const auto deliver = [&](std::vector<Fragment> fragments) {
            for (auto& fragment : fragments) {
                writer.append(std::move(fragment));
                writer.sync();
            }
        };
        for (auto n = from; n < to; ++n) deliver(builder.push(feed.packet(n, kClipBegin), kClipEpoch.time_since_epoch()));
        deliver(builder.flush(kClipEpoch.time_since_epoch()));
        writer.finish();
    }
    static Time at(Duration since_begin) { return kClipEpoch + kClipBegin + since_begin; }

    Clip export_clip(Time start, Time end, Cut cut) {
        const ClipPlan plan(folder.path(), {start, end, cut});
        path = folder / ("clip" + std::to_string(++count) + ".mp4");
        (void)plan.write(folder / "clip.part", path, exec::no_progress(), {});
        EXPECT_EQ(std::filesystem::file_size(path), static_cast<std::uintmax_t>(plan.size().count));
        return plan.clip();
    }
    media::mp4::Movie movie() const {
        const auto fd = base::open_file(path, O_RDONLY);
        const auto bytes = media::mp4::read_at(fd.get(), 0, base::file_size(fd, ""));
        return media::mp4::read_moov(media::mp4::need_box(bytes, media::mp4::fourcc("moov")).body).movie;
    }
    /// The file holds exactly frames [from, to) of the feed, and then those of the next range.
    void expect_frames(const std::vector<std::pair<std::size_t, std::size_t>>& ranges) const {
        auto input = media::Input::open(path, {}, {});
        for (const auto& [from, to] : ranges)
            for (auto n = from; n < to; ++n) {
                const auto packet = input.next();
                ASSERT_TRUE(packet) << n;
                ASSERT_EQ(base::ByteVector(packet->data.begin(), packet->data.end()), feed.stored(n)) << n;
            }
        EXPECT_FALSE(input.next());
    }

    Feed feed;
    TempFolder folder;
    FootageWriter writer{folder.path(), kClipOrigin, nullptr, {}};
    std::filesystem::path path;
    int count = 0;
};

TEST_F(Clips, AGopCutBeginsAtTheKeyFrame) {
    record(0, 300);
    const auto clip = export_clip(at(3'100ms), at(5s), Cut::gop);
    EXPECT_EQ(clip.start, at(2s));
    EXPECT_EQ(clip.end, at(5s));
    EXPECT_EQ(clip.duration, 3s);
    EXPECT_EQ(clip.frames, 90);
    expect_frames({{60, 150}});
    EXPECT_TRUE(movie().tracks[0].edits.empty());
}

TEST_F(Clips, AnExactCutHidesTheLead) {
    record(0, 300);
    const auto clip = export_clip(at(3'100ms), at(5s), Cut::exact);
    EXPECT_EQ(clip.start, at(3'100ms));
    EXPECT_EQ(clip.frames, 57);
    EXPECT_EQ(clip.duration, 1'900ms);
    expect_frames({{60, 150}});
    EXPECT_EQ(movie().tracks[0].edits, (std::vector<media::mp4::Edit>{{171'000, 99'000}}));
}

TEST_F(Clips, BoundariesGoToTheNearestFrame) {
    record(0, 300);
    EXPECT_EQ(export_clip(at(3'110ms), at(3'990ms), Cut::exact).frames, 27);  // 93.3 and 119.7
    EXPECT_EQ(export_clip(at(3'120ms), at(4'010ms), Cut::exact).frames, 26);  // 93.6 and 120.3
    EXPECT_EQ(export_clip(at(3'001ms), at(3'002ms), Cut::exact).frames, 1);
}

TEST_F(Clips, GapsCollapse) {
    record(0, 300);
    record(600, 900);
    const auto list = list_recordings(folder.path(), {});
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].start, at(0s));
    EXPECT_EQ(list[0].end, at(10s));
    EXPECT_EQ(list[0].frames, 300);
    EXPECT_EQ(list[0].gap_before, "");
    EXPECT_EQ(list[1].gap_before, "offline");
    const auto clip = export_clip(at(8s), at(22s), Cut::gop);
    EXPECT_EQ(clip.start, at(8s));
    EXPECT_EQ(clip.end, at(22s));
    EXPECT_EQ(clip.duration, 4s);
    EXPECT_EQ(clip.frames, 120);
    expect_frames({{240, 300}, {600, 660}});
    EXPECT_EQ(movie().tracks[0].formats.size(), 1u);
}

TEST_F(Clips, AStartInsideAGapBeginsWithWhatFollows) {
    record(0, 300);
    record(600, 900);
    const auto clip = export_clip(at(15s), at(21s), Cut::exact);
    EXPECT_EQ(clip.start, at(20s));
    EXPECT_EQ(clip.frames, 30);
    expect_frames({{600, 630}});
    EXPECT_THROW((void)ClipPlan(folder.path(), {at(11s), at(19s), Cut::gop}), NotFound);
}

TEST_F(Clips, SegmentsAndDaysAreNoBorders) {
    record(0, 30 * 1'000);  // sixteen minutes, past midnight
    EXPECT_EQ(list_recordings(folder.path(), {}).size(), 1u);
    const auto clip = export_clip(at(30s), at(930s), Cut::exact);
    EXPECT_EQ(clip.frames, 27'000);
    expect_frames({{900, 27'900}});
    RecordingFilter filter;
    filter.start = at(900s);
    EXPECT_EQ(list_recordings(folder.path(), filter).size(), 1u);
    filter.start = at(1'001s);
    EXPECT_TRUE(list_recordings(folder.path(), filter).empty());
}

TEST_F(Clips, AnotherSizeIsAnotherFile) {
    record(0, 300);
    const Feed clip(TENON_FOOTAGE "/balle-jbart.mp4");
    auto streams = feed.streams();
    streams[0].extradata = clip.streams()[0].extradata;
    record(300, 600, GapReason::format_change, streams);
    EXPECT_THROW((void)ClipPlan(folder.path(), {at(8s), at(12s), Cut::gop}), Unsupported);
    EXPECT_NO_THROW((void)ClipPlan(folder.path(), {at(8s), at(10s), Cut::gop}));
    EXPECT_NO_THROW((void)ClipPlan(folder.path(), {at(10s), at(12s), Cut::gop}));
}

TEST_F(Clips, MissingFootageIsNotFoundAndNothingIsLeft) {
    EXPECT_TRUE(list_recordings(folder / "none", {}).empty());
    EXPECT_THROW((void)ClipPlan(folder / "none", {at(0s), at(1s), Cut::gop}), NotFound);
    record(0, 300);
    const ClipPlan plan(folder.path(), {at(0s), at(5s), Cut::gop});
    std::filesystem::remove_all(folder / "2026-09-21");
    EXPECT_THROW((void)plan.write(folder / "x.part", folder / "x.mp4", exec::no_progress(), {}), NotFound);
    EXPECT_FALSE(std::filesystem::exists(folder / "x.part"));
    EXPECT_FALSE(std::filesystem::exists(folder / "x.mp4"));
}

}  // namespace
}  // namespace tenon::nvr
