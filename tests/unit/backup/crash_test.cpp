#include "fixture.hpp"

#include <csignal>
#include <mutex>
#include <random>
#include <thread>

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/file.hpp>
#include <hook_store.hpp>
#include <new_seed.hpp>

namespace tenon::tests {
namespace {

using namespace backup;

class Crash : public BackupTest {
protected:
    // Small, as most of these tests run it dozens of times.
    void SetUp() override {
        for (int i = 0; i < 40; ++i) write(source() / ("folder" + std::to_string(i % 3)) / std::to_string(i), "file " + std::to_string(i));
        const auto data = crypto::random_bytes(400'000);
        write(source() / "long/one.bin", data);
        write(source() / "long/same.bin", data);
    }

    /// A backup in another process over a store that stops as `faults` say.
    int back_up_elsewhere(const Faults& faults, const BackupRequest& wanted) {
        clock->advance(std::chrono::hours(1));
        return elsewhere(faults, [&](Repository& it) { it.backup(wanted, free_ledger(), exec::no_progress(), {}); });
    }

    /// Whatever happened before: what was committed is whole, and the next backup, check and restore work unaided.
    void expect_sound(const std::string& when) {
        auto repository = open();
        EXPECT_EQ(all(check(*repository).problems), "") << when;
        const auto totals = back_up(*repository);
        EXPECT_EQ(all(check(*repository).problems), "") << when;
        expect_restores(*repository, totals.snapshot.id, when);
        EXPECT_TRUE(blob::list_all(*store(), "sess/").empty()) << when;
    }

    int operations_of_a_backup() {
        const auto counting = std::make_shared<FaultStore>(store(), Faults{});
        auto repository = Repository::open(counting, vault(), key(), options);
        back_up(*repository, busy());
        return counting->operations();
    }
    /// With many checkpoints.
    BackupRequest busy() const {
        auto wanted = request();
        wanted.checkpoint_after = Duration{1};
        return wanted;
    }
};

TEST_F(Crash, killed_at_every_store_operation) {
    create();
    const int operations = operations_of_a_backup();
    EXPECT_GT(operations, 10);
    using Stop = Faults::Stop;
    for (int at = 1; at <= operations; ++at)
        for (const bool after : {false, true}) {
            std::filesystem::remove_all(repo());
            std::filesystem::remove_all(vault_folder());
            create();
            write(source() / "changing", "run " + std::to_string(at));
            EXPECT_NE(back_up_elsewhere({.stop_at = at, .stop = Stop::kill, .after = after}, busy()), -1);
            expect_sound("killed at operation " + std::to_string(at) + (after ? ", done" : ", not done"));
        }
}

TEST_F(Crash, failing_at_every_store_operation_ends_in_an_error_and_a_sound_repository) {
    create();
    const int operations = operations_of_a_backup();
    for (int at = 1; at <= operations; ++at) {
        std::filesystem::remove_all(repo());
        std::filesystem::remove_all(vault_folder());
        create();
        const auto faulty = std::make_shared<FaultStore>(store(), Faults{.stop_at = at});
        auto repository = Repository::open(faulty, vault(), key(), options);
        try {
            back_up(*repository, busy());
        } catch (const Unavailable&) {
        }
        repository.reset();
        expect_sound("failed at operation " + std::to_string(at));
    }
}

TEST_F(Crash, killed_at_random_moments) {
    create();
    for (int i = 0; i < 8; ++i) write(source() / "bulk" / std::to_string(i), crypto::random_bytes(2'000'000));
    std::mt19937 random(new_seed());
    for (int round = 0; round < 20; ++round) {
        write(source() / "changing", crypto::random_bytes(500'000));
        clock->advance(std::chrono::hours(1));
        const pid_t child = fork();
        if (child == 0) {
            auto repository = open();
            repository->backup(busy(), free_ledger(), exec::no_progress(), {});
            _exit(0);
        }
        const auto delay = std::chrono::microseconds(random() % 40'000);
        std::this_thread::sleep_for(delay);
        kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(all(check(*open()).problems), "") << "killed after " << delay.count() << " µs";
    }
    expect_sound("after 20 kills");
}

TEST_F(Crash, a_killed_first_backup_goes_on_where_it_was) {
    for (int i = 0; i < 400; ++i) write(source() / "many" / std::to_string(i), "content " + std::to_string(i));
    create();
    const int operations = operations_of_a_backup();
    std::filesystem::remove_all(repo());
    std::filesystem::remove_all(vault_folder());
    create();
    // Between the last checkpoint and the snapshot.
    ASSERT_EQ(back_up_elsewhere({.stop_at = operations - 5, .stop = Faults::Stop::kill}, busy()), SIGKILL);
    auto repository = open();
    const auto again = back_up(*repository);
    EXPECT_TRUE(again.resumed);
    EXPECT_GT(again.files_unchanged, 250) << "what was finished, a batch or more, is not read again";
    EXPECT_FALSE(back_up(*repository).resumed);
    expect_sound("resumed");
}

/// However long it is: the packs that were complete are in a segment long before its end.
TEST_F(Crash, a_backup_killed_in_the_midst_of_one_long_file_does_not_store_again_what_it_had_stored) {
    constexpr std::int64_t pack = 8'000'000, size = 8 * pack;
    options.pack_profile = 1;
    write(source() / "film.bin", crypto::random_bytes(size));
    create();
    auto wanted = request();
    wanted.checkpoint_bytes = pack;
    clock->advance(std::chrono::hours(1));
    const auto work = [&] {
        const auto hooked = std::make_shared<HookStore>(store());
        std::atomic<int> packs{0}, segments{0};
        hooked->before = [&](const std::string& what, const std::string& name) {
            if (what != "put") return;
            // The file goes on when a segment is there, and ends when the next one is due.
            if (name.starts_with("packs/") && ++packs == 4)
                for (int waited = 0; segments == 0 && waited < 60'000; ++waited) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            if (name.starts_with("index/") && segments > 0) kill(getpid(), SIGKILL);
        };
        hooked->after = [&](const std::string& what, const std::string& name) {
            if (what == "put" && name.starts_with("index/")) ++segments;
        };
        Repository::open(hooked, vault(), key(), options)->backup(wanted, free_ledger(), exec::no_progress(), {});
    };
    ASSERT_EQ(elsewhere(work), SIGKILL);
    auto repository = open();
    ASSERT_TRUE(repository->list().empty());
    EXPECT_LE(back_up(*repository).bytes_new, size - pack + 1'000'000) << "a pack at least was listed";
    expect_sound("gone on");
}

TEST_F(Crash, what_changed_since_the_kill_is_read) {
    create();
    const int operations = operations_of_a_backup();
    std::filesystem::remove_all(repo());
    std::filesystem::remove_all(vault_folder());
    create();
    ASSERT_EQ(back_up_elsewhere({.stop_at = operations - 5, .stop = Faults::Stop::kill}, busy()), SIGKILL);
    write(source() / "folder0/0", "changed after the kill");
    expect_sound("changed");
}

TEST_F(Crash, a_living_session_is_left_alone) {
    auto repository = create();
    auto other = store()->beacon("sess/00112233445566778899aabbccddeeff/0123456789abcdef0123456789abcdef", base::view_of("alive"));
    back_up(*repository);
    EXPECT_EQ(blob::list_all(*store(), "sess/").size(), 1u);
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(Crash, a_full_store_is_no_space_and_stays_sound) {
    create();
    for (std::int64_t space = 0; space < 400'000; space += 60'000) {
        const auto faulty = std::make_shared<FaultStore>(store(), Faults{.space = space});
        auto repository = Repository::open(faulty, vault(), key(), options);
        EXPECT_THROW(back_up(*repository), NoSpace) << space;
        EXPECT_EQ(all(check(*repository).problems), "") << space;
    }
    expect_sound("after the store was full");
}

TEST_F(Crash, a_full_disk_is_no_space_and_stays_sound) {
    write(source() / "long/more.bin", crypto::random_bytes(3'000'000));
    const auto small = folder / "small";
    std::filesystem::create_directories(small);
    if (mount("none", small.c_str(), "tmpfs", 0, "size=2m") != 0) GTEST_SKIP() << "needs the right to mount";
    {
        const auto on_small = std::make_shared<blob::FileStore>(small / "repo", base::system_clock());
        auto repository = Repository::create(on_small, vault(), key(), "", options);
        EXPECT_THROW(back_up(*repository), NoSpace);
        EXPECT_GT(*on_small->capabilities().free, 1'000'000u) << "nothing half-made stays";
        EXPECT_EQ(all(check(*repository).problems), "");
        std::filesystem::remove_all(source() / "long");
        const auto totals = back_up(*repository);
        restore(*repository, totals.snapshot.id, "out");
        EXPECT_EQ(all(differences(source(), folder / "out")), "");
    }
    umount2(small.c_str(), MNT_DETACH);
}

TEST_F(Crash, cancel_ends_a_backup_soon_and_leaves_no_snapshot) {
    for (int i = 0; i < 16; ++i) write(source() / "bulk" / std::to_string(i), crypto::random_bytes(4'000'000));
    auto repository = create();
    std::stop_source stop;
    struct StopAt final : exec::ProgressSink {
        std::stop_source* source;
        std::atomic<std::int64_t> left{20'000'000};
        void stage(std::string_view, double, std::int64_t, std::string_view) override {}
        void total(std::int64_t) override {}
        void advance(std::int64_t by) override {
            if ((left -= by) < 0) source->request_stop();
        }
    } progress;
    progress.source = &stop;
    EXPECT_THROW(repository->backup(request(), free_ledger(), progress, stop.get_token()), Cancelled);
    EXPECT_TRUE(repository->list().empty());
    EXPECT_TRUE(blob::list_all(*store(), "packs/").empty());
    expect_sound("after a cancel");
    std::stop_source before;
    before.request_stop();
    EXPECT_THROW(repository->backup(request(), free_ledger(), exec::no_progress(), before.get_token()), Cancelled);
    const auto id = repository->list().front().id;
    progress.left = 10'000'000;
    std::stop_source during;
    progress.source = &during;
    EXPECT_THROW(repository->restore(id, {.target = folder / "cancelled"}, progress, during.get_token()), Cancelled);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "cancelled"))
        if (entry.is_regular_file()) {
            const auto name = entry.path().lexically_relative(folder / "cancelled");
            EXPECT_EQ(describe_tree(source()).at(name.string()), describe_tree(folder / "cancelled").at(name.string()))
                << "a file is there whole or not at all";
        }
}

/// Asks for a stop at the n-th of all that work says of its progress.
struct StopAtStep final : exec::ProgressSink {
    explicit StopAtStep(int last) : left(last) {}
    void step() {
        if (--left == 0) source.request_stop();
    }
    void stage(std::string_view, double, std::int64_t, std::string_view) override { step(); }
    void total(std::int64_t) override {}
    void advance(std::int64_t) override { step(); }
    void files(std::int64_t) override { step(); }
    std::atomic<int> left;
    std::stop_source source;
};

TEST_F(Crash, cancelled_at_any_of_its_steps_a_backup_leaves_no_snapshot_and_the_next_goes_on) {
    auto repository = create();
    auto wanted = request();
    wanted.checkpoint_after = Duration{1};
    std::size_t snapshots = 0;
    for (int at = 1; snapshots == 0; at += 3) {
        SCOPED_TRACE(at);
        write(source() / "changes", "at " + std::to_string(at));
        clock->advance(std::chrono::hours(1));
        StopAtStep stop(at);
        try {
            repository->backup(wanted, free_ledger(), stop, stop.source.get_token());
        } catch (const Cancelled&) {
        }
        snapshots = repository->list().size();
        ASSERT_LE(snapshots, 1u);
        ASSERT_EQ(all(check(*repository, CheckDepth::structure).problems), "");
        ASSERT_LT(at, 1000);
    }
    // Now and then one that runs to its end: upon what all those left.
    expect_sound("behind them all");
}

TEST_F(Crash, cancelled_at_any_of_its_steps_a_restore_leaves_whole_files_only_and_the_next_goes_on) {
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    const auto expected = describe_tree(source());
    for (int at = 1, last = 0; last == 0; at += 3) {
        SCOPED_TRACE(at);
        const auto target = folder / ("out-" + std::to_string(at));
        StopAtStep stop(at);
        try {
            repository->restore(id, {.target = target, .durable = false}, stop, stop.source.get_token());
            last = at;
        } catch (const Cancelled&) {
        }
        if (std::filesystem::exists(target))
            for (const auto& [name, line] : describe_tree(target))
                if (std::filesystem::is_regular_file(target / name)) {
                    ASSERT_TRUE(expected.contains(name)) << name;
                    EXPECT_EQ(line, expected.at(name)) << name;
                }
        repository->restore(id, {.target = target, .overwrite = true, .durable = false}, exec::no_progress(), {});
        auto lines = differences(source(), target);
        std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });  // what is there already keeps what it is
        ASSERT_EQ(all(lines), "");
        std::filesystem::remove_all(target);
        ASSERT_LT(at, 1000);
    }
}

struct CountingLedger final : Ledger {
    std::int64_t limit = std::int64_t{1} << 40;
    std::int64_t reserved = 0, committed = 0, released = 0;
    void reserve(std::int64_t bytes) override {
        if (reserved - released + bytes > limit) throw QuotaExceeded("the storage is used up", {.resource = "storage"});
        reserved += bytes;
    }
    void commit(std::int64_t bytes) noexcept override { committed += bytes; }
    void release(std::int64_t bytes) noexcept override { released += bytes; }
};

TEST_F(Crash, every_reserved_byte_is_committed_or_released) {
    auto repository = create();
    CountingLedger ledger;
    const auto totals = repository->backup(request(), ledger, exec::no_progress(), {});
    EXPECT_EQ(ledger.reserved, ledger.committed + ledger.released);
    EXPECT_EQ(ledger.committed, totals.bytes_stored);
    std::int64_t stored = 0;
    for (const auto& object : blob::list_all(*store(), ""))
        if (!object.name.starts_with("super")) stored += static_cast<std::int64_t>(object.size);
    EXPECT_EQ(ledger.committed, stored);
}

TEST_F(Crash, a_quota_that_runs_out_ends_the_backup_and_gives_everything_back) {
    auto repository = create();
    CountingLedger ledger;
    ledger.limit = 300'000;
    EXPECT_THROW(repository->backup(request(), ledger, exec::no_progress(), {}), QuotaExceeded);
    EXPECT_EQ(ledger.reserved, ledger.committed + ledger.released);
    EXPECT_EQ(ledger.committed, 0);
    EXPECT_TRUE(repository->list().empty());
    ledger.limit = 500'000;  // just enough
    EXPECT_NO_THROW(repository->backup(request(), ledger, exec::no_progress(), {}));
    expect_sound("after the quota ran out");
}

TEST_F(Crash, behind_the_commit_point_nothing_fails_a_backup) {
    create();
    const int operations = operations_of_a_backup();
    for (int at = 1; at <= operations; ++at) {
        std::filesystem::remove_all(repo());
        std::filesystem::remove_all(vault_folder());
        create();
        auto repository = Repository::open(std::make_shared<FaultStore>(store(), Faults{.stop_at = at}), vault(), key(), options);
        bool done = true;
        try {
            back_up(*repository, busy());
        } catch (const Error&) {
            done = false;
        }
        EXPECT_EQ(open()->list().size(), done ? 1u : 0u) << "failed at operation " << at;
    }
}

TEST_F(Crash, a_restore_that_fails_leaves_old_files_whole) {
    write(source() / "long/one.bin", crypto::random_bytes(9'000'000));
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    write(folder / "out/long/one.bin", "old one");
    write(folder / "out/folder0/0", "old zero");
    std::filesystem::create_symlink("elsewhere", folder / "out/long/same.bin");
    const auto faulty = std::make_shared<FaultStore>(store(), Faults{.spoil = [](const std::string& name, std::uint64_t, blob::ByteSpan bytes) {
                                                         if (name.starts_with("packs/") && bytes.size() > 1'000'000) bytes[bytes.size() - 100] ^= 1;
                                                     }});
    auto spoiled = Repository::open(faulty, vault(), key(), options);
    EXPECT_THROW(spoiled->restore(id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {}), Corrupt);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "out")) {
        const auto name = entry.path().filename().string();
        EXPECT_EQ(name.find(".restoring-"), std::string::npos) << name;
    }
    EXPECT_TRUE(std::filesystem::file_size(folder / "out/long/one.bin") == 7 || std::filesystem::file_size(folder / "out/long/one.bin") == 9'000'000);
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "out/long/same.bin") || std::filesystem::file_size(folder / "out/long/same.bin") == 400'000);
    repository->restore(id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {});
    auto lines = differences(source(), folder / "out");
    std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });
    EXPECT_EQ(all(lines), "");
}

