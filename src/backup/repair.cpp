#include <backup/repair.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fcntl.h>

#include <backup/checkpoint.hpp>
#include <base/file.hpp>
#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "browse.hpp"
#include "check.hpp"
#include "restore.hpp"
#include "session.hpp"

namespace tenon::backup {
namespace {

/// Of a chunk that a file repeats, or that many files have.
constexpr std::size_t most_uses = 4096;

/// Where a lost chunk belongs.
struct Use {
    std::size_t snapshot = 0;
    std::string path;
    std::uint64_t offset = 0;   // in the stream of the file's bytes
    std::uint64_t length = 0;
    std::vector<Extent> holes{};  // of the file
    Id16 class_id{};
};

class Rereading {
public:
    Rereading(Repository::Impl& impl, RepairTotals& totals, exec::ProgressSink& progress, const std::stop_token& stop)
        : impl_(impl), totals_(totals), progress_(progress), stop_(stop) {}

    /// `writes`: what is found elsewhere, or in sources with `reread`, is stored again.
    void run(bool writes, bool reread) {
        load();
        if (!find_lost()) return;
        walk();
        if (writes) store_again(reread);
        for (const auto& [id, uses] : uses_) {
            if (found_.contains(id)) continue;
            for (const auto& use : uses) {
                Entry shape;
                shape.holes = use.holes;
                const auto offset = static_cast<std::int64_t>(file_offset(shape, use.offset));
                totals_.lost.push_back({snapshots_[use.snapshot].id, use.path, offset, static_cast<std::int64_t>(use.length)});
            }
        }
        std::sort(totals_.lost.begin(), totals_.lost.end(), [](const auto& a, const auto& b) {
            return std::tie(b.snapshot, a.path, a.offset) < std::tie(a.snapshot, b.path, b.offset);
        });
    }

private:
    void load() { index_ = impl_.load_index(stop_); }
    bool find_lost();
    void walk();
    void folders(ChunkReader& nodes, std::size_t snapshot);
    void file(ChunkReader& nodes, std::size_t snapshot, const Id16& class_id, const Entry& entry, const std::string& path);
    void store_again(bool reread);
    using Frames = std::map<std::pair<std::uint32_t, std::uint16_t>, std::vector<Index::Entry>>;
    /// Of the packs that something is wrong with, those that hold what no other has.
    Frames only_there() const;
    void reread_sources(WriteSession& session);
    void move(WriteSession& session, const Frames& frames);
    Lane& lane(WriteSession& session, const Id16& class_id);
    ByteVector read(const Use& use) const;

