#include <latch>
#include <thread>

#include <logs.hpp>
#include <watches.hpp>

#include "watch_fixture.hpp"

namespace tenon::tests {
namespace {

using namespace std::chrono_literals;

TEST_F(WatchTest, an_end_is_told_once_and_the_job_is_forgotten) {
    auto watch = watch_of(impl);
    auto job = start("quick");
    watch.add(job);
    const auto end = end_of(watch, job.id());
    EXPECT_EQ(end.state, JobState::succeeded);
    EXPECT_EQ(end.stream, 0);
    EXPECT_FALSE(end.error);
    EXPECT_EQ(end.progress.percent, 100);
    EXPECT_TRUE(watch.next(0s).empty());
    watch.add(job);  // it has ended: at once
    EXPECT_EQ(end_of(watch, job.id()).state, JobState::succeeded);
}

TEST_F(WatchTest, a_job_is_told_from_how_it_stands_to_its_end) {
    auto watch = watch_of(impl);
    auto job = start("hold", "a");
    await_begun("a");
    watch.add(job);
    const auto is_at = [](std::int64_t done) {
        return [done](const auto& changes) { return !changes.empty() && changes.back().progress.done == done; };
    };
    const auto first = changes_until(watch, [](const auto& changes) { return !changes.empty(); });
    EXPECT_EQ(first.front().job, job.id());
    EXPECT_EQ(first.front().state, JobState::running);
    EXPECT_FALSE(first.front().last);
    breathe("a");
    EXPECT_EQ(changes_until(watch, is_at(1)).back().progress.stage, "holding");
    breathe("a");
    EXPECT_EQ(changes_until(watch, is_at(2)).back().progress.total, 4);
    release("a");
    EXPECT_EQ(end_of(watch, job.id()).state, JobState::succeeded);
}

TEST_F(WatchTest, one_that_waits_is_told_when_it_begins) {
    auto watch = watch_of(impl);
    auto job = start("hold", "a", impl->now() + 1h);
    watch.add(job);
    const auto state_is = [](JobState state) {
        return [state](const auto& changes) { return !changes.empty() && changes.back().state == state; };
    };
    changes_until(watch, state_is(JobState::scheduled));
    mine()->write([&](db::Tx& tx) { return impl->queue->reschedule(tx, job.id(), 0, {}); });
    changes_until(watch, state_is(JobState::running));
    release("a");
    end_of(watch, job.id());
}

TEST_F(WatchTest, what_went_wrong_comes_with_the_end) {
    auto watch = watch_of(impl);
    auto failing = start("fail");
    watch.add(failing);
    const auto failed = end_of(watch, failing.id());
    EXPECT_EQ(failed.state, JobState::failed);
    EXPECT_EQ(failed.error, Errc::invalid_argument);
    EXPECT_EQ(failed.message, "no good");

    auto running = start("hold", "a"), waiting = start("hold", "b", impl->now() + 1h);
    await_begun("a");
    watch.add(running);
    watch.add(waiting);
    for (auto* job : {&running, &waiting}) {
        job->cancel();
        const auto end = end_of(watch, job->id());
        EXPECT_EQ(end.state, JobState::cancelled);
        EXPECT_EQ(end.error, Errc::cancelled);
    }
}

TEST_F(WatchTest, of_a_job_only_the_newest_change_is_pending) {
    const auto core = std::make_shared<engine::WatchCore>(impl->clock);
    const auto job = start("hold", "a", impl->now() + 1h);
    core->add_job(job.id(), mine()->scope, mine());
    const auto next = [&] { return core->next(0s, *impl->queue, {}); };
    ASSERT_EQ(next().size(), 1u) << "how it stands";
    JobInfo info = job.info();
    EXPECT_TRUE(next().empty());
    const auto become = [&](JobState state, std::int64_t done) {
        info.state = state;
        info.progress.done = done;
        core->became(info);
    };
    become(JobState::running, 1);
    become(JobState::running, 2);
    auto changes = next();
    ASSERT_EQ(changes.size(), 1u);
    EXPECT_EQ(changes[0].progress.done, 2);
    become(JobState::running, 2);
    EXPECT_TRUE(next().empty()) << "nothing new";
    become(JobState::running, 3);
    become(JobState::succeeded, 4);
    become(JobState::running, 5);
    changes = next();
    ASSERT_EQ(changes.size(), 1u) << "the end alone";
    EXPECT_TRUE(changes[0].last);
    EXPECT_EQ(changes[0].progress.done, 4);
    EXPECT_TRUE(next().empty());
}

TEST_F(WatchTest, ends_go_first_and_no_more_than_a_thousand_at_once) {
    const auto core = std::make_shared<engine::WatchCore>(impl->clock);
    std::vector<JobInfo> infos(1500);
    for (std::size_t i = 0; i < infos.size(); ++i) {
        infos[i].id = {1, i + 1};
        core->add_job(infos[i].id, mine()->scope, mine());
        infos[i].state = i < 1000 ? JobState::running : JobState::failed;
    }
    for (const auto& info : infos) core->became(info);
    const auto first = core->next(0s, *impl->queue, {});
    ASSERT_EQ(first.size(), 1024u);
    for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].state, i < 500 ? JobState::failed : JobState::running);
    EXPECT_EQ(core->next(0s, *impl->queue, {}).size(), 476u);
}

