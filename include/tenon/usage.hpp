#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/quota.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// What was used of one meter.
struct MeterTotal {
    std::string meter{};         ///< "render_time", "rendered_bytes", "imported_bytes", "backup_bytes" …
    std::string unit{};          ///< "ms", "bytes", "count"
    std::int64_t quantity = 0;
};

/// One period of one tenant.
struct UsageReport {
    Time start{};
    Time end{};
    std::string plan{};
    std::vector<MeterTotal> meters{};
    std::vector<Quota> quotas{};
};

/// One resource in one period, beside the limit that the tenant has now.
struct ResourceUsage {
    Resource resource = Resource::projects;
    std::optional<std::int64_t> limit{};  ///< Unset: unlimited.
    std::int64_t used = 0;                ///< Per period: in it. Levels: at its end, or now.
    std::int64_t peak = 0;                ///< Levels: the most there was at once. Per period: as used.
    std::optional<double> percent{};      ///< That the peak is of the limit. Unset: unlimited.
};

enum class Advice : std::uint8_t { upgrade = 1, downgrade = 2, clean_up = 3 };

/// The advice's name: "clean_up".
TENON_API const char* to_string(Advice advice) noexcept;

/// What the figures suggest.
struct UsageAdvice {
    Advice advice = Advice::upgrade;
    std::optional<Resource> resource{};   ///< What is short; unset when a smaller plan would do.
    std::string plan{};                   ///< "studio/professional": which would fit. Empty: none of the catalogue, or none is needed.
    std::string text{};                   ///< For people.
};

/// One of a tenant's months: from its anchor day, at midnight in its own zone, to the next.
struct UsageMonth {
    std::int32_t number = 0;              ///< 0 is the trial.
    Time start{};
    Time end{};
    bool running = false;
    std::vector<MeterTotal> meters{};
    std::vector<ResourceUsage> resources{};
    std::vector<UsageAdvice> advice{};
};

enum class UsageGrain : std::uint8_t { minute = 1, hour = 2, day = 4 };

struct UsageSeriesOptions {
    std::string meter{};                  ///< Required: "rendered_bytes" …
    UsageGrain grain = UsageGrain::day;   ///< Days are the tenant's own; minutes and hours are UTC's.
    Time start{};                         ///< Steps that begin at or after this …
    Time end{};                           ///< … and before this. At most 10,000 of them come, the first ones.
};

/// What was used of a meter in one step; steps with nothing are left out.
struct UsagePoint {
    Time start{};
    std::int64_t quantity = 0;
};

class TENON_API Usage {
public:
    /// The period that is running now.
    UsageReport current() const;
    /// A summary of each month, the one that is running first. `count`: 1 to 120.
    std::vector<UsageMonth> months(std::int32_t count = 12) const;
    /// Oldest first. Throws InvalidArgument, also for a meter that there is not: the message names those that there are.
    std::vector<UsagePoint> series(const UsageSeriesOptions& options) const;

private:
    friend struct Internal;
    explicit Usage(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
