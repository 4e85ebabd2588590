// Cameras that refuse, fall silent, send garbage or change what they send, over real sockets.

#include <array>
#include <random>

#include <nvr/segment_file.hpp>

#include <odd_camera.hpp>
#include "recorder_fixture.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
using tenon::test::CameraServer;
using tenon::test::OddCamera;
using test::expect_whole;
using test::Studio;

/// Records odd cameras until each of them was given up and asked again.
class Odd : public ::testing::Test {
protected:
    void add(const std::string& what, OddCamera::Answers instead, std::string stream = {}) {
        auto& one = cameras.emplace_back();
        one.what = what;
        one.server = std::make_unique<OddCamera>(std::move(instead), std::move(stream));
        one.id = studio.add(studio.home.a, one.server->url());
    }
    void expect_all_given_up() {
        for (auto& one : cameras) {
            SCOPED_TRACE(one.what);
            EXPECT_TRUE(Studio::wait(120s, [&] { return one.server->clients() >= 2 && !studio.status(one.id).problem.empty(); }));
            one.problem = studio.status(one.id).problem;
            EXPECT_EQ(studio.status(one.id).state, CameraState::retrying);
        }
        studio.stop();
        for (const auto& one : cameras) {
            const auto folder = studio.folder(studio.home.a, one.id);
            if (one.what != noise_like_h264) {
                EXPECT_TRUE(days_of(folder).empty()) << one.what;
            }
            // A picture that nobody can decode is recorded as it came, in files that are whole.
            for (const auto day : days_of(folder))
                for (const auto& name : segments_of(folder / day_name(day)))
                    EXPECT_TRUE(verify_segment(folder / day_name(day) / name, studio.public_key(studio.home.a, one.id)).whole()) << name;
        }
        EXPECT_EQ(studio.storage(studio.home.a).reserved, 0);
    }
    void expect_all_given_up_beside_a_good_one() {
        CameraServer server;
        const auto good = studio.add(studio.home.a, server.url());
        EXPECT_TRUE(Studio::wait(120s, [&] { return studio.covered(studio.home.a, good) >= 1s; })) << "the good camera is disturbed";
        expect_all_given_up();
        expect_whole(studio, studio.home.a, good);
    }
    std::string reason_of(const CameraId& camera) {
        auto events = studio.events->subscribe(studio.home.scope(studio.home.a), {.kinds = {"camera.offline"}, .after = 0});
        while (const auto event = events->next(120s))
            if (event->subject == camera.text()) return event->data;
        return {};
    }

    static constexpr const char* noise_like_h264 = "packets of noise";
    struct One {
        std::string what;
        std::unique_ptr<OddCamera> server;
        CameraId id{};
        std::string problem;
    };
    Studio studio;
    std::vector<One> cameras;

    explicit Odd(Duration open_timeout = 30s) : studio(open_timeout) {}
};

struct SilentOdd : Odd {
    SilentOdd() : Odd(2s) {}
};

TEST_F(Odd, ACameraThatRefusesIsAskedAgain) {
    for (const auto* refusal : {"400 Bad Request", "403 Forbidden", "404 Not Found", "453 Not Enough Bandwidth", "500 Internal Server Error",
                                "503 Service Unavailable"})
        add(std::string("DESCRIBE: ") + refusal, {{"DESCRIBE", refusal}});
    add("OPTIONS: 551", {{"OPTIONS", "551 Option Not Supported"}});
    add("SETUP: 461", {{"SETUP", "461 Unsupported Transport"}});
    add("PLAY: 454", {{"PLAY", "454 Session Not Found"}});
    add("DESCRIBE: 999", {{"DESCRIBE", "999 \x01\xff"}});
    for (const auto& one : cameras) {
        const bool forbidden = one.what.find("403") != std::string::npos;
        EXPECT_NE(reason_of(one.id).find(forbidden ? "refused" : "offline"), std::string::npos) << one.what << ' ' << reason_of(one.id);
    }
    expect_all_given_up_beside_a_good_one();
}

TEST_F(SilentOdd, ACameraThatFallsSilentIsGivenUpAndAskedAgain) {
    for (const auto* method : {"OPTIONS", "DESCRIBE", "SETUP", "PLAY"}) add(method, {{method, ""}});
    add("after PLAY", {});
    expect_all_given_up();
    for (const auto& one : cameras)
        EXPECT_TRUE(one.problem.ends_with("no answer in time") || one.problem == "the camera has stopped sending") << one.what << ": " << one.problem;
}

