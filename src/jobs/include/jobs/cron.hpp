#pragma once

#include <bitset>
#include <optional>
#include <string>

#include <tenant/zone.hpp>
#include <tenon/units.hpp>

namespace tenon::jobs {

/// Times that come again: five fields (minute, hour, day of the month, month, day of the week) as crontab(5) has them, or one of
/// @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually.
///
/// A field is a list of `*`, numbers, names (jan–dec, sun–sat in upper or lower case), ranges, each with a step if wanted: `*/15`,
/// `1-5`, `9-17/2`, `mon,wed`, `5/10` (from 5 on). Sunday is 0 and 7. Where day of the month and day of the week are both limited
/// (neither begins with `*`), either is enough.
class Cron {
public:
    /// Throws InvalidArgument, subject "cron": what is wrong and where, or no day that there is fits (30 February).
    static Cron parse(const std::string& text);

    /// The first such time after `after` on the clocks of a zone. A time that the clocks skip counts as the first instant after the
    /// gap, once for all that were skipped. A time that they show twice counts once, at its first; both times where the hour is not
    /// limited, so that `*/10 * * * *` goes on every ten minutes.
    std::optional<Time> next(Time after, const tenant::Zone& zone) const;

private:
    bool fits(std::chrono::sys_days day) const;
    std::optional<Time> first_of(std::chrono::sys_days day, Time after, const tenant::Zone& zone) const;

    std::bitset<60> minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_;
    std::bitset<13> months_;
    std::bitset<7> weekdays_;
    bool either_day_ = false;
};

}  // namespace tenon::jobs
