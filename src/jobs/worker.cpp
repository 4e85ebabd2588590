#include <algorithm>
#include <cstring>
#include <tuple>

#include <crypto/secret.hpp>

#include "queue_state.hpp"
#include "statements.hpp"

namespace tenon::jobs {

std::vector<Queue::Impl::Waiting> Queue::Impl::waiting_tenants() {
    return database.read(system, [&](db::SystemReader& reader) {
        std::vector<Waiting> waiting;
        auto rows = reader.query(sql::waiting);
        while (rows.next()) waiting.push_back({rows.id<TenantId>(0), rows.id<JobId>(1)});
        return waiting;
    });
}

/// Who of `waiting` is next; he is then in it no more. Empty: nobody is left.
std::optional<Queue::Impl::Turn> Queue::Impl::take_turn(std::vector<Waiting>& waiting) {
    while (!waiting.empty()) {
        std::uint64_t start = 0;
        auto next = waiting.begin();
        {
            const std::lock_guard lock(mutex);
            const auto place = [&](const Waiting& one) { return std::tuple(turns.start_of(one.tenant), one.first); };
            next = std::ranges::min_element(waiting, {}, place);
            start = turns.start_of(next->tenant);
        }
        const Turn turn{next->tenant, hooks.weight ? hooks.weight(next->tenant) : 1};
        const std::lock_guard lock(mutex);
        if (turns.start_of(turn.tenant) != start) continue;  // another worker was quicker
        turns.served(turn.tenant, turn.weight);
        waiting.erase(next);
        return turn;
    }
    return std::nullopt;
}

void Queue::Impl::give_back(const Turn& turn) {
    const std::lock_guard lock(mutex);
    turns.give_back(turn.tenant, turn.weight);
}

std::optional<Claim> Queue::Impl::claim_next() {
    auto waiting = waiting_tenants();
    while (const auto turn = take_turn(waiting)) {
        std::optional<Claim> claimed;
        try {
            if (const auto scope = hooks.scope(turn->tenant)) claimed = claim(*scope);
        } catch (...) {
            give_back(*turn);
            throw;
        }
        if (!claimed) {
            give_back(*turn);
            continue;
        }
        {
            const std::lock_guard lock(mutex);
            running[claimed->job.id] = claimed->running;
            if (closing) claimed->running->stop.request_stop();
        }
        if (options.listener) options.listener->became(info_of(claimed->job));
        return claimed;
    }
    return std::nullopt;
}

/// claim_next() for a worker that was counted as claiming: whoever drains waits until it has a job or none.
std::optional<Claim> Queue::Impl::claim_and_tell() {
    struct Counted {
        Impl& my;
        ~Counted() {
            const std::lock_guard lock(my.mutex);
            --my.claiming;
            if (my.draining) my.changed.notify_all();
        }
    } const counted{*this};
    return claim_next();
}

void Queue::Impl::run(Claim& claimed) {
    const JobRow& job = claimed.job;
    Running& mine = *claimed.running;
    Ending end;
    const auto save_cursor = [&](const std::string& cursor) {
        const auto kept = database.write(mine.scope, [&](db::Tx& tx) { return tx.exec(sql::save_cursor, cursor, job.id, mine.fence); });
        if (kept == 0) throw Cancelled("another process has taken the job over", {.subject = job.id.text()});
    };
    try {
        // Closing, or cancelled: claimed by who was already looking, perhaps what another worker has just put back.
        if (mine.stop.stop_requested()) throw Cancelled("the job was stopped before it began", {.subject = job.id.text()});
        const auto kind = kinds.find(job.kind);
        if (kind == kinds.end()) throw Unsupported("this version does not know jobs of this kind", {.subject = job.kind});
        end.outcome = kind->second.run(Attempt{mine.scope, job, mine.progress, mine.stop.get_token(), save_cursor});
    } catch (const Error& error) {
        end.stopped = error.code() == Errc::cancelled && mine.stop.stop_requested();
        end.may_pass = error.retryable();
        end.failure = failure_json(error);
        if (!end.stopped) options.log->failure(room, "a job failed", error);
    } catch (const std::exception& error) {
        end.failure = failure_json(InternalError(error.what(), {.subject = job.id.text()}));
        options.log->failure(room, "a job failed", error);
    }
    conclude(claimed, std::move(end));
}

/// Three times as long after each attempt, and at random up to that: what failed together is not tried again together.
Duration Queue::Impl::pause_before_next(std::int32_t attempt) const {
    auto longest = options.retry_first.count();
    for (std::int32_t i = 1; i < attempt && longest < options.retry_longest.count(); ++i) longest *= 3;
    longest = std::min(longest, options.retry_longest.count());
    std::uint32_t chance = 0;
    const auto bytes = crypto::random_bytes(sizeof chance);
    std::memcpy(&chance, bytes.data(), sizeof chance);
    return Duration{longest / 2 + static_cast<std::int64_t>(static_cast<double>(longest / 2) * (chance / 4294967296.0))};
}

void Queue::Impl::conclude(Claim& claimed, Ending ending) {
    const auto id = claimed.job.id;
    claimed.job.progress = claimed.running->progress.snapshot();
    try {
        if (!record(claimed, std::move(ending))) options.log->warning(room, "a job had been taken over", {{"job", id.text()}});
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
bool Queue::Impl::record(Claim& claimed, Ending ending) {
    const Running& mine = *claimed.running;
    Fenced end{claimed.job, mine.fence};
    const bool told_to_end = ending.stopped && mine.cancelled;
    if (ending.stopped && !told_to_end)
        return database.write(mine.scope, [&](db::Tx& tx) { return put_back(tx, end, end.job.attempt - 1); });
    if (ending.outcome) {
        end.job.state = JobState::succeeded;
        end.job.result = ending.outcome->result;
        try {
            return database.write(mine.scope, [&](db::Tx& tx) { return finish(tx, end, ending.outcome->settle); });
        } catch (const Error& error) {
            if (error.code() == Errc::closed || error.code() == Errc::unavailable) throw;
            ending.failure = failure_json(error);  // what the work cost could not be booked
        }
    }
    if (ending.may_pass && !ending.stopped && end.job.attempt < end.job.max_attempts) {
        const auto due = now() + pause_before_next(end.job.attempt);
        return database.write(mine.scope, [&](db::Tx& tx) { return try_again(tx, end, ending.failure, due); });
    }
    const bool used_up = ending.may_pass && end.job.max_attempts > 1;
    end.job.state = told_to_end ? JobState::cancelled : used_up ? JobState::dead
                                                                : JobState::failed;
    end.job.result.clear();
    end.job.failure = told_to_end ? cancelled_json() : std::move(ending.failure);
    return database.write(mine.scope, [&](db::Tx& tx) { return finish(tx, end); });
}

void Queue::Impl::work_loop(const std::stop_token& stop) {
    std::uint64_t seen = 0;
    while (!stop.stop_requested()) {
        bool may_claim = false;
        {
            const std::lock_guard lock(mutex);
            seen = work;
            may_claim = !draining && !closing;
            if (may_claim) ++claiming;
        }
        try {
            if (auto claimed = may_claim ? claim_and_tell() : std::nullopt) {
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
