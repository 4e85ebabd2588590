#pragma once

#include <db/statement.hpp>

#include <jobs/job.hpp>

namespace tenon::jobs {

// States as stored, for use in statements. What is held back, by a pause or by jobs it waits for, is one state: its columns
// `paused` and `waits_for` say why. It is less than the others that wait, so that `state < 3` is all that waits.
#define TENON_JOB_HELD "0"
#define TENON_JOB_SCHEDULED "1"
#define TENON_JOB_READY "2"
#define TENON_JOB_RUNNING "3"
#define TENON_JOB_CANCELLED "6"
static_assert(static_cast<int>(JobState::scheduled) == 1 && static_cast<int>(JobState::ready) == 2 &&
              static_cast<int>(JobState::running) == 3 && static_cast<int>(JobState::cancelled) == 6);

#define TENON_JOB_COLUMNS                                                                                                  \
    "tenant_id, id, kind, payload, cause, state, attempt, max_attempts, cursor, progress, result, failure, hold, cancel, " \
    "created_at, started_at, ended_at, fence, due_at, prio, unique_key, paused, waits_for, job_key, batch"

/// Which pauses hold a job: bits of the column `paused`.
enum Pauses : std::int64_t { paused_itself = 1, paused_kind = 2, paused_all = 4 };

JobRow from_row(const db::Rows& row);
std::int64_t fence_of(const db::Rows& row);

/// Progress as stored, and back.
std::string progress_json(const Progress& progress);
Progress progress_from(const std::string& text);

/// The failure of a job that was cancelled.
std::string cancelled_json();

namespace sql {

constexpr db::TenantStmt insert{
    "INSERT INTO job_ (tenant_id, id, queue, prio, kind, payload, cause, unique_key, hold, state, attempt, max_attempts, "
    "fence, due_at, cursor, progress, result, failure, cancel, created_at, paused, waits_for, job_key, batch) "
    "VALUES (:tenant, :id, 'default', :prio, :kind, :payload, :cause, :unique_key, :hold, :state, 0, :max_attempts, 0, "
    ":due_at, '', '', '', '', 0, :created_at, :paused, :waits_for, :job_key, :batch)"};
constexpr db::TenantStmt find{"SELECT " TENON_JOB_COLUMNS " FROM job WHERE tenant_id = :tenant AND id = :id"};
/// find() without what can be long.
constexpr db::TenantStmt glance{
    "SELECT tenant_id, id, kind, '', '', state, attempt, max_attempts, '', progress, '', failure, hold, cancel, "
    "created_at, started_at, ended_at, fence, due_at, prio, unique_key, paused, waits_for, job_key, batch FROM job "
    "WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt list{"SELECT " TENON_JOB_COLUMNS
                              " FROM job WHERE tenant_id = :tenant AND (:kind = '' OR kind = :kind)"
                              " AND (:state < 0 OR (state = :state AND (:paused < 0 OR (paused = 0) = (:paused = 0))))"
                              " AND (:batch = '' OR batch = :batch) AND (:after IS NULL OR id < :after)"
                              " ORDER BY id DESC LIMIT :limit"};

/// Each tenant with ready jobs, and the first in its line. Hops from tenant to tenant along the index of ready jobs, so that
/// a long line of one costs no more than a short one.
constexpr db::SystemStmt waiting{
    "WITH RECURSIVE line (tenant) AS (SELECT MIN(tenant_id) FROM job_ WHERE state = " TENON_JOB_READY " UNION ALL "
    "SELECT (SELECT MIN(j.tenant_id) FROM job_ j WHERE j.state = " TENON_JOB_READY " AND j.tenant_id > line.tenant) "
    "FROM line WHERE line.tenant IS NOT NULL) "
    "SELECT f.tenant_id, f.id, f.prio FROM line JOIN job_ f ON f.tenant_id = line.tenant AND f.id = "
    "(SELECT j.id FROM job_ j WHERE j.state = " TENON_JOB_READY " AND j.tenant_id = line.tenant ORDER BY j.prio DESC, j.id LIMIT 1)"};
/// And whether there is another one.
constexpr db::TenantStmt next_ready{"SELECT " TENON_JOB_COLUMNS " FROM job WHERE tenant_id = :tenant AND state = " TENON_JOB_READY
                                    " ORDER BY prio DESC, id LIMIT 2"};
constexpr db::TenantStmt claim{"UPDATE job_ SET state = " TENON_JOB_RUNNING
                               ", attempt = attempt + 1, fence = fence + 1, failure = '', started_at = :now"
                               " WHERE tenant_id = :tenant AND id = :id AND state = " TENON_JOB_READY};
constexpr db::TenantStmt insert_run{
    "INSERT INTO job_run_ (tenant_id, job_id, node, fence, heartbeat_at, expires_at) "
    "VALUES (:tenant, :id, :node, :fence, :now, :expires)"};
constexpr db::TenantStmt remove_run{"DELETE FROM job_run_ WHERE tenant_id = :tenant AND job_id = :id"};
constexpr db::TenantStmt finish{"UPDATE job_ SET state = :state, result = :result, failure = :failure, progress = :progress, "
                                "ended_at = :now WHERE tenant_id = :tenant AND id = :id AND fence = :fence"
                                " AND state = " TENON_JOB_RUNNING};
constexpr db::TenantStmt cancel_waiting{"UPDATE job_ SET state = " TENON_JOB_CANCELLED ", cancel = 1, failure = :failure, ended_at = :now"
                                        " WHERE tenant_id = :tenant AND id = :id AND state < " TENON_JOB_RUNNING};
constexpr db::TenantStmt forget_needs{"DELETE FROM job_need_ WHERE tenant_id = :tenant AND job_id = :id"};
constexpr db::TenantStmt put_back{"UPDATE job_ SET state = CASE WHEN paused = 0 THEN " TENON_JOB_READY " ELSE " TENON_JOB_HELD
                                  " END, attempt = :attempt, fence = fence + 1 WHERE tenant_id = :tenant AND id = :id"
                                  " AND fence = :fence AND state = " TENON_JOB_RUNNING};
constexpr db::TenantStmt try_again{"UPDATE job_ SET state = CASE WHEN paused = 0 THEN " TENON_JOB_SCHEDULED " ELSE " TENON_JOB_HELD
                                   " END, due_at = :due, failure = :failure, fence = fence + 1 WHERE tenant_id = :tenant AND id = :id"
                                   " AND fence = :fence AND state = " TENON_JOB_RUNNING};
constexpr db::TenantStmt reschedule{"UPDATE job_ SET prio = :prio, due_at = :due, state = CASE WHEN state = " TENON_JOB_HELD
                                    " THEN state ELSE :state END WHERE tenant_id = :tenant AND id = :id"
                                    " AND state < " TENON_JOB_RUNNING};
constexpr db::TenantStmt save_cursor{"UPDATE job_ SET cursor = :cursor WHERE tenant_id = :tenant AND id = :id"
                                     " AND fence = :fence AND state = " TENON_JOB_RUNNING};
constexpr db::TenantStmt request_cancel{"UPDATE job_ SET cancel = 1 WHERE tenant_id = :tenant AND id = :id"};

constexpr db::SystemStmt promote{"UPDATE job_ SET state = " TENON_JOB_READY " WHERE state = " TENON_JOB_SCHEDULED
                                 " AND due_at <= :now"};
constexpr db::SystemStmt any_due{"SELECT 1 FROM job_ WHERE state = " TENON_JOB_SCHEDULED " AND due_at <= :now LIMIT 1"};
constexpr db::SystemStmt all_due{"SELECT id FROM job_ WHERE state = " TENON_JOB_SCHEDULED " AND due_at <= :now"};
constexpr db::TenantStmt run_of{"SELECT node FROM job_run WHERE tenant_id = :tenant AND job_id = :id"};
constexpr db::SystemStmt all_runs{"SELECT tenant_id, job_id, node, expires_at FROM job_run_"};
constexpr db::SystemStmt beat{"UPDATE job_run_ SET heartbeat_at = :now, expires_at = :expires"
                              " WHERE tenant_id = :of AND job_id = :id AND node = :node AND fence = :fence"};
constexpr db::SystemStmt write_progress{"UPDATE job_ SET progress = :progress WHERE tenant_id = :of AND id = :id"
                                        " AND fence = :fence AND state = " TENON_JOB_RUNNING};
constexpr db::SystemStmt cancels_here{"SELECT j.id FROM job_ j JOIN job_run_ r ON r.tenant_id = j.tenant_id AND r.job_id = j.id"
                                      " WHERE r.node = :node AND j.cancel = 1"};

constexpr db::TenantStmt unended{"SELECT id FROM job WHERE tenant_id = :tenant AND ended_at IS NULL"};
constexpr db::TenantStmt unended_of_cause{"SELECT 1 FROM job WHERE tenant_id = :tenant AND ended_at IS NULL AND cause = :cause LIMIT 1"};
constexpr db::SystemStmt any_ended{"SELECT 1 FROM job_ WHERE ended_at < :before LIMIT 1"};
constexpr db::SystemStmt forget_ended{
    "DELETE FROM job_ WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM job_ WHERE ended_at < :before AND state > " TENON_JOB_RUNNING
    " ORDER BY ended_at LIMIT :most)"};
constexpr db::TenantStmt erase_needs{"DELETE FROM job_need_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt erase_pauses{"DELETE FROM job_pause_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt erase_runs{"DELETE FROM job_run_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt erase_jobs{"DELETE FROM job_ WHERE tenant_id = :tenant"};

}  // namespace sql
}  // namespace tenon::jobs
