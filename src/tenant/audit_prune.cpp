// How long records are kept: their content goes, their hashes stay.

#include "audit_prune.hpp"

#include <charconv>
#include <set>

#include <tenant/audit.hpp>
#include <tenant/audit_due.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "audit_store.hpp"
#include "audit_tree.hpp"
#include "legal_holds.hpp"

namespace tenon::tenant::audit {
namespace {

constexpr std::int64_t looked_at_once = 4096;
constexpr std::int64_t pruned_at_once = 1024;  // in one transaction, for which other writers wait
constexpr std::int32_t most_days = 36'500;

constexpr db::TenantStmt signed_size{"SELECT coalesce(max(size), 0) FROM audit_head WHERE tenant_id = :tenant"};
constexpr db::TenantStmt announce{
    "INSERT INTO audit_retention_ (tenant_id, first, until) VALUES (:tenant, 0, :until) "
    "ON CONFLICT (tenant_id) DO UPDATE SET until = :until"};
constexpr db::TenantStmt move_first{"UPDATE audit_retention_ SET first = :first WHERE tenant_id = :tenant"};
constexpr db::TenantStmt insert_hashes{"INSERT INTO audit_pruned_ (tenant_id, seq, hashes) VALUES (:tenant, :seq, :hashes)"};
constexpr db::TenantStmt prune_rows{"DELETE FROM audit_ WHERE tenant_id = :tenant AND seq < :end"};
constexpr db::TenantStmt prune_private{"DELETE FROM audit_private_ WHERE tenant_id = :tenant AND seq < :end"};
constexpr db::TenantStmt prune_packs{"DELETE FROM audit_pack_ WHERE tenant_id = :tenant AND seq < :end"};
constexpr db::TenantStmt prune_private_packs{"DELETE FROM audit_pack_private_ WHERE tenant_id = :tenant AND seq < :end"};
constexpr db::TenantStmt all_actors{"SELECT ref FROM audit_actor WHERE tenant_id = :tenant"};
constexpr db::TenantStmt drop_actor{"DELETE FROM audit_actor_ WHERE tenant_id = :tenant AND ref = :ref"};
constexpr db::TenantStmt own_policy{"SELECT days FROM audit_policy WHERE tenant_id = :tenant"};
constexpr db::TenantStmt put_policy{
    "INSERT INTO audit_policy_ (tenant_id, days, changed_at) VALUES (:tenant, :days, :at) "
    "ON CONFLICT (tenant_id) DO UPDATE SET days = :days, changed_at = :at"};
constexpr db::SystemStmt first_logs{"SELECT tenant_id FROM audit_log_ ORDER BY tenant_id LIMIT :limit"};
constexpr db::SystemStmt logs_after{"SELECT tenant_id FROM audit_log_ WHERE tenant_id > :after ORDER BY tenant_id LIMIT :limit"};
constexpr db::SystemStmt first_to_prune{"SELECT tenant_id FROM audit_retention_ WHERE first < until ORDER BY tenant_id LIMIT :limit"};
constexpr db::SystemStmt to_prune_after{
    "SELECT tenant_id FROM audit_retention_ WHERE first < until AND tenant_id > :after ORDER BY tenant_id LIMIT :limit"};
constexpr db::TenantStmt drop_policy{"DELETE FROM audit_policy_ WHERE tenant_id = :tenant"};

/// How many records from the first on are older and may go: rows are pruned whole, and what no checkpoint covers is not.
std::int64_t older(db::Database& database, const db::TenantScope& scope, std::int64_t from, Time before) {
    const auto size = database.read(scope, [](db::Reader& reader) {
        auto rows = reader.query(signed_size);
        rows.next();
        return rows.i64(0);
    });
    auto next = from;
    for (bool found = true; found && next < size;)
        database.read(scope, [&](db::Reader& reader) {
            const auto end = std::min(size, next + looked_at_once);
            StoredRecords stored(reader, next, end);
            const Stored* at = nullptr;
            while ((at = stored.next()) && at->seq == next && parse_record(at->text).time < before) ++next;
            found = next == end;
        });
    return next > from ? std::max(from, database.read(scope, [&](db::Reader& reader) { return row_start(reader, next); })) : from;
}

/// Some more of what was announced. Returns how many records went.
std::int64_t prune_some(db::Tx& tx) {
    const auto pruned = read_pruned(tx);
    if (pruned.first >= pruned.until || legal_holds::any(tx)) return 0;
    const auto end = row_start(tx, std::min(pruned.until, pruned.first + pruned_at_once));
    const auto leaves = stored_leaves(tx, pruned.first, end);
    for (std::size_t i = 0; i < leaves.size(); ++i)
        if (leaves[i].first != pruned.first + static_cast<std::int64_t>(i))
            throw Corrupt("the audit trail misses a record", {.subject = std::to_string(leaves[i].first)});
    if (std::ssize(leaves) != end - pruned.first) throw Corrupt("the audit trail misses a record", {.subject = std::to_string(pruned.first)});
    for (auto rest = std::span(leaves); !rest.empty(); rest = rest.subspan(std::min(rest.size(), pruned_limit))) {
        base::ByteVector hashes;
        for (const auto& [seq, hash] : rest.first(std::min(rest.size(), pruned_limit))) base::append(hashes, hash);
        tx.exec(insert_hashes, rest.front().first, hashes);
    }
    tx.exec(prune_private, end);
    tx.exec(prune_private_packs, end);
    tx.exec(prune_rows, end);
    tx.exec(prune_packs, end);
    tx.exec(move_first, end);
    return end - pruned.first;
}

void add_actors(db::Reader& reader, std::int64_t first, std::int64_t end, std::set<Digest>& to) {
    StoredRecords stored(reader, first, end);
    while (const auto* at = stored.next()) to.insert(parse_record(at->text).actor);
}

/// Names of whom no record is left.
void forget_unused_actors(db::Database& database, const db::TenantScope& scope) {
    std::set<Digest> used;
    std::int64_t next = 0, size = 0;
    database.read(scope, [&](db::Reader& reader) {
        next = read_pruned(reader).first;
        size = last_stored(reader) + 1;
    });
    for (; next < size; next += looked_at_once)
        database.read(scope, [&](db::Reader& reader) { add_actors(reader, next, std::min(size, next + looked_at_once), used); });
    database.write(scope, [&](db::Tx& tx) {
        store_records(tx, known_log(tx));
        auto known = used;
        add_actors(tx, size, INT64_MAX, known);  // recorded since
        std::vector<Digest> unused;
        for (auto rows = tx.query(all_actors); rows.next();)
            if (const auto ref = digest_of(rows.blob_view(0)); !known.contains(ref)) unused.push_back(ref);
        if (unused.empty()) return;
        forget_actors(tx.scope().tenant());
        for (const auto& ref : unused) tx.exec(drop_actor, ref);
    });
}

}  // namespace

std::optional<std::int64_t> pruned_until(std::string_view target) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(target.data(), target.data() + target.size(), value);
    return error == std::errc{} && end == target.data() + target.size() && value > 0 ? std::optional(value) : std::nullopt;
}

