#include "rtsp_session.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <thread>

#include <tenon/error.hpp>

namespace tenon::media::rtsp {
namespace {

using namespace std::chrono_literals;

constexpr int most_redirects = 5;
constexpr Duration farewell = 200ms;
// No multiple of how far pictures are apart: over a minute some are read the moment they arrive, which is how their wall time
// is known.
constexpr Duration longest_pause = 97ms;
constexpr std::int64_t comfortable = 32 << 10;   // bytes at once; twice as many fit into a new connection's window
constexpr Duration settling = 3s;

/// "name=value" among "a;b=c;d"; empty: there is none.
std::string_view parameter(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        const auto end = std::min(list.find(';'), list.size());
        const auto one = trimmed(list.substr(0, end));
        const auto equals = one.find('=');
        if (equals != std::string_view::npos && same_word(trimmed(one.substr(0, equals)), name)) return trimmed(one.substr(equals + 1));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return {};
}

template <class T> std::optional<T> number(std::string_view& text) {
    T value{};
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end.ec != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end.ptr - text.data()));
    return value;
}

int code_of(int status, int otherwise) {
    switch (status) {
        case 400: return AVERROR_HTTP_BAD_REQUEST;
        case 401: return AVERROR_HTTP_UNAUTHORIZED;
        case 403: return AVERROR_HTTP_FORBIDDEN;
        case 404: return AVERROR_HTTP_NOT_FOUND;
        default: break;
    }
    if (status >= 400 && status <= 499) return AVERROR_HTTP_OTHER_4XX;
    return status >= 500 ? AVERROR_HTTP_SERVER_ERROR : otherwise;
}

struct Redirect {
    std::string to;
};

Av<AVIOContext> context(void* self, int writable, int (*read)(void*, std::uint8_t*, int), int (*write)(void*, std::uint8_t*, int)) {
    constexpr int size = 4 << 10;
    auto* const buffer = static_cast<std::uint8_t*>(checked(av_malloc(size)));   // the context owns and may replace it
    Av<AVIOContext> made(avio_alloc_context(buffer, size, writable, self, read, write, nullptr));
    if (!made) av_free(buffer);
    checked(made.get())->seekable = 0;
    return made;
}

}  // namespace

Session::Session(Address address, Duration longest, AVIOInterruptCB interrupt)
    : address_(std::move(address)), interrupt_(interrupt), login_(address_.login) {
    for (int redirects = 0;; ++redirects) {
        try {
            connect(longest);
            begin();
            break;
        } catch (const Corrupt&) {
            throw Broken{AVERROR_INVALIDDATA};
        } catch (const Redirect& redirect) {
            // Whoever called has checked one address: the login goes nowhere else, not even a connection.
            const auto to = Address::parse(redirect.to);
            if (!to || to->secure != address_.secure || to->server != address_.server || redirects == most_redirects)
                throw Unsupported("the camera redirects to another address, or without end", {.subject = address_.origin()});
            address_.rest = to->rest;
        }
    }
    // Of the reports that the library writes; what is read does not go through a buffer.
    packets_ = context(this, 1, &Session::give_packet, &Session::drop_report);
}

Av<AVIOContext> Session::description() { return context(this, 0, &Session::give_description, nullptr); }

int Session::give_description(void* self, std::uint8_t* to, int size) {
    auto& session = *static_cast<Session*>(self);
    const auto count = session.description_.sdp.copy(reinterpret_cast<char*>(to), static_cast<std::size_t>(size), session.described_);
    session.described_ += count;
    return count == 0 ? AVERROR_EOF : static_cast<int>(count);
}

Session::~Session() {
    const Quiet quiet;
    closing_ = lately() + farewell;
    if (session_.empty() || !transport_) return;
    try {
        send("TEARDOWN", description_.control);
    } catch (...) {   // it is gone
    }
}

int Session::interrupted(void* self) {
    const auto& session = *static_cast<const Session*>(self);
    if (session.closing_) return lately() >= *session.closing_;
    return session.interrupt_.callback(session.interrupt_.opaque);
}

