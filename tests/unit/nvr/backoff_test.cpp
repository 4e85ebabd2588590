#include "backoff.hpp"

#include <gtest/gtest.h>

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;

// A camera that came back is recorded within 6 s: the pause, then a key frame and a fragment of it, which take 3 s at most where a
// key frame comes every two.
TEST(Backoff, ACameraThatIsAwayIsNeverLeftAloneForLongerThanItsReturnMayTake) {
    for (const auto reason : {GapReason::offline, GapReason::stalled})
        for (const auto failing_for : {Duration{}, Duration{1min}, Duration{11min}, Duration{24h * 30}})
            for (const int failures : {1, 2, 3, 4, 100, 1'000'000})
                for (int i = 0; i < 100; ++i) {
                    const auto pause = backoff(failures, failing_for, reason);
                    EXPECT_GE(pause, 400ms);
                    EXPECT_LE(pause, 2400ms);
                }
}

TEST(Backoff, OneThatAnswersWithWhatIsOfNoUseIsLeftAloneForLonger) {
    for (const auto reason : {GapReason::refused, GapReason::loss, GapReason::format_change, GapReason::disk_error}) {
        EXPECT_LE(backoff(1, {}, reason), 600ms);
        EXPECT_GE(backoff(50, 1min, reason), 3200ms);
        EXPECT_LE(backoff(50, 1min, reason), 4800ms);
        EXPECT_GE(backoff(50, 11min, reason), 24s);
        EXPECT_LE(backoff(50, 11min, reason), 36s);
    }
}

}  // namespace
}  // namespace tenon::nvr
