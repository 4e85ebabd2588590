#include "backoff.hpp"

#include <algorithm>
#include <random>

namespace tenon::nvr {

using namespace std::chrono_literals;

Duration backoff(int failures, Duration failing_for, GapReason reason) {
    constexpr Duration first = 500ms, longest = 30s, longest_after = 10min;
    const bool away = reason == GapReason::offline || reason == GapReason::stalled;
    Duration pause = first * (1 << std::clamp(failures - 1, 0, away ? 2 : 3));
    if (!away && failing_for > longest_after) pause = longest;
    thread_local std::minstd_rand random{std::random_device{}()};
    const auto jitter = std::uniform_int_distribution<std::int64_t>(800, 1200)(random);
    return pause * jitter / 1000;
}

}  // namespace tenon::nvr
