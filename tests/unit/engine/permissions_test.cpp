#include "permissions.hpp"

#include <gtest/gtest.h>

namespace {

using namespace tenon;
using engine::allows;
using engine::Permission;

template <class Fn> void each_permission(Fn fn) {
    for (int i = 0; i < static_cast<int>(Permission::count_); ++i) fn(static_cast<Permission>(i));
}

TEST(Permissions, an_owner_may_everything_and_an_auditor_changes_nothing) {
    each_permission([](Permission p) { EXPECT_TRUE(allows(Role::owner, p)) << engine::to_string(p); });
    for (const Permission p : {Permission::project_write, Permission::asset_write, Permission::render_write,
                               Permission::camera_write, Permission::backup_write, Permission::backup_restore,
                               Permission::job_cancel, Permission::quota_hold})
        for (const Role role : {Role::auditor, Role::viewer, Role::billing, Role::support})
            EXPECT_FALSE(allows(role, p)) << to_string(role) << " " << engine::to_string(p);
    EXPECT_TRUE(allows(Role::auditor, Permission::audit_read));
    EXPECT_FALSE(allows(Role::editor, Permission::audit_read));
}

TEST(Permissions, a_suspended_tenant_reads_and_takes_its_data_out) {
    EXPECT_TRUE(allows(TenantState::suspended, Permission::asset_read));
    EXPECT_TRUE(allows(TenantState::suspended, Permission::recording_export));
    EXPECT_FALSE(allows(TenantState::suspended, Permission::asset_write));
    EXPECT_FALSE(allows(TenantState::suspended, Permission::render_write));
    each_permission([](Permission p) { EXPECT_FALSE(allows(TenantState::erasing, p)); });
}

TEST(Permissions, a_trial_has_no_brand_of_its_own_and_an_archive_takes_no_new_backups) {
    each_permission([](Permission p) {
        EXPECT_EQ(allows(TenantState::trial, p), p != Permission::branding_write) << engine::to_string(p);
        EXPECT_TRUE(allows(TenantState::active, p)) << engine::to_string(p);
        EXPECT_EQ(allows(TenantState::archived, p), allows(TenantState::suspended, p) && p != Permission::backup_write) << engine::to_string(p);
        EXPECT_FALSE(allows(TenantState::erased, p));
    });
    EXPECT_TRUE(allows(TenantState::archived, Permission::backup_restore));
}

TEST(Permissions, every_one_has_a_name_of_its_own) {
    std::vector<std::string> seen;
    each_permission([&](Permission p) {
        const std::string name = engine::to_string(p);
        EXPECT_NE(name.find(':'), std::string::npos);
        EXPECT_EQ(std::count(seen.begin(), seen.end(), name), 0) << name;
        seen.push_back(name);
    });
}

}  // namespace
