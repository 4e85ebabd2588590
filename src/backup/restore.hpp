#pragma once

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <set>
#include <span>
#include <thread>

#include <exec/thread.hpp>

#include "beside.hpp"
#include "repository_impl.hpp"
#include "restore_plan.hpp"

namespace tenon::backup {

/// Where a stream offset lies in the file: holes are not in the stream.
inline std::uint64_t file_offset(const Entry& entry, std::uint64_t stream) {
    auto at = stream;
    for (const auto& hole : entry.holes) {
        if (hole.offset > at) break;
        at += hole.length;
    }
    return at;
}

/// Calls on(offset in file, part) for the parts of a chunk between holes.
template <class Bytes, class On>
void each_part(const Entry& entry, std::uint64_t stream, Bytes bytes, On on) {
    while (!bytes.empty()) {
        const auto at = file_offset(entry, stream);
        auto length = static_cast<std::uint64_t>(bytes.size());
        for (const auto& hole : entry.holes)
            if (hole.offset > at) {
                length = std::min(length, hole.offset - at);
                break;
            }
        on(at, bytes.first(length));
        bytes = bytes.subspan(length);
        stream += length;
    }
}

template <class Bytes, class On>
void each_part(const PlannedFile& file, std::uint64_t stream, Bytes bytes, On on) {
    if (file.has_holes) return each_part(file.entry(), stream, bytes, on);
    if (!bytes.empty()) on(stream, bytes);
}

/// Whether a hole's place holds nothing but zeros in a file that is there.
bool is_zero(const base::Fd& fd, const Extent& hole, const std::string& path);

/// Open folders below the target, a few at a time. Nothing reached through it lies outside: no link is followed on the
/// way, whoever swaps one in meanwhile. One thread at a time.
class TargetFolders {
public:
    TargetFolders(const base::Fd& target, const std::vector<PlannedFolder>& folders) : target_(target), folders_(folders) {}
    const base::Fd& open(std::uint32_t number);

private:
    const base::Fd& target_;
    const std::vector<PlannedFolder>& folders_;
    std::map<std::uint32_t, base::Fd> open_;
};

/// Carries out a plan. Whatever it writes lies under a name of its own until it is complete, so a kill leaves nothing
/// half-made under a final name; what a killed run left in the target's folders is swept by the next.
class RestoreRun {
public:
    RestoreRun(const Keys& keys, blob::Store& store, const Index& index, ChunkReader::Reload reload, RestorePlan& plan, const RestoreRequest& request,
               const Globs& exclude, Throttle& throttle, unsigned threads, exec::ProgressSink& progress, std::stop_token stop);
    RestoreTotals run();
    /// That it met.
    const std::set<Id>& damaged_packs() const { return damaged_packs_; }

private:
    struct Lane;
    void admit();
    void make_folders();
    void lock_target();
    void sweep_left_over();
    void look_at_target();
    void compare_existing();
    void compare(Lane& lane, PlannedFile& file, std::span<Piece> pieces);
    bool read_piece(Lane& lane, const base::Fd& old, const Piece& piece);
    void keep_parts(Lane& lane, PlannedFile& file, const base::Fd& old, std::span<Piece> pieces);
    template <class Work>
    void in_threads(std::size_t count, Work work);
    void empty_files();
    void write_pieces(Lane& lane, std::size_t first, std::size_t last);
    void write_moved(Lane& lane, std::size_t first, std::size_t last);
    void write_frame(Lane& lane, const FrameView& frame, std::size_t& first, std::size_t last);
    void put_piece(Lane& lane, const Piece& piece, ByteView bytes);
    void lose(Lane& lane, const Piece& piece, const Corrupt& error);
    template <class Bytes, class On>
    void with_file(Lane& lane, const Piece& piece, std::uint64_t length, Bytes bytes, On on);
    std::mutex& lock_of(const PlannedFile& file) { return locks_[file.number % locks_.size()]; }
    ChunkPlace place_of(const Piece& piece) const { return index_.entry(piece.entry).place; }
    base::Fd create(Lane& lane, PlannedFile& file);
    void complete(Lane& lane, PlannedFile& file);
    void publish(const base::Fd& folder, const std::string& beside, const std::string& name, bool replace, const std::string& path);
    void make_others();
    void delete_extras();
    void make_other(TargetFolders& folders, const PlannedOther& other, const std::string& beside);
    void remove_unfinished() noexcept;
    void set_metadata(const base::Fd& fd, const Entry& entry, const std::string& path);
    void set_metadata_at(const base::Fd& folder, const std::string& name, const Entry& entry, const std::string& path);
    void finish_folders();
    void refused(const std::string& path, const char* what);
    std::string path_of(std::uint32_t folder, const std::string& name) const;

    const Keys& keys_;
    blob::Store& store_;
    const Index& index_;
    const ChunkReader::Reload reload_;
    RestorePlan& plan_;
    const RestoreRequest& request_;
    const Globs& exclude_;
    Throttle& throttle_;
    const unsigned threads_;
    exec::ProgressSink& progress_;
    const std::stop_token stop_;
    const bool may_chown_;
    const std::string run_;  ///< Part of the names beside.
    base::Fd target_;
    std::optional<TargetLock> lock_;
    std::atomic<std::int64_t> written_{0}, same_{0};
    std::int64_t deleted_ = 0;
    std::atomic<int> open_files_{0};
    std::array<std::mutex, 256> locks_;  ///< Of files, by number.
    std::mutex problems_mutex_;
    std::vector<FileProblem> problems_;  // guarded by problems_mutex_
    std::vector<DamagedPart> damaged_;   // guarded by problems_mutex_
    std::set<Id> damaged_packs_;         // guarded by problems_mutex_
};

/// What one thread of a restore needs for itself.
struct RestoreRun::Lane {
    explicit Lane(RestoreRun& run)
        : reader(run.keys_, run.store_, run.index_, run.stop_, run.reload_), folders(run.target_, run.plan_.folders) {}
    ChunkReader reader;
    TargetFolders folders;
    ByteVector bytes;
};

/// Throws what the first of them threw, once all have ended.
template <class Work>
void RestoreRun::in_threads(std::size_t count, Work work) {
    std::vector<std::exception_ptr> failures(count);
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < count; ++i)
            threads.push_back(exec::start_thread("restore", [&, i] {
                try {
                    Lane lane(*this);
                    work(lane, i);
                } catch (...) {
                    failures[i] = std::current_exception();
                }
            }));
    }
    for (const auto& failure : failures)
        if (failure) std::rethrow_exception(failure);
}

}  // namespace tenon::backup
