// What is in a snapshot read without restoring it, and what a restore would do, through the public interface.
#include "engine_fixture.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class BackupReadTest : public tests::EngineTest {
protected:
    BackupReadTest() { write("one.txt", "one"); }
    std::filesystem::path documents() const { return mine.workspace() / "projects" / project.id.text() / "documents"; }
    std::string inside() const { return "projects/" + project.id.text() + "/documents"; }
    void write(const std::string& name, const std::string& text) {
        std::filesystem::create_directories((documents() / name).parent_path());
        std::ofstream(documents() / name, std::ios::binary) << text;
    }
    Snapshot back_up(const BackupOptions& options = {.name = "nightly"}) { return mine.backups().start(options).result().snapshot; }
    static std::string text(const Buffer& bytes) { return {bytes.begin(), bytes.end()}; }
    BackupFile open_one(const SnapshotId& id) { return mine.backups().open_file({.snapshot = id, .path = inside() + "/one.txt"}); }

    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
};

TEST_F(BackupReadTest, a_file_is_read_in_ranges) {
    std::string large;
    for (int i = 0; large.size() < 5'000'000; ++i) large += std::to_string(i) + ' ';
    write("large.txt", large);
    const auto id = back_up().id;
    auto file = mine.backups().open_file({.snapshot = id, .path = inside() + "/large.txt"});
    EXPECT_EQ(file.size(), static_cast<std::int64_t>(large.size()));
    EXPECT_EQ(text(file.read(0, 64 << 20)), large);
    EXPECT_EQ(text(file.read(3'000'000, 100)), large.substr(3'000'000, 100));
    EXPECT_EQ(text(file.read(file.size() - 3, 100)), large.substr(large.size() - 3));
    EXPECT_TRUE(file.read(file.size(), 1).empty());
    EXPECT_TRUE(file.read(5, 0).empty());
    EXPECT_THROW(file.read(-1, 1), InvalidArgument);
    EXPECT_THROW(file.read(0, -1), InvalidArgument);
    EXPECT_THROW(file.read(0, (64 << 20) + 1), InvalidArgument);
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 4; ++reader)
        readers.emplace_back([&, reader] {
            for (int i = 0; i < 20; ++i) {
                const auto at = (reader * 7919 + i * 104'729) % 4'900'000;
                EXPECT_EQ(text(file.read(at, 1000)), large.substr(static_cast<std::size_t>(at), 1000));
            }
        });
    for (auto& reader : readers) reader.join();
    file.close();
    EXPECT_THROW(file.read(0, 1), Closed);
    EXPECT_EQ(file.size(), static_cast<std::int64_t>(large.size()));
}

TEST_F(BackupReadTest, only_who_may_restore_reads_and_it_is_recorded) {
    const auto id = back_up().id;
    for (const auto role : {Role::editor, Role::viewer, Role::auditor}) {
        EXPECT_THROW(session(acme, role).backups().open_file({.snapshot = id, .path = inside() + "/one.txt"}), PermissionDenied);
        EXPECT_THROW(session(acme, role).backups().open_archive({.snapshot = id}), PermissionDenied);
        EXPECT_THROW(session(acme, role).backups().preview({.snapshot = id}), PermissionDenied);
    }
    auto theirs = session(other);
    EXPECT_THROW(theirs.backups().open_file({.snapshot = id, .path = inside() + "/one.txt"}), NotFound);
    EXPECT_THROW(theirs.backups().open_archive({.snapshot = id}), NotFound);
    EXPECT_THROW(theirs.backups().preview({.snapshot = id}), NotFound);
    theirs.backups().start({.name = "theirs"}).join();
    EXPECT_THROW(theirs.backups().open_file({.snapshot = id, .path = inside() + "/one.txt"}), NotFound);
    EXPECT_THROW(theirs.backups().open_archive({.snapshot = id}), NotFound);
    EXPECT_THROW(theirs.backups().preview({.snapshot = id}), NotFound);
    EXPECT_THROW(mine.backups().open_file({.snapshot = id, .path = inside()}), InvalidArgument);
    EXPECT_THROW(mine.backups().open_file({.snapshot = id, .path = "nowhere"}), NotFound);
    EXPECT_TRUE(mine.audit().list({.action = "backup.open_file"}).empty()) << "nothing was opened";

    auto file = open_one(id);
    EXPECT_EQ(text(file.read(0, 10)), "one");
    auto archive = mine.backups().open_archive({.snapshot = id, .paths = {inside()}});
    const auto records = mine.audit().list({.action = "backup.open_file"});
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records.front().target, id.text());
    EXPECT_NE(records.front().details.find("one.txt"), std::string::npos) << records.front().details;
    EXPECT_EQ(mine.audit().list({.action = "backup.open_archive"}).size(), 1u);
}

