#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>

#include <tenant/catalogues.hpp>
#include <tenant/period.hpp>
#include <tenant/usage.hpp>
#include <tenon/error.hpp>

#include "ledger.hpp"
#include "limits.hpp"
#include "marks.hpp"
#include "tenant_rows.hpp"
#include "usage_rows.hpp"

namespace tenon::tenant::usage {
namespace {

constexpr std::size_t most_points = 10'000;

constexpr db::TenantStmt sums{
    "SELECT meter, qty FROM usage_rollup WHERE tenant_id = :tenant AND grain = :grain AND bucket = :bucket ORDER BY meter"};
constexpr db::TenantStmt used_in{"SELECT resource, used FROM quota WHERE tenant_id = :tenant AND period = :period"};
constexpr db::TenantStmt steps{
    "SELECT bucket, qty FROM usage_rollup WHERE tenant_id = :tenant AND grain = :grain AND bucket >= :begin AND bucket < :end "
    "AND meter = :meter ORDER BY bucket"};

constexpr db::TenantStmt meter_names{
    "SELECT DISTINCT meter FROM usage_rollup WHERE tenant_id = :tenant AND grain = :grain ORDER BY meter"};

/// What this version measures.
constexpr const char* shipped_meters[] = {"api_calls",    "backup_bytes", "bandwidth",     "imported_bytes",
                                          "model_tokens", "render_time",  "rendered_bytes"};

/// A misspelt meter must not read as one of which nothing was used.
void check_meter(db::Reader& reader, const std::string& meter) {
    if (meter.empty()) throw InvalidArgument("which meter?", {.subject = "meter"});
    std::set<std::string> known(std::begin(shipped_meters), std::end(shipped_meters));
    for (auto rows = reader.query(meter_names, Grain::period); rows.next();) known.insert(rows.text(0));
    if (known.contains(meter)) return;
    std::string names;
    for (const auto& name : known) names += (names.empty() ? "" : ", ") + name;
    throw InvalidArgument("there is no such meter; there are " + names, {.subject = "meter"});
}

std::map<Resource, std::int64_t> used_of(db::Reader& reader, std::int32_t row_period) {
    std::map<Resource, std::int64_t> used;
    for (auto rows = reader.query(used_in, row_period); rows.next();) used[static_cast<Resource>(rows.i64(0))] = rows.i64(1);
    return used;
}

std::vector<ResourceUsage> resources_of(db::Reader& reader, const Period& period, bool running, const limits::Limits& limits) {
    const auto counted = used_of(reader, period.n);
    const auto stands = running ? used_of(reader, ledger::level) : std::map<Resource, std::int64_t>{};
    const auto levels = marks::levels_in(reader, period.n);
    std::vector<ResourceUsage> list;
    for (const auto resource : all_resources()) {
        ResourceUsage usage{.resource = resource, .limit = limits.at(resource).refusing()};
        if (is_periodic(resource)) {
            if (const auto at = counted.find(resource); at != counted.end()) usage.used = usage.peak = at->second;
        } else {
            if (const auto at = levels.find(resource); at != levels.end()) usage.used = at->second.last, usage.peak = at->second.peak;
            if (const auto at = stands.find(resource); at != stands.end()) usage.used = at->second;
            usage.peak = std::max(usage.peak, usage.used);
        }
        if (usage.limit && *usage.limit > 0)
            usage.percent = 100.0 * static_cast<double>(usage.peak) / static_cast<double>(*usage.limit);
        list.push_back(usage);
    }
    return list;
}

struct Step {
    Time start{};
    std::int64_t quantity = 0;
};

std::vector<Step> read_steps(db::Reader& reader, const std::string& meter, Grain grain, Time start, Time end, std::size_t most) {
    std::vector<Step> list;
    for (auto rows = reader.query(steps, grain, start, end, meter); list.size() < most && rows.next();)
        list.push_back({rows.time(0), rows.i64(1)});
    return list;
}

/// The tenant's own days, from hours; an hour in which a day begins is looked at by the minute.
std::vector<UsagePoint> days(db::Reader& reader, const UsageSeriesOptions& options) {
    constexpr auto hour = std::chrono::hours(1);
    const auto zone = own_row(reader).tenant.zone;
    std::map<Time, std::int64_t> sums_of_days;
    const auto add = [&](Time day, std::int64_t quantity) {
        if (day >= options.start && day < options.end) sums_of_days[day] += quantity;
    };
    const auto last = std::min(options.end, Time::max() - hour * 48) + hour * 26;
    for (const auto& step : read_steps(reader, options.meter, Grain::hour, options.start - hour, last, most_points * 25)) {
        const auto first = day_start(step.start, zone);
        if (first == day_start(step.start + hour - Duration(1), zone)) {
            add(first, step.quantity);
            continue;
        }
        for (const auto& minute : read_steps(reader, options.meter, Grain::minute, step.start, step.start + hour, 60))
            add(day_start(minute.start, zone), minute.quantity);
    }
    std::vector<UsagePoint> points;
    for (const auto& [day, quantity] : sums_of_days) {
        if (points.size() == most_points) break;
        points.push_back({day, quantity});
    }
    return points;
}

}  // namespace

std::vector<MeterTotal> meters_of(db::Reader& reader, std::int32_t period) {
    const auto units = units_of(reader);
    std::vector<MeterTotal> meters;
    for (auto rows = reader.query(sums, Grain::period, period); rows.next();) {
        auto meter = rows.text(0);
        auto unit = unit_in(units, meter);
        meters.push_back({std::move(meter), std::move(unit), rows.i64(1)});
    }
    return meters;
}

std::vector<UsageMonth> months(db::Reader& reader, std::int32_t count, Time now) {
    if (count < 1 || count > 120) throw InvalidArgument("must lie between 1 and 120", {.subject = "count"});
    const auto limits = limits::in_force(reader, now);
    std::vector<UsageMonth> list;
    for (const auto& period : recent_periods(reader, now, count)) {
        const bool running = list.empty();
        list.push_back({.number = period.n, .start = period.start, .end = period.end, .running = running,
                        .meters = meters_of(reader, period.n), .resources = resources_of(reader, period, running, limits), .advice = {}});
    }
    return list;
}

std::vector<UsagePoint> series(db::Reader& reader, const UsageSeriesOptions& options) {
    check_meter(reader, options.meter);
    if (options.end <= options.start) throw InvalidArgument("must be later than start", {.subject = "end"});
    if (options.grain == UsageGrain::day) return days(reader, options);
    if (options.grain != UsageGrain::minute && options.grain != UsageGrain::hour)
        throw InvalidArgument("minutes, hours or days", {.subject = "grain"});
    std::vector<UsagePoint> points;
    for (const auto& step : read_steps(reader, options.meter, static_cast<Grain>(options.grain), options.start, options.end, most_points))
        points.push_back({step.start, step.quantity});
    return points;
}

}  // namespace tenon::tenant::usage
