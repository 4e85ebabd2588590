#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <db/database.hpp>
#include <db/migration.hpp>
#include <jobs/recurrence.hpp>
#include <tenon/backup_schedule.hpp>

/// Tables `backup_schedule`, one row each, and `backup_schedule_work`, one for each kind of its work: what became of it. When it comes
/// is said by a recurrence that is the clock of that work.
namespace tenon::engine::schedule_rows {

std::vector<db::Migration> migrations();

constexpr std::int64_t most = 100;

struct Row {
    std::string name{};
    std::string options{};               ///< JSON: see backup_json.hpp.
    bool paused = false;
    std::optional<Time> overdue_at{};
    Time created_at{};
};

struct WorkRow {
    ScheduledWork work = ScheduledWork::backup;
    std::optional<JobId> job{};          ///< Started last.
    std::int32_t retry = 0;              ///< Which try after the first its time is at.
    std::optional<Time> retry_at{};      ///< The clock's next time is this retry's.
    std::optional<Time> waits_since{};   ///< The time that has come and waits for other work to end.
    std::optional<Time> limit_at{};      ///< The job is cancelled then.
    bool timed_out = false;              ///< That was done.
    std::optional<Errc> error{};
    std::string message{};
    std::int32_t failures = 0;
    std::optional<Time> succeeded_at{};
    std::optional<SnapshotId> snapshot{};
};

/// The name of its clock among the tenant's recurrences: one that nobody can give to a recurrence.
std::string clock_name(const std::string& schedule, ScheduledWork work);
/// Back from there.
std::pair<std::string, ScheduledWork> named_by(const std::string& clock);

/// Throws Conflict when the name is taken or there are too many.
void add(db::Tx& tx, const Row& row);
/// Stores options, paused and overdue_at; that it is overdue is told anew. Throws NotFound.
void change(db::Tx& tx, const Row& row);
/// False: there is none.
bool remove(db::Tx& tx, const std::string& name);
[[nodiscard]] std::optional<Row> find(db::Reader& reader, const std::string& name);
std::vector<Row> list(db::Reader& reader);
void erase(db::Tx& tx);

void put_work(db::Tx& tx, const std::string& schedule, const WorkRow& work);
void remove_work(db::Tx& tx, const std::string& schedule, ScheduledWork work);
/// In the order of ScheduledWork.
std::vector<WorkRow> works(db::Reader& reader, const std::string& schedule);
[[nodiscard]] std::optional<WorkRow> find_work(db::Reader& reader, const std::string& schedule, ScheduledWork work);
/// Whose job this is.
[[nodiscard]] std::optional<std::pair<std::string, WorkRow>> find_by_job(db::Reader& reader, const JobId& job);

/// Who is overdue and has not said so.
std::vector<std::pair<TenantId, std::string>> overdue(db::SystemReader& reader, Time now, std::int32_t most);
/// False: it was said meanwhile, or it is not overdue any more.
bool note_overdue(db::Tx& tx, const std::string& name, Time now);

struct Late {
    TenantId tenant{};
    std::string schedule{};
    ScheduledWork work = ScheduledWork::backup;
};
/// Whose jobs take longer than they may.
std::vector<Late> late(db::SystemReader& reader, Time now, std::int32_t most);

}  // namespace tenon::engine::schedule_rows