TEST_F(WatchTest, of_many_each_end_is_told_to_one_caller) {
    constexpr std::size_t many = 300;
    auto watch = watch_of(impl);
    std::set<JobId> started;
    for (std::size_t i = 0; i < many; ++i) {
        auto job = start("quick");
        started.insert(job.id());
        watch.add(job);
    }
    std::mutex mutex;
    std::multiset<JobId> ends;
    const auto pull = [&] {
        const auto deadline = std::chrono::steady_clock::now() + 100s;
        for (;;) {
            const auto changes = watch.next(100ms);
            const std::lock_guard lock(mutex);
            for (const auto& change : changes)
                if (change.last) ends.insert(change.job);
            if (ends.size() >= many || std::chrono::steady_clock::now() > deadline) return;
        }
    };
    {
        const std::jthread one(pull), two(pull);
    }
    EXPECT_EQ(ends.size(), many);
    EXPECT_EQ(std::set(ends.begin(), ends.end()), started);
    EXPECT_TRUE(watch.next(0s).empty());
}

TEST_F(WatchTest, what_is_removed_is_not_told) {
    auto watch = watch_of(impl);
    auto job = start("hold", "a"), other = start("hold", "b");
    watch.add(job);
    watch.add(other);
    watch.remove(job);
    watch.remove(job);
    release_all();
    EXPECT_TRUE(job.join_for(60s));
    const auto changes = changes_until(watch, [&](const auto& all) { return !all.empty() && all.back().last; });
    for (const auto& change : changes) EXPECT_EQ(change.job, other.id());
    EXPECT_TRUE(watch.next(0s).empty());
    watch.add(job);
    EXPECT_TRUE(end_of(watch, job.id()).last);
}

TEST_F(WatchTest, closing_wakes_who_waits) {
    auto watch = watch_of(impl);
    auto job = start("hold", "a");
    await_begun("a");
    watch.add(job);
    std::latch waits(1);
    std::jthread waiter([&] {
        EXPECT_THROW(
            {
                waits.count_down();
                for (;;) static_cast<void>(watch.next(100s));
            },
            Closed);
    });
    waits.wait();
    watch.close();
    waiter.join();
    watch.close();
    EXPECT_THROW(watch.next(0s), Closed);
    EXPECT_THROW(watch.add(job), Closed);
    EXPECT_THROW(watch.remove(job), Closed);
    EXPECT_EQ(job.state(), JobState::running) << "the job goes on";
}

