#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tenon/config.hpp>
#include <tenon/plan.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// How a forecast was made. Stored: append, never renumber.
enum class ForecastMethod : std::uint8_t {
    too_early = 1,  ///< There are figures of less than an hour: none was made.
    steady = 2,     ///< Nothing grew: at this pace the limit is never reached.
    linear = 3,     ///< What was added between `since` and `until` goes on being added at the same pace.
};

/// The method's name: "linear".
TENON_API const char* to_string(ForecastMethod method) noexcept;

/// When a resource runs out, and how that is known. The figures suffice to work it out again: it runs out at
/// until + (limit - used) * (until - since) / grown, rounded up to a microsecond.
struct QuotaForecast {
    Resource resource = Resource::projects;
    ForecastMethod method = ForecastMethod::too_early;
    std::int64_t limit = 0;               ///< What the plan includes.
    std::int64_t used = 0;
    Time since{};                         ///< The period's start; in its first seven days that of the one before, if there was one.
    Time until{};                         ///< Now.
    std::int64_t grown = 0;               ///< What was added between the two. Levels: less what was given back.
    std::optional<Time> exhausts_at{};    ///< `until` if it has run out. Unset: not before it begins anew, or not in ten years.
};

/// Where a resource stands that its plan does not simply refuse more of.
struct QuotaOverage {
    Resource resource = Resource::projects;
    OverageRule rule = OverageRule::block;
    std::int64_t included = 0;              ///< The plan's limit.
    std::int64_t over = 0;                  ///< How much more was used in this period; of a level, the most there was at once.
    std::int64_t cost_micros = 0;           ///< Of that, in millionths of the currency's minor unit, rounded up.
    std::string currency{};                 ///< "USD"
    std::optional<Time> grace_ends_at{};    ///< Set once the limit was passed: from then on more is refused.
};

/// What a limit that only watches would have refused in the running period.
struct ShadowCount {
    Resource resource = Resource::projects;
    std::int64_t refusals = 0;   ///< How many asks.
    std::int64_t amount = 0;     ///< What they asked for, together.
    Time first_at{};
    Time last_at{};
};

TENON_END
