#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <base/json.hpp>
#include <db/database.hpp>
#include <tenant/catalogues.hpp>
#include <tenant/period.hpp>
#include <tenon/operator.hpp>
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
    std::vector<Label> dims{};     ///< Tags.
    std::optional<ProjectId> project{};
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

/// What hosts measured; see Usage::record().
std::vector<UsageReceipt> record(db::Tx& tx, const std::vector<UsageEvent>& events, Time now);
/// Adds an event that corrects another one. `details` gets what the audit trail is to say. See Tenants::correct_usage().
UsageReceipt correct(db::Tx& tx, const CorrectionOptions& options, Time now, base::Json& details);

/// See Usage::set_cost_tags(); the caller has looked for the project.
void set_cost_tags(db::Tx& tx, const CostTags& tags, Time now);
std::vector<CostTags> cost_tags(db::Reader& reader);

/// See Usage::events() and below.
UsagePage events(db::Reader& reader, const UsageFilter& filter);
UsageExport export_file(db::Database& database, const db::TenantScope& scope, const UsageExportOptions& options);
std::vector<UsageShare> breakdown(db::Reader& reader, const BreakdownOptions& options);

/// Adds up a tenant's events again, a stretch of time after the other, each in a transaction of its own, while others are recorded.
class Verifier {
public:
    /// `repair`: sums that differ are set right.
    Verifier(db::Database& database, db::TenantScope scope, bool repair = false);
    /// The next stretch. False: that was the last one.
    bool step();
    /// After the last one.
    UsageCheck result() && { return std::move(state_.check); }

private:
    struct Window {
        Time begin{}, end{};
        bool is_last = false;
    };
    struct State {
        Time next{Duration::min()};
        bool in_windows = true;
        std::map<std::pair<std::int64_t, std::string>, std::int64_t> missing{};  // by period and meter: of shares, beside what they say
        UsageCheck check{};
        void differs(UsageDifference difference);
    };
    static bool run(db::Reader& reader, db::Tx* tx, State& state);
    static Window window_from(db::Reader& reader, Time begin);
    static void compare(db::Reader& reader, db::Tx* tx, const Window& window, State& state);
    static void compare_periods(db::Reader& reader, db::Tx* tx, State& state);

    db::Database& database_;
    const db::TenantScope scope_;
    const bool repair_;
    State state_{};
};

/// Those whose events are to be added up again, as it is done once each night in which some are new.
std::optional<TenantId> due_for_check(db::SystemReader& reader, Time now);
/// Takes that on. False: somebody else has.
bool begin_check(db::Tx& tx, Time now);
/// It was done; `check` is told to the tenant and the audit trail if anything differs.
void end_check(db::Tx& tx, const UsageCheck& check, Time now);

}  // namespace tenon::tenant::usage
