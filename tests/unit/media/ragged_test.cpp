// Files as they come: without times, with times that fall back, edited, turned, of two fields, broken.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>

#include <media/decoder.hpp>
#include <media/deinterlace.hpp>
#include <media/envelope.hpp>
#include <media/files.hpp>
#include <media/frame_reader.hpp>
#include <media/probe.hpp>
#include <media/stills.hpp>

using namespace tenon;
using namespace tenon::media;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {

/// Whether ffmpeg made `name` of `arguments`, below `folder`.
std::filesystem::path made(const Folder& folder, const std::string& name, const std::string& arguments) {
    const auto path = folder / name;
    const std::string command = "ffmpeg -nostdin -y -loglevel error " + arguments + " '" + path.native() + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return path;
}

/// Pictures that tell their own number by how bright they are, 25 a second, from `first` on.
std::string numbered(int first, int count) {
    return "-f lavfi -i \"color=s=64x48:r=25:d=" + std::to_string(count / 25.0) + ",format=yuv420p,geq=lum=16+2*(N+" + std::to_string(first) +
           "):cb=128:cr=128\" ";
}
const std::string exact = "-c:v libx264 -preset ultrafast -crf 1 -g 25 -x264-params scenecut=0:bframes=2:keyint=25:min-keyint=25 ";

int number_of(const VideoFrame& frame) {
    const Plane y = frame.plane(0);
    double sum = 0;
    for (std::int32_t row = 0; row < y.height; ++row)
        for (std::int32_t x = 0; x < y.width; ++x) sum += y.data[row * y.stride + x];
    return static_cast<int>(std::lround((sum / (y.width * y.height) - 16) / 2));
}

int number_at(const std::filesystem::path& path, Duration position) { return number_of(FrameReader(path, {}, {}, {}).at(position)); }

/// The n-th packet of the pictures, where it lies in its file.
Packet packet_of(const std::filesystem::path& path, int number, bool sound = false) {
    Input input = Input::open(path, {}, {});
    input.select({(sound ? input.audio() : input.video())->index});
    std::optional<Packet> packet;
    for (int i = 0; i <= number; ++i) packet = input.next();
    return *packet;
}

void overwrite(const std::filesystem::path& path, std::int64_t from, std::int64_t count) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(from);
    file << std::string(static_cast<std::size_t>(count), '\xff');
}

