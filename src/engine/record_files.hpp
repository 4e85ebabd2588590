#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <base/json.hpp>
#include <db/database.hpp>

#include "takeout_writer.hpp"

/// A tenant's rows as files of lines, for takeouts and for backups: what they tell, and which files of the workspace they name.
namespace tenon::engine::record_files {

/// What the rows of one moment say.
struct Told {
    Time at{};
    std::int64_t audit_records = 0;
    std::map<std::string, std::int64_t> counts{};   ///< Lines, by kind.
    std::vector<takeout::Original> named{};
    std::vector<takeout::Original> restored{};      ///< May be gone from the disk: their rows follow.
    std::set<std::string> doomed{};
};

struct Teller {
    std::filesystem::path folder{};                 ///< A file for each kind is made in it: "asset.jsonl".
    bool durable = true;
    /// Hears of each file that is complete.
    std::function<void(const std::string& name, std::int64_t size, const std::string& sha256)> on_file{};
    std::function<void()> look{};                   ///< Asked now and then; throws what ends it.
    std::function<void(std::int64_t)> advance{};    ///< Hears of records.
};

/// Longest that a transaction may take for it.
inline constexpr Duration longest_read = std::chrono::minutes(15);

/// All kinds but snapshots, which lie in no row. `at`: whatever was durable by then is what the first statement finds.
Told tell(db::Reader& reader, Time at, const Teller& teller);

/// The newest migration of each part of the schema.
base::Json schema();

}  // namespace tenon::engine::record_files
