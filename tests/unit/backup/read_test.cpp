// One file read in ranges, files and folders as a tar stream, what a restore would do.
#include <backup/read.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <new_seed.hpp>

#include "fixture.hpp"
#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

class ReadSnapshot : public BackupTest {
protected:
    std::shared_ptr<Repository> repository = create();

    static base::ByteVector content(const std::filesystem::path& path) { return base::read_file(path, 1 << 30); }
    void write_sparse(const std::filesystem::path& path, std::vector<std::pair<std::uint64_t, base::ByteVector>> parts, std::uint64_t size) {
        std::filesystem::create_directories(path.parent_path());
        const auto fd = base::open_file(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
        ASSERT_EQ(ftruncate(fd.get(), static_cast<off_t>(size)), 0);
        for (const auto& [offset, bytes] : parts) base::pwrite_all(fd, bytes, offset, path.string());
    }
    base::ByteVector archive(const ArchiveRequest& request, std::uint64_t step, std::vector<FileProblem>* problems = nullptr) {
        ArchiveReader reader(repository, request, {});
        base::ByteVector all;
        while (true) {
            const auto bytes = reader.next(step);
            if (bytes.empty()) break;
            all.insert(all.end(), bytes.begin(), bytes.end());
        }
        EXPECT_TRUE(reader.next(step).empty());
        if (problems) *problems = reader.problems();
        return all;
    }
    /// With another tool: ours writes archives, and reads none.
    std::filesystem::path unpacked(const base::ByteVector& archive, const std::string& options = "--xattrs --xattrs-include=*") {
        const auto at = folder / ("unpacked" + std::to_string(++unpacked_));
        std::filesystem::create_directories(at);
        write(folder / "archive.tar", archive);
        const auto command = "tar -xpf '" + (folder / "archive.tar").string() + "' -C '" + at.string() + "' " + options;
        EXPECT_EQ(std::system(command.c_str()), 0);
        return at;
    }
    int unpacked_ = 0;
};

TEST_F(ReadSnapshot, any_range_of_a_file_is_what_was_backed_up) {
    std::mt19937_64 random(new_seed());
    const auto large = crypto::random_bytes(30'000'000);  // more chunks than an entry holds itself
    write(source() / "large.bin", large);
    write_sparse(source() / "sparse.bin", {{1 << 20, crypto::random_bytes(300'000)}, {5 << 20, crypto::random_bytes(4096)}}, 9 << 20);
    write(source() / "small.txt", "a few words");
    write(source() / "empty", "");
    const auto id = back_up(*repository).snapshot.id;
    for (const auto* name : {"large.bin", "sparse.bin", "small.txt", "empty"}) {
        const auto expected = content(source() / name);
        FileView view(repository, id, name, {});
        ASSERT_EQ(view.size(), expected.size()) << name;
        EXPECT_EQ(view.read(0, expected.size() + 5), expected) << name;
        EXPECT_TRUE(view.read(expected.size(), 10).empty());
        EXPECT_TRUE(view.read(std::uint64_t{1} << 60, 10).empty());
        for (int i = 0; i < 150 && !expected.empty(); ++i) {
            const auto offset = random() % expected.size();
            const auto length = random() % (i % 10 == 0 ? 3'000'000 : 5000);
            const auto end = std::min<std::uint64_t>(expected.size(), offset + length);
            ASSERT_EQ(view.read(offset, length), base::ByteVector(expected.begin() + static_cast<std::ptrdiff_t>(offset),
                                                                   expected.begin() + static_cast<std::ptrdiff_t>(end)))
                << name << " " << offset << " " << length;
        }
    }
    EXPECT_THROW(FileView(repository, id, "nowhere", {}), NotFound);
    EXPECT_THROW(FileView(repository, id, "", {}), InvalidArgument);
    EXPECT_THROW(FileView(repository, id, "../large.bin", {}), InvalidArgument);
    EXPECT_THROW(FileView(repository, SnapshotId{1, 2}, "large.bin", {}), NotFound);
}

TEST_F(ReadSnapshot, a_range_costs_what_holds_it) {
    write(source() / "large.bin", crypto::random_bytes(60'000'000));
    const auto id = back_up(*repository).snapshot.id;
    FileView view(repository, id, "large.bin", {});
    const auto counting = [&] {
        std::ifstream io("/proc/self/io");
        std::string word;
        std::int64_t value = 0;
        while (io >> word >> value)
            if (word == "rchar:") return value;
        return std::int64_t{0};
    };
    const auto before = counting();
    EXPECT_EQ(view.read(41'000'000, 1000).size(), 1000u);
    EXPECT_EQ(view.read(41'001'000, 1000).size(), 1000u);
    EXPECT_LT(counting() - before, 4 << 20) << "a frame, its nodes, and nothing of the rest";
}

TEST_F(ReadSnapshot, goes_on_while_a_damaged_part_is_named) {
    write(source() / "large.bin", crypto::random_bytes(60'000'000));
    const auto id = back_up(*repository).snapshot.id;
    const auto expected = content(source() / "large.bin");
    std::filesystem::path largest;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(repo() / "packs"))
        if (entry.is_regular_file() && (largest.empty() || entry.file_size() > std::filesystem::file_size(largest))) largest = entry.path();
    {
        std::filesystem::permissions(largest, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
        std::fstream file(largest, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(largest) / 2));
        file.put('x').put('y');
    }
    repository = open();
    FileView view(repository, id, "large.bin", {});
    int damaged = 0, whole = 0;
    constexpr std::uint64_t step = 2'000'000;
    for (std::uint64_t at = 0; at < expected.size(); at += step) {
        try {
            const auto bytes = view.read(at, step);
            EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), expected.begin() + static_cast<std::ptrdiff_t>(at)));
            ++whole;
        } catch (const Corrupt& error) {
            ++damaged;
            EXPECT_NE(std::string(error.subject()).find("packs/"), std::string::npos) << error.subject();
        }
    }
    EXPECT_GE(damaged, 1);
    // One frame. Its few chunks come from several places where threads that had to wait took them.
    EXPECT_LE(damaged, 6);
    EXPECT_EQ(whole, 30 - damaged);
    EXPECT_THROW(archive({.snapshot = id}, 1 << 20), Corrupt);
}

TEST_F(ReadSnapshot, an_archive_unpacks_to_what_a_restore_gives) {
    fill_source();
    write(source() / "folder1" / std::string(180, 'n') / std::string(200, 'm'), "long names");
    write(source() / "Ümläut/名前", "other letters");
    write(source() / "raw\xff\xfename", "bytes that are no UTF-8");
    std::filesystem::create_symlink(std::string(150, 't'), source() / "link");
    std::filesystem::create_hard_link(source() / "long/one.bin", source() / "second name");
    std::filesystem::create_directory(source() / "void");
    ASSERT_EQ(mkfifo((source() / "pipe").c_str(), 0610), 0);
    write_sparse(source() / "sparse", {{1 << 20, crypto::random_bytes(8192)}}, 3 << 20);
    write_sparse(source() / "sparse at the end", {{2 << 20, crypto::random_bytes(5000)}}, (2 << 20) + 5000);
    write_sparse(source() / "only a hole", {}, 1 << 20);
    std::filesystem::permissions(source() / "folder2/file7", std::filesystem::perms::owner_read);
    ASSERT_EQ(setxattr((source() / "folder3/file1").c_str(), "user.a=b%c", "value\0with=all\n", 15, 0), 0);
    const timespec times[] = {{.tv_sec = 1'234'567'890, .tv_nsec = 123'456'789}, {.tv_sec = 1'234'567'890, .tv_nsec = 123'456'789}};
    ASSERT_EQ(utimensat(AT_FDCWD, (source() / "folder3/file2").c_str(), times, 0), 0);
    const timespec early[] = {{.tv_sec = -5, .tv_nsec = 500'000'000}, {.tv_sec = -5, .tv_nsec = 500'000'000}};
    ASSERT_EQ(utimensat(AT_FDCWD, (source() / "folder3/file3").c_str(), early, 0), 0);
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "restored");

