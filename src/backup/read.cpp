// What is in a snapshot, without restoring it.
#include <backup/read.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <exec/throttle.hpp>
#include <exec/wait.hpp>

#include "browse.hpp"
#include "globs.hpp"
#include "snapshot_source.hpp"
#include "tar.hpp"

namespace tenon::backup {

struct FileView::State {
    State(std::shared_ptr<const Repository> repository, const SnapshotId& snapshot, const std::string& path, std::stop_token stop)
        : source(std::move(repository), snapshot, std::move(stop)), content(source, find(path), path) {}

    Entry find(const std::string& path) {
        auto entry = find_entry(source, source.ring(), source.snapshot().root, split_path(path), path);
        if (entry.kind != EntryKind::file) throw InvalidArgument("this is not a file", {.subject = path});
        return entry;
    }

    SnapshotSource source;
    FileContent content;
};

FileView::FileView(std::shared_ptr<const Repository> repository, const SnapshotId& snapshot, const std::string& path, std::stop_token stop)
    : state_(std::make_unique<State>(std::move(repository), snapshot, path, std::move(stop))) {}
FileView::~FileView() = default;

std::uint64_t FileView::size() const { return state_->content.entry().size; }

base::ByteVector FileView::read(std::uint64_t offset, std::uint64_t length) {
    const auto size = this->size();
    ByteVector bytes(offset < size ? std::min(length, size - offset) : 0);
    state_->content.read(offset, bytes);
    return bytes;
}

namespace {

using Parts = std::vector<std::string>;

/// Those of the paths that do not lie below another one, in order.
std::vector<Parts> apart(const std::vector<std::string>& paths) {
    std::vector<Parts> all;
    for (const auto& path : paths) all.push_back(split_path(path));
    std::sort(all.begin(), all.end());
    std::vector<Parts> kept;
    for (auto& parts : all)
        if (kept.empty() || kept.back().size() > parts.size() || !std::equal(kept.back().begin(), kept.back().end(), parts.begin()))
            kept.push_back(std::move(parts));
    return kept;
}

std::string text_of(const Parts& parts) {
    std::string text;
    for (const auto& part : parts) text = join(text, part);
    return text;
}

}  // namespace

/// Walks as deep as folders go, and holds no more than what is open on the way.
struct ArchiveReader::State {
    State(std::shared_ptr<const Repository> repository, ArchiveRequest asked, std::stop_token stop)
        : request(std::move(asked)),
          exclude(request.exclude),
          source(std::move(repository), request.snapshot, std::move(stop)),
          throttle(request.bytes_per_second, source.inside().options.clock),
          roots(apart(request.paths)),
          names(names_in(source.snapshot())) {
        // Whoever asks for what is not there hears it before the first byte.
        for (const auto& parts : roots) (void)find(parts);
        if (roots.empty() || roots.front().empty()) {
            roots.clear();
            open.push_back({"", DirCursor(source, source.snapshot().root)});
        }
    }

    Entry find(const Parts& parts) {
        const auto path = text_of(parts);
        auto entry = find_entry(source, source.ring(), source.snapshot().root, parts, path);
        refuse_erased(source.ring(), entry, path);
        return entry;
    }

    ByteVector next(std::uint64_t most) {
        ByteVector out;
        while (out.size() < most) {
            exec::check_stop(source.stop());
            const auto room = most - out.size();
            if (at < pending.size()) {
                const auto length = std::min<std::uint64_t>(room, pending.size() - at);
                out.insert(out.end(), pending.begin() + static_cast<std::ptrdiff_t>(at), pending.begin() + static_cast<std::ptrdiff_t>(at + length));
                at += length;
            } else if (file) {
                content(out, room);
            } else if (!advance()) {
                break;
            }
        }
        return out;
    }

    void content(ByteVector& out, std::uint64_t room) {
        constexpr std::uint64_t piece = 4 << 20;
        const auto length = std::min({room, left, piece});
        const auto before = out.size();
        out.resize(before + length);
        const auto into = ByteSpan(out).subspan(before);
        if (skips_holes) file->read_stream(total - left, into);
        else file->read(total - left, into);
        left -= length;
        const auto now = source.fetched();
        throttle.spend(now - std::exchange(fetched, now), source.stop());
        if (left > 0) return;
        put(ByteVector(tar::padding(total)));
        file.reset();
    }

    void put(ByteVector bytes) {
        pending = std::move(bytes);
        at = 0;
    }

    /// Puts what comes next before `pending` or `file`. False: nothing does.
    bool advance() {
        while (true) {
            while (!open.empty() && !open.back().cursor.peek()) open.pop_back();
            if (!open.empty()) {
                auto entry = open.back().cursor.take();
                const auto path = join(open.back().path, entry.name);
                if (--names < 0) throw Corrupt("the snapshot has more names than it says", {.subject = path.substr(0, 200)});
                if (exclude.match(path, entry.kind == EntryKind::folder)) continue;
                if (add(std::move(entry), path)) return true;
            } else if (root < roots.size()) {
                const auto& parts = roots[root++];
                auto entry = find(parts);
                if (add(std::move(entry), text_of(parts))) return true;
            } else if (!std::exchange(ended, true)) {
                put(tar::end());
                return true;
            } else {
                return false;
            }
        }
    }

    /// False: it is left out.
    bool add(Entry entry, const std::string& path) {
        if (entry.kind == EntryKind::socket) {
            problems.push_back({path, Errc::unsupported, "sockets have no place in an archive"});
            return false;
        }
        if (entry.kind == EntryKind::folder && source.ring().is_erased(entry.subtree_class)) {
            problems.push_back({path, Errc::not_found, "was erased: its keys were destroyed"});
            return false;
        }
        std::string link;
        if (entry.link_key) {
            auto& first = links[{entry.link_key->offset, entry.link_key->length}];
            if (first.empty()) first = path;
            else link = first;
        }
        if (entry.kind == EntryKind::folder) check_folder_path(path);
        if (entry.kind == EntryKind::folder) open.push_back({path, DirCursor(source, *entry.subtree)});
        if (entry.kind != EntryKind::file || !link.empty()) {
            put(tar::header(entry, path, link, 0));
            return true;
        }
        file.emplace(source, std::move(entry), path);
        skips_holes = tar::is_sparse(file->entry());
        total = left = skips_holes ? file->stream_size() : file->entry().size;
        put(tar::header(file->entry(), path, "", total));
        if (total == 0) file.reset();
        return true;
    }

    struct Folder {
        std::string path;
        DirCursor cursor;
    };
    const ArchiveRequest request;
    const Globs exclude;
    SnapshotSource source;
    exec::Throttle throttle;
    std::vector<Parts> roots;
    std::size_t root = 0;
    std::int64_t names;             ///< Still to come, as the snapshot says.
    std::vector<Folder> open;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> links;
    ByteVector pending;
    std::size_t at = 0;             ///< In `pending`.
    std::optional<FileContent> file;
    bool skips_holes = false;
    std::uint64_t total = 0, left = 0;
    std::int64_t fetched = 0;
    bool ended = false;
    std::vector<FileProblem> problems;
};

ArchiveReader::ArchiveReader(std::shared_ptr<const Repository> repository, ArchiveRequest request, std::stop_token stop)
    : state_(std::make_unique<State>(std::move(repository), std::move(request), std::move(stop))) {}
ArchiveReader::~ArchiveReader() = default;

base::ByteVector ArchiveReader::next(std::uint64_t most) { return state_->next(most); }
const std::vector<FileProblem>& ArchiveReader::problems() const { return state_->problems; }

}  // namespace tenon::backup