TEST_F(Crash, a_restore_killed_at_random_moments_leaves_nothing_half_made) {
    for (int i = 0; i < 8; ++i) write(source() / "bulk" / std::to_string(i), crypto::random_bytes(2'000'000));
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    const auto old = std::string(2'000'000, 'o');
    std::mt19937 random(new_seed());
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 4; ++i) write(folder / "out/bulk" / std::to_string(i), old);
        std::filesystem::remove(folder / "out/bulk/5");
        const pid_t child = fork();
        if (child == 0) {
            open()->restore(id, {.target = folder / "out", .overwrite = true, .durable = false}, exec::no_progress(), {});
            _exit(0);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
        kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "out")) {
            const auto name = entry.path().lexically_relative(folder / "out");
            if (!entry.is_regular_file() || name.filename().string().starts_with(".restoring-")) continue;
            const auto now = base::read_file(entry.path(), 1 << 24);
            EXPECT_TRUE(now == base::read_file(source() / name, 1 << 24) || std::string(now.begin(), now.end()) == old) << name;
        }
    }
    repository->restore(id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {});
    auto lines = differences(source(), folder / "out");
    std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });
    EXPECT_EQ(all(lines), "") << "what killed runs left beside is swept";
}

TEST_F(Crash, two_backups_of_one_repository_at_once) {
    create();
    auto first = open(), second = open();
    clock->advance(std::chrono::hours(1));
    BackupTotals a, b;
    {
        std::jthread other([&] { a = first->backup(request(), free_ledger(), exec::no_progress(), {}); });
        b = second->backup(request(), free_ledger(), exec::no_progress(), {});
    }
    auto repository = open();
    EXPECT_EQ(repository->list().size(), 2u);
    EXPECT_EQ(all(check(*repository).problems), "");
    for (const auto& info : {a.snapshot, b.snapshot}) {
        std::filesystem::remove_all(folder / "out");
        restore(*repository, info.id, "out");
        EXPECT_EQ(all(differences(source(), folder / "out")), "");
    }
}

