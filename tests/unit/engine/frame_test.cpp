#include "engine_fixture.hpp"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <latch>
#include <set>
#include <thread>

namespace tenon::tests {
namespace {

using namespace std::chrono_literals;

class FrameTest : public EngineTest {
protected:
    Asset bring(const std::filesystem::path& path) { return mine.assets().import_file({.project = project.id, .path = path}); }
    /// What ffmpeg makes of `arguments`.
    Asset made(const std::string& name, const std::string& arguments) {
        const auto path = folder.path() / name;
        const std::string command = "ffmpeg -nostdin -y -loglevel error " + arguments + " '" + path.native() + "'";
        EXPECT_EQ(std::system(command.c_str()), 0) << command;
        return bring(path);
    }
    static double mean(const Plane& plane) {
        double sum = 0;
        const std::int32_t samples = plane.width() * plane.channels();
        for (std::int32_t y = 0; y < plane.height(); ++y)
            for (std::int32_t x = 0; x < samples; ++x) {
                const std::uint8_t* const at = plane.data() + y * plane.stride() + x * plane.bytes_per_sample();
                std::uint16_t two = 0;
                if (plane.bytes_per_sample() == 2) std::memcpy(&two, at, 2);
                sum += plane.bytes_per_sample() == 2 ? two : *at;
            }
        return sum / (static_cast<double>(samples) * plane.height());
    }
    static std::vector<std::uint8_t> bytes(const Frame& frame) {
        std::vector<std::uint8_t> all;
        for (std::int32_t i = 0; i < frame.planes(); ++i) {
            const auto plane = frame.plane(i);
            const auto row = static_cast<std::ptrdiff_t>(plane.width()) * plane.channels() * plane.bytes_per_sample();
            for (std::int32_t y = 0; y < plane.height(); ++y)
                all.insert(all.end(), plane.data() + y * plane.stride(), plane.data() + y * plane.stride() + row);
        }
        return all;
    }
    static std::vector<Duration> times(FrameStream frames) {
        std::vector<Duration> all;
        while (const auto frame = frames.next()) all.push_back(frame->time());
        return all;
    }

    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
    Asset clip = bring(clip_with_sound);  // 25 fps, 10.2 s, 720 x 576 with wide pixels
};

TEST_F(FrameTest, is_as_the_asset_is_shown) {
    const auto frame = session(acme, Role::viewer).assets().frame(clip.id, {.at = 2s});
    EXPECT_EQ(frame.width(), clip.width);
    EXPECT_EQ(frame.height(), clip.height);
    EXPECT_EQ(frame.format(), PixelFormat::yuv420p);
    EXPECT_EQ(frame.time(), 2s);
    ASSERT_EQ(frame.planes(), 3);
    const auto luma = frame.plane(0), chroma = frame.plane(1);
    EXPECT_EQ(luma.width(), 768);
    EXPECT_EQ(luma.height(), 576);
    EXPECT_EQ(chroma.width(), 384);
    EXPECT_EQ(chroma.height(), 288);
    EXPECT_EQ(luma.channels(), 1);
    EXPECT_EQ(luma.bytes_per_sample(), 1);
    EXPECT_GE(luma.stride(), 768);
    EXPECT_EQ(luma.size(), luma.stride() * 575 + 768);
    EXPECT_EQ(frame.size().count, 768 * 576 * 3 / 2);
    EXPECT_THROW(frame.plane(3), InvalidArgument);
    EXPECT_THROW(frame.plane(-1), InvalidArgument);
    EXPECT_EQ(mine.assets().frame(clip.id, {.at = 2s + 39ms}).time(), 2s) << "shown until the next begins";
    EXPECT_EQ(mine.assets().frame(clip.id).time(), 0s);
    EXPECT_GT(mine.assets().frame(clip.id, {.at = 10h}).time(), 10s) << "the last";
}

TEST_F(FrameTest, comes_in_the_format_and_size_asked_for) {
    const auto assets = mine.assets();
    const auto yuv = assets.frame(clip.id, {.at = 2s});
    const auto gray = assets.frame(clip.id, {.at = 2s, .format = PixelFormat::gray});
    ASSERT_EQ(gray.planes(), 1);
    EXPECT_NEAR(mean(gray.plane(0)), (mean(yuv.plane(0)) - 16) * 255 / 219, 3);
    const auto rgb = assets.frame(clip.id, {.at = 2s, .format = PixelFormat::rgb24, .width = 320});
    ASSERT_EQ(rgb.planes(), 1);
    EXPECT_EQ(rgb.width(), 320);
    EXPECT_EQ(rgb.height(), 240);
    EXPECT_EQ(rgb.plane(0).width(), 320);
    EXPECT_EQ(rgb.plane(0).channels(), 3);
    EXPECT_GE(rgb.plane(0).stride(), 960);
    EXPECT_NEAR(mean(rgb.plane(0)), mean(gray.plane(0)), 25);
    const auto ten = assets.frame(clip.id, {.at = 2s, .format = PixelFormat::yuv420p10});
    EXPECT_EQ(ten.plane(0).bytes_per_sample(), 2);
    EXPECT_NEAR(mean(ten.plane(0)), mean(yuv.plane(0)) * 4, 4);
    EXPECT_EQ(assets.frame(clip.id, {.width = 2}).height(), 2);
}

TEST_F(FrameTest, a_plane_outlives_everything) {
    const auto plane = mine.assets().frame(clip.id, {.at = 2s}).plane(0);
    const double before = mean(plane);
    const auto frame = mine.assets().frame(clip.id, {.at = 2s});
    mine.assets().remove(clip.id);
    engine->close();
    engine.reset();
    EXPECT_EQ(mean(plane), before);
    EXPECT_EQ(mean(frame.plane(0)), before);
    EXPECT_EQ(frame.time(), 2s);
}

TEST_F(FrameTest, of_more_than_eight_bits_and_of_odd_shapes) {
    const std::string bars = "-f lavfi -i testsrc2=s=160x90:r=25:d=1 ";
    const auto ten = made("ten.mkv", bars + "-c:v ffv1 -pix_fmt yuv420p10le");
    const auto deep = mine.assets().frame(ten.id);
    EXPECT_EQ(deep.format(), PixelFormat::yuv420p10);
    EXPECT_EQ(deep.plane(0).bytes_per_sample(), 2);
    EXPECT_GT(mean(deep.plane(0)), 255);
    EXPECT_LT(mean(deep.plane(0)), 1023);
    const auto shallow = mine.assets().frame(ten.id, {.format = PixelFormat::yuv420p});
    EXPECT_NEAR(mean(shallow.plane(0)) * 4, mean(deep.plane(0)), 4);

    const auto odd = mine.assets().frame(made("odd.mkv", "-f lavfi -i testsrc=s=161x91:r=25:d=1 -c:v ffv1 -pix_fmt yuv444p").id);
    EXPECT_EQ(odd.width(), 161);
    EXPECT_EQ(odd.plane(1).width(), 81);
    EXPECT_EQ(odd.plane(1).height(), 46);

    const auto flat = made("flat.mp4", bars + "-c:v libx264 -preset ultrafast");
    const auto turned = made("turned.mp4", "-i '" + flat.path.native() + "' -c copy -metadata:s:v rotate=90");
    for (const auto format : {PixelFormat::yuv420p, PixelFormat::rgb24, PixelFormat::gray, PixelFormat::yuv420p10}) {
        const auto lying = mine.assets().frame(flat.id, {.format = format}), upright = mine.assets().frame(turned.id, {.format = format});
        EXPECT_EQ(upright.width(), 90);
        EXPECT_EQ(upright.height(), 160);
        const auto from = lying.plane(0), to = upright.plane(0);
        const auto pixel = from.channels() * from.bytes_per_sample();
        // As ffmpeg itself turns this file: the top left corner goes to the bottom left, the top right one to the top left.
        EXPECT_EQ(std::memcmp(to.data() + 159 * to.stride(), from.data(), static_cast<std::size_t>(pixel)), 0);
        EXPECT_EQ(std::memcmp(to.data(), from.data() + 159 * pixel, static_cast<std::size_t>(pixel)), 0);
    }
}

TEST_F(FrameTest, a_loop_sees_each_frame_once) {
    auto frames = mine.assets().frames(clip.id, {.start = 1s, .end = 1400ms});
    for (int i = 0; i < 10; ++i) {
        const auto frame = frames.next();
        ASSERT_TRUE(frame);
        EXPECT_EQ(frame->time(), 1s + i * 40ms);
        if (i % 5 == 0) {
            EXPECT_EQ(bytes(*frame), bytes(mine.assets().frame(clip.id, {.at = frame->time()})));
        }
    }
    EXPECT_FALSE(frames.next());
    EXPECT_FALSE(frames.next());

    EXPECT_EQ(times(mine.assets().frames(clip.id, {.start = 1020ms, .end = 1081ms})), (std::vector<Duration>{1s, 1040ms, 1080ms}));
    EXPECT_EQ(times(mine.assets().frames(clip.id, {.start = 9s, .step = 500ms})), (std::vector<Duration>{9s, 9480ms, 10s}));
    EXPECT_EQ(times(mine.assets().frames(clip.id, {.end = 40ms, .step = 20ms})), (std::vector<Duration>{0s, 0s})) << "one frame, two steps";
    EXPECT_TRUE(times(mine.assets().frames(clip.id, {.start = 11s})).empty());
    EXPECT_TRUE(times(mine.assets().frames(clip.id, {.start = 11s, .step = 1s})).empty());
    const auto rest = times(mine.assets().frames(clip.id, {.start = 9s, .width = 16}));
    EXPECT_NEAR(static_cast<double>(rest.size()), 30, 3) << "to the last frame";
    EXPECT_TRUE(std::is_sorted(rest.begin(), rest.end()));
    EXPECT_EQ(std::set(rest.begin(), rest.end()).size(), rest.size());
}

TEST_F(FrameTest, of_an_export_and_as_a_picture) {
    Timeline cut;
    cut.append({.asset = clip.id, .start = 1s, .end = 1400ms});
    auto job = mine.renders().start({.project = project.id, .timeline = cut, .outputs = {"social_square"}});
    const auto name = job.result().outputs.at(0).path.filename().string();
    EXPECT_EQ(mine.exports().frame(name, {.at = 200ms}).time(), 200ms);
    EXPECT_EQ(times(mine.exports().frames(name)).size(), 10u);
    EXPECT_THROW(mine.exports().frame("none.mp4"), NotFound);
    EXPECT_THROW(mine.exports().frames("none.mp4"), NotFound);

    const auto target = folder.path() / "frame.png";
    mine.pictures().frame({.asset = clip.id, .at = 2s, .target = target, .width = 320});
    const auto picture = bring(target);
    EXPECT_EQ(picture.width, 320);
    EXPECT_EQ(picture.height, 240);
    EXPECT_EQ(bytes(mine.assets().frame(picture.id, {.format = PixelFormat::rgb24})),
              bytes(mine.assets().frame(clip.id, {.at = 2s, .format = PixelFormat::rgb24, .width = 320})));
    EXPECT_EQ(times(mine.assets().frames(picture.id)).size(), 1u) << "a still is one frame";
    EXPECT_THROW(mine.pictures().frame({.asset = clip.id}), InvalidArgument);
    EXPECT_THROW(mine.pictures().frame({.asset = clip.id, .target = folder.path() / "home" / "x.png"}), PermissionDenied);
    EXPECT_THROW(mine.pictures().frame({.target = target}), InvalidArgument);
}

TEST_F(FrameTest, what_cannot_be_had_is_said) {
    const auto subject_of = [](const auto& call) {
        try {
            call();
        } catch (const InvalidArgument& error) {
            return error.subject();
        }
        return std::string("nothing");
    };
    const auto assets = mine.assets();
    EXPECT_EQ(subject_of([&] { assets.frame(clip.id, {.at = -1us}); }), "at");
    EXPECT_EQ(subject_of([&] { assets.frame(clip.id, {.format = static_cast<PixelFormat>(9)}); }), "format");
    EXPECT_EQ(subject_of([&] { assets.frame(clip.id, {.width = 1}); }), "width");
    EXPECT_EQ(subject_of([&] { assets.frames(clip.id, {.width = 16'385}); }), "width");
    EXPECT_EQ(subject_of([&] { assets.frames(clip.id, {.start = -1us}); }), "start");
    EXPECT_EQ(subject_of([&] { assets.frames(clip.id, {.step = -1us}); }), "step");
    EXPECT_EQ(subject_of([&] { assets.frames(clip.id, {.start = 1s, .end = 1s}); }), "end");
    EXPECT_NO_THROW(assets.frame(clip.id, {.at = Duration::max()}));
    EXPECT_EQ(times(assets.frames(clip.id, {.step = Duration::max()})).size(), 1u);
    EXPECT_THROW(session(other).assets().frame(clip.id), NotFound);
    EXPECT_THROW(session(other).assets().frames(clip.id), NotFound);
    EXPECT_THROW(session(acme, Role::billing).assets().frame(clip.id), PermissionDenied);
    const auto sound = made("sound.wav", "-f lavfi -i sine=f=440:d=1");
    EXPECT_THROW(assets.frame(sound.id), Unsupported);
    EXPECT_THROW(assets.frames(sound.id), Unsupported);
    std::ofstream(folder.path() / "look.cube") << "LUT_3D_SIZE 2\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n0 0 1\n1 0 1\n0 1 1\n1 1 1\n";
    EXPECT_THROW(assets.frame(bring(folder.path() / "look.cube").id), Unsupported);
}

TEST_F(FrameTest, a_closed_loop_ends) {
    auto frames = mine.assets().frames(clip.id), second = mine.assets().frames(clip.id), third = mine.assets().frames(clip.id);
    const auto kept = frames.next();
    ASSERT_TRUE(kept);
    frames.close();
    frames.close();
    EXPECT_THROW(static_cast<void>(frames.next()), Closed);
    EXPECT_GT(mean(kept->plane(0)), 0);

    std::latch reads(1);
    std::jthread reader([&] {
        reads.count_down();
        EXPECT_THROW(
            {
                for (;;) {
                    if (!second.next()) second = mine.assets().frames(clip.id);
                }
            },
            Closed);
    });
    reads.wait();
    engine->close();
    reader.join();
    EXPECT_THROW(static_cast<void>(third.next()), Closed);

    open();
    auto again = session(acme);
    auto last = again.assets().frames(clip.id);
    ASSERT_TRUE(last.next());
    again.close();
    EXPECT_THROW(static_cast<void>(last.next()), Closed);
}

}  // namespace
}  // namespace tenon::tests
