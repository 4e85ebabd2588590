// A restore that deletes what its snapshot lacks: that and nothing else, and only once all else is there.
#include "fixture.hpp"

#include <atomic>
#include <csignal>
#include <iostream>
#include <map>
#include <utility>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <backup/read.hpp>
#include <hook_store.hpp>

namespace tenon::tests {
namespace {

using namespace backup;

/// Kills its process at the n-th of all that a restore does: what it says of its progress, fetches and deletes.
class DyingAt final : public exec::ProgressSink {
public:
    explicit DyingAt(int last) : last_(last) {}
    void step() {
        if (++steps_ == last_) kill(getpid(), SIGKILL);
    }
    void stage(std::string_view, double, std::int64_t, std::string_view) override { step(); }
    void total(std::int64_t) override {}
    void advance(std::int64_t) override { step(); }
    void files(std::int64_t) override { step(); }

private:
    const int last_;
    std::atomic<int> steps_{0};
};

class RestoreDelete : public BackupTest {
protected:
    void SetUp() override {
        for (const auto* name : {"a/one", "a/two", "a/deep/three", "b/four"}) write(source() / name, std::string("content of ") + name);
        write(source() / "b/long.bin", crypto::random_bytes(300'000));
        std::filesystem::create_directories(source() / "b/nothing in it");
    }
    std::filesystem::path out() const { return folder / "out"; }
    RestoreRequest wanted() const {
        RestoreRequest request;
        request.target = out();
        request.overwrite = true;
        request.delete_extra = true;
        return request;
    }
    /// What the target has too much: a file, a link out of it, a folder in folders, a pipe.
    void add_extras() {
        write(out() / "a/extra", "x");
        write(out() / "a/deep/more/and more/file", "xx");
        write(out() / "a/deep/more/other", "xxx");
        write(folder / "outside/precious", "nobody's business");
        std::filesystem::create_directory_symlink(folder / "outside", out() / "b/link");
        std::filesystem::create_symlink(folder / "outside/precious", out() / "b/nothing in it/link");
        ASSERT_EQ(::mkfifo((out() / "b/pipe").c_str(), 0600), 0);
    }
    RestoreTotals run(Repository& repository, const SnapshotId& id, const RestoreRequest& request) {
        return repository.restore(id, request, exec::no_progress(), {});
    }
    static std::string lines_of(const std::vector<FileProblem>& problems) {
        std::string text;
        for (const auto& problem : problems) text += problem.path + ": " + problem.message + '\n';
        return text;
    }
};

TEST_F(RestoreDelete, what_the_snapshot_lacks_goes_and_nothing_outside_as_the_preview_said) {
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "out");
    add_extras();
    write(out() / "a/one", "changed");
    std::filesystem::remove(out() / "b/four");

    const auto before = describe_tree(out());
    const auto said = forecast(*repository, id, wanted(), true, 1000, {}, {});
    EXPECT_EQ(describe_tree(out()), before) << "a preview changes nothing";
    EXPECT_EQ(said.extra, 5) << "names that lie beside";
    EXPECT_EQ(said.deleted, 8) << "and what is in them";
    EXPECT_EQ(std::count_if(said.changes.begin(), said.changes.end(), [](const auto& change) { return change.is_gone; }), 8);
    auto without = wanted();
    without.delete_extra = false;
    EXPECT_EQ(forecast(*repository, id, without, true, 1000, {}, {}).deleted, 0);

    const auto totals = run(*repository, id, wanted());
    EXPECT_EQ(totals.deleted, said.deleted);
    EXPECT_EQ(lines_of(totals.problems), "");
    EXPECT_EQ(all(differences(source(), out())), "");
    EXPECT_TRUE(std::filesystem::exists(folder / "outside/precious"));
    EXPECT_EQ(run(*repository, id, wanted()).deleted, 0) << "there is nothing left to do";
    restore(*repository, id, "fresh");
    auto fresh = wanted();
    fresh.target = folder / "made anew";
    EXPECT_EQ(run(*repository, id, fresh).deleted, 0);
}

TEST_F(RestoreDelete, what_was_left_out_of_the_restore_stays_with_the_folders_it_lies_in) {
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "out");
    add_extras();
    write(out() / "a/deep/more/keep.log", "log");
    write(out() / "a/cache/file", "cached");
    auto request = wanted();
    request.exclude = {"*.log", "/a/cache/", "two"};
    std::filesystem::remove(out() / "a/two");
    const auto said = forecast(*repository, id, request, true, 1000, {}, {});
    const auto totals = run(*repository, id, request);
    EXPECT_EQ(totals.deleted, said.deleted);
    EXPECT_TRUE(std::filesystem::exists(out() / "a/deep/more/keep.log"));
    EXPECT_TRUE(std::filesystem::exists(out() / "a/cache/file"));
    EXPECT_FALSE(std::filesystem::exists(out() / "a/deep/more/other"));
    EXPECT_FALSE(std::filesystem::exists(out() / "a/extra"));
    EXPECT_FALSE(std::filesystem::exists(out() / "a/two")) << "nor does it come";

