#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <thread>

#include <media/blend.hpp>
#include <media/colour.hpp>
#include <media/files.hpp>
#include <media/frame_reader.hpp>
#include <media/muxer.hpp>
#include <media/probe.hpp>
#include <media/scaler.hpp>
#include <tenon/error.hpp>

using namespace tenon;
using namespace tenon::media;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {

VideoFrame grey(std::int32_t width, std::int32_t height, int luma) {
    VideoFrame frame = VideoFrame::allocate(width, height, PixelFormat::yuv420p);
    fill_black(frame);
    const Plane y = frame.plane(0);
    for (std::int32_t row = 0; row < y.height; ++row)
        std::fill_n(y.data + row * y.stride, y.width, static_cast<std::uint8_t>(luma));
    return frame;
}

int mean_luma(const VideoFrame& frame) {
    const Plane y = frame.plane(0);
    std::int64_t sum = 0;
    for (std::int32_t row = 0; row < y.height; ++row)
        for (std::int32_t x = 0; x < y.width; ++x) sum += y.data[row * y.stride + x];
    return static_cast<int>(sum / (std::int64_t{y.width} * y.height));
}

template <class Encoder> std::vector<Packet> drain(Encoder& encoder) {
    std::vector<Packet> packets;
    while (auto packet = encoder.receive()) packets.push_back(std::move(*packet));
    return packets;
}

/// Decode times: the n-th sample gets the n-th smallest presentation time, moved forward as far as needed.
void set_dts(std::vector<Packet>& packets) {
    std::vector<std::int64_t> sorted;
    for (const auto& packet : packets) sorted.push_back(*packet.pts);
    std::sort(sorted.begin(), sorted.end());
    std::int64_t delay = 0;
    for (std::size_t i = 0; i < packets.size(); ++i) delay = std::max(delay, sorted[i] - *packets[i].pts);
    for (std::size_t i = 0; i < packets.size(); ++i) packets[i].dts = sorted[i] - delay;
}

constexpr VideoEncoding small{.width = 160, .height = 96, .rate = {25, 1}, .gop = 10};

std::filesystem::path ramp_file(const std::filesystem::path& path, int frames) {
    VideoEncoder encoder(small);
    std::vector<Packet> packets;
    for (int i = 0; i < frames; ++i) {
        encoder.send(grey(160, 96, 40 + 4 * i));
        for (auto& packet : drain(encoder)) packets.push_back(packet);
    }
    encoder.finish();
    for (auto& packet : drain(encoder)) packets.push_back(packet);
    set_dts(packets);

    AudioEncoder sound({});
    AudioBlock block{0, {std::vector<float>(48'000 * frames / 25), std::vector<float>(48'000 * frames / 25)}};
    for (std::size_t i = 0; i < block.channels[0].size(); ++i)
        block.channels[0][i] = block.channels[1][i] = 0.3F * std::sin(static_cast<float>(i) * 0.05F);
    sound.send(block);
    auto audio = drain(sound);
    sound.finish();
    for (auto& packet : drain(sound)) audio.push_back(packet);

    Mp4Muxer muxer(path, {small, encoder.extradata()}, AudioTrack{{}, sound.extradata(), sound.priming(), block.samples()});
    for (const auto& packet : packets) muxer.write_video(packet);
    for (const auto& packet : audio) muxer.write_audio(packet);
    muxer.finish();
    return path;
}

bool contains(const std::vector<char>& bytes, std::string_view text) {
    return std::search(bytes.begin(), bytes.end(), text.begin(), text.end()) != bytes.end();
}

}  // namespace

