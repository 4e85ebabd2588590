#include <tenant/users.hpp>

#include <gtest/gtest.h>

#include <tenant/projects.hpp>
#include <tenant/quota.hpp>
#include <tenant/rights.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::access {
namespace {

class UserRows : public ::testing::Test {
protected:
    User create(const TenantId& id, const std::string& email, Role role = Role::viewer, const PermissionSet& held = PermissionSet::everything()) {
        const auto user = home.fresh<UserId>();
        return home.write(id, [&](db::Tx& tx) {
            return users::create(tx, home.alice, held, user, {.email = email, .name = "N. " + email, .role = role}, home.now());
        });
    }
    std::vector<User> list(const TenantId& id, const UserFilter& filter = {}) {
        return home.read(id, [&](db::Reader& r) { return users::list(r, filter); });
    }
    User update(const TenantId& id, const UserUpdateOptions& options, const PermissionSet& held = PermissionSet::everything()) {
        return home.write(id, [&](db::Tx& tx) { return users::update(tx, home.alice, held, options, home.now()); });
    }
    void remove(const TenantId& id, const UserId& user, const PermissionSet& held = PermissionSet::everything()) {
        home.write(id, [&](db::Tx& tx) { users::remove(tx, home.alice, held, user, home.now()); });
    }
    User disable(const TenantId& id, const UserId& user, const PermissionSet& held = PermissionSet::everything()) {
        return home.write(id, [&](db::Tx& tx) { return users::disable(tx, home.alice, held, user, home.now()); });
    }
    CustomRole role(const TenantId& id, const std::string& name, std::vector<std::string> permissions,
                    const PermissionSet& held = PermissionSet::everything()) {
        const auto fresh = home.fresh<RoleId>();
        return home.write(id, [&](db::Tx& tx) {
            return roles::create(tx, home.alice, held, fresh, {.name = name, .permissions = std::move(permissions)}, home.now());
        });
    }
    std::int64_t seats(const TenantId& id) {
        return home.read(id, [&](db::Reader& r) { return quota::get(r, Resource::seats, home.now()); }).used;
    }
    PermissionSet everywhere(const TenantId& id, const UserId& user) {
        return home.read(id, [&](db::Reader& r) { return rights_of(r, {.kind = PrincipalKind::user, .user = user}, home.now()); }).everywhere;
    }
    testing::Home home;
};

TEST_F(UserRows, AreListedSearchedAndPaged) {
    std::vector<UserId> ids;
    for (const auto* email : {"anna@example.org", "Bert@Example.org", "carla@other.net"}) ids.push_back(create(home.a, email).id);
    create(home.b, "anna@example.org");  // the same email in another tenant
    EXPECT_THROW(create(home.a, "ANNA@example.ORG"), Conflict) << "whatever its case";
    EXPECT_EQ(list(home.a).size(), 3u);
    EXPECT_EQ(list(home.a, {.search = "EXAMPLE"}).size(), 2u);
    EXPECT_EQ(list(home.a, {.search = "n. carla"}).at(0).id, ids[2]) << "by name";
    EXPECT_TRUE(list(home.a, {.search = "%"}).empty()) << "no pattern";
    EXPECT_EQ(list(home.a, {.after = ids[0], .limit = 1}).at(0).id, ids[1]);
    disable(home.a, ids[1]);
    EXPECT_EQ(list(home.a, {.state = UserState::disabled}).at(0).id, ids[1]);
    EXPECT_EQ(home.read(home.a, [](db::Reader& r) { return users::find_email(r, "bert@example.org"); })->id, ids[1]);
    EXPECT_THROW(list(home.a, {.limit = 0}), InvalidArgument);
    for (const auto* bad : {"", "anna", "@example.org", "anna@", "an na@example.org", "a@b@c", "a\n@b"})
        EXPECT_THROW(create(home.a, bad), InvalidArgument) << bad;
}

TEST_F(UserRows, OfAnotherTenantDoNotExist) {
    const auto theirs = create(home.b, "anna@example.org", Role::owner);
    const auto their_role = role(home.b, "Cutter", {"project:read"});
    EXPECT_TRUE(list(home.a).empty());
    EXPECT_FALSE(home.read(home.a, [&](db::Reader& r) { return users::find(r, theirs.id); }));
    EXPECT_FALSE(home.read(home.a, [](db::Reader& r) { return users::find_email(r, "anna@example.org"); }));
    EXPECT_THROW(update(home.a, {.user = theirs.id, .name = "x"}), NotFound);
    EXPECT_THROW(remove(home.a, theirs.id), NotFound);
    EXPECT_THROW(disable(home.a, theirs.id), NotFound);
    const auto mine = create(home.a, "bert@example.org");
    EXPECT_THROW(update(home.a, {.user = mine.id, .custom_role = their_role.id}), NotFound);
    EXPECT_THROW(everywhere(home.a, theirs.id), Unauthenticated);
    EXPECT_EQ(home.read(home.b, [&](db::Reader& r) { return users::get(r, theirs.id); }).name, theirs.name);
    EXPECT_EQ(seats(home.a), 1);
    EXPECT_EQ(seats(home.b), 1);
}

TEST_F(UserRows, TheLastOwnerStays) {
    const auto anna = create(home.a, "anna@example.org", Role::owner);
    create(home.b, "elsewhere@example.org", Role::owner);
    EXPECT_THROW(disable(home.a, anna.id), Conflict);
    EXPECT_THROW(remove(home.a, anna.id), Conflict);
    EXPECT_THROW(update(home.a, {.user = anna.id, .role = Role::admin}), Conflict);
    EXPECT_NO_THROW(update(home.a, {.user = anna.id, .name = "Anna A."}));
    EXPECT_NO_THROW(update(home.a, {.user = anna.id, .role = Role::owner}));
    const auto bert = create(home.a, "bert@example.org", Role::owner);
    disable(home.a, bert.id);
    EXPECT_THROW(remove(home.a, anna.id), Conflict) << "a disabled owner is none who can work";
    home.write(home.a, [&](db::Tx& tx) { users::enable(tx, home.alice, PermissionSet::everything(), bert.id, home.now()); });
    EXPECT_NO_THROW(remove(home.a, anna.id));
    EXPECT_THROW(remove(home.a, bert.id), Conflict);
}

TEST_F(UserRows, NobodyGivesWhatHeLacks) {
    const auto admin = tenant::permissions_of(Role::admin);
    EXPECT_THROW(create(home.a, "x@example.org", Role::owner, admin), PermissionDenied);
    const auto anna = create(home.a, "anna@example.org", Role::owner);
    const auto bert = create(home.a, "bert@example.org", Role::editor, admin);
    EXPECT_THROW(update(home.a, {.user = bert.id, .role = Role::owner}, admin), PermissionDenied);
    EXPECT_THROW(update(home.a, {.user = anna.id, .email = "mine@example.org"}, admin), PermissionDenied) << "over somebody who may more";
    EXPECT_THROW(disable(home.a, anna.id, admin), PermissionDenied);
    EXPECT_THROW(remove(home.a, anna.id, admin), PermissionDenied);
    EXPECT_THROW(role(home.a, "Till", {"billing:write"}, admin), PermissionDenied);
    const auto till = role(home.a, "Till", {"billing:write"});
    EXPECT_THROW(update(home.a, {.user = bert.id, .custom_role = till.id}, admin), PermissionDenied);
    const auto project = home.fresh<ProjectId>();
    home.write(home.a, [&](db::Tx& tx) { projects::create(tx, home.alice, project, {.name = "p"}, home.now()); });
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) {
        users::grant(tx, home.alice, admin, {.user = bert.id, .project = project, .role = Role::owner}, home.now());
    }), PermissionDenied);
    home.write(home.a, [&](db::Tx& tx) {
        users::grant(tx, home.alice, PermissionSet::everything(), {.user = bert.id, .project = project, .role = Role::owner}, home.now());
    });
    EXPECT_THROW(disable(home.a, bert.id, admin), PermissionDenied) << "he may more than an admin, if in one project only";
}

