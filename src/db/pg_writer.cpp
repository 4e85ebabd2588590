#include "pg_writer.hpp"

#include <algorithm>
#include <utility>

#include <base/clock.hpp>
#include <tenon/error.hpp>

#include "pg_errors.hpp"

namespace tenon::db {
namespace {

constexpr Actor pg_own_actor{Actor::Kind::system, {}};
constexpr int pg_groups_guarded = 64;  // as for a file: see Writer
constexpr Duration pg_pause_before_reconnecting = std::chrono::seconds(1);
constexpr int pg_tries = 5;            // of a group that met somebody who goes round the lock

}  // namespace

PgWriter::PgWriter(const Options& options) : GroupWriter(options) {
    connection_ = std::make_unique<PgConnection>(options_, PgConnection::Role::writer);
    look_for_others();
}

PgWriter::~PgWriter() { close(); }

void PgWriter::close() noexcept {
    stop();
    const std::lock_guard lock(close_mutex_);
    connection_->close();
}

void PgWriter::commit_group() {
    Batch batch;
    take_more(batch);
    auto guard = guarded_groups_ > 0 ? Guard::each : Guard::none;
    if (guarded_groups_ > 0) --guarded_groups_;
    for (int tries = 1; !batch.empty(); ++tries) {
        const auto outcome = run_group(batch, guard, tries >= pg_tries);
        if (outcome == Outcome::done) return;
        replays_ += static_cast<std::int64_t>(batch.size());
        if (outcome == Outcome::spoiled) {
            guard = Guard::each;
            if (batch.size() > 1) guarded_groups_ = pg_groups_guarded;
        }
    }
}

PgWriter::Outcome PgWriter::run_group(Batch& batch, Guard guard, bool last_try) {
    try {
        begin_transaction();
    } catch (...) {
        const bool again = connection_->is_lost() || is_clash(connection_->last_state());
        abandon();
        if (again && !last_try) return Outcome::clashed;
        give_up(batch, std::current_exception());
        return Outcome::done;
    }
    bool committing = false;
    std::exception_ptr error;
    try {
        if (!run_all(batch, guard)) {
            abandon();
            return Outcome::spoiled;
        }
        connection_->finish_transaction();
        // One that stood still for too long has none any more, and nothing was committed.
        if (connection_->has_ended()) throw Unavailable("the connection to the database server was lost", {.retryable = true});
        committing = true;
        commit();
    } catch (...) {
        error = std::current_exception();
    }
    if (!error) {
        succeed(batch);
        if (told_ && connection_->changes() != changes_before_) told_();
        return Outcome::done;
    }
    const bool lost = connection_->is_lost();
    const bool clash = is_clash(connection_->last_state());
    abandon();
    if (lost && committing) {
        // The server may have done it, so it must not be done again.
        give_up(batch, std::make_exception_ptr(
                           Unavailable("the connection to the database server was lost; the change may or may not last", {.retryable = true})));
        return Outcome::done;
    }
    if ((lost || clash) && !last_try) return Outcome::clashed;
    if (lost || batch.size() == 1) give_up(batch, error);
    else replay(batch);
    return Outcome::done;
}

/// False: a request was refused in a way that leaves nothing to go on with. Throws when the connection is gone.
bool PgWriter::run_all(Batch& batch, Guard guard) {
    const auto begun = base::system_clock()->monotonic();
    for (std::size_t i = 0;;) {
        for (; i < batch.size(); ++i) {
            auto& request = *batch[i];
            apply(request, guard);
            if (connection_->is_lost() || is_clash(connection_->last_state())) {
                if (request.error) std::rethrow_exception(request.error);
                throw Unavailable("the connection to the database server was lost", {.retryable = true});
            }
            if (request.spoiled) {
                // A function alone whose own decision it was to fail has nobody to be kept apart from.
                if (batch.size() == 1 && !connection_->is_spoiled() && request.error) std::rethrow_exception(request.error);
                return false;
            }
        }
        if (batch.size() >= group_limit || base::system_clock()->monotonic() - begun >= group_time || !take_more(batch)) return true;
    }
}

void PgWriter::apply(Request& request, Guard guard) {
    request.error = nullptr;
    request.spoiled = false;
    request.after.clear();
    const auto before = connection_->changes();
    connection_->guard(guard == Guard::each);
    try {
        if (guard == Guard::each) connection_->send("SAVEPOINT request");
        connection_->collect_after(&request.after);
        request.fn(*connection_);
        if (guard == Guard::each) {
            // What is undone with one request must not take along what another one has left to be done.
            if (!connection_->is_spoiled()) connection_->finish_transaction();
            connection_->run("RELEASE request");
        } else if (connection_->is_spoiled()) {
            request.spoiled = true;  // it met a refusal and went on: that takes a savepoint
        }
    } catch (...) {
        request.error = std::current_exception();
    }
    connection_->collect_after(nullptr);
    if (!request.error || connection_->is_lost()) return;
    request.after.clear();
    if (guard == Guard::none) {
        request.spoiled = connection_->is_spoiled() || connection_->changes() != before || !connection_->idle();
    } else {
        undo();
    }
}

void PgWriter::undo() {
    connection_->drop_finishers();
    connection_->new_lineage();
    connection_->forget_actor();
    connection_->send("ROLLBACK TO request");
    connection_->run("RELEASE request");
}

/// Each request again in a transaction of its own: whoever broke the group fails alone.
void PgWriter::replay(Batch& batch) {
    replays_ += static_cast<std::int64_t>(batch.size());
    for (auto* request : batch) {
        Batch alone{request};
        std::exception_ptr error;
        try {
            begin_transaction();
            apply(*request, Guard::each);
            if (request->error) std::rethrow_exception(request->error);
            commit();
        } catch (...) {
            error = std::current_exception();
        }
        if (error) {
            abandon();
            give_up(alone, error);
        } else {
            succeed(alone);
            if (told_) told_();
        }
    }
}

void PgWriter::reconnect() {
    reconnected_at_ = base::system_clock()->monotonic();
    connection_->close();
    connection_ = std::make_unique<PgConnection>(options_, PgConnection::Role::writer);
}

void PgWriter::begin_transaction() {
    if (connection_->is_stale()) reconnect();
    connection_->forget_failure();
    changes_before_ = connection_->changes();
    connection_->begin("BEGIN");
    connection_->act_as(pg_own_actor);
    // Each statement sees what was committed when it begins: so the number is asked for after the lock was had.
    connection_->send("SELECT pg_advisory_xact_lock($1::bigint)", {std::to_string(pg_writers_lock).c_str()});
    meet(connection_->number("SELECT n FROM commit_number"));
}

void PgWriter::commit() {
    const bool changed = connection_->changes() != changes_before_;
    if (changed) {
        connection_->act_as(pg_own_actor);
        connection_->send("UPDATE commit_number SET n = n + 1");
    }
    const auto result = connection_->run("COMMIT");
    // COMMIT of a transaction that was given up undoes it and succeeds.
    if (std::string_view(PQcmdStatus(result.get())) != "COMMIT") throw Unavailable("the transaction was given up after an earlier error");
    if (changed) ++number_, ++changing_commits_;
}

/// Somebody else committed what this writer has not heard of.
void PgWriter::meet(std::int64_t number) {
    if (std::exchange(number_, number) == number) return;
    connection_->new_lineage();
    tell_watches();
}

void PgWriter::abandon() noexcept {
    connection_->drop_finishers();
    connection_->new_lineage();
    connection_->guard(false);
    connection_->rollback();
}

void PgWriter::look_for_others() {
    if (connection_->is_stale()) {
        // Who only reads must hear of others' changes, too, once the server is there again.
        if (base::system_clock()->monotonic() - reconnected_at_ < pg_pause_before_reconnecting) return;
        reconnect();
    }
    connection_->forget_actor();
    connection_->act_as(pg_own_actor);
    const auto number = connection_->number("SELECT n FROM commit_number");
    connection_->forget_actor();
    meet(number);
}

}  // namespace tenon::db
