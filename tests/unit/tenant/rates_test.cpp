#include <tenant/rates.hpp>

#include <array>
#include <atomic>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::rates {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t second = 1'000'000'000, begin = 5'000 * second;

RateTerm term(RateScope kind, std::int64_t limit, Duration window, std::int64_t burst, std::string route = {}) {
    return {.kind = kind, .route = std::move(route), .limit = limit, .window = window, .burst = burst,
            .interval = (window.count() * 1000 + limit - 1) / limit};
}
/// A clock that is set, also back.
class RatesClock final : public base::Clock {
public:
    Time now() const override { return Time{Duration{at.load() / 1000}}; }
    Duration monotonic() const override { return Duration{at.load() / 1000}; }
    Duration boot() const override { return monotonic(); }
    std::atomic<std::int64_t> at{0};  // nanoseconds, of which it shows whole microseconds
};

/// Calls at moments of their own.
class Rates : public ::testing::Test {
protected:
    Verdict take(const std::vector<RateTerm>& terms, const Call& call, std::int64_t now) {
        clock->at = now;
        return limiter.take(limiter.path_of(terms, call));
    }
    Verdict peek(const std::vector<RateTerm>& terms, const Call& call, std::int64_t now) {
        clock->at = now;
        return limiter.peek(limiter.path_of(terms, call));
    }
    Verdict enter(const std::vector<RateTerm>& terms, const Call& call, std::int64_t now) {
        clock->at = now;
        return limiter.enter(limiter.path_of(terms, call));
    }

    std::shared_ptr<RatesClock> clock = std::make_shared<RatesClock>();
    Limiter limiter{clock};
};

TenantId tenant(std::uint64_t n) { return {.high = 77, .low = n}; }
Call call_of(std::uint64_t n, std::string_view key = {}, std::string_view route = {}, std::int64_t cost = 1) {
    return {.tenant = tenant(n), .key = key, .route = route, .cost = cost};
}

TEST_F(Rates, LetABurstThroughAndThenOneEachInterval) {
    const std::vector terms{term(RateScope::tenant, 60, 60s, 10)};
    for (int i = 0; i < 10; ++i) {
        const auto verdict = take(terms, call_of(1), begin);
        EXPECT_TRUE(verdict.allowed) << i;
        EXPECT_EQ(verdict.remaining, 9 - i);
        EXPECT_EQ(verdict.reset, (i + 1) * second);
    }
    const auto refused = take(terms, call_of(1), begin);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.remaining, 0);
    EXPECT_EQ(refused.retry_after, second);
    EXPECT_FALSE(take(terms, call_of(1), begin + second - 1000).allowed);
    EXPECT_TRUE(take(terms, call_of(1), begin + second).allowed) << "to the microsecond";
    EXPECT_FALSE(take(terms, call_of(1), begin + second).allowed);
    EXPECT_TRUE(take(terms, call_of(2), begin).allowed) << "another tenant's";
    EXPECT_EQ(take(terms, call_of(1), begin + 1000 * second).remaining, 9) << "time does not add up beyond the burst";
    EXPECT_FALSE(take(terms, call_of(1, {}, {}, 10), begin + 1000 * second).allowed);
    EXPECT_THROW(take(terms, call_of(1, {}, {}, 11), begin), InvalidArgument);
    EXPECT_TRUE(take({}, call_of(1), begin).allowed);
    EXPECT_EQ(take({}, call_of(1), begin).term, nullptr);
}

