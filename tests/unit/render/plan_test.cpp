#include <gtest/gtest.h>

#include <render/plan.hpp>
#include <tenon/error.hpp>

using namespace tenon;
using namespace tenon::render;
using namespace std::chrono_literals;

namespace {

constexpr AssetId camera{1, 1}, phone{1, 2};

Source hd(const AssetId& asset, Rational rate, Duration duration) {
    return {.asset = asset, .sha256 = {static_cast<std::uint8_t>(asset.low)}, .file_size = 1, .width = 1280, .height = 720,
            .colour = {1, 1, 1, false}, .rate = rate, .duration = duration, .has_sound = true};
}

const std::vector<Source> both{hd(camera, {25, 1}, 60s), hd(phone, {30'000, 1'001}, 60s)};

std::string subject_of(const Timeline& timeline, const std::vector<std::string>& outputs = {"mp4"}) {
    try {
        (void)compile(timeline, outputs, both);
    } catch (const Error& error) {
        return error.subject();
    }
    return "nothing was thrown";
}

Timeline one(Duration start, Duration end) {
    Timeline cut;
    cut.append({.asset = camera, .start = start, .end = end});
    return cut;
}

}  // namespace

TEST(Plan, RangesSnapToSourceFramesAndNeverDrift) {
    Timeline cut;
    for (int i = 0; i < 100; ++i) cut.append({.asset = camera, .start = 1'013ms, .end = 2'053ms});   // 26 frames each
    const Plan plan = compile(cut, {"mp4"}, both);
    EXPECT_EQ(plan.frames, 2'600);
    EXPECT_EQ(plan.clips[99].first_frame, 99 * 26);
    EXPECT_EQ(plan.duration(), 104s);
    EXPECT_EQ(compile(one(20ms, 60ms), {"mp4"}, both).frames, 1) << "0.5 and 1.5: ties go down";
}

TEST(Plan, RatesMixWithoutAddingErrors) {
    Timeline cut;
    for (int i = 0; i < 30; ++i) cut.append({.asset = i % 2 ? phone : camera, .start = 0s, .end = 1s});
    const Plan plan = compile(cut, {"mp4"}, both);
    // 15 x 25 frames of 1/25 s and 15 x 30 frames of 1001/30000 s make 30.015 s.
    EXPECT_EQ(plan.frames, 750);
    EXPECT_EQ(duration_of(plan.clips.back().end), 30'015ms);
    for (std::size_t i = 1; i < plan.clips.size(); ++i) EXPECT_EQ(plan.clips[i].first_frame, plan.clips[i - 1].end_frame);
}

TEST(Plan, CrossfadesOverlapAndUseNothingOutside) {
    Timeline cut;
    cut.append({.asset = camera, .end = 3s});
    cut.append({.asset = camera, .start = 10s, .end = 13s, .transition = crossfade(1s)});
    cut.append({.asset = camera, .start = 20s, .end = 23s, .transition = crossfade(1s)});
    const Plan plan = compile(cut, {"mp4"}, both);
    EXPECT_EQ(plan.duration(), 7s);
    EXPECT_EQ(plan.clips[0].end_frame - plan.clips[1].first_frame, 25);
    cut.append({.asset = camera, .start = 30s, .end = 33s, .transition = crossfade(2'100ms)});
    EXPECT_EQ(subject_of(cut), "clips[3].transition.duration") << "2.1 s and the 1 s before do not fit into 3 s";
}

TEST(Plan, ChunksAreThreeGopsAndARestJoins) {
    const Plan plan = compile(one(0s, 19s), {"mp4"}, both);
    ASSERT_EQ(plan.chunks.size(), 3U);
    EXPECT_EQ(plan.chunks[0].count, 150);
    EXPECT_EQ(plan.chunks[2].count, 175) << "one second is too short for a chunk of its own";
    EXPECT_EQ(compile(one(0s, 20s), {"mp4"}, both).chunks.size(), 4U);
}

TEST(Plan, IdsFollowWhatIsSeen) {
    const Plan a = compile(one(0s, 19s), {"mp4"}, both), b = compile(one(0s, 19s), {"mp4"}, both);
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.outputs[0].chunks, b.outputs[0].chunks);
    const Plan longer = compile(one(0s, 25s), {"mp4"}, both);
    EXPECT_NE(a.id, longer.id);
    EXPECT_EQ(a.outputs[0].chunks[0].size(), 32U);
    Timeline graded = one(0s, 19s);
    graded.grade("cinematic_warm");
    EXPECT_NE(compile(graded, {"mp4"}, both).outputs[0].chunks[0], a.outputs[0].chunks[0]);
    Timeline titled = one(0s, 19s);
    titled.title({.text = "Acme", .start = 1s, .duration = 2s});
    const Plan t = compile(titled, {"mp4"}, both);
    EXPECT_NE(t.outputs[0].chunks[0], a.outputs[0].chunks[0]);
    EXPECT_EQ(t.outputs[0].chunks[1], a.outputs[0].chunks[1]) << "the title is over by then";
    EXPECT_EQ(t.outputs[0].sound, a.outputs[0].sound);
    auto other = both;
    other[0].sha256[5] = 1;
    EXPECT_NE(compile(one(0s, 19s), {"mp4"}, other).id, a.id);
    const Plan two = compile(one(0s, 19s), {"social_square", "mp4"}, both);
    EXPECT_EQ(two.outputs[1].chunks, a.outputs[0].chunks) << "an output does not depend on its neighbours";
    EXPECT_EQ(two.outputs[0].sound, two.outputs[1].sound) << "encoded once";
}

TEST(Plan, PicturesFitOrFill) {
    auto sources = both;
    sources[0].width = 720;
    sources[0].height = 576;
    sources[0].sample_aspect = {16, 15};
    const Plan plan = compile(one(0s, 2s), {"mp4", "social_square"}, sources);
    EXPECT_EQ(plan.outputs[0].geometry[0].to, (media::Rect{240, 0, 1440, 1080}));
    EXPECT_EQ(plan.outputs[0].geometry[0].from, (media::Rect{0, 0, 720, 576}));
    EXPECT_EQ(plan.outputs[1].geometry[0].to, (media::Rect{0, 0, 1080, 1080}));
    EXPECT_EQ(plan.outputs[1].geometry[0].from, (media::Rect{90, 0, 540, 576}));
    sources[0].rotation = 90;
    EXPECT_EQ(compile(one(0s, 2s), {"mp4"}, sources).outputs[0].geometry[0].to, (media::Rect{554, 0, 810, 1080}));
}

TEST(Plan, RefusalsNameTheItem) {
    EXPECT_EQ(subject_of(Timeline{}), "timeline");
    EXPECT_EQ(subject_of(one(50s, 61s)), "clips[0].end");
    EXPECT_EQ(subject_of(one(70s, 0s)), "clips[0]");
    EXPECT_EQ(subject_of(one(1s, 1'010ms)), "clips[0]") << "less than half a frame";
    EXPECT_EQ(subject_of(one(0s, 1s), {"mp5"}), "mp5");
    EXPECT_EQ(subject_of(one(0s, 1s), {}), "outputs");
    EXPECT_EQ(subject_of(one(0s, 1s), {"mp4", "mp4"}), "mp4");
    Timeline graded = one(0s, 1s);
    graded.grade("sepia");
    EXPECT_EQ(subject_of(graded), "sepia");
    Timeline unknown;
    unknown.append({.asset = {9, 9}, .end = 1s});
    EXPECT_EQ(subject_of(unknown), (AssetId{9, 9}.text()));
}

TEST(Plan, AnEditThatIsTooLongIsRefusedBeforeTheWork) {
    const std::vector<Source> months{hd(camera, {25, 1}, 24h * 366)};
    Timeline cut;
    cut.append({.asset = camera, .end = 12h});
    EXPECT_NO_THROW((void)compile(cut, {"mp4", "4k"}, months));
    cut.append({.asset = camera, .end = 20h});
    try {
        (void)compile(cut, {"mp4"}, months);
        ADD_FAILURE() << "its sound would be more than is read back";
    } catch (const Unsupported& error) {
        EXPECT_EQ(error.subject(), "mp4");
    }
    for (int i = 0; i < 2'000; ++i) cut.append({.asset = camera});  // the sum of their times has no number
    EXPECT_THROW((void)compile(cut, {"mp4"}, months), InvalidArgument);
}

TEST(Preset, UnknownFieldsAreErrors) {
    EXPECT_EQ(find_preset("mp4").height, 1080);
    EXPECT_EQ(find_preset("social_square").fit, Fit::fill);
    EXPECT_EQ(preset_names(), (std::vector<std::string>{"4k", "mov", "mp4", "social_square", "social_vertical"}));
    EXPECT_THROW((void)parse_preset(R"({"version":1,"name":"x","extension":"mp4","picture":{},"sound":{},"colour":1})"), InvalidArgument);
    EXPECT_THROW((void)parse_preset("{}"), InvalidArgument);
    EXPECT_THROW((void)find_preset("../mp4"), NotFound);
}
