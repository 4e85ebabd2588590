// What a restore would do: its plan, beside what lies in the target.
#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <span>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <backup/read.hpp>
#include <exec/wait.hpp>

#include "extras.hpp"
#include "metadata.hpp"
#include "restore.hpp"

namespace tenon::backup {
namespace {

std::string path_in(const RestorePlan& plan, std::uint32_t folder, const std::string& name) { return join(plan.folders[folder].path, name); }

/// Looks, and writes nowhere.
class Forecaster {
public:
    Forecaster(Repository::Impl& impl, PlannedRestore& planned, const RestoreRequest& request, const Globs& exclude, bool compare,
               std::size_t most_changes, const std::stop_token& stop)
        : impl_(impl),
          index_(*planned.index),
          plan_(planned.plan),
          request_(request),
          exclude_(exclude),
          compare_(compare),
          most_changes_(most_changes),
          stop_(stop),
          reader_(impl.keys, *impl.objects, index_, stop, impl.reload(stop)),
          folders_(target_, plan_.folders) {}

    RestoreForecast look(Duration sample) {
        open_target();
        look_at_folders();
        look_at_names();
        look_at_extras();
        count_requests();
        take_sample(sample);
        for (const auto& path : plan_.erased) said_.problems.push_back({path, Errc::not_found, "was erased: its keys were destroyed"});
        return std::move(said_);
    }

private:
    void open_target() {
        struct stat st {};
        if (stat(request_.target.c_str(), &st) != 0) {
            if (errno != ENOENT) base::throw_errno("cannot look at the target", request_.target.string(), errno);
            return;
        }
        if (!S_ISDIR(st.st_mode)) throw Conflict("the target is not a folder", {.subject = request_.target.string()});
        target_ = base::open_file(request_.target, O_RDONLY | O_DIRECTORY);
    }

    void conflict(const std::string& path, const char* what) { said_.problems.push_back({path, Errc::conflict, what}); }

