#include <tenant/audit_seal.hpp>

#include <algorithm>
#include <set>

#include <base/bytes.hpp>
#include <crypto/encoding.hpp>
#include <crypto/merkle.hpp>
#include <crypto/note.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "audit_record.hpp"
#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

// A checkpoint holds the writer's thread for a moment: of very many logs several are made.
constexpr std::size_t logs_at_once = 1000;

constexpr db::SystemStmt grown{
    "SELECT l.tenant_id FROM audit_log_ l "
    "WHERE l.size <> (SELECT coalesce(max(h.size), 0) FROM audit_head_ h WHERE h.tenant_id = l.tenant_id) ORDER BY l.tenant_id"};
constexpr db::SystemStmt ends{
    "SELECT l.size, l.edge, (SELECT coalesce(max(h.size), 0) FROM audit_head_ h WHERE h.tenant_id = l.tenant_id) "
    "FROM audit_log_ l WHERE l.tenant_id = :id"};
constexpr db::SystemStmt newest{"SELECT n, size, edge FROM audit_checkpoint ORDER BY n DESC LIMIT 1"};
constexpr db::SystemStmt insert_head{
    "INSERT INTO audit_head_ (tenant_id, size, root, leaf, checkpoint) VALUES (:id, :size, :root, :leaf, :checkpoint)"};
constexpr db::SystemStmt insert_leaf{"INSERT INTO audit_leaf (leaf, hash) VALUES (:leaf, :hash)"};
constexpr db::SystemStmt insert_leaf_node{"INSERT INTO audit_leaf_node (level, n, hash) VALUES (:level, :n, :hash)"};
constexpr db::SystemStmt insert_checkpoint{
    "INSERT INTO audit_checkpoint (n, size, edge, time, note, vkey) VALUES (:n, :size, :edge, :time, :note, :vkey)"};

constexpr std::string_view origin = "audit";

std::string sign_note(const crypto::SigningKey& key, const crypto::MerkleTree& tree, Time now) {
    const auto name = crypto::note_key_name(origin, key.public_key());
    const auto body = name + "\n" + std::to_string(tree.size()) + "\n" + crypto::to_base64(tree.root()) + "\ntime " +
                      std::to_string(now.time_since_epoch().count()) + "\n";
    return signed_text(body, key);
}

/// A leaf of the tree over all logs: what a checkpoint says of one log.
std::string head_text(const TenantId& log, std::int64_t size, const crypto::Digest& root) {
    return "audit-head 1\n" + log_name(log) + "\n" + std::to_string(size) + "\n" + crypto::to_hex(root) + "\n";
}

/// One checkpoint over as many of the logs as still are longer than what was signed of them.
/// Adds to `shorter` what cannot be signed: a log that ends before what was signed of it.
std::int64_t seal_some(db::SystemTx& tx, std::span<const TenantId> logs, const crypto::SigningKey& key, Time now, std::set<TenantId>& shorter) {
    std::int64_t n = 0, count = 0;
    crypto::MerkleTree tree;
    if (auto rows = tx.query(newest); rows.next()) {
        n = rows.i64(0) + 1;
        tree = read_tree(rows.i64(1), rows.blob_view(2));
    }
    for (const auto& id : logs) {
        auto rows = tx.query(ends, id);
        if (!rows.next() || rows.i64(0) == rows.i64(2)) continue;  // another process has signed it meanwhile
        const auto size = rows.i64(0);
        if (rows.i64(2) > size) {
            shorter.insert(id);
            continue;
        }
        const auto root = read_tree(size, rows.blob_view(1)).root();
        const auto text = head_text(id, size, root);
        const auto leaf = crypto::merkle_leaf(base::view_of(text));
        tx.exec(insert_head, id, size, root, tree.size(), n);
        tx.exec(insert_leaf, tree.size(), leaf);
        tree.append(leaf, stored_levels([&](int level, std::uint64_t i, const crypto::Digest& hash) { tx.exec(insert_leaf_node, level, i, hash); }));
        ++count;
    }
    if (count == 0) return 0;
    tx.exec(insert_checkpoint, n, tree.size(), edge_bytes(tree), now, sign_note(key, tree, now), key_text(key.public_key()));
    return count;
}

}  // namespace

std::string signed_text(const std::string& text, const crypto::SigningKey& key) { return crypto::sign_note(origin, text, key); }

std::string key_text(const crypto::PublicKey& key) { return crypto::note_key_text(origin, key); }

std::int64_t seal(db::Database& database, const db::SystemScope& system, const crypto::SigningKey& key, Time now) {
    const auto logs = database.read(system, [](db::SystemReader& reader) {
        std::vector<TenantId> list;
        for (auto rows = reader.query(grown); rows.next();) list.push_back(rows.id<TenantId>(0));
        return list;
    });
    std::int64_t count = 0;
    std::set<TenantId> shorter;
    for (auto rest = std::span(logs); !rest.empty(); rest = rest.subspan(std::min(rest.size(), logs_at_once))) {
        const auto some = rest.first(std::min(rest.size(), logs_at_once));
        count += database.write(system, [&](db::SystemTx& tx) { return seal_some(tx, some, key, now, shorter); });
    }
    if (!shorter.empty()) throw Corrupt("an audit log is shorter than a checkpoint of it", {.subject = log_name(*shorter.begin())});
    return count;
}

}  // namespace tenon::tenant::audit