void Session::connect(Duration longest) {
    transport_.reset();
    incoming_ = Incoming();
    const AVIOInterruptCB interrupt{&Session::interrupted, this};
    const std::string to = (address_.secure ? "tls://" : "tcp://") + address_.server + "?timeout=" + std::to_string(longest.count());
    AVIOContext* raw = nullptr;
    AvOptions options;
    options.set("protocol_whitelist", address_.secure ? "tcp,tls" : "tcp");
    // A proxy of the environment's is for the web: a camera's address was checked, and nobody else is asked for it.
    if (address_.secure) options.set("http_proxy", "");
    if (const int code = avio_open2(&raw, to.c_str(), AVIO_FLAG_READ_WRITE, &interrupt, options.out()); code < 0) {
        const bool connected = code == AVERROR(EIO) || code == AVERROR_EOF || code == AVERROR(ECONNRESET) || code == AVERROR(EPIPE);
        throw Broken{code, address_.secure && connected ? ", TLS was not agreed on (an address without TLS begins with rtsp://)" : ""};
    }
    transport_.reset(raw);
    url_ = address_.scheme() + address_.server + address_.rest;
    session_.clear();
    login_ = Login(address_.login);   // what a server asked is of its connection
}

void Session::begin() {
    const auto options = ask("OPTIONS", url_);
    must_succeed(options, AVERROR_INVALIDDATA);
    if (options.header("Public").find("GET_PARAMETER") != std::string_view::npos) keep_alive_by_ = "GET_PARAMETER";

    const auto answer = ask("DESCRIBE", url_, "Accept: application/sdp\r\n");
    must_succeed(answer, AVERROR_INVALIDDATA);
    const std::string base(answer.header("Content-Base"));
    description_ = read_description(answer.body, Address::parse(base) ? base : url_);
    if (description_.sections.empty()) throw Broken{AVERROR_INVALIDDATA};
    tracks_ = Tracks(description_.sections);
    for (std::size_t i = 0; i < description_.sections.size(); ++i) set_up(i);

    const auto playing = ask("PLAY", description_.control, "Range: npt=0.000-\r\n");
    must_succeed(playing, AVERROR(EPERM));
    take_up_begins(playing.header("RTP-Info"));
    paused_ = std::chrono::steady_clock::now();
    gather_from_ = paused_ + settling;
}

void Session::set_up(std::size_t section) {
    int media = static_cast<int>(2 * section), control = media + 1;
    const std::string wanted = "RTP/AVP/TCP;unicast;interleaved=" + std::to_string(media) + "-" + std::to_string(control);
    const auto answer = ask("SETUP", description_.sections[section].control, "Transport: " + wanted + "\r\n");
    if (answer.status == 461) throw Broken{AVERROR(EPROTONOSUPPORT)};
    must_succeed(answer, AVERROR_INVALIDDATA);
    auto channels = parameter(answer.header("Transport"), "interleaved");   // cameras may choose others
    if (const auto first = number<int>(channels)) {
        media = control = *first;
        if (channels.starts_with('-')) channels.remove_prefix(1);
        control = number<int>(channels).value_or(media + 1);
    }
    tracks_.set_channels(section, media, control);
    const auto session = answer.header("Session");
    if (session.empty()) return;
    session_ = trimmed(session.substr(0, session.find(';')));
    auto seconds = parameter(session, "timeout");
    if (const auto timeout = number<int>(seconds); timeout && *timeout > 0) timeout_ = std::chrono::seconds(*timeout);
}

/// "url=rtsp://…/track1;seq=1;rtptime=2,url=…"
void Session::take_up_begins(std::string_view info) {
    while (!info.empty()) {
        const auto end = std::min(info.find(','), info.size());
        const auto one = info.substr(0, end);
        auto time = parameter(one, "rtptime");
        const auto timestamp = number<std::uint32_t>(time);
        const auto url = parameter(one, "url");
        for (std::size_t i = 0; timestamp && !url.empty() && i < description_.sections.size(); ++i)
            if (description_.sections[i].control == url) tracks_.set_begin(i, *timestamp);
        info.remove_prefix(std::min(end + 1, info.size()));
    }
}

void Session::must_succeed(const Message& answer, int otherwise) const {
    if (answer.status == 200) return;
    if (answer.status >= 300 && answer.status <= 399) throw Redirect{std::string(answer.header("Location"))};
    throw Broken{code_of(answer.status, otherwise)};
}

