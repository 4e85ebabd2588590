#include "restore.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <tuple>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "extras.hpp"
#include "metadata.hpp"

namespace tenon::backup {
namespace {

constexpr std::size_t open_folders = 64;
constexpr int open_file_limit = 256;
constexpr std::uint64_t preallocate_from = 1 << 20;

}  // namespace

const base::Fd& TargetFolders::open(std::uint32_t number) {
    if (folders_[number].path.empty()) return target_;
    if (const auto found = open_.find(number); found != open_.end()) return found->second;
    if (open_.size() >= open_folders) open_.clear();
    return open_.emplace(number, base::open_beneath(target_, folders_[number].path, O_RDONLY | O_DIRECTORY)).first->second;
}

RestoreRun::RestoreRun(const Keys& keys, blob::Store& store, const Index& index, ChunkReader::Reload reload, RestorePlan& plan,
                       const RestoreRequest& request, const Globs& exclude, Throttle& throttle, unsigned threads, exec::ProgressSink& progress,
                       std::stop_token stop)
    : keys_(keys),
      store_(store),
      index_(index),
      reload_(std::move(reload)),
      plan_(plan),
      request_(request),
      exclude_(exclude),
      throttle_(throttle),
      threads_(threads),
      progress_(progress),
      stop_(std::move(stop)),
      may_chown_(request.owners && geteuid() == 0),
      run_(new_run()) {}

std::string RestoreRun::path_of(std::uint32_t folder, const std::string& name) const {
    const auto& path = plan_.folders[folder].path;
    return path.empty() ? name : path + '/' + name;
}

void RestoreRun::refused(const std::string& path, const char* what) {
    const auto error = errno;
    const std::lock_guard lock(problems_mutex_);
    problems_.push_back({path, base::errc_of(error), std::string(what) + ": " + std::strerror(error)});
}

RestoreTotals RestoreRun::run() {
    std::error_code error;
    const bool is_new = std::filesystem::create_directories(request_.target, error);
    if (error) base::throw_errno("cannot make the target", request_.target.string(), error.value());
    target_ = base::open_file(request_.target, O_RDONLY | O_DIRECTORY);
    plan_.folders.front().existed = !is_new;
    lock_target();
    admit();
    make_folders();
    look_at_target();
    sweep_left_over();
    progress_.stage("restore", 0.95, plan_.bytes, "bytes");
    try {
        compare_existing();
        empty_files();
        // Each thread takes its own stretch of the packs, and with it mostly its own folders: two creators in one folder
        // wait for each other.
        const auto count = std::max<std::size_t>(1, std::min<std::size_t>(threads_, plan_.pieces.size() / 64 + 1));
        in_threads(count, [&](Lane& lane, std::size_t i) {
            write_pieces(lane, plan_.pieces.size() * i / count, plan_.pieces.size() * (i + 1) / count);
        });
    } catch (...) {
        remove_unfinished();
        throw;
    }
    progress_.stage("metadata", 0.05, 0, "");
    make_others();
    if (request_.delete_extra) delete_extras();
    finish_folders();
    if (request_.durable && syncfs(target_.get()) != 0) base::throw_errno("cannot make the restore durable", request_.target.string(), errno);
    RestoreTotals totals;
    totals.files = static_cast<std::int64_t>(plan_.files.size() + plan_.others.size());
    totals.folders = static_cast<std::int64_t>(plan_.folders.size()) - 1;
    totals.bytes_written = written_;
    totals.files_unchanged = same_;
    totals.deleted = deleted_;
    totals.problems = std::move(problems_);
    totals.damaged = std::move(plan_.damaged);
    std::move(damaged_.begin(), damaged_.end(), std::back_inserter(totals.damaged));
    std::sort(totals.damaged.begin(), totals.damaged.end(),
              [](const auto& a, const auto& b) { return std::tie(a.path, a.offset) < std::tie(b.path, b.offset); });
    for (const auto& path : plan_.erased) totals.problems.push_back({path, Errc::not_found, "was erased: its keys were destroyed"});
    return totals;
}

void RestoreRun::delete_extras() {
    // First all that the snapshot has lies there for good: of a file that was renamed since, what is extra may be the only other copy.
    if (request_.durable && syncfs(target_.get()) != 0) base::throw_errno("cannot make the restore durable", request_.target.string(), errno);
    auto extras = treat_extras(ExtraWork::remove, target_, plan_, exclude_, request_, [](const auto&, auto, auto) {}, stop_);
    deleted_ = extras.deleted;
    std::move(extras.problems.begin(), extras.problems.end(), std::back_inserter(problems_));
}

void RestoreRun::admit() {
    if (!request_.admit) return;
    std::vector<RestoredFile> files;
    files.reserve(plan_.files.size());
    for (const auto& file : plan_.files)
        files.push_back({path_of(file.folder, file.name()), static_cast<std::int64_t>(file.size)});
    request_.admit(files);
}

void RestoreRun::make_folders() {
    TargetFolders open(target_, plan_.folders);
    std::map<std::string, std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < plan_.folders.size(); ++i) {
        auto& folder = plan_.folders[i];
        numbers[folder.path] = i;
        if (folder.path.empty()) continue;
        exec::check_stop(stop_);
        const auto slash = folder.path.rfind('/');
        const auto above = slash == std::string::npos ? std::string() : folder.path.substr(0, slash);
        const auto name = slash == std::string::npos ? folder.path : folder.path.substr(slash + 1);
        // Writable for us until its content is complete; finish_folders() sets what it should be.
        if (mkdirat(open.open(numbers.at(above)).get(), name.c_str(), 0700) == 0) continue;
        if (errno != EEXIST) base::throw_errno("cannot make the folder", folder.path, errno);
        folder.existed = true;
        struct stat st {};
        if (fstatat(open.open(numbers.at(above)).get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
            throw Conflict("something else lies where a folder belongs", {.subject = folder.path});
    }
}

base::Fd RestoreRun::create(Lane& lane, PlannedFile& file) {
    const auto& folder = lane.folders.open(file.folder);
    const auto path = [&] { return path_of(file.folder, file.name()); };
    // A single component, no link followed: this cannot leave the folder.
    base::Fd fd(openat(folder.get(), name_beside(run_, file.number).c_str(),
                       (file.made ? O_RDWR : O_RDWR | O_CREAT | O_EXCL) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
    if (!fd) base::throw_errno("cannot make the file", path(), errno);
    if (std::exchange(file.made, true)) return fd;
    const auto size = file.size;
    if (file.has_holes || request_.salvage) {
        if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) base::throw_errno("cannot size the file", path(), errno);
    } else if (size >= preallocate_from && fallocate(fd.get(), 0, 0, static_cast<off_t>(size)) != 0 && errno == ENOSPC) {
        base::throw_errno("there is no room for the file", path(), errno);
    }
    return fd;
}

void RestoreRun::empty_files() {
    Lane lane(*this);
    for (auto& file : plan_.files) {
        if (file.missing != 0 || file.done) continue;
        exec::check_stop(stop_);
        file.fd = create(lane, file);
        complete(lane, file);
        file.fd.reset();
    }
}

void RestoreRun::write_pieces(Lane& lane, std::size_t first, std::size_t last) {
    const auto& pieces = plan_.pieces;
    ByteVector stored;
    while (first < last) {
        exec::check_stop(stop_);
        const auto begin = place_of(pieces[first]);
        const auto pack = begin.pack;
        const auto& frames = index_.packs()[pack].frames;
        const auto from = begin.frame;
        const auto end = end_of_request(pieces, index_, first, last);
        const auto until = place_of(pieces[end - 1]).frame;
        try {
            lane.reader.fetch(pack, from, until, stored);
        } catch (const PackIsGone&) {
            write_moved(lane, first, end);
            first = end;
            continue;
        } catch (const Corrupt& error) {
            if (!request_.salvage) throw;
            // Some of it is there: frame by frame.
            if (from == until) {
                for (; first < end; ++first) lose(lane, pieces[first], error);
            } else {
                for (auto next = first; first < end; first = next) {
                    while (next < end && place_of(pieces[next]).frame == place_of(pieces[first]).frame) ++next;
                    write_pieces(lane, first, next);
                }
            }
            continue;
        }
        throttle_.spend(static_cast<std::int64_t>(stored.size()), stop_);
        while (first < end) {
            exec::check_stop(stop_);
            const auto frame = place_of(pieces[first]).frame;
            auto next = first;
            while (next < end && place_of(pieces[next]).frame == frame) ++next;
            auto at = first;
            try {
                const auto content = lane.reader.open_or_mend(
                    pack, frame, ByteSpan(stored).subspan(frames[frame].offset - frames[from].offset, frames[frame].stored()));
                write_frame(lane, content, at, next);
            } catch (const Corrupt& error) {
                if (!request_.salvage) throw;
                for (; at < next; ++at) lose(lane, pieces[at], error);
            }
            first = next;
        }
    }
}

/// A collection has put these elsewhere since the plan was made. Throws Corrupt where it has not.
void RestoreRun::write_moved(Lane& lane, std::size_t first, std::size_t last) {
    for (; first < last; ++first) {
        exec::check_stop(stop_);
        const auto& piece = plan_.pieces[first];
        ByteVector bytes;
        try {
            bytes = lane.reader.chunk(index_.entry(piece.entry).id, ChunkType::data);
        } catch (const Corrupt& error) {
            if (!request_.salvage) throw;
            lose(lane, piece, error);
            continue;
        }
        throttle_.spend(static_cast<std::int64_t>(bytes.size()), stop_);
        put_piece(lane, piece, bytes);
    }
}

void RestoreRun::write_frame(Lane& lane, const FrameView& frame, std::size_t& first, std::size_t last) {
    const Piece* verified = nullptr;
    for (; first < last; ++first) {
        const auto& piece = plan_.pieces[first];
        const auto [id, at] = index_.entry(piece.entry);
        const auto bytes = frame.plain.subspan(at.offset, at.length);
        if (!verified || verified->entry != piece.entry) lane.reader.verify(id, ChunkType::data, bytes, at);
        verified = &piece;
        put_piece(lane, piece, bytes);
    }
}

void RestoreRun::put_piece(Lane& lane, const Piece& piece, ByteView bytes) {
    auto& file = plan_.files[piece.file];
    with_file(lane, piece, bytes.size(), bytes, [&](std::uint64_t offset, ByteView part) {
        base::pwrite_all(file.fd, part, offset, path_of(file.folder, file.name()));
        written_ += static_cast<std::int64_t>(part.size());
    });
}

/// Zeros, which lie there already.
void RestoreRun::lose(Lane& lane, const Piece& piece, const Corrupt& error) {
    const auto length = place_of(piece).length;
    {
        const std::lock_guard lock(problems_mutex_);
        const auto& file = plan_.files[piece.file];
        damaged_.push_back({path_of(file.folder, file.name()), static_cast<std::int64_t>(file_offset(file.entry(), piece.offset)),
                            static_cast<std::int64_t>(length)});
        if (const auto pack = pack_in(error.subject())) damaged_packs_.insert(*pack);
    }
    with_file(lane, piece, length, ByteView(), [](std::uint64_t, ByteView) {});
}

/// Calls on(offset, part) for the parts of a piece, with its file open; the last piece completes the file.
template <class Bytes, class On>
void RestoreRun::with_file(Lane& lane, const Piece& piece, std::uint64_t length, Bytes bytes, On on) {
    auto& file = plan_.files[piece.file];
    {
        const std::lock_guard lock(lock_of(file));
        if (!file.fd) {
            file.fd = create(lane, file);
            ++open_files_;
        }
        ++file.users;
    }
    each_part(file, piece.offset, bytes, on);
    progress_.advance(static_cast<std::int64_t>(length));
    if (--file.missing == 0) complete(lane, file);
    const std::lock_guard lock(lock_of(file));
    // Files whose pieces lie far apart would add up to more than a process may have open.
    if (--file.users == 0 && file.fd && (file.done || open_files_ > open_file_limit)) {
        file.fd.reset();
        --open_files_;
    }
}

void RestoreRun::complete(Lane& lane, PlannedFile& file) {
    const auto entry = file.entry();
    const auto path = path_of(file.folder, entry.name);
    set_metadata(file.fd, entry, path);
    // A rename may reach the disk before the bytes: the file that it replaces would be gone and this one empty.
    if (file.existed && request_.durable) base::sync_data(file.fd, path);
    publish(lane.folders.open(file.folder), name_beside(run_, file.number), entry.name, file.existed, path);
    file.done = true;
    progress_.files(1);
}

void RestoreRun::remove_unfinished() noexcept {
    try {
        TargetFolders open(target_, plan_.folders);
        for (auto& file : plan_.files)
            if (file.made && !file.done) unlinkat(open.open(file.folder).get(), name_beside(run_, file.number).c_str(), 0);
    } catch (...) {
        // The caller hears why the restore failed; what is left beside is swept by the next one.
    }
}

}  // namespace tenon::backup
