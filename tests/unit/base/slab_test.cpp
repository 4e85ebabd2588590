#include <base/slab.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <unordered_map>
#include <vector>

namespace tenon::base {
namespace {

struct alignas(128) Thing {
    explicit Thing(std::uint64_t n) : number(n) { std::memset(rest, static_cast<int>(n & 0xFF), sizeof rest); }
    bool whole() const {
        for (const auto byte : rest)
            if (byte != (number & 0xFF)) return false;
        return true;
    }
    std::uint64_t number;
    unsigned char rest[700];
};

std::shared_ptr<Thing> make(const std::shared_ptr<Slab>& slab, std::uint64_t number) {
    return {new (slab->take()) Thing(number), [slab](Thing* thing) {
                std::destroy_at(thing);
                slab->give(thing);
            }};
}

TEST(Slab, BlocksAreAlignedApartAndTakenAgain) {
    const auto slab = std::make_shared<Slab>(sizeof(Thing), alignof(Thing));
    std::mt19937_64 random(7);
    std::unordered_map<std::uint64_t, std::shared_ptr<Thing>> things;
    const auto round = [&](std::uint64_t first) {
        for (std::uint64_t i = first; i < first + 20'000; ++i) {
            const auto thing = make(slab, i);
            ASSERT_EQ(reinterpret_cast<std::uintptr_t>(thing.get()) % alignof(Thing), 0u);
            things.emplace(i, thing);
            if (random() % 3 == 0) things.erase(first + random() % (i - first + 1));
        }
        for (const auto& [number, thing] : things) ASSERT_TRUE(thing->number == number && thing->whole()) << number;
        things.clear();
    };
    round(0);
    const auto held = slab->held();
    for (std::uint64_t i = 1; i < 10; ++i) round(i * 20'000);
    EXPECT_LE(slab->held(), held * 21 / 20);  // the same number of things, give or take chance
}

TEST(Slab, LivesAsLongAsWhatLiesInIt) {
    std::weak_ptr<Slab> watched;
    std::shared_ptr<Thing> thing;
    {
        const auto slab = std::make_shared<Slab>(sizeof(Thing), alignof(Thing));
        watched = slab;
        thing = make(slab, 5);
    }
    EXPECT_FALSE(watched.expired());
    EXPECT_TRUE(thing->whole());
    thing.reset();
    EXPECT_TRUE(watched.expired());
}

TEST(Slab, ManyThreadsTakeAndGive) {
    const auto slab = std::make_shared<Slab>(sizeof(Thing), alignof(Thing));
    std::vector<std::thread> threads;
    std::atomic<int> broken{0};
    for (std::uint64_t t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            std::vector<std::shared_ptr<Thing>> own;
            for (std::uint64_t i = 0; i < 20'000; ++i) {
                own.push_back(make(slab, i * 4 + t));
                if (own.size() == 100) {
                    for (const auto& each : own) broken += !each->whole();
                    own.clear();
                }
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(broken, 0);
    EXPECT_LE(slab->held(), 3u << 20);  // at most 400 at once
}

TEST(Slab, AForkedChildGivesNothingBack) {
    const auto slab = std::make_shared<Slab>(sizeof(Thing), alignof(Thing));
    auto thing = make(slab, 9);
    const auto* const place = thing.get();
    const auto child = ::fork();
    ASSERT_NE(child, -1);
    if (child == 0) {
        thing.reset();
        ::_exit(place->whole() ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tenon::base
