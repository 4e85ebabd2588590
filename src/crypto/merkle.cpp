#include <crypto/merkle.hpp>

#include <algorithm>
#include <bit>

#include <tenon/error.hpp>

namespace tenon::crypto {

Digest merkle_leaf(ByteView record) {
    thread_local Sha256 hash;
    const std::uint8_t prefix = 0;
    return hash.update({&prefix, 1}).update(record).finish();
}

Digest merkle_node(const Digest& left, const Digest& right) {
    std::array<std::uint8_t, 65> node{1};
    std::copy(left.begin(), left.end(), node.begin() + 1);
    std::copy(right.begin(), right.end(), node.begin() + 33);
    return sha256(node);
}

MerkleTree::MerkleTree(std::uint64_t size, std::vector<Digest> edge) : size_(size), edge_(std::move(edge)) {
    if (edge_.size() != static_cast<std::size_t>(std::popcount(size_)))
        throw Corrupt("the edge of a hash tree does not fit its size");
}

void MerkleTree::append(const Digest& leaf) {
    auto hash = leaf;
    // Every trailing one of the size is a full subtree as wide as what has been joined so far.
    for (auto rest = size_; rest & 1; rest >>= 1) {
        hash = merkle_node(edge_.back(), hash);
        edge_.pop_back();
    }
    edge_.push_back(hash);
    ++size_;
}

Digest MerkleTree::root() const {
    if (edge_.empty()) return sha256({});
    auto hash = edge_.back();
    for (auto left = edge_.rbegin() + 1; left != edge_.rend(); ++left) hash = merkle_node(*left, hash);
    return hash;
}

}  // namespace tenon::crypto
