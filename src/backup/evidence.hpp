#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <backup/checkpoint.hpp>
#include <crypto/merkle.hpp>

#include "past.hpp"
#include "snapshot.hpp"

namespace tenon::backup {

/// What a checkpoint vouches for. Everything in it goes for reasons that the log or a collection's intent tells, or not at all.
struct Holdings {
    struct ChainEnd {
        std::uint64_t count = 0;  ///< Of records.
        Id head{};                ///< SHA-256 of the last one.
        bool operator==(const ChainEnd&) const = default;
    };
    struct KeyState {
        std::uint32_t generation = 0, oldest = 0, newest = 0, classes = 0, erased = 0;
        bool operator==(const KeyState&) const = default;
    };
    std::set<SnapshotId> snapshots{};
    std::set<Id> packs{};            ///< That segments list.
    std::set<Id> segments{};
    std::set<Id> replaced{};         ///< Segments for which those stand.
    std::map<Id16, ChainEnd> chains{};  ///< That go on in log/ behind what books have of them.
    std::set<Id> sheets{};           ///< Of all books.
    std::uint64_t writers = 0;       ///< Chains that there are in both; not in the state.
    KeyState keys{};

    bool operator==(const Holdings&) const = default;
    /// RFC 6962 over one line each, in byte order, of all but what was replaced.
    crypto::Digest root() const;
};

/// The object checkpoint/<number>.
struct Checkpoint {
    CheckpointNote note{};
    Past past{};
    Holdings holdings{};
};

std::string checkpoint_name(std::uint64_t number);
/// Zero for what is none.
std::uint64_t checkpoint_number(std::string_view name);
/// The text that is signed.
std::string statement_of(const CheckpointNote& note);

ByteVector encode(const Checkpoint& checkpoint);
/// Throws Corrupt, also where its parts do not belong together.
Checkpoint decode_checkpoint(ByteView payload, const std::string& object);

/// Whether this is the checkpoint of that name, of this repository.
[[nodiscard]] bool is_checkpoint(const Keys& keys, ByteView raw, const std::string& object);

/// What lies under checkpoint/, the newest one read once. Thread-safe.
class CheckpointShelf {
public:
    struct Found {
        std::shared_ptr<const Checkpoint> newest;  ///< Null: there is none.
        std::uint16_t dek = 0;                     ///< Under which data key it is sealed.
        std::vector<std::string> names;            ///< All of them, those that cannot be read too; not those under retired keys.
        std::set<std::uint64_t> damaged;           ///< Newer ones that cannot be read.
        std::vector<CheckProblem> problems;        ///< Of those.
    };
    /// `mends`: one that is damaged is made good where the store can.
    Found read(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends = true);

private:
    std::mutex mutex_;
    std::string name_, tag_;                       // guarded by mutex_, as the next: of what was read last
    std::uint16_t dek_ = 0;
    std::shared_ptr<const Checkpoint> last_;
};

/// What has no explanation in the repository since its newest checkpoint. `mends`: damage that is met is made good where the store can.
std::vector<CheckProblem> compare_state(Repository::Impl& impl, const Checkpoint& since, bool mends, const std::stop_token& stop);
struct PastVerdict {
    std::vector<CheckProblem> problems{};         ///< Nothing is to be written until somebody has accepted these.
    std::vector<CheckProblem> doubts{};           ///< Nobody can tell whether something was tampered with, and all goes on.
    std::optional<CheckpointNote> stands_in{};    ///< Known by its record, its object damaged: the next one is taken behind it.
    std::optional<Past> its_past{};               ///< As far as that can be told.
};
/// Of what lies under past/. All of them read where the checkpoints are kept, and look once more at what others seal anew meanwhile.
struct FoundInPast {
    std::optional<crypto::Digest> hash{};     ///< Of the checkpoint with that number.
    std::optional<std::uint64_t> next{};      ///< Without one: the first behind it. Unset: none is.
};
/// Throws NotFound, Corrupt where a piece that it takes is not there, or cannot be read.
FoundInPast find_in_past(Repository::Impl& impl, const Past& past, std::uint64_t number, bool mends, const std::stop_token& stop);
/// False also where nobody can tell.
[[nodiscard]] bool is_in_past(Repository::Impl& impl, const Past& past, const Past::Row& row, const std::stop_token& stop);
/// Under the newest data keys; each is there once this returns.
void put_pieces(Repository::Impl& impl, const std::vector<PastPiece>& pieces, const std::stop_token& stop);
/// What is missing or cannot be read of the pieces that this past names. `reads_all`: also where nothing but checkpoints is in them.
std::vector<CheckProblem> problems_of_pieces(Repository::Impl& impl, const Past& past, bool reads_all, bool mends, const std::stop_token& stop);
/// Takes down that those are lost, and removes what cannot be read. Tells of each.
void give_up_lost_pieces(Repository::Impl& impl, Past& past, std::vector<CheckProblem>& problems, const std::stop_token& stop);
/// Whether this is a piece of this repository that belongs under this name.
[[nodiscard]] bool is_past_piece(const Keys& keys, ByteView raw, const std::string& object);

PastVerdict judge_past(Repository::Impl& impl, const CheckpointShelf::Found& found, const std::vector<std::string>& known,
                       bool mends, const std::stop_token& stop);

}  // namespace tenon::backup
