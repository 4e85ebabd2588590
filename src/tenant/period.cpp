#include <tenant/period.hpp>

#include <algorithm>
#include <vector>

#include <date/tz.h>

#include <tenon/error.hpp>

#include "tenant_rows.hpp"
#include "zones.hpp"

namespace tenon::tenant {
namespace {

using std::chrono::year_month;

constexpr db::TenantStmt at_time{
    "SELECT n, starts_at, ends_at FROM period WHERE tenant_id = :tenant AND starts_at <= :now ORDER BY n DESC LIMIT 1"};
constexpr db::TenantStmt first{"SELECT n, starts_at, ends_at FROM period WHERE tenant_id = :tenant ORDER BY n LIMIT 1"};
constexpr db::TenantStmt before{
    "SELECT n, starts_at, ends_at FROM period WHERE tenant_id = :tenant AND n < :n ORDER BY n DESC LIMIT :count"};
constexpr db::TenantStmt at_number{"SELECT n, starts_at, ends_at FROM period WHERE tenant_id = :tenant AND n = :n"};
constexpr db::TenantStmt insert_period{
    "INSERT INTO period_ (tenant_id, n, starts_at, ends_at, zone, anchor_day, rules) "
    "VALUES (:tenant, :n, :starts_at, :ends_at, :zone, :anchor_day, :rules)"};

/// The instant at which the civil day `day` begins.
Time midnight(std::chrono::sys_days day, const std::string& zone) {
    if (is_utc(zone)) return day;
    const date::local_days local(day.time_since_epoch());
    return locate(zone).to_sys(date::local_time<Duration>(local), date::choose::earliest);
}

std::chrono::sys_days civil_day(Time time, const std::string& zone) {
    if (is_utc(zone)) return std::chrono::floor<std::chrono::days>(time);
    return std::chrono::sys_days(date::floor<date::days>(locate(zone).to_local(time)).time_since_epoch());
}

std::chrono::sys_days anchor_of(year_month month, std::int32_t anchor_day) {
    const auto last = (month / std::chrono::last).day();
    return month / std::min(last, std::chrono::day(static_cast<unsigned>(anchor_day)));
}

std::string rules_version(const std::string& zone) { return is_utc(zone) ? "" : date::get_tzdb().version; }

std::optional<Period> read(db::Rows rows) {
    if (!rows.next()) return std::nullopt;
    return Period{static_cast<std::int32_t>(rows.i64(0)), rows.time(1), rows.time(2)};
}

/// Period 0 is the trial; a tenant that never had one begins with 1.
Period first_period(const Tenant& tenant) {
    if (tenant.trial_ends_at) return {0, tenant.created_at, *tenant.trial_ends_at};
    return {1, tenant.created_at, next_anchor(tenant.created_at, tenant.anchor_day, tenant.zone)};
}

/// Those to be stored so that the last one contains `now`; the last stored one first if it does not need any.
std::vector<Period> missing(db::Reader& reader, Time now, std::optional<Tenant>& tenant) {
    auto period = read(reader.query(at_time, now));
    // A clock that stepped back before the first period counts in the first.
    if (!period) period = read(reader.query(first));
    if (period && now < period->end) return {*period};
    tenant = own_row(reader).tenant;
    std::vector<Period> opened;
    if (!period) opened.push_back(*(period = first_period(*tenant)));
    else opened.push_back(*period);
    while (period->end <= now) {
        period = Period{period->n + 1, period->end, next_anchor(period->end, tenant->anchor_day, tenant->zone)};
        opened.push_back(*period);
    }
    return opened;
}

}  // namespace

void check_zone(std::string_view field, const std::string& zone) {
    if (is_utc(zone)) return;
    try {
        locate(zone);
    } catch (const InvalidArgument& error) {
        throw InvalidArgument(error.what(), {.subject = std::string(field)});
    }
}

Time day_start(Time time, const std::string& zone) { return midnight(civil_day(time, zone), zone); }

Duration week_time(Time time, const std::string& zone) {
    const auto since_1970 = is_utc(zone) ? time.time_since_epoch() : Duration(locate(zone).to_local(time).time_since_epoch());
    const auto day = std::chrono::floor<std::chrono::days>(since_1970);
    const std::chrono::weekday weekday{std::chrono::sys_days{day}};
    return since_1970 - day + std::chrono::days(weekday.iso_encoding() - 1);
}

Time next_anchor(Time after, std::int32_t anchor_day, const std::string& zone) {
    const std::chrono::year_month_day today(civil_day(after, zone));
    year_month month(today.year(), today.month());
    for (;; month += std::chrono::months(1))
        if (const auto begin = midnight(anchor_of(month, anchor_day), zone); begin > after) return begin;
}

Period current_period(db::Tx& tx, Time now) {
    std::optional<Tenant> tenant;
    const auto periods = missing(tx, now, tenant);
    if (tenant) {
        const auto rules = rules_version(tenant->zone);
        const auto stored = read(tx.query(at_time, now));
        for (const auto& period : periods)
            if (!stored || period.n > stored->n)
                tx.exec(insert_period, period.n, period.start, period.end, tenant->zone, tenant->anchor_day, rules);
    }
    return periods.back();
}

Period peek_period(db::Reader& reader, Time now) {
    std::optional<Tenant> tenant;
    return missing(reader, now, tenant).back();
}

std::vector<Period> recent_periods(db::Reader& reader, Time now, std::int32_t count) {
    std::optional<Tenant> tenant;
    auto list = missing(reader, now, tenant);
    std::ranges::reverse(list);
    const auto enough = static_cast<std::size_t>(count);
    for (auto rows = reader.query(before, list.back().n, count); list.size() < enough && rows.next();)
        list.push_back({static_cast<std::int32_t>(rows.i64(0)), rows.time(1), rows.time(2)});
    if (list.size() > enough) list.resize(enough);
    return list;
}

std::optional<Period> stored_period(db::Reader& reader, std::int32_t n) { return read(reader.query(at_number, n)); }

}  // namespace tenon::tenant
