#include <jobs/queue.hpp>

#include <algorithm>
#include <utility>

#include <crypto/secret.hpp>
#include <exec/thread.hpp>

#include "queue_state.hpp"
#include "statements.hpp"

namespace tenon::jobs {

void Queue::Impl::look_again() {
    const std::lock_guard lock(mutex);
    ++ends;
    changed.notify_all();
    line.distrust();
    wanted.notify_all();
}

void Queue::Impl::ready_when_durable(db::Tx& tx, const JobId& id) {
    tx.on_commit([self = weak_from_this(), tenant = tx.scope().tenant(), id] {
        const auto queue = self.lock();
        if (!queue) return;
        const std::lock_guard lock(queue->mutex);
        queue->line.add(tenant, id);
        if (queue->idle > 0) queue->wanted.notify_one();
    });
}

/// Under the mutex.
void Queue::Impl::place_is_free(const TenantId& tenant) {
    line.bring_back(tenant);
    if (idle > 0 && !line.empty()) wanted.notify_one();
}

void Queue::Impl::stopped_when_durable(db::Tx& tx) {
    tx.on_commit([self = weak_from_this(), tenant = tx.scope().tenant()] {
        const auto queue = self.lock();
        if (!queue) return;
        const std::lock_guard lock(queue->mutex);
        queue->place_is_free(tenant);
    });
}

void Queue::Impl::ended_when_durable(db::Tx& tx, const JobId& id, bool ran) {
    tx.on_commit([self = weak_from_this(), id, tenant = tx.scope().tenant(), ran] {
        const auto queue = self.lock();
        if (!queue) return;
        const std::lock_guard lock(queue->mutex);
        if (ran) queue->place_is_free(tenant);
        if (!queue->awaited.contains(id)) return;
        ++queue->ends;
        queue->changed.notify_all();
    });
}

void Queue::Impl::stop_running(const JobId& id) {
    const std::lock_guard lock(mutex);
    const auto entry = running.find(id);
    if (entry == running.end()) return;
    entry->second->cancelled = true;
    entry->second->stop.request_stop();
}

void Queue::Impl::tell_when_durable(db::Tx& tx, const JobRow& job) const {
    if (options.listener) tx.on_commit([listener = options.listener, info = info_of(job)] { listener->became(info); });
}

void Queue::Impl::touch_when_durable(db::Tx& tx, const JobId& id) const {
    if (options.listener) tx.on_commit([listener = options.listener, id] { listener->touched(id); });
}

void Queue::Impl::start() {
    foreign = database.on_foreign_change([self = weak_from_this()] {
        const auto queue = self.lock();
        if (!queue) return;
        queue->look_again();
        if (queue->options.listener) queue->options.listener->may_have_changed();
    });
    if (options.workers == 0) return;
    std::filesystem::create_directories(options.nodes);
    sweep_node_files();
    board.sweep();
    for (int attempt = 0; !alive; ++attempt) {
        if (attempt == 10) throw Unavailable("cannot lock the file that shows this process is alive", {.subject = options.nodes.string()});
        node = crypto::random_bytes(16);
        alive = base::FileLock::try_acquire(node_file(node));
        // Another process that starts at this moment may have swept the file away before it was locked.
        std::error_code ignored;
        if (alive && !std::filesystem::exists(node_file(node), ignored)) alive.reset();
    }
    take_back_lost();
    const auto stop = stopping.get_token();
    for (unsigned i = 0; i < options.workers; ++i) threads.push_back(exec::start_thread("job", [this, stop] { work_loop(stop); }));
    threads.push_back(exec::start_thread("jobs", [this, stop] { keep_loop(stop); }));
    threads.push_back(exec::start_thread("progress", [this, stop] { show_loop(stop); }));
}

void Queue::Impl::close() noexcept {
    {
        const std::lock_guard lock(mutex);
        closing = true;
        for (const auto& [id, entry] : running) entry->stop.request_stop();
        changed.notify_all();
        wanted.notify_all();
    }
    stopping.request_stop();
    const std::lock_guard lock(joining);  // whoever closes second waits for the first
    threads.clear();
    foreign.reset();
    if (!alive) return;
    std::error_code ignored;
    std::filesystem::remove(node_file(node), ignored);
    alive.reset();
}

Queue::Queue(Options options, db::Database& database, const db::SystemScope& system, Hooks hooks)
    : impl_(std::make_shared<Impl>(std::move(options), database, system, std::move(hooks))) {}
Queue::~Queue() { close(); }

void Queue::add_kind(const std::string& name, Kind kind) { impl_->kinds[name] = std::move(kind); }

void Queue::start() { impl_->start(); }

JobId Queue::enqueue(db::Tx& tx, const NewJob& job) {
    const auto now = impl_->now();
    const auto id = base::new_id<JobId>(now);
    const auto due = job.due_at.value_or(now);
    const auto or_null = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
    const auto waits_for = impl_->check_needs(tx, job);
    const auto paused = impl_->pauses_of(tx, job.kind);
    const std::int64_t state = paused || waits_for ? 0 : static_cast<std::int64_t>(due > now ? JobState::scheduled : JobState::ready);
    tx.exec(sql::insert, id, job.priority, job.kind, job.payload, job.cause, or_null(job.unique_key), job.hold, state, job.max_attempts, due, now,
            paused, waits_for, or_null(job.key), or_null(job.batch));
    if (waits_for) impl_->add_needs(tx, id, job);
    if (state == static_cast<std::int64_t>(JobState::ready)) impl_->ready_when_durable(tx, id);
    return id;
}

JobId Queue::repeat(db::Tx& tx, const JobId& id, const std::optional<HoldId>& hold) {
    const auto old = jobs::find(tx, id);
    if (!old) refuse_unknown(id);
    if (!has_ended(old->state)) throw Conflict("the job has not ended", {.subject = id.text()});
    if (old->state == JobState::succeeded) throw Conflict("the job succeeded: there is nothing to try again", {.subject = id.text()});
    if (find_keyed(tx, old->kind, old->key))
        throw Conflict("a job with the same unique key waits or runs already", {.subject = id.text()});
    return enqueue(tx, {.kind = old->kind, .payload = old->payload, .cause = old->cause, .unique_key = old->unique_key, .hold = hold,
                        .priority = old->priority, .max_attempts = old->max_attempts, .key = old->key, .batch = old->batch});
}

bool Queue::reschedule(db::Tx& tx, const JobId& id, std::int32_t priority, const std::optional<Time>& due_at) {
    const auto now = impl_->now();
    const auto due = due_at.value_or(now);
    if (tx.exec(sql::reschedule, priority, due, due > now ? JobState::scheduled : JobState::ready, id) == 0) return false;
    impl_->touch_when_durable(tx, id);
    impl_->ready_when_durable(tx);
    return true;
}

bool Queue::drain(Duration limit, const std::stop_token& stop) {
    auto& my = *impl_;
    std::unique_lock lock(my.mutex);
    my.draining = true;
    my.changed.notify_all();
    const auto idle = [&] { return my.running.empty() && my.claiming == 0; };
    bool in_time = false;
    try {
        in_time = my.changed.wait_for(lock, stop, std::max(limit, Duration::zero()), idle);
        for (const auto& [id, entry] : my.running) entry->stop.request_stop();
        while (!my.changed.wait_for(lock, stop, my.options.lease, idle)) my.options.log->warning(room, "a job does not stop yet");
    } catch (const Cancelled&) {
        return false;
    }
    return in_time && !my.closing;  // closing puts back what runs
}

bool Queue::cancel(db::Tx& tx, const JobId& id) {
    auto found = find_fenced(tx, id);
    if (!found || has_ended(found->job.state)) return false;
    if (found->job.state != JobState::running) return impl_->cancel_waiting(tx, std::move(*found));
    tx.exec(sql::request_cancel, id);
    tx.on_commit([self = std::weak_ptr(impl_), id] {
        if (const auto queue = self.lock()) queue->stop_running(id);
    });
    return true;
}

bool Queue::knows(const std::string& kind) const { return impl_->kinds.contains(kind); }

std::optional<JobRow> Queue::find(const db::TenantScope& scope, const JobId& id) const {
    auto job = impl_->database.read(scope, [&](db::Reader& reader) { return jobs::find(reader, id); });
    if (job && job->state == JobState::running)
        if (auto progress = progress_now(id, job->started_at)) job->progress = *std::move(progress);
    return job;
}

std::vector<JobRow> Queue::list(const db::TenantScope& scope, const JobFilter& filter) const {
    auto jobs = impl_->database.read(scope, [&](db::Reader& reader) { return jobs::list(reader, filter); });
    for (auto& job : jobs)
        if (job.state == JobState::running)
            if (auto progress = progress_now(job.id, job.started_at)) job.progress = *std::move(progress);
    return jobs;
}

std::vector<JobInfo> Queue::look(const db::TenantScope& scope, const std::vector<JobId>& ids) const {
    auto found = impl_->database.read(scope, [&](db::Reader& reader) {
        std::vector<JobInfo> infos;
        for (const auto& id : ids)
            if (auto rows = reader.query(sql::glance, id); rows.next()) infos.push_back(info_of(from_row(rows)));
        return infos;
    });
    for (auto& job : found)
        if (job.state == JobState::running)
            if (auto progress = progress_now(job.id, job.started_at)) job.progress = *std::move(progress);
    return found;
}

std::optional<Progress> Queue::progress_now(const JobId& id, const std::optional<Time>& started) const {
    std::shared_ptr<Running> mine;
    {
        const std::lock_guard lock(impl_->mutex);
        const auto entry = impl_->running.find(id);
        if (entry != impl_->running.end()) mine = entry->second;
    }
    return mine ? mine->progress.snapshot() : impl_->board.read(id, started);
}

/// Its end is worth waking somebody for.
struct Queue::Impl::Awaiting {
    Awaiting(Impl& m, const JobId& i) : my(m), id(i) {
        const std::lock_guard lock(my.mutex);
        ++my.awaited[id];
    }
    ~Awaiting() {
        const std::lock_guard lock(my.mutex);
        if (--my.awaited[id] == 0) my.awaited.erase(id);
    }
    Awaiting(const Awaiting&) = delete;
    Awaiting& operator=(const Awaiting&) = delete;

    Impl& my;
    const JobId id;
};

std::optional<JobRow> Queue::wait_end(const db::TenantScope& scope, const JobId& id, Duration timeout,
                                      const std::stop_token& stop) const {
    const auto deadline = impl_->options.clock->monotonic() + timeout;
    const Impl::Awaiting awaiting(*impl_, id);
    for (;;) {
        std::uint64_t seen = 0;
        {
            const std::lock_guard lock(impl_->mutex);
            seen = impl_->ends;
        }
        auto job = find(scope, id);
        if (!job) refuse_unknown(id);
        if (has_ended(job->state)) return job;
        const auto left = deadline - impl_->options.clock->monotonic();
        if (left <= Duration::zero()) return std::nullopt;
        std::unique_lock lock(impl_->mutex);
        if (!impl_->changed.wait_for(lock, stop, left, [&] { return impl_->ends != seen; })) return std::nullopt;
    }
}

void Queue::close() noexcept { impl_->close(); }

}  // namespace tenon::jobs
