#include <base/file.hpp>

#include <cerrno>
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <temp_folder.hpp>

namespace tenon::base {
namespace {

namespace fs = std::filesystem;
using tenon::tests::TempFolder;

std::size_t entries(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(Errno, MapsToCodes) {
    EXPECT_EQ(errc_of(ENOENT), Errc::not_found);
    EXPECT_EQ(errc_of(EACCES), Errc::permission_denied);
    EXPECT_EQ(errc_of(ENOSPC), Errc::no_space);
    EXPECT_EQ(errc_of(EDQUOT), Errc::no_space);
    EXPECT_EQ(errc_of(EIO), Errc::unavailable);
    EXPECT_EQ(errc_of(EEXIST), Errc::conflict);
    EXPECT_EQ(errc_of(ENAMETOOLONG), Errc::invalid_argument);
    EXPECT_EQ(errc_of(123456), Errc::internal_error);
    try {
        throw_errno("cannot write", std::string("disk"), ENOSPC);
    } catch (const NoSpace& e) {
        EXPECT_EQ(e.subject(), "disk");
        EXPECT_NE(std::string(e.what()).find("cannot write"), std::string::npos);
    }
}

TEST(Fd, ClosesOnceAndMoves) {
    const TempFolder folder;
    auto fd = open_file(folder / "a", O_RDWR | O_CREAT);
    const int number = fd.get();
    EXPECT_NE(fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
    Fd other = std::move(fd);
    EXPECT_FALSE(fd);  // NOLINT(bugprone-use-after-move): moved-from is empty by contract
    other = Fd();
    EXPECT_EQ(fcntl(number, F_GETFD), -1);
    EXPECT_THROW(open_file(folder / "none", O_RDONLY), NotFound);
    EXPECT_THROW(open_file(folder / std::string(4096, 'x'), O_RDONLY), InvalidArgument);
    EXPECT_THROW(open_file(folder / std::string("a\0b", 3), O_RDONLY), InvalidArgument);
}

TEST(Files, ReadAndWriteAtOffsets) {
    const TempFolder folder;
    const auto fd = open_file(folder / "a", O_RDWR | O_CREAT);
    pwrite_all(fd, view_of("world"), 6, "a");
    pwrite_all(fd, view_of("hello "), 0, "a");
    sync_data(fd, "a");
    EXPECT_EQ(file_size(fd, "a"), 11u);
    ByteVector out(5);
    pread_all(fd, out, 6, "a");
    EXPECT_EQ(text_of(out), "world");
    EXPECT_EQ(pread_up_to(fd, out, 9, "a"), 2u);
    EXPECT_THROW(pread_all(fd, out, 9, "a"), Corrupt);
    EXPECT_THROW(write_all(open_file(folder / "a", O_RDONLY), view_of("x"), "a"), Error);
}

TEST(Files, FullDiskIsNoSpace) {
    const auto full = open_file("/dev/full", O_WRONLY);
    EXPECT_THROW(write_all(full, view_of("x"), "full"), NoSpace);
}

TEST(Files, AtomicWriteReplacesWholeAndLeavesNothing) {
    const TempFolder folder;
    const auto file = folder / "a";
    write_file_atomically(file, view_of("old"));
    write_file_atomically(file, view_of("new"));
    EXPECT_EQ(text_of(read_file(file, 10)), "new");
    EXPECT_THROW(read_file(file, 2), Corrupt);
    EXPECT_EQ(entries(folder.path()), 1u);
    EXPECT_THROW(write_file_atomically(folder / "no" / "a", {}), NotFound);
    fs::create_directory(folder / "taken");
    EXPECT_THROW(write_file_atomically(folder / "taken", view_of("x")), Error);
    EXPECT_EQ(entries(folder.path()), 2u) << "a failed write leaves no temporary file";
    EXPECT_FALSE(read_file("/proc/self/status", 1 << 20).empty()) << "files that state no size";
}

TEST(Files, CreateOnceNeverTouchesWhatIsThere) {
    const TempFolder folder;
    EXPECT_TRUE(create_file_once(folder / "a", view_of("first")));
    EXPECT_FALSE(create_file_once(folder / "a", view_of("second")));
    EXPECT_EQ(text_of(read_file(folder / "a", 10)), "first");
    EXPECT_EQ(entries(folder.path()), 1u);
}

TEST(OpenBeneath, StaysBelow) {
    const TempFolder folder;
    fs::create_directories(folder / "in" / "deep");
    std::ofstream(folder / "in" / "deep" / "file") << "x";
    std::ofstream(folder / "secret") << "x";
    fs::create_symlink("../secret", folder / "in" / "link");
    fs::create_directory_symlink("..", folder / "in" / "out");
    const auto in = open_file(folder / "in", O_RDONLY | O_DIRECTORY);

    EXPECT_TRUE(open_beneath(in, "deep/file", O_RDONLY));
    EXPECT_TRUE(open_beneath(in, "deep/new", O_WRONLY | O_CREAT | O_EXCL));
    EXPECT_THROW(open_beneath(in, "deep/none", O_RDONLY), NotFound);
    for (const auto* bad : {"../secret", "deep/../../secret", "deep/..", "/etc/passwd", "link", "out/secret", ""})
        EXPECT_THROW(open_beneath(in, bad, O_RDONLY), InvalidArgument) << bad;
    EXPECT_THROW(open_beneath(in, std::string("deep\0/file", 10), O_RDONLY), InvalidArgument);
}

TEST(FileLock, OneHolderAmongEnginesOfOneProcess) {
    const TempFolder folder;
    const auto file = folder / "lock";
    {
        const auto first = FileLock::try_acquire(file);
        ASSERT_TRUE(first);
        EXPECT_FALSE(FileLock::try_acquire(file));
        EXPECT_FALSE(FileLock::try_acquire(file, FileLock::Kind::shared));
        open_file(file, O_RDONLY).reset();  // closing another descriptor would drop a POSIX lock
        EXPECT_FALSE(FileLock::try_acquire(file));
    }
    auto shared = FileLock::try_acquire(file, FileLock::Kind::shared);
    EXPECT_TRUE(shared && FileLock::try_acquire(file, FileLock::Kind::shared));
    EXPECT_FALSE(FileLock::try_acquire(file));
    const FileLock moved = std::move(*shared);
    shared.reset();
    EXPECT_FALSE(FileLock::try_acquire(file)) << "the lock moved along";
}

// A process locks, forks a child that lives on, and is killed: the next one must get the lock.
TEST(FileLock, AForkedChildHoldsNothing) {
    const TempFolder folder;
    const auto file = folder / "lock";
    int ready[2], living[2];
    ASSERT_EQ(pipe(ready), 0);
    ASSERT_EQ(pipe(living), 0);
    const auto holder = fork();
    if (holder == 0) {
        const auto lock = FileLock::try_acquire(file);
        char byte = lock ? 'y' : 'n';
        if (fork() == 0) {
            close(living[1]);
            byte = write(ready[1], &byte, 1) == 1 ? byte : 'n';
            while (read(living[0], &byte, 1) > 0) {}  // until the test has looked
            _exit(0);
        }
        while (true) pause();
    }
    close(living[0]);
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'y');
    EXPECT_FALSE(FileLock::try_acquire(file));
    kill(holder, SIGKILL);
    int status = 0;
    EXPECT_EQ(waitpid(holder, &status, 0), holder);
    EXPECT_TRUE(FileLock::try_acquire(file)) << "the child holds it on";
    for (const int fd : {ready[0], ready[1], living[1]}) close(fd);
}

TEST(File, ANewNameNeverTakesThePlaceOfAFile) {
    const TempFolder folder;
    write_file_atomically(folder / "a", view_of("one"));
    write_file_atomically(folder / "b", view_of("two"));
    EXPECT_EQ(rename_new(AT_FDCWD, (folder / "a").c_str(), (folder / "b").c_str()), EEXIST);
    EXPECT_EQ(rename_new(AT_FDCWD, (folder / "a").c_str(), (folder / "c").c_str()), 0);
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
    EXPECT_EQ(text_of(read_file(folder / "c", 10)), "one");
    EXPECT_EQ(rename_new(AT_FDCWD, (folder / "a").c_str(), (folder / "d").c_str()), ENOENT);
}

TEST(File, TheTimeOfItsChangeIsWhatWasSaid) {
    const TempFolder folder;
    write_file_atomically(folder / "a", view_of("one"));
    const auto fd = open_file(folder / "a", O_RDWR);
    for (const auto at : {Time{Duration{1'772'366'400'000'001}}, Time{Duration{-1}}}) {
        ASSERT_TRUE(set_modified_at(fd, at));
        EXPECT_EQ(modified_at(fd, "a"), at);
    }
    write_all(fd, view_of("two"), "a");
    EXPECT_NE(modified_at(fd, "a"), Time{Duration{-1}});
}

TEST(FileLock, IsFreeAtOnceThoughAChildIsBeingForked) {
    const TempFolder folder;
    for (int i = 0; i < 20; ++i) {
        auto lock = FileLock::try_acquire(folder / "lock");
        ASSERT_TRUE(lock) << i;
        const auto child = fork();
        if (child == 0) _exit(0);
        lock.reset();
        EXPECT_TRUE(FileLock::try_acquire(folder / "lock")) << i;
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
    }
}

}  // namespace
}  // namespace tenon::base
