// Jobs that wait for others, for a pause to end, or because another with their key is there; batches.
#include <jobs/queue.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <jobs/recurrence.hpp>
#include <scope_maker.hpp>
#include <temp_folder.hpp>
#include <test_store.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using db::testing::ScopeMaker;

class WaitingJobs : public testing::Test {
protected:
    WaitingJobs() {
        jobs::Hooks hooks;
        hooks.scope = [](const TenantId& id) { return std::optional(ScopeMaker::tenant(id)); };
        queue = std::make_unique<jobs::Queue>(
            jobs::Options{.clock = base::system_clock(), .log = base::Log::none(), .nodes = folder.path() / "run", .workers = 2,
                          .heartbeat = 100ms, .retry_first = 40ms, .retry_longest = 100ms, .tick = 20ms},
            *store, ScopeMaker::system(), std::move(hooks));
        queue->add_kind("work", {.run = [this](const jobs::Attempt& attempt) {
                            note(attempt.job.payload);
                            return jobs::Outcome{.result = "done"};
                        }});
        queue->add_kind("fail", {.run = [](const jobs::Attempt&) -> jobs::Outcome { throw NotFound("no"); },
                                 .give_up = [this](db::Tx&, const jobs::JobRow&) { ++given_up; }});
        queue->add_kind("other", {.run = [](const jobs::Attempt&) { return jobs::Outcome{}; }});
    }
    ~WaitingJobs() override { queue.reset(); }

    JobId add(jobs::NewJob job) { return add(acme, std::move(job)); }
    JobId add(const db::TenantScope& scope, jobs::NewJob job) {
        return store->write(scope, [&](db::Tx& tx) { return queue->enqueue(tx, job); });
    }
    template <class Change> auto change(const Change& what) {
        return store->write(acme, [&](db::Tx& tx) { return what(tx); });
    }
    JobState state(const JobId& id) { return queue->find(acme, id)->state; }
    jobs::JobRow end_of(const JobId& id) { return end_of(acme, id); }
    jobs::JobRow end_of(const db::TenantScope& scope, const JobId& id) {
        auto row = queue->wait_end(scope, id, 60s, {});
        EXPECT_TRUE(row.has_value()) << "the job does not end";
        return row.value_or(jobs::JobRow{});
    }
    bool cancel(const JobId& id) {
        return change([&](db::Tx& tx) { return queue->cancel(tx, id); });
    }
    void note(const std::string& what) {
        const std::lock_guard lock(mutex);
        order.push_back(what);
    }
    std::vector<std::string> done() {
        const std::lock_guard lock(mutex);
        return order;
    }

    std::mutex mutex;
    std::vector<std::string> order;
    std::atomic<int> given_up = 0;
    tests::TempFolder folder;
    std::unique_ptr<db::Database> store = db::Database::open(tests::store_in(folder.path()), jobs::migrations());
    std::unique_ptr<jobs::Queue> queue;
    const db::TenantScope acme = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
    const db::TenantScope other = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
};

TEST_F(WaitingJobs, a_job_begins_after_those_it_waits_for) {
    const auto first = add({.kind = "work", .payload = "1"}), second = add({.kind = "work", .payload = "2"});
    const auto last = add({.kind = "work", .payload = "3", .priority = 100, .after = {first, second, first}});
    EXPECT_EQ(state(last), JobState::blocked);
    EXPECT_EQ(queue->find(acme, last)->after, (std::vector{first, second}));
    EXPECT_EQ(jobs::info_of(*queue->find(acme, last)).after.size(), 2u);
    queue->start();
    EXPECT_EQ(end_of(last).result, "done");
    EXPECT_EQ(done().back(), "3");
    EXPECT_TRUE(queue->find(acme, last)->after.empty());
    const auto later = add({.kind = "work", .payload = "4", .after = {first}});
    EXPECT_EQ(end_of(later).state, JobState::succeeded) << "what had ended is waited for no more";
}

