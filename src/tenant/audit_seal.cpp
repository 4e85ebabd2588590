#include <tenant/audit_seal.hpp>

#include <algorithm>

#include <base/bytes.hpp>
#include <crypto/encoding.hpp>
#include <crypto/merkle.hpp>
#include <tenon/error.hpp>

#include "audit_head.hpp"
#include "audit_record.hpp"

namespace tenon::tenant::audit {
namespace {

constexpr db::SystemStmt grown{
    "SELECT l.tenant_id, l.size, l.edge FROM audit_log_ l "
    "WHERE l.size <> (SELECT coalesce(max(h.size), 0) FROM audit_head_ h WHERE h.tenant_id = l.tenant_id) ORDER BY l.tenant_id"};
constexpr db::SystemStmt sealed{"SELECT coalesce(max(size), 0) FROM audit_head_ WHERE tenant_id = :id"};
constexpr db::SystemStmt newest{"SELECT n, size, edge FROM audit_checkpoint ORDER BY n DESC LIMIT 1"};
constexpr db::SystemStmt insert_head{
    "INSERT INTO audit_head_ (tenant_id, size, root, leaf, checkpoint) VALUES (:id, :size, :root, :leaf, :checkpoint)"};
constexpr db::SystemStmt insert_leaf{"INSERT INTO audit_leaf (leaf, hash) VALUES (:leaf, :hash)"};
constexpr db::SystemStmt insert_checkpoint{
    "INSERT INTO audit_checkpoint (n, size, edge, time, note, vkey) VALUES (:n, :size, :edge, :time, :note, :vkey)"};

std::string key_name(const crypto::PublicKey& key) { return "audit/" + crypto::to_hex(base::ByteView(key).first(8)); }

base::ByteVector key_bytes(const crypto::PublicKey& key) {
    base::ByteVector bytes{1};  // Ed25519, says C2SP
    base::append(bytes, key);
    return bytes;
}

base::ByteVector key_hash(const crypto::PublicKey& key) {
    const auto text = key_name(key) + "\n";
    const auto hash = crypto::Sha256().update(base::view_of(text)).update(key_bytes(key)).finish();
    return {hash.begin(), hash.begin() + 4};
}

std::string sign_note(const crypto::SigningKey& key, const crypto::MerkleTree& tree, Time now) {
    const auto name = key_name(key.public_key());
    const auto body = name + "\n" + std::to_string(tree.size()) + "\n" + crypto::to_base64(tree.root()) + "\ntime " +
                      std::to_string(now.time_since_epoch().count()) + "\n";
    auto signature = key_hash(key.public_key());
    base::append(signature, key.sign(base::view_of(body)));
    return body + "\n\u2014 " + name + " " + crypto::to_base64(signature) + "\n";
}

struct Grown {
    TenantId log;
    std::int64_t size = 0;
    crypto::Digest root{};
};

std::vector<Grown> read_grown(db::SystemReader& reader) {
    std::vector<Grown> list;
    for (auto rows = reader.query(grown); rows.next();)
        list.push_back({rows.id<TenantId>(0), rows.i64(1), read_tree(rows.i64(1), rows.blob_view(2)).root()});
    return list;
}

}  // namespace

crypto::MerkleTree read_tree(std::int64_t size, base::ByteView edge) {
    constexpr auto width = sizeof(crypto::Digest);
    if (size < 0 || edge.size() % width != 0) throw Corrupt("the end of an audit log cannot be read", {.subject = "end"});
    std::vector<crypto::Digest> nodes(edge.size() / width);
    for (std::size_t i = 0; i < nodes.size(); ++i) std::ranges::copy(edge.subspan(i * width, width), nodes[i].begin());
    return {static_cast<std::uint64_t>(size), std::move(nodes)};
}

std::string head_text(const TenantId& log, std::int64_t size, const crypto::Digest& root) {
    return "audit-head 1\n" + log_name(log) + "\n" + std::to_string(size) + "\n" + crypto::to_hex(root) + "\n";
}

std::string key_text(const crypto::PublicKey& key) {
    return key_name(key) + "+" + crypto::to_hex(key_hash(key)) + "+" + crypto::to_base64(key_bytes(key));
}

std::int64_t seal(db::Database& database, const db::SystemScope& system, const crypto::SigningKey& key, Time now) {
    if (database.read(system, [](db::SystemReader& reader) { return read_grown(reader).empty(); })) return 0;
    return database.write(system, [&](db::SystemTx& tx) {
        const auto list = read_grown(tx);
        if (list.empty()) return std::int64_t{0};
        std::int64_t n = 0;
        crypto::MerkleTree tree;
        if (auto rows = tx.query(newest); rows.next()) {
            n = rows.i64(0) + 1;
            tree = read_tree(rows.i64(1), rows.blob_view(2));
        }
        for (const auto& log : list) {
            auto before = tx.query(sealed, log.log);
            if (before.next() && before.i64(0) > log.size)
                throw Corrupt("an audit log is shorter than a checkpoint of it", {.subject = log_name(log.log)});
            const auto text = head_text(log.log, log.size, log.root);
            const auto leaf = crypto::merkle_leaf(base::view_of(text));
            tx.exec(insert_head, log.log, log.size, log.root, tree.size(), n);
            tx.exec(insert_leaf, tree.size(), leaf);
            tree.append(leaf);
        }
        base::ByteVector edge;
        for (const auto& node : tree.edge()) base::append(edge, node);
        tx.exec(insert_checkpoint, n, tree.size(), edge, now, sign_note(key, tree, now), key_text(key.public_key()));
        return static_cast<std::int64_t>(list.size());
    });
}

}  // namespace tenon::tenant::audit
