#include "restore_plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "browse.hpp"
#include "plan_memory.hpp"

namespace tenon::backup {
namespace {

/// Which names below a folder are wanted: all of them, or those that lead to a path.
struct Wanted {
    bool all = false;
    std::map<std::string, Wanted> names;
};

class Planner {
public:
    Planner(const Ring& ring, const Index& index, ChunkReader& nodes, std::int64_t names, const Globs& exclude, bool salvage,
            const std::stop_token& stop)
        : ring_(ring),
          index_(index),
          nodes_(nodes, index, "a restore of all this at once takes too much memory for what is stored of it: restore it in parts, by paths"),
          left_(names),
          exclude_(exclude),
          salvage_(salvage),
          stop_(stop) {}

    RestorePlan take() {
        plan_.sort_by_entry();
        return std::move(plan_);
    }

    void run(const Id& root, const Wanted& wanted, std::optional<Entry> self) {
        folder(root, "", wanted, std::move(self));
        while (!open_.empty()) {
            const auto depth = open_.size();
            const auto number = open_.back().number;
            try {
                if (!step(open_.back())) open_.pop_back();
            } catch (const Corrupt&) {
                if (!salvage_) throw;
                lose(plan_.folders[number].path);
                while (open_.size() >= depth) open_.pop_back();
            }
        }
    }

private:
    /// A folder whose entries are planned, with those above it: a stack of calls would end where a chain of them is long enough.
    struct Open {
        DirCursor cursor;
        std::uint32_t number;
        const Wanted* wanted;
        std::map<std::string, Wanted>::const_iterator next;
    };

    void folder(const Id& root, const std::string& path, const Wanted& wanted, std::optional<Entry> self) {
        exec::check_stop(stop_);
        check_folder_path(path);
        const auto number = static_cast<std::uint32_t>(plan_.folders.size());
        // Its path is also what it is found by.
        nodes_.spend(2 * sizeof(PlannedFolder) + 3 * path.size() + 128 + (self ? PlanMemory::of(*self) : 0), path);
        auto& made = plan_.folders.emplace_back();
        made.path = path;
        made.has_entry = self.has_value();
        if (self) made.entry = std::move(*self);
        try {
            open_.push_back({DirCursor(nodes_, root), number, &wanted, wanted.names.begin()});
        } catch (const Corrupt&) {
            if (!salvage_) throw;
            lose(path);
        }
    }

    void lose(const std::string& path) {
        nodes_.spend(2 * (sizeof(DamagedPart) + path.size()), path);
        plan_.damaged.push_back({.path = path});
    }

    /// The next entry of a folder. False: it has no more.
    bool step(Open& open) {
        const auto number = open.number;
        const auto& wanted = *open.wanted;
        if (wanted.all) {
            if (!open.cursor.peek()) return false;
            entry(open.cursor.take(), number, wanted);
            return true;
        }
        if (open.next == wanted.names.end()) return false;
        const auto& [name, below] = *open.next++;
        if (!open.cursor.seek(name)) throw NotFound("the snapshot has no such file or folder", {.subject = join(plan_.folders[number].path, name)});
        entry(open.cursor.take(), number, below);
        return true;
    }

    void entry(Entry entry, std::uint32_t folder_number, const Wanted& wanted) {
        const auto path = join(plan_.folders[folder_number].path, entry.name);
        if (--left_ < 0) throw Corrupt("the snapshot has more names than it says", {.subject = path.substr(0, 200)});
        if (wanted.all && exclude_.match(path, entry.kind == EntryKind::folder)) return;
        if (entry.kind == EntryKind::folder) {
            if (ring_.is_erased(entry.subtree_class)) {
                nodes_.spend(2 * (sizeof(path) + path.size()), path);
                plan_.erased.push_back(path);
                return;
            }
            const auto root = *entry.subtree;
            return folder(root, path, wanted, wanted.all ? std::optional(std::move(entry)) : std::nullopt);
        }
        if (!wanted.all) throw NotFound("the snapshot has no such file or folder", {.subject = path});
        const bool is_alone = entry.kind == EntryKind::file && !entry.link_key;
        nodes_.spend((is_alone ? 3 * sizeof(PlannedFile) : 2 * sizeof(PlannedOther)) + PlanMemory::of(entry), path);
        if (entry.kind == EntryKind::file) return file(std::move(entry), folder_number, path);
        plan_.others.push_back({.folder = folder_number, .entry = std::move(entry)});
    }

