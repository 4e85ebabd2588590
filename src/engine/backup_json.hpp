#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <base/json.hpp>
#include <tenon/backup.hpp>

/// How payloads and results of backup jobs say what they say.
namespace tenon::engine {

/// Throws InvalidArgument: what can be said before anything is begun.
void check_backup(const BackupOptions& options);
/// Throws InvalidArgument for rules that keep nothing, numbers below -1, zones that there are not.
void check_keep(const KeepRules& rules);

/// Everything but the part of the schedule that is about one run.
base::Json backup_json(const BackupOptions& options);
BackupOptions backup_from(const base::Json& json);
base::Json keep_json(const KeepRules& rules);
KeepRules keep_from(const base::Json& json);

[[nodiscard]] bool is_limited(const WorkLimits& limits);
/// Its member "limits", where there are any.
void set_limits(base::Json& json, const WorkLimits& limits);
/// Of both kinds of bytes that versions before wrote as "per_second".
enum class Moves : std::uint8_t { up, down };
WorkLimits limits_from(const base::Json& json, Moves before = Moves::up);

base::Json tags_json(const std::vector<Label>& tags);
std::vector<Label> tags_from(const base::Json& json);
base::Json texts_json(const std::vector<std::string>& texts);
/// Empty where an older version wrote none.
std::vector<std::string> texts_from(const base::Json& json, std::string_view name);

base::Json erasable_json(const std::vector<ErasableFolder>& folders);
std::vector<ErasableFolder> erasable_from(const base::Json& json);

base::Json damaged_json(const SnapshotId& snapshot, const std::string& path, std::int64_t offset, std::int64_t size);
/// Its member "damaged"; empty where an older version wrote none.
std::vector<DamagedFile> damaged_from(const base::Json& json);

base::Json snapshot_json(const Snapshot& snapshot);
Snapshot snapshot_from(const base::Json& json);

}  // namespace tenon::engine
