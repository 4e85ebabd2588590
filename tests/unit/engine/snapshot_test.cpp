// Snapshots compared, tagged, forgotten, and taken and restored in part, through the public interface.
#include "engine_fixture.hpp"

#include <algorithm>
#include <fstream>
#include <thread>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class Snapshots : public tests::EngineTest {
protected:
    Snapshots() { write("one.txt", "one"); }
    std::filesystem::path documents() const { return mine.workspace() / "projects" / project.id.text() / "documents"; }
    std::string inside() const { return "projects/" + project.id.text() + "/documents"; }
    void write(const std::string& name, const std::string& text) {
        std::filesystem::create_directories((documents() / name).parent_path());
        std::ofstream(documents() / name, std::ios::binary) << text;
    }
    Snapshot back_up(const BackupOptions& options = {.name = "nightly"}) { return mine.backups().start(options).result().snapshot; }
    std::int64_t weight(const std::filesystem::path& root) const {
        std::int64_t total = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
            if (entry.is_regular_file()) total += static_cast<std::int64_t>(entry.file_size());
        return total;
    }

    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
};

TEST_F(Snapshots, two_are_compared) {
    const auto before = back_up();
    write("two.txt", "second");
    write("one.txt", "other");
    const auto after = back_up();
    const auto diff = mine.backups().diff({.before = before.id, .after = after.id});
    EXPECT_EQ(diff.added, 1);
    EXPECT_EQ(diff.modified, 1);
    EXPECT_EQ(diff.removed, 0);
    EXPECT_EQ(diff.bytes_added.count, 6 + 5);
    EXPECT_EQ(diff.bytes_removed.count, 3);
    const auto added = std::find_if(diff.changes.begin(), diff.changes.end(), [](const auto& c) { return c.change == ChangeKind::added; });
    ASSERT_NE(added, diff.changes.end());
    EXPECT_EQ(added->path, inside() + "/two.txt");
    EXPECT_EQ(added->after.count, 6);
    EXPECT_STREQ(to_string(added->change), "added");
    EXPECT_TRUE(mine.backups().diff({.before = before.id, .after = after.id, .limit = 0}).changes.empty());
    EXPECT_EQ(mine.backups().diff({.before = before.id, .after = after.id, .path = inside() + "/two.txt"}).changes.size(), 1u);
    EXPECT_THROW(mine.backups().diff({.before = before.id, .after = after.id, .limit = -1}), InvalidArgument);
    EXPECT_THROW(session(other).backups().diff({.before = before.id, .after = after.id}), NotFound);
}

TEST_F(Snapshots, tags_are_changed_and_found_by) {
    const auto id = back_up({.name = "nightly", .tags = {{"why", "test"}, {"keep", "no"}}}).id;
    back_up();
    auto backups = mine.backups();
    const auto tagged = backups.tag({.snapshot = id, .add = {{"keep", "contract"}}, .remove = {"why", "never"}});
    EXPECT_EQ(tagged.tags, (std::vector<Label>{{"keep", "contract"}}));
    EXPECT_EQ(backups.get(id).tags, (std::vector<Label>{{"keep", "contract"}}));
    EXPECT_EQ(backups.list({.tags = {{"keep", ""}}}).size(), 1u);
    EXPECT_EQ(backups.list({.tags = {{"keep", "contract"}}}).front().id, id);
    EXPECT_TRUE(backups.list({.tags = {{"keep", "no"}}}).empty());
    EXPECT_EQ(mine.audit().list({.action = "backup.tag"}).size(), 1u);
    EXPECT_THROW(backups.tag({.snapshot = id, .add = {{"", "x"}}}), InvalidArgument);
    EXPECT_THROW(session(acme, Role::editor).backups().tag({.snapshot = id}), PermissionDenied);
    EXPECT_THROW(session(other).backups().tag({.snapshot = id}), NotFound);
    engine.reset();
    open();
    EXPECT_EQ(session(acme).backups().get(id).tags, (std::vector<Label>{{"keep", "contract"}})) << "in the repository, not in this process";
}

