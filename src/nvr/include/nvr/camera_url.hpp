#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include <base/network.hpp>
#include <nvr/host_lookup.hpp>

namespace tenon::nvr {

/// Where cameras may live.
class Networks {
public:
    /// CIDR blocks, IPv4 or IPv6; none: the private ranges of RFC 1918 and RFC 4193. Throws InvalidArgument.
    explicit Networks(const std::vector<std::string>& blocks);

    using Address = base::NetAddress;
    bool contains(const Address& address) const;

private:
    std::vector<base::Network> blocks_;
};

/// A camera's URL, taken apart. Holds no login.
struct CameraUrl {
    bool secure = false;     ///< rtsps
    std::string host{};      ///< A name, or an address without brackets.
    std::uint16_t port = 0;  ///< 0: the scheme's own.
    std::string rest{};      ///< Path and query, from the first slash.

    /// As people write it. May hold a secret in path or query.
    std::string text() const;

    /// What may be shown: host, port and path. *** stands for the query, and for parts of the path that hold = or : or
    /// that look like a token: twelve letters and digits or more, with both in them.
    std::string shown() const;
};

/// A URL as it was given, and the login that stood in it.
struct GivenUrl {
    CameraUrl url{};
    std::string username{};
    std::string password{};
};
/// Throws InvalidArgument for anything but rtsp:// and rtsps:// with a host.
GivenUrl parse_camera_url(const std::string& text);

/// Looks the host up now. Throws PermissionDenied if any of its addresses lies outside of `networks`, Unavailable if it
/// has none or nobody says in a few seconds, Cancelled. Returns the first, as URLs write it.
std::string checked_address(const CameraUrl& url, const Networks& networks, HostLookup& lookup = HostLookup::of_process(),
                            const std::stop_token& stop = {});

/// What to connect to: the checked address in place of the name, with the login. A secret.
std::string connect_url(const CameraUrl& url, const std::string& address, const std::string& username,
                        const std::string& password);

}  // namespace tenon::nvr
