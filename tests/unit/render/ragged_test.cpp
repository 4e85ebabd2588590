#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include <media/probe.hpp>

#include "studio.hpp"

using namespace tenon;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {

/// What ffmpeg makes of `arguments`, below the studio's folder.
AssetId made(Studio& studio, const std::string& name, const std::string& arguments) {
    const auto path = studio.folder / name;
    const std::string command = "ffmpeg -nostdin -y -loglevel error " + arguments + " '" + path.native() + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return studio.add(path);
}

}  // namespace

TEST(Ragged, OneEditOfManyKindsHasItsFullLength) {
    Studio studio;
    const std::string bars = "-f lavfi -i testsrc2=s=160x90:r=25:d=2 ", tone = "-f lavfi -i sine=f=440:d=2 ";
    const std::string fast = "-c:v libx264 -preset ultrafast ";
    const std::vector<AssetId> assets{
        made(studio, "short_sound.mp4", bars + "-f lavfi -i sine=f=440:d=0.7 " + fast + "-c:a aac"),
        made(studio, "variable.mp4", bars + tone + "-vf \"select='not(eq(mod(n,5),3))*not(eq(mod(n,7),2))'\" -vsync vfr " + fast + "-c:a aac"),
        made(studio, "odd.mkv", "-f lavfi -i testsrc2=s=161x91:r=25:d=2 -c:v ffv1 -pix_fmt yuv444p"),
        made(studio, "ten_bit.mkv", bars + "-c:v ffv1 -pix_fmt yuv420p10le -color_range pc"),
        made(studio, "wide_pixels.mp4", bars + "-vf setsar=4/3 " + fast),
        made(studio, "six_channels.mkv", bars + "-f lavfi -i aevalsrc=\"0.2*sin(2600*t):c=5.1:s=22050:d=2\" " + fast + "-c:a pcm_s16le")};
    Timeline cut;
    for (const AssetId& asset : assets) cut.append({.asset = asset, .start = 500ms, .end = 900ms});
    const auto rendered = render::run(studio.request(cut), exec::no_progress(), {});
    EXPECT_EQ(rendered.damaged_packets, 0);
    const media::Probe found = media::probe(rendered.outputs.at(0).path);
    ASSERT_TRUE(found.video && found.audio);
    EXPECT_NEAR(static_cast<double>(found.duration->count()), 2.4e6, 5e4);

    const auto sound = sound_of(rendered.outputs[0].path);
    const auto loudest = [&](std::size_t from, std::size_t to) {
        float peak = 0;
        for (std::size_t i = from * 48; i < std::min(sound.size(), to * 48); ++i) peak = std::max(peak, std::fabs(sound[i]));
        return peak;
    };
    EXPECT_GT(loudest(20, 150), 0.05F);   // short sound: 500 to 700 ms of its source
    EXPECT_LT(loudest(260, 380), 0.01F);  // and then nothing until the next clip
    EXPECT_GT(loudest(450, 750), 0.05F);
    EXPECT_LT(loudest(850, 1'950), 0.01F);  // three clips without sound
    EXPECT_GT(loudest(2'050, 2'350), 0.05F);
}

TEST(Ragged, DamageWithinTheEditIsReportedAndAResumedRunReportsTheSame) {
    Studio studio;
    const auto path = studio.folder / "broken.mp4";
    ASSERT_EQ(std::system(("ffmpeg -nostdin -y -loglevel error -f lavfi -i testsrc2=s=160x90:r=25:d=4 -f lavfi -i sine=f=440:d=4 "
                           "-c:v libx264 -preset ultrafast -x264-params bframes=0:keyint=25:min-keyint=25:scenecut=0 -c:a aac '" +
                           path.native() + "'").c_str()), 0);
    const auto position = [&](bool sound, int number) {
        media::Input input = media::Input::open(path, {}, {});
        input.select({(sound ? input.audio() : input.video())->index});
        std::optional<media::Packet> packet;
        for (int i = 0; i <= number; ++i) packet = input.next();
        return std::pair(packet->position, packet->data.size());
    };
    for (const auto& [at, size] : {position(false, 30), position(false, 90), position(true, 80)}) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(at + 4);
        file << std::string(size - 4, '\xff');
    }
    Timeline cut;
    const AssetId asset = studio.add(path);
    cut.append({.asset = asset, .start = 1s, .end = 2s});   // the second broken picture is not shown
    const auto request = studio.request(cut, {"social_square"});
    const auto first = render::run(request, exec::no_progress(), {});
    ASSERT_EQ(first.damage.size(), 2u);
    EXPECT_EQ(first.damage[0].asset, asset);
    EXPECT_FALSE(first.damage[0].sound);
    EXPECT_EQ(first.damage[0].range, (media::Damage{1200ms, 2s}));
    EXPECT_TRUE(first.damage[1].sound);
    constexpr double packet = 1024e6 / 44'100;
    EXPECT_NEAR(static_cast<double>(first.damage[1].range.start.count()), 80 * packet, 2 * packet);
    EXPECT_NEAR(static_cast<double>((first.damage[1].range.end - first.damage[1].range.start).count()), packet, 2 * packet);

    const auto again = render::run(request, exec::no_progress(), {});
    EXPECT_EQ(again.chunks_encoded, 0);
    ASSERT_EQ(again.damage.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(again.damage[i].range, first.damage[i].range);
    EXPECT_EQ(again.outputs.at(0).sha256, first.outputs.at(0).sha256);
}
