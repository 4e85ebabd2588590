#pragma once

#include <tenant/usage.hpp>

namespace tenon::tenant::usage {

/// The sums that are kept. Stored: append, never renumber; 4 is the public day, which is made of hours.
enum class Grain : std::uint8_t { minute = 1, hour = 2, period = 3 };

/// The sums of a period.
std::vector<MeterTotal> meters_of(db::Reader& reader, std::int32_t period);

/// record() for what belongs to a known period: a hold's, say.
bool record_in(db::Tx& tx, std::int32_t period, const Event& event, Time now);

}  // namespace tenon::tenant::usage
