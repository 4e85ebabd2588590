#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
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
    std::int64_t seq = 0;     ///< 0, 1, 2 … without holes.
    Time at{};
    std::string actor{};
    std::string action{};     ///< "project.create"
    std::string target{};     ///< The id of what it was done to.
    std::string outcome{};    ///< "ok", or the name of an error code.
    std::string reason{};
    std::string details{};    ///< JSON object.
    std::string hash{};       ///< SHA-256 of the record, in hex: the next record's link.
};

struct AuditFilter {
    std::string action{};          ///< Empty: every action. "project." matches all that begin so.
    std::int64_t after = -1;       ///< Records with a larger seq.
    std::int32_t limit = 100;      ///< 1 to 10000, oldest first.
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

/// The audit trail of one tenant, or of the operators.
class TENON_API Audit {
public:
    std::vector<AuditRecord> list(const AuditFilter& filter = {}) const;
    /// Recomputes the whole chain. Throws Corrupt naming the first record that does not fit.
    AuditReport verify() const;

    /// Signs what is there now, and returns the newest checkpoint of this log. The engine takes one by itself every minute in
    /// which something was recorded, and when it closes.
    AuditCheckpoint checkpoint() const;
    /// Throws NotFound for a record that is not there. Takes a checkpoint if none covers the record yet.
    AuditProof prove(std::int64_t seq) const;
    /// RFC 6962 proof, in hex, that the log's first `old_size` records are the beginning of its first `new_size`. Throws
    /// InvalidArgument.
    std::vector<std::string> consistency(std::int64_t old_size, std::int64_t new_size) const;
    /// Writes records, checkpoints and their proofs to one file, which the independent verifier reads. Takes a checkpoint
    /// first. What a personal value was is not in it. Throws Conflict if the file exists.
    AuditCheckpoint export_file(const std::filesystem::path& path) const;

private:
    friend struct Internal;
    explicit Audit(std::shared_ptr<AuditImpl> impl);
    std::shared_ptr<AuditImpl> impl_;
};

TENON_END
