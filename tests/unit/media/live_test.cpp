#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

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

/// The first frames of the camera's film as RTP on channel 0, 1,200 bytes a packet (RFC 6184), and those of the next one.
struct Film {
    std::string stream;
    std::vector<std::string> packets;   // of the next frame

    explicit Film(int frames) {
        Input file = Input::open(TENON_FOOTAGE "/camera.mp4", {}, {});
        file.select({file.video()->index});
        const auto& extradata = file.video()->extradata;   // ISO/IEC 14496-15, 5.3.3.1: one set of either kind
        std::vector<std::string> sets;
        for (std::size_t at = 5; sets.size() < 2; ++at) {
            const std::size_t size = extradata[at + 1] << 8 | extradata[at + 2];
            sets.emplace_back(reinterpret_cast<const char*>(extradata.data()) + at + 3, size);
            at += 2 + size;
        }
        for (const auto& set : sets) send(set);
        for (int n = 0; n <= frames; ++n) {
            time_ = static_cast<std::uint32_t>(n) * 3'000;
            const auto packet = file.next();
            for (std::size_t at = 0; at < packet->data.size();) {
                const auto* const p = packet->data.data() + at;
                const std::size_t size = std::size_t{p[0]} << 24 | p[1] << 16 | p[2] << 8 | p[3];
                send({p + 4, p + 4 + size});
                at += 4 + size;
            }
            packets.back()[5] |= '\x80';   // the last one of a frame
            if (n == frames) break;
            for (const auto& one : packets) stream += one;
            packets.clear();
        }
    }

private:
    void send(const std::string& unit) {
        constexpr std::size_t most = 1'200;
        if (unit.size() <= most) return add(unit);
        for (std::size_t at = 1; at < unit.size(); at += most) {
            const auto part = unit.substr(at, most);
            const int ends = at == 1 ? 0x80 : at + part.size() == unit.size() ? 0x40 : 0;
            add({static_cast<char>((unit[0] & 0x60) | 28), static_cast<char>(ends | (unit[0] & 0x1f))}, part);
        }
    }
    void add(const std::string& head, const std::string& rest = {}) {
        const auto size = static_cast<unsigned>(12 + head.size() + rest.size());
        std::string packet;
        for (const unsigned byte : {36u, 0u, size >> 8, size, 0x80u, 96u, sequence_ >> 8, sequence_, time_ >> 24, time_ >> 16, time_ >> 8, time_, 9u,
                                    9u, 9u, 9u})
            packet += static_cast<char>(byte & 255);
        ++sequence_;
        packets.push_back(packet + head + rest);
    }
    unsigned sequence_ = 0;
    std::uint32_t time_ = 0;
};

int frames_until_it_breaks_off(const std::string& url) {
    Input input = Input::open_live(url, {.open_timeout = 30s, .read_timeout = 30s}, {});
    int frames = 0;
    try {
        while (input.next()) ++frames;
    } catch (const Unavailable&) {
    }
    return frames;
}

}  // namespace

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

TEST(Camera, AFrameThatIsCutOffByTheEndOfTheConnectionIsLeftOut) {
    constexpr int whole = 90;
    const Film film(whole);
    ASSERT_GT(film.packets.size(), 2u);
    auto stream = film.stream;
    for (std::size_t sent = 0; sent <= film.packets.size(); ++sent) {
        const OddCamera camera({}, stream);
        EXPECT_EQ(frames_until_it_breaks_off(camera.url()), whole + (sent == film.packets.size())) << sent;
        if (sent < film.packets.size()) stream += film.packets[sent];
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
