// What a tenant's state, plan, limits, settings and partner are to whoever has a session open.

#include <functional>
#include <thread>

#include <base/json.hpp>
#include <core.hpp>
#include <set_clock.hpp>

#include "engine_fixture.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using tests::SetClock;

class BusinessTest : public ::testing::Test {
protected:
    BusinessTest() { open(true); }
    ~BusinessTest() override { impl->close(); }
    void open(bool background) {
        if (impl) impl->close();
        const EngineOptions options{.home = folder / "home", .brand = {.product = "House"}, .background = background};
        impl = std::make_shared<EngineImpl>(tests::placed(options), clock);
        impl->start();
        auto operators = std::make_shared<OperatorImpl>();
        operators->engine = impl;
        operators->actor = {.kind = tenant::ActorKind::operator_session, .id = "operator", .reason = "test"};
        setup.emplace(Internal::make<OperatorSession>(operators));
    }
    Tenants tenants() { return setup->tenants(); }
    Session session(const TenantId& id) {
        return Internal::make<Session>(std::make_shared<SessionImpl>(impl, impl->scope_of(id), tenant::Actor{.id = "tester"}, Role::owner));
    }
    static std::string product(Session& s) { return base::parse_json(s.settings().brand()).get_string("product"); }
    template <class Fn> static Errc refusal(Fn&& fn) {
        try {
            fn();
        } catch (const Error& error) {
            return error.code();
        }
        return Errc{};
    }

    tests::TempFolder folder;
    const std::shared_ptr<SetClock> clock = std::make_shared<SetClock>();
    std::shared_ptr<EngineImpl> impl;
    std::optional<OperatorSession> setup;
};

TEST_F(BusinessTest, a_limit_of_ones_own_is_seen_by_open_sessions_and_falls_back_when_it_expires) {
    const auto acme = tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/basic"}).id;
    const auto other = tenants().create({.name = "Other", .slug = "other", .plan = "studio/basic"}).id;
    auto mine = session(acme), theirs = session(other);
    EXPECT_EQ(mine.quotas().get(Resource::projects).limit, 5);
    const auto until = impl->now() + 24h;
    tenants().grant_limit({.tenant = acme, .name = "rush", .resource = Resource::projects, .limit = 6, .reason = "order", .expires_at = until});
    EXPECT_EQ(mine.quotas().get(Resource::projects).limit, 6);
    EXPECT_EQ(mine.quotas().get(Resource::projects).limit_until, until);
    EXPECT_EQ(mine.usage().current().quotas.at(0).limit, 6);
    EXPECT_EQ(theirs.quotas().get(Resource::projects).limit, 5);
    EXPECT_TRUE(theirs.quotas().overrides().empty());
    ASSERT_EQ(mine.quotas().overrides().size(), 1u);
    EXPECT_EQ(mine.quotas().overrides()[0].reason, "order");
    EXPECT_EQ(mine.quotas().overrides()[0].granted_by, "");
    EXPECT_EQ(tenants().limits(acme).at(0).granted_by, "operator");
    for (int i = 0; i < 6; ++i) mine.projects().create({.name = "p"});
    EXPECT_EQ(refusal([&] { mine.projects().create({.name = "p"}); }), Errc::quota_exceeded);
    clock->set(25h);
    EXPECT_EQ(mine.quotas().get(Resource::projects).limit, 5);
    EXPECT_EQ(mine.usage().current().quotas.at(0).limit, 5);
    EXPECT_EQ(refusal([&] { mine.projects().create({.name = "p"}); }), Errc::quota_exceeded);
    EXPECT_EQ(mine.projects().list().size(), 6u) << "nothing is removed";
}

