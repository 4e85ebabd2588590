#include <gtest/gtest.h>

#include <cmath>
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

TEST(Timeline, KeepsLooksImagesAndLut) {
    Timeline cut = reel();
    cut.title({.text = "Amina\nDirector", .duration = 2s, .look = "lower_third", .font = "Noto Serif"});
    cut.image({.asset = first, .start = 1s, .duration = 2s, .x = 0.95, .y = 0.05, .width = 0.1, .opacity = 0.8, .fade = 300ms});
    cut.lut(second);
    const Timeline back = Timeline::from_json(cut.to_json());
    EXPECT_EQ(back.to_json(), cut.to_json());
    EXPECT_EQ(back.titles()[1].look, "lower_third");
    EXPECT_EQ(back.titles()[1].font, "Noto Serif");
    ASSERT_EQ(back.images().size(), 1U);
    EXPECT_EQ(back.images()[0].x, 0.95);
    EXPECT_EQ(back.images()[0].fade, 300ms);
    EXPECT_EQ(back.lut_asset(), second);
    EXPECT_EQ(reel().to_json().find("images"), std::string::npos) << "older readers read what does not use them";

    EXPECT_EQ(subject_of([&] { cut.image({.duration = 1s}); }), "images[1].asset");
    EXPECT_EQ(subject_of([&] { cut.image({.asset = first, .x = 1.5}); }), "images[1].x");
    EXPECT_EQ(subject_of([&] { cut.image({.asset = first, .opacity = std::nan("")}); }), "images[1].opacity");
    EXPECT_EQ(subject_of([&] { cut.image({.asset = first, .fade = -1s}); }), "images[1].fade");
    EXPECT_EQ(subject_of([&] { cut.title({.text = "a", .duration = 1s, .font = "Sans, Serif"}); }), "titles[2].font");
}

TEST(Timeline, RefusesForeignJson) {
    for (const char* text : {"", "[]", "{}", R"({"version":2,"clips":[]})", R"({"version":1,"clips":[{"asset":"prj_1"}]})",
                             R"({"version":1,"clips":[],"tracks":[]})", R"({"version":1,"clips":[{"asset":7}]})"})
        EXPECT_THROW(Timeline::from_json(text), InvalidArgument) << text;
}
