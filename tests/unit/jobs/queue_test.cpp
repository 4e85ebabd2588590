#include <jobs/queue.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <scope_maker.hpp>
#include <temp_folder.hpp>
#include <test_store.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using db::testing::ScopeMaker;

/// Lets a handler stand still until the test says go.
class Latch {
public:
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    /// Throws Cancelled when asked to stop first.
    void pass(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        ++arrived_;
        changed_.notify_all();
        if (!changed_.wait(lock, stop, [&] { return open_; })) throw Cancelled("stopped");
    }
    void await_arrivals(int count) {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, 60s, [&] { return arrived_ >= count; }));
    }

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool open_ = false;
    int arrived_ = 0;
};

class JobQueue : public testing::Test {
protected:
    JobQueue() { open(); }

    void open_with_long_pause() { open(10min); }
    void open(Duration pause = 40ms, Duration heartbeat = 200ms) {
        store = db::Database::open(tests::store_in(folder.path()), jobs::migrations());
        jobs::Hooks hooks;
        hooks.scope = [](const TenantId& id) { return std::optional(ScopeMaker::tenant(id)); };
        hooks.started = [this](db::Tx&, const jobs::JobRow& job) {
            auto& mine = places[job.tenant];
            if (mine.contains(job.id)) return true;  // a transaction may run again
            if (static_cast<int>(mine.size()) >= limit) return false;
            claims.push_back(job.tenant);
            mine.insert(job.id);
            return true;
        };
        hooks.stopped = [this](db::Tx&, const jobs::JobRow& job) { places[job.tenant].erase(job.id); };
        hooks.ended = [this](db::Tx&, const jobs::JobRow& job) { note_end(job.id); };
        queue = std::make_unique<jobs::Queue>(
            jobs::Options{.clock = base::system_clock(), .log = base::Log::none(), .nodes = folder.path() / "run",
                          .workers = 2, .heartbeat = heartbeat, .retry_first = pause,
                          .retry_longest = std::max<Duration>(pause, 100ms), .tick = heartbeat / 4},
            *store, ScopeMaker::system(), std::move(hooks));
    }
    void close() {
        queue.reset();
        store.reset();
    }
    JobId add(const db::TenantScope& scope, jobs::NewJob job) {
        return store->write(scope, [&](db::Tx& tx) { return queue->enqueue(tx, job); });
    }
    jobs::JobRow end_of(const db::TenantScope& scope, const JobId& id) {
        auto row = queue->wait_end(scope, id, 60s, {});
        EXPECT_TRUE(row.has_value());
        return row.value_or(jobs::JobRow{});
    }

    // What handlers and hooks touch outlives the queue.
    Latch latch;
    tests::TempFolder folder;
    void note_end(const JobId& id) {
        if (std::find(ended.begin(), ended.end(), id) == ended.end()) ended.push_back(id);
    }
    std::map<TenantId, std::set<JobId>> places;  // only touched inside transactions
    int limit = 8;
    std::vector<TenantId> claims;    // whose job was begun, in turn; only touched inside transactions
    std::vector<JobId> ended;        // only touched inside transactions
    std::unique_ptr<db::Database> store;
    std::unique_ptr<jobs::Queue> queue;
    const db::TenantScope acme = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
    const db::TenantScope other = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
};

TEST_F(JobQueue, runs_a_job_and_keeps_its_result) {
    bool settled = false;
    queue->add_kind("sum", {.run = [&](const jobs::Attempt& attempt) {
                        attempt.progress.stage("adding", 1, 2, "numbers");
                        attempt.progress.advance(2);
                        return jobs::Outcome{.result = attempt.job.payload + "!", .settle = [&](db::Tx&) { settled = true; }};
                    }});
    queue->start();
    const auto id = add(acme, {.kind = "sum", .payload = "1 + 1"});
    const auto job = end_of(acme, id);
    EXPECT_EQ(job.state, JobState::succeeded);
    EXPECT_EQ(job.result, "1 + 1!");
    EXPECT_EQ(job.progress.percent, 100);
    EXPECT_EQ(job.attempt, 1);
    EXPECT_TRUE(settled);
    EXPECT_EQ(ended, std::vector{id});
    EXPECT_EQ(places[acme.tenant()].size(), 0u);
}

