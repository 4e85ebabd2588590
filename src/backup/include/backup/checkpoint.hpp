#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <backup/repository.hpp>
#include <crypto/hash.hpp>

/// What a repository held at one moment, signed, so that whoever remembers it sees when something is taken away, put back or replaced.
namespace tenon::backup {

/// What a checkpoint's record says. The record is the text that is kept elsewhere.
struct CheckpointNote {
    struct Other {
        std::uint64_t number = 0;
        crypto::Digest hash{};
        bool operator==(const Other&) const = default;
    };
    std::string record{};
    std::string repository{};             ///< In hex.
    std::uint64_t number = 0;             ///< From 1; each is greater than all before.
    Time made_at{};                       ///< By the store's clock; decides nothing.
    crypto::Digest before{};              ///< Of the record before; zeros for the first.
    crypto::Digest past{};                ///< RFC 6962 over all records before.
    crypto::Digest state{};               ///< RFC 6962 over the names of all that it vouches for.
    std::int64_t snapshots = 0, packs = 0, segments = 0, chains = 0;
    /// The keys then: generation of the root key, oldest and newest data key of the control class, classes, erased classes.
    std::uint32_t generation = 0, oldest_key = 0, newest_key = 0, classes = 0, erased = 0;
    /// Somebody has accepted that this one, which was known, is not among those before.
    std::optional<Other> accepted{};

    crypto::Digest hash() const;          ///< Of the record.
};

/// Throws InvalidArgument for text that is no record. Who signed it is not looked at.
CheckpointNote read_checkpoint(std::string_view record);

struct CheckpointRequest {
    /// Records that were seen of this repository: they must be in its past.
    std::vector<std::string> known{};
    /// What there is now is taken for right: the next checkpoint says so, and names the newest of `known` that is not in its past.
    bool accept = false;
    /// Does what it is given while nobody else changes the repository's keys. Unset: nobody else does. Needed once, for a repository of
    /// the first version, which has no key to sign with.
    std::function<void(const std::function<void()>& work)> with_keys{};
};

struct CheckpointResult {
    std::optional<CheckpointNote> note{};  ///< Unset where problems stand against it.
    bool is_new = false;                   ///< False: what the newest one says holds still.
    std::int64_t bytes_written = 0;        ///< What the repository weighs more by it.
    std::vector<CheckProblem> problems{};  ///< What was tampered with since the checkpoint before; where it was accepted, too.
    std::vector<CheckProblem> doubts{};    ///< What nobody can tell any more, and which is no reason to stop: told once.
    std::string public_key{};              ///< In base64: whose signature the record has.
};

/// Compares with the newest checkpoint and takes the next one. Locks nobody out, and may meet others.
/// Throws    InvalidArgument for known text that is no record.
/// Cost      lists everything; as much is written as 32 bytes a pack, two objects are kept.
CheckpointResult take_checkpoint(Repository& repository, const CheckpointRequest& request, std::stop_token stop);

/// Whether these records are in the repository's past: a rollback or fork of all of it shows here. Reads one object, and none where
/// nothing has changed since it was asked before.
std::vector<CheckProblem> compare_past(const Repository& repository, const std::vector<std::string>& known, std::stop_token stop);

/// The newest checkpoint, made sure of: it survives a power cut and a re-keying, whoever has taken it. Empty where there is none, and where
/// its writer has not come so far.
[[nodiscard]] std::optional<CheckpointNote> checkpoint_to_remember(const Repository& repository, std::stop_token stop);

/// Of an object checkpoint/<number> that lies in another store: why it cannot be of what this repository was. Empty: it can, or it cannot be
/// read, or it is of a later moment, or its loss was accepted.
[[nodiscard]] std::string contradiction_of(const Repository& repository, const std::string& name, base::ByteView bytes, std::stop_token stop);
/// Its record. Empty where it cannot be read.
[[nodiscard]] std::string record_in(const Repository& repository, const std::string& name, base::ByteView bytes);

/// Whether there are newer ones that cannot be read. The next one takes their place.
[[nodiscard]] bool has_damaged_checkpoint(const Repository& repository, std::stop_token stop);

/// The newest checkpoint that can be read.
[[nodiscard]] std::optional<CheckpointNote> newest_checkpoint(const Repository& repository, std::stop_token stop);

}  // namespace tenon::backup
