#include "audit_log.hpp"

#include <algorithm>
#include <bit>

#include <base/bytes.hpp>
#include <tenon/error.hpp>

#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

constexpr db::TenantStmt find{"SELECT size, head, edge FROM audit_log WHERE tenant_id = :tenant"};
constexpr db::TenantStmt store_end{
    "INSERT INTO audit_log_ (tenant_id, size, head, edge) VALUES (:tenant, :size, :head, :edge) "
    "ON CONFLICT (tenant_id) DO UPDATE SET size = :size, head = :head, edge = :edge"};

// Bounds what the thread that writes keeps: a few hundred bytes each, and about 20 KB.
constexpr std::size_t logs_kept = 10'000;
constexpr std::size_t spare_kept = 64;

struct Cache {
    std::uint64_t lineage = 0;
    std::map<base::IdBytes, Known> logs{};
    std::vector<Pack> spare{};  ///< Stored ones, for their memory.
};

/// Of the thread that writes, of which each database has one.
Cache& cached() {
    thread_local Cache cache;
    return cache;
}

void begin_pack(Known& known) {
    auto& spare = cached().spare;
    if (spare.empty()) {
        known.packs.emplace_back();
        return;
    }
    known.packs.push_back(std::move(spare.back()));
    spare.pop_back();
}

/// The end that is stored, and what this transaction has added behind it.
Log read_on(db::Tx& tx) {
    auto log = read_log(tx);
    for (const auto& [seq, hash] : stored_leaves(tx, static_cast<std::int64_t>(log.tree.size()), INT64_MAX)) {
        if (static_cast<std::uint64_t>(seq) != log.tree.size()) throw Corrupt("the audit trail misses a record", {.subject = "end"});
        log.head = hash;
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
    if (cache.lineage != tx.lineage()) cache = {.lineage = tx.lineage(), .logs = {}, .spare = std::move(cache.spare)};
    const auto is_stored = [](const auto& entry) { return entry.second.packs.empty() && !entry.second.broken; };
    if (cache.logs.size() > logs_kept) std::erase_if(cache.logs, is_stored);
    const auto [place, fresh] = cache.logs.try_emplace(base::bytes_of(tx.scope().tenant()));
    auto& known = place->second;
    try {
        if (fresh) known = {.log = read_on(tx), .name = log_name(tx.scope().tenant())};
    } catch (...) {
        cache.logs.erase(place);
        throw;
    }
    return known;
}

void add(Known& known, const NewRecord& record, const Erasable& hidden) {
    try {
        if (known.packs.empty() || known.packs.back().size == pack_limit) begin_pack(known);
        const auto leaf = known.packs.back().add(record, hidden);
        known.log.tree.append(leaf, stored_levels([&](int level, std::uint64_t n, const Digest& hash) { known.nodes.push_back({level, n, hash}); }));
        known.log.head = leaf;
    } catch (...) {
        known.broken = true;
        throw;
    }
}

void store_records(db::Tx& tx, Known& known) {
    if (known.broken) throw Unavailable("an audit record could not be kept", {.retryable = true});
    known.broken = true;
    for (const auto& pack : known.packs) store(tx, pack);
    for (const auto& node : known.nodes) store(tx, node);
    auto& spare = cached().spare;
    for (auto& pack : known.packs) {
        if (spare.size() == spare_kept) break;
        pack.clear();
        spare.push_back(std::move(pack));
    }
    known.packs.clear();
    known.nodes.clear();
    known.broken = false;
}

void store_at_end(db::Tx& tx) {
    tx.before_commit([](db::Tx& last) {
        auto& known = known_log(last);
        store_records(last, known);
        last.exec(store_end, known.log.tree.size(), known.log.head, edge_bytes(known.log.tree));
    });
}

void forget_actors(const TenantId& log) noexcept {
    auto& logs = cached().logs;
    if (const auto place = logs.find(base::bytes_of(log)); place != logs.end()) place->second.actors.clear();
}

void forget_erasable(const TenantId& log) {
    forget_actors(log);
    auto& logs = cached().logs;
    const auto place = logs.find(base::bytes_of(log));
    if (place == logs.end()) return;
    for (auto& pack : place->second.packs) pack.erase();
}

}  // namespace tenon::tenant::audit
