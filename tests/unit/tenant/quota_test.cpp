#include <tenant/quota.hpp>

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include <tenant/usage.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

#include "amounts.hpp"

namespace tenon::tenant::quota {
namespace {

using namespace std::chrono_literals;

// studio/basic: 5 projects, 10 GB, 10 render hours a month, 1 job at once.
class Quotas : public ::testing::Test {
protected:
    HoldInfo reserve(const TenantId& id, const ReserveOptions& options) {
        const auto hold = home.fresh<HoldId>();
        return home.write(id, [&](db::Tx& tx) { return quota::reserve(tx, hold, options, home.now()); });
    }
    HoldInfo reserve(const ReserveOptions& options) { return reserve(home.a, options); }
    void commit(const HoldId& hold, const std::vector<Ask>& actual) {
        home.write(home.a, [&](db::Tx& tx) { quota::commit(tx, hold, actual, home.now()); });
    }
    void release(const HoldId& hold) {
        home.write(home.a, [&](db::Tx& tx) { quota::release(tx, hold, home.now()); });
    }
    void charge(const Ask& ask) {
        home.write(home.a, [&](db::Tx& tx) { quota::charge(tx, ask, home.now()); });
    }
    Quota get(const TenantId& id, Resource resource) {
        return home.read(id, [&](db::Reader& r) { return quota::get(r, resource, home.now()); });
    }
    Quota get(Resource resource) { return get(home.a, resource); }
    std::optional<HoldInfo> find(const TenantId& id, const HoldId& hold) {
        return home.read(id, [&](db::Reader& r) { return quota::find(r, hold); });
    }
    std::int64_t expire() {
        return quota::expire(*home.database, home.system, [&](const TenantId& id) { return home.scope(id); }, home.now());
    }
    testing::Home home;
};

TEST_F(Quotas, HoldThenCommitCountsWhatWasUsed) {
    const auto hold = reserve({.asks = {{Resource::storage, 4 * GB}}});
    EXPECT_EQ(hold.state, HoldState::open);
    EXPECT_EQ(get(Resource::storage).reserved, 4 * GB);
    EXPECT_EQ(get(Resource::storage).limit, 10 * GB);
    commit(hold.id, {{Resource::storage, 3 * GB}});
    EXPECT_EQ(get(Resource::storage).used, 3 * GB);
    EXPECT_EQ(get(Resource::storage).reserved, 0);
    EXPECT_EQ(get(home.b, Resource::storage).used, 0);
}

TEST_F(Quotas, RefusalSaysWhatRanOutAndWhen) {
    charge({Resource::projects, 5});
    try {
        charge({Resource::projects, 1});
        FAIL();
    } catch (const QuotaExceeded& error) {
        EXPECT_EQ(error.resource(), "projects");
        EXPECT_EQ(error.limit(), 5);
        EXPECT_EQ(error.used(), 5);
        EXPECT_FALSE(error.resets_at());
    }
    reserve({.asks = {{Resource::render_time, 9 * hour}}});
    try {
        reserve({.asks = {{Resource::render_time, 2 * hour}}});
        FAIL();
    } catch (const QuotaExceeded& error) {
        EXPECT_EQ(error.resource(), "render_time");
        EXPECT_EQ(error.limit(), 10 * hour);
        EXPECT_EQ(error.used(), 9 * hour);
        EXPECT_EQ(error.resets_at(), Time(std::chrono::sys_days(std::chrono::year(2026) / 4 / 1)));
        EXPECT_NE(std::string(error.what()).find("9 h of 10 h in use, 2 h more asked for (32400000 of 36000000 ms, 7200000 more)"), std::string::npos)
            << error.what();
    }
    EXPECT_EQ(get(Resource::render_time).reserved, 9 * hour);
    reserve(home.b, {.asks = {{Resource::render_time, 10 * hour}}});
}

TEST_F(Quotas, SeveralAsksAreGrantedTogetherOrNotAtAll) {
    charge({Resource::concurrent_jobs, 1});
    EXPECT_THROW(reserve({.asks = {{Resource::storage, GB}, {Resource::concurrent_jobs, 1}, {Resource::projects, 2}}}), QuotaExceeded);
    for (const auto resource : {Resource::storage, Resource::projects}) EXPECT_EQ(get(resource).reserved, 0);
    const auto both = reserve({.asks = {{Resource::storage, GB}, {Resource::projects, 2}}});
    ASSERT_EQ(both.asks.size(), 2u);
    EXPECT_EQ(both.asks[0].resource, Resource::projects);
    commit(both.id, {{Resource::projects, 1}});
    EXPECT_EQ(get(Resource::projects).used, 1);
    EXPECT_EQ(get(Resource::storage).used, 0) << "what is not named was not used";
    EXPECT_EQ(get(Resource::storage).reserved, 0);
}

TEST_F(Quotas, TryReserveLeavesTheTransactionAsItWas) {
    charge({Resource::concurrent_jobs, 1});
    home.write(home.a, [&](db::Tx& tx) {
        const auto hold = home.fresh<HoldId>();
        const ReserveOptions options{.asks = {{Resource::projects, 1}, {Resource::concurrent_jobs, 1}}};
        EXPECT_FALSE(quota::try_reserve(tx, hold, options, home.now()));
        quota::charge(tx, {Resource::projects, 5}, home.now());
    });
    EXPECT_EQ(get(Resource::projects).used, 5);
    EXPECT_EQ(get(Resource::projects).reserved, 0);
}

TEST_F(Quotas, CommitAndReleaseAreIdempotent) {
    const auto hold = reserve({.asks = {{Resource::storage, GB}}});
    for (int i = 0; i < 2; ++i) commit(hold.id, {{Resource::storage, GB}});
    release(hold.id);
    EXPECT_EQ(get(Resource::storage).used, GB);
    const auto other = reserve({.asks = {{Resource::storage, GB}}});
    for (int i = 0; i < 2; ++i) release(other.id);
    EXPECT_THROW(commit(other.id, {{Resource::storage, GB}}), Conflict) << "it was given back";
    EXPECT_EQ(get(Resource::storage).used, GB);
    EXPECT_EQ(get(Resource::storage).reserved, 0);
}

TEST_F(Quotas, MoreThanHeldNeedsAnExtension) {
    const auto hold = reserve({.asks = {{Resource::storage, GB}}});
    EXPECT_THROW(commit(hold.id, {{Resource::storage, 2 * GB}}), InvalidArgument);
    const auto extend = [&](const Ask& more) {
        home.write(home.a, [&](db::Tx& tx) { quota::extend(tx, hold.id, more, home.now()); });
    };
    extend({Resource::storage, 9 * GB});
    EXPECT_THROW(extend({Resource::storage, 1}), QuotaExceeded);
    EXPECT_THROW(extend({Resource::projects, 1}), InvalidArgument);
    EXPECT_EQ(find(home.a, hold.id)->asks[0].amount, 10 * GB);
    commit(hold.id, {{Resource::storage, 10 * GB}});
    EXPECT_EQ(get(Resource::storage).used, 10 * GB);
    EXPECT_THROW(extend({Resource::storage, 1}), Conflict);
}

TEST_F(Quotas, SpendingCountsWhileTheHoldStaysOpen) {
    const auto hold = reserve({.asks = {{Resource::storage, 3 * GB}}});
    home.write(home.a, [&](db::Tx& tx) { quota::spend(tx, hold.id, {Resource::storage, GB}, home.now()); });
    EXPECT_EQ(get(Resource::storage).used, GB);
    EXPECT_EQ(get(Resource::storage).reserved, 2 * GB);
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) { quota::spend(tx, hold.id, {Resource::storage, 3 * GB}, home.now()); }), InvalidArgument);
    release(hold.id);
    EXPECT_EQ(get(Resource::storage).used, GB);
    EXPECT_EQ(get(Resource::storage).reserved, 0);
}

