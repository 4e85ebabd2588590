#include <exec/pool.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <exec/thread.hpp>
#include <tenon/error.hpp>

namespace tenon::exec {
namespace {

using namespace std::chrono_literals;

template <class T> auto in_time(std::future<T>& future) {
    if (future.wait_for(20s) != std::future_status::ready) throw std::runtime_error("not done in time");
    return future.get();
}

TEST(Task, OwnsWhatItWorksOnAndLetsGoAfterwards) {
    auto owned = std::make_unique<int>(7);
    std::weak_ptr<int> seen;
    auto shared = std::make_shared<int>(1);
    seen = shared;
    int result = 0;
    Task task([owned = std::move(owned), shared = std::move(shared), &result] { result = *owned + *shared; });
    Task moved = std::move(task);
    EXPECT_FALSE(task);  // NOLINT(bugprone-use-after-move): moved-from is empty by contract
    moved();
    EXPECT_EQ(result, 8);
    EXPECT_TRUE(seen.expired());
}

TEST(Pool, RunsEverythingAndCarriesResultsAndFailures) {
    Pool pool({.threads = 3});
    std::atomic<int> count = 0;
    for (int i = 0; i < 500; ++i) pool.submit([&] { ++count; });
    auto answer = pool.run([] { return 42; });
    auto failure = pool.run([]() -> int { throw NotFound("gone"); });
    EXPECT_EQ(in_time(answer), 42);
    EXPECT_THROW(in_time(failure), NotFound);
    pool.close();
    EXPECT_EQ(count, 500);
    EXPECT_THROW(pool.submit([] {}), Closed);
}

TEST(Pool, StartsAtMostFourThreadsByDefault) {
    const Pool pool;
    EXPECT_GE(pool.threads(), 1u);
    EXPECT_LE(pool.threads(), 4u);
}

TEST(Pool, AFullQueueIsUnavailable) {
    Pool pool({.threads = 1, .queue = 2});
    std::promise<void> gate;
    std::latch begun(1);
    pool.submit([&, open = gate.get_future()]() mutable {
        begun.count_down();
        open.wait();
    });
    begun.wait();
    pool.submit([] {});
    pool.submit([] {});
    EXPECT_EQ(pool.waiting(), 2u);
    try {
        pool.submit([] {});
        ADD_FAILURE();
    } catch (const Unavailable& e) {
        EXPECT_TRUE(e.retryable());
    }
    gate.set_value();
    pool.close();
}

TEST(Pool, DroppedTasksBreakTheirPromise) {
    Pool pool({.threads = 1});
    std::promise<void> gate;
    std::latch begun(1);
    pool.submit([&, open = gate.get_future()]() mutable {
        begun.count_down();
        open.wait();
    });
    begun.wait();
    auto never = pool.run([] { return 1; });
    std::jthread closer([&] { pool.close(Pool::Waiting::drop); });
    EXPECT_THROW(in_time(never), std::future_error);
    gate.set_value();
}

TEST(Pool, WhatTasksThrowIsHeard) {
    std::promise<std::string> heard;
    auto told = heard.get_future();
    {
        Pool pool({.threads = 1, .on_failure = [&](const std::exception& e) { heard.set_value(e.what()); }});
        pool.submit([] { throw Corrupt("torn"); });
        EXPECT_EQ(in_time(told), "torn");
        auto after = pool.run([] { return 1; });
        EXPECT_EQ(in_time(after), 1) << "the thread lives on";
    }
}

TEST(Pool, ClosingFromInsideFromOutsideAndTwice) {
    for (int round = 0; round < 20; ++round) {
        Pool pool({.threads = 2});
        std::latch both(2);
        std::atomic<int> ended = 0;
        for (int i = 0; i < 2; ++i)
            pool.submit([&] {
                both.arrive_and_wait();
                EXPECT_TRUE(pool.on_this_thread());
                pool.close();
                ++ended;
            });
        std::jthread other([&] { pool.close(); });
        both.wait();
        pool.close();
        EXPECT_EQ(ended, 2) << "nothing runs once an outsider's close has returned";
        EXPECT_FALSE(pool.on_this_thread());
    }
}

TEST(Pool, MayBeDestroyedByItsOwnTask) {
    auto pool = std::make_shared<Pool>(PoolOptions{.threads = 2});
    std::promise<void> go;
    auto raw = pool.get();
    auto done = raw->run([pool, open = go.get_future()]() mutable {
        open.wait();
        pool.reset();
    });
    pool.reset();
    go.set_value();
    in_time(done);
}

TEST(Threads, AreNamedAndDeafToTheHostsSignals) {
    std::promise<std::pair<std::string, bool>> seen;
    auto future = seen.get_future();
    const auto thread = start_thread("a name that is too long", [&] {
        char name[16];
        pthread_getname_np(pthread_self(), name, sizeof name);
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        seen.set_value({name, sigismember(&mask, SIGINT) && sigismember(&mask, SIGCHLD) && !sigismember(&mask, SIGSEGV)});
    });
    const auto [name, deaf] = in_time(future);
    EXPECT_EQ(name, "a name that is ");
    EXPECT_TRUE(deaf);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    EXPECT_FALSE(sigismember(&mask, SIGINT)) << "the starter's own mask is as before";
}

}  // namespace
}  // namespace tenon::exec
