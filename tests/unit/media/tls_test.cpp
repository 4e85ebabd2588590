// Cameras at rtsps://, against a TLS server of another library's with a certificate that it signed itself.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include <camera_server.hpp>
#include <media/decoder.hpp>
#include <media/input.hpp>
#include <odd_camera.hpp>
#include <rtsp_session.hpp>
#include <tenon/error.hpp>
#include <tls_front.hpp>

using namespace tenon;
using namespace tenon::media;
using namespace tenon::test;
using namespace std::chrono_literals;
using Fault = TlsFront::Fault;

namespace {

const LiveOptions unhurried{.open_timeout = 30s, .read_timeout = 30s};

bool says(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// The error that opening or reading until the end ends with; empty: the stream ended properly.
std::string ends_with(const std::string& url, const LiveOptions& options, const std::function<void()>& once_it_plays = [] {}) {
    try {
        Input input = Input::open_live(url, options, {});
        EXPECT_TRUE(input.next());
        once_it_plays();
        while (input.next()) {}
        return {};
    } catch (const Unavailable& error) {
        const auto server = url.substr(says(url, "@") ? url.find('@') + 1 : 8);
        EXPECT_EQ(error.subject(), "rtsps://" + server.substr(0, server.find('/')));
        return error.what();
    }
}

}  // namespace

TEST(TlsCamera, GivesPicturesAndSoundWhateverItsCertificateAndItsVersion) {
    const CameraServer camera;
    for (const bool old : {false, true}) {
        const TlsFront front(camera.url(), {.expired = old, .newest = old ? TLS1_2_VERSION : TLS1_3_VERSION});
        Input input = Input::open_live(front.url(), unhurried, {});
        EXPECT_EQ(front.version(), old ? "TLSv1.2" : "TLSv1.3");
        ASSERT_TRUE(input.video() && input.audio());
        VideoDecoder decoder(*input.video());
        int pictures = 0, sounds = 0;
        while (pictures < 45 || sounds < 10) {
            const auto packet = input.next();
            ASSERT_TRUE(packet);
            EXPECT_FALSE(packet->damaged);
            sounds += packet->stream == input.audio()->index;
            if (packet->stream != input.video()->index) continue;
            decoder.send(*packet);
            while (decoder.receive()) ++pictures;
        }
        EXPECT_EQ(front.clients(), 1);
    }
}

TEST(TlsCamera, ALoginOpensAndStaysSecret) {
    const CameraServer camera({TENON_FOOTAGE "/camera.mp4", "--user", "admin", "--password", "s3cret"});
    const TlsFront front(camera.url());
    EXPECT_TRUE(Input::open_live(front.url("admin", "s3cret"), unhurried, {}).video());
    for (const std::string& url : {front.url(), front.url("admin", "wr0ng")}) {
        try {
            (void)Input::open_live(url, unhurried, {});
            ADD_FAILURE() << "nothing was thrown";
        } catch (const Unauthenticated& error) {
            EXPECT_EQ(error.subject(), front.url().substr(0, front.url().find('/', 8)));
            EXPECT_FALSE(says(error.what(), "wr0ng"));
        }
    }
}

TEST(TlsCamera, ItsDigestIsOfTheAddressThatIsAskedFor) {
    const OddCamera camera(OddCamera::Answers{{"OPTIONS", "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"c\"\r\n"
                                                          "WWW-Authenticate: Digest realm=\"c\", nonce=\"n\", qop=\"auth\""}});
    const TlsFront front(camera.url());
    EXPECT_THROW((void)Input::open_live(front.url("admin", "s3cret"), unhurried, {}), Unauthenticated);
    EXPECT_TRUE(says(camera.heard(), "Authorization: Digest username=\"admin\", realm=\"c\", nonce=\"n\", uri=\"" + front.url() + "\""))
        << camera.heard();
    EXPECT_FALSE(says(camera.heard(), "s3cret"));
    EXPECT_FALSE(says(camera.heard(), "Basic"));
}

TEST(TlsCamera, WhatHasArrivedComesOutThoughTheConnectionFallsSilent) {
    constexpr unsigned count = 60;
    std::string stream;
    for (unsigned n = 0; n < count; ++n)
        for (const unsigned byte : {36u, 0u, 0u, 15u, 0x80u, 96u, 0u, n, 0u, 0u, 0u, 0u, 9u, 9u, 9u, 9u, 0x41u, 1u, 2u})
            stream += static_cast<char>(byte);
    // All packets in one record behind the answer to PLAY, and each of them in several records that come at once.
    for (const std::size_t record_size : {std::size_t{16'384}, std::size_t{7}}) {
        const OddCamera camera({}, stream);
        const TlsFront front(camera.url(), {.record_size = record_size, .gather = 100ms});
        auto deadline = std::chrono::steady_clock::now() + 30s;
        rtsp::Session session(*rtsp::Address::parse(front.url()), 60s, {[](void* until) -> int {
                            return std::chrono::steady_clock::now() > *static_cast<std::chrono::steady_clock::time_point*>(until);
                        }, &deadline});
        std::array<std::uint8_t, 64> bytes{};
        for (unsigned n = 0; n < count; ++n) {
            ASSERT_EQ(avio_read_partial(session.packets(), bytes.data(), bytes.size()), 15) << n << " of records of " << record_size;
            EXPECT_EQ(bytes[3], n);
        }
        deadline = std::chrono::steady_clock::now() + 100ms;
        EXPECT_LT(avio_read_partial(session.packets(), bytes.data(), bytes.size()), 0);
        EXPECT_EQ(front.clients(), 1);
    }
}

TEST(TlsCamera, NewKeysInTheMiddleAreFollowed) {
    const CameraServer camera;
    TlsFront front(camera.url());
    Input input = Input::open_live(front.url(), unhurried, {});
    for (int round = 0; round < 3; ++round) {
        front.set(Fault::new_keys);
        for (int n = 0; n < 30 || front.fault() != Fault::none; ++n) ASSERT_TRUE(input.next());
    }
    EXPECT_EQ(front.clients(), 1);
}

TEST(TlsCamera, AnUnfinishedHandshakeIsUnavailableInTime) {
    const CameraServer camera;
    TlsFront front(camera.url());
    for (const auto fault : {Fault::silent, Fault::half_hello}) {
        front.set(fault);
        const auto from = std::chrono::steady_clock::now();
        const auto error = ends_with(front.url("admin", "s3cret"), {.open_timeout = 1s});
        EXPECT_TRUE(error.starts_with("the camera cannot be opened") && error.ends_with("no answer in time")) << error;
        EXPECT_LT(std::chrono::steady_clock::now() - from, 10s);
    }
    front.set(Fault::cut_hello);
    EXPECT_TRUE(says(ends_with(front.url("admin", "s3cret"), unhurried), "TLS")) << "at once";
    EXPECT_EQ(front.shaken(), 0);
    front.set(Fault::none);
    EXPECT_TRUE(Input::open_live(front.url(), unhurried, {}).video());
}

TEST(TlsCamera, AWaitingHandshakeStops) {
    const OddCamera camera{OddCamera::Answers{}};
    TlsFront front(camera.url());
    front.set(Fault::half_hello);
    std::stop_source source;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(300ms);
        source.request_stop();
    });
    EXPECT_THROW((void)Input::open_live(front.url(), unhurried, source.get_token()), Cancelled);
}

TEST(TlsCamera, ABrokenRecordIsUnavailableAndNothingOfItComesOut) {
    const CameraServer camera;
    TlsFront front(camera.url());
    for (const auto fault : {Fault::cut, Fault::cut_record, Fault::damaged})
        EXPECT_TRUE(says(ends_with(front.url(), unhurried, [&] { front.set(fault); }), "the camera's stream broke off")) << static_cast<int>(fault);
    const auto silence = ends_with(front.url(), {.open_timeout = 30s, .read_timeout = 1s}, [&] { front.set(Fault::half_record); });
    EXPECT_EQ(silence, "the camera's stream broke off: no answer in time");
    EXPECT_EQ(ends_with(front.url(), unhurried, [&] { front.set(Fault::farewell); }), "") << "a camera may take its leave";
}

TEST(TlsCamera, APlainServerIsRefusedInTimeAndTold) {
    // One answers what it does not understand, the other waits for more of it.
    const CameraServer server;
    const OddCamera waiting{OddCamera::Answers{}};
    for (const auto& url : {server.url(), waiting.url()}) {
        const auto from = std::chrono::steady_clock::now();
        const auto error = ends_with("rtsps://admin:s3cret@" + url.substr(7), {.open_timeout = 2s});
        EXPECT_TRUE(says(error, "no answer in time") || says(error, "TLS was not agreed on (an address without TLS begins with rtsp://)")) << error;
        EXPECT_LT(std::chrono::steady_clock::now() - from, 12s);
    }
    EXPECT_EQ(waiting.heard(), "");
}

TEST(TlsCamera, AnAddressWithoutTlsAtAServerOfTlsIsRefusedAndNoLoginGoesOut) {
    const OddCamera camera{OddCamera::Answers{}};
    const TlsFront front(camera.url());
    EXPECT_THROW((void)Input::open_live("rtsp://admin:s3cret@" + front.url().substr(8), unhurried, {}), Unavailable);
    EXPECT_EQ(camera.heard(), "");
}

/// A proxy of the host's is for the web; cameras are on its own network, and their address was checked.
TEST(TlsCamera, AProxyInTheEnvironmentIsNotAskedForIt) {
    const CameraServer camera;
    const OddCamera proxy{OddCamera::Answers{}};
    const TlsFront front(camera.url());
    ::setenv("http_proxy", ("http://" + proxy.url().substr(7, proxy.url().find('/', 7) - 7)).c_str(), 1);
    EXPECT_NO_THROW(EXPECT_TRUE(Input::open_live(front.url(), unhurried, {}).video()));
    ::unsetenv("http_proxy");
    EXPECT_EQ(proxy.clients(), 0);
}