TEST_F(Rates, AreAllCheckedBeforeAnyIsCharged) {
    const std::vector terms{term(RateScope::tenant, 100, 100s, 100), term(RateScope::key, 5, 100s, 5),
                            term(RateScope::route, 2, 100s, 2, "upload"), term(RateScope::address, 3, 100s, 3)};
    auto upload = call_of(1, "k", "upload");
    upload.network = 9;
    EXPECT_TRUE(take(terms, upload, begin).allowed);
    EXPECT_TRUE(take(terms, upload, begin).allowed);
    for (int i = 0; i < 50; ++i) {
        const auto refused = take(terms, upload, begin);
        ASSERT_FALSE(refused.allowed);
        EXPECT_EQ(refused.term->kind, RateScope::route);
    }
    EXPECT_EQ(peek({terms[0]}, call_of(1), begin).remaining, 97) << "two were charged, and this one would be";
    auto other = call_of(1, "k");
    other.network = 9;
    const auto third = take(terms, other, begin);
    EXPECT_TRUE(third.allowed);
    EXPECT_EQ(third.term->kind, RateScope::address);
    EXPECT_EQ(third.remaining, 0) << "the tightest is told of";
    EXPECT_EQ(take(terms, other, begin).term->kind, RateScope::address);
    other.network = 10;
    EXPECT_TRUE(take(terms, other, begin).allowed);
    EXPECT_TRUE(take(terms, call_of(1, "k"), begin).allowed);
    EXPECT_FALSE(take(terms, call_of(1, "k"), begin).allowed) << "five with this key";
    EXPECT_TRUE(take(terms, call_of(1, "another"), begin).allowed);
    EXPECT_TRUE(take(terms, call_of(1), begin).allowed) << "without a key";
}

TEST_F(Rates, PeekingChargesNothing) {
    const std::vector terms{term(RateScope::tenant, 2, 10s, 2)};
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(peek(terms, call_of(1), begin).allowed);
    EXPECT_EQ(take(terms, call_of(1), begin).remaining, 1);
}

