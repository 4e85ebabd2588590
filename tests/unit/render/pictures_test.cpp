#include <gtest/gtest.h>

#include <regex>

#include <media/picture.hpp>
#include <render/pictures.hpp>

#include "studio.hpp"
#include "svg.hpp"

using namespace tenon;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {

/// A PNG or JPEG in memory, decoded to R, G, B.
struct Image {
    explicit Image(const std::vector<std::uint8_t>& bytes) {
        write_bytes(folder / "picture", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        media::FrameReader reader(folder / "picture", {}, {}, {});
        const media::VideoFrame read = reader.at(Duration{});
        frame = scaler.convert(read, read.width(), read.height(), media::PixelFormat::rgb24);
    }
    std::array<int, 3> at(int x, int y) const {
        const media::Plane plane = frame->plane(0);
        const std::uint8_t* pixel = plane.data + y * plane.stride + x * 3;
        return {pixel[0], pixel[1], pixel[2]};
    }
    int brightest(int x, int y, int width, int height) const {
        int most = 0;
        for (int row = y; row < y + height; ++row)
            for (int column = x; column < x + width; ++column) most = std::max(most, at(column, row)[1]);
        return most;
    }

    Folder folder;
    media::Scaler scaler;
    std::optional<media::VideoFrame> frame;
};

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

}  // namespace

TEST(Pictures, AContactSheetHasItsFramesTheirTimesAndATitle) {
    Studio studio;
    studio.slate(6);
    const render::SheetOptions options{.title = "Slate", .columns = 3, .rows = 2, .cell_width = 160};
    const auto bytes = render::contact_sheet(studio.files[0], options);
    EXPECT_EQ(bytes, render::contact_sheet(studio.files[0], options)) << "the same bytes every time";
    EXPECT_EQ(std::search(bytes.begin(), bytes.end(), std::begin("Software"), std::end("Software") - 1), bytes.end());
    const Image image(bytes);
    constexpr int edge = 14, top = 50, space = 5, cell_width = 160, cell_height = 90;
    ASSERT_EQ(image.frame->width(), 2 * edge + 3 * cell_width + 2 * space);
    ASSERT_EQ(image.frame->height(), top + 2 * cell_height + space + edge);
    EXPECT_GT(image.brightest(edge, 8, 200, 20), 200) << "the title";
    for (int row = 0; row < 2; ++row)
        for (int column = 0; column < 3; ++column) {
            const int x = edge + column * (cell_width + space), y = top + row * (cell_height + space);
            EXPECT_LT(image.brightest(x + cell_width / 2, y + 5, cell_width / 2 - 8, cell_height / 2), 20) << "black frames";
            EXPECT_GT(image.brightest(x, y + cell_height - 20, 60, 18), 150) << "their times";
        }
}

TEST(Pictures, AContactSheetThatNobodyCouldOpenIsRefused) {
    Studio studio;
    studio.slate(1);
    EXPECT_THROW((void)render::contact_sheet(studio.files[0], {.columns = 16, .rows = 16, .cell_width = 4096}), InvalidArgument);
    EXPECT_THROW((void)render::contact_sheet(studio.files[0], {.columns = 17}), InvalidArgument);
    EXPECT_THROW((void)render::contact_sheet(studio.files[0], {.cell_width = 8}), InvalidArgument);
    EXPECT_FALSE(render::contact_sheet(studio.files[0], {.columns = 1, .rows = 1, .cell_width = 16}).empty());
}

TEST(Pictures, AGradeStillShowsWhatARenderGives) {
    Studio studio;
    const auto path = studio.folder / "bars.mp4";
    ASSERT_EQ(std::system(("ffmpeg -nostdin -y -loglevel error -f lavfi -i color=c=0x5080b0:s=640x360:r=25:d=1 -c:v libx264 -preset ultrafast "
                           "-crf 4 '" +
                           path.native() + "'")
                              .c_str()),
              0);
    Timeline cut;
    cut.append({.asset = studio.add(path)});
    cut.grade("cinematic_warm");
    const auto rendered = render::run(studio.request(cut), exec::no_progress(), {});
    media::FrameReader reader(rendered.outputs.at(0).path, {}, {}, {});
    const Image graded(media::encode_png(reader.at(Duration{400'000})));

    const Image still(render::grade_still(path, {.title = "Bars", .grade = "cinematic_warm", .at = 400ms, .width = 800}));
    const auto before = still.at(200, 100), after = still.at(600, 100), wanted = graded.at(960, 540);
    constexpr std::array<int, 3> source{0x50, 0x80, 0xb0};
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(before[i], source[i], 3);
        EXPECT_NEAR(after[i], wanted[i], 3);
    }
    EXPECT_GT(std::abs(before[0] - after[0]) + std::abs(before[2] - after[2]), 5) << "and the two differ";
    EXPECT_THROW((void)render::grade_still(path, {.grade = "none such"}), NotFound);
    EXPECT_THROW((void)render::grade_still(path, {}), InvalidArgument);
    EXPECT_THROW((void)render::grade_still(path, {.grade = "cinematic_warm", .at = -1s}), InvalidArgument);
}

TEST(Pictures, AWaveformShowsEverySoundAtItsPlace) {
    Studio studio;
    studio.slate(4);
    const auto sound = media::envelope(studio.files[0], {.points = 400});
    ASSERT_EQ(sound.channels, 2);
    ASSERT_GE(sound.points(), 380);
    ASSERT_LE(sound.points(), 400);
    EXPECT_NEAR(static_cast<double>(sound.samples), 4 * 48'000, 1'024);
    EXPECT_GT(sound.peak(), 0.2F);
    std::array<float, 4> clicks{};
    for (std::int64_t point = 0; point < sound.points(); ++point) {
        // A click begins each second and lasts a millisecond; a codec smears it by some more.
        const double begin = static_cast<double>(point * sound.samples_per_point) / 48'000;
        const double end = begin + static_cast<double>(sound.samples_per_point) / 48'000;
        const auto left = static_cast<std::size_t>(2 * point);
        const auto second = static_cast<std::size_t>(std::lround((begin + end) / 2));
        const bool near = std::min(std::fabs(begin - std::round(begin)), std::fabs(end - std::round(end))) < 0.05;
        if (near && second < clicks.size()) clicks[second] = std::max(clicks[second], sound.maximum[left]);
        if (!near) {
            EXPECT_LT(sound.maximum[left], 0.05F) << begin;
        }
        EXPECT_LE(sound.rms[left], std::max(sound.maximum[left], -sound.minimum[left]) + 1e-6F);
    }
    for (const float click : clicks) EXPECT_GT(click, 0.15F);
    const auto coarse = sound.coarser(40);
    EXPECT_LE(coarse.points(), 40);
    EXPECT_EQ(coarse.peak(), sound.peak());
    EXPECT_EQ(coarse.samples, sound.samples);

    const Image image(render::waveform(studio.files[0], sound, {.title = "Slate", .width = 800, .height = 300}));
    EXPECT_EQ(image.frame->width(), 800);
    EXPECT_EQ(image.frame->height(), 300);
    EXPECT_THROW((void)render::waveform(studio.files[0], sound, {.width = 100}), InvalidArgument);
}

TEST(Pictures, ARangeOfASoundIsItsPart) {
    Studio studio;
    studio.slate(4);
    const auto part = media::envelope(studio.files[0], {.start = 1500ms, .end = 2500ms, .points = 100, .channels = 1});
    ASSERT_EQ(part.channels, 1);
    EXPECT_EQ(part.samples, 48'000);
    std::int64_t loudest = 0;
    for (std::int64_t i = 0; i < part.points(); ++i)
        if (part.maximum[static_cast<std::size_t>(i)] > part.maximum[static_cast<std::size_t>(loudest)]) loudest = i;
    EXPECT_NEAR(static_cast<double>(loudest * part.samples_per_point), 24'000, 1'000) << "the click at two seconds";
    EXPECT_EQ(media::envelope(studio.files[0], {.start = 1h}).points(), 0);
    EXPECT_THROW((void)media::envelope(studio.files[0], {.points = 0}), InvalidArgument);
    EXPECT_THROW((void)media::envelope(studio.files[0], {.start = 2s, .end = 1s}), InvalidArgument);
}

TEST(Pictures, ATimelineShowsItsClipsTitlesAndCrossfades) {
    Studio studio;
    const AssetId first = studio.slate(4), second = studio.slate(4);
    Timeline cut;
    cut.append({.asset = first, .end = 3s});
    cut.append({.asset = second, .start = 1s, .end = 3s, .transition = crossfade(500ms)});
    cut.title({.text = "A <b>&\"bold\"</b> title", .duration = 1s});
    const auto request = studio.request(cut);
    const auto svg = render::timeline_svg(cut, request.plan, request.sources, {"one.mp4", "<two>.mp4"}, {.title = "Reel", .width = 1200});
    EXPECT_EQ(svg, render::timeline_svg(cut, request.plan, request.sources, {"one.mp4", "<two>.mp4"}, {.title = "Reel", .width = 1200}));
    EXPECT_EQ(svg.find("<b>"), std::string::npos);
    EXPECT_EQ(svg.find("<two>"), std::string::npos);
    EXPECT_NE(svg.find("&lt;two&gt;.mp4"), std::string::npos);
    EXPECT_NE(svg.find("1.00 s – 3.00 s"), std::string::npos);
    EXPECT_NE(svg.find("crossfade, 0.50 s"), std::string::npos);
    EXPECT_NE(svg.find("4.5 s"), std::string::npos);
    EXPECT_GE(count(svg, "<image "), 6u);
    EXPECT_EQ(count(svg, "<path "), 2u) << "the sound of both";
    EXPECT_EQ(count(svg, "<svg"), count(svg, "</svg>"));
    EXPECT_EQ(render::xml_escaped("a\x02 b\xef\xbf\xbf"), "a\xef\xbf\xbd b\xef\xbf\xbd");
    EXPECT_THROW((void)render::timeline_svg(cut, request.plan, request.sources, {"a", "b"}, {.width = 10}), InvalidArgument);
}

TEST(Pictures, ATimelineOfManyClipsStaysAFileThatOpens) {
    Studio studio;
    const AssetId asset = studio.slate(2);
    Timeline cut;
    for (int i = 0; i < 60; ++i) cut.append({.asset = asset, .start = 200ms, .end = 400ms});
    const auto request = studio.request(cut);
    const auto svg = render::timeline_svg(cut, request.plan, request.sources, {"slate.mp4"}, {.width = 480});
    EXPECT_LT(svg.size(), 200'000u);
    EXPECT_EQ(count(svg, "<image "), 0u) << "no room for frames";
}
