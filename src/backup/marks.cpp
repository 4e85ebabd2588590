#include "marks.hpp"

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
    folder(root, nodes, stop);
}

void Marks::folder(const Id& root, ChunkReader& nodes, const std::stop_token& stop) {
    exec::check_stop(stop);
    // What is marked has been walked: most of a snapshot is the one before it.
    if (!index_.ordinal(root)) throw Corrupt("a directory's data is missing", {.subject = "chunk " + hex(root)});
    if (!mark(root)) return;
    const auto node = decode_tree_node(nodes.node(root), "chunk " + hex(root));
    for (const auto& child : node.children) folder(child.id, nodes, stop);
    for (const auto& entry : node.entries) {
        // Where the keys are gone there is nothing that anybody could need. Keys that are only unknown here are another's new ones: then
        // this ends in Corrupt, since nobody can tell what lies below.
        if (entry.subtree && !ring_.is_erased(entry.subtree_class)) folder(*entry.subtree, nodes, stop);
        for (const auto& chunk : entry.chunks) mark(chunk.id);
        if (entry.list_root)
            walk_list(
                nodes, *entry.list_root, [&](const ChunkRef& ref) { mark(ref.id); },
                [&](const Id& id) {
                    if (!index_.ordinal(id)) throw Corrupt("a long file's list is missing", {.subject = "chunk " + hex(id)});
                    return mark(id);
                });
    }
}

}  // namespace tenon::backup
