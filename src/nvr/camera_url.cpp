#include <nvr/camera_url.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

constexpr std::size_t kMaxUrl = 2048;
constexpr Duration lookup_patience = std::chrono::seconds(5);

std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned value = 0;
        const auto* digits = text.data() + i + 1;
        if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2 || value == 0)
            throw InvalidArgument("a camera's URL has a broken escape in its login", {.subject = "url"});
        out += static_cast<char>(value);
        i += 2;
    }
    return out;
}

std::string escaped(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const auto c : text) {
        const auto b = static_cast<unsigned char>(c);
        const bool plain = (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '-' || b == '_';
        if (plain) out += c;
        else (out += '%') += {digits[b >> 4], digits[b & 15]};
    }
    return out;
}

std::string origin_of(const CameraUrl& url) {
    std::string out = url.secure ? "rtsps://" : "rtsp://";
    const bool v6 = url.host.find(':') != std::string::npos;
    out += v6 ? "[" + url.host + "]" : url.host;
    if (url.port != 0) out += ":" + std::to_string(url.port);
    return out;
}

bool may_be_secret(std::string_view part) {
    if (part.find_first_of("=:;&@%") != std::string_view::npos) return true;
    std::ptrdiff_t digits = 0, letters = 0, dashes = 0;
    for (const auto c : part) {
        const auto b = static_cast<unsigned char>(c);
        digits += std::isdigit(b) != 0;
        letters += std::isalpha(b) != 0;
        dashes += c == '-';
    }
    return part.size() >= 12 && digits > 0 && letters > 0 && digits + letters + dashes == std::ssize(part);
}

}  // namespace

Networks::Networks(const std::vector<std::string>& blocks) {
    static const std::vector<std::string> usual{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"};
    for (const auto& text : blocks.empty() ? usual : blocks) {
        const auto block = base::Network::parse(text);
        if (!block) throw InvalidArgument("camera networks are written like 192.168.0.0/16", {.subject = "camera_networks"});
        blocks_.push_back(*block);
    }
}

bool Networks::contains(const Address& address) const {
    return std::ranges::any_of(blocks_, [&](const auto& block) { return block.contains(address); });
}

std::string CameraUrl::text() const { return origin_of(*this) + rest; }

std::string CameraUrl::shown() const {
    auto out = origin_of(*this);
    const auto path = std::string_view(rest).substr(0, rest.find('?'));
    for (std::size_t at = 0; at < path.size();) {
        const auto next = std::min(path.find('/', at), path.size());
        const auto part = path.substr(at, next - at);
        out += may_be_secret(part) ? "***" : part;
        if (next < path.size()) out += '/';
        at = next + 1;
    }
    return path.size() < rest.size() ? out + "?***" : out;
}

GivenUrl parse_camera_url(const std::string& text) {
    const auto refuse = [](const char* why) { throw InvalidArgument(why, {.subject = "url"}); };
    GivenUrl given;
    std::string_view left = text;
    if (left.size() > kMaxUrl) refuse("a camera's URL is at most 2048 bytes long");
    if (std::any_of(left.begin(), left.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7f || c == '\\'; }))
        refuse("a camera's URL holds a space, a control character or a letter that is not ASCII: write it as %xx");
    if (left.starts_with("rtsps://")) {
        given.url.secure = true;
        left.remove_prefix(8);
    } else if (left.starts_with("rtsp://")) {
        left.remove_prefix(7);
    } else {
        refuse("a camera's URL begins with rtsp:// or rtsps://");
    }
    const auto end = std::min(left.find_first_of("/?#"), left.size());
    auto authority = left.substr(0, end);
    given.url.rest = std::string(left.substr(end));
    if (const auto hash = given.url.rest.find('#'); hash != std::string::npos) given.url.rest.resize(hash);

    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        const auto login = authority.substr(0, at);
        const auto colon = login.find(':');
        given.username = unescaped(login.substr(0, colon));
        if (colon != std::string_view::npos) given.password = unescaped(login.substr(colon + 1));
        authority.remove_prefix(at + 1);
    }
    std::string_view port;
    if (authority.starts_with('[')) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos) refuse("a camera's URL has a broken address");
        given.url.host = std::string(authority.substr(1, close - 1));
        const auto behind = authority.substr(close + 1);
        in6_addr v6;
        if (inet_pton(AF_INET6, given.url.host.c_str(), &v6) != 1 || (!behind.empty() && behind[0] != ':'))
            refuse("a camera's URL has a broken address");
        if (!behind.empty()) port = behind.substr(1);
    } else {
        const auto colon = authority.find(':');
        given.url.host = std::string(authority.substr(0, colon));
        if (colon != std::string_view::npos) port = authority.substr(colon + 1);
        const bool plain = std::all_of(given.url.host.begin(), given.url.host.end(), [](unsigned char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
        });
        if (!plain) refuse("a camera's URL has a host name with other letters than a-z, digits, - and .");
    }
    if (given.url.host.empty()) refuse("a camera's URL names no host");
    if (authority.ends_with(':')) refuse("a camera's URL has a broken port");
    if (!port.empty()) {
        const auto* last = port.data() + port.size();
        if (std::from_chars(port.data(), last, given.url.port).ptr != last || given.url.port == 0) refuse("a camera's URL has a broken port");
    }
    return given;
}

std::string checked_address(const CameraUrl& url, const Networks& networks, HostLookup& lookup, const std::stop_token& stop) {
    const auto all = lookup.addresses(url.host, lookup_patience, stop);
    // One address outside is enough: a name that answers differently each time must not get through by chance.
    for (const auto& address : all)
        if (!networks.contains(address.bytes))
            throw PermissionDenied("the camera's address lies outside of the networks cameras may live in", {.subject = url.host});
    return all.front().text();
}

std::string connect_url(const CameraUrl& url, const std::string& address, const std::string& username,
                        const std::string& password) {
    std::string out = url.secure ? "rtsps://" : "rtsp://";
    if (!username.empty() || !password.empty()) out += escaped(username) + ":" + escaped(password) + "@";
    out += address;
    if (url.port != 0) out += ":" + std::to_string(url.port);
    return out + url.rest;
}

}  // namespace tenon::nvr
