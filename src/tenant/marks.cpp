#include "marks.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <base/json.hpp>
#include <tenant/catalogues.hpp>
#include <tenant/events.hpp>
#include <tenant/period.hpp>

#include "ledger.hpp"
#include "limits.hpp"

namespace tenon::tenant::marks {
namespace {

// Whoever wants to act in time hears it early, whoever must hears it late.
constexpr std::array thresholds{50, 80, 90, 100};
// A level must have been so many points below a threshold before that is news again: to and fro around it is none.
constexpr int hysteresis = 5;

constexpr db::TenantStmt standing{
    "SELECT coalesce(soft, lim), used, grace FROM quota WHERE tenant_id = :tenant AND resource = :resource AND period = :period"};
constexpr db::TenantStmt note_level{
    "INSERT INTO quota_level_ (tenant_id, resource, period, last, peak) VALUES (:tenant, :resource, :period, :last, :peak) "
    "ON CONFLICT (tenant_id, resource, period) DO UPDATE SET last = :last, "
    "peak = CASE WHEN peak < :peak THEN :peak ELSE peak END"};
constexpr db::TenantStmt levels{
    "SELECT resource, period, last, peak FROM quota_level WHERE tenant_id = :tenant AND period <= :period ORDER BY resource, period"};
constexpr db::TenantStmt warn_once{
    "INSERT INTO quota_warning_ (tenant_id, resource, period, percent, at) VALUES (:tenant, :resource, :period, :percent, :at) "
    "ON CONFLICT (tenant_id, resource, period, percent) DO NOTHING"};

constexpr db::TenantStmt rearm{
    "DELETE FROM quota_warning_ WHERE tenant_id = :tenant AND resource = :resource AND period = :period AND percent >= :percent"};

/// How many jobs run changes with every job and refuses nothing: it makes them wait.
bool is_marked(Resource resource) { return resource != Resource::concurrent_jobs; }

struct Standing {
    std::optional<std::int64_t> limit{};  ///< Beyond which is refused, charged or graced.
    std::int64_t used = 0;
    std::optional<std::int64_t> grace{};
};

Standing standing_of(db::Reader& reader, Resource resource, std::int32_t row_period) {
    auto rows = reader.query(standing, resource, row_period);
    if (!rows.next()) return {};
    return {rows.maybe_i64(0), rows.i64(1), rows.maybe_i64(2)};
}

/// The least use that is so many per cent of the limit.
std::int64_t least_of(std::int64_t limit, int percent) { return limit / 100 * percent + (limit % 100 * percent + 99) / 100; }

void warn(db::Tx& tx, Resource resource, const Standing& now_is, int percent, const Period& period, Time now) {
    if (tx.exec(warn_once, resource, period.n, std::int64_t{percent}, now) == 0) return;
    auto data = base::Json::object();
    data.set("percent", std::int64_t{percent}).set("limit", now_is.limit.value_or(0)).set("used", now_is.used);
    if (is_periodic(resource)) data.set("resets_at", period.end.time_since_epoch().count());
    append_event(tx, {.kind = "quota.warning", .at = now, .subject = to_string(resource), .data = std::move(data)});
}

/// Which period a warning belongs to: a hold's own, which may be over, or for levels the one that runs.
Period period_of(db::Tx& tx, std::int32_t row_period, Time now) {
    auto period = current_period(tx, now);
    if (row_period != ledger::level && row_period != period.n) period = stored_period(tx, row_period).value_or(period);
    return period;
}

/// A threshold was reached from below.
void reached(db::Tx& tx, Resource resource, std::int32_t row_period, const Standing& now_is, int percent, Time now) {
    // Of a level the same row under no period says that it was warned of and has not been clearly below since.
    if (row_period == ledger::level && tx.exec(warn_once, resource, ledger::level, std::int64_t{percent}, now) == 0) return;
    warn(tx, resource, now_is, percent, period_of(tx, row_period, now), now);
}

/// A level fell: thresholds that it is clearly below are news again.
void fell(db::Tx& tx, Resource resource, const Standing& now_is) {
    for (const int percent : thresholds)
        if (now_is.used < least_of(*now_is.limit, percent - hysteresis)) {
            tx.exec(rearm, resource, ledger::level, std::int64_t{percent});
            return;
        }
}

void grace_moved(db::Tx& tx, Resource resource, std::int32_t row_period, const Standing& now_is, Time now) {
    if (now_is.used <= *now_is.limit) {
        if (limits::end_grace(tx, resource, row_period)) limits::apply(tx, now);
        return;
    }
    const auto ends = limits::start_grace(tx, resource, row_period, Duration{*now_is.grace}, now);
    if (!ends) return;
    auto data = base::Json::object();
    data.set("limit", *now_is.limit).set("used", now_is.used).set("ends_at", ends->time_since_epoch().count());
    append_event(tx, {.kind = "quota.grace", .at = now, .subject = to_string(resource), .data = std::move(data)});
}

}  // namespace

void moved(db::Tx& tx, Resource resource, std::int32_t row_period, std::int64_t by, Time now) {
    if (!is_marked(resource)) return;
    const auto standing = standing_of(tx, resource, row_period);
    const auto is = standing.used, was = is - by;
    const bool level = row_period == ledger::level;
    if (level) tx.exec(note_level, resource, current_period(tx, now).n, is, std::max(was, is));
    if (!standing.limit) return;
    if (standing.grace && (was <= *standing.limit) != (is <= *standing.limit)) grace_moved(tx, resource, row_period, standing, now);
    if (*standing.limit <= 0) return;
    if (level && by < 0) fell(tx, resource, standing);
    for (const int percent : thresholds)
        if (const auto least = least_of(*standing.limit, percent); was < least && least <= is)
            reached(tx, resource, row_period, standing, percent, now);
}

std::optional<std::int64_t> border_of(db::Reader& reader, Resource resource, std::int32_t row_period) {
    return standing_of(reader, resource, row_period).limit;
}

void limit_moved(db::Tx& tx, Resource resource, std::int32_t row_period, Time now) {
    if (!is_marked(resource)) return;
    const auto standing = standing_of(tx, resource, row_period);
    const auto period = period_of(tx, row_period, now);
    int not_reached = thresholds.back() + 1;
    for (const int percent : thresholds)
        if (!standing.limit || *standing.limit <= 0 || standing.used < least_of(*standing.limit, percent))
            not_reached = std::min(not_reached, percent);
    tx.exec(rearm, resource, ledger::level, std::int64_t{not_reached});
    tx.exec(rearm, resource, period.n, std::int64_t{not_reached});
    if (!standing.limit || *standing.limit <= 0) return;
    for (const int percent : thresholds)
        if (percent < not_reached) reached(tx, resource, row_period, standing, percent, now);
}

void grace_given(db::Tx& tx, Resource resource, std::int32_t row_period, Time now) {
    const auto standing = standing_of(tx, resource, row_period);
    if (standing.grace && standing.limit && standing.used > *standing.limit) grace_moved(tx, resource, row_period, standing, now);
}

void refused(db::Tx& tx, Resource resource, Time now) {
    if (!is_marked(resource)) return;
    const auto period = current_period(tx, now);
    const auto standing = standing_of(tx, resource, is_periodic(resource) ? period.n : ledger::level);
    if (standing.limit) warn(tx, resource, standing, 100, period, now);
}

std::map<Resource, Level> levels_in(db::Reader& reader, std::int32_t period) {
    std::map<Resource, Level> found;
    for (auto rows = reader.query(levels, period); rows.next();) {
        auto& level = found[static_cast<Resource>(rows.i64(0))];
        level.last = rows.i64(2);
        // A level that did not move in the period stood where the one before had left it.
        level.peak = rows.i64(1) == period ? rows.i64(3) : level.last;
    }
    return found;
}

}  // namespace tenon::tenant::marks
