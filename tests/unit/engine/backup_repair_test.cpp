#include <filesystem>
#include <fstream>

#include "engine_fixture.hpp"

namespace tenon::tests {
namespace {

class BackupRepairTest : public EngineTest {
protected:
    std::filesystem::path repository(const Tenant& tenant) const { return folder.path() / "home" / "backups" / tenant.id.text(); }
    static std::int64_t weight(const std::filesystem::path& root) {
        std::int64_t total = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
            if (entry.is_regular_file()) total += static_cast<std::int64_t>(entry.file_size());
        return total;
    }
    static std::string bytes_of(const std::filesystem::path& path) {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    static void spoil(const std::filesystem::path& root) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
            if (!entry.is_regular_file()) continue;
            std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
            std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(static_cast<std::streamoff>(entry.file_size() / 2));
            file.put('\x5a').put('\x5b');
        }
    }
    static std::map<std::string, std::string> all_of(const std::filesystem::path& root) {
        std::map<std::string, std::string> all;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
            if (entry.is_regular_file()) all[std::filesystem::relative(entry.path(), root).string()] = bytes_of(entry.path());
        return all;
    }

    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
    Asset asset = mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
};

TEST_F(BackupRepairTest, parity_is_kept_by_default_charged_and_mends_what_a_disk_has_spoilt) {
    const auto before = used(mine, Resource::storage);
    const auto id = mine.backups().start({.name = "nightly"}).result().snapshot.id;
    EXPECT_EQ(used(mine, Resource::storage) - before, weight(repository(acme)));
    EXPECT_TRUE(std::filesystem::exists(repository(acme) / "par" / "packs"));
    const auto good = all_of(repository(acme) / "packs");
    spoil(repository(acme) / "packs");
    const auto report = mine.backups().check().result();
    EXPECT_GT(report.problems.size(), 0u);
    EXPECT_GT(report.repairable, 0);
    const auto result = mine.backups().repair().result();
    EXPECT_GT(result.repaired, 0);
    EXPECT_TRUE(result.damaged.empty());
    EXPECT_TRUE(result.problems.empty());
    EXPECT_EQ(all_of(repository(acme) / "packs"), good);
    EXPECT_EQ(used(mine, Resource::storage) - before, weight(repository(acme)));

    // A restore mends on its way what it meets.
    spoil(repository(acme) / "packs");
    std::filesystem::remove_all(mine.workspace() / "projects");
    EXPECT_GT(mine.backups().restore({.snapshot = id}).result().files, 0);
    EXPECT_TRUE(mine.backups().repair().result().problems.empty());
    EXPECT_EQ(all_of(repository(acme) / "packs"), good);
}

TEST_F(BackupRepairTest, what_is_asked_for_is_what_a_home_keeps) {
    mine.backups().start({.name = "nightly"}).join();
    const auto thin = weight(repository(acme) / "par");
    auto wanted = options();
    engine->close();
    wanted.backup_parity = BackupParity::full;
    engine.emplace(wanted);
    mine = session(acme);
    std::filesystem::remove_all(repository(acme) / "par");
    const auto unprotected = mine.backups().check({.level = CheckLevel::structure}).result().unprotected;
    EXPECT_GT(unprotected, 0);
    EXPECT_EQ(mine.backups().repair({.level = CheckLevel::structure}).result().protected_again, unprotected);
    EXPECT_GT(weight(repository(acme) / "par"), thin);
    engine->close();
    wanted.backup_parity = BackupParity::none;
    engine.emplace(wanted);
    mine = session(acme);
    std::filesystem::remove_all(repository(acme) / "par");
    mine.backups().start({.name = "without"}).join();
    EXPECT_FALSE(std::filesystem::exists(repository(acme) / "par"));
    EXPECT_EQ(mine.backups().check({.level = CheckLevel::structure}).result().unprotected, 0);
    engine->close();
    wanted.backup_parity = static_cast<BackupParity>(9);
    EXPECT_THROW(Engine{wanted}, InvalidArgument);
}

TEST_F(BackupRepairTest, what_is_lost_is_named_salvaged_and_read_again_from_the_workspace) {
    const auto id = mine.backups().start({.name = "nightly"}).result().snapshot.id;
    std::filesystem::remove_all(repository(acme) / "par");
    std::filesystem::path largest;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(repository(acme) / "packs"))
        if (entry.is_regular_file() && (largest.empty() || entry.file_size() > std::filesystem::file_size(largest))) largest = entry.path();
    std::filesystem::permissions(largest, std::filesystem::perms::owner_all);
    {
        std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(largest) / 2));
        file.put('\x5a').put('\x5b');
    }
    const auto stored_only = mine.backups().repair({.reread = false}).result();
    ASSERT_FALSE(stored_only.damaged.empty());
    EXPECT_EQ(stored_only.damaged.front().snapshot, id);
    EXPECT_TRUE(stored_only.damaged.front().path.starts_with("projects/")) << stored_only.damaged.front().path;
    EXPECT_THROW(mine.backups().restore({.snapshot = id, .target = folder.path() / "out"}).result(), Corrupt);
    const auto saved = mine.backups().restore({.snapshot = id, .target = folder.path() / "saved", .salvage = true}).result();
    EXPECT_EQ(saved.damaged.size(), stored_only.damaged.size());
    const auto again = mine.backups().repair().result();
    EXPECT_GT(again.reread.count, 0);
    EXPECT_TRUE(again.damaged.empty());
    EXPECT_EQ(mine.backups().restore({.snapshot = id, .target = folder.path() / "whole"}).result().damaged.size(), 0u);
}