    Repository::Impl& impl_;
    RepairTotals& totals_;
    exec::ProgressSink& progress_;
    const std::stop_token& stop_;
    std::shared_ptr<const Index> index_;
    std::vector<SnapshotRecord> snapshots_;
    std::set<Id> suspects_;   // packs
    std::set<Id> lost_, found_;
    std::map<Id16, std::unique_ptr<Lane>> lanes_;
    std::map<Id, std::vector<Use>> uses_;
    std::int64_t damaged_folders_ = 0;
};

Rereading::Frames Rereading::only_there() const {
    Frames frames;
    for (std::uint32_t pack = 0; pack < index_->packs().size(); ++pack) {
        if (!suspects_.contains(index_->packs()[pack].sha)) continue;
        index_->each_of(pack, [&](std::uint32_t ordinal, const Index::Entry& entry) {
            if (index_->ordinal(entry.id) == ordinal) frames[{pack, entry.place.frame}].push_back(entry);
        });
    }
    return frames;
}

/// What no frame gives any more, of the packs that something was found wrong with. False: there is nothing to do.
bool Rereading::find_lost() {
    bool missing = false;
    for (const auto& problem : totals_.check.problems) {
        if (const auto pack = pack_in(problem.object)) suspects_.insert(*pack);
        // A snapshot's path, or an index segment: what is behind it may be in no pack at all.
        else missing = missing || problem.object.starts_with("snap/") || problem.object.starts_with("index/");
    }
    if (suspects_.empty() && !missing) return false;
    ChunkReader reader(impl_.keys, *impl_.objects, *index_, stop_);
    for (const auto& [place, entries] : only_there()) {
        exec::check_stop(stop_);
        const auto type = index_->packs()[place.first].header.kind == Kind::tree ? ChunkType::node : ChunkType::data;
        if (impl_.keys.ring.is_erased(index_->packs()[place.first].header.class_id)) continue;
        try {
            auto stored = reader.fetch(place.first, place.second, place.second);
            const auto content = reader.open(place.first, place.second, stored);
            for (const auto& entry : entries)
                reader.verify(entry.id, type, content.plain.subspan(entry.place.offset, entry.place.length), entry.place);
        } catch (const Corrupt&) {
            for (const auto& entry : entries) lost_.insert(entry.id);
        }
    }
    return true;
}

void Rereading::walk() {
    snapshots_ = impl_.snapshots(stop_);
    const auto said = impl_.annotations.read(impl_.keys, *impl_.objects, stop_);
    std::erase_if(snapshots_, [&](const auto& snapshot) {
        const auto note = said.find(snapshot.id);
        return note != said.end() && note->second.forgotten;
    });
    ChunkReader nodes(impl_.keys, *impl_.objects, *index_, stop_);
    nodes.keep_at_most(impl_.buffers().nodes);
    for (std::size_t i = 0; i < snapshots_.size(); ++i) folders(nodes, i);
}

/// All of a snapshot's, without a stack of calls, which a chain of them that is long enough would exhaust. What two of them share is walked once.
void Rereading::folders(ChunkReader& nodes, std::size_t snapshot) {
    struct Open {
        DirCursor cursor;
        std::string path;
        Id16 class_id;
    };
    std::vector<Open> open;
    std::unordered_set<Id, IdHash> walked;
    const auto guard = [&](const std::string& path, const auto& look) {
        try {
            look();
        } catch (const Corrupt&) {
            // What is in it is not known any more. A backup of the same folder writes it anew, under the same ids where nothing has changed.
            totals_.lost.push_back({snapshots_[snapshot].id, path, 0, 0});
        }
    };
    const auto enter = [&](const Id16& class_id, const Id& root, const std::string& path) {
        exec::check_stop(stop_);
        if (impl_.keys.ring.is_erased(class_id) || !walked.insert(root).second) return;
        guard(path, [&] {
            check_folder_path(path);
            open.push_back({DirCursor(nodes, root), path, class_id});
        });
    };
    enter(snapshots_[snapshot].root_class, snapshots_[snapshot].root, "");
    while (!open.empty()) {
        std::optional<Entry> entry;
        guard(open.back().path, [&] {
            if (open.back().cursor.peek()) entry = open.back().cursor.take();
        });
        if (!entry) {
            open.pop_back();
            continue;
        }
        const auto inner = join(open.back().path, entry->name);
        if (entry->subtree) enter(entry->subtree_class, *entry->subtree, inner);
        else if (entry->kind == EntryKind::file) file(nodes, snapshot, open.back().class_id, *entry, inner);
    }
}

void Rereading::file(ChunkReader& nodes, std::size_t snapshot, const Id16& class_id, const Entry& entry, const std::string& path) {
    std::uint64_t at = 0;
    std::unordered_set<Id, IdHash> lists;
    std::size_t lost = 0, again = 0;
    const auto see = [&](const ChunkRef& ref) {
        if (lost_.contains(ref.id) || !index_->find(ref.id)) {
            auto& uses = uses_[ref.id];
            ++lost;
            if (uses.size() < most_uses) uses.push_back({snapshot, path, at, ref.length, entry.holes, class_id});
        }
        at += ref.length;
    };
    try {
        each_chunk(entry, nodes, see, [&](const Id& id, std::uint64_t below) {
            // What a list repeats is looked at again only where something is lost, and not for ever.
            const bool walks = lists.insert(id).second || (lost > 0 && ++again <= most_uses);
            if (!walks) at += below;
            return walks;
        });
    } catch (const Corrupt&) {
        totals_.lost.push_back({snapshots_[snapshot].id, path, 0, 0});
    }
}

/// The bytes that lie there now. Empty: none do.
ByteVector Rereading::read(const Use& use) const {
    const auto slash = use.path.find('/');
    for (const auto& source : snapshots_[use.snapshot].sources) {
        const bool alone = source.name.empty();
        if (!alone && (slash == std::string::npos || source.name != use.path.substr(0, slash))) continue;
        const auto inner = alone ? use.path : use.path.substr(slash + 1);
        try {
            const auto folder = base::open_file(source.path, O_RDONLY | O_DIRECTORY);
            const auto fd = base::open_beneath(folder, inner, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
            ByteVector bytes(use.length);
            Entry shape;
            shape.holes = use.holes;
            bool whole = true;
            std::size_t taken = 0;
            each_part(shape, use.offset, ByteView(bytes), [&](std::uint64_t offset, ByteView part) {
                whole = whole && base::pread_up_to(fd, ByteSpan(bytes).subspan(taken, part.size()), offset, inner) == part.size();
                taken += part.size();
            });
            if (whole) return bytes;
        } catch (const Error&) {
            // It has gone, or nobody may read it.
        }
    }
    return {};
}

Lane& Rereading::lane(WriteSession& session, const Id16& class_id) {
    auto& lane = lanes_[class_id];
    if (!lane) lane = std::make_unique<Lane>(session, class_id);
    return *lane;
}

void Rereading::reread_sources(WriteSession& session) {
    std::int64_t bytes = 0;
    for (const auto& [id, uses] : uses_) bytes += static_cast<std::int64_t>(uses.front().length);
    progress_.stage("reread", 0, bytes, "bytes");  // beyond the whole: that anything is lost is not expected
    for (const auto& [id, uses] : uses_) {
        progress_.advance(static_cast<std::int64_t>(uses.front().length));
        for (const auto& use : uses) {
            exec::check_stop(stop_);
            if (!impl_.keys.ring.classes.contains(use.class_id)) continue;
            const auto content = read(use);
            if (content.empty() || ChunkHasher(impl_.keys.ring.of(use.class_id)).id(ChunkType::data, content) != id) continue;
            (void)lane(session, use.class_id).chunk(content);
            totals_.bytes_reread += static_cast<std::int64_t>(content.size());
            found_.insert(id);
            break;
        }
    }
}

/// What is whole of packs that stay damaged: nothing needs these any more then, and the next prune removes them.
void Rereading::move(WriteSession& session, const Frames& frames) {
    ChunkReader reader(impl_.keys, *impl_.objects, *index_, stop_);
    for (const auto& [place, entries] : frames) {
        exec::check_stop(stop_);
        const auto& header = index_->packs()[place.first].header;
        if (!impl_.keys.ring.classes.contains(header.class_id)) continue;
        const auto type = header.kind == Kind::tree ? ChunkType::node : ChunkType::data;
        ByteVector stored;
        FrameView content;
        try {
            reader.fetch(place.first, place.second, place.second, stored);
            content = reader.open(place.first, place.second, stored);
        } catch (const Corrupt&) {
            continue;  // of this nothing is whole
        }
        for (const auto& entry : entries) {
            const auto bytes = content.plain.subspan(entry.place.offset, entry.place.length);
            if (!reader.is(entry.id, type, bytes, entry.place)) continue;
            if (type == ChunkType::node) (void)lane(session, header.class_id).node(bytes);
            else (void)lane(session, header.class_id).chunk(bytes);
            totals_.bytes_moved += static_cast<std::int64_t>(bytes.size());
        }
    }
}

void Rereading::store_again(bool reread) {
    if ((uses_.empty() || !reread) && only_there().empty()) return;
    Meter meter(free_ledger());
    Throttle own_pace(0, impl_.options.clock);
    Id16 writer;
    crypto::fill_random(writer);
    LogChain chain;
    // A backup may be running on the same store: what that has deferred is neither this one's to flush nor to discard.
    WriteSession session(impl_.keys, impl_.super, *impl_.objects, meter, impl_.uploads_or(own_pace), impl_.collections, writer, impl_.options.clock,
                         chain, stop_, impl_.options.scratch, false, impl_.buffers().sealed);
    try {
        session.begin([&] { return impl_.has_newer_data_keys(); });
        load();  // behind the beacon, as a backup: what a collection is about to drop is not relied upon
        session.use_index(index_);
        if (reread) reread_sources(session);
        move(session, only_there());
        for (auto& [class_id, lane] : lanes_) lane->flush();
        session.commit_packs(session.close_packs(), {});
        session.end();
        totals_.check.bytes_written += meter.total_landed();
    } catch (...) {
        lanes_.clear();
        throw;
    }
    lanes_.clear();
}

}  // namespace

RepairTotals repair(Repository& repository, const RepairRequest& request, exec::ProgressSink& progress, std::stop_token stop) {
    auto& impl = repository.inside();
    RepairTotals totals;
    totals.check = repository.check(request.depth, progress, stop, true, request.known);
    // One that is not the one of before gets nothing new.
    const auto is_another = !compare_past(repository, request.known, stop).empty();
    Rereading(impl, totals, progress, stop).run(!is_another, request.reread);
    return totals;
}

}  // namespace tenon::backup
