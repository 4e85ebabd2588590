#include "marks.hpp"

#include <algorithm>
#include <string>

#include <base/json.hpp>
#include <tenant/catalogues.hpp>
#include <tenant/events.hpp>
#include <tenant/period.hpp>

#include "ledger.hpp"

namespace tenon::tenant::marks {
namespace {

constexpr db::TenantStmt standing{
    "SELECT coalesce(lim, soft), used FROM quota WHERE tenant_id = :tenant AND resource = :resource AND period = :period"};
constexpr db::TenantStmt note_level{
    "INSERT INTO quota_level_ (tenant_id, resource, period, last, peak) VALUES (:tenant, :resource, :period, :last, :peak) "
    "ON CONFLICT (tenant_id, resource, period) DO UPDATE SET last = :last, "
    "peak = CASE WHEN peak < :peak THEN :peak ELSE peak END"};
constexpr db::TenantStmt levels{
    "SELECT resource, period, last, peak FROM quota_level WHERE tenant_id = :tenant AND period <= :period ORDER BY resource, period"};
constexpr db::TenantStmt warn_once{
    "INSERT INTO quota_warning_ (tenant_id, resource, period, percent, at) VALUES (:tenant, :resource, :period, :percent, :at) "
    "ON CONFLICT (tenant_id, resource, period, percent) DO NOTHING"};

/// How many jobs run changes with every job and refuses nothing: it makes them wait.
bool is_marked(Resource resource) { return resource != Resource::concurrent_jobs; }

struct Standing {
    std::optional<std::int64_t> limit{};  ///< Beyond which is refused, or charged extra.
    std::int64_t used = 0;
};

Standing standing_of(db::Reader& reader, Resource resource, std::int32_t row_period) {
    auto rows = reader.query(standing, resource, row_period);
    if (!rows.next()) return {};
    return {rows.maybe_i64(0), rows.i64(1)};
}

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

}  // namespace

void moved(db::Tx& tx, Resource resource, std::int32_t row_period, std::int64_t by, Time now) {
    if (!is_marked(resource)) return;
    const auto standing = standing_of(tx, resource, row_period);
    const auto is = standing.used, was = is - by;
    if (row_period == ledger::level) tx.exec(note_level, resource, current_period(tx, now).n, is, std::max(was, is));
    if (!standing.limit || *standing.limit <= 0) return;
    const auto eighty = *standing.limit - *standing.limit / 5, all = *standing.limit;
    if (was < eighty && eighty <= is) warn(tx, resource, standing, 80, period_of(tx, row_period, now), now);
    if (was < all && all <= is) warn(tx, resource, standing, 100, period_of(tx, row_period, now), now);
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
