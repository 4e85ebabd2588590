#include "rtsp_message.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <tenon/error.hpp>

namespace tenon::media::rtsp {
namespace {

constexpr std::size_t capacity = 128 << 10;   // the largest packet, or head and body
static_assert(capacity >= most_head + most_body + (16 << 10) && capacity >= 65'539 + (16 << 10));

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

[[noreturn]] void refuse() { throw Corrupt("the camera's answer cannot be understood"); }

std::string without_controls(std::string_view text) {
    std::string out(trimmed(text));
    std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return out;
}

/// "RTSP/1.0 200 OK" or "OPTIONS rtsp://… RTSP/1.0".
bool read_start(std::string_view line, Message& message) {
    const auto space = line.find(' ');
    if (space == std::string_view::npos) return false;
    if (line.starts_with("RTSP/")) {
        const auto number = trimmed(line.substr(space)).substr(0, 3);
        const auto end = std::from_chars(number.data(), number.data() + number.size(), message.status);
        return number.size() == 3 && end.ptr == number.data() + 3 && message.status >= 100;
    }
    if (line.rfind("RTSP/") == std::string_view::npos) return false;
    message.method = without_controls(line.substr(0, space));
    return true;
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string_view Message::header(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers)
        if (same_word(key, name)) return value;
    return {};
}

Incoming::Incoming() : buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(capacity)) {}

std::span<std::uint8_t> Incoming::room() {
    if (begin_ == end_) begin_ = end_ = 0;   // what is used again and again stays in the processor's cache
    if (capacity - end_ < (16 << 10)) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
        end_ -= std::exchange(begin_, 0);
    }
    return {buffer_.get() + end_, capacity - end_};
}

void Incoming::skip(std::size_t count) {
    begin_ += count;
    if ((noise_ += count) > most_noise) refuse();
}

/// True: a packet or a message begins here, as far as can be seen.
bool Incoming::find_start() {
    while (begin_ < end_) {
        const char c = text().front();
        if (c == '$' || (c >= 'A' && c <= 'Z')) return true;
        const bool blank = c == '\r' || c == '\n';   // cameras put empty lines between messages
        if (blank) ++begin_;
        else skip(1);
    }
    return false;
}

std::variant<std::monostate, RtpPacket, Message> Incoming::next() {
    while (find_start()) {
        const std::size_t there = end_ - begin_;
        if (text().front() == '$') {
            const std::uint8_t* const head = buffer_.get() + begin_;
            if (there < 4) return {};
            const std::size_t size = static_cast<std::size_t>(head[2] << 8 | head[3]);
            if (there < 4 + size) return {};
            const RtpPacket packet{head[1], {buffer_.get() + begin_ + 4, size}};
            begin_ += 4 + size;
            noise_ = 0;
            return packet;
        }
        Message message;
        const auto line_end = text().substr(0, most_line).find('\n');
        if (line_end == std::string_view::npos && there < most_line) return {};
        if (line_end == std::string_view::npos || !read_start(trimmed(text().substr(0, line_end)), message)) {
            skip(1);
            continue;
        }
        if (!read_message(message)) return {};
        noise_ = 0;
        return message;
    }
    return {};
}

/// False: it is not all there yet.
bool Incoming::read_message(Message& message) {
    const auto all = text();
    std::size_t at = all.find('\n') + 1;
    for (;;) {
        const auto line_end = all.substr(at).find('\n');
        if (at + std::min(line_end, all.size() - at) > most_head) refuse();
        if (line_end == std::string_view::npos) return false;
        const auto line = all.substr(at, line_end);
        at += line_end + 1;
        if (trimmed(line).empty()) break;
        if (line.size() > most_line || message.headers.size() == most_headers) refuse();
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        message.headers.emplace_back(without_controls(line.substr(0, colon)), without_controls(line.substr(colon + 1)));
    }
    std::size_t size = 0;
    if (const auto length = message.header("Content-Length"); !length.empty()) {
        const auto end = std::from_chars(length.data(), length.data() + length.size(), size);
        if (end.ptr != length.data() + length.size() || end.ec != std::errc() || size > most_body) refuse();
    }
    if (all.size() - at < size) return false;
    message.body = all.substr(at, size);
    begin_ += at + size;
    return true;
}

}  // namespace tenon::media::rtsp
