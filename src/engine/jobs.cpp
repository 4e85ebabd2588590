#include <tenon/job.hpp>

#include <algorithm>

#include <base/id.hpp>
#include <tenant/quota.hpp>

#include "backup_drills.hpp"
#include "core.hpp"
#include "repositories.hpp"
#include "takeout.hpp"

namespace tenon {

using engine::Permission;

namespace {

constexpr Duration no_limit = std::chrono::hours(24 * 365);

/// The ended job; empty when the time was up.
std::optional<jobs::JobRow> wait_end(const JobImpl& job, Duration timeout) {
    const auto pass = job.enter(Permission::job_read);
    try {
        return job.session->engine->queue->wait_end(job.session->scope, job.id, std::max(timeout, Duration::zero()),
                                                    job.session->engine->stopping.get_token());
    } catch (const Cancelled&) {
        throw Closed("the engine was closed while the job ran; it goes on when the engine is opened again", {.subject = job.id.text()});
    }
}

jobs::JobRow row_of(const JobImpl& job) {
    const auto pass = job.enter(Permission::job_read);
    if (auto row = job.session->engine->queue->find(job.session->scope, job.id)) return *std::move(row);
    jobs::refuse_unknown(job.id);
}

/// What starting a job of this kind needs.
Permission permission_of(const std::string& kind) {
    if (kind == "render") return Permission::render_write;
    if (kind == "clip") return Permission::recording_export;
    if (kind == engine::takeout::kind) return Permission::tenant_export;
    if (kind == engine::restore_kind || kind == engine::drill_kind) return Permission::backup_restore;
    if (kind == engine::repair_kind) return Permission::backup_write;
    if (kind == engine::prune_kind) return Permission::backup_forget;
    if (kind == engine::rekey_kind) return Permission::backup_keys;
    return kind == engine::check_kind ? Permission::backup_read : Permission::backup_write;
}

void check_kind(const SessionImpl& session, const std::string& kind) {
    if (!kind.empty() && !session.engine->queue->knows(kind)) throw InvalidArgument("there are no jobs of this kind", {.subject = "kind"});
}

/// The asks of a hold that has ended, so that they can be made again.
std::vector<Ask> asks_of(db::Reader& reader, const jobs::JobRow& job) {
    const auto before = tenant::quota::find(reader, *job.hold);
    if (!before) throw Conflict("the job ended too long ago to be tried again: start another", {.subject = job.id.text()});
    auto asks = before->asks;
    for (auto& ask : asks) ask.amount = std::max<std::int64_t>(ask.amount, 1);
    return asks;
}

}  // namespace

namespace engine {

Enqueued enqueue(const SessionImpl& session, const Granted& granted, db::Tx& tx, const jobs::NewJob& job) {
    auto& queue = *session.engine->queue;
    for (const auto& id : job.after) {
        const auto needed = jobs::find(tx, id);
        if (!needed || !granted.may(Permission::job_read, project_of(needed->cause))) jobs::refuse_unknown(id);
    }
    Enqueued enqueued{.project = project_of(job.cause)};
    if (const auto same = queue.find_keyed(tx, job.kind, job.key)) {
        enqueued = {*same, false, project_of(jobs::find(tx, *same).value())};
        if (!granted.may(permission_of(job.kind), enqueued.project))
            throw Conflict("a job with the same unique key waits or runs already", {.subject = "schedule.unique_key"});
    } else {
        enqueued.job = queue.enqueue(tx, job);
    }
    if (session.with_job) session.with_job(tx, enqueued.job);
    return enqueued;
}

std::optional<jobs::JobRow> find_job(const SessionImpl& session, const JobId& id, const std::string& kind) {
    auto row = session.engine->queue->find(session.scope, id);
    if (!row || row->kind != kind) return std::nullopt;
    return row;
}

std::optional<ProjectId> project_of(const std::string& cause) {
    return cause.starts_with(ProjectId::prefix()) ? std::optional(ProjectId::parse(cause)) : std::nullopt;
}

std::optional<ProjectId> project_of(const jobs::JobRow& job) { return project_of(job.cause); }

/// Whether he may do that to jobs about something.
std::function<bool(const std::string&)> whose_cause(const SessionImpl& session, Permission permission) {
    return [permission, granted = session.granted()](const std::string& cause) { return granted->may(permission, project_of(cause)); };
}

std::vector<JobInfo> list_jobs(const SessionImpl& session, const JobFilter& filter, Permission permission) {
    auto next = filter;
    const auto page = [&](const jobs::JobRow* last) {
        if (last) next.after = last->id;
        return session.engine->queue->list(session.scope, next);
    };
    const auto granted = session.granted();
    std::vector<JobInfo> infos;
    for (const auto& row : sifted<jobs::JobRow>(filter.limit, page, [&](const auto& job) { return granted->may(permission, project_of(job)); }))
        infos.push_back(jobs::info_of(row));
    return infos;
}

std::string job_result(const JobImpl& job) {
    const auto row = wait_end(job, no_limit);
    if (!row) throw Unavailable("the job has not ended", {.subject = job.id.text()});
    if (row->state != JobState::succeeded) jobs::throw_failure(row->failure);
    return row->result;
}

}  // namespace engine

Job::Job(std::shared_ptr<JobImpl> impl) : impl_(std::move(impl)) {}
JobId Job::id() const { return impl_->id; }
JobState Job::state() const { return row_of(*impl_).state; }
Progress Job::progress() const { return row_of(*impl_).progress; }
JobInfo Job::info() const { return jobs::info_of(row_of(*impl_)); }
void Job::join() { engine::job_result(*impl_); }
bool Job::join_for(Duration timeout) { return wait_end(*impl_, timeout).has_value(); }

void Job::cancel() {
    const auto& session = *impl_->session;
    const auto pass = impl_->enter(Permission::job_cancel);
    const auto at = session.now();
    session.change("job.cancel", impl_->id.text(), [&](db::Tx& tx) {
        if (session.engine->queue->cancel(tx, impl_->id)) session.audit(tx, "job.cancel", impl_->id.text(), at);
    });
}

void Job::reschedule(const JobSchedule& schedule) {
    const auto& session = *impl_->session;
    const auto pass = impl_->enter(permission_of(impl_->kind));
    const auto at = session.now();
    jobs::check_schedule(schedule, at);
    if (!schedule.after.empty() || !schedule.unique_key.empty() || !schedule.batch.empty())
        throw InvalidArgument("key, batch and what a job waits for are said when it is started", {.subject = "schedule"});
    session.change("job.reschedule", impl_->id.text(), [&](db::Tx& tx) {
        if (!session.engine->queue->reschedule(tx, impl_->id, schedule.priority, schedule.start)) {
            if (!jobs::find(tx, impl_->id)) jobs::refuse_unknown(impl_->id);
            throw Conflict("the job has begun or ended: only one that waits can be rescheduled", {.subject = impl_->id.text()});
        }
        base::Json details;
        details.set("priority", std::int64_t{schedule.priority});
        if (schedule.start) details.set("start", schedule.start->time_since_epoch().count());
        session.audit(tx, "job.reschedule", impl_->id.text(), at, std::move(details));
    });
}

void Job::pause() {
    const auto& session = *impl_->session;
    const auto pass = impl_->enter(permission_of(impl_->kind));
    const auto at = session.now();
    session.change("job.pause", impl_->id.text(), [&](db::Tx& tx) {
        if (session.engine->queue->pause(tx, impl_->id)) session.audit(tx, "job.pause", impl_->id.text(), at);
    });
}

void Job::resume() {
    const auto& session = *impl_->session;
    const auto pass = impl_->enter(permission_of(impl_->kind));
    const auto at = session.now();
    session.change("job.resume", impl_->id.text(), [&](db::Tx& tx) {
        if (session.engine->queue->resume(tx, impl_->id)) session.audit(tx, "job.resume", impl_->id.text(), at);
    });
}

Jobs::Jobs(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

std::vector<JobInfo> Jobs::list(const JobFilter& filter) const {
    const auto pass = impl_->enter_somewhere(Permission::job_read);
    return engine::list_jobs(*impl_, filter, Permission::job_read);
}

Job Jobs::get(const JobId& id) const {
    if (auto job = find(id)) return *std::move(job);
    jobs::refuse_unknown(id);
}

std::optional<Job> Jobs::find(const JobId& id) const {
    const auto pass = impl_->enter_somewhere(Permission::job_read);
    const auto row = impl_->engine->queue->find(impl_->scope, id);
    if (!row || !impl_->may(Permission::job_read, engine::project_of(*row))) return std::nullopt;
    return Internal::make<Job>(std::make_shared<JobImpl>(JobImpl{impl_, id, row->kind, engine::project_of(*row)}));
}

Job Jobs::retry(const JobId& id) {
    std::string kind;
    std::optional<ProjectId> project;
    {
        const auto pass = impl_->enter_somewhere(Permission::job_read);
        const auto row = impl_->engine->queue->find(impl_->scope, id);
        if (!row || !impl_->may(Permission::job_read, engine::project_of(*row))) jobs::refuse_unknown(id);
        kind = row->kind;
        project = engine::project_of(*row);
    }
    const auto pass = project ? impl_->enter(permission_of(kind), *project) : impl_->enter(permission_of(kind));
    const auto at = impl_->now();
    const auto hold = base::new_id<HoldId>(at);
    const auto again = impl_->change("job.retry", id.text(), [&](db::Tx& tx) {
        const auto old = jobs::find(tx, id);
        if (!old) jobs::refuse_unknown(id);
        const auto fresh = impl_->engine->queue->repeat(tx, id, old->hold ? std::optional(hold) : std::nullopt);
        if (old->hold)
            tenant::quota::reserve(
                tx, hold, {.asks = asks_of(tx, *old), .cause = {tenant::quota::CauseKind::job, fresh.text(), 0}}, at);
        base::Json details;
        details.set("job", fresh.text());
        impl_->audit(tx, "job.retry", id.text(), at, std::move(details));
        return fresh;
    });
    return Internal::make<Job>(std::make_shared<JobImpl>(JobImpl{impl_, again, kind, project}));
}

void Jobs::pause(const std::string& kind) {
    const auto pass = impl_->enter(Permission::job_cancel);
    check_kind(*impl_, kind);
    const auto at = impl_->now();
    impl_->change("jobs.pause", kind, [&](db::Tx& tx) {
        if (impl_->engine->queue->pause_kind(tx, kind)) impl_->audit(tx, "jobs.pause", kind, at);
    });
}

void Jobs::resume(const std::string& kind) {
    const auto pass = impl_->enter(Permission::job_cancel);
    check_kind(*impl_, kind);
    const auto at = impl_->now();
    impl_->change("jobs.resume", kind, [&](db::Tx& tx) {
        if (impl_->engine->queue->resume_kind(tx, kind)) impl_->audit(tx, "jobs.resume", kind, at);
    });
}

std::vector<JobPause> Jobs::pauses() const {
    const auto pass = impl_->enter(Permission::job_read);
    return impl_->read([](db::Reader& reader) { return jobs::pauses(reader); });
}

JobBatch Jobs::batch(const std::string& name) const {
    const auto pass = impl_->enter_somewhere(Permission::job_read);
    const auto fits = engine::whose_cause(*impl_, Permission::job_read);
    auto batch = impl_->read([&](db::Reader& reader) { return jobs::batch_of(reader, name, fits); });
    if (batch.total == 0) throw NotFound("no job of the last 90 days belongs to this batch", {.subject = name});
    return batch;
}

std::int64_t Jobs::cancel_batch(const std::string& name) {
    constexpr std::int32_t portion = 200;
    const auto pass = impl_->enter_somewhere(Permission::job_cancel);
    const auto fits = engine::whose_cause(*impl_, Permission::job_cancel);
    const auto left = impl_->read([&](db::Reader& reader) { return jobs::unended_of_batch(reader, name, fits); });
    std::int64_t cancelled = 0;
    for (std::size_t begin = 0; begin < left.size(); begin += portion) {
        const auto at = impl_->now();
        cancelled += impl_->change("job.cancel", name, [&](db::Tx& tx) {
            std::int64_t asked = 0;
            for (std::size_t i = begin; i < std::min<std::size_t>(begin + portion, left.size()); ++i) {
                if (!impl_->engine->queue->cancel(tx, left[i])) continue;
                impl_->audit(tx, "job.cancel", left[i].text(), at);
                ++asked;
            }
            return asked;
        });
    }
    return cancelled;
}

}  // namespace tenon
