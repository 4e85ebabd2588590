#include <backup/diff.hpp>

#include <optional>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "browse.hpp"

namespace tenon::backup {
namespace {

bool same_content(const Entry& a, const Entry& b) {
    return a.size == b.size && a.holes == b.holes && a.chunks == b.chunks && a.list_root == b.list_root && a.target == b.target &&
           a.device == b.device;
}

bool same_attributes(const Entry& a, const Entry& b) {
    return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.mtime == b.mtime && a.xattrs == b.xattrs && a.acl == b.acl &&
           a.default_acl == b.default_acl;
}

class Differ {
public:
    Differ(NodeSource& nodes, const Ring& ring, const SnapshotRecord (&snapshots)[2], const std::function<void(const EntryChange&)>& on_change,
           const std::stop_token& stop)
        : nodes_(nodes), ring_(ring), left_{names_in(snapshots[0]), names_in(snapshots[1])}, on_change_(on_change), stop_(stop) {}

    void run(const std::string& path, const Entry* from, const Entry* to) {
        entry(path, from, to);
        while (!open_.empty()) step();
    }

    DiffTotals totals;

private:
    /// A folder whose entries are looked at, with those above it: a stack of calls would end where a chain of them is long enough.
    struct Open {
        std::string path;
        std::optional<DirCursor> left, right;
        std::optional<Entry> then;  ///< What took the folder's name.
    };

    /// Of one name on both sides, or on one.
    void entry(const std::string& path, const Entry* from, const Entry* to) {
        exec::check_stop(stop_);
        if (from && to && from->kind != to->kind) {
            const auto depth = open_.size();
            entry(path, from, nullptr);
            if (open_.size() > depth) open_.back().then = *to;
            else entry(path, nullptr, to);
            return;
        }
        const auto& any = from ? *from : *to;
        if (!from) tell(path, Change::added, nullptr, to);
        else if (!to) tell(path, Change::removed, from, nullptr);
        else if (any.kind != EntryKind::folder && !same_content(*from, *to)) tell(path, Change::modified, from, to);
        else if (!same_attributes(*from, *to)) tell(path, Change::attributes, from, to);
        if (any.kind == EntryKind::folder) below(path, subtree(from), subtree(to));
    }

    /// Of what was erased nobody can say more than that.
    std::optional<Id> subtree(const Entry* entry) const {
        return entry && !ring_.is_erased(entry->subtree_class) ? entry->subtree : std::nullopt;
    }

    static std::int64_t size_of(const Entry* entry) {
        return entry && entry->kind == EntryKind::file ? static_cast<std::int64_t>(entry->size) : 0;
    }

    void tell(const std::string& path, Change change, const Entry* from, const Entry* to) {
        const EntryChange told{.path = path, .change = change, .kind = (to ? to : from)->kind, .before = size_of(from), .after = size_of(to)};
        switch (change) {
            case Change::added: ++totals.added; break;
            case Change::removed: ++totals.removed; break;
            case Change::modified: ++totals.modified; break;
            case Change::attributes: ++totals.attributes; break;
        }
        if (change != Change::attributes) {
            totals.bytes_added += told.after;
            totals.bytes_removed += told.before;
        }
        on_change_(told);
    }

    void below(const std::string& path, const std::optional<Id>& from, const std::optional<Id>& to) {
        if (from == to) return;
        check_folder_path(path);
        Open open{path, {}, {}, {}};
        if (from) open.left.emplace(nodes_, *from);
        if (to) open.right.emplace(nodes_, *to);
        open_.push_back(std::move(open));
    }

    void step() {
        auto& [path, left, right, then] = open_.back();
        const auto* a = left ? left->peek() : nullptr;
        const auto* b = right ? right->peek() : nullptr;
        if (!a && !b) {
            const auto done = std::move(open_.back());
            open_.pop_back();
            if (done.then) entry(done.path, nullptr, &*done.then);
            return;
        }
        const auto order = !a ? 1 : !b ? -1 : a->name.compare(b->name);
        std::optional<Entry> first, second;
        if (order <= 0) first = left->take();
        if (order >= 0) second = right->take();
        if ((first && --left_[0] < 0) || (second && --left_[1] < 0))
            throw Corrupt("the snapshot has more names than it says", {.subject = path.substr(0, 200)});
        const auto inner = join(path, first ? first->name : second->name);
        entry(inner, first ? &*first : nullptr, second ? &*second : nullptr);
    }

    NodeSource& nodes_;
    const Ring& ring_;
    std::int64_t left_[2];  // names of either, as the snapshots say
    const std::function<void(const EntryChange&)>& on_change_;
    const std::stop_token& stop_;
    std::vector<Open> open_;
};

}  // namespace

DiffTotals diff(const Repository& repository, const SnapshotId& from, const SnapshotId& to, const std::string& path,
                const std::function<void(const EntryChange&)>& on_change, std::stop_token stop) {
    auto& impl = repository.inside();
    const auto parts = split_path(path);
    const SnapshotRecord snapshots[] = {impl.snapshot(from, stop), impl.snapshot(to, stop)};
    const auto index = impl.load_index(stop);
    ChunkReader nodes(impl.keys, *impl.objects, *index, stop, impl.reload(stop));
    std::optional<Entry> found[2];
    for (int i = 0; i < 2; ++i) {
        try {
            found[i] = find_entry(nodes, impl.keys.ring, snapshots[i].root, parts, path);
        } catch (const NotFound&) {
            if (i == 1 && !found[0]) throw;
        }
    }
    Differ differ(nodes, impl.keys.ring, snapshots, on_change, stop);
    std::string clean;
    for (const auto& part : parts) clean += (clean.empty() ? "" : "/") + part;
    differ.run(clean, found[0] ? &*found[0] : nullptr, found[1] ? &*found[1] : nullptr);
    return differ.totals;
}

}  // namespace tenon::backup