TEST_F(Quotas, AskingAgainWithTheSameKeyGivesTheSameHold) {
    const ReserveOptions options{.asks = {{Resource::projects, 3}}, .idempotency = "order-1"};
    const auto first = reserve(options);
    EXPECT_EQ(reserve(options).id, first.id);
    EXPECT_EQ(get(Resource::projects).reserved, 3);
    EXPECT_THROW(reserve({.asks = {{Resource::projects, 2}}, .idempotency = "order-1"}), Conflict);
    EXPECT_NE(reserve(home.b, options).id, first.id) << "keys are the tenant's own";
    commit(first.id, {{Resource::projects, 3}});
    EXPECT_EQ(reserve(options).state, HoldState::committed);
    EXPECT_EQ(get(Resource::projects).used, 3);
}

TEST_F(Quotas, AHoldThatWasGivenBackIsNotGrantedAgain) {
    const ReserveOptions options{.asks = {{Resource::projects, 3}}, .idempotency = "order-1"};
    release(reserve(options).id);
    EXPECT_THROW(reserve(options), Conflict);
    EXPECT_EQ(get(Resource::projects).reserved, 0);
}

TEST_F(Quotas, AnotherTenantsHoldDoesNotExist) {
    const auto theirs = reserve(home.b, {.asks = {{Resource::projects, 1}}});
    EXPECT_FALSE(find(home.a, theirs.id));
    EXPECT_THROW(release(theirs.id), NotFound);
    EXPECT_THROW(commit(theirs.id, {}), NotFound);
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) { quota::extend(tx, theirs.id, {Resource::projects, 1}, home.now()); }), NotFound);
    EXPECT_EQ(get(home.b, Resource::projects).reserved, 1);
}

