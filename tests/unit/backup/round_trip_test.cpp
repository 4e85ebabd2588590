#include "fixture.hpp"

#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace tenon::tests {
namespace {

using namespace backup;

class RoundTrip : public BackupTest {};

TEST_F(RoundTrip, gives_back_every_byte_and_all_metadata) {
    fill_source();
    const auto at = [&](const char* name) { return source() / name; };
    write(at("script"), "#!/bin/sh\n");
    chmod(at("script").c_str(), 0751);
    chmod(at("folder1").c_str(), 0711);
    symlink("../elsewhere/nothing", at("dangling").c_str());
    link(at("long/one.bin").c_str(), at("second name").c_str());
    mkfifo(at("pipe").c_str(), 0640);
    std::filesystem::create_directories(at("bare"));
    write(at("odd \n name \xff\xfe"), "bytes, not text");
    const bool attributes = setxattr(at("script").c_str(), "user.origin", "camera", 6, 0) == 0;
    {
        const int fd = ::open(at("sparse").c_str(), O_CREAT | O_WRONLY, 0600);
        ASSERT_EQ(pwrite(fd, "start", 5, 0), 5);
        ASSERT_EQ(pwrite(fd, "middle", 6, 10 << 20), 6);
        ASSERT_EQ(ftruncate(fd, 30 << 20), 0);
        close(fd);
    }
    const timespec old[] = {{1'000'000'000, 123'456'789}, {1'000'000'000, 123'456'789}};
    ASSERT_EQ(utimensat(AT_FDCWD, at("script").c_str(), old, 0), 0);
    ASSERT_EQ(utimensat(AT_FDCWD, at("folder2").c_str(), old, 0), 0);
    ASSERT_EQ(utimensat(AT_FDCWD, at("dangling").c_str(), old, AT_SYMLINK_NOFOLLOW), 0);

    auto repository = create();
    const auto totals = back_up(*repository);
    EXPECT_TRUE(totals.problems.empty());
    EXPECT_LT(totals.bytes_stored, 5'000'000) << "the same content is stored once";
    EXPECT_LE(totals.bytes_new, totals.bytes_read - 6'000'000) << "three names, one content";

    const auto restored = restore(*open(), totals.snapshot.id, "out");
    EXPECT_TRUE(restored.problems.empty());
    EXPECT_EQ(restored.files, totals.snapshot.files);
    EXPECT_EQ(restored.folders, totals.snapshot.folders);
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
    if (attributes) {
        EXPECT_NE(describe_tree(folder / "out").at("script").find("user.origin=camera"), std::string::npos);
    }
    EXPECT_NE(describe_tree(folder / "out").at("sparse").find("sparse"), std::string::npos);
    const auto report = check(*repository);
    EXPECT_EQ(all(report.problems), "");
    EXPECT_EQ(report.unused_packs, 0);
}

TEST_F(RoundTrip, what_is_mounted_in_a_folder_belongs_to_it) {
    fill_source();
    std::filesystem::create_directories(source() / "disk");
    // Where the process may not mount, in namespaces of its own; nobody else sees it.
    const auto child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) _exit(2);
        if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(2);
        if (::mount("none", (source() / "disk").c_str(), "tmpfs", 0, nullptr) != 0) _exit(2);
        write(source() / "disk" / "a", "on another disk");
        std::filesystem::create_directories(source() / "disk" / "b");
        write(source() / "disk" / "b" / "c", "and below");
        auto repository = create();
        const auto run = back_up(*repository);
        restore(*repository, run.snapshot.id, "out");
        const auto back = describe_tree(folder / "out");
        _exit(back.contains("disk/a") && back.contains("disk/b/c") && back == describe_tree(source()) && run.problems.empty() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2) GTEST_SKIP() << "nothing can be mounted here";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(RoundTrip, unchanged_files_are_not_read_again) {
    fill_source();
    auto repository = create();
    const auto first = back_up(*repository);
    const auto second = back_up(*repository);
    EXPECT_EQ(second.files_new, 0);
    EXPECT_EQ(second.bytes_read, 0);
    EXPECT_EQ(second.files_unchanged, first.files_new);
    EXPECT_LT(second.bytes_stored, 10'000);
    write(source() / "folder3/file7", "changed");
    std::filesystem::remove(source() / "folder4/file1");
    write(source() / "added", "new");
    const auto third = back_up(*repository);
    EXPECT_EQ(third.files_new, 2);
    restore(*repository, third.snapshot.id, "third");
    EXPECT_EQ(all(differences(source(), folder / "third")), "");
    EXPECT_EQ(repository->list().size(), 3u);
    EXPECT_EQ(repository->list().front().id, third.snapshot.id);
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(RoundTrip, a_file_as_young_as_the_scan_is_read_again) {
    fill_source();
    auto repository = create();
    const auto first = repository->backup(request(), free_ledger(), exec::no_progress(), {});  // the clock stands before the files' times
    const auto second = back_up(*repository);
    EXPECT_EQ(second.bytes_read, first.bytes_read) << "they could have changed after they were read, within one tick of the clock";
    EXPECT_EQ(second.bytes_new, 0);
    EXPECT_EQ(second.files_new, 0) << "and have not";
    EXPECT_EQ(second.files_unchanged, first.files_new);
    EXPECT_EQ(back_up(*repository).bytes_read, 0);
}

TEST_F(RoundTrip, a_long_chunk_list_becomes_a_tree) {
    // 18 MiB of random data: more chunks than an entry holds itself.
    write(source() / "huge", crypto::random_bytes(18 << 20));
    auto repository = create();
    const auto totals = back_up(*repository);
    restore(*repository, totals.snapshot.id, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
    EXPECT_EQ(back_up(*repository).files_unchanged, 1);
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(RoundTrip, a_large_folder_is_cut_into_nodes_that_survive_a_change) {
    for (int i = 0; i < 1500; ++i) write(source() / ("a rather long name of a file, number " + std::to_string(i)), std::to_string(i));
    auto repository = create();
    const auto first = back_up(*repository);
    write(source() / "a rather long name of a file, number 700", "changed");
    const auto second = back_up(*repository);
    EXPECT_EQ(second.files_new, 1);
    EXPECT_LT(second.bytes_stored, first.bytes_stored / 2);
    restore(*repository, second.snapshot.id, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
    EXPECT_EQ(repository->browse(second.snapshot.id, "").size(), 1500u);
}

TEST_F(RoundTrip, browses_and_restores_parts) {
    fill_source();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    const auto top = repository->browse(id, "");
    ASSERT_EQ(top.size(), 8u);
    EXPECT_EQ(top.front().name, "empty");
    EXPECT_EQ(top.back().name, "long");
    EXPECT_EQ(top.back().kind, EntryKind::folder);
    EXPECT_EQ(top.back().size, 6'000'000);
    EXPECT_EQ(repository->browse(id, "long").size(), 2u);
    EXPECT_THROW(repository->browse(id, "nowhere"), NotFound);
    EXPECT_THROW(repository->browse(id, "empty"), InvalidArgument);
    EXPECT_THROW(repository->browse(id, "../x"), InvalidArgument);

    const auto part = repository->restore(id, {.target = folder / "part", .paths = {"folder2", "long/one.bin"}}, exec::no_progress(), {});
    EXPECT_EQ(part.files, 21);
    EXPECT_EQ(all(differences(source() / "folder2", folder / "part/folder2")), "");
    EXPECT_FALSE(std::filesystem::exists(folder / "part/long/same.bin"));
    EXPECT_EQ(std::filesystem::file_size(folder / "part/long/one.bin"), 3'000'000u);
    EXPECT_THROW(repository->restore(id, {.target = folder / "none", .paths = {"folder9"}}, exec::no_progress(), {}), NotFound);
    EXPECT_THROW(restore(*repository, SnapshotId{1, 2}, "none"), NotFound);
    EXPECT_FALSE(repository->find(SnapshotId{1, 2}));
}

TEST_F(RoundTrip, restores_over_what_is_there_writing_only_what_differs) {
    fill_source();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "out");
    EXPECT_THROW(restore(*repository, id, "out"), Conflict);
    write(folder / "out/folder1/file3", "spoiled");
    std::filesystem::remove(folder / "out/folder2/file4");
    write(folder / "out/extra", "stays");
    {
        std::fstream file(folder / "out/long/one.bin", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(1'500'000);
        file << "damage";
    }
    const auto again = repository->restore(id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {});
    EXPECT_EQ(again.files_unchanged, again.files - 3);
    EXPECT_LT(again.bytes_written, 1'500'000);
    auto lines = differences(source(), folder / "out");
    std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });  // a target that was there keeps its times
    EXPECT_EQ(all(lines), "extra: is extra\n");
}

TEST_F(RoundTrip, a_restore_waits_for_whoever_tidies_up_where_it_goes_and_refuses_beside_another_one) {
    fill_source();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    std::filesystem::create_directories(folder / "out");
    auto lock = TargetLock::try_acquire(folder / "out");
    ASSERT_TRUE(lock);
    EXPECT_THROW(repository->restore(id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {}), Conflict);
    std::thread tidying([lock = std::move(lock)]() mutable {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        lock.reset();
    });
    repository->restore(id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {});
    tidying.join();
    EXPECT_EQ(all(differences(source() / "folder1", folder / "out/folder1")), "");
}

TEST_F(RoundTrip, several_sources_lie_beside_each_other) {
    fill_source();
    write(folder / "other/x", "y");
    auto repository = create();
    auto wanted = request();
    wanted.sources = {{.name = "b", .path = source()}, {.name = "a", .path = folder / "other"}};
    const auto totals = back_up(*repository, wanted);
    restore(*repository, totals.snapshot.id, "out");
    EXPECT_EQ(all(differences(source(), folder / "out/b")), "");
    EXPECT_EQ(all(differences(folder / "other", folder / "out/a")), "");
    EXPECT_EQ(back_up(*repository, wanted).files_new, 0);
    wanted.sources[1].name = "b";
    EXPECT_THROW(back_up(*repository, wanted), InvalidArgument);
    wanted.sources[1] = {.name = "../up", .path = source()};
    EXPECT_THROW(back_up(*repository, wanted), InvalidArgument);
    wanted.sources = {{.name = "gone", .path = folder / "nowhere"}};
    EXPECT_THROW(back_up(*repository, wanted), NotFound);
}

TEST_F(RoundTrip, leaves_out_what_is_excluded_and_other_repositories) {
    fill_source();
    auto repository = create();
    write(source() / "temp/a", "x");
    write(source() / "keep/b.tmp", "x");
    std::filesystem::create_directories(source() / "deep/inner");
    std::filesystem::copy(repo(), source() / "deep/inner/backup", std::filesystem::copy_options::recursive);
    auto wanted = request();
    wanted.exclude = {"*.tmp", "./temp", "folder0/file*", "temp"};
    const auto totals = back_up(*repository, wanted);
    EXPECT_EQ(totals.skipped_repositories, std::vector<std::string>{"deep/inner/backup"});
    restore(*repository, totals.snapshot.id, "out");
    EXPECT_FALSE(std::filesystem::exists(folder / "out/temp"));
    EXPECT_FALSE(std::filesystem::exists(folder / "out/keep/b.tmp"));
    EXPECT_TRUE(std::filesystem::is_empty(folder / "out/folder0"));
    EXPECT_TRUE(std::filesystem::is_empty(folder / "out/deep/inner"));
    wanted.sources = {{.name = "", .path = repo()}};
    EXPECT_THROW(back_up(*repository, wanted), InvalidArgument);
}

TEST_F(RoundTrip, unreadable_files_are_reported_and_the_rest_is_kept) {
    fill_source();
    write(source() / "secret", "mine");
    chmod((source() / "secret").c_str(), 0);
    if (geteuid() != 0) {
        auto repository = create();
        EXPECT_EQ(back_up(*repository).problems.size(), 1u);
        return;
    }
    // root reads everything: somebody else must do it.
    chmod(folder.path().c_str(), 0777);
    const pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0) _exit(9);
        auto repository = create();
        const auto totals = back_up(*repository);
        const bool as_expected = totals.problems.size() == 1 && totals.problems[0].path == "secret" &&
                                 totals.problems[0].code == Errc::permission_denied && totals.snapshot.files == 123;
        _exit(as_expected ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tenon::tests
