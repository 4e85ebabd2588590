#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tenon::media::rtsp {

/// A URL of a camera in its parts.
struct Address {
    bool secure = false;
    std::string login;        ///< With its escapes.
    std::string server;       ///< "host:port".
    bool usual_port = false;  ///< Which the URL leaves out.
    std::string rest;         ///< Path and query.

    static std::optional<Address> parse(std::string_view url);
    std::string scheme() const { return secure ? "rtsps://" : "rtsp://"; }
    std::string origin() const;   ///< Scheme and server as the URL writes them: what may be shown.
};

}  // namespace tenon::media::rtsp
