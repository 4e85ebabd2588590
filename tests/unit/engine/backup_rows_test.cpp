// The tenant's rows in a backup of its workspace, through the public interface.
#include "engine_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include <boost/json.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class BackupRowsTest : public tests::EngineTest {
protected:
    BackupRowsTest() { clip = mine.assets().import_file({.project = project.id, .path = tests::footage / "clapper.mp4", .name = "clap"}); }


    std::string read(const SnapshotId& id, const std::string& path) {
        auto file = mine.backups().open_file({.snapshot = id, .path = path});
        const auto bytes = file.read(0, 64 << 20);
        return {bytes.begin(), bytes.end()};
    }
    std::vector<boost::json::object> lines(const SnapshotId& id, const std::string& kind) {
        std::vector<boost::json::object> found;
        std::istringstream text(read(id, "rows/" + kind + ".jsonl"));
        for (std::string line; std::getline(text, line);) found.push_back(boost::json::parse(line).as_object());
        return found;
    }
    /// All files of a snapshot, by path.
    std::set<std::string> files(const SnapshotId& id, const std::string& path = "") {
        std::set<std::string> found;
        for (const auto& entry : mine.backups().browse({.snapshot = id, .path = path})) {
            const auto at = path.empty() ? entry.name : path + "/" + entry.name;
            if (entry.kind == FileKind::folder) found.merge(files(id, at));
            else found.insert(at);
        }
        return found;
    }

    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
    Asset clip;
};

TEST_F(BackupRowsTest, a_snapshot_tells_what_the_rows_say) {
    const auto result = mine.backups().start({.name = "whole", .include_rows = true}).result();
    EXPECT_TRUE(result.problems.empty());
    const auto id = result.snapshot.id;
    const auto assets = lines(id, "asset");
    ASSERT_EQ(assets.size(), 1u);
    EXPECT_EQ(assets.front().at("id").as_string(), clip.id.text());
    EXPECT_EQ(assets.front().at("name").as_string(), "clap");
    EXPECT_TRUE(files(id).contains(std::string(assets.front().at("path").as_string())));
    EXPECT_EQ(lines(id, "project").size(), 1u);
    EXPECT_EQ(lines(id, "tenant").front().at("name").as_string(), "Acme");
    EXPECT_FALSE(lines(id, "audit").empty());
    const auto about = boost::json::parse(read(id, "rows/about.json")).as_object();
    EXPECT_EQ(about.at("records").as_object().at("asset").as_int64(), 1);
    EXPECT_EQ(about.at("tenant").as_string(), acme.id.text());
    EXPECT_EQ(about.at("v").as_int64(), 1);

    const auto without = mine.backups().start({.name = "files"}).result();
    EXPECT_EQ(without.files_new, 0) << "rows change nothing of which snapshot this one follows";
    for (const auto& entry : mine.backups().browse({.snapshot = without.snapshot.id})) EXPECT_NE(entry.name, "rows");
    const auto again = mine.backups().start({.name = "whole", .include = {"exports"}, .include_rows = true}).result();
    EXPECT_EQ(lines(again.snapshot.id, "asset").size(), 1u) << "whatever else is taken";
    for (const auto& entry : std::filesystem::directory_iterator(mine.workspace() / "temp")) ADD_FAILURE() << entry.path() << " was left";
}

TEST_F(BackupRowsTest, rows_are_restored_to_folders_and_into_no_workspace) {
    const auto id = mine.backups().start({.name = "whole", .include_rows = true}).result().snapshot.id;
    mine.backups().restore({.snapshot = id}).join();
    EXPECT_FALSE(std::filesystem::exists(mine.workspace() / "rows"));
    EXPECT_EQ(mine.backups().preview({.snapshot = id}).files_new, 0);
    EXPECT_THROW(mine.backups().restore({.snapshot = id, .paths = {"rows/asset.jsonl"}}), InvalidArgument);
    const auto back = folder.path() / "back";
    mine.backups().restore({.snapshot = id, .target = back}).join();
    EXPECT_TRUE(std::filesystem::exists(back / "rows/asset.jsonl"));
    mine.backups().restore({.snapshot = id, .target = folder.path() / "part", .paths = {"rows"}}).join();
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "part/rows/about.json"));
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "part/projects"));
}

TEST_F(BackupRowsTest, only_who_may_take_everything_out_has_them_told) {
    EXPECT_THROW(session(acme, Role::admin).backups().start({.name = "x", .include_rows = true}), PermissionDenied);
    session(acme, Role::admin).backups().start({.name = "x"}).join();
    const BackupScheduleOptions daily{.name = "s", .cron = "@daily", .backup = {.name = "x", .include_rows = true}};
    EXPECT_THROW(session(acme, Role::admin).backups().schedules().create(daily), PermissionDenied);
    mine.backups().schedules().create(daily);
    EXPECT_TRUE(mine.backups().schedules().get("s").options.backup.include_rows);
}

TEST_F(BackupRowsTest, they_name_no_file_that_the_snapshot_lacks) {
    std::atomic<bool> done{false};
    // Assets come and go all the while.
    std::thread busy([&] {
        auto own = session(acme);
        for (int i = 0; !done; ++i) {
            const auto asset = own.assets().import_file({.project = project.id, .path = tests::footage / "clapper.mp4", .name = std::to_string(i)});
            if (i % 3 != 0) own.assets().remove(asset.id);
        }
    });
    int told = 0;
    for (int i = 0; i < 8; ++i) {
        const auto result = mine.backups().start({.name = "busy", .include_rows = true}).result();
        const auto present = files(result.snapshot.id);
        for (const auto& asset : lines(result.snapshot.id, "asset")) {
            const std::string path(asset.at("path").as_string());
            if (present.contains(path)) continue;
            ++told;
            EXPECT_TRUE(std::any_of(result.problems.begin(), result.problems.end(),
                                    [&](const auto& problem) { return problem.find(path) != std::string::npos; }))
                << path << " is neither there nor said to be missing";
        }
    }
    done = true;
    busy.join();
    RecordProperty("said to be missing", told);
    const auto quiet = mine.backups().start({.name = "quiet", .include_rows = true}).result();
    EXPECT_TRUE(quiet.problems.empty());
}

}  // namespace