TEST_F(WaitingJobs, a_failure_cancels_all_that_waits_and_gives_back_what_was_held) {
    const auto first = add({.kind = "fail", .max_attempts = 1});
    const auto next = add({.kind = "fail", .after = {first}});
    const auto last = add({.kind = "fail", .after = {next}});
    queue->start();
    const auto end = end_of(last);
    EXPECT_EQ(end.state, JobState::cancelled);
    EXPECT_NE(jobs::info_of(end).message.find(next.text()), std::string::npos) << jobs::info_of(end).message;
    EXPECT_NE(jobs::info_of(end_of(next)).message.find("failed"), std::string::npos);
    EXPECT_EQ(given_up, 3);
    EXPECT_THROW(add({.kind = "work", .after = {first}}), Conflict) << "it has ended without success";
}

TEST_F(WaitingJobs, one_that_does_not_mind_goes_on_after_a_failure) {
    const auto first = add({.kind = "fail"});
    const auto next = add({.kind = "work", .payload = "after all", .after = {first}, .after_failure = AfterFailure::go_on});
    queue->start();
    EXPECT_EQ(end_of(next).state, JobState::succeeded);
    EXPECT_NO_THROW(add({.kind = "work", .after = {first}, .after_failure = AfterFailure::go_on}));
}

TEST_F(WaitingJobs, cancelling_reaches_those_who_wait_at_once) {
    const auto first = add({.kind = "work", .due_at = base::system_clock()->now() + 1h});
    const auto next = add({.kind = "work", .after = {first}});
    EXPECT_TRUE(cancel(first));
    EXPECT_EQ(state(next), JobState::cancelled);
    EXPECT_FALSE(cancel(next));
}

TEST_F(WaitingJobs, one_that_waits_for_a_time_too_is_scheduled_when_the_others_have_ended) {
    const auto first = add({.kind = "work"});
    const auto next = add({.kind = "work", .due_at = base::system_clock()->now() + 1h, .after = {first}});
    queue->start();
    end_of(first);
    EXPECT_EQ(state(next), JobState::scheduled);
}

TEST_F(WaitingJobs, nobody_waits_for_what_is_not_his_or_not_there) {
    const auto foreign = add(other, {.kind = "work"});
    EXPECT_THROW(add({.kind = "work", .after = {foreign}}), NotFound);
    EXPECT_THROW(add({.kind = "work", .after = {base::new_id<JobId>(base::system_clock()->now())}}), NotFound);
    EXPECT_TRUE(queue->list(acme, {}).empty());
}

TEST_F(WaitingJobs, more_than_one_transaction_tells_are_told_all_the_same) {
    const auto first = add({.kind = "fail"});
    const auto good = add({.kind = "work"});
    std::vector<JobId> doomed, glad;
    change([&](db::Tx& tx) {
        doomed.clear();
        glad.clear();
        for (int i = 0; i < 450; ++i) doomed.push_back(queue->enqueue(tx, {.kind = "work", .after = {i < 300 ? first : doomed[0]}}));
        for (int i = 0; i < 250; ++i) glad.push_back(queue->enqueue(tx, {.kind = "other", .after = {good}}));
    });
    queue->start();
    for (const auto& id : doomed) EXPECT_EQ(end_of(id).state, JobState::cancelled);
    for (const auto& id : glad) EXPECT_EQ(end_of(id).state, JobState::succeeded);
}

