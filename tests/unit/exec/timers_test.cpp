#include <exec/timers.hpp>

#include <chrono>
#include <future>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <tenon/error.hpp>

namespace tenon::exec {
namespace {

using namespace std::chrono_literals;
using base::ManualClock;

const Time start{std::chrono::sys_days{std::chrono::year{2024} / 2 / 29}};

// What the timers ran, in order; waits for it with an end.
class Heard {
public:
    Task says(std::string word) {
        return [this, word = std::move(word)] {
            const std::lock_guard lock(mutex_);
            words_.push_back(word);
            changed_.notify_all();
        };
    }
    std::vector<std::string> first(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, 20s, [&] { return words_.size() >= count; });
        return words_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> words_;
};

using Words = std::vector<std::string>;

TEST(Timers, RunInTheOrderOfTheirTimeWhenTheClockGetsThere) {
    const auto clock = std::make_shared<ManualClock>(start);
    Heard heard;
    Timers timers(clock);
    timers.after(30s, heard.says("thirty"));
    timers.after(10s, heard.says("ten"));
    timers.after(0s, heard.says("now"));
    EXPECT_EQ(heard.first(1), Words{"now"});
    clock->advance(29s);
    EXPECT_EQ(heard.first(2), (Words{"now", "ten"}));
    clock->advance(1s);
    EXPECT_EQ(heard.first(3), (Words{"now", "ten", "thirty"}));
}

TEST(Timers, WallTimersFollowStepsAndOthersDoNot) {
    const auto clock = std::make_shared<ManualClock>(start);
    Heard heard;
    Timers timers(clock);
    timers.at(start + 1h, heard.says("wall"));
    const auto steady = timers.after(30min, heard.says("steady"));
    clock->step_wall(1h);
    EXPECT_EQ(heard.first(1), Words{"wall"});
    EXPECT_TRUE(timers.cancel(steady));
    timers.at(start, heard.says("past"));
    EXPECT_EQ(heard.first(2), (Words{"wall", "past"}));
}

TEST(Timers, CancelEitherPreventsOrWaits) {
    const auto clock = std::make_shared<ManualClock>(start);
    Heard heard;
    Timers timers(clock);
    const auto never = timers.after(1s, heard.says("never"));
    EXPECT_TRUE(timers.cancel(never));
    EXPECT_FALSE(timers.cancel(never));

    std::latch begun(1);
    std::promise<void> gate;
    bool ended = false;
    const auto id = timers.after(0s, [&, open = gate.get_future()]() mutable {
        begun.count_down();
        open.wait();
        ended = true;
    });
    begun.wait();
    std::jthread opener([&] { gate.set_value(); });
    EXPECT_FALSE(timers.cancel(id));
    EXPECT_TRUE(ended);
    clock->advance(2s);
    timers.after(0s, heard.says("last"));
    EXPECT_EQ(heard.first(1), Words{"last"});
}

TEST(Timers, TasksMayAddCancelAndClose) {
    const auto clock = std::make_shared<ManualClock>(start);
    Heard heard;
    Timers timers(clock);
    Timers::Id self = 0;
    std::promise<bool> cancelled_itself;
    timers.after(0s, [&] {
        self = timers.after(0s, [&] { cancelled_itself.set_value(timers.cancel(self)); });
    });
    auto future = cancelled_itself.get_future();
    ASSERT_EQ(future.wait_for(20s), std::future_status::ready);
    EXPECT_FALSE(future.get());
    timers.after(0s, [&] {
        timers.close();
        heard.says("closed")();
    });
    EXPECT_EQ(heard.first(1), Words{"closed"});
    EXPECT_THROW(timers.after(0s, [] {}), Closed);
    timers.close();
    timers.close();
}

TEST(Timers, FailuresAreHeardAndTheRestGoesOn) {
    const auto clock = std::make_shared<ManualClock>(start);
    Heard heard;
    Timers timers(clock, [&](const std::exception& e) { heard.says(e.what())(); });
    timers.after(0s, [] { throw NotFound("gone"); });
    timers.after(1s, heard.says("next"));
    clock->advance(1s);
    EXPECT_EQ(heard.first(2), (Words{"gone", "next"}));
}

TEST(Timers, RealTimePasses) {
    Heard heard;
    Timers timers(base::system_clock());
    timers.after(1ms, heard.says("a"));
    timers.at(base::system_clock()->now() + 1ms, heard.says("b"));
    EXPECT_EQ(heard.first(2).size(), 2u);
}

}  // namespace
}  // namespace tenon::exec
