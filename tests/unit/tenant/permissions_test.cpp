#include <tenant/permissions.hpp>

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

constexpr Role every_role[] = {Role::owner, Role::admin, Role::billing, Role::editor, Role::camera_operator, Role::viewer, Role::auditor,
    Role::support};
constexpr TenantState every_state[] = {TenantState::trial, TenantState::active, TenantState::suspended,
                                       TenantState::archived, TenantState::erasing, TenantState::erased};

template <class Fn> void each_permission(Fn fn) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(Permission::count_); ++i) fn(static_cast<Permission>(i));
}

std::string table() {
    std::ostringstream out;
    out << "permission";
    for (const auto role : every_role) out << ' ' << to_string(role);
    out << " |";
    for (const auto state : every_state) out << ' ' << to_string(state);
    out << '\n';
    each_permission([&](Permission p) {
        out << to_string(p);
        for (const auto role : every_role) out << ' ' << (permissions_of(role).has(p) ? 'x' : '.');
        out << " |";
        for (const auto state : every_state) out << ' ' << (permissions_of(state).has(p) ? 'x' : '.');
        out << '\n';
    });
    return out.str();
}

TEST(Permissions, AreThoseOfTheReviewedTable) {
    std::ifstream file(TENON_SOURCE "/tests/golden/permissions.txt");
    std::ostringstream reviewed;
    reviewed << file.rdbuf();
    EXPECT_EQ(table(), reviewed.str()) << "Who may what has changed. If that is meant, review it and write it into tests/golden/permissions.txt.";
}

TEST(Permissions, KeepTheirNumbers) {
    // Sets are stored: a number that moved would give somebody else's rights to every role of a tenant's own.
    EXPECT_EQ(static_cast<int>(Permission::project_read), 0);
    EXPECT_EQ(static_cast<int>(Permission::event_read), 23);
    EXPECT_EQ(static_cast<int>(Permission::user_read), 24);
    EXPECT_EQ(static_cast<int>(Permission::billing_write), 41);
}

TEST(Permissions, HaveNamesThatAreReadBack) {
    std::vector<std::string> seen;
    each_permission([&](Permission p) {
        const std::string name = to_string(p);
        EXPECT_NE(name.find(':'), std::string::npos);
        EXPECT_EQ(std::count(seen.begin(), seen.end(), name), 0) << name;
        EXPECT_EQ(permission_named(name), p);
        seen.push_back(name);
    });
    EXPECT_FALSE(permission_named("project"));
    EXPECT_EQ(names_of(PermissionSet::everything()), seen);
    EXPECT_EQ(set_of(seen, "x"), PermissionSet::everything());
}

TEST(Permissions, SetsAreStoredWhole) {
    PermissionSet set{Permission::project_read, Permission::billing_write};
    set.words[3] = std::uint64_t{1} << 63;  // of a later version
    const auto bytes = stored(set);
    ASSERT_EQ(bytes.size(), PermissionSet::stored_size);
    EXPECT_EQ(from_stored(bytes), (PermissionSet{Permission::project_read, Permission::billing_write})) << "nobody gets what is not known";
    EXPECT_THROW(from_stored(base::ByteView(bytes).first(31)), Corrupt);
}

TEST(Permissions, PlansGiveWhatTheyHaveTheFeatureFor) {
    const auto plain = permissions_of(std::vector<std::string>{"priority"});
    EXPECT_FALSE(plain.has(Permission::branding_write));
    EXPECT_TRUE(plain.has(Permission::project_write));
    EXPECT_EQ(permissions_of(std::vector<std::string>{"white_label"}), PermissionSet::everything());
    EXPECT_EQ(permissions_of(std::vector<std::string>{"custom_branding"}), PermissionSet::everything());
}

TEST(Permissions, AnOwnerMayAllAndAnAuditorChangesNothing) {
    each_permission([](Permission p) {
        EXPECT_TRUE(permissions_of(Role::owner).has(p));
        EXPECT_TRUE(!permissions_of(Role::auditor).has(p) || std::string(to_string(p)).ends_with(":read")) << to_string(p);
        EXPECT_FALSE(permissions_of(TenantState::erasing).has(p));
        EXPECT_FALSE(permissions_of(TenantState::erased).has(p));
    });
    EXPECT_THROW(check_role("role", static_cast<Role>(0)), InvalidArgument);
    EXPECT_THROW(check_role("role", static_cast<Role>(9)), InvalidArgument);
}

}  // namespace
}  // namespace tenon::tenant
