#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include <media/files.hpp>
#include <media/frame_reader.hpp>
#include <media/picture.hpp>
#include <media/probe.hpp>
#include <media/scaler.hpp>
#include <media/stills.hpp>
#include <media/thumbnail.hpp>
#include <tenon/error.hpp>

using namespace tenon;
using namespace tenon::media;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {

const StreamInfo picture_of(const std::vector<std::uint8_t>& bytes, const char* name) {
    const Folder folder;
    write_bytes(folder / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const Probe found = probe(folder / name);
    EXPECT_TRUE(found.video);
    return found.streams.at(0);
}

}  // namespace

TEST(Pictures, AThumbnailIsUprightWithSquarePixels) {
    const StreamInfo picture = picture_of(thumbnail(balle(), {.at = 2s}), "thumb.jpg");
    EXPECT_EQ(picture.codec, "mjpeg");
    EXPECT_EQ(picture.width, 320);
    EXPECT_EQ(picture.height, 240) << "720 x 576 at 16:15 is 4:3";
}

TEST(Pictures, ThumbnailsOfAnyMoment) {
    EXPECT_FALSE(thumbnail(vtest()).empty());
    EXPECT_NE(thumbnail(vtest(), {.at = 5s}), thumbnail(vtest(), {.at = 50s}));
    EXPECT_EQ(thumbnail(vtest(), {.at = 5s}), thumbnail(vtest(), {.at = 5s})) << "the same bytes every time";
    EXPECT_FALSE(thumbnail(vtest(), {.at = 1h}).empty()) << "the last frame";
    EXPECT_THROW((void)thumbnail(vtest(), {.width = 3}), InvalidArgument);
}

TEST(Pictures, SoundAloneHasNone) {
    const Folder folder;
    std::string wav("RIFF\x24\x10\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\xbb\0\0\0\x77\1\0\2\0\x10\0data\0\x10\0\0", 44);
    wav.append(4096, '\1');
    write_bytes(folder / "sound.wav", wav);
    EXPECT_TRUE(probe(folder / "sound.wav").audio);
    EXPECT_THROW((void)thumbnail(folder / "sound.wav"), Unsupported);
}

TEST(Pictures, TurningFourTimesIsNothing) {
    FrameReader reader(balle(), {}, {}, {});
    const VideoFrame frame = reader.at(1s);
    const VideoFrame quarter = rotated(frame, 90);
    EXPECT_EQ(quarter.width(), frame.height());
    EXPECT_EQ(quarter.sample_aspect(), (Rational{15, 16}));
    // The top left corner goes to the top right.
    EXPECT_EQ(quarter.plane(0).data[quarter.width() - 1], frame.plane(0).data[0]);
    const VideoFrame back = rotated(rotated(quarter, 180), 90);
    for (std::int32_t i = 0; i < 3; ++i) {
        const Plane a = frame.plane(i), b = back.plane(i);
        for (std::int32_t y = 0; y < a.height; ++y)
            ASSERT_TRUE(std::equal(a.data + y * a.stride, a.data + y * a.stride + a.width, b.data + y * b.stride));
    }
}

TEST(Pictures, ScalingChecksItsRectangles) {
    VideoFrame small = VideoFrame::allocate(64, 64, PixelFormat::yuv420p), large = VideoFrame::allocate(128, 128, PixelFormat::yuv420p);
    fill_black(small);
    fill_black(large);
    Scaler scaler;
    scaler.scale(small, {0, 0, 64, 64}, large, {32, 0, 96, 128});
    EXPECT_EQ(large.plane(0).data[40], 16);
    EXPECT_THROW(scaler.scale(small, {0, 0, 65, 64}, large, {0, 0, 64, 64}), InvalidArgument);
    EXPECT_THROW(scaler.scale(small, {0, 0, 64, 64}, large, {1, 0, 64, 64}), InvalidArgument);
    EXPECT_THROW(scaler.scale(small, {0, 0, 64, 64}, large, {0, 0, 63, 64}), InvalidArgument);
    EXPECT_THROW(paste(small, large, 66, 0), InvalidArgument);
}

TEST(Pictures, AFrameThatIsAsAskedForIsNotCopied) {
    FrameReader reader(vtest(), {}, {}, {});
    Scaler scaler;
    const VideoFrame frame = reader.at(1s);
    const Size size = shown_size(reader.stream());
    EXPECT_EQ(size.width, 768);
    EXPECT_EQ(shown(frame, scaler, 0, size, PixelFormat::yuv420p).plane(0).data, frame.plane(0).data);
    EXPECT_NE(shown(frame, scaler, 0, {384, 288}, PixelFormat::yuv420p).plane(0).data, frame.plane(0).data);
    EXPECT_EQ(shown(frame, scaler, 270, {288, 384}, PixelFormat::gray).width(), 288);
    FrameReader wide(balle(), {}, {}, {});
    EXPECT_EQ(shown_size(wide.stream()).width, 768) << "square pixels";
}

TEST(Pictures, OneAfterTheOtherIsEachAtItsTime) {
    FrameReader reader(vtest(), {}, {}, {}), other(vtest(), {}, {}, {});
    EXPECT_EQ(reader.time_of(reader.at(2s)), 2s);
    EXPECT_FALSE(reader.end_of_last());
    for (int i = 1; i < 5; ++i) {
        const auto frame = reader.next();
        ASSERT_TRUE(frame);
        EXPECT_EQ(reader.time_of(*frame), 2s + i * 100ms);
        const VideoFrame same = other.at(2s + i * 100ms);
        EXPECT_EQ(std::memcmp(frame->plane(0).data, same.plane(0).data, 768), 0);
    }
    EXPECT_EQ(reader.time_of(reader.at(1h)), 79'400ms);
    EXPECT_EQ(reader.end_of_last(), 79'500ms);
    EXPECT_FALSE(reader.next());
    FrameReader first(vtest(), {}, {}, {});
    EXPECT_EQ(first.time_of(*first.next()), 0s);
    EXPECT_EQ(first.time_of(*first.next()), 100ms);
}