/// Changes a file whenever some of it was read: always between the look before reading and the one after.
class ChangesWhileRead final : public exec::ProgressSink {
public:
    explicit ChangesWhileRead(std::filesystem::path file) : file_(std::move(file)) {}

    void stage(std::string_view, double, std::int64_t, std::string_view) override {}
    void total(std::int64_t) override {}
    void advance(std::int64_t) override {
        const std::lock_guard lock(mutex_);
        std::fstream(file_, std::ios::in | std::ios::out | std::ios::binary).seekp(4'000'000).put(static_cast<char>(++changes_));
        // The kernel's own stamps are milliseconds apart: two changes could share one.
        std::filesystem::last_write_time(file_, std::filesystem::file_time_type::clock::now() - std::chrono::hours(changes_));
    }

private:
    const std::filesystem::path file_;
    std::mutex mutex_;
    int changes_ = 0;  // guarded by mutex_
};

TEST_F(Crash, a_file_that_keeps_changing_is_flagged) {
    write(source() / "busy", crypto::random_bytes(8'000'000));
    auto repository = create();
    ChangesWhileRead changing(source() / "busy");
    clock->advance(std::chrono::hours(1));
    const auto totals = repository->backup(request(), backup::free_ledger(), changing, {});
    ASSERT_EQ(totals.problems.size(), 1u);
    EXPECT_EQ(totals.problems[0].path, "busy");
    EXPECT_EQ(all(check(*repository).problems), "");
    restore(*repository, totals.snapshot.id, "out");
    EXPECT_EQ(std::filesystem::file_size(folder / "out/busy"), 8'000'000u);
    EXPECT_EQ(back_up(*repository).files_new, 1) << "what was unstable is read again";
}

}  // namespace
}  // namespace tenon::tests