TEST_F(WaitingJobs, a_paused_job_waits_until_it_is_resumed) {
    const auto id = add({.kind = "work", .payload = "paused"});
    EXPECT_TRUE(change([&](db::Tx& tx) { return queue->pause(tx, id); }));
    EXPECT_FALSE(change([&](db::Tx& tx) { return queue->pause(tx, id); })) << "it is paused";
    EXPECT_EQ(state(id), JobState::paused);
    queue->start();
    end_of(add({.kind = "work", .payload = "other"}));
    EXPECT_EQ(state(id), JobState::paused);
    EXPECT_EQ(queue->list(acme, {.state = JobState::paused}).size(), 1u);
    EXPECT_TRUE(queue->list(acme, {.state = JobState::blocked}).empty());
    EXPECT_TRUE(change([&](db::Tx& tx) { return queue->resume(tx, id); }));
    EXPECT_EQ(end_of(id).state, JobState::succeeded);
    EXPECT_THROW(change([&](db::Tx& tx) { return queue->pause(tx, id); }), Conflict);
    EXPECT_THROW(change([&](db::Tx& tx) { return queue->resume(tx, id); }), Conflict);
    EXPECT_THROW(store->write(other, [&](db::Tx& tx) { return queue->pause(tx, id); }), NotFound);
}

TEST_F(WaitingJobs, a_paused_job_can_be_cancelled_and_keeps_its_time) {
    const auto due = base::system_clock()->now() + 1h;
    const auto id = add({.kind = "work", .due_at = due});
    change([&](db::Tx& tx) { return queue->pause(tx, id); });
    EXPECT_TRUE(change([&](db::Tx& tx) { return queue->reschedule(tx, id, 3, due + 1h); }));
    EXPECT_EQ(state(id), JobState::paused);
    change([&](db::Tx& tx) { return queue->resume(tx, id); });
    EXPECT_EQ(state(id), JobState::scheduled);
    EXPECT_EQ(queue->find(acme, id)->due_at, due + 1h);
    change([&](db::Tx& tx) { return queue->pause(tx, id); });
    EXPECT_TRUE(cancel(id));
    EXPECT_EQ(state(id), JobState::cancelled);
}

TEST_F(WaitingJobs, a_paused_kind_waits_and_others_go_on) {
    const auto before = add({.kind = "work"});
    EXPECT_TRUE(change([&](db::Tx& tx) { return queue->pause_kind(tx, "work"); }));
    EXPECT_FALSE(change([&](db::Tx& tx) { return queue->pause_kind(tx, "work"); }));
    const auto since = add({.kind = "work"});
    const auto theirs = add(other, {.kind = "work"});
    queue->start();
    end_of(add({.kind = "other"}));
    EXPECT_EQ(end_of(other, theirs).state, JobState::succeeded) << "another tenant's";
    EXPECT_EQ(state(before), JobState::paused);
    EXPECT_EQ(state(since), JobState::paused);
    const auto list = store->read(acme, [](db::Reader& reader) { return jobs::pauses(reader); });
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].kind, "work");
    EXPECT_TRUE(change([&](db::Tx& tx) { return queue->resume_kind(tx, "work"); }));
    EXPECT_FALSE(change([&](db::Tx& tx) { return queue->resume_kind(tx, "work"); }));
    EXPECT_EQ(end_of(before).state, JobState::succeeded);
    EXPECT_EQ(end_of(since).state, JobState::succeeded);
}

TEST_F(WaitingJobs, pauses_hold_until_the_last_of_them_is_over) {
    const auto id = add({.kind = "work"});
    change([&](db::Tx& tx) { return queue->pause(tx, id), queue->pause_kind(tx, "work"), queue->pause_kind(tx, ""); });
    queue->start();
    change([&](db::Tx& tx) { return queue->resume_kind(tx, ""); });
    EXPECT_EQ(state(id), JobState::paused);
    change([&](db::Tx& tx) { return queue->resume(tx, id); });
    EXPECT_EQ(state(id), JobState::paused);
    change([&](db::Tx& tx) { return queue->resume_kind(tx, "work"); });
    EXPECT_EQ(end_of(id).state, JobState::succeeded);
}

TEST_F(WaitingJobs, one_that_waits_and_is_paused_needs_both_to_end) {
    const auto first = add({.kind = "work"});
    const auto next = add({.kind = "work", .after = {first}});
    change([&](db::Tx& tx) { return queue->pause(tx, next); });
    queue->start();
    end_of(first);
    EXPECT_EQ(state(next), JobState::paused);
    change([&](db::Tx& tx) { return queue->resume(tx, next); });
    EXPECT_EQ(end_of(next).state, JobState::succeeded);
}

