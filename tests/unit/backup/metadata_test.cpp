// Extended attributes and access lists: every bit comes back, wherever it lay, and what the snapshot lacks goes.
#include "fixture.hpp"

#include <cerrno>
#include <cstdlib>
#include <optional>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <backup/read.hpp>
#include <base/bytes.hpp>

namespace tenon::tests {
namespace {

using namespace backup;

constexpr const char* access_list = "system.posix_acl_access";
constexpr const char* default_list = "system.posix_acl_default";

/// As the kernel takes it: version 2, then tag, rights and id of each.
std::string acl(std::uint16_t user, std::uint16_t group, std::uint16_t mask) {
    constexpr std::uint32_t nobody = 0xffffffff;
    base::ByteVector bytes;
    base::append_le<std::uint32_t>(bytes, 2);
    const auto add = [&](std::uint16_t tag, std::uint16_t may, std::uint32_t id) {
        base::append_le<std::uint16_t>(bytes, tag);
        base::append_le<std::uint16_t>(bytes, may);
        base::append_le<std::uint32_t>(bytes, id);
    };
    add(0x01, 7, nobody);
    add(0x02, user, 1234);
    add(0x02, 0, 70000);
    add(0x04, 5, nobody);
    add(0x08, group, 4321);
    add(0x10, mask, nobody);
    add(0x20, 0, nobody);
    return {bytes.begin(), bytes.end()};
}

class AccessLists : public BackupTest {
protected:
    void SetUp() override {
        write(folder / "probe", "");
        if (!try_set(folder / "probe", access_list, acl(7, 5, 7)))
            GTEST_SKIP() << folder.path() << " lies on a file system without access lists: let TMPDIR name one that has them";
        is_root_ = geteuid() == 0;
    }
    static bool try_set(const std::filesystem::path& path, const char* name, const std::string& value) {
        return lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0;
    }
    static void set(const std::filesystem::path& path, const char* name, const std::string& value) {
        EXPECT_TRUE(try_set(path, name, value)) << path << ' ' << name << ": " << strerror(errno);
    }
    static void drop(const std::filesystem::path& path, const char* name) { EXPECT_EQ(lremovexattr(path.c_str(), name), 0) << path << ' ' << name; }
    static std::optional<std::string> get(const std::filesystem::path& path, const char* name) {
        std::string value(4096, '\0');
        const auto size = lgetxattr(path.c_str(), name, value.data(), value.size());
        if (size < 0) return std::nullopt;
        value.resize(static_cast<std::size_t>(size));
        return value;
    }
    /// One of each kind of thing, with lists where its kind has them, and neighbours without.
    void fill() {
        fill_source();
        const auto at = [&](const char* name) { return source() / name; };
        set(at("folder0/file0"), access_list, acl(6, 4, 6));
        set(at("folder0/file1"), access_list, acl(1, 2, 3));
        set(at("folder0/file1"), "user.note", std::string("with a zero \0 in it", 19));
        set(at("folder1"), access_list, acl(7, 5, 7));
        set(at("folder1"), default_list, acl(5, 7, 5));
        write(at("folder1/heir"), "has the folder's list");
        EXPECT_TRUE(get(at("folder1/heir"), access_list)) << "the kernel hands it down";
        std::filesystem::create_directories(at("folder1/below/deeper"));
        set(at("folder2"), default_list, acl(4, 4, 4));
        set(at("empty"), "user.nothing", "");
        std::filesystem::create_hard_link(at("folder0/file1"), at("second name"));
        std::filesystem::create_symlink("folder0/file0", at("link"));
        ASSERT_EQ(mkfifo(at("pipe").c_str(), 0640), 0);
        set(at("pipe"), access_list, acl(6, 4, 7));
        ASSERT_EQ(mkfifo(at("bare pipe").c_str(), 0640), 0);
        ASSERT_EQ(mknod(at("socket").c_str(), S_IFSOCK | 0600, 0), 0);
        set(at("socket"), access_list, acl(2, 2, 2));
        if (is_root_ && mknod(at("null").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0) set(at("null"), access_list, acl(6, 0, 6));
    }
    void expect_same(const std::filesystem::path& there) {
        auto lines = differences(source(), there);
        std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });  // a target that was there keeps what it is
        EXPECT_EQ(all(lines), "");
        for (const auto& [name, line] : describe_tree(source()))
            for (const auto* list : {access_list, default_list})
                if (name != ".") {
                    EXPECT_EQ(get(source() / name, list), get(there / name, list)) << name << ' ' << list;
                }
    }

