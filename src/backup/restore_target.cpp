// What lies in a restore's target already: left alone where it is right, replaced in one step where it is not.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "restore.hpp"

namespace tenon::backup {

bool is_zero(const base::Fd& fd, const Extent& hole, const std::string& path) {
    ByteVector bytes(64 * 1024);
    for (auto at = hole.offset; at < hole.offset + hole.length;) {
        const auto data = lseek(fd.get(), static_cast<off_t>(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO) return true;
        if (data > 0) at = std::max(at, static_cast<std::uint64_t>(data));
        if (at >= hole.offset + hole.length) return true;
        const auto part = ByteSpan(bytes).first(std::min<std::uint64_t>(bytes.size(), hole.offset + hole.length - at));
        if (base::pread_up_to(fd, part, at, path) != part.size()) return false;
        if (std::any_of(part.begin(), part.end(), [](auto byte) { return byte != 0; })) return false;
        at += part.size();
    }
    return true;
}

void RestoreRun::publish(const base::Fd& folder, const std::string& beside, const std::string& name, bool replace,
                         const std::string& path) {
    const auto* from = beside.c_str();
    const auto* to = name.c_str();
    if (replace) {
        if (renameat(folder.get(), from, folder.get(), to) != 0) base::throw_errno("cannot replace", path, errno);
        return;
    }
    const int failure = base::rename_new(folder.get(), from, to);
    if (failure == EEXIST) throw Conflict("the target has a file of this name", {.subject = path});
    if (failure != 0) base::throw_errno("cannot name the file", path, failure);
}

void RestoreRun::look_at_target() {
    TargetFolders open(target_, plan_.folders);
    const auto there = [&](std::uint32_t folder, const std::string& name) -> std::optional<struct stat> {
        if (!plan_.folders[folder].existed) return std::nullopt;
        struct stat st {};
        if (fstatat(open.open(folder).get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
        if (!request_.overwrite) throw Conflict("the target has a file of this name", {.subject = path_of(folder, name)});
        if (S_ISDIR(st.st_mode)) throw Conflict("a folder lies where a file belongs", {.subject = path_of(folder, name)});
        return st;
    };
    for (auto& file : plan_.files) {
        const auto st = there(file.folder, plan_.folders[file.folder].existed ? file.name() : std::string());
        file.existed = st.has_value();
        // Other names of the same file may lie outside: its metadata is theirs too.
        file.alone = st && S_ISREG(st->st_mode) && st->st_nlink == 1;
    }
    for (auto& other : plan_.others) other.existed = there(other.folder, other.entry.name).has_value();
}

void RestoreRun::compare_existing() {
    std::vector<std::uint32_t> work;
    for (const auto& file : plan_.files)
        if (file.existed) work.push_back(file.number - 1);
    if (work.empty()) return;
    plan_.sort_by_file();
    std::atomic<std::size_t> next{0};
    in_threads(std::min<std::size_t>(std::max(threads_, 1u), work.size()), [&](Lane& lane, std::size_t) {
        for (auto i = next++; i < work.size(); i = next++) compare(lane, plan_.files[work[i]], plan_.pieces_of(work[i]));
    });
    plan_.drop_those_there();
    plan_.sort_by_entry();
}

/// Whether the old file has this piece's bytes; they are in lane.bytes then.
bool RestoreRun::read_piece(Lane& lane, const base::Fd& old, const Piece& piece) {
    exec::check_stop(stop_);
    const auto& file = plan_.files[piece.file];
    const auto [id, at] = index_.entry(piece.entry);
    lane.bytes.resize(at.length);
    bool whole = true;
    each_part(file, piece.offset, ByteSpan(lane.bytes), [&](std::uint64_t offset, ByteSpan part) {
        whole = whole && base::pread_up_to(old, part, offset, file.name()) == part.size();
    });
    return whole && lane.reader.is(id, ChunkType::data, lane.bytes, at);
}

void RestoreRun::compare(Lane& lane, PlannedFile& file, std::span<Piece> pieces) {
    exec::check_stop(stop_);
    const auto entry = file.entry();
    const auto path = path_of(file.folder, entry.name);
    struct stat st {};
    // Opening a device may do something, a tape's or a watchdog's.
    const auto& folder = lane.folders.open(file.folder);
    if (fstatat(folder.get(), entry.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) return;
    const base::Fd old(openat(folder.get(), entry.name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!old || fstat(old.get(), &st) != 0 || !S_ISREG(st.st_mode)) return;
    bool same = static_cast<std::uint64_t>(st.st_size) == file.size;
    bool some = false;
    for (const auto& piece : pieces) {
        const bool has = read_piece(lane, old, piece);
        some = some || has;
        same = same && has;
    }
    for (const auto& hole : entry.holes) same = same && is_zero(old, hole, path);
    if (same) ++same_;
    if (!same || !file.alone) {
        if (some) keep_parts(lane, file, old, pieces);
        return;
    }
    for (auto& piece : pieces) {
        piece.there = 1;
        progress_.advance(place_of(piece).length);
    }
    set_metadata(old, entry, path);
    file.missing = 0;
    file.done = true;
}

/// Copies what the old file has. It is read and verified again: it may have changed since it was compared.
void RestoreRun::keep_parts(Lane& lane, PlannedFile& file, const base::Fd& old, std::span<Piece> pieces) {
    const auto path = path_of(file.folder, file.name());
    auto fd = create(lane, file);
    std::uint32_t kept = 0;
    for (auto& piece : pieces) {
        if (!read_piece(lane, old, piece)) continue;
        each_part(file, piece.offset, ByteView(lane.bytes),
                  [&](std::uint64_t offset, ByteView part) { base::pwrite_all(fd, part, offset, path); });
        piece.there = 1;
        ++kept;
        progress_.advance(static_cast<std::int64_t>(lane.bytes.size()));
    }
    if ((file.missing -= kept) != 0) return;
    file.fd = std::move(fd);
    complete(lane, file);
    file.fd.reset();
}

}  // namespace tenon::backup
