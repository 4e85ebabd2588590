#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/quota.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// What was used of one meter.
struct MeterTotal {
    std::string meter{};         ///< "render_time", "imported_bytes", "recorded_bytes", "backup_bytes" …
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

class TENON_API Usage {
public:
    /// The period that is running now.
    UsageReport current() const;

private:
    friend struct Internal;
    explicit Usage(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