TEST_F(UserRows, TakeSeatsAndGiveThemBack) {
    const auto small = home.create("small", "agents/starter");  // one seat
    const auto anna = create(small, "anna@example.org", Role::owner);
    EXPECT_THROW(create(small, "bert@example.org"), QuotaExceeded);
    EXPECT_EQ(list(small).size(), 1u);
    EXPECT_EQ(seats(small), 1);
    const auto roomy = create(home.a, "x@example.org");
    disable(home.a, roomy.id);
    disable(home.a, roomy.id);
    EXPECT_EQ(seats(home.a), 0) << "once";
    remove(home.a, roomy.id);
    EXPECT_EQ(seats(home.a), 0);
    EXPECT_EQ(anna.state, UserState::invited);
}

TEST_F(UserRows, RolesOfTheirOwnHoldWhatTheySay) {
    const auto cutter = role(home.a, "Cutter", {"project:read", "render:write"});
    EXPECT_THROW(role(home.a, "Cutter", {}), Conflict);
    EXPECT_NO_THROW(role(home.b, "Cutter", {}));
    EXPECT_THROW(role(home.a, "x", {"project:fly"}), InvalidArgument);
    const auto bert = create(home.a, "bert@example.org");
    update(home.a, {.user = bert.id, .custom_role = cutter.id});
    EXPECT_EQ(everywhere(home.a, bert.id), (PermissionSet{Permission::project_read, Permission::render_write}));
    const auto changed = home.write(home.a, [&](db::Tx& tx) {
        return roles::update(tx, home.alice, PermissionSet::everything(), cutter.id, {.name = "Reader", .permissions = {"project:read"}}, home.now());
    });
    EXPECT_EQ(changed.version, 2);
    EXPECT_EQ(everywhere(home.a, bert.id), PermissionSet{Permission::project_read});
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) { roles::remove(tx, home.alice, cutter.id, home.now()); }), Conflict);
    EXPECT_THROW(home.write(home.b, [&](db::Tx& tx) { roles::remove(tx, home.alice, cutter.id, home.now()); }), NotFound);
    update(home.a, {.user = bert.id, .role = Role::viewer});
    home.write(home.a, [&](db::Tx& tx) { roles::remove(tx, home.alice, cutter.id, home.now()); });
    EXPECT_TRUE(home.read(home.a, [](db::Reader& r) { return roles::list(r); }).empty());
}

