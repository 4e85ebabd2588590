#include <tenant/outlook.hpp>

#include <algorithm>
#include <limits>
#include <map>

#include <tenant/catalogues.hpp>
#include <tenant/period.hpp>
#include <tenant/quota.hpp>

#include "ledger.hpp"
#include "limits.hpp"
#include "marks.hpp"
#include "tenant_rows.hpp"

namespace tenon::tenant::quota {
namespace {

__extension__ using Wide = __int128;

constexpr Duration least_figures = std::chrono::hours(1);
constexpr Duration few_figures = std::chrono::hours(24 * 7);
constexpr Duration horizon = std::chrono::hours(24 * 3650);

constexpr db::TenantStmt used_in{"SELECT resource, used FROM quota WHERE tenant_id = :tenant AND period = :period"};
constexpr db::TenantStmt shadow_counts{
    "SELECT resource, refusals, amount, first_at, last_at FROM quota_shadow WHERE tenant_id = :tenant AND period = :period "
    "ORDER BY resource"};
// A + keeps SQLite from an index that names more rows than the key.
constexpr db::TenantStmt held{
    "SELECT id, resource, amount, expires_at FROM hold WHERE tenant_id = :tenant AND +state = 1 ORDER BY id, resource"};

std::int64_t ceil_div(Wide a, Wide b) {
    const Wide quotient = (a + b - 1) / b;
    constexpr Wide most = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::min(quotient, most));
}

std::map<Resource, std::int64_t> used_of(db::Reader& reader, std::int32_t row_period) {
    std::map<Resource, std::int64_t> used;
    for (auto rows = reader.query(used_in, row_period); rows.next();) used[static_cast<Resource>(rows.i64(0))] = rows.i64(1);
    return used;
}

std::int64_t of(const std::map<Resource, std::int64_t>& amounts, Resource resource) {
    const auto at = amounts.find(resource);
    return at == amounts.end() ? 0 : at->second;
}

/// Works out when: all else is filled in.
void project(QuotaForecast& forecast, const std::optional<Time>& begins_anew) {
    if (forecast.used >= forecast.limit) {
        forecast.exhausts_at = forecast.until;
        forecast.method = forecast.grown > 0 ? ForecastMethod::linear : ForecastMethod::steady;
        return;
    }
    if (forecast.grown <= 0) {
        forecast.method = ForecastMethod::steady;
        return;
    }
    const auto elapsed = forecast.until - forecast.since;
    if (elapsed < least_figures) return;
    forecast.method = ForecastMethod::linear;
    const Duration left{ceil_div(Wide{forecast.limit - forecast.used} * elapsed.count(), forecast.grown)};
    if (left > horizon || (begins_anew && forecast.until + left >= *begins_anew)) return;
    forecast.exhausts_at = forecast.until + left;
}

}  // namespace

std::vector<QuotaForecast> forecast(db::Reader& reader, Time now) {
    const auto limits = limits::in_force(reader, now);
    auto periods = recent_periods(reader, now, 2);
    const auto running = periods.front();
    // A few days say little of a pace: those of the period before are added.
    if (now - running.start >= few_figures) periods.resize(1);
    const auto since = std::min(periods.back().start, now);
    auto counted = used_of(reader, running.n);
    if (periods.size() > 1)
        for (const auto& [resource, used] : used_of(reader, periods.back().n)) counted[resource] += used;
    const auto used_now = used_of(reader, running.n), stands = used_of(reader, ledger::level);
    const auto stood = marks::levels_in(reader, periods.back().n - 1);

    std::vector<QuotaForecast> list;
    for (const auto resource : all_resources()) {
        const auto& each = limits.at(resource);
        const auto limit = each.included ? each.included : each.limit;
        if (!limit || *limit <= 0 || resource == Resource::concurrent_jobs) continue;
        QuotaForecast forecast{.resource = resource, .limit = *limit, .since = since, .until = now};
        if (is_periodic(resource)) {
            forecast.used = of(used_now, resource);
            forecast.grown = of(counted, resource);
        } else {
            const auto before = stood.find(resource);
            forecast.used = of(stands, resource);
            forecast.grown = forecast.used - (before == stood.end() ? 0 : before->second.last);
        }
        project(forecast, is_periodic(resource) ? std::optional(running.end) : std::nullopt);
        list.push_back(std::move(forecast));
    }
    return list;
}

std::vector<QuotaOverage> overage(db::Reader& reader, Time now) {
    const auto limits = limits::in_force(reader, now);
    const auto terms = own_terms(reader, now);
    const auto period = peek_period(reader, now);
    const auto counted = used_of(reader, period.n), stands = used_of(reader, ledger::level);
    const auto levels = marks::levels_in(reader, period.n);

    std::vector<QuotaOverage> list;
    for (const auto resource : all_resources()) {
        const auto& each = limits.at(resource);
        const auto* beyond = terms.overage(resource);
        QuotaOverage standing{.resource = resource, .currency = terms.plan.price.currency};
        if (each.shadow && each.limit) {
            standing.rule = OverageRule::shadow;
            standing.included = *each.limit;
        } else if (each.grace && each.included) {
            standing.rule = OverageRule::grace;
            standing.included = *each.included;
            if (const auto began = limits::grace_of(reader, resource, is_periodic(resource) ? period.n : ledger::level))
                standing.grace_ends_at = *began + *each.grace;
        } else if (beyond && beyond->rule == OverageRule::charge && terms.included(resource)) {
            standing.rule = OverageRule::charge;
            standing.included = *terms.included(resource);
        } else {
            continue;
        }
        auto used = of(is_periodic(resource) ? counted : stands, resource);
        if (const auto at = levels.find(resource); at != levels.end()) used = std::max(used, at->second.peak);
        standing.over = std::max<std::int64_t>(0, used - standing.included);
        if (standing.rule == OverageRule::charge) standing.cost_micros = ceil_div(Wide{standing.over} * beyond->price_micros, beyond->per);
        list.push_back(std::move(standing));
    }
    return list;
}

std::vector<ShadowCount> shadowed(db::Reader& reader, Time now) {
    std::vector<ShadowCount> list;
    for (auto rows = reader.query(shadow_counts, peek_period(reader, now).n); rows.next();)
        list.push_back({.resource = static_cast<Resource>(rows.i64(0)),
                        .refusals = rows.i64(1),
                        .amount = rows.i64(2),
                        .first_at = rows.time(3),
                        .last_at = rows.time(4)});
    return list;
}

std::vector<OpenHold> open_holds(db::Reader& reader) {
    std::vector<OpenHold> list;
    for (auto rows = reader.query(held); rows.next();) {
        const auto id = rows.id<HoldId>(0);
        if (list.empty() || list.back().id != id) list.push_back({.id = id, .asks = {}, .expires_at = rows.maybe_time(3)});
        list.back().asks.push_back({static_cast<Resource>(rows.i64(1)), rows.i64(2)});
    }
    return list;
}

}  // namespace tenon::tenant::quota

TENON_BEGIN

const char* to_string(ForecastMethod method) noexcept {
    switch (method) {
        case ForecastMethod::too_early: return "too_early";
        case ForecastMethod::steady: return "steady";
        case ForecastMethod::linear: return "linear";
    }
    return "unknown";
}

TENON_END
