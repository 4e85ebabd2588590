#include <tenant/quota.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <set>

#include <tenant/catalogues.hpp>
#include <tenant/period.hpp>
#include <tenon/error.hpp>

#include "ledger.hpp"
#include "limits.hpp"

namespace tenon::tenant::quota {
namespace {

constexpr std::int32_t page = 500;

constexpr db::TenantStmt standing{
    "SELECT resource, used, reserved FROM quota WHERE tenant_id = :tenant AND (period = :level OR period = :n)"};
constexpr db::TenantStmt lapsed_sum{
    "SELECT coalesce(sum(amount), 0) FROM hold WHERE tenant_id = :tenant AND state = 1 AND expires_at <= :now AND resource = :resource"};
constexpr db::SystemStmt due_tenants{
    "SELECT DISTINCT tenant_id FROM hold_ WHERE state = 1 AND expires_at <= :now LIMIT :page"};
constexpr db::SystemStmt forgotten{
    "DELETE FROM hold_ WHERE (tenant_id, id, resource) IN "
    "(SELECT tenant_id, id, resource FROM hold_ WHERE state > 1 AND expires_at <= :now LIMIT :page)"};
constexpr db::SystemStmt caused{
    "SELECT DISTINCT tenant_id, id, cause_kind, cause_id, fence FROM hold_ WHERE state = 1 AND cause_kind <> 0 "
    "ORDER BY tenant_id, id"};

}  // namespace

std::vector<Quota> snapshot(db::Reader& reader, Time now) {
    const auto limits = limits::in_force(reader, now);
    const auto period = peek_period(reader, now);
    std::map<Resource, std::pair<std::int64_t, std::int64_t>> rows_by_resource;
    for (auto rows = reader.query(standing, ledger::level, period.n); rows.next();)
        rows_by_resource[static_cast<Resource>(rows.i64(0))] = {rows.i64(1), rows.i64(2)};
    std::vector<Quota> list;
    for (const auto resource : all_resources()) {
        const auto [used, reserved] = rows_by_resource[resource];
        list.push_back({.resource = resource,
                        .limit = limits.at(resource).refusing(),
                        .used = used,
                        .reserved = reserved,
                        .resets_at = is_periodic(resource) ? std::optional(period.end) : std::nullopt,
                        .limit_until = limits.at(resource).until});
    }
    return list;
}

Quota get(db::Reader& reader, Resource resource, Time now) {
    for (auto& quota : snapshot(reader, now))
        if (quota.resource == resource) return quota;
    throw InvalidArgument("unknown resource " + std::to_string(static_cast<int>(resource)), {.subject = "resource"});
}

std::vector<LimitOverride> overrides(db::Reader& reader, Time now) { return limits::list(reader, now); }

std::int64_t lapsed(db::Reader& reader, Resource resource, Time now) {
    auto rows = reader.query(lapsed_sum, now, resource);
    return rows.next() ? rows.i64(0) : 0;
}

std::int64_t expire(db::Database& database, const db::SystemScope& system,
                    const std::function<db::TenantScope(const TenantId&)>& scope_of, Time now) {
    std::int64_t ended = 0;
    std::set<TenantId> failed;
    std::exception_ptr first;
    for (;;) {
        const auto tenants = database.read(system, [&](db::SystemReader& reader) {
            std::vector<TenantId> list;
            for (auto rows = reader.query(due_tenants, now, page); rows.next();) list.push_back(rows.id<TenantId>(0));
            return list;
        });
        bool any = false;
        for (const auto& tenant : tenants) {
            if (failed.contains(tenant)) continue;
            any = true;
            try {
                ended += database.write(scope_of(tenant), [&](db::Tx& tx) { return ledger::end_due(tx, now); });
            } catch (const Closed&) {
                throw;
            } catch (const Error&) {
                failed.insert(tenant);
                if (!first) first = std::current_exception();
            }
        }
        if (!any) break;
    }
    while (database.write(system, [&](db::SystemTx& tx) { return tx.exec(forgotten, now, page); }) == page) continue;
    if (first) std::rethrow_exception(first);
    return ended;
}

std::vector<std::pair<TenantId, std::string>> causes(db::SystemReader& reader, CauseKind kind) {
    std::vector<std::pair<TenantId, std::string>> list;
    for (auto rows = reader.query(caused); rows.next();) {
        if (static_cast<CauseKind>(rows.i64(2)) != kind) continue;
        std::pair named(rows.id<TenantId>(0), rows.text(3));
        if (std::ranges::find(list, named) == list.end()) list.push_back(std::move(named));
    }
    return list;
}

std::int64_t recover(db::Database& database, const db::SystemScope& system,
                     const std::function<db::TenantScope(const TenantId&)>& scope_of,
                     const std::function<bool(const TenantId&, const Cause&)>& is_live, Time now) {
    struct Found {
        TenantId tenant;
        HoldId hold;
        Cause cause;
    };
    const auto found = database.read(system, [&](db::SystemReader& reader) {
        std::vector<Found> list;
        for (auto rows = reader.query(caused); rows.next();)
            list.push_back({rows.id<TenantId>(0), rows.id<HoldId>(1),
                            {static_cast<CauseKind>(rows.i64(2)), rows.text(3), rows.i64(4)}});
        return list;
    });
    std::int64_t released = 0;
    std::exception_ptr first;
    for (const auto& [tenant, hold, cause] : found) {
        try {
            if (is_live(tenant, cause)) continue;
            database.write(scope_of(tenant), [&](db::Tx& tx) { release(tx, hold, now); });
            ++released;
        } catch (const Closed&) {
            throw;
        } catch (const Error&) {
            if (!first) first = std::current_exception();
        }
    }
    if (first) std::rethrow_exception(first);
    return released;
}

}  // namespace tenon::tenant::quota
