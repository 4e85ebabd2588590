// What a camera says over RTSP: answers and packets between them, challenges, descriptions. The first byte picks the parser.

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

#include <rtsp_login.hpp>
#include <rtsp_message.hpp>
#include <rtsp_tracks.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {
namespace {

using namespace media::rtsp;
using namespace std::literals;

void must(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
}

constexpr auto description =
    "v=0\r\na=control:rtsp://c/live\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:1\r\n"
    "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 MPEG4-GENERIC/16000/1\r\na=framesize:96 1-2\r\na=control:*\r\nm=audio 0 RTP/AVP 8 101\r\n"sv;

/// Bytes in pieces of `step`; packets go through two tracks.
void read_stream(std::string_view bytes, std::size_t step) {
    Incoming incoming;
    Tracks tracks(read_description(description, "rtsp://c/").sections);
    for (int i = 0; i < 2; ++i) {
        tracks.set_channels(static_cast<std::size_t>(i), 2 * i, 2 * i + 1);
        tracks.set_begin(static_cast<std::size_t>(i), 1000);
    }
    while (!bytes.empty()) {
        const auto room = incoming.room();
        const auto count = bytes.copy(reinterpret_cast<char*>(room.data()), std::min(room.size(), step));
        must(count > 0, "no room");
        incoming.received(count);
        bytes.remove_prefix(count);
        for (;;) {
            const auto next = incoming.next();
            if (std::holds_alternative<std::monostate>(next)) break;
            if (const auto* const packet = std::get_if<RtpPacket>(&next); packet != nullptr && tracks.prepare(*packet)) {
                must(packet->bytes.size() >= 8, "a packet that is too short");
                (void)tracks.report_before(*packet);
            }
            if (const auto* const message = std::get_if<Message>(&next)) {
                must(message->headers.size() <= most_headers && message->body.size() <= most_body, "a limit");
                for (const auto& header : message->headers) must(header.second.find('\n') == std::string::npos, "a line in a line");
            }
        }
    }
}

}  // namespace

std::vector<Input> seeds() {
    return {seed(40, "RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 7;timeout=60\r\nContent-Length: 5\r\n\r\nhello"
                     "$\0\0\x10\x80\x60\0\1\0\0\0\5\0\0\0\7\1\2\3\4OPTIONS rtsp://c/ RTSP/1.0\r\nCSeq: 9\r\n\r\n"
                     "$\1\0\x1c\x80\xc8\0\6\0\0\0\7\0\0\0\1\0\0\0\2\0\0\0\5\0\0\0\0\0\0\0\0"sv),
            seed(1, "RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm=\"c\"\r\n\r\n"sv),
            seed(254, "Digest realm=\"a \\\" b\", nonce=\"n\", qop=\"auth,auth-int\", algorithm=SHA-256-sess, opaque=x, stale=true, "
                      "Basic realm=\"c\""sv),
            seed(255, description)};
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon;
    using namespace tenon::media::rtsp;
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    fuzz::reads([&] {
        if (data[0] == 255) {
            const auto found = read_description(text, "rtsp://c/live");
            for (const auto& section : found.sections)
                fuzz::must(std::ranges::count(found.sections, section.shown_payload, &Section::shown_payload) == 1, "payload types that are alike");
        } else if (data[0] == 254) {
            for (const auto& challenge : read_challenges(text))
                if (challenge.digest) (void)digest_answer(challenge, "a", "b", "PLAY", "rtsp://c", "c", 1);
        } else {
            fuzz::read_stream(text, std::size_t{1} + data[0] * data[0]);
        }
    });
    return 0;
}
