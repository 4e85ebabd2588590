#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <backup/repository.hpp>

#include "container.hpp"
#include "tree.hpp"

namespace tenon::backup {

/// What lies under snap/: the only thing that makes a backup exist.
struct SnapshotRecord {
    struct From {
        std::string name;
        std::string path;
        Entry folder;      ///< The source folder itself: its mode, times and so on.
    };

    SnapshotId id{};
    Id16 writer{};
    Id16 session{};
    std::vector<SnapshotId> parents{};
    Time claimed{};        ///< When its scan began, by the writer's clock.
    Time stored{};         ///< By the store's clock.
    std::string host{};
    std::vector<From> sources{};
    std::vector<Label> tags{};
    std::string held{};           ///< As the log says; not in the snapshot.
    Id16 root_class{};
    Id root{};
    std::int64_t files = 0, folders = 0, bytes = 0;
    Id log_head{};
    std::vector<Id> segments{};
    std::string name{};
    Id options{};          ///< Of what shapes the tree; a later run with the same is its successor.
    std::string run{};     ///< The caller's name for the run.
    std::optional<SnapshotInfo::Cost> cost{};

    SnapshotInfo info() const;
};

/// How many names it says that are in it: whoever walks it meets no more.
inline std::int64_t names_in(const SnapshotRecord& snapshot) {
    return std::min(snapshot.files, std::numeric_limits<std::int64_t>::max() - snapshot.folders) + snapshot.folders;
}

void write_labels(cbor::Writer& out, const std::vector<Label>& labels);
std::vector<Label> read_labels(cbor::Reader& reader);

ByteVector encode(const SnapshotRecord& snapshot);
SnapshotRecord decode_snapshot(ByteView payload, const std::string& object);

/// "snap/<ulid>-<sha256>"
std::string snapshot_name(const SnapshotId& id, ByteView object);
/// The id in such a name; nil if it is none.
SnapshotId snapshot_id_of(const std::string& name);

/// One record of a writer's chain, sealed. `previous`: of the object before; zeros for the first.
/// `names`: under which its chain lay before it was written anew; of the first record alone.
ByteVector seal_log_record(const Keys& keys, std::uint64_t seq, const Id& previous, std::string_view type, Time stored,
                           ByteView body, const std::vector<Id16>& names = {});
struct LogRecord {
    std::uint64_t seq = 0;
    Id previous{};
    std::string type;
    Time stored{};
    ByteVector body;
    Id mac{};              ///< Of all that precedes.
    std::vector<Id16> names{};  ///< Writers whose chain this one was, the first one first.
};
LogRecord decode_log_record(ByteView payload, const std::string& object);
/// Throws Corrupt, also for one whose mac is not of these keys.
LogRecord open_log_record(const Keys& keys, ByteView raw, const std::string& object);

/// Whose chain this one becomes when it is written anew under the control class's data key of that number: by the old name and the new key,
/// so that a killed run finds what it has done.
std::string carried_writer(std::string_view writer, std::uint16_t dek);
std::optional<Id16> writer_id(std::string_view hex_text);

/// Eight digits, so that a list shows a chain in order.
std::string sequence_text(std::uint64_t seq);

/// What a run had finished when it was killed.
struct ProgressRecord {
    Id16 session{};
    Id16 writer{};
    Id options{};
    Time started{};
    std::string last_path{};
    /// The folders on the way to last_path, from the root, with what of them was finished.
    struct OpenFolder {
        std::string name;
        std::vector<TreeNode> nodes;
        std::optional<Id16> class_id{};  ///< Absent in records of the first version, which knew one.
    };
    std::vector<OpenFolder> open{};
};
ProgressRecord decode_progress(ByteView payload, const std::string& object);

}  // namespace tenon::backup
