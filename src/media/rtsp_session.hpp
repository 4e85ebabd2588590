#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <time.h>

#include "av.hpp"
#include "rtsp_address.hpp"
#include "rtsp_login.hpp"
#include "rtsp_message.hpp"
#include "rtsp_tracks.hpp"

namespace tenon::media {

/// steady_clock at the kernel's last tick, up to 4 ms ago: it is asked for with every read of the network.
inline std::chrono::steady_clock::time_point lately() noexcept {
    timespec at{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &at);
    return std::chrono::steady_clock::time_point(std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec));
}

}  // namespace tenon::media

namespace tenon::media::rtsp {

/// The conversation cannot go on; by the library's number, as if it had led it.
struct Broken {
    int code;
    const char* why = "";   ///< What the number does not say.
};

/// An RTSP session that plays, its packets interleaved with the answers on one connection. The library's own would read each
/// packet with three calls of the system; here as many come with one as there are.
///
/// Threads   one at a time.
class Session {
public:
    /// Connects and plays. `interrupt` ends every wait. Throws Broken, and Unsupported for a redirect to another server.
    Session(Address address, Duration longest, AVIOInterruptCB interrupt);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// The library's demuxer `sdp` is opened with this and then gets its packets from the other, one with each read.
    Av<AVIOContext> description();
    AVIOContext* packets() { return packets_.get(); }

    bool has_ended() const { return ended_; }
    /// Whether it ended in the midst of a frame of that stream.
    bool breaks_off(int stream) const { return has_ended() && !tracks_.at_end_of_frame(static_cast<std::size_t>(stream)); }

private:
    struct CloseTransport {
        void operator()(AVIOContext* p) const noexcept { avio_close(p); }
    };

    void connect(Duration longest);
    void begin();
    void set_up(std::size_t section);
    void take_up_begins(std::string_view info);
    Message ask(const std::string& method, const std::string& uri, const std::string& more = {});
    void must_succeed(const Message& answer, int otherwise) const;
    void send(const std::string& method, const std::string& uri, const std::string& more = {});
    void write(const std::string& text);
    void receive();
    void gather();
    void hear(const Message& message);
    void keep_alive();
    int next_packet(std::uint8_t* to, std::size_t size);
    static int give_description(void* self, std::uint8_t* to, int size);
    static int give_packet(void* self, std::uint8_t* to, int size);
    static int drop_report(void*, std::uint8_t*, int size) { return size; }
    static int interrupted(void* self);

    Address address_;
    std::string url_;          // of requests about the whole, without login
    AVIOInterruptCB interrupt_;
    std::optional<std::chrono::steady_clock::time_point> closing_;
    std::unique_ptr<AVIOContext, CloseTransport> transport_;
    Incoming incoming_;
    Login login_;
    Description description_;
    std::size_t described_ = 0;   // bytes of it
    Tracks tracks_{{}};
    std::string session_;
    Duration timeout_ = std::chrono::seconds(60);
    std::string keep_alive_by_ = "OPTIONS";
    bool asked_again_ = false;   // since the last time it was due
    int sequence_ = 0;
    std::chrono::steady_clock::time_point last_sent_{};
    std::chrono::steady_clock::time_point gather_from_{}, paused_{};
    std::int64_t gathered_ = 0;    // bytes since the last pause began
    bool emptied_ = false;         // the last read took all there was
    std::optional<RtpPacket> held_;   // behind a report
    bool ended_ = false;              // the last packet that was asked for did not come
    Av<AVIOContext> packets_;
};

}  // namespace tenon::media::rtsp
