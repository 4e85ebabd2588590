#include "browse.hpp"

#include <tenon/error.hpp>

#include "plan_memory.hpp"

namespace tenon::backup {

std::vector<std::string> split_path(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        if (end > at) parts.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    for (const auto& part : parts)
        if (part == "." || part == ".." || part.find('\0') != std::string::npos)
            throw InvalidArgument("a path within a snapshot has only plain names", {.subject = path.substr(0, 200)});
    return parts;
}

void check_class_path(const std::string& path) {
    if (split_path(path).empty()) throw InvalidArgument("a folder that is erasable by itself is not the whole snapshot", {.subject = "erasable"});
}

Entry find_entry(NodeSource& nodes, const Ring& ring, const Id& root, const std::vector<std::string>& parts, const std::string& path) {
    Entry at;
    at.kind = EntryKind::folder;
    at.subtree = root;
    for (const auto& part : parts) {
        const Entry* next = nullptr;
        std::optional<DirCursor> cursor;
        refuse_erased(ring, at, path);
        if (at.subtree) {
            cursor.emplace(nodes, *at.subtree);
            next = cursor->seek(part);
        }
        if (!next) throw NotFound("the snapshot has no such file or folder", {.subject = path});
        auto found = *next;
        at = std::move(found);
    }
    return at;
}

void refuse_erased(const Ring& ring, const Entry& entry, const std::string& path) {
    if (entry.kind == EntryKind::folder && ring.is_erased(entry.subtree_class))
        throw NotFound("this was erased: its keys were destroyed", {.subject = path});
}

std::vector<BrowseEntry> Repository::browse(const SnapshotId& id, const std::string& path) const {
    const auto parts = split_path(path);
    const auto snapshot = impl_->snapshot(id, {});
    const auto index = impl_->load_index({});
    ChunkReader nodes(impl_->keys, *impl_->objects, *index, {}, impl_->reload({}));
    const auto folder = find_entry(nodes, impl_->keys.ring, snapshot.root, parts, path);
    refuse_erased(impl_->keys.ring, folder, path);
    if (!folder.subtree) throw InvalidArgument("this is not a folder", {.subject = path});
    std::vector<BrowseEntry> entries;
    PlanMemory memory(nodes, *index, "this folder's list takes too much memory for what is stored of it");
    DirCursor cursor(memory, *folder.subtree);
    while (cursor.peek()) {
        const auto entry = cursor.take();
        memory.spend(2 * sizeof(BrowseEntry) + entry.name.size(), path);
        entries.push_back({.name = entry.name,
                           .kind = entry.kind,
                           .size = static_cast<std::int64_t>(entry.size),
                           .modified_at = Time(Duration(entry.mtime / 1000)),
                           .mode = entry.mode,
                           .erased = entry.kind == EntryKind::folder && impl_->keys.ring.is_erased(entry.subtree_class)});
    }
    return entries;
}

}  // namespace tenon::backup
