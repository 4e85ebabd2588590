#include <gtest/gtest.h>

#include <limits>

#include <media/time.hpp>
#include <tenon/error.hpp>

using namespace tenon;
using namespace tenon::media;
using namespace std::chrono_literals;

TEST(Time, RoundsAsAsked) {
    const Rational ms{1, 1'000}, ten{1, 10};
    EXPECT_EQ(rescale(149, ms, ten, Rounding::nearest), 1);
    EXPECT_EQ(rescale(150, ms, ten, Rounding::nearest), 1) << "ties go down";
    EXPECT_EQ(rescale(151, ms, ten, Rounding::nearest), 2);
    EXPECT_EQ(rescale(199, ms, ten, Rounding::down), 1);
    EXPECT_EQ(rescale(101, ms, ten, Rounding::up), 2);
    EXPECT_EQ(rescale(-150, ms, ten, Rounding::nearest), -2) << "down, not towards zero";
    EXPECT_EQ(rescale(-101, ms, ten, Rounding::down), -2);
    EXPECT_EQ(rescale(-101, ms, ten, Rounding::up), -1);
}

TEST(Time, ProductsAreWide) {
    const std::int64_t century_us = 3'155'760'000'000'000;
    EXPECT_EQ(rescale(century_us, {1, 1'000'000}, {1, 90'000}, Rounding::nearest), century_us / 100 * 9);
    EXPECT_EQ(rescale(std::numeric_limits<std::int64_t>::max(), {1, 90'000}, {1, 90'000}, Rounding::nearest),
              std::numeric_limits<std::int64_t>::max());
    EXPECT_THROW(rescale(std::numeric_limits<std::int64_t>::max(), {1, 1}, {1, 2}, Rounding::nearest), InvalidArgument);
    EXPECT_THROW(rescale(1, {1, 0}, {1, 2}, Rounding::nearest), InvalidArgument);
}

TEST(Time, AnHourOfNtscDoesNotDrift) {
    const Rational rate{30'000, 1'001};
    const std::int64_t frames = 107'892;   // the last frame boundary within an hour
    EXPECT_EQ(frame_at(frame_start(frames, rate), rate), frames);
    for (std::int64_t n = 0; n < frames; n += 97) EXPECT_EQ(frame_at(frame_start(n, rate), rate), n);
}

TEST(Time, RatesBecomeExact) {
    EXPECT_EQ(exact_rate({23'976, 1'000}), (Rational{24'000, 1'001}));
    EXPECT_EQ(exact_rate({2'997, 100}), (Rational{30'000, 1'001}));
    EXPECT_EQ(exact_rate({24, 1}), (Rational{24, 1}));
    EXPECT_EQ(exact_rate({25, 1}), (Rational{25, 1}));
    EXPECT_EQ(exact_rate({50, 4}), (Rational{25, 2}));
}

TEST(Time, ComparesExactly) {
    EXPECT_EQ(compare(MediaTime{1, {1, 3}}, MediaTime{333'333, {1, 1'000'000}}), 1);
    EXPECT_EQ(compare(MediaTime{3, {1, 3}}, MediaTime{1'000'000, {1, 1'000'000}}), 0);
    EXPECT_EQ(compare(Rational{30'000, 1'001}, Rational{30, 1}), -1);
    EXPECT_EQ(frame_at(50ms, {10, 1}), 0) << "half a frame: ties go down";
    EXPECT_EQ(frame_at(51ms, {10, 1}), 1);
}
