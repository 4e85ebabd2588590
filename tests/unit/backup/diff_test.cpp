#include <backup/diff.hpp>

#include <chrono>
#include <map>
#include <random>
#include <thread>

#include <new_seed.hpp>

#include "fixture.hpp"
#include "globs.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

class Diff : public BackupTest {
protected:
    std::map<std::string, Change> changes(Repository& repository, const SnapshotId& from, const SnapshotId& to, const std::string& path = "") {
        std::map<std::string, Change> found;
        totals = diff(repository, from, to, path, [&](const EntryChange& change) { found.emplace(change.path, change.change); }, {});
        return found;
    }
    DiffTotals totals;
};

using Changes = std::map<std::string, Change>;

TEST_F(Diff, names_what_was_added_removed_modified_and_touched) {
    fill_source();
    auto repository = create();
    const auto before = back_up(*repository).snapshot.id;
    EXPECT_EQ(changes(*repository, before, before), Changes{});
    std::filesystem::remove(source() / "folder0/file3");
    std::filesystem::remove_all(source() / "folder5");
    write(source() / "folder1/file1", "other");
    write(source() / "new/inner/file", "four");
    std::filesystem::permissions(source() / "folder2/file7", std::filesystem::perms::owner_read);
    std::filesystem::create_symlink("somewhere", source() / "folder3/link");
    std::filesystem::remove(source() / "empty");
    std::filesystem::create_directory(source() / "empty");
    const auto after = back_up(*repository).snapshot.id;

    Changes expected{{"folder0", Change::attributes}, {"folder0/file3", Change::removed}, {"folder1/file1", Change::modified},
                     {"new", Change::added}, {"new/inner", Change::added}, {"new/inner/file", Change::added},
                     {"folder2/file7", Change::attributes}, {"folder3", Change::attributes}, {"folder3/link", Change::added},
                     {"folder5", Change::removed}};
    for (int f = 0; f < 20; ++f) expected.emplace("folder5/file" + std::to_string(f), Change::removed);
    auto found = changes(*repository, before, after);
    EXPECT_EQ(totals.added, 5) << "with the folder in the file's place";
    EXPECT_EQ(totals.removed, 23);
    EXPECT_EQ(totals.modified, 1);
    EXPECT_EQ(totals.bytes_added, 5 + 4);
    found.erase("empty");
    EXPECT_EQ(found, expected);

    EXPECT_EQ(changes(*repository, before, after, "folder1"), (Changes{{"folder1/file1", Change::modified}}));
    EXPECT_EQ(changes(*repository, before, after, "folder5/file2"), (Changes{{"folder5/file2", Change::removed}}));
    EXPECT_EQ(changes(*repository, after, before, "new/inner"), (Changes{{"new/inner", Change::removed}, {"new/inner/file", Change::removed}}));
    EXPECT_THROW(changes(*repository, before, after, "nowhere"), NotFound);
    EXPECT_THROW(changes(*repository, before, after, "../x"), InvalidArgument);
    EXPECT_THROW(changes(*repository, before, SnapshotId{1, 2}), NotFound);
}

TEST_F(Diff, agrees_with_a_comparison_of_two_restores) {
    fill_source();
    auto repository = create();
    const auto before = back_up(*repository).snapshot.id;
    std::mt19937_64 random(new_seed());
    for (int i = 0; i < 60; ++i) {
        const auto path = source() / ("folder" + std::to_string(random() % 8)) / ("file" + std::to_string(random() % 25));
        if (random() % 3 == 0) std::filesystem::remove(path);
        else write(path, std::string(random() % 3000, 'z'));
    }
    const auto after = back_up(*repository).snapshot.id;
    restore(*repository, before, "before");
    restore(*repository, after, "after");
    const auto a = describe_tree(folder / "before"), b = describe_tree(folder / "after");
    Changes expected;
    for (const auto& [name, line] : a)
        if (!b.contains(name)) expected.emplace(name, Change::removed);
    for (const auto& [name, line] : b)
        if (!a.contains(name)) expected.emplace(name, Change::added);
    auto found = changes(*repository, before, after);
    for (const auto& [name, change] : found) {
        if (change == Change::added || change == Change::removed) {
            EXPECT_TRUE(expected.contains(name)) << name;
        } else {
            EXPECT_NE(a.at(name), b.at(name)) << name;
        }
    }
    for (const auto& [name, line] : a) {
        if (name != "." && b.contains(name) && b.at(name) != line) {
            EXPECT_TRUE(found.contains(name)) << name;
        }
    }
    for (const auto& [name, change] : expected) EXPECT_EQ(found[name], change) << name;
}

