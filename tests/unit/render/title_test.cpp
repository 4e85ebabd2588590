#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <base/file.hpp>
#include <media/picture.hpp>
#include <media/scaler.hpp>
#include <tenon/error.hpp>
#include <title.hpp>

using namespace tenon;
using namespace tenon::render;

namespace {

constexpr std::int32_t wide = 1'280, high = 720;

media::Overlay painted(const std::string& text, const std::string& look = "", std::int32_t width = wide, std::int32_t height = high,
                       const std::string& font = "") {
    auto overlay = paint_title(text, find_look(look), font, width, height);
    EXPECT_TRUE(overlay);
    if (!overlay) return {};
    // TENON_KEEP=folder keeps the pictures, for people to judge them.
    if (const char* folder = std::getenv("TENON_KEEP")) {
        media::VideoFrame frame = media::VideoFrame::allocate(width, height, media::PixelFormat::yuv420p);
        for (int i = 0; i < 3; ++i) {
            const media::Plane plane = frame.plane(i);
            for (int y = 0; y < plane.height; ++y)
                for (int x = 0; x < plane.width; ++x)
                    plane.data[y * plane.stride + x] = static_cast<std::uint8_t>(i == 0 ? 60 + 120 * x / plane.width : i == 1 ? 140 : 118);
        }
        frame.set_colour({1, 1, 1, false});
        media::lay_over(*overlay, frame);
        static int number = 0;
        const auto name = std::to_string(number++) + "-" + look + ".png";
        base::write_file_atomically(std::filesystem::path(folder) / name, media::encode_png(frame));
    }
    return *std::move(overlay);
}

/// Columns of the picture that hold opaque letters, from and to.
std::pair<std::int32_t, std::int32_t> span_of(const media::Overlay& overlay, std::uint8_t luma) {
    std::int32_t first = overlay.width, last = -1;
    for (std::int32_t y = 0; y < overlay.height; ++y)
        for (std::int32_t x = 0; x < overlay.width; ++x)
            if (overlay.luma[static_cast<std::size_t>(y * overlay.width + x)] >= luma) {
                first = std::min(first, x);
                last = std::max(last, x);
            }
    return {overlay.x + first, overlay.x + last};
}

template <class Failure> std::string subject_of(const std::string& text, const std::string& look, const std::string& font) {
    try {
        (void)paint_title(text, find_look(look), font, wide, high);
    } catch (const Failure& error) {
        return error.subject();
    }
    return "nothing was thrown";
}

}  // namespace

TEST(Title, EveryShippedLookFitsEveryShape) {
    for (const char* look : {"caption", "centre", "corner", "lower_third", "subtitle"})
        for (const auto& [width, height] : {std::pair{1'920, 1'080}, {1'080, 1'080}, {1'080, 1'920}, {3'840, 2'160}, {64, 36}}) {
            const auto overlay = painted("Amina Okafor\nCreative director", look, width, height);
            EXPECT_GE(overlay.x, 0) << look;
            EXPECT_GE(overlay.y, 0) << look;
            EXPECT_LE(overlay.x + overlay.width, width) << look;
            EXPECT_LE(overlay.y + overlay.height, height) << look;
        }
}

TEST(Title, ScriptsThatRunLeftwardsBeginAtTheRight) {
    const auto latin = painted("Amina Okafor\nCreative director", "lower_third");
    const auto arabic = painted("أمينة أوكافور\nالمديرة الإبداعية", "lower_third");
    const auto hebrew = painted("שלום עולם", "lower_third");
    EXPECT_LT(latin.x, wide / 4);
    EXPECT_GT(arabic.x + arabic.width, wide * 3 / 4);
    EXPECT_GT(hebrew.x + hebrew.width, wide * 3 / 4);
}

TEST(Title, LettersAreShaped) {
    // Joined, the four letters are narrower than one by one; and a ligature of vowel signs adds no width.
    const auto width_of = [](const std::string& text) {
        const auto [first, last] = span_of(painted(text, "centre"), 180);
        return last - first;
    };
    EXPECT_LT(width_of("سلام"), width_of("س ل ا م") * 4 / 5);
    EXPECT_EQ(width_of("नमस्ते") > 0, true);
    EXPECT_LT(std::abs(width_of("e\u0301t\u00e9") - width_of("\u00e9t\u00e9")), 3) << "a combining accent is no letter of its own";
}

TEST(Title, EmojiKeepTheirColours) {
    const auto plain = painted("Hello", "caption"), face = painted("Hello 🎉🔥", "caption");
    const auto colourful = [](const media::Overlay& o) {
        return std::count_if(o.u.begin(), o.u.end(), [](int u) { return std::abs(u) > 30; });
    };
    EXPECT_EQ(colourful(plain), 0);
    EXPECT_GT(colourful(face), 50);
    const auto families = painted("👩‍👩‍👧 🇫🇷", "caption");   // joined to one picture each
    EXPECT_LT(families.width, high / 2);
}

TEST(Title, OneLineMixesScripts) {
    const auto mixed = painted("Acme × آكمي × Ακμή × ไทย 😀", "centre");
    EXPECT_GT(mixed.width, 0);
}

TEST(Title, WhatIsMissingIsNamed) {
    EXPECT_EQ(subject_of<NotFound>("Acme", "", "No Such Typeface"), "No Such Typeface");
    EXPECT_EQ(subject_of<NotFound>("Acme", "no_such_look", ""), "no_such_look");
    EXPECT_EQ(subject_of<Unsupported>("a\U0010fffd", "", ""), "U+10FFFD");
    EXPECT_NO_THROW((void)paint_title("Acme", find_look(""), "dejavu sans", wide, high)) << "case does not matter";
}

TEST(Title, SpacesHaveNothingToSee) { EXPECT_FALSE(paint_title(" \n ", find_look(""), "", wide, high)); }

TEST(Title, UnknownFieldsOfALookAreErrors) {
    const std::string good = R"({"version":1,"name":"x","fonts":["Noto Sans"],"lines":[{"size":66,"weight":700,"colour":"#ffffffff"}],)"
                             R"("align":"centre","place":{"x":1,"y":2,"width":800},"fade_ms":0)";
    EXPECT_EQ(parse_look(good + "}").lines.front().weight, 700);
    EXPECT_THROW(parse_look(good + R"(,"glow":1})"), InvalidArgument);
    EXPECT_THROW(parse_look(good + R"(,"edge":{"width":1,"colour":"red"}})"), InvalidArgument);
}
