#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <media/files.hpp>
#include <media/probe.hpp>
#include <tenon/error.hpp>

using namespace tenon;
using namespace tenon::media;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {

Errc code_of(const std::filesystem::path& path, const Limits& limits = {}) {
    try {
        (void)probe(path, limits);
    } catch (const Error& error) {
        EXPECT_FALSE(error.subject().empty());
        return error.code();
    }
    return Errc{};
}

}  // namespace

TEST(Input, DescribesSurveillanceFootage) {
    const Probe found = probe(vtest());
    EXPECT_EQ(found.container, "avi");
    EXPECT_EQ(found.duration, 79'500ms);
    ASSERT_EQ(found.video, 0);
    EXPECT_FALSE(found.audio);
    const StreamInfo& video = found.streams[0];
    EXPECT_EQ(video.codec, "msmpeg4v3");
    EXPECT_EQ(video.width, 768);
    EXPECT_EQ(video.height, 576);
    EXPECT_EQ(video.rate, (Rational{10, 1}));
    EXPECT_EQ(video.rotation, 0);
}

TEST(Input, DescribesAClipWithSound) {
    const Probe found = probe(balle());
    EXPECT_EQ(found.container, "mp4");
    EXPECT_EQ(found.duration, 10'200ms);
    ASSERT_TRUE(found.video && found.audio);
    const StreamInfo& video = found.streams[static_cast<std::size_t>(*found.video)];
    EXPECT_EQ(video.codec, "h264");
    EXPECT_EQ(video.rate, (Rational{25, 1}));
    EXPECT_EQ(video.sample_aspect, (Rational{16, 15}));
    EXPECT_FALSE(video.extradata.empty());
    const StreamInfo& audio = found.streams[static_cast<std::size_t>(*found.audio)];
    EXPECT_EQ(audio.codec, "aac");
    EXPECT_EQ(audio.sample_rate, 48'000);
}

TEST(Input, GivesEveryPacketAndSeeksToKeyFrames) {
    Input input = Input::open(vtest(), {}, {});
    std::int64_t packets = 0;
    while (const auto packet = input.next()) {
        EXPECT_FALSE(packet->data.empty());
        ++packets;
    }
    EXPECT_EQ(packets, 795);
    input.seek(0, 400);
    const auto first = input.next();
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->key);
    EXPECT_LE(first->dts.value_or(first->pts.value_or(-1)), 400);
    input.seek(0, -5);
    ASSERT_TRUE(input.next());
}

TEST(Input, ReadsOnlySelectedStreams) {
    Input input = Input::open(balle(), {}, {});
    const auto audio = input.audio()->index;
    input.select({audio});
    while (const auto packet = input.next()) EXPECT_EQ(packet->stream, audio);
    EXPECT_THROW(input.select({7}), InvalidArgument);
}

TEST(Input, RefusesWhatIsNoMedia) {
    const Folder folder;
    write_bytes(folder / "empty.mp4", "");
    write_bytes(folder / "text.mp4", "Dear Sir or Madam,\nthis is a letter and no film.\n");
    write_bytes(folder / "zeros.mp4", std::string(100'000, '\0'));
    EXPECT_EQ(code_of(folder / "empty.mp4"), Errc::unsupported);
    EXPECT_EQ(code_of(folder / "text.mp4"), Errc::unsupported);
    EXPECT_NE(code_of(folder / "zeros.mp4"), Errc{});
    EXPECT_EQ(code_of(folder / "missing.mp4"), Errc::not_found);
    EXPECT_EQ(code_of(folder.path()), Errc::unsupported);
    EXPECT_EQ(code_of(std::filesystem::path(std::string("a\0b.mp4", 7))), Errc::invalid_argument);
    EXPECT_EQ(code_of(folder / std::string(4096, 'x')), Errc::invalid_argument);
    ASSERT_EQ(mkfifo((folder / "pipe.mp4").c_str(), 0600), 0);
    EXPECT_EQ(code_of(folder / "pipe.mp4"), Errc::unsupported);
}

TEST(Input, OpensNoOtherFileOrNetwork) {
    const Folder folder;
    const std::string target = vtest().string();
    write_bytes(folder / "list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n" + target + "\n#EXT-X-ENDLIST\n");
    write_bytes(folder / "list.ffconcat", "ffconcat version 1.0\nfile '" + target + "'\n");
    write_bytes(folder / "list.sdp",
                "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
                "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n");
    write_bytes(folder / "list.mpd",
                "<?xml version=\"1.0\"?>"
                "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"></MPD>");
    for (const char* name : {"list.m3u8", "list.ffconcat", "list.sdp", "list.mpd"})
        EXPECT_EQ(code_of(folder / name), Errc::unsupported) << name;
}

TEST(Input, LimitsAreCheckedBeforeDecoding) {
    EXPECT_EQ(code_of(vtest(), {.side = 600}), Errc::unsupported);
    EXPECT_EQ(code_of(vtest(), {.pixels = 100'000}), Errc::unsupported);
    EXPECT_EQ(code_of(balle(), {.streams = 1}), Errc::unsupported);
}

TEST(Input, StopsWhenAsked) {
    std::stop_source source;
    Input input = Input::open(balle(), {}, source.get_token());
    ASSERT_TRUE(input.next());
    source.request_stop();
    EXPECT_THROW((void)input.next(), Cancelled);
    EXPECT_THROW((void)Input::open(balle(), {}, source.get_token()), Cancelled);
}

TEST(Input, TruncatedFilesAreUsableOrNamed) {
    const Folder folder;
    const auto avi = read_bytes(vtest());
    const auto mp4 = read_bytes(balle());
    for (const double part : {0.0001, 0.01, 0.3, 0.9, 0.999}) {
        for (const auto* whole : {&avi, &mp4}) {
            const auto size = static_cast<std::size_t>(static_cast<double>(whole->size()) * part) + 1;
            write_bytes(folder / "cut", {whole->data(), size});
            const Errc code = code_of(folder / "cut");
            EXPECT_TRUE(code == Errc{} || code == Errc::corrupt || code == Errc::unsupported) << part << to_string(code);
        }
    }
    write_bytes(folder / "half.avi", {avi.data(), avi.size() / 2});
    EXPECT_EQ(code_of(folder / "half.avi"), Errc{}) << "what is there plays";
}

TEST(Input, FlippedBitsNeverCrash) {
    const Folder folder;
    const auto whole = read_bytes(balle());
    std::mt19937 random(7);
    for (int round = 0; round < 12; ++round) {
        auto damaged = whole;
        for (std::size_t flips = damaged.size() / 10'000 * static_cast<std::size_t>(1 + round); flips-- > 0;) {
            const std::size_t at = random() % damaged.size();
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
        }
        write_bytes(folder / "flipped.mp4", {damaged.data(), damaged.size()});
        const Errc code = code_of(folder / "flipped.mp4");
        EXPECT_TRUE(code == Errc{} || code == Errc::corrupt || code == Errc::unsupported) << to_string(code);
    }
}

namespace {

/// A port that accepts and never answers, or nothing at all.
class Silence {
public:
    Silence() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(socket_, 4), 0);
        socklen_t size = sizeof address;
        EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
        port_ = ntohs(address.sin_port);
    }
    ~Silence() { ::close(socket_); }
    /// Answers every request on the first connection with `reply`, until the peer closes.
    void answer_once(const std::string& reply) const {
        const int peer = ::accept(socket_, nullptr, nullptr);
        std::string request;
        char part[4096];
        ssize_t n;
        while ((n = ::read(peer, part, sizeof part)) > 0) {
            request.append(part, static_cast<std::size_t>(n));
            for (std::size_t end; (end = request.find("\r\n\r\n")) != std::string::npos; request.erase(0, end + 4)) {
                const auto cseq = request.find("CSeq: ");
                const std::string number = request.substr(cseq + 6, request.find('\r', cseq) - cseq - 6);
                const std::string whole = "RTSP/1.0 " + reply + "\r\nCSeq: " + number +
                                          "\r\nWWW-Authenticate: Basic realm=\"door\"\r\n\r\n";
                if (::write(peer, whole.data(), whole.size()) < 0) break;
            }
        }
        ::close(peer);
    }
    std::string url() const { return "rtsp://admin:s3cret@127.0.0.1:" + std::to_string(port_) + "/stream"; }

private:
    int socket_;
    int port_ = 0;
};

Errc live_code(const std::string& url, const LiveOptions& options, std::stop_token stop = {}) {
    try {
        (void)Input::open_live(url, options, stop);
    } catch (const Error& error) {
        for (const std::string& text : {std::string(error.what()), error.subject()}) {
            EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
            EXPECT_EQ(text.find("admin"), std::string::npos) << text;
        }
        return error.code();
    }
    return Errc{};
}

}  // namespace

TEST(LiveInput, ASilentCameraIsUnavailableInTime) {
    const Silence camera;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(live_code(camera.url(), {.open_timeout = 300ms}), Errc::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

TEST(LiveInput, StopsWhileWaiting) {
    const Silence camera;
    std::stop_source source;
    std::jthread stopper([&] { source.request_stop(); });
    EXPECT_EQ(live_code(camera.url(), {.open_timeout = 20s}, source.get_token()), Errc::cancelled);
}

TEST(LiveInput, AWrongPasswordIsUnauthenticated) {
    const Silence camera;
    std::jthread server([&] { camera.answer_once("401 Unauthorized"); });
    EXPECT_EQ(live_code(camera.url(), {.open_timeout = 5s}), Errc::unauthenticated);
}

TEST(LiveInput, AMissingStreamIsNotFound) {
    const Silence camera;
    std::jthread server([&] { camera.answer_once("404 Not Found"); });
    EXPECT_EQ(live_code(camera.url(), {.open_timeout = 5s}), Errc::not_found);
}

TEST(LiveInput, OnlyRtspUrls) {
    for (const char* url : {"http://admin:s3cret@host/x", "file:///etc/passwd", "/etc/passwd", "rtmp://admin:s3cret@host/x", ""})
        EXPECT_EQ(live_code(url, {}), Errc::invalid_argument) << url;
}

TEST(LiveInput, NobodyListening) {
    std::string url;
    { url = Silence().url(); }
    EXPECT_EQ(live_code(url, {.open_timeout = 2s}), Errc::unavailable);
}
