#include "ledger.hpp"

#include <string>

#include <base/json.hpp>
#include <base/text.hpp>
#include <tenant/catalogues.hpp>
#include <tenant/events.hpp>
#include <tenant/live.hpp>
#include <tenant/period.hpp>
#include <tenon/error.hpp>

#include "limits.hpp"
#include "marks.hpp"

namespace tenon::tenant::ledger {
namespace {

using quota::HoldState;

// Far from where 64-bit sums wrap, so that unlimited is one case less.
constexpr std::int64_t unlimited = std::int64_t{1} << 62;
constexpr auto remembered = std::chrono::hours(24);
// What a job held in vain is asked for again when somebody retries it by hand.
constexpr auto remembered_of_job = std::chrono::hours(24 * 30);

constexpr db::TenantStmt take_row{
    "UPDATE quota_ SET reserved = reserved + :n, version = version + 1 WHERE tenant_id = :tenant AND resource = :resource "
    "AND period = :period AND used + reserved + :n <= coalesce(lim, :unlimited) AND (lim_until IS NULL OR lim_until > :now)"};
constexpr db::TenantStmt settle_row{
    "UPDATE quota_ SET reserved = reserved - :reserved, used = used + :used, version = version + 1 WHERE tenant_id = :tenant "
    "AND resource = :resource AND period = :period AND reserved >= :reserved"};
constexpr db::TenantStmt give_row{
    "UPDATE quota_ SET used = used - :n, version = version + 1 WHERE tenant_id = :tenant AND resource = :resource "
    "AND period = :period AND used >= :n"};
constexpr db::TenantStmt count_row{
    "UPDATE quota_ SET used = used + :n, version = version + 1 WHERE tenant_id = :tenant AND resource = :resource AND period = :period "
    "AND used + :n >= 0"};
constexpr db::TenantStmt find_row{
    "SELECT lim, used, reserved, lim_until FROM quota WHERE tenant_id = :tenant AND resource = :resource AND period = :period"};
constexpr db::TenantStmt insert_row{
    "INSERT INTO quota_ (tenant_id, resource, period, lim, soft, lim_until, shadow, grace) "
    "VALUES (:tenant, :resource, :period, :lim, :soft, :until, :shadow, :grace)"};
constexpr db::TenantStmt take_in_shadow{
    "UPDATE quota_ SET reserved = reserved + :n, version = version + 1 WHERE tenant_id = :tenant AND resource = :resource "
    "AND period = :period AND shadow = 1"};
constexpr db::TenantStmt watching{"SELECT shadow FROM quota WHERE tenant_id = :tenant AND resource = :resource AND period = :period"};
constexpr db::TenantStmt count_shadow{
    "INSERT INTO quota_shadow_ (tenant_id, resource, period, refusals, amount, first_at, last_at) "
    "VALUES (:tenant, :resource, :period, 1, :n, :now, :now) ON CONFLICT (tenant_id, resource, period) "
    "DO UPDATE SET refusals = refusals + 1, amount = amount + :n, last_at = :now"};
constexpr db::TenantStmt shadow_count{
    "SELECT refusals FROM quota_shadow WHERE tenant_id = :tenant AND resource = :resource AND period = :period"};
constexpr db::TenantStmt period_end{"SELECT ends_at FROM period WHERE tenant_id = :tenant AND n = :n"};

// A + keeps SQLite from an index that it would choose and that names more rows than the key: all open holds, all of a tenant.
#define TENON_HOLD_COLUMNS "SELECT id, resource, period, asked, amount, cause_kind, cause_id, fence, state, expires_at FROM hold "
constexpr db::TenantStmt hold_by_id{TENON_HOLD_COLUMNS "WHERE tenant_id = :tenant AND id = :id ORDER BY resource"};
constexpr db::TenantStmt hold_by_idem{TENON_HOLD_COLUMNS "WHERE tenant_id = :tenant AND idem = :idem ORDER BY resource"};
constexpr db::TenantStmt hold_by_cause{
    TENON_HOLD_COLUMNS "WHERE tenant_id = :tenant AND cause_kind = :kind AND cause_kind <> 0 AND cause_id = :cause AND state = 1 "
                       "ORDER BY id, resource"};
constexpr db::TenantStmt hold_due{
    TENON_HOLD_COLUMNS "WHERE tenant_id = :tenant AND state = 1 AND expires_at <= :now ORDER BY +id, resource"};
#undef TENON_HOLD_COLUMNS
constexpr db::TenantStmt hold_insert{
    "INSERT INTO hold_ (tenant_id, id, resource, period, asked, amount, cause_kind, cause_id, idem, fence, state, expires_at) "
    "VALUES (:tenant, :id, :resource, :period, :asked, :amount, :kind, :cause, :idem, :fence, 1, :expires_at)"};
constexpr db::TenantStmt hold_amount{
    "UPDATE hold_ SET amount = :amount WHERE tenant_id = :tenant AND id = :id AND resource = :resource"};
constexpr db::TenantStmt hold_cause_set{
    "UPDATE hold_ SET cause_kind = :kind, cause_id = :cause, fence = :fence, expires_at = NULL "
    "WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt hold_end{
    "UPDATE hold_ SET state = :state, expires_at = :forget_at WHERE tenant_id = :tenant AND id = :id AND +state = 1"};

std::vector<HoldRow> collect(db::Rows rows) {
    std::vector<HoldRow> list;
    while (rows.next())
        list.push_back({.id = rows.id<HoldId>(0),
                        .resource = static_cast<Resource>(rows.i64(1)),
                        .period = static_cast<std::int32_t>(rows.i64(2)),
                        .asked = rows.i64(3),
                        .amount = rows.i64(4),
                        .cause = {static_cast<quota::CauseKind>(rows.i64(5)), rows.text(6), rows.i64(7)},
                        .state = static_cast<HoldState>(rows.i64(8)),
                        .expires_at = rows.maybe_time(9)});
    return list;
}

/// Makes a row that is not there, or whose limit is no longer the one that holds, what it should be. False: it is.
bool renew(db::Tx& tx, Resource resource, std::int32_t period, Time now) {
    std::optional<Time> until;
    bool is_there = false;
    if (auto rows = tx.query(find_row, resource, period); rows.next()) is_there = true, until = rows.maybe_time(3);
    if (is_there && (!until || *until > now)) return false;
    if (is_there) {
        limits::apply(tx, now);
    } else {
        const auto limit = limits::in_force(tx, now).at(resource);
        tx.exec(insert_row, resource, period, limit.limit, limit.included, limit.until, std::int64_t{limit.shadow}, limit.grace);
    }
    return true;
}

}  // namespace

std::int32_t row_of(db::Tx& tx, Resource resource, Time now) {
    return is_periodic(resource) ? current_period(tx, now).n : level;
}

bool take(db::Tx& tx, Resource resource, std::int32_t period, std::int64_t n, Time now) {
    live::moved(tx);
    if (tx.exec(take_row, n, resource, period, unlimited, now) == 1) return true;
    return renew(tx, resource, period, now) && tx.exec(take_row, n, resource, period, unlimited, now) == 1;
}

bool only_watches(db::Reader& reader, Resource resource, std::int32_t period) {
    auto rows = reader.query(watching, resource, period);
    return rows.next() && rows.i64(0) != 0;
}

bool pass_in_shadow(db::Tx& tx, Resource resource, std::int32_t period, std::int64_t n, Time now) {
    if (tx.exec(take_in_shadow, n, resource, period) == 0) return false;
    const auto counted_in = period == level ? current_period(tx, now).n : period;
    tx.exec(count_shadow, resource, counted_in, n, now);
    auto rows = tx.query(shadow_count, resource, counted_in);
    if (!rows.next() || rows.i64(0) != 1) return true;
    const auto standing = denial_of(tx, resource, period, n);
    auto data = base::Json::object();
    data.set("limit", standing.limit).set("used", standing.used - n).set("asked", n);
    append_event(tx, {.kind = "quota.shadow", .at = now, .subject = to_string(resource), .data = std::move(data)});
    return true;
}

Denial denial_of(db::Reader& reader, Resource resource, std::int32_t period, std::int64_t n) {
    Denial denial{.resource = resource, .amount = n};
    if (auto rows = reader.query(find_row, resource, period); rows.next()) {
        denial.limit = rows.maybe_i64(0).value_or(unlimited);
        denial.used = rows.i64(1) + rows.i64(2);
    }
    if (period != level)
        if (auto rows = reader.query(period_end, period); rows.next()) denial.resets_at = rows.time(0);
    return denial;
}

namespace {

/// "9.8 GB of 10 GB in use, 500 MB more asked for", and the exact figures behind it where those are rounded.
std::string standing_of(const Denial& denial) {
    const auto unit = unit_of(denial.resource);
    const auto said = [&](std::int64_t n) {
        if (unit == "bytes") return base::human_bytes(n);
        return unit == "ms" ? base::human_length(std::chrono::milliseconds(n)) : std::to_string(n);
    };
    auto text = said(denial.used) + " of " + said(denial.limit) + " in use, " + said(denial.amount) + " more asked for";
    if (unit == "count") return text;
    return text + " (" + std::to_string(denial.used) + " of " + std::to_string(denial.limit) + " " + std::string(unit) + ", " +
           std::to_string(denial.amount) + " more)";
}

}  // namespace

void refuse(const Denial& denial) {
    const std::string name = to_string(denial.resource);
    throw QuotaExceeded("the plan's limit for " + name + " is reached: " + standing_of(denial),
                        {.subject = name, .resource = name, .limit = denial.limit, .used = denial.used, .resets_at = denial.resets_at});
}

void settle(db::Tx& tx, Resource resource, std::int32_t period, std::int64_t reserved, std::int64_t used, Time now) {
    if (tx.exec(settle_row, reserved, used, resource, period) != 1)
        throw InternalError("the ledger holds less than its holds say", {.subject = to_string(resource)});
    live::moved(tx);
    if (used != 0) marks::moved(tx, resource, period, used, now);
}

void count(db::Tx& tx, Resource resource, std::int32_t period, std::int64_t n, Time now) {
    renew(tx, resource, period, now);
    if (tx.exec(count_row, n, resource, period) != 1) throw InternalError("less was used than is taken back", {.subject = to_string(resource)});
    live::moved(tx);
    if (n != 0) marks::moved(tx, resource, period, n, now);
}

void give_back(db::Tx& tx, Resource resource, std::int64_t n, Time now) {
    if (tx.exec(give_row, n, resource, level) != 1)
        throw InternalError("more is given back than was used", {.subject = to_string(resource)});
    live::moved(tx);
    marks::moved(tx, resource, level, -n, now);
}

std::vector<HoldRow> rows_of(db::Reader& reader, const HoldId& id) { return collect(reader.query(hold_by_id, id)); }

std::vector<HoldRow> rows_of_idempotency(db::Reader& reader, const std::string& key) {
    return collect(reader.query(hold_by_idem, key));
}

std::vector<HoldRow> rows_of_cause(db::Reader& reader, quota::CauseKind kind, const std::string& id) {
    return collect(reader.query(hold_by_cause, kind, id));
}

void insert(db::Tx& tx, const HoldRow& row, const std::string& idempotency) {
    tx.exec(hold_insert, row.id, row.resource, row.period, row.asked, row.amount, row.cause.kind, row.cause.id,
            idempotency.empty() ? std::nullopt : std::optional(idempotency), row.cause.fence, row.expires_at);
}

void set_amount(db::Tx& tx, const HoldRow& row, std::int64_t amount) { tx.exec(hold_amount, amount, row.id, row.resource); }

void set_cause(db::Tx& tx, const HoldId& id, const quota::Cause& cause) {
    tx.exec(hold_cause_set, cause.kind, cause.id, cause.fence, id);
}

void end(db::Tx& tx, const std::vector<HoldRow>& rows, const std::vector<Ask>& used, HoldState state, Time now) {
    for (const auto& row : rows) {
        std::int64_t actual = 0;
        for (const auto& ask : used)
            if (ask.resource == row.resource) actual = ask.amount;
        settle(tx, row.resource, row.period, row.amount, actual, now);
    }
    const bool in_vain = state == HoldState::released && rows.front().cause.kind == quota::CauseKind::job;
    tx.exec(hold_end, state, now + (in_vain ? remembered_of_job : remembered), rows.front().id);
}

std::int64_t end_due(db::Tx& tx, Time now) {
    std::int64_t ended = 0;
    const auto due = collect(tx.query(hold_due, now));
    for (auto begin = due.begin(); begin != due.end(); ++ended) {
        auto stop = begin;
        while (stop != due.end() && stop->id == begin->id) ++stop;
        end(tx, {begin, stop}, {}, HoldState::expired, now);
        begin = stop;
    }
    return ended;
}

}  // namespace tenon::tenant::ledger