TEST_F(BackupReadTest, an_archive_is_unpacked_by_tar) {
    write("folder/two.txt", "second");
    const auto id = back_up().id;
    auto archive = mine.backups().open_archive(
        {.snapshot = id, .paths = {inside()}, .exclude = {"one.*"}, .download_per_second = Bytes{100'000'000}});
    const auto file = folder.path() / "archive.tar";
    {
        std::ofstream out(file, std::ios::binary);
        for (auto bytes = archive.read(1000); !bytes.empty(); bytes = archive.read(1000))
            out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    EXPECT_TRUE(archive.problems().empty());
    std::filesystem::create_directory(folder.path() / "there");
    ASSERT_EQ(std::system(("tar -xf '" + file.string() + "' -C '" + (folder.path() / "there").string() + "'").c_str()), 0);
    EXPECT_EQ(std::filesystem::file_size(folder.path() / "there" / inside() / "folder/two.txt"), 6u);
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "there" / inside() / "one.txt"));
    archive.close();
    EXPECT_THROW(archive.read(1), Closed);
    EXPECT_THROW(mine.backups().open_archive({.snapshot = id, .paths = {"nowhere"}}), NotFound);
    EXPECT_THROW(mine.backups().open_archive({.snapshot = id, .exclude = {""}}), InvalidArgument);
    EXPECT_THROW(mine.backups().open_archive({.snapshot = id, .download_per_second = Bytes{-1}}), InvalidArgument);
}

TEST_F(BackupReadTest, what_is_erased_meanwhile_reads_as_erased) {
    const auto id = back_up({.name = "people", .erasable = {{inside(), "user-1"}}}).id;
    auto file = open_one(id);
    EXPECT_EQ(text(file.read(0, 10)), "one");
    mine.backups().keys().shred("user-1");
    EXPECT_THROW(file.read(0, 10), NotFound);
    EXPECT_THROW(open_one(id), NotFound);
    auto archive = mine.backups().open_archive({.snapshot = id});
    while (!archive.read(1 << 20).empty()) {
    }
    ASSERT_EQ(archive.problems().size(), 1u);
    EXPECT_NE(archive.problems().front().find("erased"), std::string::npos);
}

TEST_F(BackupReadTest, new_data_keys_and_a_prune_meanwhile_are_no_hindrance) {
    const auto id = back_up().id;
    auto file = open_one(id);
    auto archive = mine.backups().open_archive({.snapshot = id});
    EXPECT_EQ(archive.read(100).size(), 100u);
    mine.backups().keys().rotate_data_key().join();
    write("one.txt", "other");
    const auto later = back_up().id;
    EXPECT_EQ(text(file.read(0, 10)), "one");
    EXPECT_EQ(text(open_one(later).read(0, 10)), "other");
    while (!archive.read(1 << 20).empty()) {
    }
    EXPECT_TRUE(archive.problems().empty());
    mine.backups().forget({.snapshots = {id}});
    mine.backups().prune({.unused_percent = 0}).join();
    EXPECT_THROW(open_one(id), NotFound);
}

TEST_F(BackupReadTest, a_preview_is_what_a_restore_then_does) {
    write("two.txt", "second");
    const auto id = back_up().id;
    write("one.txt", "changed since");
    std::filesystem::remove(documents() / "two.txt");
    write("three.txt", "stays");
    auto backups = mine.backups();
    const auto preview = backups.preview({.snapshot = id});
    EXPECT_EQ(preview.target, mine.workspace());
    EXPECT_EQ(preview.files_new, 1);
    EXPECT_EQ(preview.files_replaced, 1);
    EXPECT_EQ(preview.written.count, 3 + 6);
    EXPECT_EQ(preview.extra, 1);
    EXPECT_FALSE(preview.measured);
    EXPECT_TRUE(preview.problems.empty());
    ASSERT_EQ(preview.changes.size(), 2u);
    for (const auto& change : preview.changes)
        EXPECT_EQ(change.change, change.path.ends_with("two.txt") ? ChangeKind::added : ChangeKind::modified) << change.path;
    EXPECT_FALSE(std::filesystem::exists(documents() / "two.txt")) << "only said";
    EXPECT_TRUE(mine.audit().list({.action = "backup.restore"}).empty());
    const auto done = backups.restore({.snapshot = id}).result();
    EXPECT_EQ(done.files, preview.files);
    EXPECT_EQ(done.files_unchanged, preview.files_unchanged);
    EXPECT_EQ(done.written.count, preview.written.count);
    EXPECT_EQ(backups.preview({.snapshot = id}, false).written.count, 0);

    EXPECT_THROW(backups.preview({.snapshot = id, .target = folder.path() / "home/keys"}), PermissionDenied);
    EXPECT_THROW(backups.preview({.snapshot = id, .exclude = {"/"}}), InvalidArgument);
    EXPECT_THROW(backups.preview({.snapshot = id, .limits = {.download_per_second = Bytes{-1}}}), InvalidArgument);
    EXPECT_THROW(backups.preview({.snapshot = id, .paths = {"nowhere"}}), NotFound);
    const auto elsewhere = folder.path() / "back";
    const auto slow = backups.preview({.snapshot = id, .target = elsewhere, .limits = {.download_per_second = Bytes{10}}});
    EXPECT_GT(slow.time, 1s);
    EXPECT_FALSE(std::filesystem::exists(elsewhere));
    backups.drills().start().join();
    EXPECT_TRUE(backups.preview({.snapshot = id, .target = elsewhere}).measured);
}

TEST_F(BackupReadTest, handles_outlive_the_engine) {
    const auto id = back_up().id;
    auto file = open_one(id);
    auto archive = mine.backups().open_archive({.snapshot = id});
    engine->close();
    EXPECT_THROW(file.read(0, 1), Closed);
    EXPECT_THROW(archive.read(1), Closed);
    file.close();
    archive.close();
}

}  // namespace
