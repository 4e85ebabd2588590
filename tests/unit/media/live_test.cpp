#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <thread>

#include <av.hpp>
#include <camera_server.hpp>
#include <media/decoder.hpp>
#include <media/input.hpp>
#include <odd_camera.hpp>
#include <tenon/error.hpp>

using namespace tenon;
using namespace tenon::media;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {
const LiveOptions patient{.open_timeout = 30s};   // for a camera that is slow to start under load
}

TEST(Camera, GivesPicturesAndSound) {
    const CameraServer camera;
    Input input = Input::open_live(camera.url(), patient, {});
    ASSERT_TRUE(input.video() && input.audio());
    EXPECT_EQ(input.container(), "rtsp");
    EXPECT_EQ(input.video()->codec, "h264");
    EXPECT_EQ(input.video()->width, 768);
    EXPECT_EQ(input.video()->height, 576);
    EXPECT_FALSE(input.video()->extradata.empty());
    EXPECT_FALSE(input.video()->duration);
    EXPECT_EQ(input.audio()->codec, "aac");
    EXPECT_EQ(input.audio()->sample_rate, 16'000);

    VideoDecoder decoder(*input.video());
    std::optional<std::int64_t> last;
    int pictures = 0, sounds = 0, keys = 0;
    while (pictures < 70 || sounds < 10) {
        const auto packet = input.next();
        ASSERT_TRUE(packet);
        if (packet->stream == input.audio()->index) {
            ++sounds;
            continue;
        }
        keys += packet->key;
        if (packet->dts) {
            EXPECT_GT(*packet->dts, last.value_or(*packet->dts - 1));
            last = packet->dts;
        }
        decoder.send(*packet);
        while (decoder.receive()) ++pictures;
    }
    EXPECT_GE(keys, 1);
    EXPECT_THROW(input.seek(0, 0), Unsupported);
}

TEST(Camera, SilenceIsUnavailable) {
    CameraServer camera;
    Input input = Input::open_live(camera.url(), {.open_timeout = 30s, .read_timeout = 2s}, {});
    ASSERT_TRUE(input.next());
    camera.stall();
    // What is still on the way comes first.
    EXPECT_THROW(while (input.next()) {}, Unavailable);
}

TEST(Camera, ADroppedConnectionEnds) {
    CameraServer camera;
    Input input = Input::open_live(camera.url(), {.open_timeout = 30s, .read_timeout = 2s}, {});
    ASSERT_TRUE(input.next());
    camera.drop();
    try {
        while (input.next()) {}
    } catch (const Unavailable& error) {
        EXPECT_EQ(error.subject(), camera.url().substr(0, camera.url().find('/', 7)));
    }
}

TEST(Camera, AWaitingReaderStops) {
    CameraServer camera;
    std::stop_source source;
    Input input = Input::open_live(camera.url(), {.open_timeout = 30s, .read_timeout = 30s}, source.get_token());
    ASSERT_TRUE(input.next());
    camera.stall();
    std::jthread stopper([&] { source.request_stop(); });
    EXPECT_THROW(while (input.next()) {}, Cancelled);
}

TEST(Camera, ALoginOpensAndStaysSecret) {
    const CameraServer camera({TENON_FOOTAGE "/camera.mp4", "--user", "admin", "--password", "s3cret"});
    EXPECT_TRUE(Input::open_live(camera.url("admin", "s3cret"), patient, {}).video());
    for (const std::string& url : {camera.url(), camera.url("admin", "wr0ng")}) {
        try {
            (void)Input::open_live(url, patient, {});
            ADD_FAILURE() << "nothing was thrown";
        } catch (const Unauthenticated& error) {
            EXPECT_EQ(error.subject(), camera.url().substr(0, camera.url().find('/', 7)));
            EXPECT_EQ(std::string(error.what()).find("wr0ng"), std::string::npos);
        }
    }
}

TEST(Camera, ARedirectToAnotherAddressIsNotEvenLookedAt) {
    const OddCamera other{OddCamera::Answers{}};
    for (const std::string method : {"OPTIONS", "DESCRIBE"}) {
        for (const std::string& to : {other.url(), "rtsp://admin:s3cret@" + other.url().substr(7), std::string(), std::string("http://127.0.0.1")}) {
            const OddCamera camera(OddCamera::Answers{{method, "302 Found\r\nLocation: " + to}});
            try {
                (void)Input::open_live("rtsp://admin:s3cret@" + camera.url().substr(7), patient, {});
                ADD_FAILURE() << method << " was followed to " << to;
            } catch (const Unsupported& error) {
                EXPECT_EQ(error.subject(), camera.url().substr(0, camera.url().find('/', 7)));
            }
            EXPECT_EQ(camera.clients(), 1);
        }
    }
    EXPECT_EQ(other.clients(), 0);
}

TEST(Camera, ARedirectToItselfIsFollowedButNotForEver) {
    OddCamera camera({});
    camera.say("DESCRIBE", "301 Moved Permanently\r\nLocation: " + camera.url());
    EXPECT_THROW((void)Input::open_live(camera.url(), patient, {}), Unsupported);
    EXPECT_GT(camera.clients(), 1);
    EXPECT_LT(camera.clients(), 20);
}

TEST(Camera, ItsTimesAreThoseThatTheLibrarysOwnClientGives) {
    const CameraServer camera;
    using Times = std::map<std::pair<int, std::string>, double>;   // seconds, by stream and bytes
    constexpr auto span = 4s;
    Times theirs, ours;
    std::jthread reader([&] {
        const Quiet quiet;
        AvOptions options;
        options.set("rtsp_transport", "tcp");
        AVFormatContext* format = nullptr;
        if (avformat_open_input(&format, camera.url().c_str(), nullptr, options.out()) < 0) return;
        const auto until = std::chrono::steady_clock::now() + span + 5s;
        const auto packet = new_packet();
        while (std::chrono::steady_clock::now() < until && av_read_frame(format, packet.get()) >= 0) {
            const double seconds = static_cast<double>(packet->pts) * av_q2d(format->streams[packet->stream_index]->time_base);
            if (packet->pts != AV_NOPTS_VALUE)
                theirs.insert({{packet->stream_index, std::string(packet->data, packet->data + packet->size)}, seconds});
            av_packet_unref(packet.get());
        }
        avformat_close_input(&format);
    });
    std::this_thread::sleep_for(1s);
    Input input = Input::open_live(camera.url(), patient, {});
    const auto from = std::chrono::steady_clock::now() + 2s;   // the first reports move what came before
    while (std::chrono::steady_clock::now() < from + span) {
        const auto packet = input.next();
        ASSERT_TRUE(packet);
        if (std::chrono::steady_clock::now() < from) continue;
        const auto base = input.streams()[static_cast<std::size_t>(packet->stream)].time_base;
        const double seconds = static_cast<double>(*packet->pts) * static_cast<double>(base.num) / static_cast<double>(base.den);
        ours.insert({{packet->stream, std::string(packet->data.begin(), packet->data.end())}, seconds});
    }
    reader.join();
    // The two began at different moments, and that is all the difference there is, for pictures and sound alike.
    std::optional<double> apart;
    int same[2] = {0, 0};
    for (const auto& [which, seconds] : ours) {
        const auto found = theirs.find(which);
        if (found == theirs.end()) continue;
        ++same[which.first];
        if (!apart) apart = seconds - found->second;
        EXPECT_NEAR(seconds - found->second, *apart, 0.000'2) << which.first << " at " << seconds;
    }
    EXPECT_GT(same[0], 60);
    EXPECT_GT(same[1], 30);
}
