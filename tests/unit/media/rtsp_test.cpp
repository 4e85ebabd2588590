#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include <media/input.hpp>
#include <odd_camera.hpp>
#include <rtsp_session.hpp>
#include <tenon/error.hpp>

using namespace tenon;
using namespace tenon::media;
using namespace tenon::media::rtsp;
using namespace std::chrono_literals;
using tenon::test::OddCamera;

namespace {

void give(Incoming& incoming, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto room = incoming.room();
        const auto count = bytes.copy(reinterpret_cast<char*>(room.data()), room.size());
        incoming.received(count);
        bytes.remove_prefix(count);
    }
}

std::string packet_of(int channel, std::string_view bytes) {
    std::string out{'$', static_cast<char>(channel), static_cast<char>(bytes.size() >> 8), static_cast<char>(bytes.size())};
    return out += bytes;
}

/// What comes out, in words, when bytes arrive in pieces of `step`.
std::string taken_apart(const std::string& bytes, std::size_t step) {
    Incoming incoming;
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        give(incoming, std::string_view(bytes).substr(at, step));
        for (;;) {
            const auto next = incoming.next();
            if (std::holds_alternative<std::monostate>(next)) break;
            if (const auto* const packet = std::get_if<RtpPacket>(&next))
                out += "packet " + std::to_string(packet->channel) + " " + std::string(packet->bytes.begin(), packet->bytes.end()) + "; ";
            if (const auto* const message = std::get_if<Message>(&next))
                out += std::to_string(message->status) + message->method + " " + std::string(message->header("cseq")) + " " + message->body + "; ";
        }
    }
    return out;
}

std::vector<std::uint8_t> rtp(int type, std::uint32_t timestamp, std::uint8_t source = 9) {
    std::vector<std::uint8_t> bytes{0x80, static_cast<std::uint8_t>(type), 0, 1, 0, 0, 0, 0, source, source, source, source, 1, 2, 3};
    for (unsigned i = 0; i < 4; ++i) bytes[4 + i] = static_cast<std::uint8_t>(timestamp >> (24 - 8 * i));
    return bytes;
}

std::vector<std::uint8_t> sender_report(std::uint64_t wall, std::uint32_t timestamp) {
    std::vector<std::uint8_t> bytes(28);
    bytes[0] = 0x80, bytes[1] = 200, bytes[3] = 6;
    for (unsigned i = 0; i < 8; ++i) bytes[8 + i] = static_cast<std::uint8_t>(wall >> (56 - 8 * i));
    for (unsigned i = 0; i < 4; ++i) bytes[16 + i] = static_cast<std::uint8_t>(timestamp >> (24 - 8 * i));
    return bytes;
}

template <class Bytes> std::uint64_t number_at(const Bytes& bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[at + i];
    return value;
}

constexpr const char* camera_sdp =
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\nb=AS:5000\r\na=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 packetization-mode=1\r\na=control:trackID=1\r\na=ssrc:77 cname:x\r\n"
    "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:trackID=3\r\n"
    "m=audio 0 RTP/AVP 96 101\r\na=rtpmap:96 MPEG4-GENERIC/16000/1\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:96 mode=AAC-hbr;config=1408\r\na=control:rtsp://10.0.0.9/else/2\r\nm=audio 0 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n";

Tracks two_tracks() {
    Tracks tracks(read_description(camera_sdp, "rtsp://c/").sections);
    tracks.set_channels(0, 0, 1);
    tracks.set_channels(1, 2, 3);
    return tracks;
}

}  // namespace

