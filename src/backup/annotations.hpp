#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include <blob/store.hpp>

#include "container.hpp"
#include "snapshot.hpp"

namespace tenon::backup {

class Shelf;

/// What the log says of one snapshot beyond the snapshot itself.
struct Annotation {
    bool forgotten = false;
    bool committed = false;  ///< Its writer or a collector saw it whole: it counts whether or not its session was given up.
    std::optional<std::vector<Label>> tags{};
    std::string held{};      ///< Why nobody may forget it. Empty: it is not held.

    void tell(SnapshotRecord& record) const {
        if (tags) record.tags = *tags;
        record.held = held;
    }
};

/// What the log says of packs: those that a check or a restore found damaged, and no later check whole.
struct DamagedPacks {
    std::set<Id> packs{};
    std::uint64_t round = 0;  ///< Of the newest record on them; the next one's is greater.
};

/// One record of the log that says something of snapshots or packs.
struct AnnotationRecord {
    Time stored{};
    std::vector<SnapshotId> forgotten{};
    SnapshotId committed{};
    SnapshotId tagged{};
    std::vector<Label> tags{};
    SnapshotId held{};       ///< Of a hold, and of its release, which has no reason.
    std::string reason{};
    std::uint64_t round = 0;
    std::vector<Id> damaged{}, whole{};
    std::vector<Id> swept{};
};
/// What a record of the log says by its type and body; empty for records of other things. Throws Corrupt.
std::optional<AnnotationRecord> decode_annotation(std::string_view type, Time stored, ByteView body, const std::string& object);

/// One object of the log as it lies there.
struct LogSight {
    Id sha{};
    bool is_whole = true;                   ///< False: it does not open, so it says nothing.
    std::uint16_t dek = 0;                  ///< Under which data key it is sealed; 0 where it does not open.
    const std::vector<Id16>* names = nullptr;  ///< Null or empty: its chain has always had this name, as far as it tells.
    const AnnotationRecord* says = nullptr;  ///< Null for records of other things.
};

/// Reads the log's records on snapshots and packs, each of them once, in log/ and in books. Thread-safe.
/// `mends`: a book that is damaged is made good first, where the store can.
class Annotations {
public:
    std::map<SnapshotId, Annotation> read(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends = true);
    DamagedPacks damaged_packs(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends = true);
    /// The books, then every object below log/ in the order of their names: whatever moved from the one to the other meanwhile is in one of them.
    /// What is called must not come back to this.
    void each(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends,
              const std::function<void(const std::shared_ptr<const Shelf>& shelf)>& open,
              const std::function<void(const std::string& name, const LogSight&)>& see);
    /// Packs that collections took away.
    std::set<Id> swept_packs(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends = true);
    /// The books alone, as they are now: all that had been taken out of log/ before this was called is in them.
    std::shared_ptr<const Shelf> shelf(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends = true);

private:
    struct Seen {
        std::string tag;                         // another object under the same name is read anew
        Id sha{};
        std::optional<AnnotationRecord> record;  // empty for records of other things
        std::uint16_t dek = 0;
        std::vector<Id16> names;
    };
    void refresh(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends);
    void refresh_shelf(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends);
    /// `say(record, place)`: place() is the name that the record has, or had, in log/.
    template <class Say> void each_said(Say say) const;

    std::mutex mutex_;
    std::map<std::string, Seen> seen_;           // guarded by mutex_, as the next: by object
    std::map<std::string, Id> broken_;           // hashes of those that say nothing
    std::shared_ptr<const Shelf> shelf_;
    std::set<std::string> hopeless_;             // books, by name and tag, that nothing made good
    std::set<std::string> unreadable_;           // and those that are whole, and nobody can read
};

ByteVector commit_body(const SnapshotId& id);
ByteVector forget_body(const std::vector<SnapshotId>& ids);
ByteVector damage_body(std::uint64_t round, const std::vector<Id>& damaged, const std::vector<Id>& whole);
ByteVector tag_body(const SnapshotId& id, const std::vector<Label>& tags);
ByteVector hold_body(const SnapshotId& id, const std::string& reason);
ByteVector release_body(const SnapshotId& id);

}  // namespace tenon::backup
