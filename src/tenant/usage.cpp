#include <tenant/usage.hpp>

#include <algorithm>

#include <base/json.hpp>
#include <base/text.hpp>
#include <tenant/quota.hpp>
#include <tenant/registry.hpp>
#include <tenon/error.hpp>

#include "tenant_rows.hpp"
#include "usage_rows.hpp"

namespace tenon::tenant::usage {
namespace {

constexpr std::int64_t largest_quantity = std::int64_t{1} << 53;
// Until then what comes late still counts in the period in which it happened; afterwards in the open one.
constexpr auto grace = std::chrono::hours(48);

constexpr db::TenantStmt insert{
    "INSERT INTO usage_event_ (tenant_id, source, id, meter, qty, occurred_at, received_at, period, dims) "
    "VALUES (:tenant, :source, :id, :meter, :qty, :occurred_at, :received_at, :period, :dims) "
    "ON CONFLICT (tenant_id, source, id) DO NOTHING"};
constexpr db::TenantStmt add_to_rollup{
    "INSERT INTO usage_rollup_ (tenant_id, grain, bucket, meter, qty) VALUES (:tenant, :grain, :bucket, :meter, :qty) "
    "ON CONFLICT (tenant_id, grain, bucket, meter) DO UPDATE SET qty = qty + :qty"};
constexpr db::TenantStmt period_at{
    "SELECT n, ends_at FROM period WHERE tenant_id = :tenant AND starts_at <= :at ORDER BY n DESC LIMIT 1"};

void check(const Event& event) {
    base::check_name("source", event.source);
    base::check_name("id", event.id);
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    if (event.meter.empty() || event.meter.size() > 63 || !std::ranges::all_of(event.meter, plain))
        throw InvalidArgument("a meter is 1 to 63 of a-z, 0-9 and '_'", {.subject = "meter"});
    if (event.quantity < 0 || event.quantity > largest_quantity)
        throw InvalidArgument("must lie between 0 and 2^53", {.subject = "quantity"});
}

std::string text_of(const std::vector<Label>& dims) {
    auto object = base::Json::object();
    for (const auto& dim : dims) object.set(dim.key, dim.value);
    return base::to_canonical_json(object);
}

std::int64_t bucket_of(Time time, Duration length) {
    const auto since = time.time_since_epoch().count(), n = length.count();
    return (since / n - (since % n < 0)) * n;
}

/// One event, one period: where it happened, unless that is closed.
std::int32_t period_of(db::Tx& tx, Time occurred_at, Time now) {
    const auto current = current_period(tx, now);
    auto rows = tx.query(period_at, occurred_at);
    if (!rows.next() || rows.time(1) + grace <= now) return current.n;
    return static_cast<std::int32_t>(rows.i64(0));
}

}  // namespace

std::string_view unit_of_meter(std::string_view meter) noexcept {
    if (const auto resource = resource_of(meter)) return unit_of(*resource);
    if (meter.ends_with("_bytes")) return "bytes";
    return meter.ends_with("_time") ? "ms" : "count";
}

bool record_in(db::Tx& tx, std::int32_t period, const Event& event, Time now) {
    check(event);
    if (tx.exec(insert, event.source, event.id, event.meter, event.quantity, event.occurred_at, now, period,
                text_of(event.dims)) == 0)
        return false;
    tx.exec(add_to_rollup, Grain::minute, bucket_of(event.occurred_at, std::chrono::minutes(1)), event.meter, event.quantity);
    tx.exec(add_to_rollup, Grain::hour, bucket_of(event.occurred_at, std::chrono::hours(1)), event.meter, event.quantity);
    tx.exec(add_to_rollup, Grain::period, period, event.meter, event.quantity);
    return true;
}

bool record(db::Tx& tx, const Event& event, Time now) { return record_in(tx, period_of(tx, event.occurred_at, now), event, now); }

UsageReport report(db::Reader& reader, Time now) {
    const auto period = peek_period(reader, now);
    return {.start = period.start, .end = period.end, .plan = as_of(own_row(reader).tenant, now).plan, .meters = meters_of(reader, period.n),
            .quotas = quota::snapshot(reader, now)};
}

}  // namespace tenon::tenant::usage
