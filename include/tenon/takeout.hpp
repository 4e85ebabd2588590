#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/job.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct TakeoutOptions {
    std::filesystem::path target{};      ///< Required. A folder that is not there yet, outside of the engine's home; the folder it
                                         ///< is to lie in is there.
    JobSchedule schedule{};
};

/// How many records of one kind there are.
struct RecordCount {
    std::string kind{};                  ///< "asset", "usage_event" …: a file of the takeout's folder `records`.
    std::int64_t count = 0;
};

/// A folder with everything that a tenant owned at a moment, in open formats. Formats: docs/design/takeout.md.
struct Takeout {
    std::filesystem::path path{};
    Time at{};                           ///< Records are what was stored at this moment, all of one transaction.
    std::vector<RecordCount> records{};  ///< Of every kind, those of which there is nothing too.
    std::int64_t originals = 0;          ///< Assets, exports, footage: copied as they are.
    std::int64_t files = 0;              ///< All that the list of files names, those of records too.
    Bytes size{};                        ///< Of these.
    std::int64_t problems = 0;           ///< Originals that could not be copied, or are not what was recorded of them; see
                                         ///< problems.jsonl.
    std::string manifest_sha256{};       ///< Of manifest.txt, in hex.
    std::string key{};                   ///< That signed it: the public key in C2SP form, the one of the audit trail.
};

class TENON_API TakeoutJob : public Job {
public:
    Takeout result();                    ///< Waits for the end. Throws what ended the job.

private:
    friend struct Internal;
    explicit TakeoutJob(std::shared_ptr<JobImpl> impl);
};

/// Everything that a tenant owns, for it to take along: records of all kinds as JSON, one a line, the original files, the evidence
/// of its audit trail, and a signed manifest of them all. Never a password, a key or another secret. Also while the tenant is
/// suspended or archived.
class TENON_API Takeouts {
public:
    /// Returns at once. The folder appears whole, when all of it is durable, or not at all; a killed process's job begins anew. A disk
    /// without room ends the job in NoSpace, with nothing left behind. Needs the permission tenant:export, which owners have.
    /// Records who did it, and in the end the manifest's hash; the event "takeout.made" tells of it.
    /// Throws InvalidArgument, NotFound (the folder it is to lie in), Conflict (the target exists), PermissionDenied (it lies in the
    /// engine's home).
    /// Cancel    between pieces of files.
    TakeoutJob start(const TakeoutOptions& options);
    [[nodiscard]] std::optional<TakeoutJob> find(const JobId& id) const;

private:
    friend struct Internal;
    explicit Takeouts(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
