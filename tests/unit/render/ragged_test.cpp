#include <gtest/gtest.h>

#include <cstdlib>

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
