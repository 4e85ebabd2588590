#include "engine_fixture.hpp"

#include <fstream>
#include <random>
#include <thread>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class BackupsTest : public tests::EngineTest {
protected:
    static std::string bytes_of(const std::filesystem::path& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    static std::int64_t weight(const std::filesystem::path& folder) {
        std::int64_t total = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
            if (entry.is_regular_file()) total += static_cast<std::int64_t>(entry.file_size());
        return total;
    }
    std::filesystem::path repository() const { return folder.path() / "home" / "backups" / acme.id.text(); }
    /// For good, as its parity goes, too.
    std::filesystem::path damage_largest_pack() const {
        std::filesystem::remove_all(repository() / "par");
        std::filesystem::path pack;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(repository() / "packs"))
            if (entry.is_regular_file() && (pack.empty() || entry.file_size() > std::filesystem::file_size(pack))) pack = entry.path();
        std::filesystem::permissions(pack, std::filesystem::perms::owner_all);
        std::fstream file(pack, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(100'000);
        file.put('x');
        file.put('y');
        return pack;
    }

    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
    Asset asset = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
};

TEST_F(BackupsTest, a_second_one_is_refused_by_the_one_that_waits_and_a_snapshot_nobody_can_read_is_forgotten_by_its_id) {
    const auto hurt = mine.backups().start({.name = "first"}).result().snapshot.id;
    mine.jobs().pause("backup");
    auto waits = mine.backups().start({.name = "nightly"});
    for (const auto* name : {"nightly", "other"}) {
        try {
            (void)mine.backups().start({.name = name});
            FAIL() << name;
        } catch (const Conflict& error) {
            EXPECT_EQ(error.subject(), waits.id().text());
            EXPECT_NE(std::string(error.what()).find("a backup of this tenant is waiting already"), std::string::npos) << error.what();
        }
    }
    mine.jobs().resume("backup");
    const auto stays = waits.result().snapshot.id;
    EXPECT_EQ(mine.backups().start({.name = "other"}).result().snapshot.name, "other");

    for (const auto& entry : std::filesystem::recursive_directory_iterator(repository())) {
        if (entry.path().filename().string().find(hurt.text().substr(4)) == std::string::npos) continue;
        std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
        std::ofstream(entry.path()) << "nothing";  // its copy, too
    }
    EXPECT_THROW(mine.backups().prune().join(), Corrupt);
    EXPECT_EQ(mine.backups().list().size(), 2u);
    const auto said = mine.backups().forget({.snapshots = {hurt}, .dry_run = true});
    ASSERT_EQ(said.snapshots.size(), 1u);
    EXPECT_EQ(said.snapshots.front().snapshot.id, hurt);
    EXPECT_GT(said.snapshots.front().snapshot.taken_at, Time{}) << "as its id says";
    EXPECT_EQ(mine.backups().forget({.snapshots = {hurt, stays}}).forgotten, 2);
    EXPECT_THROW(mine.backups().forget({.snapshots = {hurt}}), NotFound);
    mine.backups().prune().join();
    EXPECT_TRUE(mine.backups().check().result().problems.empty());
}

TEST_F(BackupsTest, a_lost_workspace_comes_back_byte_for_byte) {
    const auto before = used(mine, Resource::storage);
    auto job = mine.backups().start({.name = "nightly", .tags = {{"why", "test"}}});
    const auto result = job.result();
    EXPECT_EQ(result.snapshot.name, "nightly");
    EXPECT_EQ(result.snapshot.tags, (std::vector<Label>{{"why", "test"}}));
    EXPECT_EQ(result.snapshot.files, 2) << "the clip and its thumbnail";
    EXPECT_TRUE(result.problems.empty());
    EXPECT_EQ(used(mine, Resource::storage) - before, weight(repository())) << "what is charged is what lies on disk";
    EXPECT_EQ(reserved(mine, Resource::storage), 0);

    const auto original = bytes_of(asset.path);
    std::filesystem::remove_all(mine.workspace() / "projects");
    const auto restored = mine.backups().restore({.snapshot = result.snapshot.id}).result();
    EXPECT_EQ(restored.files, 2);
    EXPECT_EQ(bytes_of(asset.path), original);
    EXPECT_EQ(mine.backups().restore({.snapshot = result.snapshot.id}).result().files_unchanged, 2);

    mine.backups().restore({.snapshot = result.snapshot.id, .target = folder.path() / "elsewhere", .paths = {"projects"}}).join();
    EXPECT_EQ(bytes_of(folder.path() / "elsewhere" / asset.path.lexically_relative(mine.workspace())), original);
    EXPECT_TRUE(mine.backups().check().result().problems.empty());
}

TEST_F(BackupsTest, a_second_backup_stores_almost_nothing) {
    const auto first = mine.backups().start({.name = "one"}).result();
    const auto second = mine.backups().start({.name = "two"}).result();
    EXPECT_LT(second.stored.count, first.stored.count / 10);
    EXPECT_EQ(mine.backups().list().size(), 2u);
    EXPECT_EQ(mine.backups().list({.name = "one"}).size(), 1u);
    EXPECT_EQ(mine.backups().get(first.snapshot.id).name, "one");
    std::vector<std::string> names;
    for (const auto& entry : mine.backups().browse({.snapshot = first.snapshot.id})) names.push_back(entry.name);
    EXPECT_EQ(names, (std::vector<std::string>{"exports", "projects"}));
}

TEST_F(BackupsTest, another_tenant_sees_none_of_it) {
    const auto result = mine.backups().start({.name = "nightly"}).result();
    auto theirs = session(other).backups();
    EXPECT_TRUE(theirs.list().empty());
    EXPECT_FALSE(theirs.find(result.snapshot.id));
    EXPECT_THROW(theirs.restore({.snapshot = result.snapshot.id}), NotFound);
    EXPECT_THROW(theirs.browse({.snapshot = result.snapshot.id}), NotFound);
    EXPECT_THROW(theirs.keys().unlock("a password"), NotFound);
}

TEST_F(BackupsTest, a_password_opens_what_this_home_has_lost_the_key_to) {
    const auto result = mine.backups().start({.name = "nightly"}).result();
    EXPECT_THROW(mine.backups().keys().add_password("short", "x"), InvalidArgument);
    const auto slot = mine.backups().keys().add_password("correct horse", "safe");
    EXPECT_EQ(slot.kind, "password");
    EXPECT_EQ(mine.backups().keys().list().size(), 2u);
    engine.reset();
    std::filesystem::remove(folder.path() / "home" / "keys" / "backup" / (acme.id.text() + ".key"));
    open();
    auto again = session(acme).backups();
    EXPECT_THROW(again.list(), PermissionDenied);
    EXPECT_THROW(again.keys().unlock("wrong horse"), PermissionDenied);
    EXPECT_THROW(again.list(), PermissionDenied);
    again.keys().unlock("correct horse");
    EXPECT_EQ(again.list().size(), 1u);
    again.restore({.snapshot = result.snapshot.id, .target = folder.path() / "rescued"}).join();
    // The home has a key of its own again, which the next process finds.
    engine.reset();
    open();
    again = session(acme).backups();
    EXPECT_EQ(again.list().size(), 1u);
    EXPECT_EQ(again.keys().list().size(), 3u) << "the lost key, the password, the new key";
    again.keys().remove(slot.number);
    again.keys().remove(again.keys().list().front().number);
    EXPECT_THROW(again.keys().remove(again.keys().list().front().number), Conflict);
    EXPECT_EQ(session(acme).audit().list({.action = "backup.unlock"}).size(), 3u) << "a wrong password leaves a refusal, too";
}

TEST_F(BackupsTest, a_repository_that_is_away_is_not_replaced) {
    mine.backups().start({.name = "nightly"}).join();
    engine.reset();
    std::filesystem::rename(repository(), folder.path() / "unmounted");
    open();
    auto backups = session(acme).backups();
    EXPECT_THROW(backups.list(), Unavailable);
    EXPECT_THROW(backups.start({.name = "nightly"}).result(), Unavailable);
    EXPECT_THROW(backups.check().result(), Unavailable);
    engine.reset();
    std::filesystem::remove_all(repository());
    std::filesystem::rename(folder.path() / "unmounted", repository());
    open();
    EXPECT_EQ(session(acme).backups().list().size(), 1u);
    EXPECT_TRUE(session(acme).backups().check().result().problems.empty());
}

TEST_F(BackupsTest, paths_into_the_home_are_refused) {
    const auto id = mine.backups().start({.name = "nightly"}).result().snapshot.id;
    const auto home = folder.path() / "home";
    const auto theirs = session(other);
    for (const auto& target : {home, home / "keys", theirs.workspace(), mine.workspace() / "exports" / ".." / ".." / other.id.text()})
        EXPECT_THROW(mine.backups().restore({.snapshot = id, .target = target}), PermissionDenied) << target;
    EXPECT_THROW(mine.pictures().contact_sheet({.asset = asset.id, .target = home / "metadata.db"}), PermissionDenied);
    std::filesystem::create_symlink(asset.path, folder.path() / "link.mp4");
    const auto their_project = session(other).projects().create({.name = "x"});
    EXPECT_THROW(session(other).assets().import_file({.project = their_project.id, .path = folder.path() / "link.mp4"}), PermissionDenied);
    EXPECT_NO_THROW(mine.assets().import_file({.project = project.id, .path = asset.path}));
}

TEST_F(BackupsTest, a_full_plan_ends_the_backup_and_holds_nothing) {
    const auto limit = *mine.quotas().get(Resource::storage).limit;
    auto hold = mine.quotas().reserve({.asks = {{Resource::storage, limit - used(mine, Resource::storage) - 1000}}});
    auto job = mine.backups().start({.name = "nightly"});
    EXPECT_THROW(job.result(), QuotaExceeded);
    EXPECT_EQ(job.state(), JobState::failed);
    hold.release();
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_TRUE(mine.backups().list().empty());
    EXPECT_NO_THROW(mine.backups().start({.name = "nightly"}).join());
    EXPECT_TRUE(mine.backups().check().result().problems.empty());
}

TEST_F(BackupsTest, a_cancelled_backup_says_how_far_it_was_and_leaves_nothing) {
    const auto documents = mine.workspace() / "projects" / project.id.text() / "documents";
    std::filesystem::create_directories(documents);
    std::mt19937_64 random(1);
    std::string noise(8'000'000, ' ');
    for (auto& byte : noise) byte = static_cast<char>(random());
    std::ofstream(documents / "noise", std::ios::binary) << noise;
    const auto before = used(mine, Resource::storage);
    auto job = mine.backups().start({.name = "nightly", .limits = {.upload_per_second = Bytes{1000}}});  // for hours
    Progress progress;
    for (const auto deadline = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < deadline;) {
        progress = job.progress();
        if (progress.done > 0 && progress.total > 0) break;
        std::this_thread::sleep_for(5ms);
    }
    EXPECT_EQ(progress.stage, "backup");
    EXPECT_EQ(progress.unit, "bytes");
    EXPECT_EQ(progress.total, weight(mine.workspace() / "projects"));
    EXPECT_GT(progress.done, 0);
    EXPECT_LT(progress.percent, 100);
    job.cancel();
    ASSERT_TRUE(job.join_for(60s));
    EXPECT_EQ(job.state(), JobState::cancelled);
    EXPECT_THROW(job.result(), Cancelled);
    EXPECT_TRUE(mine.backups().list().empty());
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_TRUE(mine.backups().check().result().problems.empty());

    EXPECT_EQ(mine.backups().start({.name = "nightly"}).result().snapshot.files, 3);
    EXPECT_EQ(used(mine, Resource::storage) - before, weight(repository()));
    EXPECT_EQ(mine.backups().list().size(), 1u);
}

TEST_F(BackupsTest, damage_is_reported_by_name) {
    mine.backups().start({.name = "nightly"}).join();
    const auto pack = damage_largest_pack();
    const auto report = mine.backups().check().result();
    ASSERT_FALSE(report.problems.empty());
    EXPECT_NE(report.problems.front().find(pack.filename().string()), std::string::npos) << report.problems.front();
    std::filesystem::remove_all(mine.workspace() / "projects");
    EXPECT_THROW(mine.backups().restore({.snapshot = mine.backups().list().front().id}).result(), Corrupt);
}

TEST_F(BackupsTest, a_backup_after_damage_was_found_can_be_restored) {
    const auto before = used(mine, Resource::storage);
    mine.backups().start({.name = "nightly"}).join();
    damage_largest_pack();
    ASSERT_FALSE(mine.backups().check().result().problems.empty());
    EXPECT_EQ(used(mine, Resource::storage) - before, weight(repository())) << "what the check kept is charged";
    const auto after = mine.backups().start({.name = "after"}).result();
    EXPECT_GT(after.files_new, 0);
    const auto sizes = weight(mine.workspace() / "projects");
    std::filesystem::remove_all(mine.workspace() / "projects");
    EXPECT_EQ(mine.backups().restore({.snapshot = after.snapshot.id}).result().files, after.snapshot.files);
    EXPECT_EQ(weight(mine.workspace() / "projects"), sizes);
}

TEST_F(BackupsTest, what_was_never_backed_up_is_not_called_whole) {
    auto job = mine.backups().check();
    EXPECT_THROW(job.result(), NotFound);
    EXPECT_EQ(job.state(), JobState::failed);
}

TEST_F(BackupsTest, what_a_job_could_not_read_later_is_refused_at_once) {
    const auto id = mine.backups().start({.name = "nightly"}).result().snapshot.id;
    const std::vector<std::string> long_paths(300, std::string(4000, 'x'));
    EXPECT_THROW(mine.backups().restore({.snapshot = id, .target = folder.path() / "out", .paths = long_paths}), InvalidArgument);
    EXPECT_THROW(mine.backups().start({.name = "nightly", .exclude = long_paths}), InvalidArgument);
    EXPECT_THROW(mine.backups().start({.name = "nightly", .exclude = {"caf\xe9"}}), InvalidArgument);
    EXPECT_THROW(mine.backups().restore({.snapshot = id, .target = folder.path() / "caf\xe9"}), InvalidArgument);
    EXPECT_THROW(mine.backups().restore({.snapshot = id, .target = folder.path() / "out", .paths = {"caf\xe9"}}), InvalidArgument);
}

TEST_F(BackupsTest, a_failure_that_names_such_a_path_ends_its_job) {
    const auto odd = folder.path() / "caf\xe9";
    engine.reset();
    std::filesystem::rename(folder.path() / "home", odd);
    auto elsewhere = options();
    elsewhere.home = odd;
    engine.emplace(elsewhere);
    auto here = session(acme);
    auto job = here.backups().start({.name = "nightly"});
    const auto snapshot = job.result().snapshot.id;
    EXPECT_EQ(here.backups().restore({.snapshot = snapshot}).result().target, here.workspace());
    std::filesystem::rename(odd / "backups" / acme.id.text(), folder.path() / "unmounted");
    engine.emplace(elsewhere);
    auto failing = session(acme).backups().start({.name = "nightly"});
    EXPECT_THROW(failing.result(), Unavailable);
    EXPECT_EQ(failing.info().attempt, failing.info().max_attempts) << "it was not taken for one that died";
}

}  // namespace
