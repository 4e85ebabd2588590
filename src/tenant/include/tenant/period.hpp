#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <db/tx.hpp>
#include <tenon/units.hpp>

namespace tenon::tenant {

/// A stretch of one tenant's time, half-open: what quotas, usage and invoices count in. Period 0 is the trial.
struct Period {
    std::int32_t n = 0;
    Time start{};
    Time end{};
};

/// Throws InvalidArgument, subject `field`, unless it is an IANA time zone.
void check_zone(std::string_view field, const std::string& zone);

/// The first anchor after `after`: 00:00 in `zone` on `anchor_day`, clipped to the month's length. A midnight that the
/// clocks skip is the first instant after the gap, one they repeat the earlier.
Time next_anchor(Time after, std::int32_t anchor_day, const std::string& zone);

/// The instant at which the civil day of `time` began in `zone`.
Time day_start(Time time, const std::string& zone);

/// What clocks in `zone` show at `time`, counted from Monday 00:00.
Duration week_time(Time time, const std::string& zone);

/// The period that `now` lies in. Stores those that have begun since the last one.
Period current_period(db::Tx& tx, Time now);

/// The same without storing. For reports.
Period peek_period(db::Reader& reader, Time now);

/// That period and those before it, newest first, at most `count`.
std::vector<Period> recent_periods(db::Reader& reader, Time now, std::int32_t count);

/// Period `n`, if it was stored.
std::optional<Period> stored_period(db::Reader& reader, std::int32_t n);

}  // namespace tenon::tenant
