// Usage: what was answered is counted once, all of a call or none, and every sum says what the events do.

#include <unistd.h>

#include "torture.hpp"

namespace tenon::torture {
namespace {

using namespace std::chrono_literals;

constexpr int at_once = 50;

/// Call `n` of a process: always the same events.
std::vector<UsageEvent> call(const std::string& source, int n, Time base) {
    std::vector<UsageEvent> events;
    for (int i = 0; i < at_once; ++i) {
        const int k = n * at_once + i;
        events.push_back({.source = source, .id = std::to_string(k), .meter = k % 3 ? "model_tokens" : "scans", .quantity = 1 + k % 9,
                          // One in ten is out of order.
                          .occurred_at = base - std::chrono::seconds(k % 10 ? 0 : k % 7200), .site = k % 2 ? "north" : "",
                          .tags = {{"team", std::to_string(k % 4)}}});
    }
    return events;
}

TEST(Victim, DISABLED_usage) {
    Victim::play([](Victim& victim) {
        auto usage = victim.acme().usage();
        const Time base = std::chrono::floor<Duration>(std::chrono::system_clock::now());
        const auto source = "p" + std::to_string(getpid()) + "-" + std::to_string(base.time_since_epoch().count());
        for (int n = 0; n < 40; ++n) {
            tell("telling");
            usage.record(call(source, n, base));
            tell("told");
            // Three in ten are told again.
            if (n % 10 < 3)
                for (const auto& receipt : usage.record(call(source, n, base)))
                    if (receipt.outcome != UsageOutcome::duplicate) throw std::runtime_error("counted twice: " + receipt.id);
        }
    });
}

TEST_F(Torture, usage) {
    std::int64_t events = 0;
    for (int n = 0; n <= kills && !HasFailure(); ++n) {
        std::int64_t telling = 0, told = 0;
        for (const auto& word : round("usage")) (word[0] == "telling" ? telling : told) += at_once;
        const auto usage = acme().usage();
        const auto check = usage.verify();
        EXPECT_EQ(check.different, 0);
        EXPECT_GE(check.events, events + told) << "what was answered counts";
        EXPECT_LE(check.events, events + telling) << "what was not told does not";
        EXPECT_EQ(check.events % at_once, 0) << "all of a call or none";
        events = check.events;
        std::int64_t tokens = 0;
        for (const auto& share : usage.breakdown({.by = UsageKey::site, .meter = "model_tokens"})) tokens += share.quantity;
        EXPECT_EQ(acme().quotas().get(Resource::model_tokens).used, tokens);
        expect_sound();
    }
    std::cout << events << " events were counted" << std::endl;
}

}  // namespace
}  // namespace tenon::torture
