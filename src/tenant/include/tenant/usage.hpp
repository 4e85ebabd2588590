#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <db/tx.hpp>
#include <tenant/catalogues.hpp>
#include <tenant/period.hpp>
#include <tenon/usage.hpp>

/// What was used, event by event, and its sums by minute, hour and period.
namespace tenon::tenant::usage {

/// One thing that was used. Its source and id name it for ever: told again, it counts once.
struct Event {
    std::string source{};          ///< Who measured: "render", "import", "hold" …
    std::string id{};              ///< Unique within the source; a job's or asset's id, say.
    std::string meter{};           ///< "imported_bytes": the ending names the unit (_bytes, _time in ms, else a count).
    std::int64_t quantity = 0;     ///< 0 or more.
    Time occurred_at{};
    std::vector<Label> dims{};     ///< What it was for.
};

/// "bytes", "ms" or "count".
std::string_view unit_of_meter(std::string_view meter) noexcept;

/// Records it in the caller's transaction. False: it was already there, nothing counted again.
bool record(db::Tx& tx, const Event& event, Time now);

/// The sums of one period and where its quotas stand.
UsageReport report(db::Reader& reader, Time now);

/// A summary of each period, newest first, without advice. Throws InvalidArgument.
std::vector<UsageMonth> months(db::Reader& reader, std::int32_t count, Time now);
/// What they suggest to a tenant that has these terms. Pure.
std::vector<UsageAdvice> advise(const std::vector<UsageMonth>& months, const PlanTerms& terms, const Catalogues& catalogues);
/// Throws InvalidArgument.
std::vector<UsagePoint> series(db::Reader& reader, const UsageSeriesOptions& options);

}  // namespace tenon::tenant::usage
