#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <crypto/hash.hpp>

namespace tenon::crypto {

/// RFC 6962: leaves and nodes hash under different prefixes, so that neither can pass for the other.
Digest merkle_leaf(ByteView record);
Digest merkle_node(const Digest& left, const Digest& right);

/// The tree hash of a log that only grows. Keeps the right edge alone: one hash per set bit of the size.
class MerkleTree {
public:
    MerkleTree() = default;
    /// Takes up a stored edge, widest subtree first. Throws Corrupt when it cannot belong to `size` leaves.
    MerkleTree(std::uint64_t size, std::vector<Digest> edge);
    void append(const Digest& leaf) {
        append(leaf, [](int, std::uint64_t, const Digest&) {});
    }
    /// Also calls made(level, index, hash) for each full subtree that the leaf completes: see MerkleNodes.
    template <class Made> void append(const Digest& leaf, Made&& made) {
        auto hash = leaf;
        int level = 0;
        // Every trailing one of the size is a full subtree as wide as what has been joined so far.
        for (auto rest = size_; rest & 1; rest >>= 1) {
            hash = merkle_node(edge_.back(), hash);
            edge_.pop_back();
            ++level;
            made(level, size_ >> level, hash);
        }
        edge_.push_back(hash);
        ++size_;
    }
    void append_record(ByteView record) { append(merkle_leaf(record)); }
    std::uint64_t size() const noexcept { return size_; }
    /// Of the leaves so far; SHA-256 of nothing while there are none.
    Digest root() const;
    const std::vector<Digest>& edge() const noexcept { return edge_; }

private:
    std::uint64_t size_ = 0;
    std::vector<Digest> edge_;
};

/// The hash of the full subtree over the leaves [index << level, (index + 1) << level). A proof asks for about as many of them
/// as the tree is high.
using MerkleNodes = std::function<Digest(int level, std::uint64_t index)>;

/// The audit path of one leaf of a tree, from the leaf up (RFC 6962, 2.1.1). Throws InvalidArgument.
std::vector<Digest> inclusion_path(std::uint64_t size, std::uint64_t index, const MerkleNodes& nodes);
/// What shows that the tree of the first `old_size` leaves is the beginning of the tree of `size` (RFC 6962, 2.1.2). Empty when
/// it is all of it, or nothing. Throws InvalidArgument.
std::vector<Digest> consistency_path(std::uint64_t size, std::uint64_t old_size, const MerkleNodes& nodes);

}  // namespace tenon::crypto
