#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include <db/tx.hpp>
#include <tenon/plan.hpp>
#include <tenon/units.hpp>

/// What follows when the use of a resource moves: how high a level stood in each period, and who is warned.
namespace tenon::tenant::marks {

/// `used` of a quota row has grown by `by`, or shrunk.
void moved(db::Tx& tx, Resource resource, std::int32_t row_period, std::int64_t by, Time now);

/// How much of a row's resource is all of it: what warnings are per cent of. Unset: there is no such amount.
std::optional<std::int64_t> border_of(db::Reader& reader, Resource resource, std::int32_t row_period);
/// That is another one now. What is no longer reached is news again when it is, and what now is reached is news.
void limit_moved(db::Tx& tx, Resource resource, std::int32_t row_period, Time now);

/// There is a grace now: it begins at once where it is needed already.
void grace_given(db::Tx& tx, Resource resource, std::int32_t row_period, Time now);

/// Something was refused: whoever has not heard that the limit is reached hears it now.
void refused(db::Tx& tx, Resource resource, Time now);

/// Where a level stood in one period.
struct Level {
    std::int64_t last = 0;   ///< At its end, or now.
    std::int64_t peak = 0;
};

/// Of each level that ever moved up to that period's end.
std::map<Resource, Level> levels_in(db::Reader& reader, std::int32_t period);

}  // namespace tenon::tenant::marks
