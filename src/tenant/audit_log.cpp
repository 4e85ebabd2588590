#include "audit_log.hpp"

#include <algorithm>

#include <base/bytes.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::audit {
namespace {

constexpr db::TenantStmt find{"SELECT size, head, edge FROM audit_log WHERE tenant_id = :tenant"};
constexpr db::TenantStmt store{
    "INSERT INTO audit_log_ (tenant_id, size, head, edge) VALUES (:tenant, :size, :head, :edge) "
    "ON CONFLICT (tenant_id) DO UPDATE SET size = :size, head = :head, edge = :edge"};

[[noreturn]] void corrupt() { throw Corrupt("the end of the audit log cannot be read", {.subject = "end"}); }

}  // namespace

Log read_log(db::Reader& reader) {
    auto rows = reader.query(find);
    if (!rows.next()) return {};
    Log log;
    const auto head = rows.blob_view(1), edge = rows.blob_view(2);
    const auto size = log.head.size();
    if (head.size() != size || edge.size() % size != 0 || rows.i64(0) < 0) corrupt();
    std::ranges::copy(head, log.head.begin());
    std::vector<crypto::Digest> nodes(edge.size() / size);
    for (std::size_t i = 0; i < nodes.size(); ++i) std::ranges::copy(edge.subspan(i * size, size), nodes[i].begin());
    try {
        log.tree = crypto::MerkleTree(static_cast<std::uint64_t>(rows.i64(0)), std::move(nodes));
    } catch (const Corrupt&) {
        corrupt();
    }
    return log;
}

void write_log(db::Tx& tx, const Log& log) {
    base::ByteVector edge;
    for (const auto& node : log.tree.edge()) base::append(edge, node);
    tx.exec(store, log.tree.size(), log.head, edge);
}

}  // namespace tenon::tenant::audit
