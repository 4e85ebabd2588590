#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/lease.hpp>
#include <tenon/limit.hpp>
#include <tenon/outlook.hpp>
#include <tenon/plan.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct HoldImpl;
struct SessionImpl;

/// So much of one resource.
struct Ask {
    Resource resource = Resource::projects;
    std::int64_t amount = 0;               ///< In the resource's unit; above 0.
};

struct HoldOptions {
    std::vector<Ask> asks{};                   ///< Required. All are granted or none.
    Duration ttl = std::chrono::minutes(10);   ///< Returned by itself after that, if still open.
    std::string idempotency{};                 ///< Not empty: asking again with it gives the same hold; Conflict once it was given back.
    bool keep = false;                         ///< Dropping it returns nothing: it stays until it is ended or its time is up.
};

/// Where one resource stands.
struct Quota {
    Resource resource = Resource::projects;
    std::optional<std::int64_t> limit{};   ///< Unset: unlimited.
    std::int64_t used = 0;
    std::int64_t reserved = 0;             ///< In open holds.
    std::optional<Time> resets_at{};       ///< Unset for levels.
    std::optional<Time> limit_until{};     ///< When the limit changes by itself: a custom one expires, a planned change of plan
                                           ///< takes effect. Unset: it does not.
};

/// A hold that is open: of a host, or of a job or an upload that goes on.
struct OpenHold {
    HoldId id{};
    std::vector<Ask> asks{};
    std::optional<Time> expires_at{};      ///< Unset: it lives as long as the work it belongs to.
};

/// Something reserved. Dropping the last copy of an open hold returns it, unless it is to be kept.
class TENON_API Hold {
public:
    HoldId id() const;
    /// Asks for more of one of its resources. Throws QuotaExceeded; the hold stays as it was.
    void extend(const Ask& more);
    /// Counts what was really used, at most what is held, and returns the rest. Again: does nothing.
    void commit(const std::vector<Ask>& actual);
    /// Returns everything. Again, or after commit: does nothing.
    void release();

private:
    friend struct Internal;
    explicit Hold(std::shared_ptr<HoldImpl> impl);
    std::shared_ptr<HoldImpl> impl_;
};

/// A tenant's limits, which cannot be oversold: what is granted is durable before the call returns.
///
/// When what is used reaches 50, 80, 90 and 100 % of a limit, or something is refused for it, the event "quota.warning" says so,
/// once each in a period, and of a level not again before it has been 5 points below. Its subject is the resource; its data has
/// percent, limit, used and, per period, resets_at. "quota.grace" says until when a passed limit lets more through, "quota.shadow"
/// that a limit which only watches would have refused something, once in a period.
class TENON_API Quotas {
public:
    /// Throws QuotaExceeded with resource(), limit(), used() and, for periods, resets_at().
    Hold reserve(const HoldOptions& options);
    /// Empty instead of QuotaExceeded.
    [[nodiscard]] std::optional<Hold> try_reserve(const HoldOptions& options);
    /// Where everything stands, as stored.
    std::vector<Quota> snapshot() const;
    /// The same of one resource, from memory: what this process did is in it at once, what another one did within the time
    /// its changes take to be heard of, about 250 ms.
    Quota get(Resource resource) const;
    /// Whether reserve() would grant this now, as far as get() knows. To turn work down early; it reserves nothing.
    bool has_room(const Ask& ask) const;
    /// The limits that this tenant has in place of its plan's, by name; who granted them is not said.
    std::vector<LimitOverride> overrides() const;

    /// When each resource that has a limit runs out, if things go on as they did.
    std::vector<QuotaForecast> forecast() const;
    /// Each resource whose plan has a rule for use beyond its limit.
    std::vector<QuotaOverage> overage() const;
    /// What limits that only watch would have refused in this period.
    std::vector<ShadowCount> shadowed() const;

    /// Every open hold, oldest first.
    std::vector<OpenHold> holds() const;
    /// A hold again, by its id: after a restart, or from another process. Dropping it returns nothing. Throws NotFound, Conflict
    /// (it belongs to a job or an upload).
    Hold hold(const HoldId& id) const;
    /// For what is spent too often for a transaction each. Takes nothing yet. Throws InvalidArgument.
    Lease lease(const LeaseOptions& options = {});
    /// Slices that processes have taken, oldest first.
    std::vector<LeaseInfo> leases() const;

    /// Counts less of what a host counts itself, by holds that it commits: sites and agents. What is used of the others is given
    /// back by removing it. Throws InvalidArgument, Conflict (less is used).
    void give_back(const Ask& what);

private:
    friend struct Internal;
    explicit Quotas(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