    bool is_root_ = false;
};

TEST_F(AccessLists, of_every_kind_of_thing_come_back_bit_for_bit) {
    fill();
    auto repository = create();
    const auto totals = back_up(*repository);
    EXPECT_TRUE(totals.problems.empty());
    const auto restored = restore(*open(), totals.snapshot.id, "out");
    EXPECT_TRUE(restored.problems.empty());
    expect_same(folder / "out");
    EXPECT_EQ(get(folder / "out/folder0/file1", access_list), acl(1, 2, 3));
    EXPECT_EQ(get(folder / "out/second name", access_list), acl(1, 2, 3));
    EXPECT_EQ(get(folder / "out/folder1", default_list), acl(5, 7, 5));
    EXPECT_EQ(get(folder / "out/pipe", access_list), acl(6, 4, 7));
    EXPECT_EQ(get(folder / "out/socket", access_list), acl(2, 2, 2));
    EXPECT_FALSE(get(folder / "out/folder0/file2", access_list));
}

TEST_F(AccessLists, that_change_alone_are_in_the_next_snapshot_and_store_no_content) {
    fill();
    auto repository = create();
    const auto first = back_up(*repository).snapshot.id;
    set(source() / "folder0/file0", access_list, acl(0, 0, 1));
    drop(source() / "folder0/file1", access_list);
    set(source() / "folder3", default_list, acl(1, 1, 1));
    drop(source() / "folder2", default_list);
    drop(source() / "pipe", access_list);
    const auto second = back_up(*repository);
    EXPECT_EQ(second.bytes_new, 0);
    restore(*repository, second.snapshot.id, "second");
    expect_same(folder / "second");
    restore(*repository, first, "first");
    EXPECT_EQ(get(folder / "first/folder0/file0", access_list), acl(6, 4, 6));
    EXPECT_EQ(get(folder / "first/folder2", default_list), acl(4, 4, 4));
    // Each over the other: neither leaves anything behind.
    const auto over = repository->restore(second.snapshot.id, {.target = folder / "first", .overwrite = true}, exec::no_progress(), {});
    EXPECT_TRUE(over.problems.empty());
    EXPECT_EQ(over.bytes_written, 0);
    expect_same(folder / "first");
}

TEST_F(AccessLists, and_attributes_that_the_snapshot_lacks_go_where_a_restore_meets_them) {
    fill();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    const auto out = folder / "out";
    restore(*repository, id, "out");
    set(out / "folder3/file3", "user.extra", "of somebody");
    set(out / "folder3/file4", access_list, acl(7, 7, 7));
    set(out / "folder4", "user.extra", std::string(900, 'x'));
    set(out / "folder4", access_list, acl(7, 7, 7));
    set(out / "folder4", default_list, acl(7, 7, 7));
    set(out / "folder0/file0", access_list, acl(7, 7, 7));
    set(out / "folder0/file1", "user.note", "another note");
    set(out / "folder0/file1", "user.more", "and more");  // of a file with two names
    drop(out / "folder1", default_list);
    set(out / "bare pipe", access_list, acl(7, 7, 7));
    set(out / "long/one.bin", access_list, acl(7, 7, 7));
    for (int i = 0; i < 60; ++i) set(out / "long/same.bin", ("user.many" + std::string(20, 'y') + std::to_string(i)).c_str(), "1");
    // What is made anew below these inherits their lists.
    set(out, default_list, acl(7, 7, 7));
    set(out / "folder5", default_list, acl(7, 7, 7));
    std::filesystem::remove(out / "folder4/file7");
    std::filesystem::remove(out / "folder5/file7");
    std::filesystem::remove(out / "pipe");
    std::filesystem::remove(out / "bare pipe");
    std::filesystem::remove_all(out / "folder1/below");
    write(out / "folder5/file8", "other content");
    const bool trusted = is_root_ && try_set(out / "folder3/file5", "trusted.tests", "the system's");

    const RestoreRequest wanted{.target = out, .overwrite = true};
    const auto said = forecast(*repository, id, wanted, true, 1000, {}, {});
    const auto done = repository->restore(id, wanted, exec::no_progress(), {});
    EXPECT_TRUE(done.problems.empty());
    EXPECT_TRUE(said.problems.empty());
    EXPECT_EQ(said.files, done.files);
    EXPECT_EQ(said.files_unchanged, done.files_unchanged) << "what only its attributes differ of keeps its content";
    EXPECT_EQ(said.bytes_written, done.bytes_written);
    EXPECT_EQ(said.folders_new, 2);
    if (trusted) {
        EXPECT_EQ(get(out / "folder3/file5", "trusted.tests"), "the system's");
        drop(out / "folder3/file5", "trusted.tests");
    }
    EXPECT_EQ(get(out, default_list), acl(7, 7, 7)) << "the target itself keeps what it is";
    EXPECT_FALSE(get(out / "folder5/file7", access_list));
    EXPECT_FALSE(get(out / "bare pipe", access_list));
    expect_same(out);

    // And now there is nothing to do.
    const auto again = repository->restore(id, wanted, exec::no_progress(), {});
    EXPECT_TRUE(again.problems.empty());
    EXPECT_EQ(again.bytes_written, 0);
    expect_same(out);
}

TEST_F(AccessLists, that_grant_capabilities_go_too) {
    if (!is_root_) GTEST_SKIP() << "only root grants capabilities";
    fill_source();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "out");
    // cap_net_raw, permitted and effective.
    const std::string capability("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    const auto file = folder / "out/folder0/file0";
    if (!try_set(file, "security.capability", capability)) GTEST_SKIP() << "this kernel grants none";
    const RestoreRequest wanted{.target = folder / "out", .overwrite = true, .owners = false};
    EXPECT_TRUE(repository->restore(id, wanted, exec::no_progress(), {}).problems.empty());
    EXPECT_FALSE(get(file, "security.capability"));
    // One that the snapshot has comes back.
    set(source() / "folder0/file0", "security.capability", capability);
    const auto second = back_up(*repository).snapshot.id;
    EXPECT_TRUE(repository->restore(second, wanted, exec::no_progress(), {}).problems.empty());
    EXPECT_EQ(get(file, "security.capability"), capability);
}

TEST_F(AccessLists, are_in_an_archive_as_tar_reads_them) {
    fill();
    std::filesystem::remove(source() / "socket");  // archives have none
    std::shared_ptr<Repository> repository = create();
    const auto id = back_up(*repository).snapshot.id;
    ArchiveReader reader(repository, {.snapshot = id}, {});
    base::ByteVector bytes;
    for (auto part = reader.next(1 << 20); !part.empty(); part = reader.next(1 << 20)) bytes.insert(bytes.end(), part.begin(), part.end());
    const std::string text(bytes.begin(), bytes.end());
    const auto has = [&](const std::string& wanted) { EXPECT_NE(text.find(wanted), std::string::npos) << wanted; };
    has("SCHILY.acl.access=user::rwx,user:1234:--x,user:70000:---,group::r-x,group:4321:-w-,mask::-wx,other::---\n");
    has("SCHILY.acl.default=user::rwx,user:1234:r-x,user:70000:---,group::r-x,group:4321:rwx,mask::r-x,other::---\n");
    has("SCHILY.acl.access=user::rwx,user:1234:rw-,user:70000:---,group::r-x,group:4321:r--,mask::rwx,other::---\n");  // the pipe's

    if (std::system("tar --acls --version > /dev/null 2>&1 && tar --help | grep -q -e --acls") != 0) GTEST_SKIP() << "no tar that knows lists";
    const auto out = folder / "unpacked";
    std::filesystem::create_directories(out);
    write(folder / "archive.tar", bytes);
    const auto command = "tar --acls --xattrs '--xattrs-include=*' -xpf '" + (folder / "archive.tar").string() + "' -C '" + out.string() + "'";
    ASSERT_EQ(std::system(command.c_str()), 0);
    expect_same(out);
}

}  // namespace
}  // namespace tenon::tests
