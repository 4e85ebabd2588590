#include <crypto/merkle.hpp>

#include <algorithm>
#include <bit>

#include <tenon/error.hpp>

namespace tenon::crypto {

namespace {

Digest root_of(std::span<const Digest> leaves) {
    MerkleTree tree;
    for (const auto& leaf : leaves) tree.append(leaf);
    return tree.root();
}

}  // namespace

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

std::vector<Digest> inclusion_path(std::span<const Digest> leaves, std::uint64_t index) {
    if (index >= leaves.size()) throw InvalidArgument("the tree has no such leaf", {.subject = "index"});
    std::vector<Digest> path;
    while (leaves.size() > 1) {
        const auto split = std::bit_floor(leaves.size() - 1);  // the widest full subtree on the left
        const auto left = leaves.first(split), right = leaves.subspan(split);
        path.push_back(root_of(index < split ? right : left));
        leaves = index < split ? left : right;
        if (index >= split) index -= split;
    }
    std::ranges::reverse(path);
    return path;
}

std::vector<Digest> consistency_path(std::span<const Digest> leaves, std::uint64_t old_size) {
    if (old_size > leaves.size()) throw InvalidArgument("the tree was never that large", {.subject = "old_size"});
    std::vector<Digest> path;
    if (old_size == 0 || old_size == leaves.size()) return path;
    bool known = true;  // the part that is left begins where the old tree begins, so that its root needs no telling
    while (old_size != leaves.size()) {
        const auto split = std::bit_floor(leaves.size() - 1);
        const auto left = leaves.first(split), right = leaves.subspan(split);
        if (old_size <= split) {
            path.push_back(root_of(right));
            leaves = left;
        } else {
            path.push_back(root_of(left));
            leaves = right;
            old_size -= split;
            known = false;
        }
    }
    if (!known) path.push_back(root_of(leaves));
    std::ranges::reverse(path);
    return path;
}

}  // namespace tenon::crypto