TEST(Globs, fit_as_people_expect) {
    const auto fits = [](const std::string& pattern, const std::string& path, bool is_folder = false) {
        return Globs({pattern}).match(path, is_folder);
    };
    EXPECT_TRUE(fits("*.tmp", "a.tmp"));
    EXPECT_TRUE(fits("*.tmp", "deep/er/a.tmp"));
    EXPECT_FALSE(fits("*.tmp", "a.tmp.keep"));
    EXPECT_TRUE(fits("projects/*/cache", "projects/x/cache"));
    EXPECT_FALSE(fits("projects/*/cache", "projects/x/y/cache"));
    EXPECT_TRUE(fits("projects/**/cache", "projects/x/y/cache"));
    EXPECT_TRUE(fits("projects/**/cache", "projects/cache")) << "none is a number of folders, too";
    EXPECT_TRUE(fits("**/old", "old"));
    EXPECT_TRUE(fits("**/a/**/b", "x/a/y/a/z/b"));
    EXPECT_FALSE(fits("**/a/**/b", "x/a/y/a/z/c"));
    EXPECT_TRUE(fits("projects/**", "projects/x/y"));
    EXPECT_TRUE(fits("cache/", "x/cache", true));
    EXPECT_FALSE(fits("cache/", "x/cache", false));
    EXPECT_TRUE(fits("/cache", "cache"));
    EXPECT_FALSE(fits("/cache", "x/cache"));
    EXPECT_TRUE(fits("[ab]?.mov", "x/b1.mov"));
    const Globs back({"*.mov", "!final.mov"});
    EXPECT_TRUE(back.match("draft.mov", false));
    EXPECT_FALSE(back.match("final.mov", false));
    for (const auto* wrong : {"", "/", "!", "//"}) EXPECT_THROW(Globs({wrong}), InvalidArgument) << wrong;
    EXPECT_THROW(Globs({std::string("a\0b", 3)}), InvalidArgument);
    EXPECT_THROW(Globs({std::string(5000, 'a')}), InvalidArgument);
    // Many stars do not take for ever.
    EXPECT_FALSE(fits("**/a/**/a/**/a/**/a/**/a/**/a/**/b", [] {
        std::string path = "a";
        for (int i = 0; i < 500; ++i) path += "/a";
        return path;
    }()));
}

class Parts : public BackupTest {};

TEST_F(Parts, a_restore_leaves_out_what_is_excluded) {
    fill_source();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    const auto totals = repository->restore(id, {.target = folder / "out", .paths = {"folder1", "long"}, .exclude = {"file1*", "long/same.bin"}},
                                            exec::no_progress(), {});
    EXPECT_EQ(totals.files, 9 + 1);
    EXPECT_TRUE(std::filesystem::exists(folder / "out/folder1/file2"));
    EXPECT_FALSE(std::filesystem::exists(folder / "out/folder1/file12"));
    EXPECT_TRUE(std::filesystem::exists(folder / "out/long/one.bin"));
    EXPECT_FALSE(std::filesystem::exists(folder / "out/long/same.bin"));
}