    const auto bytes = archive({.snapshot = id}, 100'000);
    EXPECT_EQ(bytes, archive({.snapshot = id}, 7'777'777)) << "however it is asked for";
    EXPECT_LT(bytes.size(), 10u << 20) << "holes are none of it";
    const auto expected = describe_tree(folder / "restored"), found = describe_tree(unpacked(bytes));
    for (const auto& [name, line] : expected) {
        if (name.empty() || name == ".") continue;
        ASSERT_TRUE(found.contains(name)) << name;
        EXPECT_EQ(found.at(name), line) << name;
    }
    EXPECT_EQ(found.size(), expected.size());
}

TEST_F(ReadSnapshot, an_archive_has_what_was_asked_for_once) {
    fill_source();
    const auto id = back_up(*repository).snapshot.id;
    const auto names = [&](const ArchiveRequest& request) {
        std::vector<std::string> found;
        const auto tree = unpacked(archive(request, 1 << 20));
        for (const auto& entry : std::filesystem::recursive_directory_iterator(tree))
            if (!entry.is_directory()) found.push_back(std::filesystem::relative(entry.path(), tree).string());
        std::sort(found.begin(), found.end());
        return found;
    };
    EXPECT_EQ(names({.snapshot = id, .paths = {"long", "long/one.bin", "/empty", "long/"}}),
              (std::vector<std::string>{"empty", "long/one.bin", "long/same.bin"}));
    EXPECT_EQ(names({.snapshot = id, .paths = {"folder1"}, .exclude = {"file1*"}}).size(), 9u);
    EXPECT_EQ(names({.snapshot = id, .exclude = {"folder*", "long/"}}), (std::vector<std::string>{"empty"}));
    EXPECT_EQ(names({.snapshot = id, .paths = {""}}).size(), 123u);
    EXPECT_THROW(archive({.snapshot = id, .paths = {"empty", "nowhere"}}, 100), NotFound);
    EXPECT_THROW(archive({.snapshot = id, .exclude = {"/"}}, 100), InvalidArgument);
}

TEST_F(ReadSnapshot, what_was_erased_is_named_and_left_out) {
    write(source() / "person/face.jpg", "secret");
    write(source() / "other.txt", "other");
    repository->add_classes({"person-1"});
    repository = open();
    auto wanted = request();
    wanted.classes = {{"person", "person-1"}};
    const auto id = back_up(*repository, wanted).snapshot.id;
    EXPECT_EQ(FileView(repository, id, "person/face.jpg", {}).read(0, 100).size(), 6u);
    repository->shred("person-1");
    repository = open();
    EXPECT_THROW(FileView(repository, id, "person/face.jpg", {}), NotFound);
    std::vector<FileProblem> problems;
    const auto bytes = archive({.snapshot = id}, 1 << 20, &problems);
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems.front().path, "person");
    EXPECT_TRUE(std::filesystem::exists(unpacked(bytes) / "other.txt"));
    const auto said = forecast(*repository, id, {.target = folder / "new"}, true, 100, {}, {});
    ASSERT_EQ(said.problems.size(), 1u);
    EXPECT_EQ(said.files_new, 1);
}

