#include <exec/progress_state.hpp>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace tenon::exec {
namespace {

using namespace std::chrono_literals;
using base::ManualClock;

struct Reporting : testing::Test {
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(Time{});
    ProgressState progress{clock};
};

TEST_F(Reporting, StagesAddUp) {
    EXPECT_EQ(progress.snapshot().percent, 0);
    EXPECT_EQ(progress.snapshot().stage, "");
    progress.stage("walk", 0.2, 0, "files");
    progress.advance(10);
    EXPECT_EQ(progress.snapshot().percent, 0) << "no total yet";
    progress.total(20);
    EXPECT_DOUBLE_EQ(progress.snapshot().percent, 10);
    progress.stage("upload", 0.8, 1000, "bytes");
    EXPECT_DOUBLE_EQ(progress.snapshot().percent, 20);
    progress.advance(250);
    const auto now = progress.snapshot();
    EXPECT_DOUBLE_EQ(now.percent, 40);
    EXPECT_EQ(now.stage, "upload");
    EXPECT_EQ(now.done, 250);
    EXPECT_EQ(now.total, 1000);
    EXPECT_EQ(now.unit, "bytes");
    progress.finish();
    EXPECT_EQ(progress.snapshot().percent, 100);
    EXPECT_EQ(progress.snapshot().eta, 0s);
}

TEST_F(Reporting, NeverRunsBackwards) {
    progress.stage("a", 0.5, 100, "x");
    progress.advance(80);
    EXPECT_DOUBLE_EQ(progress.snapshot().percent, 40);
    progress.total(1000);
    EXPECT_DOUBLE_EQ(progress.snapshot().percent, 40);
    progress.advance(100000);
    EXPECT_DOUBLE_EQ(progress.snapshot().percent, 50) << "nor beyond its share";
    progress.stage("b", 0.9, 10, "x");
    progress.advance(10);
    EXPECT_DOUBLE_EQ(progress.snapshot().percent, 100);
    progress.stage("c", 0.5, 10, "x");
    EXPECT_DOUBLE_EQ(progress.snapshot().percent, 100);
}

TEST_F(Reporting, EstimatesFromTheLastTenSeconds) {
    progress.stage("work", 1, 1000, "frames");
    EXPECT_FALSE(progress.snapshot().eta);
    for (int i = 0; i < 10; ++i) {  // ten slow seconds: 1 a second
        clock->advance(1s);
        progress.advance(1);
    }
    EXPECT_EQ(std::chrono::round<std::chrono::seconds>(*progress.snapshot().eta), 990s);
    for (int i = 0; i < 20; ++i) {  // then 10 a second
        clock->advance(1s);
        progress.advance(10);
    }
    EXPECT_EQ(std::chrono::round<std::chrono::seconds>(*progress.snapshot().eta), 79s);
    clock->advance(1min);
    EXPECT_FALSE(progress.snapshot().eta && *progress.snapshot().eta < 79s) << "a stall does not look better";
}

TEST_F(Reporting, WhatAnEarlierRunDidSaysNothingOfTheSpeed) {
    progress.stage("work", 1, 1000, "frames");
    progress.found(500);
    EXPECT_DOUBLE_EQ(progress.snapshot().percent, 50);
    EXPECT_FALSE(progress.snapshot().eta);
    for (int i = 0; i < 10; ++i) {
        clock->advance(1s);
        progress.advance(10);
    }
    EXPECT_EQ(std::chrono::round<std::chrono::seconds>(*progress.snapshot().eta), 40s);
    progress.found(300);
    EXPECT_EQ(std::chrono::round<std::chrono::seconds>(*progress.snapshot().eta), 10s) << "less is left, at the same speed";
}

TEST_F(Reporting, SaysHowMuchIsDoneInASecond) {
    progress.stage("read", 0.5, 100'000, "bytes");
    progress.advance(100);
    EXPECT_EQ(progress.snapshot().per_second, 0) << "too little is known";
    for (int i = 0; i < 100; ++i) {  // ten seconds at 1,000 a second, and 20 files
        clock->advance(100ms);
        progress.advance(100);
        if (i % 5 == 0) progress.files(1);
    }
    EXPECT_NEAR(progress.snapshot().per_second, 1000, 20);
    EXPECT_NEAR(progress.snapshot().files_per_second, 2, 0.4);
    EXPECT_EQ(progress.snapshot().files, 20);
    for (int i = 0; i < 100; ++i) {  // ten times as fast
        clock->advance(100ms);
        progress.advance(1000);
    }
    EXPECT_NEAR(progress.snapshot().per_second, 10'000, 500) << "what was before is forgotten";
    EXPECT_LT(progress.snapshot().files_per_second, 0.2);
    clock->advance(30s);
    EXPECT_LT(progress.snapshot().per_second, 100) << "nor does a stall look fast, whoever looks";
    EXPECT_LT(progress.snapshot().per_second, 100);
    progress.found(50'000);
    clock->advance(300ms);
    EXPECT_LT(progress.snapshot().per_second, 100) << "what an earlier run did is no speed";

    progress.stage("write", 0.5, 10, "objects");
    EXPECT_EQ(progress.snapshot().per_second, 0);
    EXPECT_EQ(progress.snapshot().files, 0);
    clock->advance(1s);
    progress.advance(5);
    EXPECT_NEAR(progress.snapshot().per_second, 5, 0.1) << "the first seconds weigh as much as they are";
    progress.finish();
    EXPECT_EQ(progress.snapshot().per_second, 0);
}

TEST_F(Reporting, FromManyThreads) {
    progress.stage("work", 1, 40'000, "x");
    std::atomic<bool> backwards = false;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 10'000; ++i) progress.advance(1);
            });
        double last = 0;
        while (last < 100) {
            const auto now = progress.snapshot().percent;
            if (now < last) backwards = true;
            last = now;
        }
    }
    EXPECT_FALSE(backwards);
    EXPECT_EQ(progress.snapshot().done, 40'000);
}

TEST(NoProgress, TakesEverything) {
    no_progress().stage("a", 1, 1, "x");
    no_progress().total(1);
    no_progress().advance(1);
}

}  // namespace
}  // namespace tenon::exec
