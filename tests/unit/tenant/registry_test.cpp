#include <tenant/registry.hpp>

#include <fstream>

#include <gtest/gtest.h>

#include <tenant/events.hpp>
#include <tenant/projects.hpp>
#include <tenant/quota.hpp>
#include <tenant/usage.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

using namespace std::chrono_literals;

class Tenants : public ::testing::Test {
protected:
    Tenant create(TenantOptions options) {
        if (options.name.empty()) options.name = "N";
        if (options.plan.empty()) options.plan = "studio/basic";
        return home.registry->create(home.setup, options);
    }
    std::vector<std::string> trail(const db::TenantScope& scope) {
        std::vector<std::string> actions;
        for (const auto& record : home.database->read(scope, [](db::Reader& r) { return audit::list(r, {}); }))
            actions.push_back(record.action);
        return actions;
    }
    TenantState state(const TenantId& id) { return home.registry->standing(id)->state_at(home.now()); }
    Tenant find(const TenantId& id) { return home.registry->find(home.setup, id).value(); }
    testing::Home home;
};

TEST_F(Tenants, AreKeptAsTheyWereGiven) {
    const PartnerId partner = home.registry->create_partner(home.setup, {.name = "P", .slug = "p"}).id;
    const auto made = create({.name = "Ünïcode & Co", .slug = "uni-1", .plan = "nvr/professional", .partner = partner,
                              .region = "eu-west", .zone = "Europe/Berlin", .anchor_day = 31, .trial = true});
    home.open();
    const auto found = find(made.id);
    EXPECT_EQ(found.name, "Ünïcode & Co");
    EXPECT_EQ(found.slug, "uni-1");
    EXPECT_EQ(found.plan, "nvr/professional");
    EXPECT_EQ(found.plan_version, 1);
    EXPECT_EQ(found.partner, partner);
    EXPECT_EQ(found.region, "eu-west");
    EXPECT_EQ(found.zone, "Europe/Berlin");
    EXPECT_EQ(found.anchor_day, 31);
    EXPECT_EQ(found.state, TenantState::trial);
    EXPECT_EQ(found.trial_ends_at, home.now() + 14 * 24h);
    EXPECT_EQ(found.created_at, home.now());
    EXPECT_EQ(home.registry->find_slug(home.setup, "uni-1")->id, made.id);
    EXPECT_FALSE(home.registry->find(home.setup, home.fresh<TenantId>()));
    EXPECT_FALSE(home.registry->find_slug(home.setup, "nobody"));
}

TEST_F(Tenants, AreCheckedBeforeAnythingIsWritten) {
    const auto refused = [&](TenantOptions options, const char* field) {
        try {
            create(options);
            ADD_FAILURE() << field;
        } catch (const InvalidArgument& error) {
            EXPECT_EQ(error.subject(), field);
        }
    };
    refused({.slug = ""}, "slug");
    refused({.slug = "Upper"}, "slug");
    refused({.slug = "../x"}, "slug");
    refused({.name = std::string("a\0b", 3), .slug = "x"}, "name");
    refused({.slug = "x", .region = ""}, "region");
    refused({.slug = "x", .zone = "Mars/Olympus"}, "zone");
    refused({.slug = "x", .anchor_day = 0}, "anchor_day");
    refused({.slug = "x", .anchor_day = 32}, "anchor_day");
    refused({.slug = "x", .plan = "business/free", .trial = true}, "trial");
    EXPECT_THROW(create({.slug = "x", .plan = "studio/enormous"}), NotFound);
    EXPECT_EQ(home.registry->list(home.setup, {}).size(), 2u);
}

TEST_F(Tenants, HaveASlugOfTheirOwnWithTheirPartner) {
    EXPECT_THROW(create({.slug = "acme"}), Conflict);
    const auto other = create({.slug = "acme", .partner = home.registry->create_partner(home.setup, {.name = "P", .slug = "p"}).id});
    EXPECT_THROW(create({.slug = "x", .partner = home.fresh<PartnerId>()}), NotFound);
    EXPECT_EQ(home.registry->find_slug(home.setup, "acme")->id, home.a) << "the operator's own before a partner's";
    EXPECT_NE(other.id, home.a);
}

TEST_F(Tenants, AreListedByStateAndPlanInPages) {
    std::vector<TenantId> ids{home.a, home.b};
    for (int i = 0; i < 7; ++i) ids.push_back(create({.slug = "t" + std::to_string(i), .plan = i % 2 ? "nvr/basic" : "studio/basic"}).id);
    home.registry->suspend(home.setup, ids[3], "unpaid");
    std::vector<TenantId> listed;
    for (std::optional<TenantId> after;;) {
        const auto page = home.registry->list(home.setup, {.after = after, .limit = 4});
        for (const auto& tenant : page) listed.push_back(tenant.id);
        if (page.empty()) break;
        after = page.back().id;
    }
    EXPECT_EQ(listed, ids);
    EXPECT_EQ(home.registry->list(home.setup, {.state = TenantState::suspended}).size(), 1u);
    EXPECT_EQ(home.registry->list(home.setup, {.plan = "nvr/basic"}).size(), 3u);
    EXPECT_THROW(home.registry->list(home.setup, {.limit = 0}), InvalidArgument);
}

