#include <tenant/outlook.hpp>

#include <fstream>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include <base/json.hpp>
#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::quota {
namespace {

using namespace std::chrono_literals;

constexpr db::SystemStmt news{"SELECT kind, subject, data FROM event_ WHERE tenant_id = :id AND kind LIKE 'quota.%' ORDER BY id"};

/// Two plans, one with a rule of each kind and one that refuses: 100 of everything.
class Beyond : public ::testing::Test {
protected:
    Beyond() { open(); }
    void open() {
        const auto plan = [](const std::string& name, int price, const std::string& overage) {
            return R"({"name": ")" + name + R"(", "title": "T", "version": 1, "price": )" + std::to_string(price) +
                   R"(, "interval": "month", "per": "tenant", "trial_days": 0, "weight": 1, "limits": {"projects": 100, "storage": 100,
                "render_time": 100, "concurrent_jobs": 100, "seats": 100, "cameras": 100, "sites": 100, "agents": 100, "api_calls": 100,
                "model_tokens": 100, "bandwidth": 100}, "features": [], "rates": [], "retention": {}, "overage": {)" + overage + "}}";
        };
        std::ofstream(home.folder / "own.json") << R"({"format": 1, "catalogue": "own", "title": "T", "currency": "EUR", "plans": [)"
            << plan("strict", 1, "") << "," << plan("kind", 2, R"("storage": {"rule": "grace", "most": 20, "for": "3 days"},
                "model_tokens": {"rule": "grace", "for": "1 h"},
                "api_calls": {"rule": "charge", "price_micros": 7, "per": 3, "most": 50},
                "bandwidth": {"rule": "charge", "price_micros": 1000000}, "agents": {"rule": "shadow"}, "seats": {"rule": "block"})")
            << "]}";
        home.registry = std::make_unique<Registry>(*home.database, home.system, testing::Home::make_scope,
                                                   Catalogues::load({home.folder / "own.json"}), home.clock);
        if (tenant.is_nil()) tenant = home.create("kind", "own/kind");
    }
    bool charge(Resource resource, std::int64_t n) {
        try {
            home.write(tenant, [&](db::Tx& tx) { quota::charge(tx, {resource, n}, home.now()); });
            return true;
        } catch (const QuotaExceeded&) {
            return false;
        }
    }
    void free(Resource resource, std::int64_t n) {
        home.write(tenant, [&](db::Tx& tx) { quota::free(tx, {resource, n}, home.now()); });
    }
    bool use(Resource resource, std::int64_t n) {
        const auto hold = home.fresh<HoldId>();
        return home.write(tenant, [&](db::Tx& tx) {
            if (!quota::try_reserve(tx, hold, {.asks = {{resource, n}}}, home.now())) return false;
            quota::commit(tx, hold, {{resource, n}}, home.now());
            return true;
        });
    }
    Quota get(Resource resource) {
        return home.read(tenant, [&](db::Reader& r) { return quota::get(r, resource, home.now()); });
    }
    QuotaOverage overage(Resource resource) {
        for (const auto& each : home.read(tenant, [&](db::Reader& r) { return quota::overage(r, home.now()); }))
            if (each.resource == resource) return each;
        return {};
    }
    std::vector<ShadowCount> shadowed() { return home.read(tenant, [&](db::Reader& r) { return quota::shadowed(r, home.now()); }); }
    int told(const std::string& kind) {
        return home.database->read(home.system, [&](db::SystemReader& r) {
            int n = 0;
            for (auto rows = r.query(news, tenant); rows.next();) n += rows.text(0) == kind;
            return n;
        });
    }
    testing::Home home;
    TenantId tenant{};
};

