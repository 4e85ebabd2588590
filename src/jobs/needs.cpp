// Jobs that wait for others. What is waited for must exist when a job is enqueued and never changes, so there are no cycles. A row of
// `job_need` is there as long as it holds its job back.
#include <algorithm>
#include <deque>
#include <set>

#include "queue_state.hpp"
#include "statements.hpp"

namespace tenon::jobs {
namespace {

/// Jobs told in the transaction of an end; the keeper tells the others, so that no end takes long.
constexpr std::int64_t told_at_once = 200;

constexpr db::TenantStmt insert_need{
    "INSERT INTO job_need_ (tenant_id, job_id, needs_id, go_on) VALUES (:tenant, :job, :needs, :go_on)"};
constexpr db::TenantStmt needs{"SELECT needs_id FROM job_need WHERE tenant_id = :tenant AND job_id = :job ORDER BY needs_id"};
constexpr db::TenantStmt state_of{"SELECT state FROM job WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt needed_by{"SELECT job_id, go_on FROM job_need WHERE tenant_id = :tenant AND needs_id = :id LIMIT :most"};
constexpr db::TenantStmt drop_need{"DELETE FROM job_need_ WHERE tenant_id = :tenant AND job_id = :job AND needs_id = :needs"};
constexpr db::TenantStmt need_less{
    "UPDATE job_ SET waits_for = waits_for - 1, state = CASE WHEN state = " TENON_JOB_HELD " AND waits_for = 1 AND paused = 0 THEN "
    "CASE WHEN due_at > :now THEN " TENON_JOB_SCHEDULED " ELSE " TENON_JOB_READY " END ELSE state END "
    "WHERE tenant_id = :tenant AND id = :id"};
constexpr db::SystemStmt overdue{
    "SELECT DISTINCT n.tenant_id, n.needs_id FROM job_need_ n JOIN job_ j ON j.tenant_id = n.tenant_id AND j.id = n.needs_id "
    "WHERE j.state > " TENON_JOB_RUNNING " LIMIT 100"};

std::string why(const JobRow& ended) {
    const char* how = ended.state == JobState::cancelled ? " was cancelled" : ended.state == JobState::dead ? " is dead" : " failed";
    return failure_json(Cancelled("job " + ended.id.text() + ", which this one waited for," + how, {.subject = ended.id.text()}));
}

}  // namespace

std::vector<JobId> needs_of(db::Reader& reader, const JobRow& job) {
    std::vector<JobId> ids;
    if (job.waits_for == 0) return ids;
    for (auto rows = reader.query(needs, job.id); rows.next();) ids.push_back(rows.id<JobId>(0));
    return ids;
}

/// How many of the jobs it is to wait for have not ended.
std::int64_t Queue::Impl::check_needs(db::Reader& reader, const NewJob& job) const {
    std::int64_t open = 0;
    for (const auto& id : std::set<JobId>(job.after.begin(), job.after.end())) {
        auto rows = reader.query(state_of, id);
        if (!rows.next()) refuse_unknown(id);
        const auto state = rows.i64(0);
        if (state <= static_cast<std::int64_t>(JobState::running)) {
            ++open;
        } else if (static_cast<JobState>(state) != JobState::succeeded && job.after_failure == AfterFailure::cancel) {
            throw Conflict("the job to wait for has ended without success", {.subject = id.text()});
        }
    }
    return open;
}

void Queue::Impl::add_needs(db::Tx& tx, const JobId& id, const NewJob& job) const {
    for (const auto& needed : std::set<JobId>(job.after.begin(), job.after.end())) {
        auto rows = tx.query(state_of, needed);
        if (rows.next() && rows.i64(0) <= static_cast<std::int64_t>(JobState::running))
            tx.exec(insert_need, id, needed, job.after_failure == AfterFailure::go_on);
    }
}

/// Lets those go on that waited for a job which has ended, or cancels them, and those that waited for these.
void Queue::Impl::tell_those_who_wait(db::Tx& tx, const JobRow& ended) {
    if (!tx.query(needed_by, ended.id, 1).next()) return;  // as nearly always
    std::deque<JobRow> told{ended};
    std::int64_t left = told_at_once;
    bool any = false;
    while (!told.empty()) {
        const auto end = std::move(told.front());
        told.pop_front();
        std::vector<std::pair<JobId, bool>> waiting;
        for (auto rows = tx.query(needed_by, end.id, left); rows.next();) waiting.emplace_back(rows.id<JobId>(0), rows.boolean(1));
        for (const auto& [id, go_on] : waiting) {
            any = true;
            --left;
            if (end.state == JobState::succeeded || go_on) {
                tx.exec(drop_need, id, end.id);
                tx.exec(need_less, now(), id);
                touch_when_durable(tx, id);
                continue;
            }
            auto one = find_fenced(tx, id).value();
            auto next = one.job;
            next.state = JobState::cancelled;
            if (end_waiting(tx, std::move(one), why(end))) told.push_back(std::move(next));
        }
        if (left > 0) continue;
        tx.on_commit([self = weak_from_this()] {
            if (const auto queue = self.lock()) queue->left_over = true;
        });
        break;
    }
    if (any) ready_when_durable(tx);
}

/// What one transaction was too small for, or a process that died had left.
void Queue::Impl::tell_left_over() {
    std::vector<std::pair<TenantId, JobId>> ended;
    database.read(system, [&](db::SystemReader& reader) {
        for (auto rows = reader.query(overdue); rows.next();) ended.emplace_back(rows.id<TenantId>(0), rows.id<JobId>(1));
    });
    for (const auto& [tenant, id] : ended) {
        const auto scope = hooks.scope(tenant);
        if (!scope) continue;
        database.write(*scope, [&, job = id](db::Tx& tx) {
            if (const auto found = find_fenced(tx, job); found && has_ended(found->job.state)) tell_those_who_wait(tx, found->job);
        });
        left_over = true;  // look again: there may be more of them
    }
}

}  // namespace tenon::jobs