TEST(RtspMessages, AreTakenApartHoweverTheyArrive) {
    const std::string all = "RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Length: 5\r\n\r\nhello" + packet_of(0, "abc") + packet_of(7, "") + "\r\n" +
                            "GET_PARAMETER rtsp://c/ RTSP/1.0\nCSEQ:9\n\n" + packet_of(1, std::string(3000, 'x'));
    const std::string expected = "200 3 hello; packet 0 abc; packet 7 ; 0GET_PARAMETER 9 ; packet 1 " + std::string(3000, 'x') + "; ";
    for (const std::size_t step : {1u, 2u, 7u, 64u, 1460u, 100'000u}) EXPECT_EQ(taken_apart(all, step), expected) << step;
}

TEST(RtspMessages, AStreamIsFoundAgainBehindBytesThatAreNone) {
    EXPECT_EQ(taken_apart("\x01\x02 Zebra\n\r\n" + packet_of(2, "ok"), 3), "packet 2 ok; ");
    EXPECT_THROW((void)taken_apart(std::string(most_noise + 1, '\x01'), 1460), Corrupt);
    EXPECT_THROW((void)taken_apart("RTSP/1.0 200 " + std::string(1 << 20, 'x'), 1460), Corrupt);
}

TEST(RtspMessages, AllThatComesFromOutsideIsBounded) {
    const std::string begin = "RTSP/1.0 200 OK\r\n";
    EXPECT_EQ(taken_apart(begin + "Content-Length: " + std::to_string(most_body) + "\r\n\r\n" + std::string(most_body, 'b'), 9999),
              "200  " + std::string(most_body, 'b') + "; ");
    EXPECT_EQ(taken_apart(packet_of(0, std::string(65'535, 'p')), 9999), "packet 0 " + std::string(65'535, 'p') + "; ");
    std::string many = begin;
    for (std::size_t n = 0; n <= most_headers; ++n) many += "A: b\r\n";
    for (const auto& bad : {begin + "Content-Length: " + std::to_string(most_body + 1) + "\r\n\r\n", begin + "Content-Length: -5\r\n\r\n",
                            begin + "Content-Length: 99999999999999999999\r\n\r\n", begin + "Content-Length: 5x\r\n\r\n", many + "\r\n",
                            begin + "A: " + std::string(most_line, 'x') + "\r\n\r\n", begin + std::string(most_head, 'x')})
        EXPECT_THROW((void)taken_apart(bad, 1460), Corrupt) << bad.substr(0, 60);
}

TEST(RtspLogin, AnswersAsTheStandardsDo) {
    // RFC 7616, 3.9.1.
    const auto both = read_challenges(
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
        "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\", Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, "
        "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"");
    ASSERT_EQ(both.size(), 2u);
    const auto answer = [](const Challenge& challenge, const std::string& password, const std::string& client_nonce) {
        return digest_answer(challenge, "Mufasa", password, "GET", "/dir/index.html", client_nonce, 1);
    };
    const std::string client_nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    const auto sha256 = answer(both[0], "Circle of Life", client_nonce), md5 = answer(both[1], "Circle of Life", client_nonce);
    EXPECT_NE(sha256.find("response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""), std::string::npos) << sha256;
    EXPECT_NE(md5.find("response=\"8ca523f5e9506fed4657c9700eebdbec\""), std::string::npos) << md5;
    EXPECT_NE(md5.find("qop=auth, nc=00000001, cnonce=\"" + client_nonce + "\""), std::string::npos) << md5;
    EXPECT_NE(md5.find("opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""), std::string::npos) << md5;
    // RFC 2617, 3.5, and RFC 2069, 2.4 with its erratum.
    const auto old = read_challenges("Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"");
    const auto oldest = read_challenges("Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"");
    ASSERT_TRUE(old.size() == 1 && oldest.size() == 1);
    EXPECT_NE(answer(old[0], "Circle Of Life", "0a4f113b").find("response=\"6629fae49393a05397450978507c4ef1\""), std::string::npos);
    EXPECT_NE(answer(oldest[0], "CircleOfLife", "").find("response=\"1949323746fe6a43ef61f9606e7febea\""), std::string::npos);
    EXPECT_EQ(answer(oldest[0], "CircleOfLife", "").find("qop"), std::string::npos);
}

TEST(RtspLogin, TheBestThatIsSpokenIsAnswered) {
    Message refusal;
    refusal.status = 401;
    const auto ask = [&](std::vector<std::string> challenges) {
        refusal.headers.clear();
        for (auto& one : challenges) refusal.headers.emplace_back("WWW-Authenticate", std::move(one));
    };
    ask({"Basic realm=\"c\"", "Digest realm=\"c\", nonce=\"n\", algorithm=SHA-512-256", "Digest realm=\"a \\\" b, c\", nonce=\"n1\""});
    Login login("ad%6din:s%3Acret");
    EXPECT_EQ(login.answer("OPTIONS", "rtsp://c"), "");
    ASSERT_TRUE(login.challenged(refusal));
    const auto digest = login.answer("OPTIONS", "rtsp://c");
    EXPECT_TRUE(digest.starts_with("Digest username=\"admin\", realm=\"a \\\" b, c\", nonce=\"n1\", uri=\"rtsp://c\"")) << digest;
    EXPECT_EQ(digest.find("cret"), std::string::npos);
    EXPECT_FALSE(login.challenged(refusal)) << "it was refused";
    ask({"Digest realm=\"c\", nonce=\"n1\", stale=TRUE"});
    EXPECT_TRUE(login.challenged(refusal));
    ask({"Digest realm=\"c\", nonce=\"n2\""});
    EXPECT_TRUE(login.challenged(refusal)) << "another nonce";

    Login simple("admin:s%3Acret");
    ask({"basic realm=\"c\""});
    ASSERT_TRUE(simple.challenged(refusal));
    EXPECT_EQ(simple.answer("OPTIONS", "rtsp://c"), "Basic YWRtaW46czpjcmV0");
    EXPECT_FALSE(simple.challenged(refusal));
    for (const std::string unanswerable :
         {"", "Digest realm=\"c\"", "Digest realm=\"c\", nonce=\"n\", qop=\"auth-int\"", "Negotiate", "=", "Digest x=\""}) {
        ask({unanswerable});
        EXPECT_FALSE(Login("a:b").challenged(refusal)) << unanswerable;
    }
    ask({"Basic realm=\"c\""});
    EXPECT_FALSE(Login("").challenged(refusal)) << "there is no login";
}

TEST(RtspAddress, ShowsNothingOfTheLogin) {
    const auto address = Address::parse("rtsps://ad%6din:s3cret@[::1]/live?token=x#y");
    ASSERT_TRUE(address);
    EXPECT_EQ(address->origin(), "rtsps://[::1]");
    EXPECT_EQ(address->server, "[::1]:322");
    EXPECT_EQ(address->login, "ad%6din:s3cret");
    EXPECT_EQ(address->rest, "/live?token=x");
    EXPECT_EQ(Address::parse("rtsp://camera:8554")->origin(), "rtsp://camera:8554");
    for (const std::string bad : {"http://camera", "rtsp:/camera", "rtsp://camera/a b", "rtsp://camera/\r\nPLAY", ""})
        EXPECT_FALSE(Address::parse(bad)) << bad;
    EXPECT_FALSE(Address::parse(std::string_view("rtsp://camera/\0x", 16)));
}

TEST(RtspDescription, SectionsHaveAddressesAndPayloadTypesOfTheirOwn) {
    const auto found = read_description(camera_sdp, "rtsp://c:554/live/");
    ASSERT_EQ(found.sections.size(), 3u);
    EXPECT_EQ(found.control, "rtsp://c:554/live/");
    EXPECT_EQ(found.sections[0].control, "rtsp://c:554/live/trackID=1");
    EXPECT_EQ(found.sections[1].control, "rtsp://10.0.0.9/else/2");
    EXPECT_EQ(found.sections[2].control, "rtsp://c:554/live/");
    EXPECT_EQ(found.sections[1].payload, 96);
    EXPECT_EQ(found.sections[1].shown_payload, 97);
    EXPECT_EQ(found.sections[1].clock, 16'000);
    EXPECT_EQ(found.sections[2].shown_payload, 0) << "and only one section can have it";
    EXPECT_EQ(found.sdp, "v=0\r\ns=-\r\nm=video 0 RTP/AVP 96\r\na=ssrc:1\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
                         "m=audio 0 RTP/AVP 97\r\na=ssrc:2\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=fmtp:97 mode=AAC-hbr;config=1408\r\n"
                         "m=audio 0 RTP/AVP 0\r\na=ssrc:3\r\n");
    EXPECT_EQ(read_description("a=control:rtsp://c/all\nm=video 0 RTP/AVP 26\na=control:/v", "rtsp://c/x").sections.at(0).control, "rtsp://c/all/v");
    EXPECT_TRUE(read_description("m=video 0 RTP/SAVP 96\nm=video 0 udp 33\nm=video\nm=", "rtsp://c").sections.empty());
    std::string many;
    for (int n = 0; n < 200; ++n) many += "m=video 0 RTP/AVP 96\r\n";
    EXPECT_EQ(read_description(many, "rtsp://c").sections.size(), 16u);
}

TEST(RtspTracks, PacketsAreToldApartByChannel) {
    auto tracks = two_tracks();
    for (const int track : {0, 1}) {
        auto bytes = rtp(0x80 | 96, 5);
        EXPECT_TRUE(tracks.prepare({static_cast<std::uint8_t>(2 * track), bytes}));
        EXPECT_EQ(bytes[1], 0x80 | (96 + track));
        EXPECT_EQ(number_at(bytes, 8, 4), static_cast<std::uint64_t>(track + 1));
        auto report = sender_report(1, 2);
        EXPECT_TRUE(tracks.prepare({static_cast<std::uint8_t>(2 * track + 1), report}));
        EXPECT_EQ(number_at(report, 4, 4), static_cast<std::uint64_t>(track + 1));
        EXPECT_EQ(number_at(report, 8, 8), 1u) << "a camera that says nothing of the start is believed as it is";
        EXPECT_FALSE(tracks.report_before({static_cast<std::uint8_t>(2 * track), bytes}));
    }
    auto other = rtp(101, 5), shorter = rtp(96, 5);
    shorter.resize(11);
    EXPECT_FALSE(tracks.prepare({2, other})) << "another payload type";
    EXPECT_FALSE(tracks.prepare({0, shorter}));
    EXPECT_FALSE(tracks.prepare({4, other})) << "another channel";
}

TEST(RtspTracks, WhatBelongsTogetherFromTheStartStaysTogetherWithTheCamerasReports) {
    auto tracks = two_tracks();
    tracks.set_begin(0, 0xffffff00u);   // and wraps
    tracks.set_begin(1, 500);
    auto picture = rtp(96, 900 - 0x100u), sound = rtp(96, 500 + 1600);
    ASSERT_TRUE(tracks.prepare({0, picture}) && tracks.prepare({2, sound}));
    const auto first = tracks.report_before({0, picture}), second = tracks.report_before({2, sound});
    ASSERT_TRUE(first && second);
    EXPECT_EQ(number_at(*first, 8, 8), number_at(*second, 8, 8)) << "one moment";
    EXPECT_EQ(number_at(*first, 16, 4), 0xffffff00u);
    EXPECT_EQ(number_at(*second, 16, 4), 500u);
    EXPECT_FALSE(tracks.report_before({0, picture})) << "once";

    // The camera's clock: the picture of 2 s behind the start at 1000 s, the sound of 3 s behind it a second and 10 ms later.
    auto report = sender_report(std::uint64_t{1000} << 32, 0xffffff00u + 180'000);
    auto later = sender_report((std::uint64_t{1001} << 32) + 42'949'673, 500 + 48'000);
    ASSERT_TRUE(tracks.prepare({1, report}) && tracks.prepare({3, later}));
    EXPECT_EQ(number_at(report, 8, 8) - number_at(*first, 8, 8), std::uint64_t{2} << 32);
    EXPECT_EQ(number_at(later, 8, 8) - number_at(report, 8, 8), (std::uint64_t{1} << 32) + 42'949'673) << "reports keep their distance";
}

TEST(RtspTracks, ACameraWithoutReportsNeverWraps) {
    auto tracks = two_tracks();
    tracks.set_begin(0, 0);
    std::uint64_t ticks = 0, wall = 0;
    std::uint32_t timestamp = 0;
    for (; ticks < (std::uint64_t{5} << 32); ticks += 90'000'000) {
        auto picture = rtp(96, static_cast<std::uint32_t>(ticks));
        ASSERT_TRUE(tracks.prepare({0, picture}));
        if (const auto report = tracks.report_before({0, picture})) {
            wall = number_at(*report, 8, 8);
            timestamp = static_cast<std::uint32_t>(number_at(*report, 16, 4));
        }
        const auto behind = static_cast<std::int32_t>(static_cast<std::uint32_t>(ticks) - timestamp);
        const auto seconds = (wall - (std::uint64_t{1} << 40)) >> 32;
        ASSERT_NEAR(static_cast<double>(seconds) * 90'000 + behind, static_cast<double>(ticks), 90'000.0 * 2) << ticks;
    }
}

TEST(RtspTracks, AStartThatCannotBeIsNotBelieved) {
    auto tracks = two_tracks();
    tracks.set_begin(0, 5'000'000);
    auto picture = rtp(96, 5);
    ASSERT_TRUE(tracks.prepare({0, picture}));
    EXPECT_FALSE(tracks.report_before({0, picture}));
    auto report = sender_report(77, 5);
    ASSERT_TRUE(tracks.prepare({1, report}));
    EXPECT_EQ(number_at(report, 8, 8), 77u);
}

TEST(RtspSession, IsKeptAliveAndTakenLeaveOf) {
    for (const std::string method : {"GET_PARAMETER", "OPTIONS"}) {
        const OddCamera camera(OddCamera::Answers{{"OPTIONS", "200 OK\r\nPublic: DESCRIBE, SETUP, PLAY, " + method},
                                {"SETUP", "200 OK\r\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\nSession: 7x ; timeout=1"}});
        const auto count = [&] {
            const auto heard = camera.heard();
            std::size_t found = 0;
            for (std::size_t at = 0; (at = heard.find(method + " ", at)) != std::string::npos; ++at) ++found;
            return found;
        };
        auto deadline = std::chrono::steady_clock::now() + 30s;
        {
            rtsp::Session session(*Address::parse(camera.url()), 30s, {[](void* until) -> int {
                                return std::chrono::steady_clock::now() > *static_cast<std::chrono::steady_clock::time_point*>(until);
                            }, &deadline});
            const auto before = count();
            std::this_thread::sleep_for(500ms);
            deadline = std::chrono::steady_clock::now() + 200ms;
            std::array<std::uint8_t, 64> bytes{};
            EXPECT_EQ(avio_read_partial(session.packets(), bytes.data(), bytes.size()), AVERROR_EXIT);
            EXPECT_EQ(count(), before + 1);
        }
        for (int n = 0; n < 100 && camera.heard().find("TEARDOWN") == std::string::npos; ++n) std::this_thread::sleep_for(20ms);
        EXPECT_NE(camera.heard().find("TEARDOWN " + camera.url() + "/ RTSP/1.0"), std::string::npos) << camera.heard();
        EXPECT_NE(camera.heard().find("Session: 7x\r\n"), std::string::npos);
    }
}

TEST(RtspSession, NoLoginGoesOutBeforeItIsAskedForAndNoneIsEverInAnAddress) {
    const OddCamera camera(OddCamera::Answers{{"DESCRIBE", "401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"c\", nonce=\"n\", qop=\"auth\""}});
    EXPECT_THROW((void)Input::open_live("rtsp://admin:s3cret@" + camera.url().substr(7), {.open_timeout = 30s}, {}), Unauthenticated);
    const auto heard = camera.heard();
    EXPECT_EQ(heard.find("s3cret"), std::string::npos);
    EXPECT_EQ(heard.find("admin"), heard.find("admin\", realm=\"c\"")) << heard;
    std::size_t described = 0;
    for (std::size_t at = 0; (at = heard.find("DESCRIBE ", at)) != std::string::npos; ++at) ++described;
    EXPECT_EQ(described, 2u) << "a wrong password is tried once: cameras lock accounts";
}