TEST_F(ReadSnapshot, a_forecast_is_what_the_restore_then_does) {
    std::mt19937_64 random(new_seed());
    fill_source();
    write(source() / "large.bin", crypto::random_bytes(9'000'000));
    write_sparse(source() / "sparse", {{1 << 20, crypto::random_bytes(8192)}}, 3 << 20);
    std::filesystem::create_symlink("empty", source() / "link");
    const auto id = back_up(*repository).snapshot.id;
    const auto target = folder / "target";
    const RestoreRequest wanted{.target = target, .overwrite = true};
    for (int round = 0; round < 6; ++round) {
        const auto before = std::filesystem::exists(target) ? describe_tree(target) : std::map<std::string, std::string>{};
        const auto said = forecast(*repository, id, wanted, true, 1000, std::chrono::milliseconds(20), {});
        EXPECT_EQ(std::filesystem::exists(target) ? describe_tree(target) : (std::map<std::string, std::string>{}), before) << "it looks, no more";
        const auto done = repository->restore(id, wanted, exec::no_progress(), {});
        EXPECT_EQ(said.files, done.files);
        EXPECT_EQ(said.folders, done.folders);
        EXPECT_EQ(said.files_unchanged, done.files_unchanged) << round;
        EXPECT_EQ(said.bytes_written, done.bytes_written) << round;
        EXPECT_EQ(said.files_new + said.files_replaced + said.files_unchanged, said.files);
        EXPECT_EQ(static_cast<std::int64_t>(said.changes.size()), said.files_new + said.files_replaced);
        EXPECT_EQ(said.extra, round) << "one more each time";
        EXPECT_TRUE(said.problems.empty());
        EXPECT_EQ(said.requests == 0, said.bytes_written == 0);
        // Something else each time, and a file that stays.
        write(target / ("own" + std::to_string(round)), "stays");
        for (int i = 0; i < 10; ++i) {
            const auto path = target / ("folder" + std::to_string(random() % 6)) / ("file" + std::to_string(random() % 20));
            if (random() % 2 == 0) std::filesystem::remove(path);
            else write(path, std::string(random() % 3000, 'z'));
        }
        std::fstream large(target / "large.bin", std::ios::binary | std::ios::in | std::ios::out);
        large.seekp(static_cast<std::streamoff>(random() % 9'000'000));
        large.put('x');
    }
}