/// Any sequence of calls against the plainest form of the rule.
TEST_F(Rates, AreWhatTheRuleSays) {
    std::mt19937_64 random(4711);
    const std::vector terms{term(RateScope::tenant, 7, 1s, 5), term(RateScope::key, 3, 2s, 2), term(RateScope::tenant, 1000, 3600s, 900)};
    std::map<std::string, std::int64_t> tats;
    std::int64_t now = begin, passed = 0;
    for (int i = 0; i < 20'000; ++i) {
        now += static_cast<std::int64_t>(random() % (second / 4 / 1000)) * 1000;
        const auto t = random() % 3;
        const std::string key = random() % 2 ? "a" : "";
        const auto cost = static_cast<std::int64_t>(1 + random() % 2);
        std::map<std::string, std::int64_t> next;
        bool allowed = true;
        for (std::size_t n = 0; n < terms.size(); ++n) {
            if (terms[n].kind == RateScope::key && key.empty()) continue;
            const auto name = std::to_string(n) + "/" + std::to_string(t) + "/" + (terms[n].kind == RateScope::key ? key : "");
            next[name] = std::max(now, tats[name]) + cost * terms[n].interval;
            allowed = allowed && next[name] - now <= terms[n].burst * terms[n].interval;
        }
        if (allowed)
            for (const auto& [name, tat] : next) tats[name] = tat;
        ASSERT_EQ(take(terms, call_of(t, key, {}, cost), now).allowed, allowed) << i;
        passed += allowed;
    }
    EXPECT_GT(passed, 1'000);
    EXPECT_LT(passed, 19'000);
    EXPECT_EQ(limiter.given_up(), 0);
}

TEST_F(Rates, OfManyThreadsPassExactlyTheBurst) {
    const std::vector terms{term(RateScope::tenant, 5'000, 3600s, 5'000), term(RateScope::key, 3'000, 3600s, 3'000)};
    std::atomic<int> passed{0}, without{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 4'000; ++i)
                (t % 2 ? passed : without) += take(terms, call_of(1, t % 2 ? "k" : ""), begin).allowed;
        });
    for (auto& thread : threads) thread.join();
    // Who was refused because another one held a unit that he then gave back did not ask again.
    while (take(terms, call_of(1), begin).allowed) ++without;
    EXPECT_EQ(passed + without, 5'000);
    EXPECT_LE(passed, 3'000);
}

TEST_F(Rates, KeepTheirSizeHoweverManyAddressesCall) {
    Limiter small(clock, 1'000);
    const auto call_at = [&](const std::vector<RateTerm>& met, const Call& call, std::int64_t now) {
        clock->at = now;
        return small.take(small.path_of(met, call)).allowed;
    };
    const std::vector once{term(RateScope::key, 1, 3600s, 1)};
    const std::vector terms{term(RateScope::tenant, 1'000'000, 1s, 1'000'000), term(RateScope::address, 1, 10s, 1)};
    auto mine = call_of(1);
    EXPECT_TRUE(call_at(once, call_of(1, "mine"), begin));
    for (std::uint64_t i = 1; i <= 50'000; ++i) {
        mine.network = i;
        call_at(terms, mine, begin);
    }
    EXPECT_GT(small.given_up(), 40'000) << "there is no place for them all";
    EXPECT_FALSE(call_at(once, call_of(1, "mine"), begin)) << "addresses push no key out";
    const auto before = small.given_up();
    for (std::uint64_t i = 1; i <= 60; ++i) {  // so few that no set is full of them
        mine.network = 1'000'000 + i;
        call_at(terms, mine, begin + 11 * second);
    }
    EXPECT_EQ(small.given_up(), before) << "the places of those whose time has passed are free";
}

/// The same of the short answer, and from many threads on tables that are too small for them all: places change hands all the time.
TEST_F(Rates, AdmitWhatTheyWouldTake) {
    const std::vector terms{term(RateScope::tenant, 10, 10s, 10), term(RateScope::key, 4, 10s, 4)};
    const auto with_key = limiter.path_of(terms, call_of(1, "k")), without = limiter.path_of(terms, call_of(1));
    clock->at = begin;
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(limiter.admit(with_key)) << i;
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(limiter.admit(with_key)) << "costs nothing";
    EXPECT_EQ(limiter.peek(without).remaining, 5);
    for (int i = 0; i < 6; ++i) EXPECT_TRUE(limiter.admit(without)) << i;
    EXPECT_FALSE(limiter.admit(without));
    clock->at = begin + second;
    EXPECT_TRUE(limiter.admit(without));
    EXPECT_FALSE(limiter.admit(with_key));
    EXPECT_TRUE(limiter.admit(limiter.path_of({}, call_of(1)))) << "no rate, no refusal";
}

TEST_F(Rates, OfManyThreadsAreNeverPassedWherePlacesChangeHands) {
    Limiter small(clock, 64);
    const std::vector terms{term(RateScope::tenant, 100, 3600s, 100)};
    std::array<std::atomic<std::int64_t>, 16> passed{};
    std::atomic<std::int64_t> time{begin};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            std::mt19937_64 random(t);
            for (int i = 0; i < 20'000; ++i) {
                if (i % 50 == 0) clock->at = time += second / 1000;
                const auto n = random() % passed.size();
                passed[n] += small.admit(small.path_of(terms, call_of(n)));
                // Buckets that are empty again at once: they want places, and give them back.
                static const std::vector brief{term(RateScope::key, 1'000'000, 1s, 10)};
                small.admit(small.path_of(brief, call_of(random() % 1'000, "k")));
            }
        });
    for (auto& thread : threads) thread.join();
    const auto elapsed = time - begin;
    std::int64_t all = 0;
    for (auto& each : passed) all += each;
    const auto allowed = [&](std::int64_t buckets) { return buckets * (100 + elapsed / terms[0].interval + 1); };
    // A bucket is given up only where all eight of a set are in use, and then counts anew.
    EXPECT_LE(all, allowed(static_cast<std::int64_t>(passed.size()) + small.given_up()));
    EXPECT_GE(all, static_cast<std::int64_t>(passed.size()) * 100);
}

/// A rate of which processors are lent: 4,000,000 a minute.
RateTerm lendable(std::int64_t burst) { return term(RateScope::tenant, 4'000'000, 60s, burst); }

/// What the rule itself would have made of the calls that were let through: how far the TAT was ahead at most.
class WhatPassed {
public:
    explicit WhatPassed(const RateTerm& term) : term_(term) {}
    void count(std::int64_t now, std::int64_t cost = 1) {
        tat_ = std::max(now, tat_) + cost * term_.interval;
        ahead_ = std::max(ahead_, tat_ - now);
    }
    bool is_within() const { return ahead_ <= term_.burst * term_.interval; }

private:
    const RateTerm term_;
    std::int64_t tat_ = 0, ahead_ = 0;
};

TEST_F(Rates, ThatAreLentOfPassExactlyTheBurstWhereTimeStandsStill) {
    const std::vector terms{lendable(100'000)};
    const auto path = limiter.path_of(terms, call_of(1));
    clock->at = begin;
    std::int64_t passed = 0;
    while (limiter.admit(path)) ++passed;
    EXPECT_LE(passed, 100'000);
    EXPECT_GE(passed, 100'000 * 31 / 32);
    clock->at = begin + 60 * second;
    for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(limiter.admit(path));
    const auto rest = limiter.peek(path).remaining;
    EXPECT_LE(rest, 100'000 - 1'001);
    EXPECT_GE(rest, 100'000 * 31 / 32 - 1'001) << "what was lent and not used is not gone";
    clock->at = begin + 120 * second;
    EXPECT_EQ(limiter.peek(path).remaining, 99'999);
}

/// Random gaps and costs, in bursts and in quiet: whatever was let through obeys the rule at its own moment, and what the rule alone
/// would have refused is not refused much earlier.
TEST_F(Rates, ThatAreLentOfLetThroughWhatTheRuleDoes) {
    const std::vector terms{lendable(50'000), term(RateScope::key, 3'000'000, 60s, 60'000)};
    for (const bool with_key : {false, true}) {
        const auto path = limiter.path_of(terms, call_of(with_key ? 2 : 1, with_key ? "k" : ""));
        std::mt19937_64 random(4712);
        std::vector<WhatPassed> rules(terms.begin(), terms.end());
        std::int64_t now = begin, asked = 0, passed = 0;
        for (int phase = 0; phase < 400; ++phase) {
            const auto gap = static_cast<std::int64_t>(random() % 40'000);  // on average 15,000 and 20,000 are the rates
            for (int i = 0; i < 2'000; ++i, ++asked) {
                clock->at = now += static_cast<std::int64_t>(random() % (2 * gap + 1)) / 1000 * 1000;
                if (!limiter.admit(path)) continue;
                ++passed;
                for (std::size_t n = 0; n < (with_key ? 2U : 1U); ++n) rules[n].count(now);
            }
            if (phase % 7 == 0) now += static_cast<std::int64_t>(random() % second);
        }
        for (std::size_t n = 0; n < (with_key ? 2U : 1U); ++n) EXPECT_TRUE(rules[n].is_within()) << n;
        EXPECT_GT(passed, asked / 2);
    }
}

TEST_F(Rates, ThatAreLentOfPassTheSameUnderSteadyPressure) {
    const std::vector terms{lendable(20'000)};
    const auto path = limiter.path_of(terms, call_of(1));
    std::int64_t passed = 0;
    for (std::int64_t now = begin; now < begin + 10 * second; now += 5'000)  // three times the rate
        passed += (clock->at = now, limiter.admit(path));
    EXPECT_LE(passed, 20'000 + 10 * second / terms[0].interval + 1);
    EXPECT_GE(passed, 20'000 * 31 / 32 + 10 * second / terms[0].interval - 1);
}

TEST_F(Rates, ThatAreLentOfAreNeverPassedByManyThreads) {
    const std::vector terms{lendable(200'000)};
    std::vector<std::thread> threads;
    std::atomic<std::int64_t> passed{0}, time{begin};
    clock->at = begin;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            const auto path = limiter.path_of(terms, call_of(1));
            std::int64_t mine = 0;
            for (int i = 0; i < 200'000; ++i) {
                if (i % 100 == 0) clock->at = time += 10'000;
                mine += limiter.admit(path);
                if (i % 5'000 == t) limiter.peek(path);
                if (i % 7'000 == t && limiter.take(path).allowed) ++mine;
            }
            passed += mine;
        });
    for (auto& thread : threads) thread.join();
    while (limiter.admit(limiter.path_of(terms, call_of(1)))) ++passed;
    const auto allowed = 200'000 + (time - begin) / terms[0].interval;
    EXPECT_LE(passed, allowed + 1);
    EXPECT_GE(passed, allowed - 200'000 / 32);
}

/// A call that takes nearly all of a bucket at once, from below its half, at any moment of others that borrow from it.
TEST_F(Rates, ThatAreLentOfAreNotPassedByACallOfGreatCost) {
    constexpr std::int64_t burst = 100'000, left = 300;
    const std::vector terms{lendable(burst)};
    std::atomic<int> round{0}, done{0};
    std::atomic<std::int64_t> passed{0};
    constexpr int rounds = 2'000;
    clock->at = begin;
    const auto each_round = [&](auto&& calls) {
        return std::thread([&, calls] {
            for (int now = 1; now <= rounds; ++now) {
                while (round.load() < now) std::this_thread::yield();
                passed += calls(now);
                ++done;
            }
        });
    };
    auto small = each_round([&](int) {
        const auto path = limiter.path_of(terms, call_of(1));
        std::int64_t mine = 0;
        for (int i = 0; i < left + 20; ++i) {
            mine += limiter.admit(path);
            if (i % 4 == 3) limiter.peek(path);  // calls in what was lent: the next call borrows again
        }
        return mine;
    });
    auto great = each_round([&](int n) {
        const auto path = limiter.path_of(terms, call_of(1, {}, {}, burst - left));
        for (volatile int wait = n * 7 % 20'000; wait > 0;) wait = wait - 1;
        return limiter.admit(path) ? burst - left : 0;
    });
    int too_many = 0;
    for (int now = 1; now <= rounds; ++now) {
        clock->at = begin + now * 120 * second;
        passed = done = 0;
        round = now;
        while (done.load() < 2) std::this_thread::yield();
        too_many += passed > burst;
    }
    small.join();
    great.join();
    EXPECT_EQ(too_many, 0);
}

TEST_F(Rates, InFlightCountsWhatGoesOn) {
    const std::vector terms{term(RateScope::tenant, 100, 1s, 100), RateTerm{.kind = RateScope::in_flight, .limit = 2}};
    EXPECT_EQ(enter(terms, call_of(1), begin).remaining, 1);
    EXPECT_TRUE(enter(terms, call_of(1), begin).allowed);
    const auto refused = enter(terms, call_of(1), begin);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.term->kind, RateScope::in_flight);
    EXPECT_EQ(peek(terms, call_of(1), begin).remaining, 97) << "what was refused cost nothing";
    EXPECT_TRUE(enter(terms, call_of(2), begin).allowed);
    limiter.leave(tenant(1));
    EXPECT_EQ(limiter.in_flight(tenant(1)), 1);
    EXPECT_TRUE(enter(terms, call_of(1), begin).allowed);
    for (int i = 0; i < 2; ++i) limiter.leave(tenant(1));
    EXPECT_EQ(limiter.in_flight(tenant(1)), 0);
    limiter.leave(tenant(1));
    EXPECT_EQ(limiter.in_flight(tenant(1)), 0);
    const std::vector tight{term(RateScope::tenant, 1, 1s, 1), RateTerm{.kind = RateScope::in_flight, .limit = 5}};
    EXPECT_TRUE(enter(tight, call_of(3), begin).allowed);
    EXPECT_FALSE(enter(tight, call_of(3), begin).allowed);
    EXPECT_EQ(limiter.in_flight(tenant(3)), 1) << "what its rate refused is not in flight";
}

TEST_F(Rates, OfAddressesAreThoseOfTheirNetworks) {
    EXPECT_EQ(network_of("192.0.2.7"), network_of("192.0.2.250"));
    EXPECT_EQ(network_of("192.0.2.7"), network_of("::ffff:192.0.2.9"));
    EXPECT_NE(network_of("192.0.2.7"), network_of("192.0.3.7"));
    EXPECT_EQ(network_of("2001:db8:1:1200::1"), network_of("2001:db8:1:12ff::2"));
    EXPECT_NE(network_of("2001:db8:1:1200::1"), network_of("2001:db8:1:1300::1"));
    for (const auto* wrong : {"", "example.org", "192.0.2", "192.0.2.7/24", "::g"}) EXPECT_FALSE(network_of(wrong)) << wrong;
}

TEST_F(Rates, AreToldInHeaders) {
    const std::vector terms{term(RateScope::route, 60, 60s, 1, "upload")};
    const auto header = [](const RateDecision& decision, const std::string& name) {
        for (const auto& each : decision.headers)
            if (each.key == name) return each.value;
        return std::string("-");
    };
    EXPECT_TRUE(decision_of(take(terms, call_of(1), begin)).headers.empty()) << "no rate for such a call";
    const auto passed = decision_of(take(terms, call_of(1, {}, "upload"), begin));
    EXPECT_EQ(header(passed, "RateLimit-Limit"), "60");
    EXPECT_EQ(header(passed, "RateLimit-Remaining"), "0");
    EXPECT_EQ(header(passed, "RateLimit-Reset"), "1");
    EXPECT_EQ(header(passed, "RateLimit-Policy"), "\"route-upload\";q=60;w=60");
    EXPECT_EQ(header(passed, "RateLimit"), "\"route-upload\";r=0;t=1");
    EXPECT_EQ(header(passed, "Retry-After"), "-");
    const auto refused = decision_of(take(terms, call_of(1, {}, "upload"), begin + second / 2));
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.scope, RateScope::route);
    EXPECT_EQ(refused.route, "upload");
    EXPECT_EQ(refused.limit, 60);
    EXPECT_EQ(refused.window, 60s);
    EXPECT_EQ(refused.retry_after, 500ms);
    EXPECT_EQ(header(refused, "Retry-After"), "1") << "rounded up: earlier would be refused again";
}

TEST_F(Rates, StandInThePlan) {
    const auto basic = Catalogues::load()->get("business/free");
    ASSERT_EQ(basic->rates.size(), 1u);
    EXPECT_EQ(basic->rates[0].kind, RateScope::tenant);
    EXPECT_EQ(basic->rates[0].interval, 2 * second);
    const auto rates = [](const std::string& text) {
        return parse_catalogue(R"({"format": 1, "catalogue": "c", "title": "T", "currency": "EUR", "plans": [{"name": "p", "title": "P",
            "version": 1, "price": 1, "interval": "month", "per": "tenant", "trial_days": 0, "weight": 1, "limits": {"projects": 1,
            "storage": 1, "render_time": 1, "concurrent_jobs": 1, "seats": 1, "cameras": 1, "sites": 1, "agents": 1, "api_calls": 1},
            "features": [], "retention": {}, "rates": [)" +
                                   text + "]}]}",
                               "test")
            .front()
            .rates;
    };
    const auto all = rates(R"({"scope": "key", "limit": 3, "window": "1 s", "burst": 2}, {"scope": "in_flight", "limit": 8},
        {"scope": "route", "route": "upload", "limit": 5, "window": "1 min", "burst": 1},
        {"scope": "address", "limit": 1, "window": "1 h", "burst": 1})");
    ASSERT_EQ(all.size(), 4u);
    EXPECT_EQ(all[0].interval, 333'333'334) << "rounded up: never more than the rate";
    EXPECT_EQ(all[1].kind, RateScope::in_flight);
    EXPECT_EQ(all[2].route, "upload");
    for (const auto* wrong : {R"({"scope": "everyone", "limit": 1, "window": "1 s", "burst": 1})",
                              R"({"scope": "route", "limit": 1, "window": "1 s", "burst": 1})",
                              R"({"scope": "key", "route": "x", "limit": 1, "window": "1 s", "burst": 1})",
                              R"({"scope": "in_flight", "limit": 1, "burst": 1})",
                              R"({"scope": "key", "limit": 1, "window": "367 days", "burst": 1})",
                              R"({"scope": "key", "limit": 1, "window": "1 s", "burst": 2})"})
        EXPECT_THROW(rates(wrong), InvalidArgument) << wrong;
}

TEST_F(Rates, OfAPlanAreStoredWithIt) {
    testing::Home home;
    const auto business = home.create("business", "business/free");
    EXPECT_EQ(home.registry->standing(business)->terms->rates.at(0).limit, 30);
    EXPECT_EQ(home.registry->standing(business)->terms->rates.at(0).interval, 2 * second);
}

}  // namespace
}  // namespace tenon::tenant::rates