TEST_F(WaitingJobs, one_that_runs_when_its_kind_is_paused_is_held_when_it_is_put_back) {
    std::atomic<bool> begun = false;
    queue->add_kind("stand", {.run = [&](const jobs::Attempt& attempt) -> jobs::Outcome {
                        begun = true;
                        begun.notify_all();
                        while (!attempt.stop.stop_requested()) std::this_thread::sleep_for(1ms);
                        throw Cancelled("stopped");
                    }});
    queue->start();
    const auto id = add({.kind = "stand"});
    begun.wait(false);
    change([&](db::Tx& tx) { return queue->pause_kind(tx, "stand"); });
    EXPECT_EQ(state(id), JobState::running);
    EXPECT_THROW(change([&](db::Tx& tx) { return queue->pause(tx, id); }), Conflict);
    queue->close();
    EXPECT_EQ(state(id), JobState::paused);
}

TEST_F(WaitingJobs, a_keyed_job_is_found_until_it_ends) {
    const auto keyed = [&](const db::TenantScope& scope, const std::string& kind, const std::string& key) {
        return store->read(scope, [&](db::Reader& reader) { return queue->find_keyed(reader, kind, key); });
    };
    const auto id = add({.kind = "work", .key = "nightly"});
    EXPECT_EQ(keyed(acme, "work", "nightly"), id);
    EXPECT_FALSE(keyed(acme, "other", "nightly")) << "a key belongs to its kind";
    EXPECT_FALSE(keyed(other, "work", "nightly"));
    EXPECT_FALSE(keyed(acme, "work", ""));
    EXPECT_THROW(add({.kind = "work", .key = "nightly"}), Conflict) << "the store's last word";
    EXPECT_NO_THROW(add({.kind = "other", .key = "nightly"}));
    queue->start();
    EXPECT_EQ(end_of(id).key, "nightly");
    EXPECT_FALSE(keyed(acme, "work", "nightly"));
    const auto again = add({.kind = "fail", .key = "k"});
    end_of(again);
    const auto running = add({.kind = "fail", .due_at = base::system_clock()->now() + 1h, .key = "k"});
    EXPECT_THROW(change([&](db::Tx& tx) { return queue->repeat(tx, again, {}); }), Conflict);
    cancel(running);
    EXPECT_NO_THROW(change([&](db::Tx& tx) { return queue->repeat(tx, again, {}); }));
}

TEST_F(WaitingJobs, a_batch_is_counted_and_listed_as_one) {
    const auto all = [](const std::string&) { return true; };
    const auto batch = [&](const std::string& name) {
        return store->read(acme, [&](db::Reader& reader) { return jobs::batch_of(reader, name, all); });
    };
    std::vector<JobId> ids;
    for (const char* kind : {"work", "work", "fail"}) ids.push_back(add({.kind = kind, .batch = "spring"}));
    ids.push_back(add({.kind = "work", .due_at = base::system_clock()->now() + 1h, .batch = "spring"}));
    add(other, {.kind = "work", .batch = "spring"});
    EXPECT_EQ(batch("spring").waiting, 4);
    EXPECT_EQ(batch("spring").percent, 0);
    EXPECT_EQ(batch("autumn").total, 0);
    queue->start();
    for (std::size_t i = 0; i < 3; ++i) end_of(ids[i]);
    const auto now = batch("spring");
    EXPECT_EQ(now.total, 4);
    EXPECT_EQ(now.succeeded, 2);
    EXPECT_EQ(now.failed, 1);
    EXPECT_EQ(now.waiting, 1);
    EXPECT_EQ(now.percent, 75);
    EXPECT_EQ(queue->list(acme, {.batch = "spring"}).size(), 4u);
    EXPECT_EQ(store->read(acme, [&](db::Reader& reader) { return jobs::unended_of_batch(reader, "spring", all); }), std::vector{ids[3]});
    const auto of_none = [](const std::string& cause) { return !cause.empty(); };
    EXPECT_EQ(store->read(acme, [&](db::Reader& reader) { return jobs::batch_of(reader, "spring", of_none); }).total, 0);
    cancel(ids[3]);
    EXPECT_EQ(batch("spring").cancelled, 1);
    EXPECT_EQ(batch("spring").percent, 100);
}