    void file(Entry entry, std::uint32_t folder_number, const std::string& path) {
        if (entry.link_key) {
            auto& first = links_[{entry.link_key->offset, entry.link_key->length}];
            if (first) {
                plan_.others.push_back({.folder = folder_number, .entry = std::move(entry), .same_as = first});
                return;
            }
            first = &plan_.files.emplace_back();
        } else {
            plan_.files.emplace_back();
        }
        auto& file = plan_.files.back();
        file.folder = folder_number;
        file.number = static_cast<std::uint32_t>(plan_.files.size());
        file.size = entry.size;
        file.has_holes = !entry.holes.empty();
        Entry content;
        content.chunks = std::exchange(entry.chunks, {});
        content.list_root = std::exchange(entry.list_root, {});
        content.size = entry.size;
        content.holes = entry.holes;
        file.encoded = plan_.entries.add(entry);
        std::uint64_t at = 0;
        std::uint32_t count = 0;
        Id last{};
        std::optional<Index::Found> found;
        const auto see = [&](const ChunkRef& ref) {
            if (!found || ref.id != last) found = index_.find(last = ref.id);  // zeros come in long runs
            const bool is_there = found && found->place.length == ref.length;
            if (!is_there && salvage_) {
                nodes_.spend(sizeof(DamagedPart) + path.size(), path);
                plan_.damaged.push_back({path, static_cast<std::int64_t>(at), static_cast<std::int64_t>(ref.length)});
                at += ref.length;
                return;
            }
            if (!is_there)
                throw Corrupt("a part of this file is missing from the repository", {.subject = place(path, at, ref.length)});
            nodes_.spend(2 * sizeof(Piece), path);
            plan_.pieces.push_back({.entry = found->ordinal, .file = file.number - 1, .offset = at});
            at += ref.length;
            ++count;
        };
        try {
            each_chunk(content, nodes_, see, [](const Id&, std::uint64_t) { return true; });
        } catch (const Corrupt& error) {
            if (!salvage_ && error.subject().empty()) throw Corrupt(error.what(), {.subject = path});
            if (!salvage_) throw;
            // What its list does not say any more is missing from here on.
            const auto left = file.size - std::min(file.size, at);
            plan_.damaged.push_back({path, static_cast<std::int64_t>(at), static_cast<std::int64_t>(left)});
        }
        file.missing = count;
        plan_.bytes += static_cast<std::int64_t>(at);
    }

    const Ring& ring_;
    const Index& index_;
    PlanMemory nodes_;
    std::int64_t left_;  // names, as the snapshot says
    const Globs& exclude_;
    const bool salvage_;
    const std::stop_token& stop_;
    RestorePlan plan_;
    std::vector<Open> open_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, PlannedFile*> links_;
};

}  // namespace

const std::uint8_t* EncodedEntries::add(const Entry& entry) {
    constexpr std::size_t block = 256 * 1024;
    cbor::Writer out;
    encode(entry, out);
    const auto size = sizeof(std::uint32_t) + out.size();
    if (size > left_) {
        left_ = std::max(block, size);
        blocks_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(left_));
        next_ = blocks_.back().get();
    }
    auto* const at = next_;
    base::store_le(at, static_cast<std::uint32_t>(out.size()));
    std::copy(out.data().begin(), out.data().end(), at + sizeof(std::uint32_t));
    next_ += size;
    left_ -= size;
    return at;
}

