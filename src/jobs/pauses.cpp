// Pauses move what they hold from the line of ready jobs into the held state, once, so that looking for work never passes over it.
#include "queue_state.hpp"
#include "statements.hpp"

namespace tenon::jobs {
namespace {

constexpr db::TenantStmt pauses_for{"SELECT kind FROM job_pause WHERE tenant_id = :tenant AND kind IN (:kind, '')"};
constexpr db::TenantStmt all_pauses{"SELECT kind, paused_at FROM job_pause WHERE tenant_id = :tenant ORDER BY kind"};
constexpr db::TenantStmt insert_pause{
    "INSERT INTO job_pause_ (tenant_id, kind, paused_at) VALUES (:tenant, :kind, :now) ON CONFLICT (tenant_id, kind) DO NOTHING"};
constexpr db::TenantStmt remove_pause{"DELETE FROM job_pause_ WHERE tenant_id = :tenant AND kind = :kind"};

constexpr db::TenantStmt hold_one{"UPDATE job_ SET paused = paused + :bit, state = " TENON_JOB_HELD
                                  " WHERE tenant_id = :tenant AND id = :id AND state < " TENON_JOB_RUNNING " AND (paused & :bit) = 0"};
// A running job keeps the mark: put back, it is held.
constexpr db::TenantStmt hold_kind{"UPDATE job_ SET paused = paused + :bit, state = CASE WHEN state < " TENON_JOB_RUNNING " THEN " TENON_JOB_HELD
                                   " ELSE state END WHERE tenant_id = :tenant AND ended_at IS NULL"
                                   " AND (:kind = '' OR kind = :kind) AND (paused & :bit) = 0"};

#define TENON_JOB_LET_GO                                                                                         \
    "UPDATE job_ SET paused = paused - :bit, state = CASE WHEN state = 0 AND paused = :bit AND waits_for = 0 THEN " \
    "CASE WHEN due_at > :now THEN 1 ELSE 2 END ELSE state END WHERE tenant_id = :tenant AND ended_at IS NULL AND (paused & :bit) <> 0 "

constexpr db::TenantStmt let_one_go{TENON_JOB_LET_GO "AND id = :id"};
constexpr db::TenantStmt let_kind_go{TENON_JOB_LET_GO "AND (:kind = '' OR kind = :kind)"};

std::int64_t bit_of(const std::string& kind) { return kind.empty() ? paused_all : paused_kind; }

JobRow unended_or_throw(db::Reader& reader, const JobId& id) {
    auto job = find(reader, id);
    if (!job) refuse_unknown(id);
    if (has_ended(job->state)) throw Conflict("the job has ended", {.subject = id.text()});
    return *std::move(job);
}

}  // namespace

std::int64_t Queue::Impl::pauses_of(db::Reader& reader, const std::string& kind) const {
    std::int64_t bits = 0;
    for (auto rows = reader.query(pauses_for, kind); rows.next();) bits |= bit_of(rows.text(0));
    return bits;
}

bool Queue::pause(db::Tx& tx, const JobId& id) {
    if (unended_or_throw(tx, id).state == JobState::running)
        throw Conflict("the job has begun: only one that waits can be paused", {.subject = id.text()});
    if (tx.exec(hold_one, std::int64_t{paused_itself}, id) == 0) return false;
    impl_->touch_when_durable(tx, id);
    return true;
}

bool Queue::resume(db::Tx& tx, const JobId& id) {
    (void)unended_or_throw(tx, id);
    if (tx.exec(let_one_go, std::int64_t{paused_itself}, impl_->now(), id) == 0) return false;
    impl_->touch_when_durable(tx, id);
    impl_->ready_when_durable(tx);
    return true;
}

bool Queue::pause_kind(db::Tx& tx, const std::string& kind) {
    if (tx.exec(insert_pause, kind, impl_->now()) == 0) return false;
    tx.exec(hold_kind, bit_of(kind), kind);
    if (impl_->options.listener) tx.on_commit([listener = impl_->options.listener] { listener->may_have_changed(); });
    return true;
}

bool Queue::resume_kind(db::Tx& tx, const std::string& kind) {
    if (tx.exec(remove_pause, kind) == 0) return false;
    tx.exec(let_kind_go, bit_of(kind), impl_->now(), kind);
    if (impl_->options.listener) tx.on_commit([listener = impl_->options.listener] { listener->may_have_changed(); });
    impl_->ready_when_durable(tx);
    return true;
}

std::vector<JobPause> pauses(db::Reader& reader) {
    std::vector<JobPause> found;
    for (auto rows = reader.query(all_pauses); rows.next();) found.push_back({.kind = rows.text(0), .paused_at = rows.time(1)});
    return found;
}

}  // namespace tenon::jobs
