#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace tenon::base {

/// An address of either version; IPv4 as ::ffff:a.b.c.d.
using NetAddress = std::array<std::uint8_t, 16>;

/// "192.0.2.7", "2001:db8::7". Empty: it is none.
[[nodiscard]] std::optional<NetAddress> parse_address(const std::string& text);

/// A block of addresses: "192.0.2.0/24", "2001:db8::/32"; without a width, one address.
class Network {
public:
    [[nodiscard]] static std::optional<Network> parse(const std::string& text);
    bool contains(const NetAddress& address) const noexcept;

private:
    NetAddress address_{};
    int bits_ = 0;
};

}  // namespace tenon::base
