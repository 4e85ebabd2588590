// A disk that is full under the repository or under the workspace.
#include "engine_fixture.hpp"

#include <fstream>
#include <random>

#include <media/files.hpp>

namespace {

using namespace tenon;

class FullDisk : public tests::EngineTest {
protected:
    void SetUp() override {
        // The disks lie under what the engine makes when it opens a session; nothing of it is open yet.
        mine.emplace(session(acme));
        project = mine->projects().create({.name = "reel"}).id;
    }
    std::filesystem::path home() const { return folder.path() / "home"; }
    std::filesystem::path repository() const { return home() / "backups" / acme.id.text(); }
    std::filesystem::path documents() const { return mine->workspace() / "projects" / "documents"; }
    static void write(const std::filesystem::path& path, std::size_t size) {
        std::filesystem::create_directories(path.parent_path());
        std::mt19937_64 random(size);
        std::string noise(size, '\0');
        for (auto& byte : noise) byte = static_cast<char>(random());
        std::ofstream(path, std::ios::binary) << noise;
    }
    static std::int64_t weight(const std::filesystem::path& root) {
        std::int64_t total = 0;
        if (!std::filesystem::exists(root)) return 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
            if (entry.is_regular_file()) total += static_cast<std::int64_t>(entry.file_size());
        return total;
    }

    std::optional<Session> mine;
    ProjectId project;
};

TEST_F(FullDisk, under_the_repository_ends_the_backup_as_no_space) {
    std::filesystem::create_directories(home() / "backups");
    const test::SmallDisk small(home() / "backups", "size=3m");
    if (!small) GTEST_SKIP() << "needs the right to mount";
    for (int i = 0; i < 6; ++i) write(documents() / ("file" + std::to_string(i)), 1'000'000 + static_cast<std::size_t>(i));
    auto job = mine->backups().start({.name = "nightly"});
    EXPECT_THROW(job.result(), NoSpace);
    EXPECT_EQ(job.state(), JobState::failed);
    EXPECT_TRUE(mine->backups().list().empty());
    EXPECT_EQ(reserved(*mine, Resource::storage), 0);
    EXPECT_EQ(mine->projects().list().size(), 1u) << "everything else goes on";
    EXPECT_TRUE(mine->backups().check().result().problems.empty());

    for (int i = 1; i < 6; ++i) std::filesystem::remove(documents() / ("file" + std::to_string(i)));
    EXPECT_EQ(mine->backups().start({.name = "nightly"}).result().snapshot.files, 1);
    EXPECT_EQ(used(*mine, Resource::storage), weight(repository()));
    EXPECT_EQ(reserved(*mine, Resource::storage), 0);
    EXPECT_TRUE(mine->backups().check().result().problems.empty());
    engine.reset();  // before the disk goes
}

TEST_F(FullDisk, under_the_workspace_ends_the_restore_as_no_space_with_whole_files_only) {
    const test::SmallDisk small(mine->workspace() / "projects", "size=8m");
    if (!small) GTEST_SKIP() << "needs the right to mount";
    for (int i = 0; i < 12; ++i) write(documents() / ("file" + std::to_string(i)), 300'000 + static_cast<std::size_t>(i));
    const auto id = mine->backups().start({.name = "nightly"}).result().snapshot.id;
    std::filesystem::remove_all(documents());
    const auto filler = mine->workspace() / "projects" / "filler";
    write(filler, 6'500'000);
    auto job = mine->backups().restore({.snapshot = id});
    EXPECT_THROW(job.result(), NoSpace);
    EXPECT_EQ(job.state(), JobState::failed);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(mine->workspace() / "projects")) {
        if (!entry.is_regular_file() || entry.path() == filler) continue;
        const auto name = entry.path().filename().string();
        ASSERT_TRUE(name.starts_with("file")) << name;
        EXPECT_EQ(entry.file_size(), 300'000u + std::stoul(name.substr(4))) << "whole or not there";
    }
    EXPECT_EQ(used(*mine, Resource::storage), weight(repository()) + weight(documents()));
    EXPECT_EQ(reserved(*mine, Resource::storage), 0);
    std::filesystem::remove(filler);
    EXPECT_EQ(mine->backups().restore({.snapshot = id}).result().files, 12);
    EXPECT_EQ(used(*mine, Resource::storage), weight(repository()) + weight(documents()));
    EXPECT_EQ(weight(documents()), 12 * 300'000 + 66);
    engine.reset();
}

}  // namespace
