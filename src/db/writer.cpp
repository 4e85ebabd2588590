#include "writer.hpp"

#include <algorithm>
#include <utility>

#include <time.h>

#include <base/clock.hpp>
#include <tenon/error.hpp>

namespace tenon::db {
namespace {

// Groups with a savepoint for each write, after a write was refused that had changed something. Who does that all the time makes
// the neighbours run again once in so many groups.
constexpr int groups_guarded = 64;
// Pages that every group changes are copied into the file once for many groups, and callers wait a little longer meanwhile: a log
// of 16 MB is copied, but not more often than once a second unless it has grown to 64 MB.
constexpr int pages_to_copy = 4'000, pages_to_copy_now = 16'000;
constexpr Duration between_copies = std::chrono::seconds(1);
// The thread that copies is missing or does not get ahead.
constexpr int too_many_pages = 32'000;

Duration real_now() { return base::system_clock()->monotonic(); }

}  // namespace

Writer::Writer(const Options& options, std::shared_ptr<const Registry> registry)
    : GroupWriter(options), connection_(options.file, SqliteConnection::Role::writer, registry, options.busy_deadline), copier_(options, registry) {
    data_version_ = connection_.pragma_value("PRAGMA data_version");
    start();
}

Writer::~Writer() { close(); }

void Writer::close() noexcept {
    stop();
    const std::lock_guard lock(close_mutex_);
    copier_.close();
}

void Writer::disconnect() noexcept {
    const std::lock_guard lock(close_mutex_);
    connection_.close();
}

void Writer::commit_group() {
    Batch batch;
    take_more(batch);
    if (guarded_ == 0) {
        if (run_group(batch, Guard::none)) return;
        guarded_ = groups_guarded;
        replays_ += static_cast<std::int64_t>(batch.size());
    }
    --guarded_;
    run_group(batch, Guard::each);
}

/// False: a request was refused that had changed something, so everything is undone and the batch is to run again, guarded.
bool Writer::run_group(Batch& batch, Guard guard) {
    try {
        connection_.forget_failure();
        connection_.control("BEGIN IMMEDIATE");
        look_for_others();
    } catch (...) {
        abandon();
        give_up(batch, std::current_exception());
        return true;
    }
    std::exception_ptr error;
    try {
        if (!run_all(batch, guard)) {
            abandon();
            return answer_refused(batch);
        }
        connection_.finish_transaction();
        connection_.commit();
        settle(batch);
        return true;
    } catch (...) {
        error = std::current_exception();
    }
    abandon();
    // After a failed write or sync nobody knows what the disk holds: running again could do the same change twice.
    if (connection_.last_code() == SQLITE_IOERR) give_up(batch, error);
    else replay(batch);
    return true;
}

/// Throws when SQLite gave up the whole transaction, so that no request of it succeeded. False: see run_group.
bool Writer::run_all(Batch& batch, Guard guard) {
    const auto begun = real_now();
    for (std::size_t i = 0;;) {
        for (; i < batch.size(); ++i) {
            auto& request = *batch[i];
            apply(request, guard);
            if (!connection_.in_transaction()) {
                if (request.error) std::rethrow_exception(request.error);
                throw Unavailable("the transaction was given up after an earlier error");
            }
            if (request.spoiled) return false;
        }
        if (batch.size() >= group_limit || real_now() - begun >= group_time || !take_more(batch)) return true;
    }
}

/// A savepoint makes SQLite keep a copy of every page that the write touches, and hardly any write is refused after it has
/// changed something: so a group runs without them, and once more with them where that was wrong.
void Writer::apply(Request& request, Guard guard) {
    request.error = nullptr;
    request.spoiled = false;
    request.after.clear();
    const auto before = connection_.changes();
    try {
        if (guard == Guard::each) connection_.control("SAVEPOINT request");
        connection_.collect_after(&request.after);
        request.fn(connection_);
        // What is undone with one request must not take along what another one has left to be done.
        if (guard == Guard::each && connection_.in_transaction()) {
            connection_.finish_transaction();
            connection_.control("RELEASE request");
        }
    } catch (...) {
        request.error = std::current_exception();
    }
    connection_.collect_after(nullptr);
    if (!request.error || !connection_.in_transaction()) return;
    request.after.clear();
    const bool changed = connection_.changes() != before || !connection_.idle();
    if (guard == Guard::none) {
        request.spoiled = changed;
    } else {
        if (changed) guarded_ = groups_guarded;
        undo();
    }
}

void Writer::undo() {
    connection_.drop_finishers();
    connection_.new_lineage();
    if (connection_.try_control("ROLLBACK TO request") && connection_.try_control("RELEASE request")) return;
    // If even that fails, nothing of this transaction may be kept.
    abandon();
}

/// Of a group that was undone because of one that was refused: whoever is not to run again goes on. True: that was all of it.
bool Writer::answer_refused(Batch& batch) {
    // Nobody knows what a disk that failed would do the second time. And who was alone has nobody to run again for.
    if (batch.size() > 1 && connection_.last_code() != SQLITE_IOERR) return false;
    const auto at = std::ranges::find_if(batch, [](const Request* request) { return request->spoiled; });
    Batch one{*at};
    batch.erase(at);
    answer(one);
    return batch.empty();
}

void Writer::abandon() noexcept {
    connection_.drop_finishers();
    connection_.new_lineage();
    // Whatever stopped the first one must not leave the next group inside of this transaction.
    for (int tries = 0; tries < 2 && connection_.in_transaction(); ++tries) connection_.try_control("ROLLBACK");
}

/// Every request again, each in a transaction of its own: whoever broke the group fails alone.
void Writer::replay(Batch& batch) {
    replays_ += static_cast<std::int64_t>(batch.size());
    for (auto* request : batch) run_alone(*request);
}

void Writer::run_alone(Request& request) {
    Batch alone{&request};
    try {
        connection_.control("BEGIN IMMEDIATE");
        look_for_others();
        apply(request, Guard::none);
        if (!connection_.in_transaction() && !request.error)
            throw Unavailable("the transaction was given up after an earlier error");
        if (request.error) {
            abandon();
            return give_up(alone, request.error);
        }
        connection_.finish_transaction();
        connection_.commit();
    } catch (...) {
        abandon();
        return give_up(alone, std::current_exception());
    }
    settle(alone);
}

void Writer::settle(Batch& batch) {
    succeed(batch);
    shorten_log();
    // SQLite's write lock has no queue: leave a gap that a process seen lately can catch.
    if (foreign_seen_ >= Duration::zero() && real_now() - foreign_seen_ < std::chrono::seconds(1)) {
        const timespec pause{0, 500'000};
        nanosleep(&pause, nullptr);
    }
}

void Writer::shorten_log() noexcept {
    const int pages = connection_.pages_in_log();
    if (pages < pages_to_copy) return;
    // What came while the other thread copied is little. Without that thread it is all of it.
    if (copier_.has_ended() || pages >= too_many_pages) return connection_.copy_log();
    const auto now = real_now();
    if (pages < pages_to_copy_now && now - copied_at_ < between_copies) return;
    copied_at_ = now;
    copier_.start();
}

void Writer::look_for_others() {
    const auto version = connection_.pragma_value("PRAGMA data_version");
    if (version == data_version_) return;
    data_version_ = version;
    connection_.new_lineage();
    foreign_seen_ = real_now();
    tell_watches();
}

}  // namespace tenon::db
