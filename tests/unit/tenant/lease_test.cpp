#include <tenant/lease.hpp>

#include <algorithm>
#include <csignal>
#include <random>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tenant/quota.hpp>
#include <tenant/usage.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::lease {
namespace {

using namespace std::chrono_literals;

constexpr auto ttl = 30s;

/// business/free: 1,000 calls of the API in a month.
class Leases : public ::testing::Test {
protected:
    Slice take(std::int64_t want, std::int64_t least = 1) {
        const auto id = home.fresh<HoldId>();
        return home.write(tenant, [&](db::Tx& tx) { return lease::take(tx, id, Resource::api_calls, want, least, ttl, home.now()); });
    }
    Slice tell(const Slice& slice, std::int64_t turn, std::int64_t spent) {
        return home.write(tenant, [&](db::Tx& tx) { return lease::tell(tx, slice.id, turn, spent, ttl, home.now()); });
    }
    Slice top_up(const Slice& slice, std::int64_t turn, std::int64_t spent, std::int64_t want, std::int64_t least = 1) {
        return home.write(tenant, [&](db::Tx& tx) { return lease::top_up(tx, slice.id, turn, spent, want, least, ttl, home.now()); });
    }
    void give_back(const Slice& slice, std::int64_t turn, std::int64_t spent) {
        home.write(tenant, [&](db::Tx& tx) { lease::give_back(tx, slice.id, turn, spent, home.now()); });
    }
    std::int64_t expire() {
        return lease::expire(*home.database, home.system, [&](const TenantId& id) { return home.scope(id); }, home.now());
    }
    Quota quota() {
        return home.read(tenant, [&](db::Reader& r) { return quota::get(r, Resource::api_calls, home.now()); });
    }
    std::int64_t metered() {
        for (const auto& meter : home.read(tenant, [&](db::Reader& r) { return usage::report(r, home.now()); }).meters)
            if (meter.meter == "api_calls") return meter.quantity;
        return 0;
    }
    testing::Home home;
    TenantId tenant = home.create("free", "business/free");
};

TEST_F(Leases, AreToldAndGivenBack) {
    const auto slice = take(100);
    EXPECT_EQ(slice.amount, 100);
    EXPECT_EQ(slice.expires_at, home.now() + ttl);
    EXPECT_EQ(quota().reserved, 100);
    EXPECT_EQ(quota().used, 0);
    home.clock->advance(20s);
    const auto told = tell(slice, 1, 30);
    EXPECT_EQ(told.amount, 70);
    EXPECT_EQ(told.expires_at, home.now() + ttl) << "as much time again";
    EXPECT_EQ(quota().used, 30);
    EXPECT_EQ(quota().reserved, 70);
    EXPECT_EQ(tell(slice, 1, 30).amount, 70) << "told again, it counts nothing";
    EXPECT_EQ(top_up(slice, 2, 60, 100).amount, 100);
    EXPECT_EQ(quota().used, 90);
    EXPECT_THROW(tell(slice, 3, 101), InvalidArgument);
    give_back(slice, 3, 7);
    EXPECT_EQ(quota().used, 97);
    EXPECT_EQ(quota().reserved, 0);
    EXPECT_EQ(metered(), 97) << "what is used is what was metered";
    EXPECT_NO_THROW(give_back(slice, 4, 7)) << "again it does nothing";
    EXPECT_THROW(tell(slice, 5, 1), Conflict);
    EXPECT_EQ(quota().used, 97);
    EXPECT_THROW(home.write(tenant, [&](db::Tx& tx) {
        return lease::take(tx, home.fresh<HoldId>(), Resource::storage, 1, 1, ttl, home.now());
    }), InvalidArgument);
}

TEST_F(Leases, ShareWhatIsLeftAndMeetTheLimitExactly) {
    std::vector<Slice> slices;
    std::int64_t sum = 0, last = 1'000;
    for (;;) {
        try {
            slices.push_back(take(1'000));
        } catch (const QuotaExceeded& refusal) {
            EXPECT_EQ(refusal.limit(), 1'000);
            EXPECT_EQ(refusal.used(), 1'000);
            break;
        }
        EXPECT_LE(slices.back().amount, std::max<std::int64_t>(1, last));
        last = slices.back().amount;
        sum += last;
    }
    EXPECT_EQ(sum, 1'000) << "to the last unit";
    EXPECT_EQ(slices.front().amount, 250);
    EXPECT_EQ(slices.back().amount, 1);
    EXPECT_EQ(quota().reserved, 1'000);
    EXPECT_EQ(take(0, 0).amount, 0);
}

TEST_F(Leases, OfWhoeverIsGoneCountAsUsed) {
    const auto dead = take(100);
    tell(dead, 1, 10);
    home.clock->advance(ttl);
    const auto mine = take(50);
    EXPECT_EQ(expire(), 1);
    EXPECT_EQ(quota().used, 100) << "nobody can know what became of the 90";
    EXPECT_EQ(quota().reserved, 50);
    EXPECT_EQ(metered(), 100);
    EXPECT_EQ(expire(), 0);
    EXPECT_THROW(tell(dead, 2, 5), Conflict) << "it comes back from a stop";
    EXPECT_THROW(top_up(dead, 2, 5, 100), Conflict);
    EXPECT_NO_THROW(give_back(dead, 2, 5));
    EXPECT_EQ(quota().used, 100);
    give_back(mine, 1, 50);
    EXPECT_EQ(quota().used, 150);
}

TEST_F(Leases, WhoseTimeIsUpEndBeforeAnybodySweeps) {
    const auto slice = take(100);
    home.clock->advance(ttl);
    EXPECT_THROW(tell(slice, 1, 5), Conflict);
    EXPECT_THROW(give_back(slice, 1, 5), Conflict);
    EXPECT_EQ(expire(), 1);
    EXPECT_EQ(quota().used, 100);
}

TEST_F(Leases, CountInThePeriodInWhichTheyWereTaken) {
    const auto end = *quota().resets_at;
    home.clock->advance(end - home.now() - 10s);
    const auto slice = take(100);
    EXPECT_EQ(slice.spend_until, end);
    home.clock->advance(15s);
    EXPECT_EQ(quota().reserved, 0) << "another month";
    give_back(slice, 1, 40);
    EXPECT_EQ(quota().used, 0);
    const auto months = home.read(tenant, [&](db::Reader& r) { return usage::months(r, 2, home.now()); });
    for (const auto& each : months.at(1).resources) EXPECT_EQ(each.used, each.resource == Resource::api_calls ? 40 : 0);
    EXPECT_EQ(take(1'000).amount, 250);
}

TEST_F(Leases, TakeWhatLapsedHoldsHeld) {
    home.write(tenant, [&](db::Tx& tx) {
        quota::reserve(tx, home.fresh<HoldId>(), {.asks = {{Resource::api_calls, 1'000}}, .ttl = 1s}, home.now());
    });
    EXPECT_THROW(take(1), QuotaExceeded);
    home.clock->advance(1s);
    EXPECT_EQ(take(1'000, 1'000).amount, 1'000);
}

/// Holders that take, tell, are stopped past their time, die and come back, in any order: what they spent in good faith is never more
/// than the limit, and what is counted never less than what they spent.
TEST_F(Leases, NeverOversellWhateverHappens) {
    struct Holder {
        Slice slice{};
        std::int64_t turn = 0, spent = 0;   // since it last told
        std::int64_t left() const { return slice.amount - spent; }
    };
    for (unsigned seed = 0; seed < 6; ++seed) {
        std::mt19937 random(seed);
        std::vector<Holder> holders;
        std::int64_t spent = 0;
        for (int step = 0; step < 150; ++step) {
            const auto pick = holders.empty() ? 0 : random() % holders.size();
            try {
                switch (holders.empty() ? 0 : random() % 8) {
                    case 0: holders.push_back({.slice = take(1 + static_cast<std::int64_t>(random() % 60))}); break;
                    case 1: case 2: case 3: {
                        // Also where its time is up: it was stopped between looking at the clock and spending.
                        const auto n = std::min<std::int64_t>(holders[pick].left(), static_cast<std::int64_t>(random() % 20));
                        holders[pick].spent += n;
                        spent += n;
                        break;
                    }
                    case 4: {
                        auto& h = holders[pick];
                        h.slice = top_up(h.slice, ++h.turn, h.spent, 40);
                        h.spent = 0;
                        break;
                    }
                    case 5:
                        give_back(holders[pick].slice, holders[pick].turn + 1, holders[pick].spent);
                        [[fallthrough]];
                    case 6: holders.erase(holders.begin() + static_cast<std::ptrdiff_t>(pick)); break;  // or killed
                    default: home.clock->advance(std::chrono::seconds(random() % 20)); expire(); break;
                }
            } catch (const QuotaExceeded&) {
            } catch (const Conflict&) {
                holders.erase(holders.begin() + static_cast<std::ptrdiff_t>(pick));
            }
            const auto now = quota();
            ASSERT_LE(spent, 1'000);
            ASSERT_LE(now.used + now.reserved, 1'000);
            ASSERT_GE(now.used + now.reserved, spent);
        }
        home.clock->advance(ttl);
        expire();
        EXPECT_EQ(quota().reserved, 0);
        EXPECT_EQ(quota().used, metered());
        EXPECT_GT(spent, 0);
        home.clock->advance(31 * 24h);
    }
}

/// Spends from slices as fast as it can until it is killed; a byte goes to `told` before each unit that it spends.
[[noreturn]] void spend_until_killed(testing::Home& home, const TenantId& tenant, int told) {
    home.open();
    for (std::int64_t turn = 1;; ++turn) {
        try {
            const auto id = home.fresh<HoldId>();
            const auto slice =
                home.write(tenant, [&](db::Tx& tx) { return lease::take(tx, id, Resource::api_calls, 20, 1, ttl, home.now()); });
            for (std::int64_t i = 0; i < slice.amount; ++i)
                if (::write(told, "s", 1) != 1) _exit(1);
            home.write(tenant, [&](db::Tx& tx) { lease::give_back(tx, id, 1, slice.amount, home.now()); });
        } catch (const QuotaExceeded&) {
            _exit(0);
        }
    }
}

TEST_F(Leases, SurviveKill9WithoutAUnitOversold) {
    std::int64_t spent = 0;
    int killed = 0;
    for (int round = 0; round < 8; ++round) {
        home.registry.reset();  // the child opens a store of its own
        home.database.reset();
        int pipe_ends[2];
        ASSERT_EQ(pipe(pipe_ends), 0);
        const auto child = fork();
        if (child == 0) spend_until_killed(home, tenant, pipe_ends[1]);
        close(pipe_ends[1]);
        char byte = 0;
        for (int i = 0; i < 40 + round * 17 && read(pipe_ends[0], &byte, 1) == 1; ++i) ++spent;
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        killed += WIFSIGNALED(status);
        while (read(pipe_ends[0], &byte, 1) == 1) ++spent;
        close(pipe_ends[0]);
        home.open();
        EXPECT_LE(spent, 1'000);
        EXPECT_GE(quota().used + quota().reserved, spent);
        home.clock->advance(ttl);
        expire();
        EXPECT_EQ(quota().reserved, 0);
        EXPECT_GE(quota().used, spent) << "nothing that was spent is lost";
        EXPECT_LE(quota().used, spent + killed * 20) << "a kill wastes a slice at most";
        EXPECT_EQ(quota().used, metered());
    }
    EXPECT_GT(killed, 0);
}

}  // namespace
}  // namespace tenon::tenant::lease
