#include "gate.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace {

using tenon::engine::Gate;

TEST(Gate, refuses_calls_once_closed) {
    Gate gate;
    { const auto pass = gate.enter(); }
    EXPECT_TRUE(gate.close());
    EXPECT_FALSE(gate.close()) << "only one caller closes it";
    EXPECT_THROW(gate.enter(), tenon::Closed);
    gate.drain();
}

TEST(Gate, whoever_closes_second_waits_for_the_end) {
    Gate gate;
    std::atomic<bool> over{false};
    ASSERT_TRUE(gate.close());
    std::thread second([&] {
        gate.await_end();
        EXPECT_TRUE(over.load());
    });
    over = true;
    gate.end();
    second.join();
}

TEST(Gate, drain_waits_for_the_calls_inside) {
    Gate gate;
    std::atomic<int> inside{0};
    std::atomic<bool> closed{false};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i)
        callers.emplace_back([&] {
            for (;;) {
                try {
                    const auto pass = gate.enter();
                    ++inside;
                    EXPECT_FALSE(closed.load());
                    --inside;
                } catch (const tenon::Closed&) {
                    return;
                }
            }
        });
    std::this_thread::yield();
    gate.close();
    gate.drain();
    EXPECT_EQ(inside.load(), 0);
    closed = true;
    for (auto& caller : callers) caller.join();
}

}  // namespace