TEST_F(Odd, ACameraThatSendsGarbageIsGivenUpAndAskedAgain) {
    std::mt19937 random(7);
    const auto noise = [&](std::size_t size) {
        std::string bytes(size, '\0');
        for (auto& byte : bytes) byte = static_cast<char>(random());
        return bytes;
    };
    // Proper packets of the stream that was promised, with nothing in them that is H.264.
    const auto packets = [&](bool slices) {
        std::string all;
        for (unsigned n = 0; n < 500; ++n) {
            const auto size = static_cast<unsigned>(13 + random() % 1200);
            const std::array<unsigned, 16> head{'$', 0, size >> 8, size & 0xff, 0x80, n % 7 ? 96u : 224u, n >> 8, n & 0xff,
                                                n >> 3, 0, n & 0xff, 0, 9, 9, 9, 9};
            for (const auto byte : head) all += static_cast<char>(byte);
            all += slices ? "\x41" + noise(size - 13) : noise(size - 12);
        }
        return all;
    };
    add("noise", {}, noise(1 << 20));
    add(noise_like_h264, {}, packets(false));
    add("slices of noise", {}, packets(true));
    add("a packet of a length that never comes", {}, std::string("$\0\xff\xff", 4) + "short");
    add("a header without end", {{"DESCRIBE", "200 " + std::string(1 << 20, 'x')}});
    add("a body that is no description", {{"DESCRIBE", "200 OK\r\nContent-Type: application/sdp\r\nContent-Length: 2147483647"}});
    add("a negative body", {{"DESCRIBE", "200 OK\r\nContent-Type: application/sdp\r\nContent-Length: -5"}});
    add("another server", {{"DESCRIBE", "302 Moved\r\nLocation: rtsp://127.0.0.1:9/else"}});
    expect_all_given_up_beside_a_good_one();
}

/// The picture's size in a segment's own description.
std::pair<int, int> size_in(const std::filesystem::path& path) {
    const auto input = media::Input::open(path, {}, {});
    return {input.video()->width, input.video()->height};
}

std::int64_t sound_frames(const std::filesystem::path& path, std::int32_t stream) {
    auto input = media::Input::open(path, {}, {});
    std::int64_t count = 0;
    while (const auto packet = input.next()) count += packet->stream == stream;
    return count;
}

TEST(ChangedCamera, ANewPictureSizeBeginsANewRunOnTheSameConnection) {
    CameraServer server({TENON_FOOTAGE "/camera.mp4", TENON_FOOTAGE "/camera_small.mp4"});
    Studio studio;
    const auto a = studio.home.a;
    const auto camera = studio.add(a, server.url());
    ASSERT_TRUE(studio.wait(120s, [&] { return studio.covered(a, camera) >= 2s; })) << studio.status(camera).problem;
    server.change();
    const auto is_changed = [](const RecordingInfo& run) { return run.gap_before == "format_change" && run.frames >= 30; };
    const auto changed = [&] {
        const auto list = studio.list(a, camera);
        return std::any_of(list.begin(), list.end(), is_changed);
    };
    ASSERT_TRUE(studio.wait(120s, changed)) << studio.status(camera).problem;
    studio.stop();
    expect_whole(studio, a, camera);

    const auto list = studio.list(a, camera);
    const auto found = std::find_if(list.begin(), list.end(), is_changed);
    ASSERT_TRUE(found != list.begin() && found != list.end());
    const auto& small = *found;
    const auto& large = *std::prev(found);
    EXPECT_LE(large.end, small.start + 1ms);
    EXPECT_LE(small.start - large.end, 5s) << "nothing but the wait for a key frame is missing";
    const auto folder = studio.folder(a, camera);
    std::vector<std::pair<int, int>> sizes;
    for (const auto day : days_of(folder))
        for (const auto& name : segments_of(folder / day_name(day))) {
            const auto path = folder / day_name(day) / name;
            const auto size = size_in(path);
            if (sizes.empty() || sizes.back() != size) sizes.push_back(size);
            EXPECT_GT(sound_frames(path, 1), 0) << "its sound goes on: " << path;
            test::decode_all(path, [&](const auto& frame) { EXPECT_EQ(frame.width(), size.first) << path; });
        }
    EXPECT_EQ(sizes, (std::vector<std::pair<int, int>>{{768, 576}, {384, 288}}));

    // A clip over the change cannot be one film; what is before and behind it can.
    try {
        (void)ClipPlan(folder, {large.start, small.end, Cut::gop});
        ADD_FAILURE() << "two sizes in one clip";
    } catch (const Unsupported& error) {
        EXPECT_FALSE(error.subject().empty()) << "it says when";
    }
    EXPECT_NO_THROW((void)ClipPlan(folder, {large.start, large.end, Cut::gop}));
    EXPECT_NO_THROW((void)ClipPlan(folder, {small.start, small.end, Cut::exact}));
    EXPECT_EQ(take_still(folder, large.end - 100ms, 80).info.width, 768);
    EXPECT_EQ(take_still(folder, small.end - 100ms, 80).info.width, 384);

    const auto playlist = make_playlist(folder, {.start = large.start, .end = small.end, .uri_prefix = {}});
    const auto discontinuity = playlist.text.rfind("#EXT-X-DISCONTINUITY\n");
    ASSERT_NE(discontinuity, std::string::npos);
    EXPECT_LT(playlist.text.find("#EXT-X-MAP"), discontinuity);
    EXPECT_LT(playlist.text.find("#EXT-X-MAP", discontinuity), playlist.text.find("#EXTINF", discontinuity)) << "its map stands first";

    const auto spans = list_spans(folder, {large.start, small.end}, {.now = small.end, .pruned_until = {}, .now_missing = {}});
    const auto is_change = [](const FootageSpan& span) { return span.kind == SpanKind::gap && span.reason == "format_change"; };
    EXPECT_EQ(std::count_if(spans.begin(), spans.end(), is_change), 1);
}

}  // namespace
}  // namespace tenon::nvr
