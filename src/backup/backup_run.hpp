#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <exec/progress.hpp>

#include "buffers.hpp"
#include "checkpoints.hpp"
#include "crew.hpp"
#include "file_reader.hpp"
#include "globs.hpp"
#include "name_list.hpp"
#include "session.hpp"

namespace tenon::backup {

/// What an earlier run knows about the same sources: the last snapshot, or how far a killed run came.
struct Parent {
    std::optional<Id> root{};
    const ProgressRecord* unfinished = nullptr;
    Time started{};
};

/// Walks the sources, has files read by a crew, and builds the tree as they complete.
/// A pack that holds some of an earlier run was found damaged on the way: what this run writes must not lean on it.
struct DamageMet {
    Id pack{};
};

class BackupRun {
public:
    /// `damaged`: packs of which that is known. Throws DamageMet for any other. `expected`: bytes, by the snapshot before, for progress that
    /// follows what the walk finds new; 0: somebody else says how much there is.
    BackupRun(WriteSession& session, const BackupRequest& request, NodeSource& nodes, std::vector<Parent> parents,
              const std::set<Id>& damaged, const Id& options, const Buffers& buffers, Time started, std::int64_t expected,
              exec::ProgressSink& progress, std::stop_token stop);
    ~BackupRun();

    /// Everything up to the snapshot. Fills sources, root and totals of the snapshot, and what the run counted.
    void run(SnapshotRecord& snapshot, BackupTotals& totals);

private:
    enum class State : std::uint8_t { pending, ready, omitted };
    /// A name whose entry may still be in the making.
    struct Slot {
        Entry entry;
        std::atomic<State> state{State::pending};
    };
    /// What writes the files and folders of one erasure class.
    struct ClassWork {
        ClassWork(BackupRun& run, const Id16& class_id);
        const Id16 id;
        const Chunker chunker;
        Lane lane;                         ///< For folders; the walk's.
        std::vector<std::unique_ptr<FileReader>> readers;
    };
    struct Ancestor {
        std::unique_ptr<DirCursor> cursor;
        std::int64_t started_ns;
        const ProgressRecord* unfinished;  ///< Set while this folder is on the way to that record's last path.
        std::size_t depth;
        bool is_snapshot;                  ///< Of one that is there; else of a run that was killed.
    };
    struct Folder {
        Folder* above = nullptr;
        Slot* slot = nullptr;              ///< In `above`.
        std::string path;                  ///< In the snapshot.
        std::shared_ptr<const base::Fd> fd;
        Entry self;
        std::deque<Slot> slots;            ///< In name order; leave at the front as they go to the builder.
        ClassWork& work;
        TreeBuilder builder;
        Folder(ClassWork& of, ByteView k_cdc) : work(of), builder(k_cdc) {}
    };
    struct FileTask {
        std::shared_ptr<const base::Fd> folder;
        std::string name;
        std::string path;
        Slot* slot;
        ClassWork* work;
        std::optional<Id> before;  ///< What was in it, of one that looks as it did and is read all the same.
    };
    using Batch = std::vector<FileTask>;
    /// A chunk that one reader has given to another one.
    struct GivenChunk {
        std::shared_ptr<ChunkJob> job;
        ClassWork* work = nullptr;

        GivenChunk() = default;
        GivenChunk(std::shared_ptr<ChunkJob> of, ClassWork& by) : job(std::move(of)), work(&by) {}
        GivenChunk(GivenChunk&&) noexcept = default;
        GivenChunk& operator=(GivenChunk&&) noexcept = default;
        ~GivenChunk() {
            if (job) job->give_up();
        }
    };
    struct Work {
        Batch files;
        GivenChunk chunk;
        Lane* lane = nullptr;  ///< To be emptied.
    };

    void scan_root(SnapshotRecord& snapshot);
    Entry open_source(const Source& source, std::shared_ptr<const base::Fd>& fd) const;
    void scan(Folder& folder, std::vector<Ancestor>& parents, const NameList& names);
    void scan_name(Folder& folder, std::vector<Ancestor>& parents, const std::string& name);
    void scan_folder(Folder& above, std::vector<Ancestor>& parents, const std::string& name);
    Folder& open_folder(Folder* above, Slot* slot, std::string path, std::shared_ptr<const base::Fd> fd, Entry self);
    void finish_scan();
    std::vector<Ancestor> below(std::vector<Ancestor>& parents, const std::string& name, const Id16& class_id);
    /// `before`: for one that has to be read although nothing says that it has changed.
    bool reuse(std::vector<Ancestor>& parents, const std::string& name, const struct stat& st, Slot& slot, std::optional<Id>& before);
    bool has_all_chunks(const Entry& entry);
    void met(const Corrupt& error) const;
    NameList list_source(const Source& source, const base::Fd& fd) const;
    NameList list_names(const base::Fd& fd) const;

    void enqueue(Folder& folder, const std::string& name, const struct stat& st, Slot& slot, const std::optional<Id>& before);
    void post();
    void read(unsigned worker, Work& work);
    void read_one(unsigned worker, FileTask& task);
    void encode_ready(Folder& folder);
    void reap();
    void keep_up(Folder& folder);
    void checkpoint_if_due();
    void list_finished();
    ByteVector progress_record() const;
    void settle();
    ClassWork& work_of(const std::string& path, const Folder* above);
    void close_work(ClassWork& work);
    void flush(ClassWork& work);
    void report(const std::string& path, Errc code, const std::string& message);

    WriteSession& session_;
    const BackupRequest& request_;
    NodeSource& nodes_;
    std::vector<Parent> first_parents_;
    const std::set<Id>& damaged_;
    const Id options_;
    const Time started_;
    std::int64_t expected_;                               ///< The walk's.
    exec::ProgressSink& progress_;
    const std::stop_token stop_;
    const Buffers buffers_;
    std::vector<ReadBuffers> reading_;                    ///< Each thread's.
    const Globs exclude_;
    const Includes include_;
    std::map<std::string, Id16> classes_;                 ///< By the path of the folder that they begin at.
    std::map<Id16, std::unique_ptr<ClassWork>> works_;    ///< Open ones: the one of all files, and those of folders that are being walked.
    AccountNames accounts_;

    Batch batch_;
    std::uint64_t batch_bytes_ = 0;
    // Folders live here and not in the frames of the walk: when that throws, the crew still writes to their slots.
    std::vector<std::unique_ptr<Folder>> open_;     ///< From the root to where the walk is.
    std::list<std::unique_ptr<Folder>> unfinished_; ///< Walked, but entries are still missing; children before parents.
    std::string last_path_;
    Checkpoints checkpoints_;
    std::chrono::steady_clock::time_point last_checkpoint_{};
    std::int64_t checkpointed_bytes_ = 0, checkpointed_chunks_ = 0;
    std::chrono::steady_clock::time_point last_listed_{};
    std::int64_t listed_bytes_ = 0;

    std::mutex totals_mutex_;
    BackupTotals totals_;                           // guarded by totals_mutex_
    std::int64_t files_ = 0, folders_ = 0;
    std::unique_ptr<Crew<Work>> crew_;              // last: its threads use the rest
};

}  // namespace tenon::backup