TEST_F(Quotas, AForgottenHoldComesBackByItself) {
    const auto hold = reserve({.asks = {{Resource::projects, 5}}, .ttl = 1min});
    EXPECT_EQ(expire(), 0);
    home.clock->advance(1min);
    const auto next = reserve({.asks = {{Resource::projects, 5}}});
    EXPECT_EQ(find(home.a, hold.id)->state, HoldState::expired) << "who asks returns what has lapsed";
    EXPECT_THROW(commit(hold.id, {{Resource::projects, 1}}), Conflict);
    home.clock->advance(11min);
    EXPECT_EQ(expire(), 1);
    EXPECT_EQ(find(home.a, next.id)->state, HoldState::expired);
    EXPECT_EQ(get(Resource::projects).reserved, 0);
    home.clock->advance(25h);
    EXPECT_EQ(expire(), 0);
    EXPECT_FALSE(find(home.a, next.id)) << "ended holds are forgotten after a day";
}

TEST_F(Quotas, AHoldOfAJobLivesAsLongAsTheJob) {
    const auto hold = reserve({.asks = {{Resource::render_time, hour}}, .ttl = 1min});
    home.write(home.a, [&](db::Tx& tx) { quota::detach(tx, hold.id, {CauseKind::job, "job_1", 7}); });
    const auto camera = reserve({.asks = {{Resource::storage, GB}}, .cause = {CauseKind::camera, "cam_1"}});
    home.clock->advance(48h);
    EXPECT_EQ(expire(), 0);
    const auto held = home.read(home.a, [&](db::Reader& r) { return quota::of_cause(r, CauseKind::job, "job_1"); });
    ASSERT_EQ(held.size(), 1u);
    EXPECT_EQ(held[0].id, hold.id);
    EXPECT_EQ(held[0].cause.fence, 7);
    EXPECT_TRUE(home.read(home.b, [&](db::Reader& r) { return quota::of_cause(r, CauseKind::job, "job_1"); }).empty());

    home.open();
    const auto alive = [&](const TenantId& id, const Cause& cause) { return id == home.a && cause.kind == CauseKind::camera; };
    const auto scope = [&](const TenantId& id) { return home.scope(id); };
    EXPECT_EQ(quota::recover(*home.database, home.system, scope, alive, home.now()), 1);
    EXPECT_EQ(quota::recover(*home.database, home.system, scope, alive, home.now()), 0);
    EXPECT_EQ(find(home.a, hold.id)->state, HoldState::released);
    EXPECT_EQ(find(home.a, camera.id)->state, HoldState::open);
    EXPECT_EQ(get(Resource::render_time).reserved, 0);
}

TEST_F(Quotas, APeriodBeginsEmptyAndHoldsKeepTheirs) {
    const auto hold = reserve({.asks = {{Resource::render_time, 10 * hour}}, .cause = {CauseKind::job, "job_1"}});
    charge({Resource::projects, 2});
    home.clock->advance(24h * 30);
    EXPECT_EQ(get(Resource::render_time).reserved, 0);
    EXPECT_EQ(get(Resource::projects).used, 2) << "levels know no periods";
    reserve({.asks = {{Resource::render_time, 10 * hour}}});
    commit(hold.id, {{Resource::render_time, 4 * hour}});
    EXPECT_EQ(get(Resource::render_time).used, 0);
    home.clock->step_wall(-24h * 30);
    EXPECT_EQ(get(Resource::render_time).used, 4 * hour);
}

TEST_F(Quotas, WhatAPeriodCountsIsUsageToo) {
    const auto hold = reserve({.asks = {{Resource::render_time, hour}, {Resource::storage, GB}}});
    for (int i = 0; i < 2; ++i) commit(hold.id, {{Resource::render_time, 1000}, {Resource::storage, GB}});
    const auto report = home.read(home.a, [&](db::Reader& r) { return usage::report(r, home.now()); });
    ASSERT_EQ(report.meters.size(), 1u);
    EXPECT_EQ(report.meters[0].meter, "render_time");
    EXPECT_EQ(report.meters[0].unit, "ms");
    EXPECT_EQ(report.meters[0].quantity, 1000);
}