TEST_F(Snapshots, rules_let_old_ones_go_and_say_why) {
    std::vector<SnapshotId> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(back_up().id);
    auto backups = mine.backups();
    backups.tag({.snapshot = ids[0], .add = {{"keep", "contract"}}});
    ForgetOptions options{.keep = {.last = 2, .tags = {{"keep", ""}}}, .dry_run = true};
    auto result = backups.forget(options);
    EXPECT_EQ(result.kept, 3);
    EXPECT_EQ(result.forgotten, 1);
    ASSERT_EQ(result.snapshots.size(), 4u);
    EXPECT_EQ(result.snapshots[0].reasons, (std::vector<std::string>{"last 1"}));
    EXPECT_FALSE(result.snapshots[2].kept);
    EXPECT_EQ(result.snapshots[3].reasons, (std::vector<std::string>{"tag keep"}));
    EXPECT_EQ(backups.list().size(), 4u) << "only said";
    EXPECT_TRUE(mine.audit().list({.action = "backup.forget"}).empty());

    options.dry_run = false;
    EXPECT_EQ(backups.forget(options).forgotten, 1);
    EXPECT_EQ(backups.list().size(), 3u);
    EXPECT_FALSE(backups.find(ids[1]));
    EXPECT_THROW(backups.restore({.snapshot = ids[1]}), NotFound);
    EXPECT_EQ(mine.audit().list({.action = "backup.forget"}).size(), 1u);
    EXPECT_EQ(used(mine, Resource::storage), weight(folder.path() / "home/backups" / acme.id.text())) << "what forgetting wrote is booked";

    EXPECT_EQ(backups.forget({.snapshots = {ids[0]}}).forgotten, 1) << "by hand, whatever rules say";
    EXPECT_EQ(backups.list().size(), 2u);
    EXPECT_THROW(backups.forget({.snapshots = {ids[0]}}), NotFound);
    EXPECT_THROW(backups.forget({}), InvalidArgument) << "rules that keep nothing";
    EXPECT_TRUE(backups.forget({.keep = {.last = 1}, .name = "another"}).snapshots.empty());
    EXPECT_TRUE(backups.check().result().problems.empty());
    backups.restore({.snapshot = ids[3], .target = folder.path() / "back"}).join();
}

TEST_F(Snapshots, only_who_may_forgets) {
    const auto id = back_up().id;
    for (const auto role : {Role::editor, Role::viewer, Role::auditor})
        EXPECT_THROW(session(acme, role).backups().forget({.snapshots = {id}}), PermissionDenied);
    EXPECT_THROW(session(other).backups().forget({.snapshots = {id}}), NotFound);
    EXPECT_TRUE(mine.backups().find(id));
    EXPECT_EQ(session(acme, Role::admin).backups().forget({.snapshots = {id}}).forgotten, 1);
}

TEST_F(Snapshots, parts_are_left_out_of_backups_and_restores) {
    write("draft.tmp", "draft");
    write("cache/big", "big");
    write("kept/cache.txt", "kept");
    const auto id = back_up({.name = "nightly", .exclude = {"*.tmp", "projects/**/cache/"}, .limits = {.upload_per_second = Bytes{100'000'000}}}).id;
    std::vector<std::string> names;
    for (const auto& entry : mine.backups().browse({.snapshot = id, .path = inside()})) names.push_back(entry.name);
    EXPECT_EQ(names, (std::vector<std::string>{"kept", "one.txt"}));
    const auto back = folder.path() / "back";
    mine.backups()
        .restore({.snapshot = id, .target = back, .paths = {inside()}, .exclude = {"one.*"}, .limits = {.download_per_second = Bytes{100'000'000}}})
        .join();
    EXPECT_TRUE(std::filesystem::exists(back / inside() / "kept/cache.txt"));
    EXPECT_FALSE(std::filesystem::exists(back / inside() / "one.txt"));
    EXPECT_THROW(mine.backups().start({.name = "x", .exclude = {""}}), InvalidArgument);
    EXPECT_THROW(mine.backups().start({.name = "x", .limits = {.upload_per_second = Bytes{-1}}}), InvalidArgument);
    EXPECT_THROW(mine.backups().restore({.snapshot = id, .exclude = {"/"}}), InvalidArgument);
    EXPECT_GT(mine.backups().get(id).stored->count, 0);
}

TEST_F(Snapshots, tags_of_callers_at_once_all_stay) {
    const auto id = mine.backups().start({.name = "nightly"}).result().snapshot.id;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller)
        callers.emplace_back([&, caller] {
            auto backups = session(acme).backups();
            for (int i = 0; i < 3; ++i) backups.tag({.snapshot = id, .add = {{"t" + std::to_string(caller) + std::to_string(i), "x"}}});
        });
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(mine.backups().get(id).tags.size(), 12u);
}

}  // namespace