Message Session::ask(const std::string& method, const std::string& uri, const std::string& more) {
    for (bool again = false;; again = true) {
        send(method, uri, more);
        for (;;) {
            auto next = incoming_.next();
            if (auto* const message = std::get_if<Message>(&next)) {
                if (message->status == 0) {
                    hear(*message);
                    continue;
                }
                if (message->status == 401 && !again && login_.challenged(*message)) break;
                return std::move(*message);
            }
            if (std::holds_alternative<std::monostate>(next)) receive();   // packets before the answer are too early
        }
    }
}

void Session::send(const std::string& method, const std::string& uri, const std::string& more) {
    std::string text = method + " " + uri + " RTSP/1.0\r\n" + more + "CSeq: " + std::to_string(++sequence_) + "\r\nUser-Agent: media/1.0\r\n";
    if (!session_.empty()) text += "Session: " + session_ + "\r\n";
    if (const auto login = login_.answer(method, uri); !login.empty()) text += "Authorization: " + login + "\r\n";
    last_sent_ = lately();
    write(text + "\r\n");
}

void Session::write(const std::string& text) {
    avio_write(transport_.get(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    avio_flush(transport_.get());
    if (const int code = transport_->error; code < 0) throw Broken{code};
}

void Session::receive() {
    const auto room = incoming_.room();
    const int count = avio_read_partial(transport_.get(), room.data(), static_cast<int>(room.size()));
    if (count <= 0) throw Broken{count == 0 ? AVERROR_EOF : count};
    incoming_.received(static_cast<std::size_t>(count));
    gathered_ += count;
    emptied_ = static_cast<std::size_t>(count) < room.size();
}

/// Lets packets gather before the next are received: waking up costs more than all that is done with a packet. Not while the
/// stream settles, nor under TLS, where a read gives one record however many there are.
void Session::gather() {
    const auto now = std::chrono::steady_clock::now();
    if (address_.secure || now < gather_from_ || !emptied_) return;
    if (gathered_ > 0) {
        const auto passed = std::chrono::duration_cast<Duration>(now - paused_);
        std::this_thread::sleep_for(std::min(longest_pause, passed * comfortable / gathered_));
    }
    paused_ = now;
    gathered_ = 0;
}

/// While it plays: an answer to what keeps it alive, or a request of the camera's.
void Session::hear(const Message& message) {
    if (message.status == 0) {
        const std::string answer = message.method == "OPTIONS" ? "200 OK" : "405 Method Not Allowed";
        write("RTSP/1.0 " + answer + "\r\nCSeq: " + std::string(message.header("CSeq")) + "\r\n\r\n");
    } else if (message.status == 401 && !asked_again_ && login_.challenged(message)) {   // its nonce has become stale
        asked_again_ = true;
        send(keep_alive_by_, description_.control);
    }
}

void Session::keep_alive() {
    if (lately() - last_sent_ < timeout_ * 2 / 5) return;
    asked_again_ = false;
    send(keep_alive_by_, description_.control);
}

int Session::next_packet(std::uint8_t* to, std::size_t size) {
    for (;;) {
        std::optional<RtpPacket> packet = std::exchange(held_, std::nullopt);
        if (!packet) {
            auto next = incoming_.next();
            if (const auto* const message = std::get_if<Message>(&next)) hear(*message);
            if (std::holds_alternative<std::monostate>(next)) {
                keep_alive();
                gather();
                receive();
            }
            const auto* const found = std::get_if<RtpPacket>(&next);
            if (found == nullptr || !tracks_.prepare(*found)) continue;
            if (const auto report = tracks_.report_before(*found)) {
                held_ = *found;
                std::memcpy(to, report->data(), report->size());
                return static_cast<int>(report->size());
            }
            packet = *found;
        }
        if (packet->bytes.size() > size) continue;
        std::memcpy(to, packet->bytes.data(), packet->bytes.size());
        return static_cast<int>(packet->bytes.size());
    }
}

int Session::give_packet(void* self, std::uint8_t* to, int size) {
    auto& session = *static_cast<Session*>(self);
    session.ended_ = true;
    try {
        const int count = session.next_packet(to, static_cast<std::size_t>(size));
        session.ended_ = false;
        return count;
    } catch (const Broken& broken) {
        return broken.code;
    } catch (const Corrupt&) {
        return AVERROR_INVALIDDATA;
    } catch (...) {
        return AVERROR(ENOMEM);
    }
}

}  // namespace tenon::media::rtsp
