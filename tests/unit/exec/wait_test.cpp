#include <exec/wait.hpp>

#include <chrono>
#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace tenon::exec {
namespace {

using namespace std::chrono_literals;
using base::ManualClock;

struct Waiting : testing::Test {
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>(Time{});
    std::mutex mutex;
    Condition condition{mutex, clock};
    bool ready = false;
    std::stop_source stop;

    std::future<bool> wait(Duration timeout) {
        return std::async(std::launch::async, [this, timeout] {
            std::unique_lock lock(mutex);
            return condition.wait_for(lock, stop.get_token(), timeout, [this] { return ready; });
        });
    }
};

TEST_F(Waiting, EndsWhenReady) {
    auto waiter = wait(1h);
    {
        const std::lock_guard lock(mutex);
        ready = true;
    }
    condition.notify_all();
    ASSERT_EQ(waiter.wait_for(20s), std::future_status::ready);
    EXPECT_TRUE(waiter.get());
}

TEST_F(Waiting, EndsByTheClock) {
    for (int i = 0; i < 50; ++i) {  // the step may fall between the waiter's look at the clock and its sleep
        auto waiter = wait(10min);
        while (waiter.wait_for(0s) != std::future_status::ready) {
            clock->advance(4min);
            std::this_thread::yield();
        }
        EXPECT_FALSE(waiter.get());
    }
}

TEST_F(Waiting, EndsByStop) {
    auto waiter = wait(1h);
    stop.request_stop();
    ASSERT_EQ(waiter.wait_for(20s), std::future_status::ready);
    EXPECT_THROW(waiter.get(), Cancelled);
    auto late = wait(1h);
    EXPECT_THROW(late.get(), Cancelled);
}

TEST_F(Waiting, ReadinessWinsAndZeroDoesNotWait) {
    EXPECT_FALSE(wait(0s).get());
    ready = true;
    stop.request_stop();
    EXPECT_TRUE(wait(0s).get());
}

TEST(Sleep, EndsByTimeOrStop) {
    const auto clock = std::make_shared<ManualClock>(Time{});
    std::stop_source stop;
    auto sleeper = std::async(std::launch::async, [&] { return sleep_for(clock, stop.get_token(), 1h); });
    stop.request_stop();
    ASSERT_EQ(sleeper.wait_for(20s), std::future_status::ready);
    EXPECT_TRUE(sleeper.get());
    EXPECT_FALSE(sleep_for(base::system_clock(), {}, 1ms));
}

TEST(CheckStop, ThrowsOnlyWhenAsked) {
    std::stop_source stop;
    EXPECT_NO_THROW(check_stop(stop.get_token()));
    EXPECT_NO_THROW(check_stop({}));
    stop.request_stop();
    EXPECT_THROW(check_stop(stop.get_token()), Cancelled);
}

}  // namespace
}  // namespace tenon::exec
