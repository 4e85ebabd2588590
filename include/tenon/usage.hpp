#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/quota.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// What was used of one meter.
struct MeterTotal {
    std::string meter{};         ///< "render_time", "rendered_bytes", "imported_bytes", "backup_bytes" …
    std::string unit{};          ///< "ms", "bytes", "count", or what a host said
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

/// A figure that led to advice.
struct UsageReason {
    Resource resource = Resource::projects;
    std::int32_t month = 0;               ///< Which one: UsageMonth.number.
    std::int64_t peak = 0;                ///< ResourceUsage.peak.
    std::optional<std::int64_t> limit{};       ///< Now. Unset: unlimited.
    std::optional<std::int64_t> limit_then{};  ///< With the advised plan. Unset: unlimited, or no plan is named.
};

/// What the figures suggest.
struct UsageAdvice {
    Advice advice = Advice::upgrade;
    std::optional<Resource> resource{};   ///< What is short; unset when a smaller plan would do.
    std::string plan{};                   ///< "studio/professional": which would fit. Empty: none of the catalogue, or none is needed.
    std::string text{};                   ///< For people, with the figures.
    std::vector<UsageReason> reasons{};   ///< Of a downgrade: whatever was used in the months that were looked at.
    std::int32_t threshold = 0;           ///< Per cent of a limit from which on it is short; an advised plan leaves all below it.
    std::optional<Money> price{};         ///< Per month, now. Unset: the plan has none.
    std::optional<Money> price_then{};    ///< With the advised plan. Unset: no plan is named.
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

/// One thing that was used and that a host measured. Its source and id name it for ever: told again, it counts once.
struct UsageEvent {
    std::string source{};                 ///< Required. Who measured: "gateway" … Not the engine's own: hold, lease, import, render, backup.
    std::string id{};                     ///< Required. Unique within the source; a request's id, say.
    std::string meter{};                  ///< Required. 1 to 63 of a-z, 0-9, '_': "api_calls", "model_tokens", "scans" …
    std::string unit{};                   ///< Empty: the meter's: bytes for …_bytes, ms for …_time, else count, or what its first event said.
    std::int64_t quantity = 0;            ///< 0 to 2^53.
    Time occurred_at{};                   ///< Required. At most ten minutes ahead of the engine's clock.
    std::optional<ProjectId> project{};   ///< What it was for.
    std::string site{};                   ///< Where: a name of the host's.
    std::vector<Label> tags{};            ///< At most 16. Keys, each once: 1 to 63 of a-z, A-Z, 0-9, '_', '-', '.', '/'. Values: 1 to 200
                                          ///< characters.
};

enum class UsageOutcome : std::uint8_t {
    recorded = 1,   ///< Counted in the period in which it happened.
    late = 2,       ///< That period is closed: counted in the one that is running, under its own time.
    duplicate = 3   ///< It was there already; nothing counted again.
};

/// The outcome's name: "duplicate".
TENON_API const char* to_string(UsageOutcome outcome) noexcept;

/// What became of one event.
struct UsageReceipt {
    std::string source{};
    std::string id{};
    UsageOutcome outcome = UsageOutcome::recorded;
    std::int32_t period = 0;              ///< UsageMonth.number of the one that it counts in.
};

/// One event as stored.
struct UsageRecord {
    std::string source{};
    std::string id{};
    std::string meter{};
    std::string unit{};
    std::int64_t quantity = 0;            ///< Below 0: a correction.
    Time occurred_at{};
    Time received_at{};
    std::int32_t period = 0;
    bool late = false;
    std::optional<ProjectId> project{};
    std::string site{};
    std::vector<Label> tags{};            ///< Its own over the cost tags of site, project and tenant that held when it happened.
    std::string corrects_source{};        ///< Not empty: it corrects that event.
    std::string corrects_id{};
};

struct UsageFilter {
    std::string meter{};                  ///< Empty: every meter.
    std::optional<Time> start{};          ///< Events that happened at or after this …
    std::optional<Time> end{};            ///< … and before this.
    std::optional<std::int32_t> period{}; ///< Only what counts in this period: UsageMonth.number.
    std::string after{};                  ///< UsagePage.next of the page before.
    std::int32_t limit = 1000;            ///< 1 to 10000.
};

struct UsagePage {
    std::vector<UsageRecord> records{};   ///< By the time at which they happened. May be fewer than the limit before the last page.
    std::string next{};                   ///< Empty: this was the last page.
};

enum class UsageFormat : std::uint8_t {
    csv = 1,         ///< RFC 4180 with a line of names. Text that a spreadsheet would take for a formula has a ' before it.
    json_lines = 2   ///< One JSON object a line.
};

struct UsageExportOptions {
    std::filesystem::path path{};         ///< Required. A new file.
    UsageFormat format = UsageFormat::csv;
    std::string meter{};                  ///< As in UsageFilter, also the next three.
    std::optional<Time> start{};
    std::optional<Time> end{};
    std::optional<std::int32_t> period{};
};

struct UsageExport {
    std::int64_t records = 0;
    Bytes size{};
};

enum class UsageKey : std::uint8_t { project = 1, site = 2, tag = 3 };

struct BreakdownOptions {
    UsageKey by = UsageKey::project;
    std::string tag{};                    ///< Which tag, where `by` is tag.
    std::string meter{};                  ///< Empty: every meter.
    std::optional<Time> start{};          ///< What happened at or after this, a quarter of an hour of UTC …
    std::optional<Time> end{};            ///< … and before this. Unset, both or one: no such border.
    std::optional<std::int32_t> period{}; ///< Only what counts in this period: its sums are those of UsageMonth.meters.
};

/// What one project, site or value of a tag used of one meter.
struct UsageShare {
    std::string key{};                    ///< The project's id, the site, the value. Empty: what has none.
    std::string meter{};
    std::string unit{};
    std::int64_t quantity = 0;
};

/// Tags for chargeback, of the tenant, of a project or of a site.
struct CostTags {
    std::optional<ProjectId> project{};   ///< Set: of that project.
    std::string site{};                   ///< Not empty: of that site. Neither: of the tenant as a whole.
    std::vector<Label> tags{};            ///< As in UsageEvent.
};

/// A sum that is kept and is not what the events add up to.
struct UsageDifference {
    std::string sum{};                    ///< "minute", "hour", "period", "share" (by project, site and tags), "quota"
    std::string meter{};
    Time start{};                         ///< Of the minute, the hour, the quarter of an hour, the period.
    std::int64_t kept = 0;
    std::int64_t counted = 0;             ///< From the events.
};

struct UsageCheck {
    std::int64_t events = 0;              ///< That were added up.
    std::int64_t different = 0;           ///< How many sums are.
    std::vector<UsageDifference> differences{};   ///< The first 1,000 of them.
};

/// What a tenant used. Exact: every event counts once, in one period, in the transaction that answers for it, together with the sums by
/// minute, hour and period and with the quota that its meter feeds.
///
/// An event belongs to the period in which it happened until 48 hours after its end, and from then on to the one that is running.
class TENON_API Usage {
public:
    /// The period that is running now.
    UsageReport current() const;
    /// A summary of each month, the one that is running first. `count`: 1 to 120.
    std::vector<UsageMonth> months(std::int32_t count = 12) const;
    /// Oldest first. Throws InvalidArgument, also for a meter that there is not: the message names those that there are.
    std::vector<UsagePoint> series(const UsageSeriesOptions& options) const;

