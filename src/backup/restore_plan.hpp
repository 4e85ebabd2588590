#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <base/file.hpp>

#include "chunk_reader.hpp"
#include "globs.hpp"
#include "repository_impl.hpp"
#include "tree.hpp"

namespace tenon::backup {

/// A folder to be made, in the order of making.
struct PlannedFolder {
    std::string path;  ///< Below the target; empty: the target.
    Entry entry;
    bool has_entry = true;  ///< False for folders that only lead to what was asked for.
    bool existed = false;
};

/// Entries as trees hold them, one behind the other: a fifth of what they take otherwise, and there may be a million.
class EncodedEntries {
public:
    /// Where it lies, as long as this does.
    const std::uint8_t* add(const Entry& entry);

private:
    std::vector<std::unique_ptr<std::uint8_t[]>> blocks_;
    std::size_t left_ = 0;           // of the last one
    std::uint8_t* next_ = nullptr;
};

/// A file whose content is to be written.
struct PlannedFile {
    const std::uint8_t* encoded = nullptr;  ///< Its entry, without chunks.
    std::uint64_t size = 0;
    std::uint32_t folder = 0;
    std::uint32_t number = 0;               ///< Of its name while it is being written; from 1, in the order of the plan.
    std::atomic<std::uint32_t> missing{0};  ///< Pieces not yet in place.
    base::Fd fd;        // guarded by its lock; stays open while there are users
    std::uint16_t users = 0;  // guarded by its lock: threads that write to it
    bool made = false;  // guarded by its lock: open it again, do not create it
    std::atomic<bool> done{false};          ///< Content and metadata are in place, under the file's own name.
    bool existed = false;                   ///< Something has its name: it is replaced in one step.
    bool alone = false;                     ///< That is a file which has no other name: it may stay.
    bool has_holes = false;

    Entry entry() const;
    std::string name() const;
};
static_assert(sizeof(PlannedFile) <= 48);

/// A name that is not a file with content of its own.
struct PlannedOther {
    std::uint32_t folder = 0;
    Entry entry;
    PlannedFile* same_as = nullptr;  ///< Another name of this file.
    bool existed = false;            ///< As a file's.
};

/// A chunk and where it belongs: there are as many as a repository has chunks, or more.
struct Piece {
    std::uint32_t entry = 0;        ///< Of the index.
    std::uint32_t file = 0;         ///< Not in one word with what threads write: each looks for its file's pieces among all.
    std::uint64_t offset : 63 = 0;  ///< In the stream of the file's bytes outside of holes.
    std::uint64_t there : 1 = 0;    ///< What lies in its place already has these bytes.
};
static_assert(sizeof(Piece) == 16);

struct RestorePlan {
    std::vector<PlannedFolder> folders;  ///< Parents before children.
    std::deque<PlannedFile> files;
    EncodedEntries entries;
    std::vector<PlannedOther> others;
    std::vector<Piece> pieces;  ///< By entry, so by pack, frame and offset.
    std::int64_t bytes = 0;
    std::vector<DamagedPart> damaged; ///< Where the planner was told to go on without what is lost.
    std::vector<std::string> erased;  ///< Folders whose keys were destroyed: they are left out.

    void sort_by_entry();
    void sort_by_file();
    void drop_those_there();
    /// Of one file, in its order. Sorted by file.
    std::span<Piece> pieces_of(std::uint32_t file);
};

/// What is below these paths of a snapshot (all of it, if none) and not excluded, and where each chunk of it lies. Throws NotFound for a
/// path that the snapshot does not have, Corrupt for what the index does not know, Unsupported for a plan that
/// takes more memory than what is stored accounts for.
///
/// `self`: the root folder's own metadata, for a target that is made.
RestorePlan plan_restore(const Ring& ring, const Index& index, ChunkReader& nodes, const SnapshotRecord& snapshot,
                         const std::optional<Entry>& self, const std::vector<std::string>& paths, const Globs& exclude, bool salvage,
                         const std::stop_token& stop);

struct PlannedRestore {
    std::shared_ptr<const Index> index;  ///< By which the plan says where things are.
    RestorePlan plan;
};

/// The same of a snapshot, also while a collection puts its parts elsewhere, and where segments were lost.
PlannedRestore plan_restore(Repository::Impl& impl, const SnapshotRecord& snapshot, const std::vector<std::string>& paths, const Globs& exclude,
                            bool salvage, const std::stop_token& stop);

/// One request to the store brings these pieces from `first` on, and nothing behind `last`. Returns the first that it does not.
std::size_t end_of_request(const std::vector<Piece>& pieces, const Index& index, std::size_t first, std::size_t last);

}  // namespace tenon::backup