TEST_F(JobQueue, a_failure_keeps_every_detail_of_its_error) {
    bool gave_up = false;
    queue->add_kind("fail", {.run = [](const jobs::Attempt&) -> jobs::Outcome {
                                 throw QuotaExceeded("too much", {.subject = "s", .resource = "storage", .limit = 5, .used = 4});
                             },
                             .give_up = [&](db::Tx&, const jobs::JobRow&) { gave_up = true; }});
    queue->start();
    const auto job = end_of(acme, add(acme, {.kind = "fail"}));
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_TRUE(gave_up);
    try {
        jobs::throw_failure(job.failure);
    } catch (const QuotaExceeded& error) {
        EXPECT_STREQ(error.what(), "too much");
        EXPECT_EQ(error.subject(), "s");
        EXPECT_EQ(error.resource(), "storage");
        EXPECT_EQ(error.limit(), 5);
        EXPECT_EQ(error.used(), 4);
        EXPECT_FALSE(error.resets_at());
    }
    EXPECT_EQ(jobs::info_of(job).error, Errc::quota_exceeded);
}

TEST_F(JobQueue, another_tenant_sees_nothing_of_it) {
    queue->add_kind("sum", {.run = [](const jobs::Attempt&) { return jobs::Outcome{}; }});
    queue->start();
    const auto id = add(acme, {.kind = "sum"});
    end_of(acme, id);
    EXPECT_FALSE(queue->find(other, id));
    EXPECT_TRUE(queue->list(other, {}).empty());
    EXPECT_THROW((void)queue->wait_end(other, id, 0s, {}), NotFound);
    EXPECT_FALSE(store->write(other, [&](db::Tx& tx) { return queue->cancel(tx, id); }));
    EXPECT_EQ(queue->list(acme, {}).size(), 1u);
}

TEST_F(JobQueue, cancels_a_waiting_and_a_running_job) {
    queue->add_kind("stand", {.run = [&](const jobs::Attempt& attempt) {
                        latch.pass(attempt.stop);
                        return jobs::Outcome{};
                    }});
    limit = 1;
    queue->start();
    const auto running = add(acme, {.kind = "stand"});
    latch.await_arrivals(1);
    const auto waiting = add(acme, {.kind = "stand"});
    for (const auto& id : {waiting, running}) {
        EXPECT_TRUE(store->write(acme, [&](db::Tx& tx) { return queue->cancel(tx, id); }));
        const auto job = end_of(acme, id);
        EXPECT_EQ(job.state, JobState::cancelled);
        EXPECT_THROW(jobs::throw_failure(job.failure), Cancelled);
        EXPECT_FALSE(store->write(acme, [&](db::Tx& tx) { return queue->cancel(tx, id); })) << "it has ended";
    }
    EXPECT_EQ(places[acme.tenant()].size(), 0u);
}

TEST_F(JobQueue, closing_puts_running_jobs_back_with_their_cursor) {
    jobs::Kind kind{.run = [&](const jobs::Attempt& attempt) {
        if (attempt.job.cursor == "half") return jobs::Outcome{.result = "resumed"};
        attempt.save_cursor("half");
        latch.pass(attempt.stop);
        return jobs::Outcome{};
    }};
    queue->add_kind("long", kind);
    queue->start();
    const auto id = add(acme, {.kind = "long"});
    latch.await_arrivals(1);
    close();
    EXPECT_EQ(places[acme.tenant()].size(), 0u);

    open();
    EXPECT_EQ(queue->find(acme, id)->state, JobState::ready);
    EXPECT_EQ(queue->find(acme, id)->attempt, 0) << "closing is no failed attempt";
    queue->add_kind("long", kind);
    queue->start();
    EXPECT_EQ(end_of(acme, id).result, "resumed");
}

TEST_F(JobQueue, a_full_tenant_waits_and_others_go_on) {
    queue->add_kind("stand", {.run = [&](const jobs::Attempt& attempt) {
                        latch.pass(attempt.stop);
                        return jobs::Outcome{};
                    }});
    queue->add_kind("quick", {.run = [](const jobs::Attempt&) { return jobs::Outcome{}; }});
    limit = 1;
    queue->start();
    const auto first = add(acme, {.kind = "stand"});
    latch.await_arrivals(1);
    const auto second = add(acme, {.kind = "quick"});
    EXPECT_EQ(end_of(other, add(other, {.kind = "quick"})).state, JobState::succeeded);
    EXPECT_EQ(queue->find(acme, second)->state, JobState::ready) << "the tenant has one place and it is taken";
    latch.open();
    EXPECT_EQ(end_of(acme, first).state, JobState::succeeded);
    EXPECT_EQ(end_of(acme, second).state, JobState::succeeded);
}

