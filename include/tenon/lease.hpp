#pragma once

#include <cstdint>
#include <memory>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/plan.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct LeaseImpl;

struct LeaseOptions {
    Resource resource = Resource::api_calls;  ///< One that counts per period.
    std::int64_t block = 1000;                ///< At most so much is taken at a time; of what is left a quarter. 1 to 2⁵³.
    Duration ttl = std::chrono::seconds(30);  ///< 1 s to 1 h. A process that is stopped for so long has lost what it had taken.
};

/// A slice of a quota that some process has taken.
struct LeaseInfo {
    HoldId id{};
    Resource resource = Resource::api_calls;
    std::int64_t amount = 0;  ///< Taken, and not yet told to be used or returned.
    Time expires_at{};        ///< Unless it is told of before, it all counts as used then.
};

/// A quota that is spent too often for a transaction each. The process takes slices of it durably and spends them in memory; what
/// it spent it tells when it needs more, and at least twice in `ttl`. Nothing is oversold, also when a process is killed or stopped past
/// its time. What a killed process had taken and not spent comes back when an engine opens on the home, or within a minute where one
/// is open; only if the machine went down too, or the process was stopped past `ttl`, it counts as used: at most a block.
///
/// Threads   any member, from any thread, at once.
class TENON_API Lease {
public:
    /// False: the quota has no room for that. Most calls cost some 100 ns, one in a block a transaction.
    /// Throws InvalidArgument, PermissionDenied, Closed.
    bool spend(std::int64_t amount = 1);
    /// Tells what was spent, so that reports know it.
    void tell();
    /// How much can be spent before the next transaction.
    std::int64_t left() const noexcept;
    /// Tells what was spent and returns the rest. spend() then throws Closed. Dropping the last copy does it soon after, closing the
    /// engine at once.
    void close();

private:
    friend struct Internal;
    explicit Lease(std::shared_ptr<LeaseImpl> impl);
    std::shared_ptr<LeaseImpl> impl_;
};

TENON_END