TEST_F(BackupRepairTest, checks_of_a_part_go_on_where_the_last_one_ended_and_say_since_when_all_has_been_read) {
    for (int i = 0; i < 4; ++i) {
        std::ofstream(mine.workspace() / "projects" / ("more" + std::to_string(i))) << "more of it " << i;
        mine.backups().start({.name = "nightly"}).join();
    }
    const auto part = [&](std::int32_t percent) { return mine.backups().check({.level = CheckLevel::objects, .percent = percent}).result(); };
    const auto now = [] { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); };
    EXPECT_FALSE(mine.backups().check({.level = CheckLevel::structure}).result().read_since) << "that reads nothing of it";
    // A pack may be most of all, and the last one: nobody knows after which of them all has been read.
    const Time first = now();
    std::optional<Time> since;
    for (int looks = 0; !since && looks < 11; ++looks) since = part(10).read_since;
    ASSERT_TRUE(since) << "ten of ten are all";
    EXPECT_GE(*since, first);
    const Time began = now();
    const auto whole = part(100).read_since;
    ASSERT_TRUE(whole);
    EXPECT_GE(*whole, began);
    const Time later = now();
    if (const auto other_level = mine.backups().check({.percent = 10}).result().read_since) {
        EXPECT_GE(*other_level, later) << "the levels go round by themselves";
    }
    // Of another engine on the same home, too.
    engine->close();
    open();
    mine = session(acme);
    EXPECT_EQ(part(1).read_since, whole);
    for (const std::int32_t percent : {-1, 0, 101}) EXPECT_THROW(part(percent), InvalidArgument);
}

TEST_F(BackupRepairTest, is_for_those_who_may_back_up_and_touches_nobody_elses) {
    mine.backups().start({.name = "nightly"}).join();
    Session theirs = session(other);
    theirs.projects().create({.name = "other"});
    theirs.backups().start({.name = "nightly"}).join();
    spoil(repository(other) / "packs");
    const auto spoilt = all_of(repository(other));
    EXPECT_EQ(mine.backups().repair().result().repaired, 0);
    EXPECT_EQ(all_of(repository(other)), spoilt);
    EXPECT_GT(theirs.backups().repair().result().repaired, 0);
    EXPECT_THROW(session(acme, Role::viewer).backups().repair(), PermissionDenied);
}

}  // namespace
}  // namespace tenon::tests