static std::optional<std::int32_t> own_days(db::Reader& reader) {
    auto rows = reader.query(own_policy);
    return rows.next() ? std::optional(static_cast<std::int32_t>(rows.i64(0))) : std::nullopt;
}

AuditRetention retention(db::Reader& reader, const std::optional<std::int32_t>& plan_days) {
    AuditRetention kept{.plan_days = plan_days, .own_days = own_days(reader)};
    kept.days = kept.plan_days;
    if (kept.own_days && (!kept.days || *kept.own_days < *kept.days)) kept.days = kept.own_days;
    kept.first = read_pruned(reader).first;
    kept.held = legal_holds::any(reader);
    return kept;
}

void set_retention(db::Tx& tx, const Actor& actor, const AuditRetentionOptions& options, Time now) {
    if (options.days && (*options.days < 1 || *options.days > most_days))
        throw InvalidArgument("must lie between 1 and 36500", {.subject = "days"});
    check_erasure_reason(options.reason);
    auto details = base::Json::object();
    const auto before = own_days(tx);
    details.set("days", options.days ? base::Json(*options.days) : base::Json()).set("was", before ? base::Json(*before) : base::Json());
    if (options.days) tx.exec(put_policy, *options.days, now);
    else tx.exec(drop_policy);
    auto by = actor;
    by.reason = options.reason;
    append(tx, by, {.time = now, .action = "audit.set_retention", .details = std::move(details)});
}

bool announce_prune(db::Database& database, const db::TenantScope& scope, const Actor& actor, Time before, Time now) {
    const auto [pruned, held] = database.read(scope, [](db::Reader& reader) { return std::pair(read_pruned(reader), legal_holds::any(reader)); });
    if (held) return false;
    const auto end = older(database, scope, pruned.until, before);
    if (end <= pruned.until) return false;
    return database.write(scope, [&](db::Tx& tx) {
        if (legal_holds::any(tx) || read_pruned(tx).until != pruned.until) return false;  // another process does it
        tx.exec(announce, end);
        auto details = base::Json::object();
        details.set("before", before.time_since_epoch().count()).set("records", end - pruned.until);
        append(tx, actor, {.time = now, .action = std::string(prune_action), .target = std::to_string(end), .details = std::move(details)});
        return true;
    });
}

std::int64_t prune(db::Database& database, const db::TenantScope& scope, const std::function<bool()>& stopping) {
    const auto pruned = database.read(scope, read_pruned);
    if (pruned.first >= pruned.until) return 0;
    std::int64_t count = 0;
    while (!stopping()) {
        const auto some = database.write(scope, prune_some);
        count += some;
        if (some == 0) break;
    }
    if (count > 0) forget_unused_actors(database, scope);
    return count;
}

bool begins_before(db::Reader& reader, Time before) {
    const auto next = read_pruned(reader).until;
    StoredRecords stored(reader, next, next + 1);
    const auto* at = stored.next();
    return at && parse_record(at->text).time < before;
}

std::vector<TenantId> logs_to_prune(db::SystemReader& reader, const std::optional<TenantId>& after, std::int32_t limit) {
    std::vector<TenantId> list;
    for (auto rows = after ? reader.query(to_prune_after, *after, limit) : reader.query(first_to_prune, limit); rows.next();)
        list.push_back(rows.id<TenantId>(0));
    return list;
}

std::vector<TenantId> logs(db::SystemReader& reader, const std::optional<TenantId>& after, std::int32_t limit) {
    std::vector<TenantId> list;
    for (auto rows = after ? reader.query(logs_after, *after, limit) : reader.query(first_logs, limit); rows.next();)
        list.push_back(rows.id<TenantId>(0));
    return list;
}

}  // namespace tenon::tenant::audit
