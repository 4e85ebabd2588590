#include <crypto/merkle.hpp>

#include <algorithm>
#include <bit>

#include <tenon/error.hpp>

namespace tenon::crypto {
namespace {

/// The leaves [begin, end) of which `begin` is a multiple of the widest full subtree among them.
struct Part {
    std::uint64_t begin = 0, end = 0;

    std::uint64_t size() const { return end - begin; }
    std::uint64_t split() const { return begin + std::bit_floor(size() - 1); }  ///< Behind the widest full subtree on the left.
    Part left() const { return {begin, split()}; }
    Part right() const { return {split(), end}; }
};

Digest root_of(Part part, const MerkleNodes& nodes) {
    const auto level = std::countr_zero(std::bit_floor(part.size()));
    const auto full = nodes(level, part.begin >> level);
    return std::has_single_bit(part.size()) ? full : merkle_node(full, root_of(part.right(), nodes));
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

Digest MerkleTree::root() const {
    if (edge_.empty()) return sha256({});
    auto hash = edge_.back();
    for (auto left = edge_.rbegin() + 1; left != edge_.rend(); ++left) hash = merkle_node(*left, hash);
    return hash;
}

std::vector<Digest> inclusion_path(std::uint64_t size, std::uint64_t index, const MerkleNodes& nodes) {
    if (index >= size) throw InvalidArgument("the tree has no such leaf", {.subject = "index"});
    std::vector<Digest> path;
    for (Part part{0, size}; part.size() > 1;) {
        const bool in_left = index < part.split();
        path.push_back(root_of(in_left ? part.right() : part.left(), nodes));
        part = in_left ? part.left() : part.right();
    }
    std::ranges::reverse(path);
    return path;
}

std::vector<Digest> consistency_path(std::uint64_t size, std::uint64_t old_size, const MerkleNodes& nodes) {
    if (old_size > size) throw InvalidArgument("the tree was never that large", {.subject = "old_size"});
    std::vector<Digest> path;
    if (old_size == 0 || old_size == size) return path;
    Part part{0, size};
    while (part.end != old_size) {
        const bool in_left = old_size <= part.split();
        path.push_back(root_of(in_left ? part.right() : part.left(), nodes));
        part = in_left ? part.left() : part.right();
    }
    // The old tree itself needs no telling, only a part of it.
    if (part.begin != 0) path.push_back(root_of(part, nodes));
    std::ranges::reverse(path);
    return path;
}

}  // namespace tenon::crypto
