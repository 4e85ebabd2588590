#include <atomic>
#include <ctime>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <base/ticks.hpp>

namespace tenon::base {
namespace {

std::int64_t by_the_kernel() {
    timespec ts{};
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

// Longer than what is worked out once lasts, on a machine that may stop this thread anywhere: what is right to microseconds must
// not be off by a millisecond.
TEST(Nanoseconds, AreTheKernels) {
    const auto clock = system_clock();
    std::atomic<std::int64_t> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&] {
            const auto begun = by_the_kernel();
            for (auto before = begun; before - begun < 400'000'000;) {
                const auto told = nanoseconds(*clock);
                const auto after = by_the_kernel();
                if (told < before - 1'000'000 || told > after + 1'000'000) ++wrong;
                before = after;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

TEST(Nanoseconds, OfAClockSetByHandAreItsMicroseconds) {
    ManualClock clock(Time{});
    clock.advance(std::chrono::microseconds(7));
    EXPECT_EQ(nanoseconds(clock), 7'000);
}

}  // namespace
}  // namespace tenon::base
