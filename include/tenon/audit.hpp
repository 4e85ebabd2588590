#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct AuditImpl;

/// One thing that was done. Records of a tenant form a chain: each holds the hash of the one before.
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

/// The audit trail of one tenant, or of the operators.
class TENON_API Audit {
public:
    std::vector<AuditRecord> list(const AuditFilter& filter = {}) const;
    /// Recomputes the whole chain. Throws Corrupt naming the first record that does not fit.
    AuditReport verify() const;

private:
    friend struct Internal;
    explicit Audit(std::shared_ptr<AuditImpl> impl);
    std::shared_ptr<AuditImpl> impl_;
};

TENON_END
