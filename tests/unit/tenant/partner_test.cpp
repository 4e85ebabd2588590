#include <tenant/registry.hpp>

#include <gtest/gtest.h>

#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

class PartnerTest : public ::testing::Test {
protected:
    PartnerTest() {
        north = home.registry->create_partner(
            home.setup, {.name = "Northwind", .slug = "north", .catalogues = {"studio"}, .share_basis_points = 2000});
        south = home.registry->create_partner(home.setup, {.name = "Südwind", .slug = "south"});
        theirs = home.registry->create(home.setup, {.name = "Theirs", .slug = "theirs", .plan = "studio/basic", .partner = south.id});
        seller.partner = north.id;
    }
    std::vector<std::string> trail(const PartnerId& id) {
        std::vector<std::string> actions;
        for (const auto& record : home.database->read(home.registry->operators_scope(id), [](db::Reader& r) { return audit::list(r, {}); }))
            actions.push_back(record.action);
        return actions;
    }
    testing::Home home;
    Partner north, south;
    Tenant theirs;
    Actor seller{.kind = ActorKind::operator_session, .id = "seller", .reason = "sales"};
};

TEST_F(PartnerTest, IsKeptAsItWasGiven) {
    home.open();
    const auto found = home.registry->find_partner(home.setup, north.id).value();
    EXPECT_EQ(found.name, "Northwind");
    EXPECT_EQ(found.slug, "north");
    EXPECT_EQ(found.catalogues, std::vector<std::string>{"studio"});
    EXPECT_EQ(found.share_basis_points, 2000);
    EXPECT_EQ(found.branding, "{}");
    EXPECT_EQ(found.version, 1);
    EXPECT_EQ(found.created_at, home.now());
    EXPECT_EQ(home.registry->find_partner_slug(home.setup, "south")->id, south.id);
    EXPECT_FALSE(home.registry->find_partner_slug(home.setup, "east"));
    EXPECT_EQ(home.registry->list_partners(home.setup, {}).size(), 2u);
    EXPECT_EQ(home.registry->list_partners(home.setup, {.text = "SÜD"}).at(0).id, south.id);
    EXPECT_EQ(home.registry->list_partners(home.setup, {.after = north.id, .limit = 1}).at(0).id, south.id);
}

