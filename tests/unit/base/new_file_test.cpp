// New files where the file system has neither files without a name nor links: FAT, as on most media that are carried about. What the kernel
// answers there is answered by a filter of system calls, in a process of its own.
#include <base/file.hpp>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <temp_folder.hpp>
#include <tenon/error.hpp>

namespace tenon::base {
namespace {

namespace fs = std::filesystem;
using tenon::tests::TempFolder;

/// What a file system answers to what it lacks. 0: it has that.
struct Lacks {
    int unnamed_files = EOPNOTSUPP;
    int links = EPERM;
    int renames_that_replace_nothing = 0;
};

bool answer(const Lacks& lacks) {
    constexpr auto number = offsetof(seccomp_data, nr);
    constexpr auto flags = offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t);  // their lower half, on a little-endian machine
    std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number)};
    const auto refuse = [&](unsigned call, int error) {
        if (error == 0) return;
        filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
        filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)));
    };
    refuse(__NR_linkat, lacks.links);
    refuse(__NR_renameat2, lacks.renames_that_replace_nothing);
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 4));
    filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags));
    filter.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, O_TMPFILE));
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, O_TMPFILE, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(lacks.unnamed_files)));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

/// In a process of its own: what `work` returns, 100 where it throws Unsupported, 101 where nothing can be filtered here.
int on(const Lacks& lacks, const std::function<int()>& work) {
    const pid_t child = fork();
    if (child == 0) {
        if (!answer(lacks)) _exit(101);
        try {
            _exit(work());
        } catch (const Unsupported&) {
            _exit(100);
        } catch (const Error&) {
            _exit(102);
        }
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class NewFileWithoutLinks : public ::testing::Test {
protected:
    void SetUp() override {
        const auto probe = folder / "probe";
        write_file_atomically(probe, view_of("x"));
        const int answered = on({}, [&] {
            if (linkat(AT_FDCWD, probe.c_str(), AT_FDCWD, (folder / "other").c_str(), 0) == 0) return 0;
            return errno == EPERM ? 1 : 2;
        });
        fs::remove(probe);
        if (answered != 1) GTEST_SKIP() << "system calls cannot be filtered here (" << answered << ")";
    }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& entry : fs::directory_iterator(folder.path())) all.push_back(entry.path().filename());
        return all;
    }
    std::string text(const std::string& name) const {
        const auto bytes = read_file(folder / name, 1000);
        return {bytes.begin(), bytes.end()};
    }

    TempFolder folder;
};

TEST_F(NewFileWithoutLinks, appears_whole_with_its_mode_and_nothing_stays_beside) {
    for (const int error : {EPERM, ENOSYS, EOPNOTSUPP}) {
        const auto name = "file-" + std::to_string(error);
        const int code = on({.links = error}, [&] {
            NewFile file(folder / name, 0640);
            file.write(view_of("one "));
            file.write(view_of("two"));
            if (fs::exists(folder / name)) return 1;
            return file.finish() ? 0 : 2;
        });
        EXPECT_EQ(code, 0) << error;
        ASSERT_EQ(names(), std::vector{name});
        EXPECT_EQ(text(name), "one two");
        struct stat st {};
        ASSERT_EQ(stat((folder / name).c_str(), &st), 0);
        const auto mask = umask(0);
        umask(mask);
        EXPECT_EQ(st.st_mode & 07777, 0640u & ~mask);
        fs::remove(folder / name);
    }
}

TEST_F(NewFileWithoutLinks, takes_the_place_of_nothing_also_of_what_came_meanwhile) {
    write_file_atomically(folder / "there", view_of("older"));
    EXPECT_EQ(on({}, [&] { return create_file_once(folder / "there", view_of("newer")) ? 1 : 0; }), 0);
    EXPECT_EQ(on({}, [&] {
                  NewFile file(folder / "meanwhile");
                  file.write(view_of("slower"));
                  write_file_atomically(folder / "meanwhile", view_of("faster"));
                  return file.finish() ? 1 : 0;
              }),
              0);
    EXPECT_EQ(text("there"), "older");
    EXPECT_EQ(text("meanwhile"), "faster");
    EXPECT_EQ(names().size(), 2u);
}

TEST_F(NewFileWithoutLinks, that_is_given_up_leaves_nothing) {
    EXPECT_EQ(on({}, [&] {
                  NewFile file(folder / "given up");
                  file.write(view_of("half"));
                  return 0;
              }),
              0);
    EXPECT_TRUE(names().empty());
}

// As exFAT by FUSE answers. Nothing could make it appear whole and in nobody's place.
TEST_F(NewFileWithoutLinks, is_refused_where_no_renaming_spares_what_is_there_either) {
    for (const int error : {EINVAL, ENOSYS}) {
        EXPECT_EQ(on({.renames_that_replace_nothing = error}, [&] { return create_file_once(folder / "new", view_of("x")) ? 0 : 1; }), 100);
        EXPECT_TRUE(names().empty());
    }
}

// FUSE and others that know links, but no files without a name.
TEST_F(NewFileWithoutLinks, is_linked_where_it_only_needs_a_name_while_it_is_written) {
    EXPECT_EQ(on({.links = 0}, [&] { return create_file_once(folder / "new", view_of("x")) ? 0 : 1; }), 0);
    EXPECT_EQ(names(), std::vector<std::string>{"new"});
    EXPECT_EQ(on({.links = 0}, [&] { return create_file_once(folder / "new", view_of("y")) ? 1 : 0; }), 0);
    EXPECT_EQ(text("new"), "x");
}

}  // namespace
}  // namespace tenon::base
