#include <tenon/error.hpp>

#include "queue_state.hpp"
#include "statements.hpp"

namespace tenon::jobs {

std::optional<Fenced> find_fenced(db::Reader& reader, const JobId& id) {
    auto rows = reader.query(sql::find, id);
    if (!rows.next()) return std::nullopt;
    return Fenced{from_row(rows), fence_of(rows)};
}

/// The tenant's first job in line, with a new fence, a lease and the tenant's place for it, or nothing of that.
std::optional<Claim> Queue::Impl::claim(db::Tx& tx) {
    const auto tell_line = [&](void (Line::*what)(const TenantId&)) {
        tx.on_commit([self = weak_from_this(), tenant = tx.scope().tenant(), what] {
            const auto queue = self.lock();
            if (!queue) return;
            const std::lock_guard lock(queue->mutex);
            (queue->line.*what)(tenant);
        });
    };
    std::optional<Fenced> first;
    bool more = false;
    {
        auto rows = tx.query(sql::next_ready);
        if (rows.next()) first = Fenced{from_row(rows), fence_of(rows)};
        more = first && rows.next();
    }
    if (!more) tell_line(&Line::remove);
    if (!first) return std::nullopt;
    auto& [job, fence] = *first;
    // Asked first: a tenant without a place is nothing unusual, and what has changed nothing need not be undone.
    if (hooks.started && !hooks.started(tx, job)) {
        tell_line(&Line::set_aside);
        return std::nullopt;
    }
    const auto at = now();
    if (tx.exec(sql::claim, at, job.id) == 0) throw InternalError("a job that waits could not be claimed", {.subject = job.id.text()});
    job.state = JobState::running;
    ++job.attempt;
    job.failure.clear();
    job.started_at = at;
    ++fence;
    tx.exec(sql::insert_run, job.id, node, fence, at, at + options.lease);
    return Claim{std::move(job), std::make_shared<Running>(tx.scope(), fence, options.clock)};
}

void Queue::Impl::give_up(db::Tx& tx, const JobRow& job) const {
    const auto kind = kinds.find(job.kind);
    if (kind != kinds.end() && kind->second.give_up) kind->second.give_up(tx, job);
}

/// Ends a running job as its row says. False: the fence is not the row's any more, somebody else has the job.
bool Queue::Impl::finish(db::Tx& tx, Fenced ended, const std::function<void(db::Tx&)>& settle) {
    JobRow& job = ended.job;
    job.ended_at = now();
    if (job.state == JobState::succeeded) job.progress.percent = 100;
    if (tx.exec(sql::finish, job.state, job.result, job.failure, progress_json(job.progress), *job.ended_at, job.id, ended.fence) == 0)
        return false;
    if (settle) settle(tx);
    if (job.state != JobState::succeeded) give_up(tx, job);
    tx.exec(sql::remove_run, job.id);
    if (hooks.stopped) hooks.stopped(tx, job);
    if (hooks.ended) hooks.ended(tx, job);
    tell_those_who_wait(tx, job);
    tell_when_durable(tx, job);
    ended_when_durable(tx, job.id, true);
    return true;
}

bool Queue::Impl::cancel_waiting(db::Tx& tx, Fenced waiting) {
    auto ended = waiting.job;
    ended.state = JobState::cancelled;
    if (!end_waiting(tx, std::move(waiting), cancelled_json())) return false;
    tell_those_who_wait(tx, ended);
    return true;
}

/// Cancels one that waits and tells nobody who waits for it.
bool Queue::Impl::end_waiting(db::Tx& tx, Fenced waiting, std::string failure) {
    JobRow& job = waiting.job;
    job.state = JobState::cancelled;
    job.failure = std::move(failure);
    job.ended_at = now();
    if (tx.exec(sql::cancel_waiting, job.failure, *job.ended_at, job.id) == 0) return false;
    if (job.waits_for) tx.exec(sql::forget_needs, job.id);
    give_up(tx, job);
    if (hooks.ended) hooks.ended(tx, job);
    tell_when_durable(tx, job);
    ended_when_durable(tx, job.id);
    return true;
}

/// What put_back() and try_again() have in common. Empty: nothing is left to do, `done` says what to answer.
std::optional<Fenced> Queue::Impl::leave_running(db::Tx& tx, const Fenced& running_job, bool& done) {
    auto current = find_fenced(tx, running_job.job.id);
    done = false;
    if (!current || current->fence != running_job.fence || current->job.state != JobState::running) return std::nullopt;
    if (current->job.cancel_requested) {
        current->job.state = JobState::cancelled;
        current->job.failure = cancelled_json();
        done = finish(tx, std::move(*current));
        return std::nullopt;
    }
    tx.exec(sql::remove_run, current->job.id);
    if (hooks.stopped) hooks.stopped(tx, current->job);
    touch_when_durable(tx, running_job.job.id);
    stopped_when_durable(tx);
    ready_when_durable(tx);
    return current;
}

/// Back to waiting under a new fence: what the old attempt may still try to write fails. One that was asked to end meanwhile ends.
bool Queue::Impl::put_back(db::Tx& tx, const Fenced& running_job, std::int32_t attempt) {
    bool done = false;
    const auto current = leave_running(tx, running_job, done);
    if (!current) return done;
    return tx.exec(sql::put_back, attempt, current->job.id, current->fence) == 1;
}

/// As put_back(), but not before `due`, with what went wrong for those who look meanwhile. What was held stays held.
bool Queue::Impl::try_again(db::Tx& tx, const Fenced& running_job, const std::string& failure, Time due) {
    bool done = false;
    const auto current = leave_running(tx, running_job, done);
    if (!current) return done;
    return tx.exec(sql::try_again, due, failure, current->job.id, current->fence) == 1;
}

}  // namespace tenon::jobs
