#include <tenant/audit.hpp>

#include <crypto/encoding.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "audit_record.hpp"
#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

using base::Json;

constexpr std::size_t actors_kept = 64;

constexpr db::TenantStmt insert{
    "INSERT INTO audit_ (tenant_id, seq, time, action, actor, record, hash) "
    "VALUES (:tenant, :seq, :time, :action, :actor, :record, :hash)"};
constexpr db::TenantStmt insert_private{
    "INSERT INTO audit_private_ (tenant_id, seq, salt, reason, details) VALUES (:tenant, :seq, :salt, :reason, :details)"};
constexpr db::TenantStmt find_actor{"SELECT ref FROM audit_actor WHERE tenant_id = :tenant AND value = :value"};
constexpr db::TenantStmt insert_actor{
    "INSERT INTO audit_actor_ (tenant_id, ref, salt, value) VALUES (:tenant, :ref, :salt, :value)"};
constexpr db::TenantStmt insert_node{"INSERT INTO audit_node_ (tenant_id, level, n, hash) VALUES (:tenant, :level, :n, :hash)"};
constexpr db::TenantStmt remove_actor{"DELETE FROM audit_actor_ WHERE tenant_id = :tenant AND value = :value"};
constexpr db::TenantStmt page{
    "SELECT a.record, a.hash, p.reason, p.details, w.value FROM audit a "
    "LEFT JOIN audit_private p ON p.tenant_id = :tenant AND p.seq = a.seq "
    "LEFT JOIN audit_actor w ON w.tenant_id = :tenant AND w.ref = a.actor "
    "WHERE a.tenant_id = :tenant AND a.seq > :after AND substr(a.action, 1, :length) = :begins "
    "AND length(a.action) <= :longest ORDER BY a.seq LIMIT :limit"};

/// One commitment per actor and log, so that one removed row forgets him everywhere.
Digest actor_ref(db::Tx& tx, Known& known, const std::string& id) {
    if (const auto found = known.actors.find(id); found != known.actors.end()) return found->second;
    Digest ref;
    if (auto rows = tx.query(find_actor, id); rows.next()) {
        ref = digest_of(rows.blob_view(0));
    } else {
        const auto salt = new_salt();
        ref = commitment(salt, id);
        tx.exec(insert_actor, ref, salt, id);
    }
    if (known.actors.size() < actors_kept) known.actors.emplace(id, ref);
    return ref;
}

void check(const Entry& entry) {
    if (entry.action.empty() || (!entry.details.is_null() && !entry.details.is_object()))
        throw InternalError("an audit entry needs an action, and an object of details or none", {.subject = entry.action});
}

void append_to(db::Tx& tx, Known& known, const Actor& actor, const Entry& entry) {
    auto& log = known.log;
    Record record{.tenant = log_name(tx.scope().tenant()),
                  .seq = static_cast<std::int64_t>(log.tree.size()),
                  .prev = log.head,
                  .time = entry.time,
                  .actor_kind = std::string(to_string(actor.kind)),
                  .actor = actor_ref(tx, known, actor.id),
                  .reason = {},
                  .details = {},
                  .action = entry.action,
                  .target = entry.target,
                  .outcome = to_string(entry.outcome),
                  .request_id = actor.request_id};
    if (!actor.reason.empty() || !entry.details.is_null()) {
        const auto salt = new_salt();
        std::optional<std::string> reason, details;
        if (!actor.reason.empty()) reason = actor.reason;
        if (!entry.details.is_null()) details = base::to_canonical_json(entry.details);
        if (reason) record.reason = commitment(salt, *reason);
        if (details) record.details = commitment(salt, *details);
        tx.exec(insert_private, record.seq, salt, reason, details);
    }
    const auto text = to_text(record);
    log.head = crypto::merkle_leaf(base::view_of(text));
    log.tree.append(log.head, stored_levels([&](int level, std::uint64_t n, const Digest& hash) { tx.exec(insert_node, level, n, hash); }));
    tx.exec(insert, record.seq, record.time, record.action, record.actor, text, log.head);
}

}  // namespace

void append(db::Tx& tx, const Actor& actor, const Entry& entry) {
    check(entry);
    try {
        append_to(tx, known_log(tx), actor, entry);
        store_log(tx);
    } catch (...) {
        forget_log(tx.scope().tenant());
        throw;
    }
}

std::vector<AuditRecord> list(db::Reader& reader, const AuditFilter& filter) {
    if (filter.limit < 1 || filter.limit > 10'000) throw InvalidArgument("must lie between 1 and 10000", {.subject = "limit"});
    const auto length = static_cast<std::int64_t>(filter.action.size());
    const bool exact = !filter.action.empty() && !filter.action.ends_with('.');
    std::vector<AuditRecord> list;
    for (auto rows = reader.query(page, filter.after, length, filter.action, exact ? length : INT64_MAX, filter.limit); rows.next();) {
        Record record;
        try {
            record = parse_record(rows.text_view(0));
        } catch (const InvalidArgument& error) {
            throw Corrupt(std::string("an audit record cannot be read: ") + error.what(), {.subject = "audit"});
        }
        list.push_back({.seq = record.seq,
                        .at = record.time,
                        .actor = rows.maybe_text(4).value_or(""),
                        .action = record.action,
                        .target = record.target,
                        .outcome = record.outcome,
                        .reason = rows.maybe_text(2).value_or(""),
                        .details = rows.maybe_text(3).value_or("{}"),
                        .hash = crypto::to_hex(rows.blob_view(1))});
    }
    return list;
}

bool forget_actor(db::Tx& tx, std::string_view id) {
    forget_log(tx.scope().tenant());
    return tx.exec(remove_actor, id) > 0;
}

}  // namespace tenon::tenant::audit
