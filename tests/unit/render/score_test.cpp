#include <gtest/gtest.h>

#include <cmath>

#include <media/likeness.hpp>

#include "score.hpp"
#include "studio.hpp"

using namespace tenon;
using namespace tenon::render;
using namespace tenon::test;

namespace {

media::VideoFrame textured(int noise) {
    media::VideoFrame frame = flat(64, 64, 100);
    const media::Plane plane = frame.plane(0);
    for (int y = 0; y < 64; ++y)
        for (int x = 0; x < 64; ++x)
            plane.data[y * plane.stride + x] =
                static_cast<std::uint8_t>(100 + 40 * std::sin(x * 0.7) + 30 * std::sin(y * 0.4) + noise * ((x * 31 + y * 17) % 3 - 1));
    return frame;
}

double score_of(std::int32_t ssim, double lufs = -14, double peak = 0.5) {
    return quality({{0, ssim, 38'000, 1'000}, {9, ssim, 38'000, 1'000}}, {.integrated = lufs, .true_peak = peak}, -14).score;
}

}  // namespace

TEST(Score, EqualPicturesAreEqualAndNoiseIsSeen) {
    const auto clean = textured(0), noisy = textured(6), noisier = textured(20);
    const auto same = media::compare(clean.plane(0), clean.plane(0));
    EXPECT_DOUBLE_EQ(same.ssim, 1);
    EXPECT_EQ(same.psnr, 99);
    EXPECT_DOUBLE_EQ(same.blockiness, 1);
    const auto some = media::compare(clean.plane(0), noisy.plane(0)), more = media::compare(clean.plane(0), noisier.plane(0));
    EXPECT_LT(some.ssim, 1);
    EXPECT_LT(more.ssim, some.ssim);
    EXPECT_LT(more.psnr, some.psnr);
    EXPECT_NEAR(more.ssim, ssim(clean, noisier), 0.05) << "as the plain definition has it";
    const media::VideoFrame small = flat(32, 32, 1);
    EXPECT_THROW((void)media::compare(clean.plane(0), small.plane(0)), InvalidArgument);
}

TEST(Score, LooksAtTheSamePicturesInEveryRun) {
    const crypto::Digest chunk{1, 2, 3};
    const auto frames = picked(chunk, 150, {25, 1});
    EXPECT_EQ(frames.size(), 8U) << "one in twenty";
    EXPECT_EQ(frames, picked(chunk, 150, {25, 1}));
    EXPECT_NE(frames, picked({4}, 150, {25, 1}));
    for (std::size_t i = 0; i < frames.size(); ++i) {
        EXPECT_GE(frames[i], static_cast<std::int32_t>(i * 150 / 8)) << "spread evenly";
        EXPECT_LT(frames[i], static_cast<std::int32_t>((i + 1) * 150 / 8));
    }
    EXPECT_EQ(picked(chunk, 12, {2, 1}).size(), 3U) << "one in two seconds";
    EXPECT_EQ(picked(chunk, 1, {25, 1}), std::vector<std::int32_t>{0});
}

TEST(Score, ComparesWhatWasEncoded) {
    const auto encode = [](int crf) {
        media::VideoEncoder encoder({.width = 64, .height = 64, .crf = crf, .gop = 10});
        Sampler sampler({3, 7, 14});
        std::vector<media::Packet> packets;
        const auto drain = [&] {
            while (auto packet = encoder.receive()) packets.push_back(std::move(*packet));
        };
        for (int i = 0; i < 20; ++i) {
            const auto frame = textured(i % 5);
            sampler.look(i, frame);
            encoder.send(frame);
            drain();
        }
        encoder.finish();
        drain();
        return sampler.compare(encoder.stream(), packets, {});
    };
    const auto good = encode(10), bad = encode(45);
    ASSERT_EQ(good.size(), 3U);
    EXPECT_EQ(good[0].frame, 3);
    EXPECT_EQ(good[2].frame, 14);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_GT(good[i].ssim, 950'000);
        EXPECT_LT(bad[i].ssim, good[i].ssim);
        EXPECT_LT(bad[i].psnr, good[i].psnr);
    }
}

TEST(Score, PartsAddUp) {
    EXPECT_GT(score_of(985'000), score_of(940'000));
    EXPECT_GT(score_of(985'000), score_of(985'000, -17)) << "three LU off";
    EXPECT_GT(score_of(985'000), score_of(985'000, -14, 1.2)) << "over the ceiling";
    EXPECT_DOUBLE_EQ(quality({{0, 990'000, 45'000, 1'000}}, {.integrated = -14.2, .true_peak = 0.5}, -14).score, 1);
    EXPECT_DOUBLE_EQ(quality({{0, 990'000, 45'000, 1'000}}, {}, 0).score, 1) << "silence has no loudness to miss";
    EXPECT_LT(score_of(0, -30, 4), 0.25);
    EXPECT_FALSE(quality({}, {}, 0).measured);
}
