// Holds: what was committed counts, all else comes back.

#include <thread>

#include "torture.hpp"

namespace tenon::torture {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t second = 1'000;

TEST(Victim, DISABLED_holds) {
    Victim::play([](Victim& victim) {
        auto mine = victim.acme();
        for (int round = 0; round < 20; ++round) {
            auto kept = mine.quotas().reserve({.asks = {{Resource::render_time, 5 * second}, {Resource::storage, 1000}}, .ttl = 1s});
            auto dropped = mine.quotas().reserve({.asks = {{Resource::render_time, 7 * second}}, .ttl = 1s});
            kept.extend({Resource::render_time, 5 * second});
            tell("committing");
            kept.commit({{Resource::render_time, 9 * second}});
            tell("committed");
            if (round % 2 == 0) dropped.release();
        }
    });
}

TEST_F(Torture, holds) {
    std::int64_t sum = 0;
    for (int n = 0; n <= kills && !HasFailure(); ++n) {
        std::int64_t committing = 0, committed = 0;
        for (const auto& told : round("holds")) (told[0] == "committing" ? committing : committed) += 9 * second;
        auto quotas = acme().quotas();
        const auto now = quotas.get(Resource::render_time);
        EXPECT_GE(now.used, sum + committed) << "what was committed counts";
        EXPECT_LE(now.used, sum + committing) << "what was not committed does not";
        sum = now.used;
        // Once their time to live is over, all that is left can be had again in one piece.
        std::optional<Hold> all;
        EXPECT_TRUE(eventually([&] {
            all = quotas.try_reserve({.asks = {{Resource::render_time, *now.limit - now.used}}});
            return all.has_value();
        }));
        if (all) all->release();
        expect_sound();
    }
    std::cout << sum / (9 * second) << " holds were committed" << std::endl;
}

}  // namespace
}  // namespace tenon::torture
