#include <tenant/registry.hpp>

#include <algorithm>

#include <gtest/gtest.h>

#include <tenant/period.hpp>
#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

using namespace std::chrono_literals;

// studio/basic: 5 projects, 99; studio/professional: 25 projects, 499. The tenants begin on 10 March, at noon.
class PlanChanges : public ::testing::Test {
protected:
    PlanChange change(const std::string& plan, PlanEffect effect = PlanEffect::by_rule) {
        return home.registry->change_plan(home.setup, {.tenant = home.a, .plan = plan, .reason = "order", .effect = effect});
    }
    std::optional<std::int64_t> projects() {
        return home.read(home.a, [&](db::Reader& r) { return quota::get(r, Resource::projects, home.now()).limit; });
    }
    bool charge(std::int64_t n) {
        try {
            home.write(home.a, [&](db::Tx& tx) { quota::charge(tx, {Resource::projects, n}, home.now()); });
            return true;
        } catch (const QuotaExceeded&) {
            return false;
        }
    }
    std::string plan_in_use() { return home.registry->standing(home.a)->terms_at(home.now())->plan.name; }
    Tenant find() { return home.registry->find(home.setup, home.a).value(); }
    static constexpr Time april = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
    testing::Home home;
};

TEST_F(PlanChanges, ToALargerPlanHappenAtOnce) {
    EXPECT_TRUE(charge(5));
    EXPECT_FALSE(charge(1));
    const auto done = change("studio/professional");
    EXPECT_EQ(done.state, PlanChangeState::done);
    EXPECT_EQ(done.before, "studio/basic");
    EXPECT_EQ(done.effective_at, home.now());
    EXPECT_EQ(done.features_gained, (std::vector<std::string>{"priority", "webhooks"}));
    EXPECT_TRUE(done.features_lost.empty());
    EXPECT_EQ(find().plan, "studio/professional");
    EXPECT_EQ(plan_in_use(), "studio/professional");
    EXPECT_EQ(projects(), 25);
    EXPECT_TRUE(charge(20));
    EXPECT_FALSE(charge(1));
    EXPECT_EQ(home.registry->standing(home.b)->terms->plan.name, "studio/basic");
}

TEST_F(PlanChanges, ToASmallerPlanWaitForTheNextPeriod) {
    change("studio/professional");
    EXPECT_TRUE(charge(8));
    const auto planned = change("studio/basic");
    EXPECT_EQ(planned.state, PlanChangeState::planned);
    EXPECT_EQ(planned.effective_at, april);
    const auto impact = std::ranges::find(planned.impacts, Resource::projects, &PlanImpact::resource);
    ASSERT_NE(impact, planned.impacts.end());
    EXPECT_EQ(impact->before, 25);
    EXPECT_EQ(impact->after, 5);
    EXPECT_EQ(impact->used, 8);
    EXPECT_TRUE(impact->over);
    const auto tenant = find();
    EXPECT_EQ(tenant.plan, "studio/professional");
    EXPECT_EQ(tenant.next_plan, "studio/basic");
    EXPECT_EQ(tenant.plan_changes_at, april);
    EXPECT_TRUE(charge(1));

    home.clock->advance(april - home.now() - 1us);
    EXPECT_EQ(plan_in_use(), "studio/professional");
    EXPECT_EQ(projects(), 25);
    home.clock->advance(1us);
    EXPECT_EQ(plan_in_use(), "studio/basic") << "though nobody wrote anything";
    EXPECT_EQ(projects(), 5);
    EXPECT_FALSE(charge(1)) << "more is refused";
    home.write(home.a, [&](db::Tx& tx) { quota::free(tx, {Resource::projects, 5}, home.now()); });
    EXPECT_TRUE(charge(1)) << "what was beyond is gone: 4 of 5";
    EXPECT_FALSE(charge(1));

    EXPECT_EQ(home.registry->settle_plans(), 1);
    EXPECT_EQ(home.registry->settle_plans(), 0);
    EXPECT_EQ(find().plan, "studio/basic");
    EXPECT_EQ(find().next_plan, "");
    const auto all = home.registry->plan_changes(home.setup, home.a);
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].plan, "studio/basic");
    EXPECT_EQ(all[0].state, PlanChangeState::done);
    const auto records = home.read(home.a, [](db::Reader& r) { return audit::list(r, {.action = "tenant.plan_settled"}); });
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].actor, "plans");
}

