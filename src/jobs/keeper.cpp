#include <system_error>

#include <crypto/encoding.hpp>

#include "queue_state.hpp"
#include "statements.hpp"

namespace tenon::jobs {

void Queue::Impl::keep_loop(const std::stop_token& stop) {
    constexpr std::uint64_t beats_between_looks = 12;
    std::uint64_t beats = 0;
    auto beat_at = options.clock->monotonic();
    while (!exec::sleep_for(options.clock, stop, options.tick)) {
        try {
            const bool beat = options.clock->monotonic() >= beat_at;
            if (beat) beat_at = options.clock->monotonic() + options.heartbeat;
            beat_and_report(beat);
            obey_cancels();
            promote_due();
            if (beat) take_back_lost();
            if (beat) look_again();  // places grow with plans, and whoever may work again is told of nothing
            // Now and then even unasked: a process may have died before it told all of them.
            if (beat && ++beats % beats_between_looks == 0) left_over = true;
            if (left_over.exchange(false)) tell_left_over();
        } catch (const Closed&) {
            return;
        } catch (const std::exception& error) {
            options.log->failure(room, "the queue's housekeeping failed", error);
        }
    }
}

/// Shows other processes how far this one's jobs are. Sleeps as long as none runs.
void Queue::Impl::show_loop(const std::stop_token& stop) {
    constexpr Duration show_every = std::chrono::milliseconds(100);
    do {
        std::vector<std::pair<JobId, std::shared_ptr<Running>>> mine;
        {
            std::unique_lock lock(mutex);
            if (!begun.wait(lock, stop, [&] { return !running.empty(); })) return;
            mine.assign(running.begin(), running.end());
        }
        for (const auto& [id, job] : mine) {
            try {
                job->board.write(board, id, job->started, job->progress.snapshot());
            } catch (const std::exception&) {
                // Of a full disk, say: then others go by what the database says.
            }
        }
    } while (!exec::sleep_for(options.clock, stop, show_every));
}

/// Renews the leases of this process's jobs and writes down how far they are, for those who watch from other processes.
void Queue::Impl::beat_and_report(bool beat) {
    std::vector<std::pair<JobId, std::shared_ptr<Running>>> mine;
    {
        const std::lock_guard lock(mutex);
        mine.assign(running.begin(), running.end());
    }
    std::vector<std::string> news(mine.size()), written(mine.size());
    bool any = beat && !mine.empty();
    for (std::size_t i = 0; i < mine.size(); ++i) {
        const auto progress = mine[i].second->progress.snapshot();
        auto moved = progress;  // what is left is estimated anew each time, also where nothing was done
        moved.eta.reset();
        moved.per_second = moved.files_per_second = 0;
        if (auto text = progress_json(moved); text != mine[i].second->written) {
            written[i] = std::move(text);
            news[i] = progress_json(progress);
            any = true;
        }
    }
    if (!any) return;
    const auto lost = database.write(system, [&](db::SystemTx& tx) {
        std::vector<std::size_t> gone;
        for (std::size_t i = 0; i < mine.size(); ++i) {
            const auto& [id, entry] = mine[i];
            const auto tenant = entry->scope.tenant();
            if (beat && tx.exec(sql::beat, now(), now() + options.lease, tenant, id, node, entry->fence) == 0) gone.push_back(i);
            if (!news[i].empty()) tx.exec(sql::write_progress, news[i], tenant, id, entry->fence);
        }
        return gone;
    });
    for (std::size_t i = 0; i < mine.size(); ++i)
        if (!news[i].empty()) mine[i].second->written = std::move(written[i]);
    const std::lock_guard lock(mutex);
    // A job that has just ended has no lease either: only those that still run were taken away.
    for (const auto i : lost)
        if (running.contains(mine[i].first)) mine[i].second->stop.request_stop();
}

void Queue::Impl::obey_cancels() {
    std::vector<JobId> cancels;
    database.read(system, [&](db::SystemReader& reader) {
        auto rows = reader.query(sql::cancels_here, node);
        while (rows.next()) cancels.push_back(rows.id<JobId>(0));
    });
    for (const auto& id : cancels) stop_running(id);
}

void Queue::Impl::promote_due() {
    const auto due = database.read(system, [&](db::SystemReader& reader) { return reader.query(sql::any_due, now()).next(); });
    if (!due) return;
    const auto at = now();
    const auto promoted = database.write(system, [&](db::SystemTx& tx) {
        std::vector<JobId> ids;
        if (options.listener)
            for (auto rows = tx.query(sql::all_due, at); rows.next();) ids.push_back(rows.id<JobId>(0));
        tx.exec(sql::promote, at);
        return ids;
    });
    for (const auto& id : promoted) options.listener->touched(id);
    look_again();
}

/// Takes back the jobs of processes that are gone, of those silent for longer than their lease, and of this process
/// itself where the end of an attempt could not be recorded.
void Queue::Impl::take_back_lost() {
    struct Run {
        TenantId tenant;
        JobId job;
        base::ByteVector node;
        Time expires;
    };
    std::vector<Run> runs;
    database.read(system, [&](db::SystemReader& reader) {
        auto rows = reader.query(sql::all_runs);
        while (rows.next()) runs.push_back({rows.id<TenantId>(0), rows.id<JobId>(1), rows.blob(2), rows.time(3)});
    });
    std::map<base::ByteVector, bool> dead;
    for (const auto& run : runs) {
        if (run.node == node) {
            const std::lock_guard lock(mutex);
            if (running.contains(run.job)) continue;
        } else {
            const auto [entry, first] = dead.try_emplace(run.node, false);
            if (first) entry->second = is_dead(run.node);
        }
        if (!dead[run.node] && run.expires > now()) continue;
        try {
            if (const auto scope = hooks.scope(run.tenant)) take_back(*scope, run.job, run.node);
        } catch (const Closed&) {
            throw;
        } catch (const std::exception& error) {
            // What is wrong with one job keeps nobody else's waiting; the next beat tries again.
            options.log->failure(room, "a job of a process that is gone is not taken back yet", error);
        }
    }
}

void Queue::Impl::take_back(const db::TenantScope& scope, const JobId& id, const base::ByteVector& from) {
    const bool taken = database.write(scope, [&](db::Tx& tx) {
        {
            auto rows = tx.query(sql::run_of, id);
            if (!rows.next() || rows.blob(0) != from) return false;  // another process was quicker
        }
        auto found = find_fenced(tx, id);
        if (!found) return false;
        if (found->job.cancel_requested || found->job.attempt < found->job.max_attempts)
            return put_back(tx, *found, found->job.attempt);
        found->job.state = JobState::dead;
        found->job.failure = failure_json(InternalError(
            "the process died each of the " + std::to_string(found->job.attempt) + " times this job was begun", {.subject = id.text()}));
        return finish(tx, std::move(*found));
    });
    if (taken) board.remove(id);
    if (taken) options.log->warning(room, "took back the job of a process that is gone", {{"job", id.text()}});
}

std::filesystem::path Queue::Impl::node_file(base::ByteView id) const { return options.nodes / (crypto::to_hex(id) + ".node"); }

/// A process holds the lock on its file until it ends, however it ends.
bool Queue::Impl::is_dead(base::ByteView id) const {
    std::error_code ignored;
    if (!std::filesystem::exists(node_file(id), ignored)) return true;
    return base::FileLock::try_acquire(node_file(id)).has_value();
}

void Queue::Impl::sweep_node_files() const {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(options.nodes, error)) {
        if (entry.path().extension() != ".node" || entry.path() == node_file(node)) continue;
        std::error_code ignored;
        if (const auto lock = base::FileLock::try_acquire(entry.path())) std::filesystem::remove(entry.path(), ignored);
    }
}

}  // namespace tenon::jobs