TEST_F(PartnerTest, IsCheckedBeforeAnythingIsWritten) {
    const auto refused = [&](const PartnerOptions& options, const std::string& field) {
        try {
            home.registry->create_partner(home.setup, options);
            ADD_FAILURE() << field;
        } catch (const Error& error) {
            EXPECT_EQ(error.subject(), field);
        }
    };
    refused({.name = "", .slug = "x"}, "name");
    refused({.name = "x", .slug = "X"}, "slug");
    refused({.name = "x", .slug = "north"}, "north");
    refused({.name = "x", .slug = "x", .catalogues = {"none"}}, "none");
    refused({.name = "x", .slug = "x", .catalogues = {"nvr", "nvr"}}, "catalogues");
    refused({.name = "x", .slug = "x", .share_basis_points = 10'001}, "share_basis_points");
    refused({.name = "x", .slug = "x", .branding = "[]"}, "branding");
    refused({.name = "x", .slug = "x", .branding = R"({"colours": {"primary": "red"}})"}, "colours/primary");
    refused({.name = "x", .slug = "x", .branding = R"({"script": "x"})"}, "script");
    EXPECT_EQ(home.registry->list_partners(home.setup, {}).size(), 2u);
}

TEST_F(PartnerTest, SellsPlansOfItsCatalogues) {
    EXPECT_THROW(home.registry->create(home.setup, {.name = "T", .slug = "t", .plan = "nvr/basic", .partner = north.id}), PermissionDenied);
    const auto tenant = home.registry->create(home.setup, {.name = "T", .slug = "t", .plan = "studio/basic", .partner = north.id});
    EXPECT_THROW(home.registry->change_plan(home.setup, {.tenant = tenant.id, .plan = "nvr/basic", .reason = "r"}), PermissionDenied);
    north.catalogues = {"nvr"};
    north = home.registry->update_partner(home.setup, north);
    EXPECT_EQ(home.registry->find(home.setup, tenant.id)->plan, "studio/basic") << "what it has it keeps";
    EXPECT_NO_THROW(home.registry->change_plan(home.setup, {.tenant = tenant.id, .plan = "nvr/basic", .reason = "r"}));
}

TEST_F(PartnerTest, IsChangedByOneAtATime) {
    auto mine = north;
    mine.name = "Northwind Media";
    mine.branding = R"({"product": "Northwind Studio", "variables": {"radius": "4px"}})";
    EXPECT_EQ(home.registry->update_partner(home.setup, mine).version, 2);
    EXPECT_EQ(home.registry->partner_branding(north.id), R"({"product":"Northwind Studio","variables":{"radius":"4px"}})");
    EXPECT_THROW(home.registry->update_partner(home.setup, north), Conflict) << "a version that is no more";
    auto taken = south;
    taken.slug = "north";
    try {
        home.registry->update_partner(home.setup, taken);
        ADD_FAILURE();
    } catch (const Conflict& error) {
        EXPECT_EQ(error.subject(), "north");
    }
}

TEST_F(PartnerTest, GoesWhenItsTenantsAreGone) {
    EXPECT_THROW(home.registry->remove_partner(home.setup, south.id, "ended"), Conflict);
    home.registry->start_erasure(home.setup, {.tenant = theirs.id, .reason = "ended", .undo_window = Duration::zero()});
    const auto standing = home.registry->standing(theirs.id);
    home.database->write(home.system, [&](db::SystemTx& tx) {
        home.registry->finish_erasure(tx, engine_actor("sweep"), *standing, {}, crypto::SigningKey::generate());
    });
    home.registry->remove_partner(home.setup, south.id, "ended");
    EXPECT_FALSE(home.registry->find_partner(home.setup, south.id));
    EXPECT_THROW(home.registry->remove_partner(home.setup, south.id, "again"), NotFound);
}

TEST_F(PartnerTest, OperatorsFindTheirOwnTenantsAlone) {
    const auto own = home.registry->create(seller, {.name = "Own", .slug = "own", .plan = "studio/basic"});
    EXPECT_EQ(own.partner, north.id);
    EXPECT_THROW(home.registry->create(seller, {.name = "X", .slug = "x", .plan = "studio/basic", .partner = south.id}), NotFound);
    EXPECT_EQ(home.registry->list(seller, {}).size(), 1u);
    EXPECT_TRUE(home.registry->list(seller, {.partner = south.id}).empty());
    EXPECT_TRUE(home.registry->list(seller, {.partner = PartnerId{}}).empty());
    EXPECT_EQ(home.registry->list(home.setup, {.partner = PartnerId{}}).size(), 2u) << "the operator's own";
    EXPECT_EQ(home.registry->find_slug(seller, "own")->id, own.id);
    EXPECT_FALSE(home.registry->find_slug(seller, "theirs"));
    EXPECT_EQ(home.registry->list_partners(seller, {}).size(), 1u);
    EXPECT_FALSE(home.registry->find_partner(seller, south.id));
    EXPECT_FALSE(home.registry->find_partner_slug(seller, "south"));

    const auto before = home.registry->find(home.setup, theirs.id).value();
    for (const auto& id : {theirs.id, home.a}) {
        EXPECT_FALSE(home.registry->find(seller, id));
        EXPECT_THROW(home.registry->update(seller, {.tenant = id, .name = "taken"}), NotFound);
        EXPECT_THROW(home.registry->activate(seller, id, "r"), NotFound);
        EXPECT_THROW(home.registry->extend_trial(seller, id, std::chrono::hours(1), "r"), NotFound);
        EXPECT_THROW(home.registry->suspend(seller, id, "r"), NotFound);
        EXPECT_THROW(home.registry->archive(seller, id, "r"), NotFound);
        EXPECT_THROW(home.registry->resume(seller, id, "r"), NotFound);
        EXPECT_THROW(home.registry->start_erasure(seller, {.tenant = id, .reason = "r"}), NotFound);
        EXPECT_THROW(home.registry->undo_erase(seller, id, "r"), NotFound);
        EXPECT_THROW(home.registry->preview_plan(seller, {.tenant = id, .plan = "studio/professional"}), NotFound);
        EXPECT_THROW(home.registry->change_plan(seller, {.tenant = id, .plan = "studio/professional", .reason = "r"}), NotFound);
        EXPECT_THROW(home.registry->keep_plan(seller, id, "r"), NotFound);
        EXPECT_THROW(home.registry->plan_changes(seller, id), NotFound);
        EXPECT_THROW(home.registry->limits(seller, id), NotFound);
    }
    EXPECT_EQ(home.registry->find(home.setup, theirs.id)->version, before.version);
    EXPECT_THROW(home.registry->update_partner(seller, south), NotFound);

    EXPECT_EQ(home.registry->suspend(seller, own.id, "unpaid").state, TenantState::suspended);
    EXPECT_EQ(home.registry->change_plan(seller, {.tenant = own.id, .plan = "studio/professional", .reason = "order"}).state, PlanChangeState::done);
}

TEST_F(PartnerTest, OperatorsDoNotChangeWhatThePartnerOwes) {
    const auto own = home.registry->create(seller, {.name = "Own", .slug = "own", .plan = "studio/basic"});
    EXPECT_THROW(home.registry->grant_limit(seller, {.tenant = own.id, .name = "x", .limit = 99, .reason = "r"}), PermissionDenied);
    EXPECT_THROW(home.registry->revoke_limit(seller, own.id, "x", "r"), PermissionDenied);
    EXPECT_THROW(home.registry->create_partner(seller, {.name = "X", .slug = "x"}), PermissionDenied);
    EXPECT_THROW(home.registry->remove_partner(seller, north.id, "r"), PermissionDenied);
    auto wanted = north;
    wanted.share_basis_points = 9000;
    EXPECT_THROW(home.registry->update_partner(seller, wanted), PermissionDenied);
    wanted = north;
    wanted.catalogues.clear();
    EXPECT_THROW(home.registry->update_partner(seller, wanted), PermissionDenied);
    wanted = north;
    wanted.branding = R"({"product": "North"})";
    EXPECT_EQ(home.registry->update_partner(seller, wanted).version, 2);
}

TEST_F(PartnerTest, OperatorsLeaveATrailOfTheirOwnToo) {
    EXPECT_TRUE(trail(north.id).empty());
    home.registry->list(seller, {});
    EXPECT_FALSE(home.registry->find(seller, theirs.id));
    EXPECT_EQ(trail(north.id), (std::vector<std::string>{"tenant.list", "tenant.read"}));
    EXPECT_TRUE(trail(south.id).empty());
    const auto all = home.database->read(home.registry->operators_scope(), [](db::Reader& r) { return audit::list(r, {}); });
    EXPECT_EQ(all.back().action, "tenant.read");
    EXPECT_EQ(all.back().actor, "seller");
    EXPECT_EQ(all.back().reason, "sales");
    EXPECT_EQ(audit::verify(*home.database, home.registry->operators_scope(north.id)).records, 2);
}

}  // namespace
}  // namespace tenon::tenant
