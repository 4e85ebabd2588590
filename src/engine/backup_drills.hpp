#pragma once

#include <optional>
#include <string>
#include <vector>

#include <db/database.hpp>
#include <db/migration.hpp>
#include <tenon/backup_drill.hpp>

#include "core.hpp"

namespace tenon::engine {

inline constexpr const char* drill_kind = "drill";

/// Whose drill it is, and by which times its backups come: that is what the age of the newest is measured by.
struct DrillOwner {
    std::string schedule{};
    std::string cron{};
    std::string zone{};
};

/// Puts a drill into the queue. Throws what BackupDrills::start does.
JobId start_drill(const SessionImpl& session, const DrillOptions& options, const DrillOwner& owner = {});

/// Table `drill`: reports, by job.
namespace drill_rows {

std::vector<db::Migration> migrations();
/// Those of the last two years are kept.
void add(db::Tx& tx, const DrillReport& report);
std::vector<DrillReport> list(db::Reader& reader, const DrillFilter& filter);
void erase(db::Tx& tx);

}  // namespace drill_rows

DrillReport drill_from(const std::string& json);
std::string drill_json(const DrillReport& report);

}  // namespace tenon::engine
