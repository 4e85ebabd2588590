#include "marks.hpp"

#include <algorithm>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {

/// Whether it was not yet.
bool Marks::mark(const Id& id) {
    const auto at = index_.ordinal(id);
    if (!at) {
        ++missing_;
        return false;
    }
    if (bits_[*at]) return false;
    if (index_.is_shaky(*at)) ++shaky_;
    return bits_[*at] = true;
}

void Marks::add(const Id& root, ChunkReader& nodes, const std::stop_token& stop) {
    if (!index_.ordinal(root)) throw Corrupt("a directory's data is missing", {.subject = "chunk " + hex(root)});
    // In the order of the tree, without a stack of calls that a chain of folders could exhaust.
    std::vector<Id> ahead{root};
    while (!ahead.empty()) {
        const auto next = ahead.back();
        ahead.pop_back();
        const auto first = static_cast<std::ptrdiff_t>(ahead.size());
        folder(next, nodes, ahead, stop);
        std::reverse(ahead.begin() + first, ahead.end());
    }
}

void Marks::folder(const Id& root, ChunkReader& nodes, std::vector<Id>& ahead, const std::stop_token& stop) {
    exec::check_stop(stop);
    // What is marked has been walked: most of a snapshot is the one before it.
    if (!index_.ordinal(root)) throw Corrupt("a directory's data is missing", {.subject = "chunk " + hex(root)});
    if (!mark(root)) return;
    const auto node = decode_tree_node(nodes.node(root), "chunk " + hex(root));
    for (const auto& child : node.children) ahead.push_back(child.id);
    for (const auto& entry : node.entries) {
        // Where the keys are gone there is nothing that anybody could need. Keys that are only unknown here are another's new ones: then
        // this ends in Corrupt, since nobody can tell what lies below.
        if (entry.subtree && !ring_.is_erased(entry.subtree_class) && !has(*entry.subtree)) ahead.push_back(*entry.subtree);
        for (const auto& chunk : entry.chunks) mark(chunk.id);
        if (entry.list_root)
            walk_list(
                nodes, *entry.list_root, bytes_of_chunks(entry), [&](const ChunkRef& ref) { mark(ref.id); },
                [&](const Id& id, std::uint64_t) {
                    if (!index_.ordinal(id)) throw Corrupt("a long file's list is missing", {.subject = "chunk " + hex(id)});
                    return mark(id);
                });
    }
}

}  // namespace tenon::backup
