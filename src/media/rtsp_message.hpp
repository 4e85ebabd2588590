#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// What an RTSP server sends (RFC 2326): answers, requests of its own, and between them packets of RTP and RTCP, each behind
// '$', a channel and a length. All of it comes from outside and is bounded.
namespace tenon::media::rtsp {

inline constexpr std::size_t most_line = 4096, most_head = 16 << 10, most_headers = 100, most_body = 64 << 10, most_noise = 64 << 10;

bool same_word(std::string_view a, std::string_view b) noexcept;   ///< But for upper and lower case.
std::string_view trimmed(std::string_view text) noexcept;

struct Message {
    int status = 0;        ///< 0: it is a request.
    std::string method;    ///< Of a request.
    std::vector<std::pair<std::string, std::string>> headers;   ///< Without control characters.
    std::string body;

    std::string_view header(std::string_view name) const noexcept;   ///< The first of that name; empty: none.
};

struct RtpPacket {
    std::uint8_t channel = 0;
    std::span<std::uint8_t> bytes;   ///< Until room() is called.
};

/// Takes apart what was received. Throws Corrupt for what breaks a limit.
class Incoming {
public:
    Incoming();

    std::span<std::uint8_t> room();          ///< Where to receive to; never empty.
    void received(std::size_t count) { end_ += count; }

    /// The next in order; nothing: more must be received first. Bytes that begin neither are passed over, up to a limit.
    std::variant<std::monostate, RtpPacket, Message> next();

private:
    std::string_view text() const { return {reinterpret_cast<const char*>(buffer_.get()) + begin_, end_ - begin_}; }
    bool find_start();
    bool read_message(Message& message);
    void skip(std::size_t count);

    std::unique_ptr<std::uint8_t[]> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t noise_ = 0;   // passed over since the last packet or message
};

}  // namespace tenon::media::rtsp
