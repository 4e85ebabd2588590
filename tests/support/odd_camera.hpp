#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tenon::test {

/// A camera that speaks RTSP as it should up to a point and then does what it should not. Clients are served one after the
/// other.
class OddCamera {
public:
    /// What it says to a method in place of what it should: "404 Not Found", or nothing at all.
    using Answers = std::map<std::string, std::string>;

    /// `stream`: what follows the answer to PLAY; then the connection is closed. Empty: nothing, and it stays open.
    explicit OddCamera(Answers instead, std::string stream = {}) : instead_(std::move(instead)), stream_(std::move(stream)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 8) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no port for a camera");
        url_ = "rtsp://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/live";
        thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
    }
    ~OddCamera() {
        thread_.request_stop();
        thread_.join();
        ::close(listener_);
    }
    OddCamera(const OddCamera&) = delete;
    OddCamera& operator=(const OddCamera&) = delete;

    const std::string& url() const { return url_; }
    /// Another answer to a method, before the first client comes.
    void say(const std::string& method, const std::string& answer) { instead_[method] = answer; }
    /// How many clients have come so far.
    int clients() const { return clients_; }
    /// Their requests so far.
    std::string heard() const {
        const std::lock_guard lock(mutex_);
        return heard_;
    }

private:
    static bool readable(int socket, const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            pollfd ready{socket, POLLIN, 0};
            if (::poll(&ready, 1, 50) > 0) return true;
        }
        return false;
    }

    void serve(const std::stop_token& stop) {
        while (readable(listener_, stop)) {
            const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) continue;
            ++clients_;
            talk(client, stop);
            ::close(client);
        }
    }

    void talk(int client, const std::stop_token& stop) {
        std::string heard;
        while (readable(client, stop)) {
            char bytes[4096];
            const auto n = ::recv(client, bytes, sizeof bytes, 0);
            if (n <= 0) return;
            heard.append(bytes, static_cast<std::size_t>(n));
            for (auto end = heard.find("\r\n\r\n"); end != std::string::npos; end = heard.find("\r\n\r\n")) {
                const auto request = heard.substr(0, end);
                heard.erase(0, end + 4);
                {
                    const std::lock_guard lock(mutex_);
                    heard_ += request + "\r\n\r\n";
                }
                if (!answer(client, request)) return;
            }
        }
    }

    /// False: the connection is to be closed.
    bool answer(int client, const std::string& request) {
        const auto method = request.substr(0, request.find(' '));
        const auto number = request.find("CSeq: ");
        const auto sequence = number == std::string::npos ? "0" : request.substr(number + 6, request.find("\r\n", number) - number - 6);
        const auto odd = instead_.find(method);
        if (odd != instead_.end() && odd->second.empty()) return true;
        std::string text = "RTSP/1.0 " + (odd == instead_.end() ? "200 OK" : odd->second) + "\r\nCSeq: " + sequence + "\r\n";
        std::string body;
        if (odd == instead_.end()) {
            if (method == "OPTIONS") text += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n";
            if (method == "SETUP") text += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
            if (method == "SETUP" || method == "PLAY") text += "Session: 7\r\n";
            if (method == "DESCRIBE") {
                body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=live\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n";
                body += "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n";
                text += "Content-Base: " + url_ + "/\r\nContent-Type: application/sdp\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
            }
        }
        if (!send(client, text + "\r\n" + body)) return false;
        if (method != "PLAY" || odd != instead_.end() || stream_.empty()) return true;
        (void)send(client, stream_);
        return false;
    }

    static bool send(int client, const std::string& text) {
        for (std::size_t at = 0; at < text.size();) {
            const auto n = ::send(client, text.data() + at, text.size() - at, MSG_NOSIGNAL);
            if (n <= 0) return false;
            at += static_cast<std::size_t>(n);
        }
        return true;
    }

    Answers instead_;
    std::string stream_;
    std::string url_;
    int listener_ = -1;
    std::atomic<int> clients_{0};
    mutable std::mutex mutex_;
    std::string heard_;
    std::jthread thread_;  // last: it uses all of the above
};

}  // namespace tenon::test
