#include <base/network.hpp>

#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace tenon::base {

std::optional<NetAddress> parse_address(const std::string& text) {
    if (text.find('\0') != std::string::npos) return std::nullopt;
    NetAddress address{};
    in_addr v4;
    in6_addr v6;
    if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
        address[10] = address[11] = 0xff;
        std::memcpy(address.data() + 12, &v4, 4);
        return address;
    }
    if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return std::nullopt;
    std::memcpy(address.data(), &v6, 16);
    return address;
}

std::optional<Network> Network::parse(const std::string& text) {
    const auto slash = text.find('/');
    const auto name = text.substr(0, slash);
    const auto address = parse_address(name);
    if (!address) return std::nullopt;
    const int width = name.find(':') == std::string::npos ? 32 : 128;
    Network network;
    network.address_ = *address;
    network.bits_ = width;
    if (slash != std::string::npos) {
        const auto* begin = text.data() + slash + 1;
        const auto* end = text.data() + text.size();
        if (begin == end || std::from_chars(begin, end, network.bits_).ptr != end || network.bits_ < 0 || network.bits_ > width) return std::nullopt;
    }
    network.bits_ += 128 - width;
    return network;
}

bool Network::contains(const NetAddress& address) const noexcept {
    for (int bit = 0; bit < bits_; ++bit) {
        const auto byte = static_cast<std::size_t>(bit / 8);
        if ((address[byte] ^ address_[byte]) >> (7 - bit % 8) & 1) return false;
    }
    return true;
}

}  // namespace tenon::base