TEST_F(JobQueue, a_unique_job_exists_once_until_it_ends) {
    queue->add_kind("stand", {.run = [&](const jobs::Attempt& attempt) {
                        latch.pass(attempt.stop);
                        return jobs::Outcome{};
                    }});
    queue->start();
    const auto first = add(acme, {.kind = "stand", .unique_key = "nightly"});
    EXPECT_THROW(add(acme, {.kind = "stand", .unique_key = "nightly"}), Conflict);
    EXPECT_NO_THROW(add(other, {.kind = "stand", .unique_key = "nightly"}));
    latch.open();
    end_of(acme, first);
    EXPECT_NO_THROW(add(acme, {.kind = "stand", .unique_key = "nightly"}));
}

TEST_F(JobQueue, waits_until_a_job_is_due) {
    queue->add_kind("quick", {.run = [](const jobs::Attempt&) { return jobs::Outcome{}; }});
    queue->start();
    const auto due = base::system_clock()->now() + 300ms;
    const auto job = end_of(acme, add(acme, {.kind = "quick", .due_at = due}));
    EXPECT_GE(*job.started_at, due);
}

TEST_F(JobQueue, a_zombies_result_is_not_taken) {
    // Two queues on one store stand for two processes; the first falls silent in the middle of its job.
    std::atomic<int> begun = 0, settled = 0;
    Latch silence;
    jobs::Kind kind{.run = [&](const jobs::Attempt& attempt) {
        if (++begun == 1) silence.pass({});  // hears no stop
        return jobs::Outcome{.result = "attempt " + std::to_string(attempt.job.attempt), .settle = [&](db::Tx&) { ++settled; }};
    }};
    queue->add_kind("slow", kind);
    queue->start();
    const auto id = add(acme, {.kind = "slow"});
    silence.await_arrivals(1);

    const auto their_store = db::Database::open(tests::store_in(folder.path()), jobs::migrations());
    jobs::Hooks hooks;
    hooks.scope = [](const TenantId& tenant) { return std::optional(ScopeMaker::tenant(tenant)); };
    hooks.stopped = [this](db::Tx&, const jobs::JobRow& job) { places[job.tenant].erase(job.id); };
    hooks.started = [this](db::Tx&, const jobs::JobRow& job) { return places[job.tenant].insert(job.id), true; };
    hooks.ended = [this](db::Tx&, const jobs::JobRow& job) { note_end(job.id); };
    const auto later = std::make_shared<base::ManualClock>(base::system_clock()->now() + 1h);  // past the first one's lease
    jobs::Queue second({.clock = later, .log = base::Log::none(), .nodes = folder.path() / "run", .workers = 1},
                       *their_store, ScopeMaker::system(), std::move(hooks));
    second.add_kind("slow", kind);
    second.start();
    EXPECT_EQ(second.wait_end(acme, id, 20s, {})->result, "attempt 2");
    silence.open();
    queue->close();  // joins the zombie
    EXPECT_EQ(queue->find(acme, id)->result, "attempt 2");
    EXPECT_EQ(settled, 1);
    EXPECT_EQ(ended, std::vector{id});
    EXPECT_EQ(places[acme.tenant()].size(), 0u);
}

TEST_F(JobQueue, cancelling_while_jobs_end_leaves_each_in_one_state) {
    queue->add_kind("quick", {.run = [](const jobs::Attempt& attempt) {
                        if (attempt.stop.stop_requested()) throw Cancelled("stopped");
                        return jobs::Outcome{.result = "done"};
                    }});
    queue->start();
    for (int i = 0; i < 60; ++i) {
        const auto id = add(i % 2 ? acme : other, {.kind = "quick"});
        const auto& scope = i % 2 ? acme : other;
        store->write(scope, [&](db::Tx& tx) { return queue->cancel(tx, id); });
        const auto job = end_of(scope, id);
        EXPECT_TRUE(job.state == JobState::cancelled ? job.result.empty() && !job.failure.empty() : job.result == "done");
    }
    EXPECT_EQ(ended.size(), 60u);
    EXPECT_EQ(places[acme.tenant()].size(), 0u);
    EXPECT_EQ(places[other.tenant()].size(), 0u);
}