TEST_F(Beyond, GraceLetsMoreThroughForItsTimeAndBeginsAnewBelow) {
    EXPECT_EQ(get(Resource::storage).limit, 120);
    EXPECT_TRUE(charge(Resource::storage, 100));
    EXPECT_FALSE(get(Resource::storage).limit_until) << "nothing was passed";
    EXPECT_EQ(told("quota.grace"), 0);
    EXPECT_TRUE(charge(Resource::storage, 1));
    const auto ends = home.now() + 72h;
    EXPECT_EQ(get(Resource::storage).limit_until, ends);
    EXPECT_EQ(told("quota.grace"), 1);
    EXPECT_EQ(overage(Resource::storage).rule, OverageRule::grace);
    EXPECT_EQ(overage(Resource::storage).included, 100);
    EXPECT_EQ(overage(Resource::storage).over, 1);
    EXPECT_EQ(overage(Resource::storage).grace_ends_at, ends);
    EXPECT_FALSE(charge(Resource::storage, 20)) << "at most 20 more";
    home.clock->advance(72h - 1us);
    EXPECT_TRUE(charge(Resource::storage, 1)) << "to the microsecond";
    EXPECT_EQ(overage(Resource::storage).grace_ends_at, ends) << "more does not begin another grace";
    home.clock->advance(1us);
    EXPECT_EQ(get(Resource::storage).limit, 100);
    EXPECT_FALSE(charge(Resource::storage, 1));
    EXPECT_EQ(get(Resource::storage).used, 102) << "what is there stays";
    free(Resource::storage, 1);
    EXPECT_FALSE(charge(Resource::storage, 1)) << "101 are still beyond";
    free(Resource::storage, 1);
    EXPECT_EQ(get(Resource::storage).limit, 120) << "within: a later grace is another one";
    EXPECT_FALSE(overage(Resource::storage).grace_ends_at);
    EXPECT_TRUE(charge(Resource::storage, 5));
    EXPECT_EQ(told("quota.grace"), 2);
    EXPECT_EQ(get(Resource::storage).limit_until, home.now() + 72h);
}

