// The end of a tenant, and the receipt for it.

#include <algorithm>

#include <crypto/encoding.hpp>
#include <tenant/audit_seal.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "legal_holds.hpp"
#include "registry_impl.hpp"

namespace tenon::tenant {
namespace {

using base::Json;

constexpr db::SystemStmt note_begin{
    "INSERT INTO erasure (tenant_id, begun_at, files, bytes) VALUES (:id, :now, :files, :bytes) ON CONFLICT (tenant_id) DO NOTHING"};
constexpr db::SystemStmt files_of{"SELECT files, bytes, receipt FROM erasure WHERE tenant_id = :id"};
constexpr db::SystemStmt put_receipt{"UPDATE erasure SET receipt = :receipt WHERE tenant_id = :id"};

constexpr std::string_view opening = "erasure-receipt 1\n";

/// Canonical JSON behind the opening line, and the signature of both: see docs/design/tenant.md.
std::string receipt_text(const TenantId& id, Time now, const std::vector<RemovedCount>& removed, const crypto::MerkleTree& log,
                         const crypto::SigningKey& key) {
    auto counts = Json::object();
    for (const auto& [kind, count] : removed) counts.set(kind, count);
    auto said = Json::object();
    said.set("audit_records", log.size())
        .set("audit_root", crypto::to_hex(log.root()))
        .set("key", audit::key_text(key.public_key()))
        .set("removed", std::move(counts))
        .set("tenant", id.text())
        .set("time", now.time_since_epoch().count())
        .set("v", 1);
    return audit::signed_text(std::string(opening) + base::to_canonical_json(said) + "\n", key);
}

ErasureReceipt read_receipt(const std::string& text) {
    const auto end = text.find('\n', opening.size());
    if (!text.starts_with(opening) || end == std::string::npos) throw Corrupt("the receipt cannot be read", {.subject = "receipt"});
    const auto said = base::parse_json(std::string_view(text).substr(opening.size(), end - opening.size()));
    ErasureReceipt receipt{.tenant = TenantId::parse(said.get_string("tenant")),
                           .erased_at = Time{Duration{said.get_int("time")}},
                           .removed = {},
                           .audit_records = said.get_int("audit_records"),
                           .audit_root = said.get_string("audit_root"),
                           .key = said.get_string("key"),
                           .text = text};
    for (const auto& [kind, count] : said.at("removed").as_object()) receipt.removed.push_back({.kind = kind, .count = count.as_int(kind)});
    return receipt;
}

}  // namespace

bool is_due(const Tenant& tenant, Time now) noexcept {
    return tenant.state == TenantState::erasing && tenant.erased_at && *tenant.erased_at <= now;
}

bool erasure_has_begun(db::SystemReader& reader, const TenantId& id) { return reader.query(files_of, id).next(); }

bool Registry::awaits_erasure(db::SystemReader& reader, const TenantId& id) const {
    const auto row = read_row(reader, id);
    if (row && row->tenant.state == TenantState::erased) return false;
    if (!row || !is_due(row->tenant, impl_->clock->now())) throw Conflict("the tenant is not due for erasure", {.subject = id.text()});
    return true;
}

void Registry::begin_erasure(db::SystemTx& tx, const TenantId& id, std::int64_t files, std::int64_t bytes) const {
    const auto now = impl_->clock->now();
    const auto row = read_row(tx, id);
    if (!row || !is_due(row->tenant, now)) throw Conflict("the tenant is not due for erasure", {.subject = id.text()});
    auto own = tx.tenant(impl_->scope_of(*row));
    legal_holds::refuse(own, "erased");
    tx.exec(note_begin, id, now, files, bytes);
}

void Registry::finish_erasure(db::SystemTx& tx, const Actor& actor, const Standing& standing, std::vector<RemovedCount> removed,
                              const crypto::SigningKey& key) const {
    const auto now = impl_->clock->now();
    const auto& id = standing.tenant.id;
    auto row = read_row(tx, id);
    if (!row || !is_due(row->tenant, now)) throw Conflict("the tenant is not due for erasure", {.subject = id.text()});
    const auto scope = impl_->scope_of(*row);
    {
        auto own = tx.tenant(scope);
        legal_holds::refuse(own, "erased");
    }
    remove_rows(tx, id);
    row->tenant.state = TenantState::erased;
    row->tenant.name = "";
    row->tenant.slug = id.text();  // frees the slug
    row->tenant.plan_changes_at.reset();
    row->state_before.reset();
    impl_->store(tx, *row);
    impl_->note_both(tx, actor, *row, {.time = now, .action = "tenant.erased", .target = id.text()});
    std::int64_t files = 0, bytes = 0;
    if (auto begun = tx.query(files_of, id); begun.next()) {
        files = begun.i64(0);
        bytes = begun.i64(1);
    }
    if (files > 0) removed.push_back({.kind = "files", .count = files});
    if (bytes > 0) removed.push_back({.kind = "file_bytes", .count = bytes});
    std::ranges::sort(removed, {}, &RemovedCount::kind);
    auto own = tx.tenant(scope);
    tx.exec(note_begin, id, now, files, bytes);
    tx.exec(put_receipt, receipt_text(id, now, removed, audit::known_log(own).log.tree, key), id);
}

ErasureReceipt Registry::erasure_receipt(const Actor& actor, const TenantId& id) {
    if (!find(actor, id)) throw NotFound("there is no such tenant", {.subject = id.text()});
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) {
        auto rows = reader.query(files_of, id);
        if (!rows.next() || rows.is_null(2)) throw NotFound("there is no receipt of the tenant's erasure", {.subject = id.text()});
        return read_receipt(rows.text(2));
    });
}

}  // namespace tenon::tenant