    /// What bears this name in the target; empty: nothing, or its folder is not there.
    std::optional<struct stat> there(std::uint32_t folder, const std::string& name) {
        if (!plan_.folders[folder].existed) return std::nullopt;
        struct stat st {};
        if (fstatat(folders_.open(folder).get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
        return st;
    }

    void look_at_folders() {
        std::map<std::string, std::uint32_t> numbers;
        for (std::uint32_t i = 0; i < plan_.folders.size(); ++i) {
            exec::check_stop(stop_);
            auto& folder = plan_.folders[i];
            numbers[folder.path] = i;
            if (i == 0) {
                folder.existed = static_cast<bool>(target_);
                continue;
            }
            ++said_.folders;
            const auto slash = folder.path.rfind('/');
            const auto above = slash == std::string::npos ? std::string() : folder.path.substr(0, slash);
            const auto st = there(numbers.at(above), slash == std::string::npos ? folder.path : folder.path.substr(slash + 1));
            folder.existed = st && S_ISDIR(st->st_mode);
            if (st && !folder.existed) conflict(folder.path, "something else lies where a folder belongs");
            if (!folder.existed) ++said_.folders_new;
        }
    }

    void change(std::uint32_t folder, const Entry& entry, const std::optional<struct stat>& st) {
        ++(st ? said_.files_replaced : said_.files_new);
        if (said_.changes.size() >= most_changes_) return;
        said_.changes.push_back({.path = path_in(plan_, folder, entry.name), .is_new = !st, .kind = entry.kind,
                                 .before = st && S_ISREG(st->st_mode) ? static_cast<std::int64_t>(st->st_size) : 0,
                                 .after = entry.kind == EntryKind::file ? static_cast<std::int64_t>(entry.size) : 0});
    }

    void look_at_names() {
        plan_.sort_by_file();
        for (auto& file : plan_.files) {
            exec::check_stop(stop_);
            ++said_.files;
            const auto file_entry = file.entry();
            const auto st = there(file.folder, file_entry.name);
            if (st && S_ISDIR(st->st_mode)) {
                conflict(path_in(plan_, file.folder, file_entry.name), "a folder lies where a file belongs");
                continue;
            }
            if (st && S_ISREG(st->st_mode) && is_same(file, file_entry, *st, plan_.pieces_of(file.number - 1))) ++said_.files_unchanged;
            else change(file.folder, file_entry, st);
        }
        for (const auto& other : plan_.others) {
            ++said_.files;
            const auto st = there(other.folder, other.entry.name);
            if (st && S_ISDIR(st->st_mode)) conflict(path_in(plan_, other.folder, other.entry.name), "a folder lies where a file belongs");
            else change(other.folder, other.entry, st);
        }
        for (const auto& piece : plan_.pieces)
            (piece.there ? said_.bytes_kept : said_.bytes_written) += static_cast<std::int64_t>(index_.entry(piece.entry).place.length);
    }

    /// Marks the parts that lie in their place already.
    bool is_same(const PlannedFile& file, const Entry& entry, const struct stat& st, std::span<Piece> pieces) {
        bool same = static_cast<std::uint64_t>(st.st_size) == entry.size;
        if (!compare_) {
            same = same && nanoseconds(st.st_mtim) == entry.mtime;
            for (auto& piece : pieces) piece.there = same ? 1 : 0;
            return same;
        }
        const auto path = path_in(plan_, file.folder, entry.name);
        const base::Fd old(openat(folders_.open(file.folder).get(), entry.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!old) return false;
        for (auto& piece : pieces) {
            exec::check_stop(stop_);
            const auto [id, at] = index_.entry(piece.entry);
            bytes_.resize(at.length);
            bool whole = true;
            each_part(entry, piece.offset, ByteSpan(bytes_),
                      [&](std::uint64_t offset, ByteSpan part) { whole = whole && base::pread_up_to(old, part, offset, path) == part.size(); });
            const bool is_there = whole && reader_.is(id, ChunkType::data, bytes_, at);
            piece.there = is_there ? 1 : 0;
            same = same && is_there;
        }
        for (const auto& hole : entry.holes) same = same && is_zero(old, hole, path);
        return same;
    }

    void look_at_extras() {
        if (!target_) return;
        const auto work = request_.delete_extra ? ExtraWork::rehearse : ExtraWork::count;
        const auto on = [&](const std::string& path, EntryKind kind, std::int64_t size) {
            if (said_.changes.size() < most_changes_) said_.changes.push_back({.path = path, .is_gone = true, .kind = kind, .before = size});
        };
        auto extras = treat_extras(work, target_, plan_, exclude_, request_, on, stop_);
        said_.extra = extras.beside;
        said_.deleted = extras.deleted;
        if (work == ExtraWork::rehearse) std::move(extras.problems.begin(), extras.problems.end(), std::back_inserter(said_.problems));
    }

    void count_requests() {
        auto& pieces = plan_.pieces;
        plan_.drop_those_there();
        plan_.sort_by_entry();
        for (std::size_t first = 0; first < pieces.size(); ++said_.requests) {
            const auto end = end_of_request(pieces, index_, first, pieces.size());
            const auto begin = index_.entry(pieces[first].entry).place;
            const auto& frames = index_.packs()[begin.pack].frames;
            const auto last = frames[index_.entry(pieces[end - 1].entry).place.frame];
            said_.bytes_fetched += static_cast<std::int64_t>(last.offset + last.stored() - frames[begin.frame].offset);
            first = end;
        }
    }

    /// Some of it from places all over the plan, as a restore gets it, to tell how fast that goes here and now.
    void take_sample(Duration most) {
        constexpr std::size_t places = 64;
        const auto& pieces = plan_.pieces;
        if (pieces.empty() || most <= Duration::zero()) return;
        const auto begun = impl_.options.clock->monotonic();
        Duration taken{};
        std::int64_t bytes = 0;
        for (std::size_t i = 0; i < std::min(places, pieces.size()); ++i) {
            exec::check_stop(stop_);
            // From both ends to the middle: whatever time ends it, more than one pack was seen.
            const auto step = i % 2 == 0 ? i / 2 : std::min(places, pieces.size()) - 1 - i / 2;
            const auto first = step * pieces.size() / std::min(places, pieces.size());
            const auto [pack, frame, offset, length] = index_.entry(pieces[first].entry).place;
            try {
                auto stored = reader_.fetch(pack, frame, frame);
                const auto content = reader_.open(pack, frame, stored);
                for (auto at = first; at < pieces.size(); ++at) {
                    const auto [id, place] = index_.entry(pieces[at].entry);
                    if (place.pack != pack || place.frame != frame) break;
                    reader_.verify(id, ChunkType::data, content.plain.subspan(place.offset, place.length), place);
                    bytes += static_cast<std::int64_t>(place.length);
                }
            } catch (const Corrupt&) {
                // A restore says what is damaged, and a check; a collection may have moved it just now.
            }
            taken = impl_.options.clock->monotonic() - begun;
            if (taken >= most) break;
        }
        if (bytes == 0) return;
        const auto share = static_cast<double>(said_.bytes_written) / static_cast<double>(bytes) / impl_.threads();
        said_.fetch_time = Duration(static_cast<std::int64_t>(static_cast<double>(taken.count()) * share));
    }

    Repository::Impl& impl_;
    const Index& index_;
    RestorePlan& plan_;
    const RestoreRequest& request_;
    const Globs& exclude_;
    const bool compare_;
    const std::size_t most_changes_;
    const std::stop_token stop_;
    ChunkReader reader_;
    base::Fd target_;
    TargetFolders folders_;
    ByteVector bytes_;
    RestoreForecast said_;
};

}  // namespace

RestoreForecast forecast(const Repository& repository, const SnapshotId& id, const RestoreRequest& request, bool compare,
                         std::size_t most_changes, Duration sample, std::stop_token stop) {
    auto& impl = repository.inside();
    const Globs exclude(request.exclude);
    const auto snapshot = impl.snapshot(id, stop);
    try {
        auto planned = plan_restore(impl, snapshot, request.paths, exclude, request.salvage, stop);
        return Forecaster(impl, planned, request, exclude, compare, most_changes, stop).look(sample);
    } catch (const Corrupt&) {
        (void)impl.snapshot(id, {});  // NotFound: it was forgotten and collected meanwhile
        throw;
    }
}

}  // namespace tenon::backup