    // Parts: nothing beside them.
    add_extras();
    request = wanted();
    request.paths = {"a/deep", "b/four"};
    run(*repository, id, request);
    EXPECT_FALSE(std::filesystem::exists(out() / "a/deep/more"));
    EXPECT_TRUE(std::filesystem::exists(out() / "a/extra"));
    EXPECT_TRUE(std::filesystem::exists(out() / "b/pipe"));

    // Who owns the place has the last word.
    request = wanted();
    request.may_delete = [](const std::string& path, bool is_folder) { return path != "a/extra" && !is_folder; };
    run(*repository, id, request);
    EXPECT_TRUE(std::filesystem::exists(out() / "a/extra"));
    EXPECT_FALSE(std::filesystem::exists(out() / "b/pipe"));
    EXPECT_TRUE(std::filesystem::exists(out() / "a/cache"));
    EXPECT_FALSE(std::filesystem::exists(out() / "a/cache/file"));
}

TEST_F(RestoreDelete, beside_sources_nothing_was_ever_asked) {
    auto repository = create();
    auto request = this->request();
    request.sources = {{.name = "a", .path = source() / "a"}, {.name = "b", .path = source() / "b"}};
    const auto id = back_up(*repository, request).snapshot.id;
    write(out() / "somebody's", "x");
    write(out() / "c/else", "x");
    write(out() / "a/extra", "x");
    EXPECT_EQ(run(*repository, id, wanted()).deleted, 1);
    EXPECT_TRUE(std::filesystem::exists(out() / "somebody's"));
    EXPECT_TRUE(std::filesystem::exists(out() / "c/else"));
    EXPECT_FALSE(std::filesystem::exists(out() / "a/extra"));
}

TEST_F(RestoreDelete, what_was_erased_stays_where_it_lies) {
    auto repository = create();
    repository->add_classes({"user-1"});
    repository = open();
    auto request = this->request();
    request.classes = {{"b", "user-1"}};
    const auto id = back_up(*repository, request).snapshot.id;
    restore(*repository, id, "out");
    repository->shred("user-1");
    repository = open();
    write(out() / "a/extra", "x");
    write(out() / "b/extra", "x");
    EXPECT_EQ(run(*repository, id, wanted()).deleted, 1);
    EXPECT_TRUE(std::filesystem::exists(out() / "b/four")) << "the snapshot had it";
    EXPECT_TRUE(std::filesystem::exists(out() / "b/extra")) << "nobody knows whether it had that";
}

TEST_F(RestoreDelete, nothing_goes_before_all_else_is_there) {
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "out");
    add_extras();
    std::filesystem::remove(out() / "b/long.bin");
    std::filesystem::remove(out() / "a/one");
    const auto extras = [&] { return std::filesystem::exists(out() / "a/extra") && std::filesystem::exists(out() / "a/deep/more/other"); };
    // Its store fails in the midst of it.
    auto failing = std::make_shared<HookStore>(store());
    std::atomic<bool> fails{false};
    failing->before = [&](const std::string& what, const std::string& name) {
        if (fails && what == "get" && name.starts_with("packs/")) throw Unavailable("away");
    };
    auto broken = Repository::open(failing, vault(), key(), options);
    (void)broken->list();
    fails = true;
    EXPECT_THROW(run(*broken, id, wanted()), Unavailable);
    EXPECT_TRUE(extras());
    // What lies in the way.
    fails = false;
    write(out() / "b/long.bin/file", "a folder where a file belongs");
    EXPECT_THROW(run(*repository, id, wanted()), Conflict);
    EXPECT_TRUE(extras());
    std::filesystem::remove_all(out() / "b/long.bin");
    // Somebody has no room for it.
    auto request = wanted();
    request.admit = [](const auto&) { throw QuotaExceeded("full"); };
    EXPECT_THROW(run(*repository, id, request), QuotaExceeded);
    EXPECT_TRUE(extras());
    // Damage.
    request = wanted();
    request.salvage = true;
    EXPECT_THROW(run(*repository, id, request), InvalidArgument) << "what is lost is not extra";
    request = wanted();
    request.overwrite = false;
    EXPECT_THROW(run(*repository, id, request), InvalidArgument);
    EXPECT_TRUE(extras());
    // When the first of them goes all that the snapshot has is in place.
    bool asked = false;
    request = wanted();
    request.may_delete = [&](const std::string&, bool) {
        if (std::exchange(asked, true)) return true;
        EXPECT_TRUE(std::filesystem::exists(out() / "b/long.bin"));
        EXPECT_TRUE(std::filesystem::exists(out() / "a/one"));
        return true;
    };
    run(*repository, id, request);
    EXPECT_TRUE(asked);
    EXPECT_EQ(all(differences(source(), out())), "");
}

TEST_F(RestoreDelete, cancelled_anywhere_it_has_deleted_nothing_but_what_is_extra_and_the_next_one_goes_on) {
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "out");
    for (int last = 1;; ++last) {
        add_extras();
        std::stop_source source_of_stop;
        int asked = 0;
        auto request = wanted();
        request.may_delete = [&](const std::string&, bool) {
            if (++asked == last) source_of_stop.request_stop();
            return true;
        };
        bool cancelled = false;
        try {
            repository->restore(id, request, exec::no_progress(), source_of_stop.get_token());
        } catch (const Cancelled&) {
            cancelled = true;
        }
        for (const auto& line : differences(source(), out())) EXPECT_EQ(line.find("is missing"), std::string::npos) << line;
        run(*repository, id, wanted());
        ASSERT_EQ(all(differences(source(), out())), "") << last;
        if (!cancelled) break;
        ASSERT_LT(last, 20);
    }
    EXPECT_TRUE(std::filesystem::exists(folder / "outside/precious"));
}

