#include <algorithm>
#include <tuple>

#include "queue_state.hpp"
#include "statements.hpp"

namespace tenon::jobs {

/// The tenants with something to do, in the order in which they are served.
std::vector<TenantId> Queue::Impl::waiting_tenants() {
    struct Turn {
        std::int64_t priority;
        std::uint64_t start;
        JobId first;
        TenantId tenant;
    };
    std::vector<Turn> order;
    database.read(system, [&](db::SystemReader& reader) {
        auto rows = reader.query(sql::waiting);
        while (rows.next()) order.push_back({rows.i64(2), 0, rows.id<JobId>(1), rows.id<TenantId>(0)});
    });
    {
        const std::lock_guard lock(mutex);
        for (auto& turn : order) turn.start = turns.start_of(turn.tenant);
    }
    std::sort(order.begin(), order.end(), [](const Turn& a, const Turn& b) {
        return std::tuple(-a.priority, a.start, a.first) < std::tuple(-b.priority, b.start, b.first);
    });
    std::vector<TenantId> tenants;
    for (const auto& turn : order) tenants.push_back(turn.tenant);
    return tenants;
}

std::optional<Claim> Queue::Impl::claim_next() {
    for (const auto& tenant : waiting_tenants()) {
        const auto scope = hooks.scope(tenant);
        if (!scope) continue;
        auto claimed = claim(*scope);
        if (!claimed) continue;
        const auto weight = hooks.weight ? hooks.weight(tenant) : 1;
        const std::lock_guard lock(mutex);
        running[claimed->job.id] = claimed->running;
        turns.served(tenant, weight);
        if (closing) claimed->running->stop.request_stop();
        return claimed;
    }
    return std::nullopt;
}

void Queue::Impl::run(Claim& claimed) {
    const JobRow& job = claimed.job;
    Running& mine = *claimed.running;
    std::optional<Outcome> outcome;
    std::string failure;
    bool stopped = false;
    const auto save_cursor = [&](const std::string& cursor) {
        const auto kept = database.write(mine.scope, [&](db::Tx& tx) { return tx.exec(sql::save_cursor, cursor, job.id, mine.fence); });
        if (kept == 0) throw Cancelled("another process has taken the job over", {.subject = job.id.text()});
    };
    try {
        const auto kind = kinds.find(job.kind);
        if (kind == kinds.end()) throw Unsupported("this version does not know jobs of this kind", {.subject = job.kind});
        outcome = kind->second.run(Attempt{mine.scope, job, mine.progress, mine.stop.get_token(), save_cursor});
    } catch (const Error& error) {
        stopped = error.code() == Errc::cancelled && mine.stop.stop_requested();
        failure = failure_json(error);
        if (!stopped) options.log->failure(room, "a job failed", error);
    } catch (const std::exception& error) {
        failure = failure_json(InternalError(error.what(), {.subject = job.id.text()}));
        options.log->failure(room, "a job failed", error);
    }
    conclude(claimed, std::move(outcome), std::move(failure), stopped);
}

void Queue::Impl::conclude(Claim& claimed, std::optional<Outcome> outcome, std::string failure, bool stopped) {
    const auto id = claimed.job.id;
    claimed.job.progress = claimed.running->progress.snapshot();
    try {
        if (!record(claimed, std::move(outcome), std::move(failure), stopped))
            options.log->warning(room, "a job had been taken over", {{"job", id.text()}});
    } catch (const std::exception& error) {
        // The lease runs out and some process, perhaps this one, takes the job up again.
        options.log->failure(room, "the end of a job could not be recorded", error);
    }
    const std::lock_guard lock(mutex);
    running.erase(id);
    ++work;
    changed.notify_all();
}

/// False: somebody else has the job by now, and nothing was written.
bool Queue::Impl::record(Claim& claimed, std::optional<Outcome> outcome, std::string failure, bool stopped) {
    const Running& mine = *claimed.running;
    Fenced end{claimed.job, mine.fence};
    if (stopped && !mine.cancelled)
        return database.write(mine.scope, [&](db::Tx& tx) { return put_back(tx, end, end.job.attempt - 1); });
    if (outcome) {
        end.job.state = JobState::succeeded;
        end.job.result = outcome->result;
        try {
            return database.write(mine.scope, [&](db::Tx& tx) { return finish(tx, end, outcome->settle); });
        } catch (const Error& error) {
            if (error.code() == Errc::closed || error.code() == Errc::unavailable) throw;
            failure = failure_json(error);  // what the work cost could not be booked
        }
    }
    end.job.state = stopped ? JobState::cancelled : JobState::failed;
    end.job.result.clear();
    end.job.failure = stopped ? cancelled_json() : std::move(failure);
    return database.write(mine.scope, [&](db::Tx& tx) { return finish(tx, end); });
}

void Queue::Impl::work_loop(const std::stop_token& stop) {
    std::uint64_t seen = 0;
    while (!stop.stop_requested()) {
        {
            const std::lock_guard lock(mutex);
            seen = work;
        }
        try {
            if (auto claimed = claim_next()) {
                run(*claimed);
                continue;
            }
        } catch (const Closed&) {
            return;
        } catch (const std::exception& error) {
            options.log->failure(room, "cannot look for jobs", error);
        }
        std::unique_lock lock(mutex);
        try {
            (void)changed.wait_for(lock, stop, options.tick * 10, [&] { return work != seen; });
        } catch (const Cancelled&) {
            return;
        }
    }
}

}  // namespace tenon::jobs
