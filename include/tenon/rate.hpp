#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct SessionImpl;
struct RateGateImpl;
struct RatePassImpl;

/// What a rate counts. Stored: append, never renumber.
enum class RateScope : std::uint8_t {
    tenant = 1,     ///< All calls of the tenant.
    key = 2,        ///< Those with one of its keys.
    address = 3,    ///< Those from one network: /24 of IPv4, /56 of IPv6.
    route = 4,      ///< Those of one class of calls, such as "upload".
    in_flight = 5,  ///< Those that go on at the same time.
};

/// The scope's name: "tenant".
TENON_API const char* to_string(RateScope scope) noexcept;

/// A call that somebody makes.
struct RateCall {
    std::string key{};      ///< Which of the tenant's keys it comes with. Empty: the session's own, or none.
    std::string address{};  ///< Where it comes from: "192.0.2.7", "2001:db8::7". Empty: not known, its rate is not checked.
    std::string route{};    ///< Its class. Empty: none.
    std::int64_t cost = 1;  ///< How much it counts; above 0.
};

/// What became of it. Of several rates the one that refused longest, or that has the least left.
struct RateDecision {
    bool allowed = true;
    RateScope scope = RateScope::tenant;
    std::string route{};                  ///< Of a rate of a class.
    std::optional<std::int64_t> limit{};  ///< So many in `window`, or at once. Unset: the plan has no rate for such a call.
    Duration window{};
    std::int64_t remaining = 0;    ///< How many more would be let through now.
    Duration reset{};              ///< Until nothing of it is used.
    Duration retry_after{};        ///< Refused: until as much would be let through.
    std::vector<Label> headers{};  ///< For HTTP: RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy, RateLimit and,
                                   ///< if refused, Retry-After; times in whole seconds, rounded up.
};

/// A call that was let in and goes on. Dropping the last copy ends it.
class TENON_API RatePass {
public:
    RateDecision decision() const;
    /// The call is over. Again: does nothing.
    void close() noexcept;

private:
    friend struct Internal;
    explicit RatePass(std::shared_ptr<RatePassImpl> impl);
    std::shared_ptr<RatePassImpl> impl_;
};

/// Calls of one kind, whose rates are found once: for hosts that let very many in. Follows the plan and what becomes of the tenant.
///
/// Threads   any member, from any thread, at once.
class TENON_API RateGate {
public:
    /// What RateLimits::check() does, and says whether the call is let through. Cost: some 50 ns. Throws Closed, PermissionDenied
    /// (the tenant is being erased), InvalidArgument (a new plan's burst is smaller than the cost).
    bool admit();
    /// What it would say of the next one, without counting it. For the headers of whoever was refused.
    RateDecision peek() const;

private:
    friend struct Internal;
    explicit RateGate(std::shared_ptr<RateGateImpl> impl);
    std::shared_ptr<RateGateImpl> impl_;
};

/// How often a tenant may call, by its plan's rates. For hosts that serve others: what they let in they ask about here.
///
/// A rate of n in a window lets its burst through at once and then one every window / n. All rates that a call meets are checked, then
/// all are charged: a call that is refused costs nothing anywhere. Each process counts for itself, in memory of fixed size.
class TENON_API RateLimits {
public:
    /// Counts the call if it is let through. Throws InvalidArgument (the cost is larger than a burst, no address).
    RateDecision check(const RateCall& call = {});
    /// The same for a call that takes a while, which counts among those in flight until the pass is closed. Throws RateLimited with
    /// resource() (the scope), limit(), resets_at().
    RatePass enter(const RateCall& call = {});
    /// What check() would say of it, without counting it.
    RateDecision peek(const RateCall& call = {}) const;
    /// For many calls of one kind. Throws InvalidArgument.
    RateGate gate(const RateCall& call = {}) const;

private:
    friend struct Internal;
    explicit RateLimits(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