TEST_F(Tenants, AreSuspendedAndResumed) {
    const auto before = home.registry->standing(home.a);
    EXPECT_EQ(home.registry->suspend(home.setup, home.a, "unpaid").state, TenantState::suspended);
    EXPECT_EQ(state(home.a), TenantState::suspended);
    EXPECT_EQ(state(home.b), TenantState::active);
    EXPECT_GT(home.registry->standing(home.a)->epoch, before->epoch);
    EXPECT_EQ(home.registry->standing(home.a)->slot, before->slot);
    EXPECT_EQ(home.registry->suspend(home.setup, home.a, "again").state, TenantState::suspended);
    EXPECT_EQ(home.registry->resume(home.setup, home.a, "paid").state, TenantState::active);
    EXPECT_EQ(state(home.a), TenantState::active);
    EXPECT_THROW(home.registry->suspend(home.setup, home.a, ""), InvalidArgument);
    EXPECT_THROW(home.registry->suspend(home.setup, home.fresh<TenantId>(), "who"), NotFound);
    const std::vector<std::string> expected{"tenant.create", "tenant.suspend", "tenant.suspend", "tenant.resume"};
    EXPECT_EQ(trail(home.scope(home.a)), expected);
    EXPECT_EQ(trail(home.registry->operators_scope()).size(), 5u) << "and one for the other tenant";
}

TEST_F(Tenants, OfATrialAreSuspendedWhenItEndsWhateverTheRowSays) {
    const auto id = create({.slug = "t", .trial = true}).id;
    EXPECT_EQ(state(id), TenantState::trial);
    home.clock->advance(14 * 24h - 1us);
    EXPECT_EQ(state(id), TenantState::trial);
    home.registry->suspend(home.setup, id, "a pause");
    EXPECT_EQ(home.registry->resume(home.setup, id, "over").state, TenantState::trial) << "the trial was not over";
    home.clock->advance(1us);
    EXPECT_EQ(state(id), TenantState::suspended);
    EXPECT_EQ(find(id).state, TenantState::suspended);
    EXPECT_EQ(home.registry->list(home.setup, {.state = TenantState::suspended}).size(), 1u);
    EXPECT_EQ(home.registry->resume(home.setup, id, "bought").state, TenantState::active);
    EXPECT_EQ(state(id), TenantState::active);
}

TEST_F(Tenants, AreErasedAfterTheUndoWindow) {
    EXPECT_EQ(home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "asked", .undo_window = 24h}).state, TenantState::erasing);
    EXPECT_EQ(find(home.a).erased_at, home.now() + 24h);
    EXPECT_TRUE(home.registry->due_for_erasure().empty());
    EXPECT_EQ(home.registry->resume(home.setup, home.a, "changed his mind").state, TenantState::active);
    EXPECT_FALSE(find(home.a).erased_at);

    EventHub hub(*home.database, home.clock);
    for (const auto& id : {home.a, home.b})
        home.write(id, [&](db::Tx& tx) {
            projects::create(tx, home.alice, home.fresh<ProjectId>(), {.name = "secret plan"}, home.now());
            quota::reserve(tx, home.fresh<HoldId>(), {.asks = {{Resource::render_time, 5}}}, home.now());
            const usage::Event used{.source = "s", .id = "1", .meter = "x_bytes", .quantity = 1, .occurred_at = home.now()};
            usage::record(tx, used, home.now());
            hub.append(tx, {.kind = "project.created", .at = home.now()});
        });
    home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "asked", .undo_window = 24h});
    const auto finish = [&] {
        const auto standing = home.registry->standing(home.a);
        home.database->write(home.system, [&](db::SystemTx& tx) {
            home.registry->finish_erasure(tx, engine_actor("sweep"), *standing, {}, crypto::SigningKey::generate());
        });
    };
    EXPECT_THROW(finish(), Conflict) << "not yet";
    home.clock->advance(24h);
    EXPECT_EQ(home.registry->due_for_erasure(), std::vector<TenantId>{home.a});
    finish();
    EXPECT_TRUE(home.registry->due_for_erasure().empty());
    EXPECT_EQ(state(home.a), TenantState::erased);
    EXPECT_EQ(find(home.a).name, "");
    EXPECT_THROW(home.registry->resume(home.setup, home.a, "too late"), Conflict);
    EXPECT_EQ(home.registry->list(home.setup, {}).size(), 1u);
    EXPECT_TRUE(home.read(home.a, [](db::Reader& r) { return projects::list(r, {}); }).empty());
    EXPECT_EQ(home.read(home.b, [](db::Reader& r) { return projects::list(r, {}); }).size(), 1u);
    EXPECT_NO_THROW(create({.slug = "acme"})) << "its slug is free again";

    EXPECT_EQ(audit::verify(*home.database, home.scope(home.a)).records, 6);
    for (const auto& record : home.read(home.a, [](db::Reader& r) { return audit::list(r, {}); }))
        EXPECT_EQ(record.details.find("secret"), std::string::npos);
}

