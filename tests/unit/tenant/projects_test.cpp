#include <tenant/projects.hpp>

#include <gtest/gtest.h>

#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::projects {
namespace {

class ProjectRows : public ::testing::Test {
protected:
    Project create(const TenantId& id, const std::string& name) {
        const auto project = home.fresh<ProjectId>();
        return home.write(id, [&](db::Tx& tx) { return projects::create(tx, home.alice, project, {.name = name}, home.now()); });
    }
    std::vector<Project> list(const TenantId& id, const ProjectFilter& filter = {}) {
        return home.read(id, [&](db::Reader& r) { return projects::list(r, filter); });
    }
    void remove(const TenantId& id, const ProjectId& project) {
        home.write(id, [&](db::Tx& tx) { projects::remove(tx, home.alice, project, home.now()); });
    }
    std::int64_t used(const TenantId& id) {
        return home.read(id, [&](db::Reader& r) { return quota::get(r, Resource::projects, home.now()); }).used;
    }
    testing::Home home;
};

TEST_F(ProjectRows, AreCountedAndListedInPages) {
    std::vector<ProjectId> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(create(home.a, "p" + std::to_string(i)).id);
    EXPECT_THROW(create(home.a, "one too many"), QuotaExceeded);
    EXPECT_EQ(used(home.a), 5);
    EXPECT_EQ(list(home.a).size(), 5u);
    const auto page = list(home.a, {.after = ids[1], .limit = 2});
    ASSERT_EQ(page.size(), 2u);
    EXPECT_EQ(page[0].id, ids[2]);
    EXPECT_EQ(page[1].name, "p3");
    EXPECT_THROW(list(home.a, {.limit = 1001}), InvalidArgument);
    remove(home.a, ids[0]);
    EXPECT_EQ(used(home.a), 4);
    EXPECT_NO_THROW(create(home.a, "room again"));
}

TEST_F(ProjectRows, OfAnotherTenantDoNotExist) {
    const auto theirs = create(home.b, "theirs");
    EXPECT_TRUE(list(home.a).empty());
    EXPECT_FALSE(home.read(home.a, [&](db::Reader& r) { return find(r, theirs.id); }));
    EXPECT_THROW(remove(home.a, theirs.id), NotFound);
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) { rename(tx, home.alice, theirs.id, "mine", home.now()); }), NotFound);
    EXPECT_EQ(list(home.b)[0].name, "theirs");
    EXPECT_EQ(used(home.a), 0);
}

TEST_F(ProjectRows, LeaveARecordOfEveryChange) {
    const auto project = create(home.a, "first");
    home.write(home.a, [&](db::Tx& tx) { rename(tx, home.alice, project.id, "second", home.now()); });
    EXPECT_EQ(list(home.a)[0].name, "second");
    remove(home.a, project.id);
    const auto records = home.read(home.a, [](db::Reader& r) { return audit::list(r, {.action = "project."}); });
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records[1].details, R"({"name":"second","was":"first"})");
    EXPECT_EQ(records[2].target, project.id.text());
    EXPECT_EQ(records[2].actor, "alice");
}

TEST_F(ProjectRows, HaveNamesThatCanBeShown) {
    for (const auto& name : {std::string(), std::string("a\0b", 3), std::string(4096, 'x'), std::string("\xff")})
        EXPECT_THROW(create(home.a, name), InvalidArgument);
    EXPECT_NO_THROW(create(home.a, "../etc")) << "a name is no path";
    EXPECT_EQ(used(home.a), 1);
}

}  // namespace
}  // namespace tenon::tenant::projects
