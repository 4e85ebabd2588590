#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <db/tx.hpp>
#include <db/migration.hpp>
#include <tenon/recurrence.hpp>

namespace tenon::jobs {

/// A recurrence as stored, with what its jobs are made from: its owner's own JSON.
struct RecurrenceRow {
    Recurrence info{};
    std::string payload{};
};

db::Migration recurrence_migration();

namespace recurrences {

constexpr std::int64_t most = 100;

/// Of those that are only the clocks of another part's schedules: neither listed nor counted, and started by that part.
inline constexpr const char* clock_kind = "backup_schedule";

/// A time is seen in time up to so long after it; then it was missed.
constexpr Duration grace = std::chrono::minutes(5);

/// What is to be done for a recurrence whose `next_at` has come.
struct Turn {
    std::optional<Time> run{};   ///< The time to start a job for. Empty: all that has passed is passed over.
    std::optional<Time> next{};
};
/// Throws InvalidArgument: rules that this machine does not know.
Turn turn_of(const Recurrence& info, Time now);

/// The first time after `after`. Throws InvalidArgument, subject "cron" or "zone".
std::optional<Time> next_of(const std::string& cron, const std::string& zone, Time after);

/// Throws Conflict when the name is taken or there are too many.
void add(db::Tx& tx, const RecurrenceRow& row);
[[nodiscard]] std::optional<RecurrenceRow> find(db::Reader& reader, const std::string& name);
std::vector<Recurrence> list(db::Reader& reader);  ///< Without clocks.
/// Stores when and how it comes again: cron, zone, misfire, paused, next_at.
void change(db::Tx& tx, const Recurrence& info);
/// False: there is none.
bool remove(db::Tx& tx, const std::string& name);
void erase(db::Tx& tx);

/// Whose next time has come, the most overdue first.
std::vector<std::pair<TenantId, std::string>> due(db::SystemReader& reader, Time now, std::int32_t most);

/// Moves on to the next time, if `seen` is still what is due: of several processes one succeeds. What came of the time is kept
/// with it; nothing, where `turn.run` is empty. False: somebody else was quicker, or it was changed.
bool move_on(db::Tx& tx, const std::string& name, Time seen, const Turn& turn);
void note_started(db::Tx& tx, const std::string& name, Time at, const JobId& job);
void note_refused(db::Tx& tx, const std::string& name, Time at, const Error& error);

}  // namespace recurrences
}  // namespace tenon::jobs