TEST_F(JobQueue, a_job_cancelled_as_the_queue_closes_does_not_come_back) {
    jobs::Kind kind{.run = [&](const jobs::Attempt& attempt) {
        latch.pass(attempt.stop);
        return jobs::Outcome{};
    }};
    queue->add_kind("stand", kind);
    queue->start();
    const auto id = add(acme, {.kind = "stand"});
    latch.await_arrivals(1);
    // As another process would: the row says so before this one has looked.
    store->write(acme, [&](db::Tx& tx) {
        static constexpr db::TenantStmt ask{"UPDATE job_ SET cancel = 1 WHERE tenant_id = :tenant AND id = :id"};
        tx.exec(ask, id);
    });
    queue->close();
    EXPECT_EQ(queue->find(acme, id)->state, JobState::cancelled);
    EXPECT_EQ(ended, std::vector{id});
}

TEST_F(JobQueue, an_enqueuing_that_fails_leaves_no_job) {
    queue->start();
    EXPECT_THROW(store->write(acme, [&](db::Tx& tx) {
        queue->enqueue(tx, {.kind = "sum"});
        throw QuotaExceeded("no");
    }), QuotaExceeded);
    EXPECT_TRUE(queue->list(acme, {}).empty());
}

TEST_F(JobQueue, lists_by_kind_and_state_newest_first) {
    const auto one = add(acme, {.kind = "a"});
    const auto two = add(acme, {.kind = "b"});
    const auto three = add(acme, {.kind = "a", .due_at = base::system_clock()->now() + 1h});
    add(other, {.kind = "a"});
    const auto ids = [&](const JobFilter& filter) {
        std::vector<JobId> found;
        for (const auto& job : queue->list(acme, filter)) found.push_back(job.id);
        return found;
    };
    EXPECT_EQ(ids({}), (std::vector{three, two, one}));
    EXPECT_EQ(ids({.kind = "a"}), (std::vector{three, one}));
    EXPECT_EQ(ids({.state = JobState::scheduled}), std::vector{three});
    EXPECT_EQ(ids({.limit = 1}), std::vector{three});
    EXPECT_EQ(ids({.after = three, .limit = 1}), std::vector{two});
    EXPECT_EQ(ids({.kind = "a", .after = three}), std::vector{one});
    EXPECT_TRUE(ids({.after = one}).empty());
    EXPECT_THROW(ids({.limit = 0}), InvalidArgument);
}

TEST_F(JobQueue, forgets_what_ended_long_ago_and_nothing_else) {
    queue->add_kind("sum", {.run = [](const jobs::Attempt&) { return jobs::Outcome{.result = "2"}; }});
    queue->start();
    std::vector<JobId> ended_ones;
    for (int i = 0; i < 3; ++i) ended_ones.push_back(add(i == 1 ? other : acme, {.kind = "sum"}));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(end_of(i == 1 ? other : acme, ended_ones[static_cast<std::size_t>(i)]).state, JobState::succeeded);
    const auto waits = add(acme, {.kind = "sum", .due_at = base::system_clock()->now() + 24h});
    const auto left_after = [&](Duration time) {
        const auto later = base::system_clock()->now() + time;
        while (store->read(ScopeMaker::system(), [&](db::SystemReader& reader) { return jobs::any_to_forget(reader, later); }))
            EXPECT_LE(store->write(ScopeMaker::system(), [&](db::SystemTx& tx) { return jobs::forget_ended(tx, later, 2); }), 2);
        return queue->list(acme, {}).size() + queue->list(other, {}).size();
    };
    EXPECT_EQ(left_after(24h * 89), 4u);
    EXPECT_EQ(left_after(24h * 91), 1u);
    EXPECT_EQ(queue->list(acme, {}).at(0).id, waits);
    try {
        (void)queue->wait_end(acme, ended_ones[0], 0s, {});
        ADD_FAILURE();
    } catch (const NotFound& error) {
        EXPECT_NE(std::string(error.what()).find("90 days"), std::string::npos);
    }
}

