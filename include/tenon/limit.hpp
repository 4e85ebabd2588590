#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/plan.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// A limit that one tenant has in place of its plan's: for a reason and, mostly, for a time.
struct LimitOverride {
    std::string name{};                   ///< Unique within the tenant.
    Resource resource = Resource::projects;
    std::optional<std::int64_t> limit{};  ///< In the resource's unit. Unset: unlimited.
    std::string reason{};
    std::string granted_by{};             ///< Who did. Empty where that is not said.
    Time granted_at{};
    std::optional<Time> expires_at{};     ///< From then on the limit before holds again. Unset: until it is revoked.
    bool in_force = false;                ///< False: it has expired, or one of the resource that was granted later holds.
    bool shadow = false;                  ///< It refuses nothing: what it would have refused is counted, see Quotas::shadowed().
};

/// What grant_limit() grants. Of several for one resource the last one granted holds; when it expires, the one before it does,
/// and then the plan.
struct LimitOptions {
    TenantId tenant{};                    ///< Required.
    std::string name{};                   ///< Required. a-z, 0-9 and '-', such as "spring-campaign".
    Resource resource = Resource::projects;
    std::optional<std::int64_t> limit{};  ///< 0 or more. What is beyond is refused, also where the plan charges for it. Unset:
                                          ///< unlimited.
    std::string reason{};                 ///< Required.
    std::optional<Time> expires_at{};     ///< In the future. Unset: until it is revoked.
    bool shadow = false;                  ///< To try a limit out: it refuses nothing, and counts what it would have refused.
};

TENON_END
