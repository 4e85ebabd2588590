#include "rtsp_address.hpp"

#include <algorithm>

namespace tenon::media::rtsp {

std::optional<Address> Address::parse(std::string_view url) {
    const auto breaks_requests = [](unsigned char c) { return c <= ' ' || c == 0x7f; };
    if (std::ranges::any_of(url, breaks_requests)) return std::nullopt;
    Address out;
    if (url.starts_with("rtsps://")) out.secure = true;
    else if (!url.starts_with("rtsp://")) return std::nullopt;
    url.remove_prefix(url.find("://") + 3);
    const auto end = std::min(url.find_first_of("/?#"), url.size());
    std::string_view server = url.substr(0, end);
    if (const auto at = server.rfind('@'); at != std::string_view::npos) {
        out.login = server.substr(0, at);
        server.remove_prefix(at + 1);
    }
    out.server = server;
    out.usual_port = out.server.find(':', out.server.rfind(']') + 1) == std::string::npos;
    if (out.usual_port) out.server += out.secure ? ":322" : ":554";
    out.rest = url.substr(end, std::min(url.find('#', end), url.size()) - end);
    return out;
}

std::string Address::origin() const { return scheme() + (usual_port ? server.substr(0, server.rfind(':')) : server); }

}  // namespace tenon::media::rtsp
