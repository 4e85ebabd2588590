#pragma once

#include <cstdint>
#include <span>
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
    void append(const Digest& leaf);
    void append_record(ByteView record) { append(merkle_leaf(record)); }
    std::uint64_t size() const noexcept { return size_; }
    /// Of the leaves so far; SHA-256 of nothing while there are none.
    Digest root() const;
    const std::vector<Digest>& edge() const noexcept { return edge_; }

private:
    std::uint64_t size_ = 0;
    std::vector<Digest> edge_;
};

/// The audit path of one leaf, from the leaf up (RFC 6962, 2.1.1). Hashes every leaf once. Throws InvalidArgument.
std::vector<Digest> inclusion_path(std::span<const Digest> leaves, std::uint64_t index);
/// What shows that a log of `old_size` leaves is the beginning of this one (RFC 6962, 2.1.2). Empty when it is all of it, or
/// nothing. Throws InvalidArgument.
std::vector<Digest> consistency_path(std::span<const Digest> leaves, std::uint64_t old_size);

}  // namespace tenon::crypto
