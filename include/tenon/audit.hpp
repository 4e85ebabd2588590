#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct AuditImpl;

/// One thing that was done, or was refused. Records of a tenant form a chain: each holds the hash of the one before.
///
/// Whatever changes something has its record. Of refusals alike (actor, action and error) ten a minute have one each; a record
/// after that minute tells in `details.unrecorded` how many more there were.
struct AuditRecord {
    std::int64_t seq = 0;     ///< 0, 1, 2 … without holes; the oldest may have been pruned.
    Time at{};
    std::string actor{};
    std::string action{};     ///< "project.create"
    std::string target{};     ///< The id of what it was done to.
    std::string outcome{};    ///< "ok", or the name of an error code.
    std::string reason{};
    std::string details{};    ///< JSON object.
    std::string hash{};       ///< SHA-256 of the record, in hex: the next record's link.
    bool actor_erased = false;    ///< `actor` was recorded and is empty because it was erased: see Audit::erase_personal().
    bool reason_erased = false;   ///< The same of `reason`,
    bool details_erased = false;  ///< and of `details`.
};

struct AuditFilter {
    std::string action{};          ///< Empty: every action. "project." matches all that begin so.
    std::int64_t after = -1;       ///< Records with a larger seq.
    std::int32_t limit = 100;      ///< 1 to 10000, oldest first.
    std::optional<Time> start{};   ///< Recorded at or after. Unset: no bound.
    std::optional<Time> end{};     ///< Recorded before. Unset: no bound.
};

/// What personal values are to be erased: those of a person, or those of one record.
struct ErasePersonalOptions {
    std::string subject{};              ///< The person as the trail names him: an actor, a user's id, an e-mail address, a name. 3 to 256
                                        ///< bytes. Empty: `seq` says which record.
    std::optional<std::int64_t> seq{};  ///< One record, whose reason and details go.
    std::string reason{};               ///< Required. Is recorded, so it should name nobody.
};

struct ErasedPersonal {
    std::int64_t records = 0;      ///< Records whose reason and details were erased.
    bool actor = false;            ///< The name went from every record of which he was the actor.
};

enum class AuditFormat : std::uint8_t {
    json_lines = 1,  ///< An object on each line.
    csv = 2,         ///< RFC 4180 with a line of names. What a spreadsheet would take for a formula has a ' before it.
};

/// Which records are to be written to a file for people, and how.
struct AuditListOptions {
    std::filesystem::path path{};                     ///< Required. Must not exist.
    AuditFormat format = AuditFormat::json_lines;
    std::string action{};                             ///< As in AuditFilter, as the next three.
    std::int64_t after = -1;
    std::optional<Time> start{};
    std::optional<Time> end{};
};

struct AuditListing {
    std::int64_t records = 0;      ///< How many were written.
    std::int64_t last = -1;        ///< The seq of the last one: where a later listing goes on (`after`). -1: none was written.
    Bytes size{};                  ///< Of the file.
    std::string sha256{};          ///< Of the file, in hex.
};

struct AuditReport {
    std::int64_t records = 0;      ///< How many were checked.
    std::string head{};            ///< The hash of the last one; keep it to detect a rollback later.
};

/// A signed statement that the log began with `size` records whose tree has this root. Keep `note`: no later rewriting of the
/// log can agree with it. Formats: docs/design/tenant.md.
struct AuditCheckpoint {
    std::int64_t size = 0;         ///< Records of this log that it covers.
    std::string root{};            ///< RFC 6962 root of those records, in hex.
    Time at{};
    std::string note{};            ///< C2SP signed note over the tree of all logs' heads.
    std::string key{};             ///< The public key in C2SP form; tell it to those who verify, by another way.
};

/// That one record is in the log which a checkpoint signs.
struct AuditProof {
    std::int64_t seq = 0;
    std::int64_t size = 0;             ///< Of the checkpoint.
    std::vector<std::string> path{};   ///< Hashes from the record up to the root, in hex.
    std::string text{};                ///< All of it as a file for the independent verifier.
};

/// How long records are kept. Older ones are pruned: their content goes, their hashes stay, so that every proof of what is younger,
/// and every checkpoint, stays valid.
struct AuditRetention {
    std::optional<std::int32_t> plan_days{};  ///< What the plan keeps. Unset: for ever.
    std::optional<std::int32_t> own_days{};   ///< What set_retention() set.
    std::optional<std::int32_t> days{};       ///< What holds: the shorter one. Unset: for ever.
    std::int64_t first = -1;                  ///< The first record whose content is there. 0: nothing was pruned.
    bool held = false;                        ///< A legal hold: nothing is pruned, no personal value erased.
};

struct AuditRetentionOptions {
    std::optional<std::int32_t> days{};       ///< 1 to 36500. Unset: as long as the plan says.
    std::string reason{};                     ///< Required.
};

/// The audit trail of one tenant, or of the operators.
class TENON_API Audit {
public:
    std::vector<AuditRecord> list(const AuditFilter& filter = {}) const;
    /// Recomputes the whole chain. Throws Corrupt naming the first record that does not fit.
    AuditReport verify() const;

    /// Signs what is there now, and returns the newest checkpoint of this log. The engine takes one by itself every minute in
    /// which something was recorded, and when it closes.
    AuditCheckpoint checkpoint() const;
    /// Throws NotFound for a record that is not there, or was pruned. Takes a checkpoint if none covers the record yet.
    AuditProof prove(std::int64_t seq) const;
    /// RFC 6962 proof, in hex, that the log's first `old_size` records are the beginning of its first `new_size`. Throws
    /// InvalidArgument.
    std::vector<std::string> consistency(std::int64_t old_size, std::int64_t new_size) const;
    /// Writes records, checkpoints and their proofs to one file, which the independent verifier reads. Takes a checkpoint
    /// first. What a personal value was is not in it. Throws Conflict if the file exists.
    AuditCheckpoint export_file(const std::filesystem::path& path) const;
    /// Writes records to a file for people and programs, personal values included as far as they are there. Reads a page at a time,
    /// whatever the trail's length. Throws InvalidArgument, Conflict if the file exists.
    AuditListing export_list(const AuditListOptions& options) const;

    /// Erases personal values for ever. The record itself says of a value only SHA-256(salt ‖ value) with 16 random bytes; value and
    /// salt lie beside it and go, so that every hash, proof and checkpoint stays valid and nobody can guess what was there.
    ///
    /// With `subject`: his name as the actor of any record; reason and details of every record that he is the target of, or that
    /// mention him as whole words. Names and texts count as they are written: call it for each way in which he is written. With
    /// `seq`: reason and details of that record. What is recorded later may name him again. The erasure is recorded itself, without
    /// the subject. Done in portions: a kill in between leaves those that were recorded done; call it again.
    ///
    /// Throws InvalidArgument, NotFound (no such record, or it was pruned), Conflict (a legal hold).
    ErasedPersonal erase_personal(const ErasePersonalOptions& options);

    AuditRetention retention() const;
    /// The engine prunes once a day what is older, as far as a checkpoint has signed it. A record says up to where before anything
    /// goes ("audit.prune"), and the verifier demands that record. Throws InvalidArgument.
    AuditRetention set_retention(const AuditRetentionOptions& options);

private:
    friend struct Internal;
    explicit Audit(std::shared_ptr<AuditImpl> impl);
    std::shared_ptr<AuditImpl> impl_;
};

TENON_END
