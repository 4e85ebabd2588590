#include <string>

#include <gtest/gtest.h>

#include <access.hpp>

namespace {

using namespace tenon;
using namespace tenon::engine;

constexpr Time begun{std::chrono::hours(24 * 365 * 55)};

std::shared_ptr<const KnownToken> until(Time time) { return std::make_shared<KnownToken>(KnownToken{.until = time}); }

TEST(KnownTokens, IsFoundUntilItsTimeIsOver) {
    KnownTokens known;
    const auto hash = known.hash("a");
    EXPECT_EQ(known.find(hash, begun), nullptr);
    const auto token = until(begun + std::chrono::seconds(60));
    known.keep(hash, token);
    EXPECT_EQ(known.find(hash, begun), token);
    EXPECT_EQ(known.find(hash, begun + std::chrono::seconds(60) - Duration(1)), token);
    EXPECT_EQ(known.find(hash, begun + std::chrono::seconds(60)), nullptr);
    EXPECT_EQ(known.find(known.hash("b"), begun), nullptr);
    const auto later = until(begun + std::chrono::hours(1));  // it was checked once more
    known.keep(hash, later);
    EXPECT_EQ(known.find(hash, begun + std::chrono::minutes(30)), later);
}

TEST(KnownTokens, AreHashedOtherwiseInEveryProcess) { EXPECT_NE(KnownTokens().hash("a"), KnownTokens().hash("a")); }

TEST(KnownTokens, AreForgottenAtMostAShardAtOnceWhenThereAreTooMany) {
    KnownTokens known;
    constexpr int count = 100'000;
    std::vector<std::shared_ptr<const KnownToken>> tokens;
    int found = 0, others = 0;
    for (int i = 0; i < count; ++i) {
        tokens.push_back(until(begun + std::chrono::hours(1)));
        const auto hash = known.hash(std::to_string(i));
        known.keep(hash, tokens.back());
        ASSERT_EQ(known.find(hash, begun), tokens.back());
    }
    for (int i = 0; i < count; ++i) {
        const auto token = known.find(known.hash(std::to_string(i)), begun);
        found += token == tokens[static_cast<std::size_t>(i)];
        others += token && token != tokens[static_cast<std::size_t>(i)];
    }
    EXPECT_EQ(others, 0);
    EXPECT_GT(found, 16);
    EXPECT_LE(found, 16 * 4096);
}

}  // namespace