TEST_F(UserRows, GrantsEndWithTheirProject) {
    const auto bert = create(home.a, "bert@example.org");
    const auto project = home.fresh<ProjectId>();
    home.write(home.a, [&](db::Tx& tx) { projects::create(tx, home.alice, project, {.name = "p"}, home.now()); });
    const auto grant = [&](const TenantId& id, const ProjectGrant& g) {
        home.write(id, [&](db::Tx& tx) { users::grant(tx, home.alice, PermissionSet::everything(), g, home.now()); });
    };
    grant(home.a, {.user = bert.id, .project = project, .role = Role::editor});
    EXPECT_THROW(grant(home.b, {.user = bert.id, .project = project, .role = Role::editor}), NotFound);
    EXPECT_THROW(grant(home.a, {.user = bert.id, .project = home.fresh<ProjectId>(), .role = Role::editor}), NotFound);
    EXPECT_THROW(grant(home.a, {.user = bert.id, .project = project}), InvalidArgument);
    const auto rights = home.read(home.a, [&](db::Reader& r) { return rights_of(r, {.kind = PrincipalKind::user, .user = bert.id}, home.now()); });
    EXPECT_FALSE(rights.everywhere.has(Permission::project_write));
    EXPECT_TRUE(rights.in(project).has(Permission::project_write));
    EXPECT_FALSE(rights.in(home.fresh<ProjectId>()).has(Permission::project_write));
    home.write(home.a, [&](db::Tx& tx) { projects::remove(tx, home.alice, project, home.now()); });
    EXPECT_TRUE(home.read(home.a, [&](db::Reader& r) { return users::grants(r, bert.id); }).empty());
}

TEST_F(UserRows, LeaveARecordOfEveryChange) {
    const auto anna = create(home.a, "anna@example.org", Role::owner);
    const auto bert = create(home.a, "bert@example.org");
    update(home.a, {.user = bert.id, .name = "Bert B."});
    disable(home.a, bert.id);
    remove(home.a, bert.id);
    const auto records = home.read(home.a, [](db::Reader& r) { return audit::list(r, {.action = "user."}); });
    std::vector<std::string> actions;
    for (const auto& each : records) actions.push_back(each.action);
    EXPECT_EQ(actions, (std::vector<std::string>{"user.create", "user.create", "user.update", "user.disable", "user.remove"}));
    EXPECT_EQ(records[2].target, bert.id.text());
    EXPECT_EQ(records[2].details, R"({"email":"bert@example.org","name":"Bert B.","role":"viewer"})");
}

TEST_F(UserRows, AnOwnerComesWithHisTenant) {
    const auto tenant = home.registry->create(home.setup, {.name = "New", .slug = "new", .plan = testing::Home::plan,
                                                           .owner_email = "olga@example.org", .owner_name = "Olga"});
    const auto all = list(tenant.id);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].role, Role::owner);
    EXPECT_EQ(all[0].state, UserState::invited);
    EXPECT_EQ(seats(tenant.id), 1);
    EXPECT_THROW(home.registry->create(home.setup, {.name = "X", .slug = "x", .plan = testing::Home::plan, .owner_email = "no email"}),
        InvalidArgument);
    EXPECT_THROW(home.registry->create(home.setup, {.name = "X", .slug = "x", .plan = testing::Home::plan, .owner_name = "Olga"}), InvalidArgument);
    EXPECT_THROW(home.registry->create(home.setup, {.name = "X", .slug = "x", .plan = testing::Home::plan, .owner_email = "o@example.org"}),
                 InvalidArgument);
}

}  // namespace
}  // namespace tenon::tenant::access
