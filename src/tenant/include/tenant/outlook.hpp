#pragma once

#include <vector>

#include <db/tx.hpp>
#include <tenon/outlook.hpp>
#include <tenon/quota.hpp>

/// What quotas will come to, and what became of use beyond them. Reads only.
namespace tenon::tenant::quota {

/// Of each resource that has a limit, in their order.
std::vector<QuotaForecast> forecast(db::Reader& reader, Time now);
/// Of each resource that is not simply refused beyond its limit.
std::vector<QuotaOverage> overage(db::Reader& reader, Time now);
/// Of the running period.
std::vector<ShadowCount> shadowed(db::Reader& reader, Time now);

/// Oldest first.
std::vector<OpenHold> open_holds(db::Reader& reader);

}  // namespace tenon::tenant::quota