TEST_F(BusinessTest, an_archived_tenant_looks_and_takes_out_and_nothing_else) {
    const auto acme = tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/basic"}).id;
    auto mine = session(acme);
    mine.projects().create({.name = "reel"});
    mine.settings().put({.kind = SettingsKind::preferences, .body = R"({"language": "de"})"});
    EXPECT_EQ(tenants().archive(acme, "season over").state, TenantState::archived);
    EXPECT_EQ(mine.info().state, TenantState::archived);
    EXPECT_EQ(mine.projects().list().size(), 1u);
    EXPECT_EQ(mine.settings().get(SettingsKind::preferences).version, 1);
    EXPECT_GT(mine.audit().verify().records, 0);
    for (const auto& call : std::vector<std::function<void()>>{
             [&] { mine.projects().create({.name = "x"}); }, [&] { mine.backups().start({.name = "x"}); },
             [&] { mine.settings().patch({.kind = SettingsKind::preferences, .body = "{}"}); },
             [&] { mine.quotas().reserve({.asks = {{Resource::seats, 1}}}); }})
        EXPECT_EQ(refusal(call), Errc::permission_denied);
    EXPECT_EQ(tenants().resume(acme, "new season").state, TenantState::active);
    EXPECT_NO_THROW(mine.projects().create({.name = "x"}));
}

TEST_F(BusinessTest, a_brand_of_ones_own_needs_the_plan_and_no_trial) {
    auto partner = setup->partners().create({.name = "Northwind", .slug = "north", .branding = R"({"product": "North", "footer": "by North"})"});
    const auto acme = tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/premium", .partner = partner.id, .trial = true}).id;
    const auto plain = tenants().create({.name = "Plain", .slug = "plain", .plan = "studio/basic"}).id;
    auto mine = session(acme), other = session(plain);
    const SettingsOptions branding{.kind = SettingsKind::branding, .body = R"({"product": "Acme Film"})"};
    EXPECT_EQ(product(other), "House");
    EXPECT_EQ(product(mine), "North");
    EXPECT_EQ(refusal([&] { mine.settings().put(branding); }), Errc::permission_denied) << "in its trial";
    tenants().activate(acme, "bought");
    mine.settings().put(branding);
    EXPECT_EQ(product(mine), "Acme Film");
    EXPECT_EQ(base::parse_json(mine.settings().brand()).get_string("footer"), "by North");
    EXPECT_EQ(refusal([&] { other.settings().put(branding); }), Errc::permission_denied) << "not of its plan";
    EXPECT_EQ(product(other), "House");
    tenants().change_plan({.tenant = acme, .plan = "studio/basic", .reason = "smaller", .effect = PlanEffect::at_once});
    EXPECT_EQ(product(mine), "North") << "without the feature";
    EXPECT_EQ(mine.settings().get(SettingsKind::branding).version, 1) << "kept for when it is back";
    EXPECT_EQ(mine.info().plan, "studio/basic");
}

