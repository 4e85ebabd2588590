#include <gtest/gtest.h>

#include <functional>

#include <tenon/error.hpp>
#include <tenon/timeline.hpp>

using namespace tenon;
using namespace std::chrono_literals;

namespace {

constexpr AssetId first{1, 2}, second{3, 4};

std::string subject_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const InvalidArgument& error) {
        return error.subject();
    }
    return "nothing was thrown";
}

Timeline reel() {
    Timeline cut;
    cut.append({.asset = first, .start = 2s, .end = 7s});
    cut.append({.asset = second, .start = 20s, .transition = crossfade(500ms)});
    cut.title({.text = "Grüße \"Acme\"", .start = 0s, .duration = 2s});
    cut.grade("cinematic_warm");
    return cut;
}

}  // namespace

TEST(Timeline, KeepsWhatItWasGiven) {
    const Timeline cut = reel();
    ASSERT_EQ(cut.clips().size(), 2U);
    EXPECT_EQ(cut.clips()[0].end, 7s);
    EXPECT_EQ(cut.clips()[1].transition.duration, 500ms);
    EXPECT_EQ(cut.titles()[0].duration, 2s);
    EXPECT_EQ(cut.grade_name(), "cinematic_warm");
}

TEST(Timeline, SurvivesJson) {
    const Timeline back = Timeline::from_json(reel().to_json());
    EXPECT_EQ(back.to_json(), reel().to_json());
    EXPECT_EQ(back.clips()[1].asset, second);
    EXPECT_EQ(back.clips()[1].transition.kind, TransitionKind::crossfade);
    EXPECT_EQ(back.titles()[0].text, "Grüße \"Acme\"");
    EXPECT_EQ(Timeline::from_json(Timeline().to_json()).clips().size(), 0U);
}

TEST(Timeline, NamesTheBadField) {
    Timeline cut;
    EXPECT_EQ(subject_of([&] { cut.append({.start = 1s, .end = 2s}); }), "clips[0].asset");
    EXPECT_EQ(subject_of([&] { cut.append({.asset = first, .start = -1s, .end = 2s}); }), "clips[0].start");
    EXPECT_EQ(subject_of([&] { cut.append({.asset = first, .start = 2s, .end = 2s}); }), "clips[0].end");
    EXPECT_EQ(subject_of([&] { cut.append({.asset = first, .end = 2s, .transition = crossfade(1s)}); }), "clips[0].transition");
    cut.append({.asset = first, .end = 2s});
    EXPECT_EQ(subject_of([&] { cut.append({.asset = first, .end = 2s, .transition = crossfade(0s)}); }), "clips[1].transition.duration");
    EXPECT_EQ(subject_of([&] { cut.title({.text = "", .duration = 1s}); }), "titles[0].text");
    EXPECT_EQ(subject_of([&] { cut.title({.text = "\xff", .duration = 1s}); }), "titles[0].text");
    EXPECT_EQ(subject_of([&] { cut.title({.text = "a"}); }), "titles[0].duration");
    EXPECT_EQ(cut.clips().size(), 1U) << "refused items leave no trace";
}

TEST(Timeline, RefusesForeignJson) {
    for (const char* text : {"", "[]", "{}", R"({"version":2,"clips":[]})", R"({"version":1,"clips":[{"asset":"prj_1"}]})",
                             R"({"version":1,"clips":[],"tracks":[]})", R"({"version":1,"clips":[{"asset":7}]})"})
        EXPECT_THROW(Timeline::from_json(text), InvalidArgument) << text;
}
