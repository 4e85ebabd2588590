#pragma once

#include <map>

#include "repository_impl.hpp"
#include "restore_plan.hpp"

namespace tenon::backup {

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

/// Carries out a plan.
class RestoreRun {
public:
    RestoreRun(const Keys& keys, blob::Store& store, const Index& index, RestorePlan& plan, const RestoreRequest& request,
               unsigned threads, exec::ProgressSink& progress, std::stop_token stop);
    RestoreTotals run();

private:
    struct Lane;
    void make_folders();
    void look_at_target();
    void empty_files();
    void write_pieces(Lane& lane, std::size_t first, std::size_t last);
    void write_frame(Lane& lane, const FrameContent& frame, std::size_t first, std::size_t last);
    void put_piece(Lane& lane, const Piece& piece, ByteView bytes);
    base::Fd create(Lane& lane, PlannedFile& file);
    void complete(PlannedFile& file);
    void make_others();
    void make_other(TargetFolders& folders, const PlannedOther& other);
    void remove_unfinished() noexcept;
    void set_metadata(const base::Fd& fd, const Entry& entry, const std::string& path);
    void set_metadata_at(const base::Fd& folder, const Entry& entry, const std::string& path);
    void finish_folders();
    void refused(const std::string& path, const char* what);
    std::string path_of(std::uint32_t folder, const std::string& name) const;

    const Keys& keys_;
    blob::Store& store_;
    const Index& index_;
    RestorePlan& plan_;
    const RestoreRequest& request_;
    const unsigned threads_;
    exec::ProgressSink& progress_;
    const std::stop_token stop_;
    const bool may_chown_;
    base::Fd target_;
    std::atomic<std::int64_t> written_{0}, same_{0};
    std::atomic<int> open_files_{0};
    std::mutex problems_mutex_;
    std::vector<FileProblem> problems_;   // guarded by problems_mutex_
};

}  // namespace tenon::backup