TEST_F(Beyond, GraceOfWhatCountsPerPeriodEndsWithItsTimeOrThePeriod) {
    EXPECT_TRUE(use(Resource::model_tokens, 1'000)) << "no end to it, but in time";
    home.clock->advance(1h);
    EXPECT_FALSE(use(Resource::model_tokens, 1));
    EXPECT_EQ(overage(Resource::model_tokens).over, 900);
    home.clock->advance(31 * 24h);
    EXPECT_TRUE(use(Resource::model_tokens, 101)) << "another period, another grace";
    home.clock->advance(1h);
    EXPECT_FALSE(use(Resource::model_tokens, 1));
}

TEST_F(Beyond, APlanThatIsTooSmallWithAGraceBeginsItAtOnce) {
    tenant = home.create("strict", "own/strict");
    home.registry->grant_limit(home.setup, {.tenant = tenant, .name = "more", .resource = Resource::storage, .limit = 500, .reason = "r"});
    EXPECT_TRUE(charge(Resource::storage, 110));
    home.registry->revoke_limit(home.setup, tenant, "more", "over");
    EXPECT_FALSE(charge(Resource::storage, 1));
    home.registry->change_plan(home.setup, {.tenant = tenant, .plan = "own/kind", .reason = "order"});
    EXPECT_EQ(told("quota.grace"), 1);
    EXPECT_EQ(get(Resource::storage).limit_until, home.now() + 72h);
    EXPECT_TRUE(charge(Resource::storage, 10));
    EXPECT_FALSE(charge(Resource::storage, 1));
    home.clock->advance(72h);
    EXPECT_EQ(get(Resource::storage).limit, 100);
}

TEST_F(Beyond, WhatIsChargedForHasAnExactPriceAndAnEnd) {
    EXPECT_TRUE(use(Resource::api_calls, 100));
    EXPECT_EQ(overage(Resource::api_calls).cost_micros, 0);
    EXPECT_TRUE(use(Resource::api_calls, 1));
    EXPECT_EQ(overage(Resource::api_calls).cost_micros, 3) << "7/3, rounded up";
    EXPECT_TRUE(use(Resource::api_calls, 49));
    const auto standing = overage(Resource::api_calls);
    EXPECT_EQ(standing.over, 50);
    EXPECT_EQ(standing.cost_micros, 117) << "350/3, rounded up once, not per call";
    EXPECT_EQ(standing.currency, "EUR");
    EXPECT_FALSE(use(Resource::api_calls, 1)) << "at most 50 are charged";
    EXPECT_TRUE(use(Resource::bandwidth, std::int64_t{1} << 53));
    EXPECT_EQ(overage(Resource::bandwidth).cost_micros, INT64_MAX) << "more than there is a number for";
    home.clock->advance(31 * 24h);
    EXPECT_EQ(overage(Resource::api_calls).over, 0);
    EXPECT_TRUE(use(Resource::api_calls, 150));
}

TEST_F(Beyond, ShadowRefusesNothingAndCountsWhatItWouldHave) {
    EXPECT_FALSE(get(Resource::agents).limit) << "nothing is refused";
    EXPECT_TRUE(charge(Resource::agents, 100));
    EXPECT_TRUE(shadowed().empty());
    EXPECT_TRUE(charge(Resource::agents, 7));
    home.clock->advance(1h);
    EXPECT_TRUE(charge(Resource::agents, 3));
    ASSERT_EQ(shadowed().size(), 1u);
    EXPECT_EQ(shadowed()[0].refusals, 2);
    EXPECT_EQ(shadowed()[0].amount, 10);
    EXPECT_EQ(shadowed()[0].last_at - shadowed()[0].first_at, 1h);
    EXPECT_EQ(told("quota.shadow"), 1) << "once in a period";
    EXPECT_EQ(get(Resource::agents).used, 110);
    free(Resource::agents, 50);
    EXPECT_TRUE(charge(Resource::agents, 40));
    EXPECT_EQ(shadowed()[0].refusals, 2) << "that was within";
    EXPECT_FALSE(charge(Resource::seats, 101)) << "a rule that blocks";
    home.clock->advance(31 * 24h);
    EXPECT_TRUE(shadowed().empty());
    EXPECT_TRUE(charge(Resource::agents, 1));
    EXPECT_EQ(told("quota.shadow"), 2);
}

TEST_F(Beyond, ALimitOfOnesOwnCanWatchToo) {
    home.registry->grant_limit(home.setup,
                               {.tenant = tenant, .name = "trial", .resource = Resource::projects, .limit = 2, .reason = "r", .shadow = true});
    EXPECT_FALSE(get(Resource::projects).limit);
    const auto hold = home.fresh<HoldId>();
    home.write(tenant, [&](db::Tx& tx) { quota::reserve(tx, hold, {.asks = {{Resource::projects, 2}, {Resource::seats, 1}}}, home.now()); });
    home.write(tenant, [&](db::Tx& tx) { quota::extend(tx, hold, {Resource::projects, 5}, home.now()); });
    ASSERT_EQ(shadowed().size(), 1u);
    EXPECT_EQ(shadowed()[0].amount, 5);
    EXPECT_THROW(home.write(tenant, [&](db::Tx& tx) {
        quota::reserve(tx, home.fresh<HoldId>(), {.asks = {{Resource::projects, 1}, {Resource::seats, 100}}}, home.now());
    }), QuotaExceeded);
    EXPECT_EQ(shadowed()[0].refusals, 1) << "what was refused as a whole was not let through";
    home.registry->revoke_limit(home.setup, tenant, "trial", "tried");
    EXPECT_EQ(get(Resource::projects).limit, 100);
    EXPECT_THROW(home.registry->grant_limit(home.setup, {.tenant = tenant, .name = "x", .reason = "r", .shadow = true}), InvalidArgument);
}

TEST_F(Beyond, WhatLapsedIsReturnedBeforeAShadowCounts) {
    home.write(tenant, [&](db::Tx& tx) { quota::reserve(tx, home.fresh<HoldId>(), {.asks = {{Resource::agents, 100}}, .ttl = 1s}, home.now()); });
    home.clock->advance(1s);
    EXPECT_TRUE(charge(Resource::agents, 100));
    EXPECT_TRUE(shadowed().empty());
}

TEST_F(Beyond, IsKeptByAnErasureNoMoreThanTheRest) {
    charge(Resource::agents, 120);
    charge(Resource::storage, 110);
    home.registry->start_erasure(home.setup, {.tenant = tenant, .reason = "left", .undo_window = {}});
    const auto standing = home.registry->standing(tenant);
    home.database->write(home.system, [&](db::SystemTx& tx) {
        home.registry->finish_erasure(tx, home.setup, *standing, {}, crypto::SigningKey::generate());
    });
    EXPECT_EQ(told("quota.shadow"), 0);
}

TEST_F(Beyond, HostsGiveBackWhatOnlyTheyCount) {
    EXPECT_TRUE(use(Resource::sites, 3));
    home.write(tenant, [&](db::Tx& tx) { quota::give_back(tx, {Resource::sites, 2}, home.now()); });
    EXPECT_EQ(get(Resource::sites).used, 1);
    EXPECT_THROW(home.write(tenant, [&](db::Tx& tx) { quota::give_back(tx, {Resource::sites, 2}, home.now()); }), Conflict);
    EXPECT_THROW(home.write(tenant, [&](db::Tx& tx) { quota::give_back(tx, {Resource::storage, 1}, home.now()); }), InvalidArgument);
    EXPECT_THROW(home.write(tenant, [&](db::Tx& tx) { quota::give_back(tx, {Resource::agents, 0}, home.now()); }), InvalidArgument);
}

TEST_F(Beyond, OpenHoldsAreListed) {
    const auto list = [&] { return home.read(tenant, [](db::Reader& r) { return quota::open_holds(r); }); };
    const auto first = home.fresh<HoldId>();
    home.write(tenant, [&](db::Tx& tx) {
        quota::reserve(tx, first, {.asks = {{Resource::storage, 5}, {Resource::projects, 1}}, .ttl = 1h}, home.now());
    });
    home.clock->advance(1ms);
    const auto second = home.fresh<HoldId>();
    home.write(tenant, [&](db::Tx& tx) {
        quota::reserve(tx, second, {.asks = {{Resource::bandwidth, 7}}, .cause = {CauseKind::upload, "u", 0}}, home.now());
    });
    ASSERT_EQ(list().size(), 2u);
    EXPECT_EQ(list()[0].id, first);
    EXPECT_EQ(list()[0].asks.size(), 2u);
    EXPECT_EQ(list()[0].asks[1].amount, 5);
    EXPECT_EQ(list()[0].expires_at, home.now() - 1ms + 1h);
    EXPECT_FALSE(list()[1].expires_at);
    home.write(tenant, [&](db::Tx& tx) { quota::release(tx, first, home.now()); });
    EXPECT_EQ(list().size(), 1u);
}

/// The forecast's figures suffice to work out its answer again.
void check(const QuotaForecast& f) {
    if (f.used >= f.limit) {
        EXPECT_EQ(f.exhausts_at, f.until);
        return;
    }
    if (!f.exhausts_at) return;
    const auto left = (*f.exhausts_at - f.until).count(), elapsed = (f.until - f.since).count();
    EXPECT_GE(left * f.grown, (f.limit - f.used) * elapsed);
    EXPECT_LT((left - 1) * f.grown, (f.limit - f.used) * elapsed);
}

TEST_F(Beyond, ForecastsSayWhenAndHowThatIsKnown) {
    const auto forecast = [&](Resource resource) {
        for (const auto& each : home.read(tenant, [&](db::Reader& r) { return quota::forecast(r, home.now()); }))
            if (each.resource == resource) {
                check(each);
                return each;
            }
        ADD_FAILURE() << to_string(resource);
        return QuotaForecast{};
    };
    const auto begin = home.now();  // 10 March, noon; the period ends with the month
    use(Resource::render_time, 10);
    charge(Resource::projects, 10);
    EXPECT_EQ(forecast(Resource::render_time).method, ForecastMethod::too_early);
    EXPECT_FALSE(forecast(Resource::projects).exhausts_at);
    home.clock->advance(24h);
    const auto ten_a_day = forecast(Resource::projects);
    EXPECT_EQ(ten_a_day.method, ForecastMethod::linear);
    EXPECT_EQ(ten_a_day.since, begin);
    EXPECT_EQ(ten_a_day.until, home.now());
    EXPECT_EQ(ten_a_day.grown, 10);
    EXPECT_EQ(ten_a_day.exhausts_at, begin + 10 * 24h);
    EXPECT_EQ(forecast(Resource::render_time).exhausts_at, begin + 10 * 24h);
    EXPECT_EQ(forecast(Resource::seats).method, ForecastMethod::steady);
    EXPECT_EQ(forecast(Resource::storage).limit, 100) << "what is included, not what a grace adds";
    home.clock->advance(6 * 24h);
    EXPECT_FALSE(forecast(Resource::render_time).exhausts_at) << "90 are left, at 10 a week the period ends before";
    EXPECT_EQ(forecast(Resource::projects).exhausts_at, begin + 70 * 24h);
    charge(Resource::projects, 90);
    EXPECT_EQ(forecast(Resource::projects).exhausts_at, home.now()) << "it has";
    free(Resource::projects, 60);
    home.clock->advance(15 * 24h + 12h);  // 2 April
    const auto later = forecast(Resource::projects);
    EXPECT_EQ(later.since, begin) << "a day of April says little: March counts too";
    EXPECT_EQ(later.grown, 40);
    home.clock->advance(10 * 24h);
    EXPECT_EQ(forecast(Resource::projects).grown, 0) << "since April began";
    EXPECT_EQ(forecast(Resource::projects).method, ForecastMethod::steady);
    use(Resource::render_time, 33);
    EXPECT_EQ(forecast(Resource::render_time).grown, 33);
    charge(Resource::projects, 7);
    forecast(Resource::projects);
    for (const auto& each : home.read(tenant, [&](db::Reader& r) { return quota::forecast(r, home.now()); }))
        EXPECT_NE(each.resource, Resource::concurrent_jobs);
}

/// The rules of the plan above in a few lines: what the ledger is compared with.
struct PlainRules {
    std::map<Resource, std::int64_t> used{};
    std::map<Resource, Time> graced{};  // since when
    std::int64_t refusals = 0, amount = 0;

    static bool is_graced(Resource resource) { return resource == Resource::storage || resource == Resource::model_tokens; }
    std::int64_t limit(Resource resource, Time now) const {
        const auto since = graced.find(resource);
        const auto is_over = [&](Duration grace) { return since != graced.end() && since->second + grace <= now; };
        switch (resource) {
            case Resource::storage: return is_over(72h) ? 100 : 120;
            case Resource::model_tokens: return is_over(1h) ? 100 : INT64_MAX / 2;
            case Resource::api_calls: return 150;
            case Resource::agents: return INT64_MAX / 2;
            default: return 100;
        }
    }
    bool use(const std::vector<Ask>& asks, Time now) {
        for (const auto& ask : asks)
            if (used[ask.resource] + ask.amount > limit(ask.resource, now)) return false;
        for (const auto& ask : asks) {
            auto& is = used[ask.resource];
            is += ask.amount;
            if (ask.resource == Resource::agents && is > 100) ++refusals, amount += ask.amount;
            if (is_graced(ask.resource) && is > 100) graced.try_emplace(ask.resource, now);
        }
        return true;
    }
    void free(Resource resource, std::int64_t n) {
        if ((used[resource] -= n) <= 100) graced.erase(resource);
    }
    void begin_period() {
        for (const auto resource : {Resource::api_calls, Resource::model_tokens}) {
            used.erase(resource);
            graced.erase(resource);
        }
        refusals = amount = 0;
    }
};

TEST_F(Beyond, IsWhatTheRulesSayUnderRandomUse) {
    std::mt19937 random(20261122);
    const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(n)); };
    constexpr Resource all[] = {Resource::storage, Resource::seats, Resource::agents, Resource::api_calls, Resource::model_tokens};
    PlainRules rules;
    auto resets_at = get(Resource::api_calls).resets_at;
    int granted = 0, refused = 0, periods = 0;
    for (int round = 0; round < 1'500; ++round) {
        if (below(5) == 0) {
            const auto resource = all[below(3)];
            if (const auto is = rules.used[resource]; is > 0) {
                const auto n = 1 + below(is);
                free(resource, n);
                rules.free(resource, n);
            }
        } else {
            std::vector<Ask> asks;
            for (const auto resource : all)
                if (below(4) == 0) asks.push_back({resource, 1 + below(25)});
            if (asks.empty()) continue;
            const auto id = home.fresh<HoldId>();
            const bool got = home.write(tenant, [&](db::Tx& tx) {
                if (!quota::try_reserve(tx, id, {.asks = asks}, home.now())) return false;
                quota::commit(tx, id, asks, home.now());
                return true;
            });
            ASSERT_EQ(got, rules.use(asks, home.now())) << "round " << round;
            ++(got ? granted : refused);
        }
        const auto counts = shadowed();
        ASSERT_EQ(counts.empty() ? 0 : counts[0].refusals, rules.refusals) << "round " << round;
        ASSERT_EQ(counts.empty() ? 0 : counts[0].amount, rules.amount) << "round " << round;
        for (const auto resource : all) ASSERT_EQ(get(resource).used, rules.used[resource]) << to_string(resource) << " in round " << round;
        home.clock->advance(std::chrono::minutes(below(120)));
        if (const auto at = get(Resource::api_calls).resets_at; at != resets_at) {
            resets_at = at;
            rules.begin_period();
            ++periods;
        }
    }
    EXPECT_GT(granted, 200);
    EXPECT_GT(refused, 100);
    EXPECT_GE(periods, 1);
}

}  // namespace
}  // namespace tenon::tenant::quota