TEST_F(WatchTest, ends_with_its_engine) {
    auto watch = watch_of(impl);
    auto job = start("hold", "a");
    await_begun("a");
    watch.add(job);
    std::latch waits(1);
    std::jthread waiter([&] {
        EXPECT_THROW(
            {
                waits.count_down();
                for (;;) static_cast<void>(watch.next(100s));
            },
            Closed);
    });
    waits.wait();
    impl->close();
    waiter.join();
    EXPECT_THROW(watch.next(0s), Closed);
    EXPECT_THROW(watch.add(job), Closed);
    EXPECT_THROW(watch_of(impl), Closed);
}

TEST_F(WatchTest, watches_its_own_engine_only_and_what_its_role_may_see) {
    auto watch = watch_of(impl);
    auto job = start("hold", "a");
    auto elsewhere = watch_of(look_on());
    EXPECT_THROW(elsewhere.add(job), InvalidArgument);
    EXPECT_THROW(elsewhere.remove(job), InvalidArgument);
    auto events = session().subscribe();
    EXPECT_THROW(elsewhere.add(events), InvalidArgument);
    const auto camera_operator = session_of(impl, acme, Role::billing);
    EXPECT_THROW(watch.add(job_of(camera_operator, job.id())), PermissionDenied);
}

TEST_F(WatchTest, a_closed_session_ends_what_was_watched_through_it_alone) {
    auto watch = watch_of(impl);
    const auto second = session_of(impl, acme);
    auto job = start("hold", "a"), shared = start("hold", "b");
    await_begun("a");
    await_begun("b");
    watch.add(job);
    watch.add(shared);
    watch.add(job_of(second, shared.id()));
    std::set<JobId> running;
    changes_until(watch, [&](const auto& all) {
        for (const auto& change : all)
            if (change.state == JobState::running) running.insert(change.job);
        return running.size() == 2;
    });
    session().close();
    const auto end = end_of(watch, job.id());
    EXPECT_EQ(end.state, JobState::running);
    EXPECT_EQ(end.error, Errc::closed);
    EXPECT_THROW(watch.add(job), Closed);
    release_all();
    EXPECT_EQ(end_of(watch, shared.id()).state, JobState::succeeded) << "the second session is open";
}

TEST_F(WatchTest, jobs_of_another_process_are_told_too) {
    const auto elsewhere = look_on();
    auto watch = watch_of(elsewhere);
    const auto theirs = session_of(elsewhere, acme);
    auto job = start("hold", "a");
    await_begun("a");
    watch.add(job_of(theirs, job.id()));
    changes_until(watch, [](const auto& all) { return !all.empty() && all.back().state == JobState::running; });
    breathe("a");
    changes_until(watch, [](const auto& all) { return !all.empty() && all.back().progress.done == 1; });
    release("a");
    EXPECT_EQ(end_of(watch, job.id()).state, JobState::succeeded);
}

TEST_F(WatchTest, a_job_that_is_gone_is_not_found) {
    auto watch = watch_of(impl);
    watch.add(job_of(mine(), JobId::parse("job_01jd8w3v5e6f7g8h9j0k1m2n3p")));
    const auto changes = changes_until(watch, [](const auto& all) { return !all.empty(); });
    EXPECT_TRUE(changes[0].last);
    EXPECT_EQ(changes[0].error, Errc::not_found);
}

/// A queue of which a test says how full it is.
struct Shelf final : base::Source {
    bool has_news() override {
        if (closed) throw Closed("closed");
        return things > 0;
    }
    void listen(const std::shared_ptr<base::Listener>& listener) override { listeners.add(listener); }
    void put() {
        ++things;
        listeners.tell();
    }
    void take() {
        --things;
        if (things > 0) listeners.tell();
    }
    base::Listeners listeners;
    int things = 0;
    bool closed = false;
};