TEST_F(Parts, limits_are_kept_in_both_directions_and_a_stop_is_heard_meanwhile) {
    write(source() / "noise", crypto::random_bytes(1'500'000));
    auto repository = create();
    options.clock = base::system_clock();
    repository = open();
    const auto seconds = [](auto work) {
        const auto start = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    auto wanted = request();
    wanted.bytes_per_second = 3'000'000;
    SnapshotId id;
    EXPECT_GE(seconds([&] { id = repository->backup(wanted, free_ledger(), exec::no_progress(), {}).snapshot.id; }), 0.5);
    EXPECT_GE(seconds([&] {
                  repository->restore(id, {.target = folder / "out", .bytes_per_second = 3'000'000}, exec::no_progress(), {});
              }), 0.5);
    EXPECT_EQ(all(differences(source(), folder / "out")), "");

    wanted.bytes_per_second = 1;  // for more than a week
    write(source() / "more", crypto::random_bytes(1'500'000));
    std::stop_source stop;
    struct StopAtOnce final : exec::ProgressSink {
        std::stop_source* source;
        void stage(std::string_view, double, std::int64_t, std::string_view) override {}
        void total(std::int64_t) override {}
        void advance(std::int64_t) override { source->request_stop(); }
    } progress;
    progress.source = &stop;
    EXPECT_THROW(repository->backup(wanted, free_ledger(), progress, stop.get_token()), Cancelled);
    wanted.bytes_per_second = -1;
    EXPECT_THROW(back_up(*repository, wanted), InvalidArgument);
}

TEST_F(Parts, a_first_backup_knows_how_much_there_is) {
    fill_source();
    write(source() / "left/out.tmp", std::string(100'000, 'x'));
    struct Totals final : exec::ProgressSink {
        std::atomic<std::int64_t> last{0};
        void stage(std::string_view, double, std::int64_t total, std::string_view) override { last = total; }
        void total(std::int64_t value) override { last = value; }
        /// The counting runs beside the work, which waits here for it.
        void advance(std::int64_t) override {
            for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
                 last == 0 && std::chrono::steady_clock::now() < deadline;)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    } progress;
    auto repository = create();
    auto wanted = request();
    wanted.exclude = {"*.tmp"};
    clock->advance(std::chrono::hours(1));
    const auto first = repository->backup(wanted, free_ledger(), progress, {});
    EXPECT_EQ(progress.last, first.snapshot.bytes) << "without what is excluded";
    repository->backup(wanted, free_ledger(), progress, {});
    EXPECT_EQ(progress.last, first.snapshot.bytes);
}

// Else it says 100 % and nothing left from where the old size was reached, however much there is to read.
TEST_F(Parts, a_later_backup_says_how_much_there_is_as_its_walk_finds_what_is_new) {
    fill_source();
    write(source() / "grows", std::string(70'000, 'x'));
    struct Totals final : exec::ProgressSink {
        std::atomic<std::int64_t> last{0}, done{0};
        std::atomic<bool> beyond{false};
        void stage(std::string_view, double, std::int64_t total, std::string_view) override {
            last = total;
            done = 0;
        }
        void total(std::int64_t value) override { last = value; }
        void advance(std::int64_t by) override {
            if ((done += by) > last) beyond = true;
        }
    };
    auto repository = create();
    clock->advance(std::chrono::hours(1));
    const auto before = back_up(*repository).snapshot.bytes;
    write(source() / "grows", std::string(200'000, 'y'));
    write(source() / "new", std::string(300'000, 'z'));
    write(source() / "new folder/deep/file", std::string(400'000, 'z'));
    Totals progress;
    clock->advance(std::chrono::hours(1));
    const auto taken = repository->backup(request(), free_ledger(), progress, {});
    EXPECT_EQ(taken.snapshot.bytes, before + 130'000 + 300'000 + 400'000);
    EXPECT_EQ(progress.last, taken.snapshot.bytes);
    EXPECT_EQ(progress.done, taken.snapshot.bytes);
    EXPECT_FALSE(progress.beyond);
    Totals unchanged;
    repository->backup(request(), free_ledger(), unchanged, {});
    EXPECT_EQ(unchanged.last, taken.snapshot.bytes);
}

}  // namespace
}  // namespace tenon::tests