TEST_F(BusinessTest, what_waits_of_a_trial_is_cancelled_when_it_ends) {
    const auto acme = tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/basic", .trial = true}).id;
    auto mine = session(acme);
    const auto job = mine.backups().start({.name = "nightly", .schedule = {.start = impl->now() + 60 * 24h}}).id();
    clock->set(15 * 24h);
    EXPECT_EQ(mine.info().state, TenantState::suspended);
    open(true);
    auto after = session(acme);
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (after.jobs().get(job).state() != JobState::cancelled && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(20ms);
    EXPECT_EQ(after.jobs().get(job).state(), JobState::cancelled);
    EXPECT_EQ(tenants().extend_trial(acme, 7 * 24h, "one more week").state, TenantState::trial);
    EXPECT_NO_THROW(after.backups().start({.name = "again"}));
}

TEST_F(BusinessTest, a_planned_change_of_plan_is_written_down_by_the_sweep) {
    const auto acme = tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"}).id;
    auto planned = tenants().change_plan({.tenant = acme, .plan = "studio/basic", .reason = "smaller"});
    EXPECT_EQ(planned.state, PlanChangeState::planned);
    auto mine = session(acme);
    EXPECT_EQ(mine.info().next_plan, "studio/basic");
    EXPECT_EQ(mine.quotas().get(Resource::projects).limit, 25);
    EXPECT_EQ(mine.quotas().get(Resource::projects).limit_until, planned.effective_at);
    clock->set(32 * 24h);
    EXPECT_EQ(mine.info().plan, "studio/basic");
    EXPECT_EQ(mine.quotas().get(Resource::projects).limit, 5);
    open(true);  // sweeps at once
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    const auto settled = [&] { return !session(acme).audit().list({.action = "tenant.plan_settled"}).empty(); };
    while (!settled() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(20ms);
    EXPECT_TRUE(settled());
}

TEST_F(BusinessTest, a_partners_operator_works_with_its_tenants_alone) {
    const auto north = setup->partners().create({.name = "North", .slug = "north"}).id;
    const auto theirs = tenants().create({.name = "Own", .slug = "own", .plan = "studio/basic"}).id;
    impl->close();
    Engine engine(tests::placed({.home = folder / "home"}));
    EXPECT_EQ(refusal([&] { engine.open_operator({.actor = "x", .reason = "y", .partner = PartnerId{1, 2}}); }), Errc::not_found);
    auto seller = engine.open_operator({.actor = "seller", .reason = "sales", .partner = north});
    const auto own = seller.tenants().create({.name = "Sold", .slug = "sold", .plan = "studio/basic"});
    EXPECT_EQ(own.partner, north);
    EXPECT_EQ(refusal([&] { seller.tenants().get(theirs); }), Errc::not_found);
    EXPECT_EQ(refusal([&] { seller.tenants().erase({.tenant = theirs, .reason = "x", .undo_window = Duration::zero()}); }), Errc::not_found);
    EXPECT_EQ(seller.tenants().list().size(), 1u);
    EXPECT_EQ(seller.partners().list().size(), 1u);
    EXPECT_EQ(refusal([&] { seller.partners().create({.name = "x", .slug = "x"}); }), Errc::permission_denied);
    std::vector<std::string> actions;
    for (const auto& record : seller.audit().list()) actions.push_back(record.action);
    EXPECT_EQ(actions.at(0), "operator.open");
    EXPECT_EQ(actions.at(1), "tenant.create");
    for (const auto& record : seller.audit().list()) EXPECT_EQ(record.actor, "seller");
    auto whole = engine.open_operator({.actor = "operator", .reason = "test"});
    EXPECT_EQ(whole.tenants().get(theirs).state, TenantState::active);
}

TEST_F(BusinessTest, a_tenants_data_stays_in_its_region) {
    const auto us = tenants().create({.name = "Us", .slug = "us", .plan = "studio/basic", .region = "us"}).id;
    const auto eu = tenants().create({.name = "Eu", .slug = "eu", .plan = "studio/basic", .region = "eu"}).id;
    impl->close();
    EXPECT_EQ(refusal([&] { Engine(tests::placed({.home = folder / "home", .regions = {"E U"}})); }), Errc::invalid_argument);
    Engine engine(tests::placed({.home = folder / "home", .regions = {"eu", "ch"}}));
    auto all = engine.open_operator({.actor = "operator", .reason = "test"});
    EXPECT_EQ(refusal([&] { all.tenants().create({.name = "X", .slug = "x", .plan = "studio/basic", .region = "us"}); }), Errc::permission_denied);
    EXPECT_NO_THROW(all.tenants().create({.name = "X", .slug = "x", .plan = "studio/basic", .region = "ch"}));
    EXPECT_EQ(refusal([&] { engine.open_session({.tenant = us, .actor = "tester", .role = Role::owner}); }), Errc::permission_denied);
    EXPECT_EQ(engine.open_session({.tenant = eu, .actor = "tester", .role = Role::owner}).info().region, "eu");
    EXPECT_EQ(all.tenants().get(us).region, "us") << "its row is no data of its own";
}

}  // namespace