TEST_F(Quotas, WhatIsFreedCanBeUsedAgain) {
    charge({Resource::projects, 5});
    home.write(home.a, [&](db::Tx& tx) { quota::free(tx, {Resource::projects, 2}, home.now()); });
    EXPECT_EQ(get(Resource::projects).used, 3);
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) { quota::free(tx, {Resource::projects, 4}, home.now()); }), InternalError);
    EXPECT_THROW(home.write(home.b, [&](db::Tx& tx) { quota::free(tx, {Resource::projects, 1}, home.now()); }), InternalError);
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) { quota::free(tx, {Resource::render_time, 1}, home.now()); }), InvalidArgument);
}

TEST_F(Quotas, UnlimitedDoesNotOverflow) {
    const auto id = home.create("big", "nvr/enterprise");
    const std::int64_t most = std::int64_t{1} << 53;
    home.write(id, [&](db::Tx& tx) {
        for (int i = 0; i < 511; ++i) quota::charge(tx, {Resource::storage, most}, home.now());
    });
    EXPECT_FALSE(get(id, Resource::storage).limit);
    EXPECT_EQ(get(id, Resource::storage).used, 511 * most);
    EXPECT_THROW(home.write(id, [&](db::Tx& tx) {
        for (int i = 0; i < 2; ++i) quota::charge(tx, {Resource::storage, most}, home.now());
    }), QuotaExceeded);
}

TEST_F(Quotas, AsksAreChecked) {
    const auto refused = [&](const ReserveOptions& options) { EXPECT_THROW(reserve(options), InvalidArgument); };
    refused({});
    refused({.asks = {{Resource::projects, 0}}});
    refused({.asks = {{Resource::projects, -1}}});
    refused({.asks = {{Resource::storage, (std::int64_t{1} << 53) + 1}}});
    refused({.asks = {{static_cast<Resource>(77), 1}}});
    refused({.asks = {{Resource::projects, 1}, {Resource::projects, 1}}});
    refused({.asks = {{Resource::projects, 1}}, .ttl = 0s});
    refused({.asks = {{Resource::projects, 1}}, .ttl = 24h * 8});
    EXPECT_EQ(get(Resource::projects).reserved, 0);
}

TEST_F(Quotas, EightThreadsNeverOversell) {
    std::atomic<int> granted{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                const auto hold = home.fresh<HoldId>();
                const ReserveOptions options{.asks = {{Resource::storage, GB / 10}}};
                if (home.write(home.a, [&](db::Tx& tx) { return quota::try_reserve(tx, hold, options, home.now()); })) ++granted;
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(granted, 100) << "the limit is met exactly";
    EXPECT_EQ(get(Resource::storage).reserved, 10 * GB);
    EXPECT_EQ(get(home.b, Resource::storage).reserved, 0);
}

TEST_F(Quotas, OneTenantsBadRowsKeepNobodyElsesHolds) {
    std::vector<HoldId> holds;
    for (const auto& id : {home.a, home.b}) {
        holds.push_back(reserve(id, {.asks = {{Resource::projects, 1}}, .ttl = 1min}).id);
        const auto held = reserve(id, {.asks = {{Resource::storage, GB}}, .cause = {CauseKind::job, "job_1"}});
        holds.push_back(held.id);
    }
    constexpr db::SystemStmt spoil{"UPDATE quota_ SET reserved = 0 WHERE tenant_id = :id"};
    ASSERT_GT(home.database->write(home.system, [&](db::SystemTx& tx) { return tx.exec(spoil, home.a); }), 0);
    const auto scope = [&](const TenantId& id) { return home.scope(id); };
    EXPECT_THROW(quota::recover(*home.database, home.system, scope, [](const TenantId&, const Cause&) { return false; }, home.now()), Error);
    EXPECT_EQ(find(home.b, holds[3])->state, HoldState::released);
    home.clock->advance(2min);
    EXPECT_THROW(expire(), Error);
    EXPECT_EQ(find(home.b, holds[2])->state, HoldState::expired);
    EXPECT_EQ(get(home.b, Resource::storage).reserved, 0);
    EXPECT_EQ(get(home.b, Resource::projects).reserved, 0);
}

}  // namespace
}  // namespace tenon::tenant::quota
