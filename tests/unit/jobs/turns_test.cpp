#include "turns.hpp"

#include <map>

#include <gtest/gtest.h>

namespace tenon::jobs {
namespace {

TenantId tenant(std::uint64_t n) { return {n, n}; }

/// Serves whoever is due `times` times and counts.
std::map<TenantId, int> serve(Turns& turns, const std::map<TenantId, std::int32_t>& weights, int times) {
    std::map<TenantId, int> served;
    for (int i = 0; i < times; ++i) {
        auto next = weights.begin();
        for (auto t = weights.begin(); t != weights.end(); ++t)
            if (turns.start_of(t->first) < turns.start_of(next->first)) next = t;
        turns.served(next->first, next->second);
        ++served[next->first];
    }
    return served;
}

TEST(Turns, tenants_are_served_by_their_weight) {
    Turns turns;
    const auto served = serve(turns, {{tenant(1), 1}, {tenant(2), 2}, {tenant(3), 5}}, 800);
    EXPECT_NEAR(served.at(tenant(1)), 100, 2);
    EXPECT_NEAR(served.at(tenant(2)), 200, 2);
    EXPECT_NEAR(served.at(tenant(3)), 500, 2);
}

TEST(Turns, who_was_away_starts_level) {
    Turns turns;
    serve(turns, {{tenant(1), 1}}, 1000);
    const auto served = serve(turns, {{tenant(1), 1}, {tenant(2), 1}}, 100);
    EXPECT_NEAR(served.at(tenant(1)), 50, 2);
    EXPECT_NEAR(served.at(tenant(2)), 50, 2);
}

TEST(Turns, thousands_of_passing_tenants_are_forgotten_and_order_holds) {
    Turns turns;
    for (std::uint64_t n = 1; n <= 5000; ++n) turns.served(tenant(n), 1);
    const auto served = serve(turns, {{tenant(1), 3}, {tenant(9999), 1}}, 400);
    EXPECT_NEAR(served.at(tenant(1)), 300, 4);
}

}  // namespace
}  // namespace tenon::jobs