Entry PlannedFile::entry() const {
    cbor::Reader reader(ByteView(encoded + sizeof(std::uint32_t), base::load_le<std::uint32_t>(encoded)), "a file's entry");
    return decode_entry(reader);
}

std::string PlannedFile::name() const {
    cbor::Reader reader(ByteView(encoded + sizeof(std::uint32_t), base::load_le<std::uint32_t>(encoded)), "a file's entry");
    // Its first key.
    (void)reader.map();
    (void)reader.uint();
    return std::string(base::text_of(reader.bytes()));
}

void RestorePlan::sort_by_entry() {
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.entry < b.entry; });
}

void RestorePlan::sort_by_file() {
    std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
        return a.file != b.file ? a.file < b.file : a.offset < b.offset;
    });
}

std::span<Piece> RestorePlan::pieces_of(std::uint32_t file) {
    const auto [first, last] = std::ranges::equal_range(pieces, file, {}, &Piece::file);
    return {first, last};
}

void RestorePlan::drop_those_there() {
    std::erase_if(pieces, [](const Piece& piece) { return piece.there != 0; });
}

RestorePlan plan_restore(const Ring& ring, const Index& index, ChunkReader& nodes, const SnapshotRecord& snapshot,
                         const std::optional<Entry>& self, const std::vector<std::string>& paths, const Globs& exclude, bool salvage,
                         const std::stop_token& stop) {
    Wanted wanted;
    wanted.all = paths.empty();
    for (const auto& path : paths) {
        auto* at = &wanted;
        for (const auto& part : split_path(path)) at = &at->names[part];
        at->all = true;
    }
    Planner planner(ring, index, nodes, names_in(snapshot), exclude, salvage, stop);
    planner.run(snapshot.root, wanted, wanted.all ? self : std::nullopt);
    return planner.take();
}

PlannedRestore plan_restore(Repository::Impl& impl, const SnapshotRecord& snapshot, const std::vector<std::string>& paths, const Globs& exclude,
                            bool salvage, const std::stop_token& stop) {
    std::optional<Entry> self;
    if (snapshot.sources.size() == 1 && snapshot.sources.front().name.empty()) self = snapshot.sources.front().folder;
    auto index = impl.load_index(stop);
    const auto plan = [&](bool with_damage = false) {
        ChunkReader nodes(impl.keys, *impl.objects, *index, stop, impl.reload(stop));
        nodes.keep_at_most(impl.buffers().nodes);
        return plan_restore(impl.keys.ring, *index, nodes, snapshot, self, paths, exclude, with_damage, stop);
    };
    while (true) {
        try {
            auto planned = plan();
            return {index, std::move(planned)};
        } catch (const Corrupt&) {
            // A collection has put it elsewhere meanwhile; or a lost segment's packs tell themselves what they hold.
            const auto before = std::exchange(index, impl.load_index(stop));
            if (index != before) continue;
            index = impl.index_with_footers(stop);
            auto planned = plan(salvage);
            return {index, std::move(planned)};
        }
    }
}

std::size_t end_of_request(const std::vector<Piece>& pieces, const Index& index, std::size_t first, std::size_t last) {
    constexpr std::uint64_t gap_limit = 64 * 1024;  // merging over less is cheaper than another request
    constexpr std::uint64_t request_limit = 4 << 20;
    const auto begin = index.entry(pieces[first].entry).place;
    const auto behind = index.entries_of(begin.pack).second;
    const auto& frames = index.packs()[begin.pack].frames;
    const auto from = begin.frame;
    auto until = from;
    for (auto end = first; end < last; ++end) {
        if (pieces[end].entry >= behind) return end;
        const auto frame = index.entry(pieces[end].entry).place.frame;
        const auto reached = frames[until].offset + frames[until].stored();
        if (frame != until && (frames[frame].offset > reached + gap_limit ||
                               frames[frame].offset + frames[frame].stored() - frames[from].offset > request_limit))
            return end;
        until = frame;
    }
    return last;
}

}  // namespace tenon::backup
