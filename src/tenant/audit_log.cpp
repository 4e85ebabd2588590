#include "audit_log.hpp"

#include <algorithm>
#include <bit>

#include <base/bytes.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::audit {
namespace {

constexpr db::TenantStmt find{"SELECT size, head, edge FROM audit_log WHERE tenant_id = :tenant"};
constexpr db::TenantStmt store{
    "INSERT INTO audit_log_ (tenant_id, size, head, edge) VALUES (:tenant, :size, :head, :edge) "
    "ON CONFLICT (tenant_id) DO UPDATE SET size = :size, head = :head, edge = :edge"};

}  // namespace

crypto::MerkleTree read_tree(std::int64_t size, base::ByteView edge) {
    constexpr auto width = sizeof(crypto::Digest);
    std::vector<crypto::Digest> nodes(edge.size() / width);
    for (std::size_t i = 0; i < nodes.size(); ++i) std::ranges::copy(edge.subspan(i * width, width), nodes[i].begin());
    if (size < 0 || edge.size() % width != 0 || std::popcount(static_cast<std::uint64_t>(size)) != static_cast<int>(nodes.size()))
        throw Corrupt("the end of an audit log cannot be read", {.subject = "end"});
    return {static_cast<std::uint64_t>(size), std::move(nodes)};
}

base::ByteVector edge_bytes(const crypto::MerkleTree& tree) {
    base::ByteVector edge;
    edge.reserve(tree.edge().size() * sizeof(crypto::Digest));
    for (const auto& node : tree.edge()) base::append(edge, node);
    return edge;
}

Log read_log(db::Reader& reader) {
    auto rows = reader.query(find);
    if (!rows.next()) return {};
    Log log{.tree = read_tree(rows.i64(0), rows.blob_view(2))};
    const auto head = rows.blob_view(1);
    if (head.size() != log.head.size()) throw Corrupt("the end of an audit log cannot be read", {.subject = "end"});
    std::ranges::copy(head, log.head.begin());
    return log;
}

void write_log(db::Tx& tx, const Log& log) { tx.exec(store, log.tree.size(), log.head, edge_bytes(log.tree)); }

}  // namespace tenon::tenant::audit