TEST_F(JobQueue, higher_priority_first_then_in_order) {
    std::vector<std::string> order;
    std::mutex mutex;
    queue->add_kind("note", {.run = [&](const jobs::Attempt& attempt) {
                        const std::lock_guard lock(mutex);
                        order.push_back(attempt.job.payload);
                        return jobs::Outcome{};
                    }});
    limit = 1;  // one at a time
    add(acme, {.kind = "note", .payload = "first"});
    add(acme, {.kind = "note", .payload = "second"});
    const auto last = add(acme, {.kind = "note", .payload = "least", .priority = -1});
    add(acme, {.kind = "note", .payload = "urgent", .priority = 5});
    queue->start();
    end_of(acme, last);
    EXPECT_EQ(order, (std::vector<std::string>{"urgent", "first", "second", "least"}));
}

TEST_F(JobQueue, what_may_pass_is_tried_again_and_keeps_what_is_held) {
    std::atomic<int> begun{0}, gave_up{0};
    queue->add_kind("flaky", {.run = [&](const jobs::Attempt& attempt) -> jobs::Outcome {
                                  attempt.save_cursor(attempt.job.cursor + "x");
                                  if (++begun < 3) throw Unavailable("the store is away");
                                  return {.result = attempt.job.cursor};
                              },
                              .give_up = [&](db::Tx&, const jobs::JobRow&) { ++gave_up; }});
    queue->start();
    const auto job = end_of(acme, add(acme, {.kind = "flaky"}));
    EXPECT_EQ(job.state, JobState::succeeded);
    EXPECT_EQ(job.attempt, 3);
    EXPECT_EQ(job.result, "xx");
    EXPECT_EQ(job.failure, "");
    EXPECT_EQ(gave_up, 0);
    EXPECT_EQ(places[acme.tenant()].size(), 0u);
}

TEST_F(JobQueue, a_job_whose_attempts_are_used_up_is_dead_and_can_be_repeated) {
    std::atomic<int> begun{0}, gave_up{0};
    std::atomic<bool> mended{false};
    queue->add_kind("flaky", {.run = [&](const jobs::Attempt&) -> jobs::Outcome {
                                  ++begun;
                                  if (!mended) throw Unavailable("the store is away", {.subject = "s3"});
                                  return {.result = "done"};
                              },
                              .give_up = [&](db::Tx&, const jobs::JobRow&) { ++gave_up; }});
    queue->start();
    const auto id = add(acme, {.kind = "flaky", .payload = "work", .cause = "c", .unique_key = "one", .priority = 7});
    const auto job = end_of(acme, id);
    EXPECT_EQ(job.state, JobState::dead);
    EXPECT_EQ(begun, 3);
    EXPECT_EQ(gave_up, 1);
    EXPECT_THROW(jobs::throw_failure(job.failure), Unavailable);
    mended = true;
    const auto repeat = [&](const JobId& of) {
        return store->write(acme, [&](db::Tx& tx) { return queue->repeat(tx, of, std::nullopt); });
    };
    const auto again = end_of(acme, repeat(id));
    EXPECT_EQ(again.state, JobState::succeeded);
    EXPECT_EQ(again.payload, "work");
    EXPECT_EQ(again.cause, "c");
    EXPECT_THROW(repeat(again.id), Conflict);
    EXPECT_THROW(repeat(base::new_id<JobId>(base::system_clock()->now())), NotFound);
    const auto stranger = db::testing::ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
    EXPECT_THROW(store->write(stranger, [&](db::Tx& tx) { return queue->repeat(tx, id, std::nullopt); }), NotFound);
}