TEST_F(WaitingJobs, nothing_is_left_of_an_erased_tenant) {
    const auto first = add({.kind = "work"});
    add({.kind = "work", .after = {first}});
    change([&](db::Tx& tx) { return queue->pause_kind(tx, "work"); });
    change([&](db::Tx& tx) {
        jobs::recurrences::add(tx, {.info = {.name = "nightly", .kind = "backup", .cron = "@daily", .zone = "UTC"}, .payload = {}});
    });
    change([&](db::Tx& tx) { jobs::erase(tx); });
    EXPECT_TRUE(queue->list(acme, {}).empty());
    EXPECT_TRUE(store->read(acme, [](db::Reader& reader) { return jobs::pauses(reader); }).empty());
    EXPECT_TRUE(store->read(acme, [](db::Reader& reader) { return jobs::recurrences::list(reader); }).empty());
}

TEST_F(WaitingJobs, a_recurrence_moves_on_once_for_each_time) {
    const auto now = base::system_clock()->now();
    Recurrence info{.name = "nightly", .kind = "backup", .cron = "@daily", .zone = "UTC"};
    info.next_at = now - 1s;
    info.created_at = now;
    change([&](db::Tx& tx) { jobs::recurrences::add(tx, {.info = info, .payload = "{}"}); });
    EXPECT_THROW(change([&](db::Tx& tx) { jobs::recurrences::add(tx, {.info = info, .payload = "{}"}); }), Conflict);
    const auto due = [&](Time at) {
        return store->read(ScopeMaker::system(), [&](db::SystemReader& r) { return jobs::recurrences::due(r, at, 10); });
    };
    ASSERT_EQ(due(now).size(), 1u);
    EXPECT_EQ(due(now)[0].second, "nightly");
    EXPECT_TRUE(due(now - 2s).empty());
    const jobs::recurrences::Turn turn{.run = now - 1s, .next = now + 1h};
    EXPECT_TRUE(change([&](db::Tx& tx) { return jobs::recurrences::move_on(tx, "nightly", now - 1s, turn); }));
    EXPECT_FALSE(change([&](db::Tx& tx) { return jobs::recurrences::move_on(tx, "nightly", now - 1s, turn); })) << "somebody was quicker";
    const auto job = add({.kind = "work"});
    change([&](db::Tx& tx) { jobs::recurrences::note_started(tx, "nightly", now - 1s, job); });
    auto row = store->read(acme, [](db::Reader& reader) { return jobs::recurrences::find(reader, "nightly"); });
    EXPECT_EQ(row->info.last_job, job);
    EXPECT_EQ(row->info.runs, 1);
    EXPECT_EQ(row->info.next_at, now + 1h);
    change([&](db::Tx& tx) { jobs::recurrences::note_refused(tx, "nightly", now, Conflict("still at it")); });
    row = store->read(acme, [](db::Reader& reader) { return jobs::recurrences::find(reader, "nightly"); });
    EXPECT_EQ(row->info.last_error, Errc::conflict);
    EXPECT_EQ(row->info.last_message, "still at it");
    EXPECT_EQ(row->info.refused, 1);
    EXPECT_FALSE(row->info.last_job);
    EXPECT_FALSE(store->write(other, [&](db::Tx& tx) { return jobs::recurrences::remove(tx, "nightly"); })) << "another tenant's";
    EXPECT_TRUE(change([&](db::Tx& tx) { return jobs::recurrences::remove(tx, "nightly"); }));
}

}  // namespace
