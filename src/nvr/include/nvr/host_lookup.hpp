#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <tenon/units.hpp>

namespace tenon::nvr {

/// An address of a host.
struct HostAddress {
    std::array<std::uint8_t, 16> bytes{};  ///< IPv4 as ::ffff:a.b.c.d.
    bool v6 = false;                       ///< It was given as IPv6.

    /// As URLs write it: "10.0.0.1", "[fd12::1]".
    std::string text() const;
};

/// Host names, looked up with a deadline. The machine's own resolver has none, and cannot be stopped: with a name server that does
/// not answer it takes as long as its configuration says. So each lookup has a thread of its own, and who asks goes on without
/// it when the time is up. What is still under way holds nothing but the name, and may outlive whoever asked.
///
/// Threads   any member, from any thread, at once.
class HostLookup {
public:
    /// Every address of a host, none if it has none. May take long.
    using Resolve = std::function<std::vector<HostAddress>(const std::string&)>;
    static constexpr std::size_t most_at_once = 32;  ///< Names that are being looked up; what is known by its address is not.

    explicit HostLookup(Resolve resolve);
    /// The machine's own resolver, for the whole process: however many engines it has, a dead name server costs it no more.
    static HostLookup& of_process();

    /// Throws Unavailable if the host has no address or nobody said in time; Cancelled.
    std::vector<HostAddress> addresses(const std::string& host, Duration patience, const std::stop_token& stop);

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace tenon::nvr
