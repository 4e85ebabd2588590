#include "audit_log.hpp"

#include <algorithm>
#include <bit>

#include <base/bytes.hpp>
#include <tenon/error.hpp>

#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

constexpr db::TenantStmt find{"SELECT size, head, edge FROM audit_log WHERE tenant_id = :tenant"};
constexpr db::TenantStmt behind{"SELECT seq, hash FROM audit WHERE tenant_id = :tenant AND seq >= :size ORDER BY seq"};
constexpr db::TenantStmt store{
    "INSERT INTO audit_log_ (tenant_id, size, head, edge) VALUES (:tenant, :size, :head, :edge) "
    "ON CONFLICT (tenant_id) DO UPDATE SET size = :size, head = :head, edge = :edge"};

// Bounds what the thread that writes keeps: a few hundred bytes each.
constexpr std::size_t logs_kept = 10'000;

struct Cache {
    std::uint64_t lineage = 0;
    std::map<base::IdBytes, Known> logs{};
};

/// Of the thread that writes, of which each database has one.
Cache& cached() {
    thread_local Cache cache;
    return cache;
}

/// The end that is stored, and what this transaction has added behind it.
Log read_on(db::Tx& tx) {
    auto log = read_log(tx);
    for (auto rows = tx.query(behind, log.tree.size()); rows.next();) {
        if (static_cast<std::uint64_t>(rows.i64(0)) != log.tree.size()) throw Corrupt("the audit trail misses a record", {.subject = "end"});
        log.head = digest_of(rows.blob_view(1));
        log.tree.append(log.head);
    }
    return log;
}

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

Known& known_log(db::Tx& tx) {
    auto& cache = cached();
    if (cache.lineage != tx.lineage() || cache.logs.size() > logs_kept) cache = {.lineage = tx.lineage(), .logs = {}};
    const auto [place, fresh] = cache.logs.try_emplace(base::bytes_of(tx.scope().tenant()));
    auto& known = place->second;
    try {
        if (fresh) known.log = read_on(tx);
    } catch (...) {
        cache.logs.erase(place);
        throw;
    }
    return known;
}

void forget_log(const TenantId& log) noexcept { cached().logs.erase(base::bytes_of(log)); }

void store_log(db::Tx& tx) {
    tx.before_commit([](db::Tx& last) {
        const auto& log = known_log(last).log;
        last.exec(store, log.tree.size(), log.head, edge_bytes(log.tree));
    });
}

}  // namespace tenon::tenant::audit
