#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <base/clock.hpp>
#include <blob/file_store.hpp>
#include <crypto/secret.hpp>
#include <fault_store.hpp>
#include <temp_folder.hpp>
#include <tenon/error.hpp>

namespace {

using namespace tenon;

TEST(FileStore, objects_are_private_files) {
    tests::TempFolder folder;
    blob::FileStore store(folder / "s", base::system_clock());
    blob::put_bytes(store, "a/b", {});
    struct stat st {};
    ASSERT_EQ(stat((folder / "s/a/b").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0600u);
    ASSERT_EQ(stat((folder / "s/a").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0700u);
    ASSERT_EQ(stat((folder / "s").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0700u);
}

TEST(FileStore, never_follows_a_link_to_an_object) {
    tests::TempFolder folder;
    blob::FileStore store(folder / "s", base::system_clock());
    std::ofstream(folder / "secret") << "outside";
    std::filesystem::create_symlink(folder / "secret", folder / "s/link");
    EXPECT_FALSE(store.head("link", {}));
    EXPECT_THROW(blob::get_all(store, "link", 99), Error);
    EXPECT_TRUE(blob::list_all(store, "").empty());
}

TEST(FileStore, the_folder_of_a_writer_of_whom_nothing_is_left_goes_and_comes_back_whoever_puts_into_it_meanwhile) {
    tests::TempFolder folder;
    const std::string writer(32, 'a');
    blob::FileStore store(folder / "s", base::system_clock()), other(folder / "s", base::system_clock());
    blob::put_bytes(store, "log/" + writer + "/0", base::view_of("0"));
    blob::put_bytes(store, "log/" + writer + "/1", base::view_of("1"));
    EXPECT_TRUE(store.remove("log/" + writer + "/0", {}, {}));
    EXPECT_TRUE(std::filesystem::exists(folder / "s/log" / writer));
    EXPECT_TRUE(store.remove("log/" + writer + "/1", {}, {}));
    EXPECT_FALSE(std::filesystem::exists(folder / "s/log" / writer));
    EXPECT_TRUE(std::filesystem::exists(folder / "s/log"));
    blob::put_bytes(store, "packs/ab/c", {});
    EXPECT_TRUE(store.remove("packs/ab/c", {}, {}));
    EXPECT_TRUE(std::filesystem::exists(folder / "s/packs/ab")) << "it is everybody's";
    store.make_durable({"log/" + writer + "/0"}, {});

    constexpr int rounds = 500;
    const auto work = [&](blob::FileStore& mine, const std::string& end) {
        for (int i = 0; i < rounds; ++i) {
            const auto name = "log/" + writer + '/' + end;
            if (i % 3 == 0) {
                blob::put_bytes(mine, name, base::view_of(end), {.create_only = false});
            } else if (i % 3 == 1) {
                blob::put_bytes(mine, name, base::view_of(end), {.deferred = true});
                mine.flush({});
            } else {
                auto beacon = mine.beacon(name, base::view_of(end));
            }
            EXPECT_EQ(base::text_of(blob::get_all(mine, name, 99)), end);
            EXPECT_TRUE(mine.remove(name, {}, {}));
        }
    };
    {
        std::jthread one([&] { work(store, "one"); }), two([&] { work(other, "two"); });
    }
    EXPECT_TRUE(blob::list_all(store, "log/").empty());
}

TEST(FileStore, removes_temporary_files_of_dead_writers_only) {
    tests::TempFolder folder;
    std::filesystem::create_directories(folder / "s");
    std::ofstream(folder / "s/.t-dead") << "left";
    std::ofstream(folder / "s/.t-alive") << "busy";
    const int fd = open((folder / "s/.t-alive").c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    ASSERT_EQ(fcntl(fd, F_OFD_SETLK, &lock), 0);
    blob::FileStore store(folder / "s", base::system_clock());
    EXPECT_FALSE(std::filesystem::exists(folder / "s/.t-dead"));
    EXPECT_TRUE(std::filesystem::exists(folder / "s/.t-alive"));
    close(fd);
}

TEST(FileStore, a_killed_writers_beacon_is_dead_and_its_put_never_was) {
    tests::TempFolder folder;
    const pid_t child = fork();
    if (child == 0) {
        auto store = std::make_shared<blob::FileStore>(folder / "s", base::system_clock());
        const auto beacon = store->beacon("sess/w/1", {});
        tests::FaultStore faulty(store, {.stop_at = 2, .stop = tests::Faults::Stop::kill});
        blob::put_bytes(faulty, "packs/00/a", crypto::random_bytes(100'000), {.deferred = true});
        faulty.flush({});
        _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    blob::FileStore store(folder / "s", base::system_clock());
    EXPECT_EQ(store.beacon_lives("sess/w/1"), false);
    EXPECT_EQ(blob::list_all(store, "").size(), 1u);
}

TEST(FileStore, a_full_disk_is_no_space_and_leaves_nothing_half_made) {
    tests::TempFolder folder;
    const auto root = folder / "small";
    std::filesystem::create_directories(root);
    if (mount("none", root.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "needs the right to mount";
    {
        blob::FileStore store(root / "s", base::system_clock());
        blob::put_bytes(store, "a", crypto::random_bytes(300'000));
        EXPECT_THROW(blob::put_bytes(store, "b", crypto::random_bytes(2'000'000)), NoSpace);
        auto spool = store.spool();
        const auto piece = crypto::random_bytes(400'000);
        EXPECT_THROW(for (int i = 0; i < 3; ++i) spool->append(piece), NoSpace);
        spool.reset();
        EXPECT_EQ(blob::list_all(store, "").size(), 1u);
        EXPECT_GT(*store.capabilities().free, 500'000u);
        blob::put_bytes(store, "c", crypto::random_bytes(300'000));
    }
    umount2(root.c_str(), MNT_DETACH);
}

}  // namespace
