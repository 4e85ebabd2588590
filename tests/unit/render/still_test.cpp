#include <gtest/gtest.h>

#include <base/file.hpp>
#include <crypto/encoding.hpp>
#include <media/files.hpp>
#include <media/picture.hpp>
#include <render/still.hpp>

#include "studio.hpp"

using namespace tenon;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {

/// A red square of this size, half of it transparent.
media::VideoFrame badge(std::int32_t width, std::int32_t height) {
    media::VideoFrame frame = media::VideoFrame::allocate(width, height, media::PixelFormat::rgba);
    const media::Plane plane = frame.plane(0);
    for (std::int32_t y = 0; y < height; ++y)
        for (std::int32_t x = 0; x < width; ++x) {
            std::uint8_t* p = plane.data + y * plane.stride + x * 4;
            p[0] = 255;
            p[1] = p[2] = 0;
            p[3] = x < width / 2 ? 255 : 0;
        }
    return frame;
}

}  // namespace

TEST(Still, LiesWhereItIsPut) {
    const auto still = badge(100, 50);
    const auto corner = render::place_still(still, {1'000'000, 0, 250'000}, 400, 200);
    EXPECT_EQ((std::vector{corner.x, corner.y, corner.width, corner.height}), (std::vector{300, 0, 100, 50}));
    const auto middle = render::place_still(still, {500'000, 500'000, 500'000}, 400, 200);
    EXPECT_EQ((std::vector{middle.x, middle.y, middle.width, middle.height}), (std::vector{100, 50, 200, 100}));
    EXPECT_EQ(middle.opacity[0], 255);
    EXPECT_EQ(middle.opacity[199], 0);
    EXPECT_EQ(render::place_still(still, {}, 1'920, 1'080).width, 100) << "its own size at 1080 lines";
    EXPECT_EQ(render::place_still(still, {}, 3'840, 2'160).width, 200);
    EXPECT_EQ(render::place_still(badge(100, 5'000), {0, 0, 1'000'000}, 400, 200).height, 200) << "never larger than the picture";
}

TEST(Still, ShrunkItKeepsItsMeanAndNoFringe) {
    const auto small = render::place_still(badge(1'000, 1'000), {0, 0, 50'000}, 400, 400);
    EXPECT_EQ(small.width, 20);
    EXPECT_EQ(small.opacity[0], 255);
    EXPECT_EQ(small.opacity[19], 0);
    for (std::size_t i = 0; i < small.luma.size(); ++i) EXPECT_LE(small.luma[i], small.opacity[i] * 60 / 255 + 1) << "nothing but red";
}

TEST(Still, IsSeenForItsTimeAndFades) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.slate(2), .start = 40ms, .end = 960ms});   // black
    const AssetId logo{7, 7};
    cut.image({.asset = logo, .start = 200ms, .duration = 400ms, .x = 0, .y = 0, .width = 1, .fade = 120ms});
    render::Materials materials;
    materials.still = [](const AssetId&) { return badge(32, 18); };
    const auto plan = render::compile(cut, {"mp4"}, studio.sources, 0, materials);
    ASSERT_EQ(plan.outputs[0].overlays.size(), 1U);
    const auto& overlay = plan.outputs[0].overlays[0];
    EXPECT_EQ(overlay.first_frame, 5);
    EXPECT_EQ(overlay.end_frame, 15);
    EXPECT_EQ(overlay.fade, 3);
    EXPECT_EQ((std::vector{overlay.strength(5), overlay.strength(6), overlay.strength(7), overlay.strength(8), overlay.strength(14)}),
              (std::vector{64, 128, 192, 256, 64}));
    EXPECT_THROW((void)render::compile(cut, {"mp4"}, studio.sources, 0), NotFound) << "its picture is not there";
}

TEST(Still, IsReadOnceAndWhatIsShownAlikeIsPaintedOnce) {
    Studio studio;
    const AssetId clip = studio.slate(2), logo{7, 7}, copy{7, 8}, large{7, 9};
    Timeline cut;
    cut.append({.asset = clip, .end = 2s});
    cut.image({.asset = logo, .duration = 200ms, .width = 0.1});
    cut.image({.asset = large, .start = 200ms, .duration = 200ms, .width = 0.2});
    cut.image({.asset = logo, .start = 400ms, .duration = 200ms, .width = 0.1});
    cut.image({.asset = copy, .start = 600ms, .duration = 200ms, .width = 0.1});
    cut.image({.asset = logo, .start = 30s, .width = 0.3});  // behind the end
    cut.title({.text = "Acme", .duration = 200ms});
    cut.title({.text = "Acme", .start = 400ms, .duration = 200ms});
    std::vector<AssetId> read;
    render::Materials materials;
    materials.still = [&](const AssetId& asset) {
        read.push_back(asset);
        return asset == large ? badge(64, 64) : badge(32, 18);
    };
    const auto plan = render::compile(cut, {"mp4", "mov", "4k"}, studio.sources, 0, materials);
    EXPECT_EQ(read, (std::vector{logo, large, copy}));
    for (const auto& output : plan.outputs) {
        ASSERT_EQ(output.overlays.size(), 6U);
        const auto& o = output.overlays;
        EXPECT_EQ(o[0].first_frame, 0);
        EXPECT_EQ(o[1].first_frame, 5);
        EXPECT_EQ(o[1].overlay->width, output.preset.width / 5);
        EXPECT_EQ(o[0].overlay, o[2].overlay);
        EXPECT_EQ(o[0].overlay, o[3].overlay) << "another asset that holds the same";
        EXPECT_EQ(o[0].digest, o[3].digest);
        EXPECT_NE(o[0].overlay, o[1].overlay);
        EXPECT_EQ(o[4].overlay, o[5].overlay);
    }
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(plan.outputs[0].overlays[i].overlay, plan.outputs[1].overlays[i].overlay) << "of one size";
    EXPECT_NE(plan.outputs[0].overlays[0].overlay, plan.outputs[2].overlays[0].overlay);
}

TEST(Still, MoreThanAGibibyteOfThemIsRefusedUnpainted) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.slate(2), .end = 2s});
    for (int i = 0; i < 100; ++i) cut.image({.asset = {7, 7}, .x = i / 100.0, .width = 1});  // 23 MB each
    render::Materials materials;
    materials.still = [](const AssetId&) { return badge(64, 36); };
    try {
        (void)render::compile(cut, {"4k"}, studio.sources, 0, materials);
        ADD_FAILURE() << "nothing was thrown";
    } catch (const Unsupported& error) {
        EXPECT_EQ(error.subject(), "images");
    }
}

TEST(Still, IsReadWithItsTransparency) {
    Folder folder;
    // 16 x 16: red on the left, nothing on the right.
    const auto png = crypto::from_hex(
        "89504e470d0a1a0a0000000d49484452000000100000001008060000001ff3ff610000001b4944415478da63f8cfc0f01f1f662004460d183560d480"
        "e16200000b5aff010f15c4b70000000049454e44ae426082");
    ASSERT_TRUE(png);
    write_bytes(folder / "half.png", std::string(png->begin(), png->end()));
    const auto half = render::read_still(folder / "half.png");
    EXPECT_EQ(half.plane(0).data[0], 255);
    EXPECT_EQ(half.plane(0).data[3], 255);
    EXPECT_EQ(half.plane(0).data[15 * 4 + 3], 0);

    write_bytes(folder / "plain.png", [] {
        const auto bytes = media::encode_png(flat(64, 36, 235));
        return std::string(bytes.begin(), bytes.end());
    }());
    const auto still = render::read_still(folder / "plain.png");
    EXPECT_EQ(still.width(), 64);
    EXPECT_EQ(still.plane(0).data[0], 255);
    EXPECT_EQ(still.plane(0).data[3], 255) << "opaque where the file has no transparency";
    write_bytes(folder / "text.png", "no picture");
    EXPECT_THROW((void)render::read_still(folder / "text.png"), Error);
}
