#include <tenant/lease.hpp>

#include <algorithm>
#include <exception>
#include <string>

#include <tenant/catalogues.hpp>
#include <tenant/period.hpp>
#include <tenon/error.hpp>

#include "ledger.hpp"
#include "usage_rows.hpp"

namespace tenon::tenant::lease {
namespace {

constexpr std::int32_t page = 500;
constexpr std::int64_t few = 8;
// Whoever is asked how much is left where nothing is refused.
constexpr std::int64_t plenty = std::int64_t{1} << 53;

constexpr db::TenantStmt insert{
    "INSERT INTO lease_ (tenant_id, id, resource, period, amount, turn, expires_at, told) "
    "VALUES (:tenant, :id, :resource, :period, :amount, 0, :expires_at, 0)"};
constexpr db::TenantStmt by_id{"SELECT id, resource, period, amount, turn, expires_at, told FROM lease WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt all{"SELECT id, resource, period, amount, turn, expires_at, told FROM lease WHERE tenant_id = :tenant ORDER BY id"};
constexpr db::TenantStmt due{
    "SELECT id, resource, period, amount, turn, expires_at, told FROM lease WHERE tenant_id = :tenant AND expires_at <= :now ORDER BY id"};
constexpr db::TenantStmt update{
    "UPDATE lease_ SET amount = :amount, turn = :turn, expires_at = :expires_at, told = :told WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt remove{"DELETE FROM lease_ WHERE tenant_id = :tenant AND id = :id"};
constexpr db::SystemStmt due_tenants{"SELECT DISTINCT tenant_id FROM lease_ WHERE expires_at <= :now LIMIT :page"};

struct Row {
    Slice slice{};
    std::int64_t turn = 0;   // the last one told
    std::int64_t told = 0;   // how much was spent by then
};

std::vector<Row> collect(db::Rows rows) {
    std::vector<Row> list;
    while (rows.next())
        list.push_back({.slice = {.id = rows.id<HoldId>(0),
                                  .resource = static_cast<Resource>(rows.i64(1)),
                                  .period = static_cast<std::int32_t>(rows.i64(2)),
                                  .amount = rows.i64(3),
                                  .expires_at = rows.time(5)},
                        .turn = rows.i64(4),
                        .told = rows.i64(6)});
    return list;
}

Row open(db::Reader& reader, const HoldId& id, Time now) {
    const auto rows = collect(reader.query(by_id, id));
    if (rows.empty() || rows.front().slice.expires_at <= now)
        throw Conflict("the lease has ended: what was not told in time counts as used", {.subject = id.text()});
    return rows.front();
}

/// How much of what is left a slice may have beyond what it needs at once.
std::int64_t share_of(db::Reader& reader, Resource resource, std::int32_t period, std::int64_t want) {
    const auto standing = ledger::denial_of(reader, resource, period, 0);
    const auto left = std::clamp<std::int64_t>(standing.limit - standing.used, 0, plenty);
    return left < few ? 0 : std::min(want, left / 4);
}

/// Counts in the row, and as an event whose id is this turn's.
void count(db::Tx& tx, const Slice& slice, const std::string& turn, std::int64_t spent, Time now) {
    if (spent == 0) return;
    ledger::settle(tx, slice.resource, slice.period, spent, spent, now);
    usage::record_in(tx, slice.period,
                     {.source = "lease",
                      .id = slice.id.text() + "/" + turn,
                      .meter = to_string(slice.resource),
                      .quantity = spent,
                      .occurred_at = now},
                     now);
}

/// With its times, from now on.
Slice& timed(db::Tx& tx, Slice& slice, Duration ttl, Time now) {
    const auto period = stored_period(tx, slice.period);
    slice.spend_until = period ? period->end : now + ttl;
    slice.expires_at = now + ttl;
    return slice;
}

/// As quota::reserve() does: what lapsed is returned before anything is refused.
bool grant(db::Tx& tx, Resource resource, std::int32_t period, std::int64_t n, Time now) {
    return ledger::take(tx, resource, period, n, now) ||
           (ledger::end_due(tx, now) > 0 && ledger::take(tx, resource, period, n, now)) ||
           ledger::pass_in_shadow(tx, resource, period, n, now);
}

void check_spent(const Slice& slice, std::int64_t spent) {
    if (spent < 0 || spent > slice.amount) throw InvalidArgument("more was spent than the lease has", {.subject = slice.id.text()});
}

/// The row after this turn, not yet stored.
Row told(db::Tx& tx, const HoldId& id, std::int64_t turn, std::int64_t spent, Time now) {
    auto row = open(tx, id, now);
    if (turn <= row.turn) return row;
    check_spent(row.slice, spent);
    count(tx, row.slice, std::to_string(turn), spent, now);
    row.slice.amount -= spent;
    row.told += spent;
    row.turn = turn;
    return row;
}

/// What is left of them counts as used, in the turn that nobody can tell any more.
std::int64_t end_due(db::Tx& tx, Time now) {
    const auto rows = collect(tx.query(due, now));
    for (const auto& row : rows) {
        count(tx, row.slice, "end", row.slice.amount, now);
        tx.exec(remove, row.slice.id);
    }
    return static_cast<std::int64_t>(rows.size());
}

}  // namespace

Slice take(db::Tx& tx, const HoldId& id, Resource resource, std::int64_t want, std::int64_t least, Duration ttl, Time now) {
    if (!is_periodic(resource))
        throw InvalidArgument(std::string(to_string(resource)) + " is a level: hold it", {.subject = "resource"});
    const auto period = ledger::row_of(tx, resource, now);
    // The row may have to be made, or its limit renewed, before anybody can say what is left of it.
    if (!grant(tx, resource, period, least, now)) ledger::refuse(ledger::denial_of(tx, resource, period, least));
    Slice slice{.id = id, .resource = resource, .period = period, .amount = least};
    const auto more = share_of(tx, resource, period, want - least);
    if (more > 0 && ledger::take(tx, resource, period, more, now)) slice.amount += more;
    timed(tx, slice, ttl, now);
    tx.exec(insert, slice.id, slice.resource, slice.period, slice.amount, slice.expires_at);
    return slice;
}

Slice tell(db::Tx& tx, const HoldId& id, std::int64_t turn, std::int64_t spent, Duration ttl, Time now) {
    auto row = told(tx, id, turn, spent, now);
    timed(tx, row.slice, ttl, now);
    tx.exec(update, row.slice.amount, row.turn, row.slice.expires_at, row.told, id);
    return row.slice;
}

Slice top_up(db::Tx& tx, const HoldId& id, std::int64_t turn, std::int64_t spent, std::int64_t want, std::int64_t least, Duration ttl, Time now) {
    auto row = told(tx, id, turn, spent, now);
    auto& slice = row.slice;
    if (const auto missing = least - slice.amount; missing > 0 && grant(tx, slice.resource, slice.period, missing, now)) slice.amount += missing;
    const auto more = share_of(tx, slice.resource, slice.period, want - slice.amount);
    if (more > 0 && ledger::take(tx, slice.resource, slice.period, more, now)) slice.amount += more;
    timed(tx, slice, ttl, now);
    tx.exec(update, slice.amount, row.turn, slice.expires_at, row.told, id);
    return slice;
}

void give_back(db::Tx& tx, const HoldId& id, std::int64_t turn, std::int64_t spent, Time now) {
    const auto rows = collect(tx.query(by_id, id));
    if (rows.empty()) return;
    const auto row = told(tx, id, turn, spent, now);
    if (row.slice.amount > 0) ledger::settle(tx, row.slice.resource, row.slice.period, row.slice.amount, 0, now);
    tx.exec(remove, id);
}

std::optional<Slice> recover(db::Tx& tx, const HoldId& id, std::int64_t spent_in_all, Time now) {
    const auto rows = collect(tx.query(by_id, id));
    if (rows.empty()) return std::nullopt;
    auto slice = rows.front().slice;
    const auto spent = std::clamp<std::int64_t>(spent_in_all - rows.front().told, 0, slice.amount);
    count(tx, slice, "end", spent, now);
    slice.amount -= spent;
    if (slice.amount > 0) ledger::settle(tx, slice.resource, slice.period, slice.amount, 0, now);
    tx.exec(remove, id);
    return slice;
}

std::optional<Slice> find(db::Reader& reader, const HoldId& id) {
    const auto rows = collect(reader.query(by_id, id));
    return rows.empty() ? std::nullopt : std::optional(rows.front().slice);
}

std::vector<Slice> list(db::Reader& reader) {
    std::vector<Slice> slices;
    for (const auto& row : collect(reader.query(all))) slices.push_back(row.slice);
    return slices;
}

std::int64_t expire(db::Database& database, const db::SystemScope& system,
                    const std::function<db::TenantScope(const TenantId&)>& scope_of, Time now) {
    const auto tenants = database.read(system, [&](db::SystemReader& reader) {
        std::vector<TenantId> list;
        for (auto rows = reader.query(due_tenants, now, page); rows.next();) list.push_back(rows.id<TenantId>(0));
        return list;
    });
    std::int64_t ended = 0;
    std::exception_ptr first;
    for (const auto& tenant : tenants) {
        try {
            ended += database.write(scope_of(tenant), [&](db::Tx& tx) { return end_due(tx, now); });
        } catch (const Closed&) {
            throw;
        } catch (const Error&) {
            if (!first) first = std::current_exception();
        }
    }
    if (first) std::rethrow_exception(first);
    return ended;
}

}  // namespace tenon::tenant::lease
