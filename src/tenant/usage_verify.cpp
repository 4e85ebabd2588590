#include <algorithm>
#include <tuple>

#include <base/json.hpp>
#include <tenant/actor.hpp>
#include <tenant/audit.hpp>
#include <tenant/events.hpp>
#include <tenon/error.hpp>

#include "usage_rows.hpp"

namespace tenon::tenant::usage {
namespace {

// Events of one stretch: what a transaction that may repair them keeps others waiting for.
constexpr std::int64_t events_a_window = 20'000;
constexpr std::size_t most_shown = 1000;
constexpr auto claim = std::chrono::hours(6);

constexpr db::TenantStmt time_after{
    "SELECT slot FROM usage_event WHERE tenant_id = :tenant AND slot >= :from ORDER BY slot LIMIT 1 OFFSET :n"};
constexpr db::TenantStmt events_in{
    "SELECT count(*) FROM usage_event WHERE tenant_id = :tenant AND slot >= :first AND slot < :stop"};
constexpr db::TenantStmt counted_steps{
    "SELECT occurred_at / :length * :length AS step, meter, sum(qty), 0, 0 FROM usage_event WHERE tenant_id = :tenant "
    "AND slot >= :first AND slot < :stop GROUP BY step, meter ORDER BY step, meter"};
constexpr db::TenantStmt kept_steps{
    "SELECT bucket, meter, qty, 0, 0 FROM usage_rollup WHERE tenant_id = :tenant AND grain = :grain AND bucket >= :begin AND bucket < :end "
    "ORDER BY bucket, meter"};
constexpr db::TenantStmt counted_shares{
    "SELECT occurred_at / :length * :length AS step, meter, sum(qty), share, period FROM usage_event WHERE tenant_id = :tenant "
    "AND slot >= :first AND slot < :stop GROUP BY step, meter, share, period ORDER BY step, meter, share, period"};
constexpr db::TenantStmt kept_shares{
    "SELECT bucket, meter, qty, dims, period FROM usage_share WHERE tenant_id = :tenant AND bucket >= :begin AND bucket < :end "
    "ORDER BY bucket, meter, dims, period"};
constexpr db::TenantStmt periods_of_shares{"SELECT period, meter, sum(qty) FROM usage_share WHERE tenant_id = :tenant GROUP BY period, meter"};
constexpr db::TenantStmt periods_kept{
    "SELECT bucket, meter, qty FROM usage_rollup WHERE tenant_id = :tenant AND grain = :grain ORDER BY bucket, meter"};
constexpr db::TenantStmt late_corrections{
    "SELECT period, meter, sum(qty) FROM usage_event WHERE tenant_id = :tenant AND corrects_source IS NOT NULL AND late = 1 GROUP BY period, meter"};
constexpr db::TenantStmt quotas_kept{"SELECT period, resource, used FROM quota WHERE tenant_id = :tenant AND period >= 0"};
constexpr db::TenantStmt period_begin{"SELECT starts_at FROM period WHERE tenant_id = :tenant AND n = :n"};
constexpr db::TenantStmt set_rollup{
    "INSERT INTO usage_rollup_ (tenant_id, grain, bucket, meter, qty) VALUES (:tenant, :grain, :bucket, :meter, :qty) "
    "ON CONFLICT (tenant_id, grain, bucket, meter) DO UPDATE SET qty = :qty"};
constexpr db::TenantStmt set_share{
    "INSERT INTO usage_share_ (tenant_id, bucket, meter, dims, period, qty) VALUES (:tenant, :bucket, :meter, :dims, :period, :qty) "
    "ON CONFLICT (tenant_id, bucket, meter, dims, period) DO UPDATE SET qty = :qty"};

constexpr db::SystemStmt check_due{"SELECT tenant_id FROM usage_check_ WHERE due_at <= :now ORDER BY due_at LIMIT 1"};
constexpr db::TenantStmt check_begin{
    "UPDATE usage_check_ SET due_at = :later, marked = 1 WHERE tenant_id = :tenant AND due_at <= :now"};
constexpr db::TenantStmt check_done{"DELETE FROM usage_check_ WHERE tenant_id = :tenant AND marked = 1"};
constexpr db::TenantStmt check_again{"UPDATE usage_check_ SET due_at = :due WHERE tenant_id = :tenant"};

/// One sum, kept or counted, in the order of the queries.
struct Line {
    std::int64_t step = 0;
    std::string meter{};
    std::int64_t quantity = 0;
    std::int64_t dims = 0, period = 0;
    auto key() const { return std::tie(step, meter, dims, period); }
};

std::optional<Line> line_of(db::Rows& rows) {
    if (!rows.next()) return std::nullopt;
    return Line{rows.i64(0), rows.text(1), rows.i64(2), rows.i64(3), rows.i64(4)};
}

struct Different {
    Line line{};
    std::int64_t is = 0, should = 0;
};

/// Goes through both in step: what is missing on a side is 0 there. Collected, since nothing must be written where it is being read.
std::vector<Different> merge(db::Rows kept, db::Rows counted) {
    std::vector<Different> found;
    auto a = line_of(kept), b = line_of(counted);
    while (a || b) {
        const bool has_a = a && (!b || a->key() <= b->key()), has_b = b && (!a || b->key() <= a->key());
        const auto& line = has_a ? *a : *b;
        const std::int64_t is = has_a ? a->quantity : 0, should = has_b ? b->quantity : 0;
        if (is != should) found.push_back({line, is, should});
        if (has_a) a = line_of(kept);
        if (has_b) b = line_of(counted);
    }
    return found;
}

}  // namespace

Verifier::Verifier(db::Database& database, db::TenantScope scope, bool repair)
    : database_(database), scope_(std::move(scope)), repair_(repair) {}

void Verifier::State::differs(UsageDifference difference) {
    ++check.different;
    if (check.differences.size() < most_shown) check.differences.push_back(std::move(difference));
}

Verifier::Window Verifier::window_from(db::Reader& reader, Time begin) {
    Window window{.begin = begin, .end = Time::max(), .is_last = true};
    if (auto rows = reader.query(time_after, slot_of(begin), events_a_window); rows.next()) {
        constexpr auto hour = std::chrono::hours(1);
        const Time last{Duration{bucket_of(Time{std::chrono::seconds(rows.i64(0))}, hour)}};
        // An hour that has more than a stretch is one all the same.
        window.end = last > begin ? last : last + hour;
        window.is_last = false;
    }
    return window;
}

void Verifier::compare(db::Reader& reader, db::Tx* tx, const Window& window, State& state) {
    // Windows are hours, so seconds do not straddle them.
    const auto first = slot_of(window.begin), stop = window.is_last ? INT64_MAX : slot_of(window.end);
    if (auto rows = reader.query(events_in, first, stop); rows.next()) state.check.events += rows.i64(0);
    const auto steps = [&](Grain grain, Duration length, const char* name) {
        for (const auto& [line, is, should] : merge(reader.query(kept_steps, grain, window.begin, window.end),
                                                    reader.query(counted_steps, length, first, stop))) {
            state.differs({.sum = name, .meter = line.meter, .start = Time{Duration{line.step}}, .kept = is, .counted = should});
            if (tx) tx->exec(set_rollup, grain, line.step, line.meter, should);
        }
    };
    steps(Grain::minute, std::chrono::minutes(1), "minute");
    steps(Grain::hour, std::chrono::hours(1), "hour");
    for (const auto& [line, is, should] : merge(reader.query(kept_shares, window.begin, window.end),
                                                reader.query(counted_shares, Duration(quarter), first, stop))) {
        state.differs({.sum = "share", .meter = line.meter, .start = Time{Duration{line.step}}, .kept = is, .counted = should});
        if (tx) tx->exec(set_share, line.step, line.meter, line.dims, line.period, should);
        else state.missing[{line.period, line.meter}] += should - is;
    }
}

/// Periods add up from the shares, which were compared with the events.
void Verifier::compare_periods(db::Reader& reader, db::Tx* tx, State& state) {
    std::map<std::pair<std::int64_t, std::string>, std::int64_t> counted = state.missing, kept;
    for (auto rows = reader.query(periods_of_shares); rows.next();) counted[{rows.i64(0), rows.text(1)}] += rows.i64(2);
    for (auto rows = reader.query(periods_kept, Grain::period); rows.next();) kept[{rows.i64(0), rows.text(1)}] = rows.i64(2);
    const auto start_of = [&](std::int64_t n) {
        auto rows = reader.query(period_begin, n);
        return rows.next() ? rows.time(0) : Time{};
    };
    const auto compare_all = [&](const char* name, const auto& is, const auto& should, const auto& repair) {
        auto all = should;
        for (const auto& [key, quantity] : is) all.try_emplace(key, 0);
        for (const auto& [key, quantity] : all) {
            const auto at = is.find(key);
            const auto there = at == is.end() ? 0 : at->second;
            if (there == quantity) continue;
            state.differs({.sum = name, .meter = key.second, .start = start_of(key.first), .kept = there, .counted = quantity});
            repair(key, quantity);
        }
    };
    compare_all("period", kept, counted, [&](const auto& key, std::int64_t quantity) {
        if (tx) tx->exec(set_rollup, Grain::period, key.first, key.second, quantity);
    });
    // What counts in a quota is what the meter of its name says, but for corrections that came when the period was closed.
    for (auto rows = reader.query(late_corrections); rows.next();) counted[{rows.i64(0), rows.text(1)}] -= rows.i64(2);
    std::erase_if(counted, [](const auto& each) {
        const auto resource = resource_of(each.first.second);
        return !resource || !is_periodic(*resource);
    });
    decltype(counted) used;
    for (auto rows = reader.query(quotas_kept); rows.next();)
        used[{rows.i64(0), to_string(static_cast<Resource>(rows.i64(1)))}] = rows.i64(2);
    compare_all("quota", used, counted, [](const auto&, std::int64_t) {});
}

bool Verifier::run(db::Reader& reader, db::Tx* tx, State& state) {
    if (!state.in_windows) {
        compare_periods(reader, tx, state);
        return false;
    }
    const auto window = window_from(reader, state.next);
    compare(reader, tx, window, state);
    state.next = window.end;
    state.in_windows = !window.is_last;
    return true;
}

bool Verifier::step() {
    bool more = false;
    const auto from = [&](db::Reader& reader, db::Tx* tx) {
        auto state = state_;  // the function may run again
        more = run(reader, tx, state);
        return state;
    };
    state_ = repair_ ? database_.write(scope_, [&](db::Tx& tx) { return from(tx, &tx); })
                     : database_.read(scope_, [&](db::Reader& reader) { return from(reader, nullptr); });
    return more;
}

std::optional<TenantId> due_for_check(db::SystemReader& reader, Time now) {
    auto rows = reader.query(check_due, now);
    return rows.next() ? std::optional(rows.id<TenantId>(0)) : std::nullopt;
}

bool begin_check(db::Tx& tx, Time now) { return tx.exec(check_begin, now + claim, now) == 1; }

void end_check(db::Tx& tx, const UsageCheck& check, Time now) {
    if (tx.exec(check_done) == 0) tx.exec(check_again, now + std::chrono::hours(20));
    if (check.different == 0) return;
    auto data = base::Json::object();
    data.set("different", check.different).set("events", check.events);
    if (!check.differences.empty()) {
        const auto& first = check.differences.front();
        data.set("sum", first.sum).set("meter", first.meter).set("start", first.start.time_since_epoch().count());
        data.set("kept", first.kept).set("counted", first.counted);
    }
    append_event(tx, {.kind = "usage.difference", .at = now, .subject = "usage", .data = data});
    audit::append(tx, engine_actor("usage"), {.time = now, .action = "usage.difference", .details = std::move(data)});
}

}  // namespace tenon::tenant::usage