TEST_F(RestoreDelete, killed_at_each_of_its_steps_no_file_is_a_mix_nothing_goes_early_and_the_next_one_goes_on) {
    for (int i = 0; i < 5; ++i) write(source() / "a/deep" / std::to_string(i), crypto::random_bytes(20'000));
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "out");
    const std::vector<std::string> extra{"a/extra", "a/deep/more/and more/file", "a/deep/more/other", "b/link", "b/nothing in it/link", "b/pipe"};
    auto request = wanted();
    request.durable = false;  // a kill takes nothing from the disk that was written
    int while_writing = 0, while_deleting = 0, behind = 0;
    for (int at = 1;; ++at) {
        SCOPED_TRACE("killed at step " + std::to_string(at));
        add_extras();
        std::map<std::string, std::string> old;  // what lies there before; nothing where it is missing
        for (const auto* name : {"a/one", "b/four", "b/long.bin", "a/deep/1"}) write(out() / name, old[name] = std::string("older ") + name);
        for (const auto* name : {"a/two", "a/deep/2", "a/deep/3"}) std::filesystem::remove(out() / name), old[name].clear();
        const auto outside = describe_tree(folder / "outside");

        const int end = elsewhere([&] {
            DyingAt dying(at);
            auto hooked = std::make_shared<HookStore>(store());
            hooked->before = [&](const std::string& what, const std::string& name) {
                if (what == "get" && name.starts_with("packs/")) dying.step();
            };
            request.may_delete = [&](const std::string&, bool) {
                dying.step();
                return true;
            };
            Repository::open(hooked, vault(), key(), options)->restore(id, request, dying, {});
        });
        ASSERT_GE(end, 0);
        const bool is_killed = end > 0;

        EXPECT_EQ(describe_tree(folder / "outside"), outside);
        const auto gone = std::count_if(extra.begin(), extra.end(), [&](const auto& name) {
            return !std::filesystem::exists(std::filesystem::symlink_status(out() / name));
        });
        bool is_complete = true;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(source())) {
            if (!entry.is_regular_file()) continue;
            const auto name = entry.path().lexically_relative(source()).string();
            if (bytes_of(out() / name) == bytes_of(entry.path())) continue;
            is_complete = false;
            const auto before = old.find(name);
            ASSERT_NE(before, old.end()) << name;
            EXPECT_EQ(bytes_of(out() / name), before->second) << name << " is neither what it was nor what it is to be";
        }
        EXPECT_TRUE(gone == 0 || is_complete) << "something extra has gone before all else was there";
        ++(!is_complete ? while_writing : gone < static_cast<std::ptrdiff_t>(extra.size()) ? while_deleting : behind);

        const auto totals = run(*repository, id, request);
        EXPECT_EQ(lines_of(totals.problems), "");
        ASSERT_EQ(all(differences(source(), out())), "") << "nothing that was begun beside is left either";
        EXPECT_EQ(describe_tree(folder / "outside"), outside);
        if (!is_killed) break;
        ASSERT_LT(at, 1000);
    }
    std::cout << "killed while it wrote " << while_writing << " times, while it deleted " << while_deleting << std::endl;
    EXPECT_GE(while_writing, 7);
    EXPECT_GE(while_deleting, 6);
    EXPECT_GE(behind, 1);
}

