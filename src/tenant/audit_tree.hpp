#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>

#include <crypto/merkle.hpp>
#include <db/tx.hpp>

namespace tenon::tenant::audit {

/// A stored tree keeps its leaves and, of the levels above, every fourth: a proof then reads one tile of 16 hashes for each of
/// them, and fifteen appends of sixteen write nothing more than their leaf.
constexpr int level_step = 4;
constexpr std::size_t tile_width = 1 << level_step;
using Tile = std::array<std::optional<crypto::Digest>, tile_width>;

/// The full subtrees of a stored tree. What lies above the leaves of an older home is not stored and is worked out from them.
class StoredTree {
public:
    /// Reads what is stored of `level` from index `first` on.
    using Load = std::function<Tile(int level, std::uint64_t first)>;
    explicit StoredTree(Load load) : load_(std::move(load)) {}

    /// Throws Corrupt for a leaf that is missing.
    crypto::Digest node(int level, std::uint64_t index);
    crypto::MerkleNodes nodes() {
        return [this](int level, std::uint64_t index) { return node(level, index); };
    }

private:
    crypto::Digest stored(int level, std::uint64_t index);
    crypto::Digest folded(int level, std::uint64_t first, std::size_t count);
    const Tile& tile(int level, std::uint64_t first);

    Load load_;
    std::map<std::pair<int, std::uint64_t>, Tile> tiles_;
};

/// The tree of the reader's log, and the tree over all logs. Both live as long as their reader.
StoredTree log_tree(db::Reader& reader);
StoredTree global_tree(db::SystemReader& reader);

/// What to store beside a leaf: hands insert(level, index, hash) the stored ones of the nodes that it completed.
template <class Insert> auto stored_levels(Insert insert) {
    return [insert](int level, std::uint64_t index, const crypto::Digest& hash) {
        if (level % level_step == 0) insert(level, index, hash);
    };
}

crypto::Digest digest_of(base::ByteView bytes);

}  // namespace tenon::tenant::audit