TEST_F(JobQueue, a_job_that_waits_to_be_tried_again_can_be_cancelled) {
    queue.reset();
    open_with_long_pause();
    queue->add_kind("flaky", {.run = [&](const jobs::Attempt&) -> jobs::Outcome { throw Unavailable("away"); }});
    queue->start();
    const auto id = add(acme, {.kind = "flaky"});
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (queue->find(acme, id)->state != JobState::scheduled && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(5ms);
    const auto waiting = jobs::info_of(*queue->find(acme, id));
    EXPECT_EQ(waiting.state, JobState::scheduled);
    EXPECT_EQ(waiting.error, Errc::unavailable);
    EXPECT_GT(waiting.due_at.value(), base::system_clock()->now());
    EXPECT_TRUE(store->write(acme, [&](db::Tx& tx) { return queue->cancel(tx, id); }));
    EXPECT_EQ(end_of(acme, id).state, JobState::cancelled);
    EXPECT_EQ(places[acme.tenant()].size(), 0u);
}

TEST_F(JobQueue, a_thousand_jobs_of_one_tenant_do_not_delay_the_first_of_another) {
    queue->add_kind("note", {.run = [](const jobs::Attempt&) { return jobs::Outcome{}; }});
    store->write(acme, [&](db::Tx& tx) {
        for (int i = 0; i < 1000; ++i) queue->enqueue(tx, {.kind = "note"});
    });
    const auto first = add(other, {.kind = "note"});
    limit = 2;
    queue->start();
    end_of(other, first);
    queue->close();
    EXPECT_LE(std::find(claims.begin(), claims.end(), other.tenant()) - claims.begin(), 3);
}

TEST_F(JobQueue, a_tenants_priority_does_not_overtake_other_tenants) {
    queue->add_kind("note", {.run = [](const jobs::Attempt&) { return jobs::Outcome{}; }});
    for (int i = 0; i < 20; ++i) add(acme, {.kind = "note", .priority = 100});
    const auto modest = add(other, {.kind = "note", .priority = -100});
    queue->start();
    end_of(other, modest);
    queue->close();
    EXPECT_LE(std::find(claims.begin(), claims.end(), other.tenant()) - claims.begin(), 3);
}

TEST_F(JobQueue, a_waiting_job_is_given_another_time_and_place) {
    std::mutex mutex;
    std::vector<std::string> order;
    queue->add_kind("note", {.run = [&](const jobs::Attempt& attempt) {
                        const std::lock_guard lock(mutex);
                        order.push_back(attempt.job.payload);
                        return jobs::Outcome{};
                    }});
    limit = 1;
    const auto now = base::system_clock()->now();
    const auto reschedule = [&](const db::TenantScope& scope, const JobId& id, std::int32_t priority, std::optional<Time> at) {
        return store->write(scope, [&](db::Tx& tx) { return queue->reschedule(tx, id, priority, at); });
    };
    const auto first = add(acme, {.kind = "note", .payload = "first"});
    const auto late = add(acme, {.kind = "note", .payload = "late", .due_at = now + 24h});
    const auto put_off = add(acme, {.kind = "note", .payload = "put off"});
    EXPECT_EQ(jobs::info_of(*queue->find(acme, late)).due_at, now + 24h);
    EXPECT_TRUE(reschedule(acme, late, 5, std::nullopt));
    EXPECT_TRUE(reschedule(acme, put_off, 50, now + 24h));
    EXPECT_FALSE(reschedule(other, first, 5, std::nullopt)) << "another tenant's";
    queue->start();
    EXPECT_EQ(end_of(acme, first).state, JobState::succeeded);
    EXPECT_EQ(end_of(acme, late).priority, 5);
    EXPECT_EQ(order, (std::vector<std::string>{"late", "first"}));
    EXPECT_EQ(queue->find(acme, put_off)->state, JobState::scheduled);
    EXPECT_FALSE(reschedule(acme, first, 0, std::nullopt)) << "it has ended";
}

TEST_F(JobQueue, draining_lets_what_runs_end_and_begins_nothing) {
    queue->add_kind("stand", {.run = [&](const jobs::Attempt& attempt) {
                        latch.pass(attempt.stop);
                        return jobs::Outcome{.result = "whole"};
                    }});
    queue->start();
    const auto first = add(acme, {.kind = "stand"}), second = add(acme, {.kind = "stand"});
    latch.await_arrivals(2);
    const auto third = add(acme, {.kind = "stand"});
    std::atomic<bool> in_time{false};
    std::thread drainer([&] { in_time = queue->drain(60s, {}); });
    latch.open();
    drainer.join();
    EXPECT_TRUE(in_time);
    EXPECT_EQ(queue->find(acme, first)->result, "whole");
    EXPECT_EQ(queue->find(acme, second)->result, "whole");
    // Either it was claimed before the drain began, and then it was let end, or nobody has touched it.
    const auto waiting = queue->find(acme, third);
    EXPECT_TRUE(waiting->state == JobState::succeeded || (waiting->state == JobState::ready && waiting->attempt == 0));
    const auto fourth = add(acme, {.kind = "stand"});
    EXPECT_FALSE(queue->wait_end(acme, fourth, 300ms, {}));
    EXPECT_EQ(queue->find(acme, fourth)->attempt, 0);
    EXPECT_TRUE(queue->drain(0s, {})) << "again, with nothing to wait for";
}

TEST_F(JobQueue, what_a_drain_has_no_time_for_goes_back_uncounted_with_its_cursor) {
    queue->add_kind("stand", {.run = [&](const jobs::Attempt& attempt) -> jobs::Outcome {
                        attempt.save_cursor("half");
                        latch.pass(attempt.stop);
                        return {.result = attempt.job.cursor};
                    }});
    queue->start();
    const auto id = add(acme, {.kind = "stand"});
    latch.await_arrivals(1);
    EXPECT_FALSE(queue->drain(10ms, {}));
    const auto back = queue->find(acme, id);
    EXPECT_EQ(back->state, JobState::ready);
    EXPECT_EQ(back->attempt, 0);
    EXPECT_EQ(back->cursor, "half");
    EXPECT_EQ(places[acme.tenant()].size(), 0u);
    close();
    latch.open();
    open();
    queue->add_kind("stand", {.run = [&](const jobs::Attempt& attempt) { return jobs::Outcome{.result = attempt.job.cursor}; }});
    queue->start();
    EXPECT_EQ(end_of(acme, id).result, "half");
}

TEST_F(JobQueue, closing_ends_a_drain) {
    queue->add_kind("stand", {.run = [&](const jobs::Attempt& attempt) -> jobs::Outcome {
                        latch.pass(attempt.stop);
                        return {};
                    }});
    queue->start();
    add(acme, {.kind = "stand"});
    latch.await_arrivals(1);
    std::stop_source closing;
    std::thread drainer([&] { EXPECT_FALSE(queue->drain(1h, closing.get_token())); });
    closing.request_stop();
    queue->close();
    drainer.join();
    EXPECT_EQ(places[acme.tenant()].size(), 0u);
}

TEST_F(JobQueue, an_unknown_kind_fails_and_harms_nobody) {
    queue->start();
    const auto job = end_of(acme, add(acme, {.kind = "from_the_future"}));
    EXPECT_EQ(job.state, JobState::failed);
    EXPECT_THROW(jobs::throw_failure(job.failure), Unsupported);
}

TEST_F(JobQueue, a_job_that_cannot_be_taken_back_keeps_no_other_from_it) {
    close();
    open(40ms, 1h);  // the first does not look after what it lost
    queue->add_kind("stands", {.run = [&](const jobs::Attempt& attempt) -> jobs::Outcome { latch.pass(attempt.stop); return {}; }});
    queue->start();
    const auto bad = add(acme, {.kind = "stands"}), good = add(other, {.kind = "stands"});
    latch.await_arrivals(2);
    constexpr db::SystemStmt lose{"UPDATE job_run_ SET node = x'00', expires_at = 0"};
    ASSERT_EQ(store->write(ScopeMaker::system(), [&](db::SystemTx& tx) { return tx.exec(lose); }), 2);

    const auto their_store = db::Database::open(tests::store_in(folder.path()), jobs::migrations());
    jobs::Hooks hooks;
    hooks.scope = [](const TenantId& tenant) { return std::optional(ScopeMaker::tenant(tenant)); };
    hooks.started = [](db::Tx&, const jobs::JobRow&) { return true; };
    hooks.stopped = [this](db::Tx&, const jobs::JobRow& job) {
        if (job.tenant == acme.tenant()) throw InternalError("more is given back than was used");
    };
    hooks.ended = [](db::Tx&, const jobs::JobRow&) {};
    jobs::Queue second({.clock = base::system_clock(), .log = base::Log::none(), .nodes = folder.path() / "run", .workers = 2, .tick = 50ms},
                       *their_store, ScopeMaker::system(), std::move(hooks));
    second.add_kind("stands", {.run = [](const jobs::Attempt&) { return jobs::Outcome{.result = "done", .settle = {}}; }});
    EXPECT_NO_THROW(second.start());
    EXPECT_EQ(second.wait_end(other, good, 60s, {})->result, "done");
    EXPECT_FALSE(jobs::has_ended(second.find(acme, bad)->state));
    latch.open();
    queue->close();
}

}  // namespace
