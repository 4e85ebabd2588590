#include "audit_tree.hpp"

#include <algorithm>
#include <vector>

#include <tenon/error.hpp>

#include "audit_store.hpp"

namespace tenon::tenant::audit {
namespace {

// Bounds what a proof over years of checkpoints keeps in memory: 8 MB.
constexpr std::size_t tiles_kept = 1 << 14;

constexpr db::TenantStmt nodes_of_log{
    "SELECT n, hash FROM audit_node WHERE tenant_id = :tenant AND level = :level AND n >= :first AND n < :end ORDER BY n"};
constexpr db::SystemStmt leaves_of_heads{"SELECT leaf, hash FROM audit_leaf WHERE leaf >= :first AND leaf < :end ORDER BY leaf"};
constexpr db::SystemStmt nodes_of_heads{
    "SELECT n, hash FROM audit_leaf_node WHERE level = :level AND n >= :first AND n < :end ORDER BY n"};

Tile tile_of(db::Rows rows, std::uint64_t first) {
    Tile tile;
    while (rows.next()) tile[static_cast<std::size_t>(rows.i64(0)) - first] = digest_of(rows.blob_view(1));
    return tile;
}

}  // namespace

crypto::Digest digest_of(base::ByteView bytes) {
    crypto::Digest digest{};
    if (bytes.size() != digest.size()) throw Corrupt("a hash of the audit trail has another length", {.subject = "hash"});
    std::ranges::copy(bytes, digest.begin());
    return digest;
}

crypto::Digest StoredTree::node(int level, std::uint64_t index) {
    const int above = level % level_step;
    return folded(level - above, index << above, std::size_t{1} << above);
}

/// The root over `count` neighbours of a stored level, which lie in one tile.
crypto::Digest StoredTree::folded(int level, std::uint64_t first, std::size_t count) {
    std::array<crypto::Digest, tile_width> row;
    for (std::size_t i = 0; i < count; ++i) row[i] = stored(level, first + i);
    for (; count > 1; count /= 2)
        for (std::size_t i = 0; i < count / 2; ++i) row[i] = crypto::merkle_node(row[2 * i], row[2 * i + 1]);
    return row[0];
}

crypto::Digest StoredTree::stored(int level, std::uint64_t index) {
    if (const auto& hash = tile(level, index - index % tile_width)[index % tile_width]) return *hash;
    if (level == 0) throw Corrupt("the audit trail misses a record", {.subject = std::to_string(index)});
    return folded(level - level_step, index * tile_width, tile_width);
}

const Tile& StoredTree::tile(int level, std::uint64_t first) {
    const std::pair place{level, first};
    if (const auto known = tiles_.find(place); known != tiles_.end()) return known->second;
    if (tiles_.size() >= tiles_kept) tiles_.clear();
    return tiles_.emplace(place, load_(level, first)).first->second;
}

StoredTree log_tree(db::Reader& reader) {
    return StoredTree([&reader](int level, std::uint64_t first) {
        const auto end = first + tile_width;
        if (level > 0) return tile_of(reader.query(nodes_of_log, level, first, end), first);
        Tile tile;
        for (const auto& [seq, hash] : stored_leaves(reader, static_cast<std::int64_t>(first), static_cast<std::int64_t>(end)))
            tile[static_cast<std::size_t>(seq) - first] = hash;
        return tile;
    });
}

StoredTree global_tree(db::SystemReader& reader) {
    return StoredTree([&reader](int level, std::uint64_t first) {
        const auto end = first + tile_width;
        return tile_of(level == 0 ? reader.query(leaves_of_heads, first, end) : reader.query(nodes_of_heads, level, first, end), first);
    });
}

}  // namespace tenon::tenant::audit
