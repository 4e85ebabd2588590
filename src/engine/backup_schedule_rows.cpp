#include "backup_schedule_rows.hpp"

#include <tenon/error.hpp>

namespace tenon::engine::schedule_rows {
namespace {

constexpr db::TenantStmt insert_schedule{
    "INSERT INTO backup_schedule_ (tenant_id, name, options, paused, overdue_at, told, created_at) "
    "VALUES (:tenant, :name, :options, :paused, :overdue_at, 0, :created_at) ON CONFLICT (tenant_id, name) DO NOTHING"};
constexpr db::TenantStmt update_schedule{
    "UPDATE backup_schedule_ SET options = :options, paused = :paused, overdue_at = :overdue_at, told = 0 "
    "WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt drop_schedule{"DELETE FROM backup_schedule_ WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt drop_schedules{"DELETE FROM backup_schedule_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt one_schedule{
    "SELECT name, options, paused, overdue_at, created_at FROM backup_schedule WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt all_schedules{
    "SELECT name, options, paused, overdue_at, created_at FROM backup_schedule WHERE tenant_id = :tenant ORDER BY name"};
constexpr db::TenantStmt number_of_schedules{"SELECT COUNT(*) FROM backup_schedule WHERE tenant_id = :tenant"};

constexpr db::TenantStmt insert_work{
    "INSERT INTO backup_schedule_work_ (tenant_id, schedule, work, retry, timed_out, message, failures) "
    "VALUES (:tenant, :schedule, :work, 0, 0, '', 0) ON CONFLICT (tenant_id, schedule, work) DO NOTHING"};
constexpr db::TenantStmt update_work{
    "UPDATE backup_schedule_work_ SET job_id = :job, retry = :retry, retry_at = :retry_at, waits_since = :waits_since, limit_at = :limit_at, "
    "timed_out = :timed_out, error = :error, message = :message, failures = :failures, succeeded_at = :succeeded_at, snapshot_id = :snapshot "
    "WHERE tenant_id = :tenant AND schedule = :schedule AND work = :work"};
constexpr db::TenantStmt drop_work{"DELETE FROM backup_schedule_work_ WHERE tenant_id = :tenant AND schedule = :schedule AND work = :work"};
constexpr db::TenantStmt drop_works_of{"DELETE FROM backup_schedule_work_ WHERE tenant_id = :tenant AND schedule = :schedule"};
constexpr db::TenantStmt drop_works{"DELETE FROM backup_schedule_work_ WHERE tenant_id = :tenant"};
#define TENON_SCHEDULE_WORK_COLUMNS \
    "schedule, work, job_id, retry, retry_at, waits_since, limit_at, timed_out, error, message, failures, succeeded_at, snapshot_id"
constexpr db::TenantStmt works_of{"SELECT " TENON_SCHEDULE_WORK_COLUMNS
                                  " FROM backup_schedule_work WHERE tenant_id = :tenant AND schedule = :schedule ORDER BY work"};
constexpr db::TenantStmt work_of_job{"SELECT " TENON_SCHEDULE_WORK_COLUMNS " FROM backup_schedule_work WHERE tenant_id = :tenant AND job_id = :job"};

constexpr db::SystemStmt all_overdue{
    "SELECT tenant_id, name FROM backup_schedule_ WHERE overdue_at <= :now AND told = 0 ORDER BY overdue_at LIMIT :most"};
constexpr db::TenantStmt tell_overdue{
    "UPDATE backup_schedule_ SET told = 1 WHERE tenant_id = :tenant AND name = :name AND told = 0 AND overdue_at <= :now"};
constexpr db::SystemStmt all_late{"SELECT tenant_id, schedule, work FROM backup_schedule_work_ WHERE limit_at <= :now ORDER BY limit_at LIMIT :most"};

Row schedule_row(const db::Rows& rows) {
    return {.name = rows.text(0), .options = rows.text(1), .paused = rows.boolean(2), .overdue_at = rows.maybe_time(3), .created_at = rows.time(4)};
}

std::pair<std::string, WorkRow> work_row(const db::Rows& rows) {
    WorkRow work{.work = static_cast<ScheduledWork>(rows.i64(1)), .job = rows.maybe_id<JobId>(2), .retry = static_cast<std::int32_t>(rows.i64(3)),
                 .retry_at = rows.maybe_time(4), .waits_since = rows.maybe_time(5), .limit_at = rows.maybe_time(6), .timed_out = rows.boolean(7)};
    if (const auto code = rows.maybe_i64(8)) work.error = static_cast<Errc>(*code);
    work.message = rows.text(9);
    work.failures = static_cast<std::int32_t>(rows.i64(10));
    work.succeeded_at = rows.maybe_time(11);
    work.snapshot = rows.maybe_id<SnapshotId>(12);
    return {rows.text(0), std::move(work)};
}

constexpr ScheduledWork every_work[] = {ScheduledWork::backup, ScheduledWork::prune, ScheduledWork::check, ScheduledWork::drill};

}  // namespace

std::vector<db::Migration> migrations() {
    return {{"engine", 7,
             db::tenant_table("backup_schedule",
                              "name TEXT NOT NULL, options TEXT NOT NULL, paused INTEGER NOT NULL, overdue_at INTEGER, told INTEGER NOT NULL, "
                              "created_at INTEGER NOT NULL",
                              "PRIMARY KEY (tenant_id, name)") +
                 "CREATE INDEX backup_schedule_overdue ON backup_schedule_ (overdue_at) WHERE overdue_at IS NOT NULL AND told = 0;\n" +
                 db::tenant_table("backup_schedule_work",
                                  "schedule TEXT NOT NULL, work INTEGER NOT NULL, job_id BLOB, retry INTEGER NOT NULL, retry_at INTEGER, "
                                  "waits_since INTEGER, limit_at INTEGER, timed_out INTEGER NOT NULL, error INTEGER, message TEXT NOT NULL, "
                                  "failures INTEGER NOT NULL, succeeded_at INTEGER, snapshot_id BLOB",
                                  "PRIMARY KEY (tenant_id, schedule, work)") +
                 "CREATE INDEX backup_schedule_work_job ON backup_schedule_work_ (tenant_id, job_id) WHERE job_id IS NOT NULL;\n"
                 "CREATE INDEX backup_schedule_work_limit ON backup_schedule_work_ (limit_at) WHERE limit_at IS NOT NULL;\n"}};
}

std::string clock_name(const std::string& schedule, ScheduledWork work) { return std::string(to_string(work)) + "\t" + schedule; }

std::pair<std::string, ScheduledWork> named_by(const std::string& clock) {
    const auto tab = clock.find('\t');
    for (const auto work : every_work)
        if (tab != std::string::npos && clock.compare(0, tab, to_string(work)) == 0) return {clock.substr(tab + 1), work};
    throw Unsupported("a newer version knows what this schedule does", {.subject = clock});
}

void add(db::Tx& tx, const Row& row) {
    {
        auto rows = tx.query(number_of_schedules);
        if (rows.next() && rows.i64(0) >= most) throw Conflict("there are 100 schedules already: remove one", {.subject = row.name});
    }
    if (tx.exec(insert_schedule, row.name, row.options, row.paused, row.overdue_at, row.created_at) == 0)
        throw Conflict("there is a schedule of this name already", {.subject = row.name});
}

void change(db::Tx& tx, const Row& row) { tx.exec(update_schedule, row.options, row.paused, row.overdue_at, row.name); }

bool remove(db::Tx& tx, const std::string& name) {
    tx.exec(drop_works_of, name);
    return tx.exec(drop_schedule, name) == 1;
}

std::optional<Row> find(db::Reader& reader, const std::string& name) {
    auto rows = reader.query(one_schedule, name);
    return rows.next() ? std::optional(schedule_row(rows)) : std::nullopt;
}

std::vector<Row> list(db::Reader& reader) {
    std::vector<Row> found;
    for (auto rows = reader.query(all_schedules); rows.next();) found.push_back(schedule_row(rows));
    return found;
}

void erase(db::Tx& tx) {
    tx.exec(drop_works);
    tx.exec(drop_schedules);
}

void put_work(db::Tx& tx, const std::string& schedule, const WorkRow& work) {
    const auto number = static_cast<std::int64_t>(work.work);
    const auto error = work.error ? std::optional(static_cast<std::int64_t>(*work.error)) : std::nullopt;
    tx.exec(insert_work, schedule, number);
    tx.exec(update_work, work.job, std::int64_t{work.retry}, work.retry_at, work.waits_since, work.limit_at, work.timed_out, error, work.message,
            std::int64_t{work.failures}, work.succeeded_at, work.snapshot, schedule, number);
}

void remove_work(db::Tx& tx, const std::string& schedule, ScheduledWork work) { tx.exec(drop_work, schedule, static_cast<std::int64_t>(work)); }

std::vector<WorkRow> works(db::Reader& reader, const std::string& schedule) {
    std::vector<WorkRow> found;
    for (auto rows = reader.query(works_of, schedule); rows.next();) found.push_back(work_row(rows).second);
    return found;
}

std::optional<WorkRow> find_work(db::Reader& reader, const std::string& schedule, ScheduledWork work) {
    for (auto& found : works(reader, schedule))
        if (found.work == work) return std::move(found);
    return std::nullopt;
}

std::optional<std::pair<std::string, WorkRow>> find_by_job(db::Reader& reader, const JobId& job) {
    auto rows = reader.query(work_of_job, job);
    return rows.next() ? std::optional(work_row(rows)) : std::nullopt;
}

std::vector<std::pair<TenantId, std::string>> overdue(db::SystemReader& reader, Time now, std::int32_t most_of_them) {
    std::vector<std::pair<TenantId, std::string>> found;
    for (auto rows = reader.query(all_overdue, now, most_of_them); rows.next();) found.emplace_back(rows.id<TenantId>(0), rows.text(1));
    return found;
}

bool note_overdue(db::Tx& tx, const std::string& name, Time now) { return tx.exec(tell_overdue, name, now) == 1; }

std::vector<Late> late(db::SystemReader& reader, Time now, std::int32_t most_of_them) {
    std::vector<Late> found;
    for (auto rows = reader.query(all_late, now, most_of_them); rows.next();)
        found.push_back({rows.id<TenantId>(0), rows.text(1), static_cast<ScheduledWork>(rows.i64(2))});
    return found;
}

}  // namespace tenon::engine::schedule_rows
