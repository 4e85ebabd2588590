#include <tenant/audit.hpp>

#include <algorithm>

#include <crypto/encoding.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "audit_record.hpp"
#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

using base::Json;

constexpr std::size_t actors_kept = 64;
// Of a transaction that adds very many records, what waits in memory: about a megabyte.
constexpr std::size_t packs_kept = 64;

constexpr db::TenantStmt find_actor{"SELECT ref FROM audit_actor WHERE tenant_id = :tenant AND value = :value"};
constexpr db::TenantStmt insert_actor{
    "INSERT INTO audit_actor_ (tenant_id, ref, salt, value) VALUES (:tenant, :ref, :salt, :value)"};
constexpr db::TenantStmt remove_actor{"DELETE FROM audit_actor_ WHERE tenant_id = :tenant AND value = :value"};

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
    NewRecord record{.tenant = known.name,
                     .seq = static_cast<std::int64_t>(log.tree.size()),
                     .prev = log.head,
                     .time = entry.time,
                     .actor_kind = to_string(actor.kind),
                     .actor = actor_ref(tx, known, actor.id),
                     .reason = {},
                     .details = {},
                     .action = entry.action,
                     .target = entry.target,
                     .outcome = to_string(entry.outcome),
                     .request_id = actor.request_id};
    Erasable hidden;
    Salt salt{};
    std::string details;
    if (!actor.reason.empty() || !entry.details.is_null()) {
        salt = new_salt();
        hidden.salt = salt;
        if (!actor.reason.empty()) hidden.reason = actor.reason;
        if (!entry.details.is_null()) hidden.details = details = base::to_canonical_json(entry.details);
        if (hidden.reason) record.reason = commitment(salt, *hidden.reason);
        if (hidden.details) record.details = commitment(salt, *hidden.details);
    }
    check(record);
    add(known, record, hidden);
}

}  // namespace

void append(db::Tx& tx, const Actor& actor, const Entry& entry) {
    check(entry);
    auto& known = known_log(tx);
    store_at_end(tx);
    if (known.packs.size() >= packs_kept) store_records(tx, known);
    append_to(tx, known, actor, entry);
}

namespace {

bool is_within(const Record& record, const AuditFilter& filter) {
    return (!filter.start || record.time >= *filter.start) && (!filter.end || record.time < *filter.end);
}

AuditRecord public_form(const Record& record, const Stored& stored, Names& names) {
    const auto* name = names.of(record.actor);
    return {.seq = record.seq,
            .at = record.time,
            .actor = name ? name->value : "",
            .action = record.action,
            .target = record.target,
            .outcome = record.outcome,
            .reason = std::string(stored.erasable.reason.value_or("")),
            .details = std::string(stored.erasable.details.value_or("{}")),
            .hash = crypto::to_hex(stored.hash),
            .actor_erased = !name,
            .reason_erased = record.reason && !stored.erasable.reason,
            .details_erased = record.details && !stored.erasable.details};
}

}  // namespace

std::vector<AuditRecord> list(db::Reader& reader, const AuditFilter& filter) {
    if (filter.limit < 1 || filter.limit > 10'000) throw InvalidArgument("must lie between 1 and 10000", {.subject = "limit"});
    if (filter.after == INT64_MAX) return {};
    const ActionFilter wanted{.begins = filter.action, .whole = !filter.action.empty() && !filter.action.ends_with('.')};
    std::vector<AuditRecord> list;
    Names names(reader);
    StoredRecords stored(reader, std::max<std::int64_t>(filter.after + 1, 0), INT64_MAX, wanted);
    while (list.size() < static_cast<std::size_t>(filter.limit)) {
        const auto* at = stored.next();
        if (!at) break;
        Record record;
        try {
            record = parse_record(at->text);
        } catch (const InvalidArgument& error) {
            throw Corrupt(std::string("an audit record cannot be read: ") + error.what(), {.subject = "audit"});
        }
        if (is_within(record, filter)) list.push_back(public_form(record, *at, names));
    }
    return list;
}

void each_record(db::Database& database, const db::TenantScope& scope, AuditFilter filter, const std::function<void(const AuditRecord&)>& take) {
    for (filter.limit = 1000;;) {
        const auto page = database.read(scope, [&](db::Reader& reader) { return list(reader, filter); });
        for (const auto& record : page) take(record);
        if (std::ssize(page) < filter.limit) return;
        filter.after = page.back().seq;
    }
}

bool forget_actor(db::Tx& tx, std::string_view id) {
    forget_actors(tx.scope().tenant());
    return tx.exec(remove_actor, id) > 0;
}

}  // namespace tenon::tenant::audit