TEST_F(WatchTest, a_stream_is_told_as_long_as_there_is_something_to_read) {
    const auto core = std::make_shared<engine::WatchCore>(impl->clock);
    const auto shelf = std::make_shared<Shelf>();
    const auto told = [&] {
        const auto changes = core->next(0s, *impl->queue, {});
        return changes.size() == 1 && changes[0].stream == 7 && changes[0].job.is_nil() && !changes[0].last;
    };
    const auto silent = [&] { return core->next(0s, *impl->queue, {}).empty(); };
    shelf->things = 1;
    core->add_stream(7, shelf, {});
    EXPECT_TRUE(told()) << "what was there before it was added";
    EXPECT_TRUE(silent()) << "told once, until it is read";
    shelf->put();
    EXPECT_TRUE(told()) << "more came";
    shelf->put();
    shelf->put();
    EXPECT_TRUE(told()) << "once";
    EXPECT_TRUE(silent());
    shelf->take();
    EXPECT_TRUE(told()) << "some are left";
    core->add_stream(7, shelf, {});
    EXPECT_TRUE(told()) << "added again";
    shelf->things = 0;
    shelf->listeners.tell();
    EXPECT_TRUE(silent()) << "a false alarm";
    shelf->put();
    core->remove_stream(7);
    shelf->put();
    EXPECT_TRUE(silent());
    core->add_stream(7, shelf, {});
    EXPECT_TRUE(told());
    shelf->closed = true;
    shelf->listeners.tell();
    const auto last = core->next(0s, *impl->queue, {});
    ASSERT_EQ(last.size(), 1u);
    EXPECT_TRUE(last[0].last);
    EXPECT_EQ(last[0].error, Errc::closed);
}

TEST_F(WatchTest, events_are_read_when_they_are_told) {
    auto watch = watch_of(impl);
    auto events = session().subscribe({.kinds = {"job."}});
    watch.add(events);
    EXPECT_TRUE(watch.next(0s).empty()) << "no news yet";
    for (int i = 0; i < 3; ++i) static_cast<void>(start("quick"));
    int read = 0;
    changes_until(watch, [&](const auto& all) {
        for (const auto& change : all) EXPECT_EQ(change.stream, events.number());
        while (events.next(0s)) ++read;
        return read == 3;
    });
    events.close();
    EXPECT_TRUE(changes_until(watch, [](const auto& all) { return !all.empty() && all.back().last; }).back().last);
}

TEST_F(WatchTest, the_engines_log_is_a_stream_too) {
    auto watch = watch_of(impl);
    auto log = engine::make_log_stream(impl, {.level = LogLevel::warning});
    watch.add(log);
    EXPECT_TRUE(watch.next(0s).empty());
    impl->log->warning("test", "said");
    const auto told = changes_until(watch, [](const auto& all) { return !all.empty(); });
    EXPECT_EQ(told[0].stream, log.number());
    EXPECT_EQ(log.next(0s)->message, "said");
    EXPECT_THROW(watch_of(look_on()).add(log), InvalidArgument);
    watch.remove(log);
    impl->log->warning("test", "again");
    EXPECT_TRUE(watch.next(0s).empty());
}

TEST_F(WatchTest, streams_that_go_away_are_told) {
    auto watch = watch_of(impl);
    auto own = session_of(impl, acme);
    std::optional dropped = session().subscribe();
    auto closed_with_session = Internal::make<Session>(own).subscribe();
    auto removed = session().subscribe();
    EXPECT_NE(removed.number(), dropped->number());
    watch.add(*dropped);
    watch.add(closed_with_session);
    watch.add(removed);
    watch.remove(removed);
    const auto number = dropped->number();
    dropped.reset();
    auto all = changes_until(watch, [](const auto& changes) { return !changes.empty(); });
    EXPECT_EQ(all[0].stream, number);
    EXPECT_TRUE(all[0].last);
    Internal::make<Session>(own).close();
    all = changes_until(watch, [](const auto& changes) { return !changes.empty(); });
    EXPECT_EQ(all[0].stream, closed_with_session.number());
    EXPECT_TRUE(all[0].last);
    start("quick").join();
    EXPECT_TRUE(watch.next(0s).empty());
}

}  // namespace

Watch WatchTest::watch_of(const std::shared_ptr<EngineImpl>& engine) { return engine::make_watch(engine); }

}  // namespace tenon::tests