    /// Counts what a host measured: 1 to 1,000 events, all or none, answered in their order. A meter that is named like a resource which
    /// counts per period (api_calls, model_tokens, bandwidth, render_time) counts in that quota too, also beyond its limit, since it has
    /// happened; what a hold or lease of that resource counts is not to be told again. Not for levels, nor for the engine's own meters.
    /// Throws InvalidArgument, NotFound (the project), Conflict whose subject is "source/id" (that was told with other content; the meter
    /// has another unit). Then none of them counted.
    std::vector<UsageReceipt> record(const std::vector<UsageEvent>& events);
    /// Events, a page at a time. Throws InvalidArgument.
    UsagePage events(const UsageFilter& filter = {}) const;
    /// Writes events to a file, in any number, a page at a time. Throws InvalidArgument, Conflict (the file exists), PermissionDenied (it
    /// lies in the engine's home).
    UsageExport export_file(const UsageExportOptions& options) const;

    /// Who used how much: by project, site or a tag. Throws InvalidArgument.
    std::vector<UsageShare> breakdown(const BreakdownOptions& options) const;
    /// Gives cost tags, in place of those there were; without tags: takes them away. They go to what happens from now on. Throws
    /// InvalidArgument, NotFound (the project), Conflict (10,000 projects and sites have some).
    void set_cost_tags(const CostTags& cost);
    /// Those that hold now: the tenant's, then by project, then by site.
    std::vector<CostTags> all_cost_tags() const;

    /// Adds up all events again and compares that with every sum. The engine does so each night; what differs it tells by the event
    /// "usage.difference", an audit record and its log. Operators set it right: Tenants::rebuild_usage().
    UsageCheck verify() const;

private:
    friend struct Internal;
    explicit Usage(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