TEST_F(Tenants, ChangedByAnotherProcessAreSeen) {
    auto other_store = db::Database::open(tests::store_in(home.folder.path()), home.tables);
    const auto other = home.make_registry(*other_store);
    EXPECT_EQ(state(home.a), TenantState::active);
    EXPECT_EQ(state(home.b), TenantState::active);
    other->suspend(home.setup, home.a, "over there");
    // A write of ours comes after theirs, so that the store has noticed it for certain.
    home.registry->list(home.setup, {});
    EXPECT_EQ(state(home.a), TenantState::suspended);
    EXPECT_EQ(state(home.b), TenantState::active);
    EXPECT_THROW(home.registry->standing(home.fresh<TenantId>()), NotFound);
}

TEST_F(Tenants, KeepTheVersionOfThePlanTheyHave) {
    const auto file = home.folder / "studio.json";
    const auto write = [&](int version, int projects) {
        std::ofstream(file) << R"({"format": 1, "catalogue": "studio", "title": "T", "currency": "USD", "plans": [{"name": "basic",
            "title": "Basic", "version": )" << version << R"(, "price": 9900, "interval": "month", "per": "tenant", "trial_days": 14,
            "weight": 1, "limits": {"projects": )" << projects << R"(, "storage": null, "render_time": null, "concurrent_jobs": null,
            "seats": null, "cameras": null, "sites": null, "agents": null, "api_calls": null}, "features": [], "rates": [],
            "retention": {}}]})";
        return Catalogues::load({file});
    };
    const auto open = [&](std::shared_ptr<const Catalogues> catalogues) {
        home.registry = std::make_unique<Registry>(*home.database, home.system, testing::Home::make_scope, std::move(catalogues), home.clock);
    };
    EXPECT_THROW(open(write(1, 7)), Conflict) << "a plan that tenants have is not rewritten";
    open(write(2, 7));
    EXPECT_EQ(home.registry->standing(home.a)->terms->limit(Resource::projects), 5);
    const auto later = create({.slug = "later"});
    EXPECT_EQ(later.plan_version, 2);
    EXPECT_EQ(home.registry->standing(later.id)->terms->limit(Resource::projects), 7);
    const auto limit = [&](const TenantId& id) {
        return home.read(id, [&](db::Reader& r) { return quota::get(r, Resource::projects, home.now()); }).limit;
    };
    EXPECT_EQ(limit(home.a), 5);
    EXPECT_EQ(limit(later.id), 7);
}

TEST_F(Tenants, AreWalkedInPages) {
    EXPECT_EQ(home.registry->ids({}, 500), (std::vector<TenantId>{home.a, home.b}));
    EXPECT_EQ(home.registry->ids(home.a, 1), std::vector<TenantId>{home.b});
}

TEST_F(Tenants, ReadByAnOperatorLeaveARecordToo) {
    find(home.a);
    EXPECT_TRUE(home.registry->find_slug(home.setup, "bolt"));
    home.registry->list(home.setup, {});
    const std::vector<std::string> expected{"tenant.create", "tenant.create", "tenant.read", "tenant.read", "tenant.list"};
    EXPECT_EQ(trail(home.registry->operators_scope()), expected);
    EXPECT_EQ(trail(home.scope(home.a)).size(), 1u);
}

TEST_F(Tenants, WhoseErasureIsDueAreGivenNoMoreTime) {
    home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "asked", .undo_window = 1h});
    EXPECT_EQ(home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "later", .undo_window = 2h}).erased_at, home.now() + 2h);
    home.clock->advance(2h);
    EXPECT_THROW(home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "later", .undo_window = 24h}), Conflict);
    EXPECT_EQ(home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "now", .undo_window = {}}).state, TenantState::erasing);
    EXPECT_THROW(home.registry->resume(home.setup, home.a, "too late"), Conflict);
    EXPECT_EQ(home.registry->due_for_erasure(), std::vector<TenantId>{home.a});
}

}  // namespace
}  // namespace tenon::tenant
