#pragma once

#include <tenant/usage.hpp>

namespace tenon::tenant::usage {

/// record() for what belongs to a known period: a hold's, say.
bool record_in(db::Tx& tx, std::int32_t period, const Event& event, Time now);

}  // namespace tenon::tenant::usage
