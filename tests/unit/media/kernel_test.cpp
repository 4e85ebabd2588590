#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include <media/blend.hpp>
#include <media/colour_table.hpp>
#include <media/encoder.hpp>
#include <media/scaler.hpp>
#include <tenon/error.hpp>

using namespace tenon;
using namespace tenon::media;

namespace {

VideoFrame noise(std::int32_t width, std::int32_t height, unsigned seed) {
    std::mt19937 random(seed);
    VideoFrame frame = VideoFrame::allocate(width, height, PixelFormat::yuv420p);
    for (std::int32_t i = 0; i < 3; ++i) {
        const Plane plane = frame.plane(i);
        for (std::int32_t y = 0; y < plane.height; ++y)
            for (std::int32_t x = 0; x < plane.width; ++x) plane.data[y * plane.stride + x] = static_cast<std::uint8_t>(random());
    }
    return frame;
}

bool same(const VideoFrame& a, const VideoFrame& b) {
    for (std::int32_t i = 0; i < 3; ++i) {
        const Plane p = a.plane(i), q = b.plane(i);
        for (std::int32_t y = 0; y < p.height; ++y)
            if (!std::equal(p.data + y * p.stride, p.data + y * p.stride + p.width, q.data + y * q.stride)) return false;
    }
    return true;
}

VideoFrame copy_of(const VideoFrame& frame) {
    VideoFrame shared = frame;
    return std::move(shared).writable();
}

}  // namespace

TEST(ColourTable, IdentityIsIdentity) {
    const VideoFrame frame = noise(64, 48, 1);
    VideoFrame changed = copy_of(frame);
    ColourTable([](const ColourTable::Pixel& p) { return p; }).apply(changed, {0, 0, 64, 48});
    EXPECT_TRUE(same(frame, changed));
}

TEST(ColourTable, AnotherMatrixIsWithinRounding) {
    const auto change = [](const ColourTable::Pixel& p) { return to_yuv(to_rgb(p, 5), 1); };
    // Flat 2 x 2 blocks, so that chroma's mean luma is the luma of each pixel.
    VideoFrame frame = noise(64, 64, 2);
    const Plane y = frame.plane(0), u = frame.plane(1), v = frame.plane(2);
    for (int row = 0; row < 64; ++row)
        for (int x = 0; x < 64; ++x) y.data[row * y.stride + x] = y.data[(row & ~1) * y.stride + (x & ~1)];
    VideoFrame changed = copy_of(frame);
    ColourTable(change).apply(changed, {0, 0, 64, 64});
    const auto close = [](double exact, int got) { return std::abs(std::clamp(exact, 0.0, 255.0) - got) <= 0.6; };
    for (int row = 0; row < 64; ++row)
        for (int x = 0; x < 64; ++x) {
            const auto at = static_cast<std::ptrdiff_t>(row / 2) * u.stride + x / 2;
            const auto exact = change({double(y.data[row * y.stride + x]), double(u.data[at]), double(v.data[at])});
            ASSERT_TRUE(close(exact[0], changed.plane(0).data[row * changed.plane(0).stride + x]));
            ASSERT_TRUE(close(exact[1], changed.plane(1).data[at])) << exact[1];
            ASSERT_TRUE(close(exact[2], changed.plane(2).data[at]));
        }
}

TEST(ColourTable, LeavesTheRestAlone) {
    const VideoFrame frame = noise(65, 49, 3);   // odd sides
    VideoFrame changed = copy_of(frame);
    const ColourTable black([](const ColourTable::Pixel&) { return ColourTable::Pixel{16, 128, 128}; });
    black.apply(changed, {2, 2, 8, 8});
    EXPECT_EQ(changed.plane(0).data[0], frame.plane(0).data[0]);
    EXPECT_EQ(changed.plane(0).data[2 * changed.plane(0).stride + 2], 16);
    EXPECT_EQ(changed.plane(0).data[10 * changed.plane(0).stride + 10], frame.plane(0).data[10 * frame.plane(0).stride + 10]);
    black.apply(changed, {0, 0, 65, 49});
    EXPECT_EQ(changed.plane(0).data[48 * changed.plane(0).stride + 64], 16);
    EXPECT_THROW(black.apply(changed, {1, 0, 8, 8}), InvalidArgument);
    EXPECT_THROW(black.apply(changed, {0, 0, 66, 8}), InvalidArgument);
}

TEST(Blend, WeightsAreExact) {
    const VideoFrame a = noise(32, 32, 4), b = noise(32, 32, 5);
    EXPECT_TRUE(same(blend(a, b, 0), a));
    EXPECT_TRUE(same(blend(a, b, 32'768), b));
    EXPECT_EQ(crossfade_weight(0, 1), 16'384);
    EXPECT_EQ(crossfade_weight(0, 3), 8'192);
    EXPECT_EQ(crossfade_weight(2, 3), 24'576);
    EXPECT_THROW((void)blend(a, noise(30, 32, 6), 5), InvalidArgument);
}

TEST(Blend, OverlaysAreCutOffAtTheEdge) {
    std::vector<std::uint8_t> white(8 * 8 * 4, 255);
    VideoFrame frame = VideoFrame::allocate(32, 32, PixelFormat::yuv420p);
    fill_black(frame);
    lay_over(overlay_from_bgra(white, 8, 8, 32, 28, -4), frame);
    EXPECT_EQ(frame.plane(0).data[31], 235) << "white";
    EXPECT_EQ(frame.plane(0).data[27], 16);
    EXPECT_EQ(frame.plane(1).data[15], 128) << "without a tint";
    std::vector<std::uint8_t> clear(8 * 8 * 4, 0);
    const VideoFrame before = copy_of(frame);
    lay_over(overlay_from_bgra(clear, 8, 8, 32, 0, 0), frame);
    EXPECT_TRUE(same(before, frame)) << "nothing is seen of what is transparent";
}

TEST(Codec, VersionsNameTheEncoder) { EXPECT_NE(codec_versions().find("x264 - core"), std::string::npos) << codec_versions(); }
