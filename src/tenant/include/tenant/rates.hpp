#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <base/clock.hpp>
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
    std::uint64_t network = 0;  ///< network_of(). 0: not known.
    std::string_view route{};
    std::int64_t cost = 1;
};

/// The network of an address, as a number: /24 of IPv4, /56 of IPv6. Empty: it is no address.
[[nodiscard]] std::optional<std::uint64_t> network_of(std::string_view address);

/// What one rate of a plan said. Times in nanoseconds.
struct Verdict {
    const RateTerm* term = nullptr;  ///< Null: the plan has no rate for such a call.
    bool allowed = true;
    std::int64_t remaining = 0;
    std::int64_t reset = 0;
    std::int64_t retry_after = 0;
};

struct Set;

/// What a processor may be lent of a rate: see rate_loans.hpp. Nanoseconds of a bucket's time.
struct LoanTerms {
    std::int32_t amount = 0;  ///< 0: nothing
    std::int32_t lasts = 0;
};

/// Where a call is counted: found once, for as many calls of its kind as there will be. Belongs to the limiter that made it, and
/// points into the terms that it was made from.
class Path {
    friend class Limiter;

    static constexpr std::size_t most = 16;  // rates of a plan, see catalogues.cpp

    struct Spot {
        const RateTerm* term = nullptr;
        std::uint64_t name = 0;  // of its bucket …
        Set* set = nullptr;      // … and where that is, if anywhere
        LoanTerms loan{};
    };

    std::size_t count_ = 0;
    std::int64_t cost_ = 1;
    bool lendable_ = false;  // each of them
    std::array<Spot, most> spots_{};
    TenantId tenant_{};
    const RateTerm* in_flight_ = nullptr;  // the tightest
};

/// Threads   any member, from any thread, at once. What is checked waits for no lock: each bucket is charged by one compare-and-swap,
///           or what a processor was lent of it; loans are called in before they could make a difference (rate_loans.hpp). Who meets
///           several charges them one after the other; if one refuses after all because others were faster, he takes back what he
///           charged, less what time has taken off it meanwhile, so that nothing is handed out twice.
class Limiter {
public:
    /// Places for so many buckets of tenants, keys and routes, and as many of addresses, which cannot push those out.
    explicit Limiter(std::shared_ptr<const base::Clock> clock, std::size_t buckets = std::size_t{1} << 18);
    ~Limiter();
    Limiter(const Limiter&) = delete;
    Limiter& operator=(const Limiter&) = delete;

    /// Throws InvalidArgument (the cost is larger than a burst).
    Path path_of(const std::vector<RateTerm>& terms, const Call& call) const;

    /// Checks every rate that the call meets, then charges all or none.
    bool admit(const Path& path) { return admit(path, now()); }
    /// `now`: base::nanoseconds() of its clock, just asked.
    bool admit(const Path& path, std::int64_t now);
    /// The same, and says how it stands then.
    Verdict take(const Path& path);
    /// What take() would say.
    Verdict peek(const Path& path) const;

    /// take(), and one more call in flight if that is let through: leave() ends it.
    Verdict enter(const Path& path);
    void leave(const TenantId& tenant);
    std::int64_t in_flight(const TenantId& tenant) const;

    /// Buckets that were given up although they were in use.
    std::int64_t given_up() const noexcept;

private:
    std::int64_t now() const;
    std::optional<Verdict> refusal(const Path& path, std::int64_t now) const;

    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// For people and HTTP.
RateDecision decision_of(const Verdict& verdict);

}  // namespace tenon::tenant::rates
