#include <algorithm>
#include <cstring>
#include <utility>

#include <crypto/secret.hpp>

#include "queue_state.hpp"
#include "statements.hpp"

namespace tenon::jobs {

/// A worker between looking for a job and having it: whoever drains waits for it.
class Queue::Impl::Looking {
public:
    explicit Looking(Impl& my) : my_(my) {
        const std::lock_guard lock(my_.mutex);
        may_ = !my_.draining && !my_.closing;
        if (may_) ++my_.claiming;
    }
    ~Looking() {
        if (!may_) return;
        const std::lock_guard lock(my_.mutex);
        --my_.claiming;
        if (my_.draining) my_.changed.notify_all();
    }
    Looking(const Looking&) = delete;
    Looking& operator=(const Looking&) = delete;
    bool may() const { return may_; }

private:
    Impl& my_;
    bool may_ = false;
};

/// Adds to the line whoever has work, as the store says.
void Queue::Impl::look() {
    std::vector<std::pair<TenantId, JobId>> waiting;
    database.read(system, [&](db::SystemReader& reader) {
        for (auto rows = reader.query(sql::waiting); rows.next();) waiting.emplace_back(rows.id<TenantId>(0), rows.id<JobId>(1));
    });
    const std::lock_guard lock(mutex);
    for (const auto& [tenant, first] : waiting) line.add(tenant, first);
}

/// Whose turn it is of those in line. Taken before his job is claimed: workers that look at the same moment would all serve him.
std::optional<Queue::Impl::Turn> Queue::Impl::take_turn() {
    {
        std::unique_lock lock(mutex);
        if (line.distrusted()) {
            lock.unlock();
            try {
                look();
            } catch (...) {
                lock.lock();
                line.distrust();
                throw;
            }
        }
    }
    for (;;) {
        TenantId tenant;
        std::uint64_t start = 0;
        {
            const std::lock_guard lock(mutex);
            const auto next = line.next(turns);
            if (!next) return std::nullopt;
            tenant = *next;
            start = turns.start_of(tenant);
        }
        auto scope = hooks.scope(tenant);
        const auto weight = hooks.weight ? hooks.weight(tenant) : 1;
        const std::lock_guard lock(mutex);
        if (!scope) line.remove(tenant);
        if (!line.contains(tenant) || turns.start_of(tenant) != start) continue;  // another worker was quicker
        turns.served(tenant, weight);
        return Turn{*std::move(scope), weight};
    }
}

/// For who has something else to do that must not fail.
std::optional<Queue::Impl::Turn> Queue::Impl::take_turn_or_none() noexcept {
    try {
        return take_turn();
    } catch (const std::exception&) {
        return std::nullopt;  // the worker looks again when that is done, and says what is wrong
    }
}

void Queue::Impl::give_back(const Turn& turn) {
    const std::lock_guard lock(mutex);
    turns.give_back(turn.scope.tenant(), turn.weight);
}

/// A claim that is durable by now.
void Queue::Impl::begin(Claim& claimed) {
    {
        const std::lock_guard lock(mutex);
        claimed.running->started = claimed.job.started_at.value_or(Time{});
        running[claimed.job.id] = claimed.running;
        begun.notify_one();
        if (closing) claimed.running->stop.request_stop();
        if (idle > 0 && !line.empty()) wanted.notify_one();
    }
    if (options.listener) options.listener->became(info_of(claimed.job));
}

std::optional<Claim> Queue::Impl::claim_next() {
    const Looking looking(*this);
    if (!looking.may()) return std::nullopt;
    while (const auto turn = take_turn()) {
        std::optional<Claim> claimed;
        try {
            claimed = database.write(turn->scope, [&](db::Tx& tx) { return claim(tx); });
        } catch (...) {
            give_back(*turn);
            throw;
        }
        if (claimed) {
            begin(*claimed);
            return claimed;
        }
        give_back(*turn);
    }
    return std::nullopt;
}

Queue::Impl::Ending Queue::Impl::run(Claim& claimed) {
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
    return end;
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

/// Records how the attempt ended and, in the same transaction, begins the job whose turn it is.
std::optional<Claim> Queue::Impl::conclude(Claim& claimed, Ending ending) {
    const auto id = claimed.job.id;
    claimed.running->board.leave(board, id);
    claimed.job.progress = claimed.running->progress.snapshot();
    claimed.job.progress.eta.reset();
    claimed.job.progress.per_second = claimed.job.progress.files_per_second = 0;
    const Looking looking(*this);
    const auto turn = looking.may() ? take_turn_or_none() : std::nullopt;
    std::optional<Claim> next;
    try {
        if (!record(claimed, std::move(ending), turn, next)) options.log->warning(room, "a job had been taken over", {{"job", id.text()}});
    } catch (const std::exception& error) {
        // The lease runs out and some process, perhaps this one, takes the job up again.
        options.log->failure(room, "the end of a job could not be recorded", error);
    }
    if (turn && !next) give_back(*turn);
    if (next) begin(*next);
    const std::lock_guard lock(mutex);
    running.erase(id);
    if (draining) changed.notify_all();
    return next;
}

/// False: somebody else has the job by now, and nothing was written.
bool Queue::Impl::record(Claim& claimed, Ending ending, const std::optional<Turn>& turn, std::optional<Claim>& next) {
    const Running& mine = *claimed.running;
    Fenced end{claimed.job, mine.fence};
    const auto write = [&](const std::function<bool(db::Tx&)>& fn) { return end_and_claim(mine.scope, turn, next, fn); };
    const bool told_to_end = ending.stopped && mine.cancelled;
    if (ending.stopped && !told_to_end) return write([&](db::Tx& tx) { return put_back(tx, end, end.job.attempt - 1); });
    if (ending.outcome) {
        end.job.state = JobState::succeeded;
        end.job.result = ending.outcome->result;
        try {
            return write([&](db::Tx& tx) { return finish(tx, end, ending.outcome->settle); });
        } catch (const Error& error) {
            if (error.code() == Errc::closed || error.code() == Errc::unavailable) throw;
            ending.failure = failure_json(error);  // what the work cost could not be booked
        }
    }
    if (ending.may_pass && !ending.stopped && end.job.attempt < end.job.max_attempts) {
        const auto due = now() + pause_before_next(end.job.attempt);
        return write([&](db::Tx& tx) { return try_again(tx, end, ending.failure, due); });
    }
    const bool used_up = ending.may_pass && end.job.max_attempts > 1;
    end.job.state = told_to_end ? JobState::cancelled : used_up ? JobState::dead
                                                                : JobState::failed;
    end.job.result.clear();
    end.job.failure = told_to_end ? cancelled_json() : std::move(ending.failure);
    return write([&](db::Tx& tx) { return finish(tx, end); });
}

/// One transaction for the end of one job and the beginning of the next. What goes wrong with the next is no reason why the first
/// should not end: then `end` runs once more by itself, under its fence.
bool Queue::Impl::end_and_claim(const db::TenantScope& scope, const std::optional<Turn>& turn, std::optional<Claim>& next,
                                const std::function<bool(db::Tx&)>& end) {
    if (turn) {
        bool ended = false;
        try {
            return database.write(system, [&](db::SystemTx& tx) {
                next.reset();
                ended = false;
                auto mine = tx.tenant(scope);
                const bool done = end(mine);
                ended = true;
                auto theirs = tx.tenant(turn->scope);
                next = claim(theirs);
                return done;
            });
        } catch (const std::exception&) {
            next.reset();
            if (!ended) throw;
        }
    }
    return database.write(scope, end);
}

void Queue::Impl::work_loop(const std::stop_token& stop) {
    std::optional<Claim> claimed;
    while (claimed || !stop.stop_requested()) {
        try {
            if (!claimed) claimed = claim_next();
            if (claimed) {
                auto ending = run(*claimed);
                claimed = conclude(*claimed, std::move(ending));
                continue;
            }
        } catch (const Closed&) {
            return;
        } catch (const std::exception& error) {
            options.log->failure(room, "cannot look for jobs", error);
            if (exec::sleep_for(options.clock, stop, options.tick)) return;
        }
        std::unique_lock lock(mutex);
        ++idle;
        try {
            if (!wanted.wait_for(lock, stop, options.tick * 10, [&] { return !draining && !closing && !line.empty(); })) line.distrust();
        } catch (const Cancelled&) {
            --idle;
            return;
        }
        --idle;
    }
}

}  // namespace tenon::jobs