TEST(Codec, PicturesAndSoundSurviveEncodingAndMuxing) {
    const Folder folder;
    const auto path = ramp_file(folder / "ramp.mp4", 45);
    const Probe found = probe(path);
    EXPECT_EQ(found.duration, 1'800ms);
    const StreamInfo& video = found.streams[0];
    EXPECT_EQ(video.rate, (Rational{25, 1}));
    EXPECT_EQ(video.colour, (Colour{1, 1, 1, false}));
    EXPECT_EQ(video.start->ticks, 0);
    ASSERT_TRUE(found.audio);

    FrameReader reader(path, {}, {}, {});
    for (int i = 0; i < 45; ++i) {
        const VideoFrame frame = reader.at(frame_start(i, {25, 1}));
        EXPECT_NEAR(mean_luma(frame), 40 + 4 * i, 1) << i;
    }
    for (const int i : {30, 3, 44, 0, 12, 13, 11}) {
        SCOPED_TRACE(i);
        EXPECT_NEAR(mean_luma(reader.at(frame_start(i, {25, 1}))), 40 + 4 * i, 1) << "in any order";
    }
    EXPECT_NEAR(mean_luma(reader.at(1h)), 40 + 4 * 44, 1) << "the last one stays";
    EXPECT_NEAR(mean_luma(reader.at(-1s)), 40, 1);
}

TEST(Codec, EveryGopIsClosedAndOfOneLength) {
    const Folder folder;
    Input input = Input::open(ramp_file(folder / "ramp.mp4", 45), {}, {});
    input.select({0});
    std::vector<std::int64_t> keys;
    std::int64_t count = 0;
    std::set<std::int64_t> times;
    while (const auto packet = input.next()) {
        if (packet->key) keys.push_back(count);
        ++count;
        times.insert(*packet->pts);
        EXPECT_LE(*packet->dts, *packet->pts);
    }
    EXPECT_EQ(count, 45);
    EXPECT_EQ(times.size(), 45U);
    EXPECT_EQ(keys, (std::vector<std::int64_t>{0, 10, 20, 30, 40}));
}

TEST(Codec, FilesHoldNoToolNoDateAndAreTheSameTwice) {
    const Folder folder;
    const auto one = read_bytes(ramp_file(folder / "one.mp4", 12)), two = read_bytes(ramp_file(folder / "two.mp4", 12));
    EXPECT_EQ(one, two);
    for (const char* word : {"Lavf", "Lavc", "x264", "libav"}) EXPECT_FALSE(contains(one, word)) << word;
    EXPECT_TRUE(contains(one, "colr"));
    const auto moov = std::search(one.begin(), one.end(), std::begin("moov"), std::end("moov") - 1);
    const auto mdat = std::search(one.begin(), one.end(), std::begin("mdat"), std::end("mdat") - 1);
    EXPECT_LT(moov, mdat) << "plays before it is loaded in full";
}

TEST(Codec, SoundComesBackAtItsPlace) {
    const Folder folder;
    const auto path = ramp_file(folder / "ramp.mp4", 45);
    Input input = Input::open(path, {}, {});
    const StreamInfo audio = *input.audio();
    input.select({audio.index});
    AudioDecoder decoder(audio, 48'000, 2);
    std::vector<float> sound;
    const auto collect = [&] {
        while (const auto block = decoder.receive()) {
            EXPECT_EQ(block->position, static_cast<std::int64_t>(sound.size()));
            sound.insert(sound.end(), block->channels[0].begin(), block->channels[0].end());
        }
    };
    while (const auto packet = input.next()) {
        decoder.send(*packet);
        collect();
    }
    decoder.finish();
    collect();
    ASSERT_GE(sound.size(), 86'400U);
    double error = 0;
    for (std::size_t i = 0; i < 86'000; ++i) {
        const double expected = 0.3 * std::sin(static_cast<double>(i) * 0.05);
        error += (sound[i] - expected) * (sound[i] - expected);
    }
    EXPECT_LT(std::sqrt(error / 86'000), 0.02) << "a shift by one sample would give 0.011, by three more than this";
}

TEST(Codec, ResamplingKeepsTime) {
    Input input = Input::open(balle(), {}, {});
    const StreamInfo audio = *input.audio();
    input.select({audio.index});
    AudioDecoder decoder(audio, 44'100, 1);
    std::int64_t samples = 0;
    const auto collect = [&] {
        while (const auto block = decoder.receive()) {
            EXPECT_EQ(block->channels.size(), 1U);
            EXPECT_EQ(block->position, samples);
            samples += block->samples();
        }
    };
    while (const auto packet = input.next()) {
        decoder.send(*packet);
        collect();
    }
    decoder.finish();
    collect();
    EXPECT_NEAR(static_cast<double>(samples), 10.2 * 44'100, 1024 + 64);
}

TEST(Codec, DecodesRealFootageByTime) {
    FrameReader reader(vtest(), {}, {.threads = 2}, {});
    const VideoFrame late = reader.at(40s);
    const VideoFrame early = reader.at(1s);
    const VideoFrame again = reader.at(40s);
    EXPECT_EQ(late.pts(), 400);
    EXPECT_EQ(early.pts(), 10);
    for (std::int32_t i = 0; i < 3; ++i) {
        const Plane a = late.plane(i), b = again.plane(i);
        for (std::int32_t y = 0; y < a.height; ++y)
            ASSERT_TRUE(std::equal(a.data + y * a.stride, a.data + y * a.stride + a.width, b.data + y * b.stride));
    }
    EXPECT_EQ(reader.damaged_packets(), 0);
}

TEST(Codec, DamageIsConcealedAndCounted) {
    const Folder folder;
    auto bytes = read_bytes(balle());
    for (std::size_t at = bytes.size() / 2; at < bytes.size() / 2 + 3'000; ++at) bytes[at] = static_cast<char>(at * 7);
    write_bytes(folder / "damaged.mp4", {bytes.data(), bytes.size()});
    FrameReader reader(folder / "damaged.mp4", {}, {}, {});
    for (int i = 0; i < 255; ++i) EXPECT_EQ(reader.at(frame_start(i, {25, 1})).width(), 720);
}

TEST(Codec, AFullDiskIsNamed) {
    const Folder folder;
    const SmallDisk disk(folder.path(), "size=16k");
    if (!disk) GTEST_SKIP() << "may not mount a small file system";
    try {
        ramp_file(folder / "big.mp4", 45);
        ADD_FAILURE() << "nothing was thrown";
    } catch (const NoSpace& error) {
        EXPECT_EQ(error.subject(), (folder / "big.mp4").string());
    }
}

TEST(Codec, WhatCannotBeEncodedIsRefused) {
    EXPECT_THROW(VideoEncoder({.width = 161, .height = 95}), InvalidArgument);
    EXPECT_THROW(VideoEncoder({.width = 160, .height = 96, .preset = "no such"}), InvalidArgument);
    VideoEncoder encoder(small);
    EXPECT_THROW(encoder.send(grey(320, 96, 20)), InvalidArgument);
}

// Eight at once on two cores, each fed in fits and starts, as beside other work: a chunk that ends soon after a crossfade, which is what
// an encoder that looks ahead in a thread of its own weighs in two ways.
TEST(Codec, AnEncodersBytesAreTheSameHoweverItIsFed) {
    constexpr std::int32_t side = 720;
    const std::filesystem::path footage = TENON_FOOTAGE;
    FrameReader street(footage / "vtest.avi", {}, {}, {}), talk(footage / "balle-jbart.mp4", {}, {}, {});
    Scaler scaler;
    const auto square = [&](FrameReader& reader, Duration at) { return scaler.convert(reader.at(at), side, side, PixelFormat::yuv420p); };
    std::vector<VideoFrame> frames;
    for (int i = 0; i < 18; ++i) frames.push_back(square(street, 7s + i * 100ms));
    for (int i = 0; i < 2; ++i) frames.push_back(blend(square(street, 8800ms + i * 100ms), square(talk, 5s + i * 100ms), crossfade_weight(i, 2)));
    for (int i = 2; i < 6; ++i) frames.push_back(square(talk, 5s + i * 100ms));
    constexpr std::size_t at_once = 8;
    std::vector<std::vector<std::uint8_t>> streams(at_once * 2);
    for (std::size_t first = 0; first < streams.size(); first += at_once) {
        std::vector<std::jthread> threads;
        for (std::size_t n = first; n < first + at_once; ++n)
            threads.emplace_back([&, n] {
                std::mt19937 random(static_cast<unsigned>(n));
                VideoEncoder encoder({.width = side, .height = side, .rate = {10, 1}, .preset = "veryfast", .gop = 20, .threads = 2});
                const auto take = [&] {
                    for (const auto& packet : drain(encoder)) streams[n].insert(streams[n].end(), packet.data.begin(), packet.data.end());
                };
                for (const auto& frame : frames) {
                    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
                    encoder.send(frame);
                    take();
                }
                encoder.finish();
                take();
            });
    }
    for (const auto& stream : streams) EXPECT_TRUE(stream == streams[0]);
}

TEST(Colours, GuessesFollowTheSize) {
    EXPECT_EQ(with_guesses({}, 1920, 1080), (Colour{bt709, bt709, bt709, false}));
    EXPECT_EQ(with_guesses({}, 720, 576), (Colour{bt470bg, smpte170m, bt470bg, false}));
    EXPECT_EQ(with_guesses({}, 720, 480), (Colour{smpte170m, smpte170m, smpte170m, false}));
    EXPECT_EQ(with_guesses({9, 16, 9, false}, 720, 480), (Colour{9, 16, 9, false})) << "tags decide";
}