TEST_F(PlanChanges, ThatArePlannedCanBeTakenBackOrReplaced) {
    change("studio/professional");
    change("studio/basic");
    EXPECT_EQ(home.registry->keep_plan(home.setup, home.a, "called").next_plan, "");
    EXPECT_THROW(home.registry->keep_plan(home.setup, home.a, "again"), Conflict);
    change("studio/basic");
    EXPECT_EQ(change("studio/enterprise").state, PlanChangeState::done);
    EXPECT_FALSE(find().plan_changes_at) << "the later one counts";
    home.clock->advance(40 * 24h);
    EXPECT_EQ(find().plan, "studio/enterprise");
    std::vector<PlanChangeState> states;
    for (const auto& each : home.registry->plan_changes(home.setup, home.a)) states.push_back(each.state);
    EXPECT_EQ(states, (std::vector{PlanChangeState::done, PlanChangeState::withdrawn, PlanChangeState::withdrawn, PlanChangeState::done}));
}

TEST_F(PlanChanges, AreAskedAboutWithoutChangingAnything) {
    const auto before = find();
    const auto preview = home.registry->preview_plan(
        home.setup, {.tenant = home.a, .plan = "studio/professional", .effect = PlanEffect::at_period_end});
    EXPECT_EQ(preview.state, PlanChangeState::preview);
    EXPECT_EQ(preview.effective_at, april);
    EXPECT_EQ(find().version, before.version);
    EXPECT_TRUE(home.registry->plan_changes(home.setup, home.a).empty());
    EXPECT_THROW(home.registry->preview_plan(home.setup, {.tenant = home.a, .plan = "studio/none"}), NotFound);
}

TEST_F(PlanChanges, OfATrialHappenAtOnce) {
    const auto id = home.registry->create(home.setup, {.name = "T", .slug = "t", .plan = "studio/professional", .trial = true}).id;
    const auto done = home.registry->change_plan(home.setup, {.tenant = id, .plan = "studio/basic", .reason = "enough"});
    EXPECT_EQ(done.state, PlanChangeState::done);
    EXPECT_EQ(home.registry->find(home.setup, id)->state, TenantState::trial);
}

TEST_F(PlanChanges, OverriddenLimitsStayOverridden) {
    home.registry->grant_limit(home.setup, {.tenant = home.a, .name = "more", .resource = Resource::projects, .limit = 50, .reason = "agreed"});
    const auto done = change("studio/professional");
    EXPECT_EQ(std::ranges::find(done.impacts, Resource::projects, &PlanImpact::resource), done.impacts.end());
    EXPECT_EQ(projects(), 50);
}

TEST_F(PlanChanges, AreCheckedAndRefused) {
    EXPECT_THROW(change("studio/basic"), Conflict) << "it has that";
    EXPECT_THROW(change("studio/none"), NotFound);
    EXPECT_THROW(change("studio/professional", static_cast<PlanEffect>(9)), InvalidArgument);
    EXPECT_THROW(home.registry->change_plan(home.setup, {.tenant = home.a, .plan = "studio/professional"}), InvalidArgument) << "no reason";
    EXPECT_THROW(home.registry->change_plan(home.setup, {.tenant = home.fresh<TenantId>(), .plan = "studio/professional", .reason = "r"}), NotFound);
    const auto seen = find().version;
    change("studio/professional");
    EXPECT_THROW(home.registry->change_plan(home.setup, {.tenant = home.a, .plan = "studio/basic", .reason = "r", .expected = seen}), Conflict);
    home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "asked"});
    EXPECT_THROW(change("studio/basic"), Conflict);
}

TEST_F(PlanChanges, AreErasedWithTheTenant) {
    change("studio/professional");
    change("studio/basic");
    home.registry->grant_limit(home.setup, {.tenant = home.a, .name = "more", .limit = 50, .reason = "secret deal"});
    home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "asked", .undo_window = Duration::zero()});
    const auto standing = home.registry->standing(home.a);
    home.database->write(home.system, [&](db::SystemTx& tx) {
        home.registry->finish_erasure(tx, engine_actor("sweep"), *standing, {}, crypto::SigningKey::generate());
    });
    EXPECT_TRUE(home.registry->plan_changes(home.setup, home.a).empty());
    EXPECT_TRUE(home.registry->limits(home.setup, home.a).empty());
    home.clock->advance(60 * 24h);
    EXPECT_EQ(home.registry->settle_plans(), 0);
}

}  // namespace
}  // namespace tenon::tenant
