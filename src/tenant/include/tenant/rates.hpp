#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <tenant/catalogues.hpp>
#include <tenon/rate.hpp>

/// How often somebody may call: GCRA in memory.
///
/// A bucket is one number, the time TAT at which nothing of it is used: n units move it to max(now, TAT) + n·T, T = ⌈window / limit⌉,
/// and are let through if that lies at most burst·T ahead. A bucket whose time has passed says nothing and takes no place, so that
/// tables have a fixed size; only if all places of a set are taken is the one given up that would have been free first.
namespace tenon::tenant::rates {

/// A call, with what names its buckets.
struct Call {
    TenantId tenant{};
    std::string_view key{};
    std::uint64_t network = 0;   ///< network_of(). 0: not known.
    std::string_view route{};
    std::int64_t cost = 1;
};

/// The network of an address, as a number: /24 of IPv4, /56 of IPv6. Empty: it is no address.
[[nodiscard]] std::optional<std::uint64_t> network_of(std::string_view address);

/// What one rate of a plan said. Times in nanoseconds.
struct Verdict {
    const RateTerm* term = nullptr;   ///< Null: the plan has no rate for such a call.
    bool allowed = true;
    std::int64_t remaining = 0;
    std::int64_t reset = 0;
    std::int64_t retry_after = 0;
};

/// Threads   any member, from any thread, at once.
class Limiter {
public:
    /// Places for so many buckets of tenants, keys and routes, and as many of addresses, which cannot push those out.
    explicit Limiter(std::size_t buckets = std::size_t{1} << 17);
    ~Limiter();
    Limiter(const Limiter&) = delete;
    Limiter& operator=(const Limiter&) = delete;

    /// Checks every rate that the call meets, then charges all or none. `now`: nanoseconds of a clock that never steps back.
    /// Throws InvalidArgument (the cost is larger than a burst).
    Verdict take(const std::vector<RateTerm>& terms, const Call& call, std::int64_t now) { return run(terms, call, now, true); }
    Verdict peek(const std::vector<RateTerm>& terms, const Call& call, std::int64_t now) { return run(terms, call, now, false); }

    /// take(), and one more call in flight if that is let through: leave() ends it.
    Verdict enter(const std::vector<RateTerm>& terms, const Call& call, std::int64_t now);
    void leave(const TenantId& tenant);
    std::int64_t in_flight(const TenantId& tenant) const;

    /// Buckets that were given up although they were in use.
    std::int64_t given_up() const noexcept;

private:
    Verdict run(const std::vector<RateTerm>& terms, const Call& call, std::int64_t now, bool charge);

    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// For people and HTTP.
RateDecision decision_of(const Verdict& verdict);

}  // namespace tenon::tenant::rates
