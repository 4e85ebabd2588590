#pragma once

#include <cstdint>
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

}  // namespace tenon::crypto