TEST_F(RestoreDelete, what_cannot_go_is_named_and_ends_nothing) {
    if (geteuid() == 0) GTEST_SKIP() << "nothing is refused to root";
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "out");
    write(out() / "a/locked/file", "x");
    write(out() / "b/extra", "x");
    std::filesystem::permissions(out() / "a/locked", std::filesystem::perms(0500));
    const auto totals = run(*repository, id, wanted());
    EXPECT_EQ(totals.deleted, 1);
    EXPECT_NE(lines_of(totals.problems).find("a/locked/file"), std::string::npos);
    std::filesystem::permissions(out() / "a/locked", std::filesystem::perms(0700));
}

TEST_F(RestoreDelete, what_is_mounted_in_the_target_stays) {
    write(folder / "other/precious", "another disk's");
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    restore(*repository, id, "out");
    write(out() / "a/extra", "x");
    std::filesystem::create_directories(out() / "a/mounted/on");
    std::filesystem::create_directories(out() / "a/free");
    const auto mounted = out() / "a/mounted/on";
    if (mount((folder / "other").c_str(), mounted.c_str(), nullptr, MS_BIND, nullptr) != 0)
        GTEST_SKIP() << "nothing can be mounted here";
    struct Unmount {
        std::filesystem::path path;
        ~Unmount() { umount2(path.c_str(), MNT_DETACH); }
    } const unmount{mounted};
    const auto said = forecast(*repository, id, wanted(), true, 1000, {}, {});
    const auto totals = run(*repository, id, wanted());
    EXPECT_EQ(totals.deleted, 2);
    EXPECT_EQ(said.deleted, 2);
    EXPECT_NE(lines_of(totals.problems).find("a/mounted/on: something is mounted"), std::string::npos) << lines_of(totals.problems);
    EXPECT_NE(lines_of(said.problems).find("a/mounted/on: something is mounted"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(folder / "other/precious"));
    EXPECT_FALSE(std::filesystem::exists(out() / "a/free"));
}

}  // namespace
}  // namespace tenon::tests