constexpr Duration frames(std::int64_t count) { return Duration{count * 40'000}; }

}  // namespace

TEST(Ragged, PicturesWithoutTimesAreCounted) {
    const Folder folder;
    const auto path = made(folder, "bare.h264", numbered(0, 100) + exact);
    FrameReader reader(path, {}, {}, {});
    EXPECT_EQ(number_of(reader.at(frames(50))), 50);
    EXPECT_EQ(number_of(reader.at(frames(20))), 20) << "back";
    EXPECT_EQ(number_of(reader.at(frames(95))), 95);
    EXPECT_EQ(number_at(path, frames(70)), 70) << "straight there";
    EXPECT_TRUE(reader.damages().empty());
}

TEST(Ragged, TimesThatFallBackBeginANewStretch) {
    const Folder folder;
    const std::string silence = "-f lavfi -i anullsrc=r=48000:cl=mono ", tone = "-f lavfi -i sine=f=1000:r=48000 ";
    const auto first = made(folder, "first.ts", numbered(0, 50) + silence + "-t 2 " + exact + "-c:a aac");
    const auto second = made(folder, "second.ts", numbered(50, 50) + tone + "-t 2 " + exact + "-c:a aac");
    const auto both = folder / "both.ts";
    std::ofstream(both, std::ios::binary) << std::ifstream(first, std::ios::binary).rdbuf() << std::ifstream(second, std::ios::binary).rdbuf();

    const Probe found = probe(both);
    EXPECT_NEAR(static_cast<double>(found.duration->count()), 4e6, 1e5);
    // The second begins where all of the first has ended: its sound may be a little longer than its pictures.
    FrameReader reader(both, {}, {}, {});
    // Time zero is where the sound begins, a codec's frame before the pictures.
    EXPECT_NEAR(number_of(reader.at(frames(10))), 10, 1);
    const Duration joint = [&] {
        for (Duration at = 1900ms;; at += 1ms)
            if (number_of(reader.at(at)) >= 50) return at;
    }();
    EXPECT_NEAR(static_cast<double>(joint.count()), 2e6, 1e5);
    EXPECT_EQ(number_of(reader.at(joint + frames(30))), 80);
    EXPECT_NEAR(number_of(reader.at(frames(20))), 20, 1) << "back into the first";
    EXPECT_EQ(number_at(both, joint + frames(40)), 90) << "straight into the second";
    EXPECT_TRUE(reader.damages().empty());

    const auto sound = envelope(both, {.points = 1'000, .channels = 1});
    std::int64_t begins = 0;
    while (begins < sound.points() && sound.maximum[static_cast<std::size_t>(begins)] < 0.02F) ++begins;
    EXPECT_NEAR(static_cast<double>(begins * sound.samples_per_point) / 48'000, static_cast<double>(joint.count()) / 1e6, 0.05)
        << "sound and pictures stay together";
    const auto part = envelope(both, {.start = joint + 500ms, .end = joint + 1s, .points = 10, .channels = 1});
    EXPECT_EQ(part.samples, 24'000);
    EXPECT_GT(part.minimum.empty() ? 0 : part.peak(), 0.05F);
}

TEST(Ragged, AnEditListShowsWhatItNamesAndNothingElse) {
    const Folder folder;
    const auto whole = made(folder, "whole.mp4", numbered(0, 100) + exact);
    // Copied from the middle of a group of pictures: the key picture before is in the file, and cut off by the list.
    const auto cut = made(folder, "cut.mp4", "-ss 1.4 -i '" + whole.native() + "' -c copy");
    ASSERT_GT(packet_of(cut, 0).discard ? 1 : 0, 0) << "ffmpeg wrote no edit list";
    FrameReader reader(cut, {}, {}, {});
    EXPECT_EQ(number_of(reader.at(0s)), 35);
    EXPECT_EQ(number_of(reader.at(frames(10))), 45);
    EXPECT_EQ(number_of(reader.at(frames(60))), 95);
    EXPECT_EQ(number_of(reader.at(frames(2))), 37);
    EXPECT_TRUE(reader.damages().empty());
}

TEST(Ragged, AFileThatSaysItIsTurnedIsUpright) {
    const Folder folder;
    const auto flat = made(folder, "flat.mp4", "-f lavfi -i \"color=black:s=128x64:r=25:d=0.4,drawbox=w=64:h=64:color=white:t=fill\" " + exact);
    const auto turned = made(folder, "turned.mp4", "-i '" + flat.native() + "' -c copy -metadata:s:v rotate=90");
    FrameReader reader(turned, {}, {}, {});
    const Size size = upright_size(reader.stream(), 64);
    EXPECT_EQ(size.width, 64);
    EXPECT_EQ(size.height, 128);
    Scaler scaler;
    const VideoFrame still = still_at(reader, scaler, 0s, size);
    const Plane y = still.plane(0);
    const bool top = y.data[10 * y.stride + 32] > 128, bottom = y.data[118 * y.stride + 32] > 128;
    EXPECT_NE(top, bottom) << "what was left or right is above or below";
}

TEST(Ragged, FieldsThatDisagreeBecomeOnePicture) {
    VideoFrame combed = VideoFrame::allocate(64, 64, PixelFormat::yuv420p);
    fill_black(combed);
    Plane y = combed.plane(0);
    for (std::int32_t row = 0; row < 64; ++row)
        for (std::int32_t x = 0; x < 64; ++x) y.data[row * y.stride + x] = static_cast<std::uint8_t>(x < 32 ? 60 + row : row % 2 ? 200 : 50);
    const VideoFrame whole = deinterlaced(combed);
    const Plane out = whole.plane(0);
    for (std::int32_t row = 2; row < 62; ++row) {
        EXPECT_EQ(out.data[row * out.stride + 10], 60 + row) << "where they agree nothing is touched";
        EXPECT_EQ(out.data[row * out.stride + 50], 200) << "and else the first field is what counts";
    }
}

TEST(Ragged, InterlacedFilesAreShownWithoutCombs) {
    const Folder folder;
    // A bar that moves from field to field.
    const auto path = made(folder, "fields.mpg",
                           "-f lavfi -i \"color=black:s=192x96:r=50:d=1,format=yuv420p,geq=lum=if(lt(mod(X-6*N\\,96)\\,24)\\,220\\,30):cb=128:cr=128"
                           ",tinterlace=interleave_top:flags=vlpf,setfield=tff\" -c:v mpeg2video -q:v 1 -flags +ildct+ilme");
    const auto combs = [](const VideoFrame& frame) {
        const Plane y = frame.plane(0);
        std::int64_t sum = 0;
        for (std::int32_t row = 1; row + 1 < y.height; ++row)
            for (std::int32_t x = 0; x < y.width; ++x) {
                const int own = y.data[row * y.stride + x], above = y.data[(row - 1) * y.stride + x], below = y.data[(row + 1) * y.stride + x];
                if ((own > above && own > below) || (own < above && own < below)) sum += std::min(std::abs(own - above), std::abs(own - below));
            }
        return sum;
    };
    Input input = Input::open(path, {}, {});
    VideoDecoder decoder(*input.video());
    std::optional<VideoFrame> raw;
    while (!raw) {
        decoder.send(*input.next());
        raw = decoder.receive();
    }
    FrameReader reader(path, {}, {}, {});
    EXPECT_LT(combs(reader.at(0s)) * 10, combs(*raw));
}

TEST(Ragged, WhereAPictureIsBrokenTheOneBeforeStaysAndTheRangeIsTold) {
    const Folder folder;
    const auto path = made(folder, "broken.mp4", numbered(0, 100) + "-c:v libx264 -preset ultrafast -crf 1 -x264-params "
                                                                   "scenecut=0:bframes=0:keyint=25:min-keyint=25");
    EXPECT_EQ(number_at(path, frames(62)), 62);
    const Packet packet = packet_of(path, 60);
    ASSERT_GT(packet.position, 0);
    overwrite(path, packet.position + 4, static_cast<std::int64_t>(packet.data.size()) - 4);

    FrameReader reader(path, {}, {}, {});
    for (const int number : {10, 59}) EXPECT_EQ(number_of(reader.at(frames(number))), number);
    for (const int number : {60, 67, 74}) EXPECT_EQ(number_of(reader.at(frames(number))), 59) << number;
    for (const int number : {75, 99}) EXPECT_EQ(number_of(reader.at(frames(number))), number);
    EXPECT_EQ(reader.damages(), (Damages{{frames(60), frames(75)}}));
    FrameReader straight(path, {}, {.threads = 2}, {});
    EXPECT_EQ(number_of(straight.at(frames(70))), 59) << "whatever was decoded before";
    EXPECT_EQ(straight.damages(), reader.damages());
}

TEST(Ragged, DamageIsHeldForASecondAtMost) {
    const Folder folder;
    const auto path = made(folder, "long.mp4", numbered(0, 100) + "-c:v libx264 -preset ultrafast -crf 1 -x264-params "
                                                                 "scenecut=0:bframes=0:keyint=100:min-keyint=100");
    const Packet packet = packet_of(path, 40);
    overwrite(path, packet.position + 4, static_cast<std::int64_t>(packet.data.size()) - 4);
    FrameReader reader(path, {}, {}, {});
    EXPECT_EQ(number_of(reader.at(frames(60))), 39);
    EXPECT_GT(number_of(reader.at(frames(80))), 60) << "what follows is shown, made from a broken picture as it is";
    (void)reader.at(frames(99));
    ASSERT_EQ(reader.damages().size(), 1u);
    EXPECT_EQ(reader.damages()[0].start, frames(40));
    EXPECT_GE(reader.damages()[0].end, frames(99)) << "and told as damaged up to the end";
}

TEST(Ragged, WhatIsCutOffIsTold) {
    const Folder folder;
    const auto whole = made(folder, "whole.mp4", numbered(0, 100) + exact + "-movflags +faststart");
    const auto size = packet_of(whole, 60).position;
    std::filesystem::resize_file(whole, static_cast<std::uintmax_t>(size));
    FrameReader reader(whole, {}, {}, {});
    EXPECT_GT(number_of(reader.at(frames(99))), 50);
    ASSERT_EQ(reader.damages().size(), 1u);
    EXPECT_NEAR(static_cast<double>(reader.damages()[0].start.count()), 2.4e6, 1.3e5);
    EXPECT_EQ(reader.damages()[0].end, frames(100));
}

TEST(Ragged, RangesOfDamageAreMerged) {
    Damages damages;
    add(damages, {2s, 3s});
    add(damages, {5s, 6s});
    add(damages, {0s, 1s});
    add(damages, {4s, 4s});
    EXPECT_EQ(damages, (Damages{{0s, 1s}, {2s, 3s}, {5s, 6s}}));
    add(damages, {1s, 2500ms});
    EXPECT_EQ(damages, (Damages{{0s, 3s}, {5s, 6s}}));
    add(damages, {100ms, 5500ms});
    EXPECT_EQ(damages, (Damages{{0s, 6s}}));
    EXPECT_EQ(within(damages, 5s, 9s), (Damages{{5s, 6s}}));
    EXPECT_TRUE(within(damages, 6s, 9s).empty());
}

TEST(Ragged, WhatWasConcealedIsToldWhicheverThreadPutsItOut) {
    const Folder folder;
    for (const std::string codec : {"-c:v libx264 -preset veryfast -g 50 -bf 3 -b_strategy 0 ", "-c:v mpeg4 -b:v 2M -g 50 -bf 2 "}) {
        const auto path = made(folder, "concealed.mp4", "-f lavfi -i testsrc2=s=640x360:r=25:d=4 " + codec);
        for (const int number : {20, 35, 36, 71}) {
            const Packet packet = packet_of(path, number);
            const auto size = static_cast<std::int64_t>(packet.data.size());
            overwrite(path, packet.position + size / 2, size / 4);
        }
        const auto damaged = [&](int threads) {
            Input input = Input::open(path, {}, {});
            input.select({input.video()->index});
            VideoDecoder decoder(*input.video(), {.threads = threads});
            std::set<std::int64_t> out;
            const auto take = [&] {
                while (const auto frame = decoder.receive())
                    if (frame->damaged()) out.insert(frame->pts().value());
            };
            while (const auto packet = input.next()) decoder.send(*packet), take();
            decoder.finish();
            take();
            return out;
        };
        const auto truth = damaged(1);
        EXPECT_GE(truth.size(), 4U) << codec;
        for (int i = 0; i < 14; ++i) ASSERT_EQ(damaged(2 + i % 7), truth) << codec << ", " << 2 + i % 7 << " threads";
    }
}