TEST_F(ReadSnapshot, a_forecast_by_size_and_time_reads_no_file) {
    fill_source();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "target");
    const auto times = std::filesystem::last_write_time(folder / "target/folder1/file5");
    write(folder / "target/folder1/file5", std::string(100 + 317 * 5, 'z'));
    const auto look = [&](bool compare) { return forecast(*repository, id, {.target = folder / "target"}, compare, 10, {}, {}); };
    EXPECT_EQ(look(false).files_replaced, 1) << "another time";
    std::filesystem::last_write_time(folder / "target/folder1/file5", times);
    EXPECT_EQ(look(false).files_replaced, 0);
    EXPECT_EQ(look(true).files_replaced, 1);
}

TEST_F(ReadSnapshot, a_forecast_names_what_would_end_the_restore) {
    fill_source();
    const auto id = back_up(*repository).snapshot.id;
    write(folder / "target/folder1", "a file");
    std::filesystem::create_directories(folder / "target/empty");
    const auto said = forecast(*repository, id, {.target = folder / "target", .overwrite = true}, true, 10, {}, {});
    ASSERT_EQ(said.problems.size(), 2u);
    for (const auto& problem : said.problems) EXPECT_EQ(problem.code, Errc::conflict) << problem.path;
    EXPECT_THROW(repository->restore(id, {.target = folder / "target", .overwrite = true}, exec::no_progress(), {}), Conflict);
    EXPECT_THROW(forecast(*repository, id, {.target = folder / "target/folder1"}, true, 10, {}, {}), Conflict);
    EXPECT_THROW(forecast(*repository, id, {.target = folder / "new", .paths = {"nowhere"}}, true, 10, {}, {}), NotFound);
    const auto part = forecast(*repository, id, {.target = folder / "new", .paths = {"long"}}, true, 10, {}, {});
    EXPECT_EQ(part.files_new, 2);
    EXPECT_EQ(part.bytes_written, 6'000'000);
    EXPECT_LT(part.bytes_fetched, 3'200'000) << "what both share is fetched once";
    EXPECT_FALSE(std::filesystem::exists(folder / "new"));
}

TEST_F(ReadSnapshot, what_is_read_outlives_a_lost_index) {
    fill_source();
    const auto id = back_up(*repository).snapshot.id;
    const auto expected = content(source() / "long/one.bin");
    for (const auto& entry : std::filesystem::directory_iterator(repo() / "index")) std::filesystem::remove(entry.path());
    repository = open();
    EXPECT_EQ(FileView(repository, id, "long/one.bin", {}).read(0, expected.size()), expected);
    EXPECT_GT(archive({.snapshot = id}, 1 << 20).size(), 6'000'000u);
}

}  // namespace
}  // namespace tenon::tests
