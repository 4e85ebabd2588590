#include "fixture.hpp"

#include <atomic>
#include <csignal>
#include <functional>
#include <random>
#include <set>
#include <thread>

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <backup/prune.hpp>
#include <backup/retention.hpp>
#include <base/file.hpp>
#include <new_seed.hpp>

#include "collector.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

/// Calls `at` with each advance of a stage's work.
class Watched final : public exec::ProgressSink {
public:
    explicit Watched(std::function<void(const std::string& stage)> at) : at_(std::move(at)) {}
    void stage(std::string_view name, double, std::int64_t, std::string_view) override {
        {
            const std::lock_guard lock(mutex_);
            stage_ = name;
        }
        at_(std::string(name));
    }
    void total(std::int64_t) override {}
    void advance(std::int64_t) override { at_(name()); }
    std::string name() const {
        const std::lock_guard lock(mutex_);
        return stage_;
    }

private:
    const std::function<void(const std::string&)> at_;
    mutable std::mutex mutex_;
    std::string stage_;  // guarded by mutex_
};

class Prune : public BackupTest {
protected:
    PruneTotals prune(Repository& repository, const PruneRequest& wanted = {}) { return backup::prune(repository, wanted, exec::no_progress(), {}); }
    static PruneRequest all_of_it() {
        PruneRequest wanted;
        wanted.unused_percent = 0;
        wanted.most_records = 4;
        return wanted;
    }
    std::size_t packs() const { return blob::list_all(*store(), "packs/").size(); }

    /// Three states of a small source, of which each shares something with the others.
    struct Taken {
        SnapshotId id;
        std::string copy;
    };
    std::vector<Taken> taken;
    void take(Repository& repository, const std::string& name) {
        taken.push_back({back_up(repository).snapshot.id, name});
        std::filesystem::copy(source(), folder / "copies" / name, std::filesystem::copy_options::recursive);
    }
    void take_three(Repository& repository) {
        std::filesystem::create_directories(folder / "copies");
        for (int i = 0; i < 30; ++i) write(source() / ("folder" + std::to_string(i % 3)) / std::to_string(i), "file " + std::to_string(i));
        write(source() / "shared.bin", random_bytes(300'000));
        write(source() / "first.bin", random_bytes(400'000));
        take(repository, "first");
        std::filesystem::remove(source() / "first.bin");
        write(source() / "second.bin", random_bytes(200'000));
        write(source() / "folder1/1", "changed");
        take(repository, "second");
        write(source() / "third.bin", random_bytes(100'000));
        take(repository, "third");
    }
    static base::ByteVector random_bytes(std::size_t size) { return crypto::random_bytes(size); }

    void expect_restores(Repository& repository, const Taken& one, const std::string& when = "") {
        const auto out = folder / "out";
        std::filesystem::remove_all(out);
        restore(repository, one.id, "out");
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "copies" / one.copy)) {
            if (!entry.is_regular_file()) continue;
            const auto name = entry.path().lexically_relative(folder / "copies" / one.copy);
            EXPECT_EQ(bytes_of(entry.path()), bytes_of(out / name)) << when << name;
        }
    }
};

// A folder of many names has many nodes, a large file a list of its own: all of that is needed, too.
TEST_F(Prune, what_a_check_calls_unused_is_what_a_prune_gives_back) {
    auto repository = create();
    for (int i = 0; i < 400; ++i) write(source() / "wide" / std::to_string(i), "file " + std::to_string(i));
    write(source() / "long.bin", random_bytes(30'000'000));
    const auto first = back_up(*repository).snapshot.id;
    EXPECT_EQ(check(*repository).bytes_unused, 0);
    write(source() / "wide/7", random_bytes(50'000));
    back_up(*repository);
    EXPECT_EQ(check(*repository).bytes_unused, 0);
    forget(*repository, {.ids = {first}}, {});
    EXPECT_GT(check(*repository).bytes_unused, 0);
    prune(*repository, all_of_it());
    EXPECT_EQ(check(*repository).bytes_unused, 0);
    EXPECT_EQ(prune(*repository, all_of_it()).bytes_unused, 0);
}


TEST_F(Prune, gives_back_exactly_what_it_says_and_keeps_every_other_snapshot) {
    auto repository = create();
    take_three(*repository);
    EXPECT_EQ(prune(*repository).packs_removed, 0) << "nothing was forgotten";
    const auto unused = check(*repository).bytes_unused;
    EXPECT_LT(unused, 10'000);
    forget(*repository, {taken[0].id}, {});
    EXPECT_GT(check(*repository).bytes_unused, unused);
    const auto before = weight();
    const auto totals = prune(*repository, all_of_it());
    EXPECT_EQ(totals.snapshots_removed, 1);
    EXPECT_GT(totals.bytes_freed, 350'000);
    EXPECT_EQ(before - weight(), totals.bytes_freed);
    EXPECT_EQ(totals.problems.size(), 0u);
    EXPECT_LT(check(*repository).bytes_unused, 10'000);
    expect_whole(*repository);
    expect_restores(*repository, taken[1]);
    expect_restores(*repository, taken[2]);
    EXPECT_THROW(restore(*repository, taken[0].id, "gone"), NotFound);

    // All of it.
    forget(*repository, {taken[1].id, taken[2].id}, {});
    const auto at = weight();
    const auto rest = prune(*repository);
    EXPECT_EQ(at - weight(), rest.bytes_freed);
    EXPECT_EQ(packs(), 0u);
    expect_whole(*repository);
    expect_whole(*open());
    back_up(*repository);
    expect_whole(*repository);
}

TEST_F(Prune, a_second_one_finds_nothing_to_do) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[1].id}, {});
    prune(*repository, all_of_it());
    const auto before = weight();
    for (int i = 0; i < 3; ++i) {
        const auto totals = prune(*repository, all_of_it());
        EXPECT_EQ(totals.packs_removed + totals.packs_rewritten, 0);
        EXPECT_EQ(totals.bytes_freed, 0);
    }
    EXPECT_EQ(weight(), before) << "it leaves nothing that adds up";
    const auto left = blob::list_all(*store(), "gc/");
    ASSERT_EQ(left.size(), 1u);
    EXPECT_EQ(left[0].name, "gc/lease");
    EXPECT_TRUE(blob::list_all(*store(), "sess/").empty());
}

TEST_F(Prune, the_most_wasteful_packs_are_written_anew_until_little_enough_is_unused) {
    auto repository = create();
    take_three(*repository);
    write(source() / "second.bin", random_bytes(150'000));
    take(*repository, "fourth");
    forget(*repository, {taken[0].id, taken[1].id}, {});
    std::int64_t stored = 0;
    for (const auto& pack : blob::list_all(*store(), "packs/")) stored += static_cast<std::int64_t>(pack.size);
    std::int64_t before = INT64_MAX;
    std::set<std::int64_t> counts;
    for (const std::int32_t percent : {0, 1, 2, 5, 10, 15, 20, 30, 40, 60, 100}) {
        PruneRequest wanted{.unused_percent = percent, .dry_run = true};
        const auto planned = prune(*repository, wanted);
        EXPECT_LE(planned.bytes_unused * 100, percent * (stored - planned.bytes_freed)) << percent;
        EXPECT_LE(planned.packs_rewritten, before) << percent;
        before = planned.packs_rewritten;
        counts.insert(before);
    }
    EXPECT_EQ(before, 0);
    EXPECT_GE(counts.size(), 3u) << "some are written anew, and others left";
    expect_whole(*repository);
}

TEST_F(Prune, a_pack_that_is_needed_in_part_is_written_anew_or_left_as_asked) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[0].id}, {});
    PruneRequest wanted;
    wanted.unused_percent = 100;
    const auto left = prune(*repository, wanted);
    EXPECT_EQ(left.packs_rewritten, 0);
    EXPECT_GT(left.bytes_unused, 350'000);
    const auto totals = prune(*repository, all_of_it());
    EXPECT_GT(totals.packs_rewritten, 0);
    EXPECT_GT(totals.bytes_rewritten, 250'000) << "shared.bin lay beside it";
    EXPECT_LT(totals.bytes_unused, 10'000);
    expect_whole(*repository);
    expect_restores(*repository, taken[1]);
}

TEST_F(Prune, a_rehearsal_changes_nothing) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[0].id}, {});
    const auto before = weight();
    const auto objects = blob::list_all(*store(), "").size();
    PruneRequest wanted = all_of_it();
    wanted.dry_run = true;
    const auto said = prune(*repository, wanted);
    EXPECT_EQ(said.snapshots_removed, 1);
    EXPECT_GT(said.packs_rewritten, 0);
    EXPECT_GT(said.bytes_freed, 350'000);
    EXPECT_EQ(weight(), before);
    EXPECT_EQ(blob::list_all(*store(), "").size(), objects);
}

TEST_F(Prune, killed_at_every_store_operation_of_forget_and_prune) {
    auto repository = create();
    take_three(*repository);
    repository.reset();
    keep_state();
    const auto work = [&](Repository& at) {
        forget(at, {taken[0].id}, {});
        backup::prune(at, all_of_it(), exec::no_progress(), {});
    };
    const auto counting = std::make_shared<FaultStore>(store(), Faults{});
    work(*Repository::open(counting, vault(), key(), options));
    const int operations = counting->operations();
    EXPECT_GT(operations, 12) << all(counting->trace());
    for (int at = 1; at <= operations; ++at)
        for (const bool after : {false, true}) {
            bring_state_back();
            const auto when = "operation " + std::to_string(at) + (after ? ", done: " : ", not done: ");
            ASSERT_EQ(elsewhere({.stop_at = at, .stop = Faults::Stop::kill, .after = after}, work), SIGKILL) << when;
            auto next = open();
            expect_whole(*next, when);
            expect_restores(*next, taken[1], when);
            // A backup is in nobody's way and finds nobody in its own.
            const auto totals = back_up(*next);
            EXPECT_EQ(totals.problems.size(), 0u) << when;
            // It may have died before its first record: then there is nothing to collect.
            if (const auto listed = next->list(); listed.size() == 4) forget(*next, {taken[0].id}, {});
            prune(*next, all_of_it());
            expect_whole(*next, when);
            expect_restores(*next, taken[1], when);
            expect_restores(*next, taken[2], when);
            EXPECT_EQ(next->list().size(), 3u) << when;
            EXPECT_LT(check(*next).bytes_unused, 10'000) << when;
            for (const auto& left : blob::list_all(*store(), "gc/"))
                EXPECT_TRUE(left.name == "gc/lease" || left.name.ends_with("/sweep")) << when << left.name;
        }
}

TEST_F(Prune, failing_at_every_store_operation_ends_in_an_error_and_a_sound_repository) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[0].id}, {});
    repository.reset();
    keep_state();
    const auto counting = std::make_shared<FaultStore>(store(), Faults{});
    prune(*Repository::open(counting, vault(), key(), options), all_of_it());
    for (int at = 1; at <= counting->operations(); ++at) {
        bring_state_back();
        auto faulty = Repository::open(std::make_shared<FaultStore>(store(), Faults{.stop_at = at}), vault(), key(), options);
        EXPECT_THROW(
            {
                prune(*faulty, all_of_it());
                throw Unavailable("its last operation is one that may fail");
            },
            Unavailable);
        faulty.reset();
        auto next = open();
        expect_whole(*next, std::to_string(at));
        prune(*next, all_of_it());
        expect_whole(*next, std::to_string(at));
        expect_restores(*next, taken[2]);
    }
}

TEST_F(Prune, cancelled_anywhere_it_leaves_a_sound_repository_and_the_next_goes_on) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[0].id}, {});
    for (int at = 1; at < 12; ++at) {
        std::stop_source stop;
        std::atomic<int> left = at;
        Watched progress([&](const std::string&) {
            if (--left == 0) stop.request_stop();
        });
        try {
            backup::prune(*repository, all_of_it(), progress, stop.get_token());
        } catch (const Cancelled&) {
        }
        expect_whole(*repository, std::to_string(at));
    }
    prune(*repository, all_of_it());
    expect_whole(*repository);
    expect_restores(*repository, taken[1]);
    EXPECT_LT(check(*repository).bytes_unused, 10'000);
}

// ---- sessions ----

TEST_F(Prune, a_session_that_works_is_waited_for_and_nothing_is_removed_before_it_ends) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[0].id}, {});
    auto other = store()->beacon("sess/00112233445566778899aabbccddeeff/0123456789abcdef0123456789abcdef", base::view_of("alive"));
    const auto before = packs();
    std::atomic<bool> waits{false}, ended{false};
    Watched progress([&](const std::string& stage) {
        if (stage == "wait" && !blob::list_all(*store(), "gc/00000001/").empty()) waits = true;
        if (stage == "remove" || stage == "rewrite") {
            EXPECT_TRUE(ended);
        }
    });
    std::jthread pruning([&] { backup::prune(*repository, all_of_it(), progress, {}); });
    while (!waits) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(packs(), before);
    // Everybody else goes on: a backup takes no notice of what is about to go.
    auto second = open();
    take(*second, "meanwhile");
    expect_whole(*second);
    expect_restores(*second, taken.back());
    ended = true;
    other.reset();
    pruning.join();
    expect_whole(*repository);
    for (std::size_t i = 1; i < taken.size(); ++i) expect_restores(*repository, taken[i]);
}

TEST_F(Prune, what_a_running_backup_took_for_granted_is_there_when_it_ends) {
    auto repository = create();
    take_three(*repository);
    // first.bin comes back: the backup relies on packs that only the first snapshot needs.
    std::filesystem::copy(folder / "copies/first/first.bin", source() / "first.bin");
    for (int i = 0; i < 40; ++i) write(source() / "more" / std::to_string(i), random_bytes(300'000));
    auto other = open();
    std::jthread pruning;
    std::atomic<bool> begun{false};
    Watched progress([&](const std::string& stage) {
        if (stage != "backup" || begun.exchange(true)) return;
        forget(*other, {taken[0].id}, {});
        pruning = std::jthread([&] { prune(*other, all_of_it()); });
        while (blob::list_all(*store(), "gc/00000001/").empty()) std::this_thread::yield();
    });
    clock->advance(std::chrono::hours(1));
    const auto totals = repository->backup(request(), free_ledger(), progress, {});
    pruning.join();
    std::filesystem::copy(source(), folder / "copies/late", std::filesystem::copy_options::recursive);
    expect_whole(*repository);
    expect_restores(*repository, {totals.snapshot.id, "late"});
    EXPECT_EQ(repository->list().size(), 3u);
}

TEST_F(Prune, a_backup_that_was_given_up_begins_anew_and_is_whole) {
    auto repository = create();
    take_three(*repository);
    std::filesystem::copy(folder / "copies/first/first.bin", source() / "first.bin");
    auto other = open();
    PruneRequest impatient = all_of_it();
    impatient.given_up_after = Duration{1};
    impatient.given_up_looks = 1;
    std::atomic<int> begun{0};
    Watched progress([&](const std::string& stage) {
        if (stage != "backup" || begun.fetch_add(1) > 0) return;
        // It sleeps so long that a collection does not wait for it.
        forget(*other, {taken[0].id}, {});
        std::atomic<bool> done{false};
        std::jthread pruning([&] {
            prune(*other, impatient);
            done = true;
        });
        while (!done) {
            clock->advance(std::chrono::minutes(1));
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    const auto totals = repository->backup(request(), free_ledger(), progress, {});
    std::filesystem::copy(source(), folder / "copies/late", std::filesystem::copy_options::recursive);
    EXPECT_GT(begun, 1) << "it began anew";
    expect_whole(*repository);
    expect_restores(*repository, {totals.snapshot.id, "late"});
    EXPECT_EQ(repository->list().size(), 3u);
    EXPECT_EQ(open()->list().size(), 3u);
    prune(*repository, all_of_it());
    expect_whole(*repository);
    expect_restores(*repository, {totals.snapshot.id, "late"});
}

TEST_F(Prune, a_snapshot_of_a_session_that_was_given_up_is_seen_once_somebody_vouched_for_it) {
    auto repository = create();
    take_three(*repository);
    auto& impl = repository->inside();
    // As if its writer had been killed between the snapshot and its record, behind a collection that had given it up.
    const auto record = impl.snapshot(taken[2].id, {});
    for (const auto& object : blob::list_all(*store(), "log/" + hex(record.writer) + "/")) store()->remove(object.name, {}, {});
    const auto flag = encode(Sweep{.is_void = false, .expired = {record.session}});
    blob::put_bytes(*store(), gc_name(1, "sweep"), seal_object(impl.keys, Kind::collector, flag));
    auto fresh = open();
    EXPECT_EQ(fresh->list().size(), 2u);
    EXPECT_THROW(restore(*fresh, taken[2].id, "hidden"), NotFound);
    // The next collection looks at them.
    back_up(*fresh);
    write(source() / "gone.bin", random_bytes(500'000));
    const auto gone = back_up(*fresh).snapshot.id;
    forget(*fresh, {gone}, {});
    prune(*fresh, all_of_it());
    EXPECT_EQ(open()->list().size(), 4u);
    expect_restores(*open(), taken[2]);
}

TEST_F(Prune, packs_of_a_killed_backup_are_kept_for_whoever_goes_on_with_it) {
    create();
    for (int i = 0; i < 300; ++i) write(source() / "many" / std::to_string(i), "content " + std::to_string(i));
    write(source() / "many/big", random_bytes(2'000'000));
    auto busy = request();
    busy.checkpoint_after = Duration{1};
    const auto counting = std::make_shared<FaultStore>(store(), Faults{});
    Repository::open(counting, vault(), key(), options)->backup(busy, free_ledger(), exec::no_progress(), {});
    std::filesystem::remove_all(repo());
    std::filesystem::remove_all(vault_folder());
    create();
    clock->advance(std::chrono::hours(1));
    ASSERT_EQ(elsewhere({.stop_at = counting->operations() - 5, .stop = Faults::Stop::kill},
                        [&](Repository& at) { at.backup(busy, free_ledger(), exec::no_progress(), {}); }),
              SIGKILL);
    auto repository = open();
    prune(*repository, all_of_it());
    const auto again = back_up(*repository);
    EXPECT_TRUE(again.resumed);
    EXPECT_GT(again.files_unchanged, 200);
    expect_whole(*repository);
}

TEST_F(Prune, what_a_former_collection_left_is_ended_by_the_next) {
    auto repository = create();
    take_three(*repository);
    auto& impl = repository->inside();
    Intent intent;
    for (const auto& object : blob::list_all(*store(), "packs/")) intent.packs.insert(*pack_in(object.name));
    const auto put = [&](std::uint64_t epoch, const char* what, base::ByteView payload) {
        blob::put_bytes(*store(), gc_name(epoch, what), seal_object(impl.keys, Kind::collector, payload));
    };
    // One that had not decided yet, and one that had: whatever they name, nothing that is needed is lost.
    put(3, "intent", encode(intent));
    put(3, "wait", encode_wait({}));
    put(4, "intent", encode(intent));
    put(4, "sweep", encode(Sweep{}));
    expect_whole(*repository);
    take(*repository, "between");
    prune(*repository);
    EXPECT_EQ(all([&] {
                  std::vector<std::string> names;
                  for (const auto& object : blob::list_all(*store(), "gc/")) names.push_back(object.name);
                  return names;
              }()),
              "gc/00000003/sweep\ngc/lease\n")
        << "the first is void for ever";
    for (const auto& pack : intent.packs) EXPECT_FALSE(store()->head(pack_name(pack), {})) << "what an intent names goes, needed or not";
    expect_whole(*repository);
    for (const auto& one : taken) expect_restores(*repository, one);
}

TEST_F(Prune, damaged_objects_of_collections_are_in_nobodys_way) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[0].id}, {});
    prune(*repository, all_of_it());
    write(repo() / "gc/lease", "rubbish");
    write(repo() / "gc/00000007/intent", "rubbish");
    write(repo() / "gc/00000008/sweep", "rubbish");
    EXPECT_NE(all(check(*repository).problems), "");
    expect_restores(*repository, taken[1]);
    EXPECT_THROW(back_up(*repository), Corrupt) << "nobody knows what is about to go";
    prune(*repository, all_of_it());
    back_up(*repository);
    expect_restores(*repository, taken[1]);
    store()->remove("gc/00000008/sweep", {}, {});
    expect_whole(*repository);
}

TEST_F(Prune, where_a_folder_cannot_be_read_nothing_is_removed) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[0].id}, {});
    const auto index = repository->inside().load_index({});
    for (const auto& pack : index->packs())
        if (pack.header.kind == Kind::tree) store()->remove(pack_name(pack.sha), {}, {});
    const auto before = packs();
    EXPECT_THROW(prune(*open(), all_of_it()), Corrupt);
    EXPECT_EQ(packs(), before);
}

TEST_F(Prune, a_snapshot_that_cannot_be_read_keeps_everything_until_it_is_forgotten_by_its_id) {
    auto repository = create();
    take_three(*repository);
    const auto hurt = taken[1].id;
    const auto text = hurt.text().substr(std::string_view(SnapshotId::prefix()).size());
    const auto path = repo() / store()->list("snap/" + text + '-', "", 1, {}).objects.at(0).name;
    const auto whole = base::read_file(path, 1 << 20);
    auto bytes = whole;
    bytes[bytes.size() / 2] ^= 1;
    write(path, bytes);
    forget(*repository, {taken[0].id}, {});
    EXPECT_NE(all(check(*open()).problems).find("until it is forgotten by its id, " + hurt.text()), std::string::npos);
    const auto before = packs();
    for (int tried = 0; tried < 2; ++tried) {
        try {
            prune(*open(), all_of_it());
            FAIL() << "nobody knows what it needs";
        } catch (const Corrupt& error) {
            EXPECT_NE(std::string(error.what()).find("forget this snapshot by its id: "), std::string::npos) << error.what();
            EXPECT_NE(std::string(error.what()).find(hurt.text()), std::string::npos) << error.what();
        }
        EXPECT_EQ(packs(), before);
    }
    repository = open();
    EXPECT_EQ(repository->list().size(), 1u);
    EXPECT_TRUE(is_unreadable(*repository, hurt, {}));
    EXPECT_FALSE(is_unreadable(*repository, taken[2].id, {}));
    EXPECT_FALSE(is_unreadable(*repository, SnapshotId{1, 2}, {}));
    EXPECT_THROW(forget(*repository, {SnapshotId{1, 2}}, {}), NotFound);
    forget(*repository, {hurt}, {});
    EXPECT_FALSE(is_unreadable(*repository, hurt, {}));
    prune(*open(), all_of_it());
    EXPECT_FALSE(std::filesystem::exists(path));
    expect_restores(*open(), taken[2]);
    expect_whole(*open());
}

TEST_F(Prune, snapshots_whose_folders_cannot_be_read_are_named_and_it_goes_on_once_they_are_forgotten) {
    auto repository = create();
    take_three(*repository);
    const auto index = repository->inside().load_index({});
    for (const auto& pack : index->packs()) {
        if (pack.header.kind != Kind::tree) continue;
        auto bytes = base::read_file(repo() / pack_name(pack.sha), 1 << 24);
        bytes[container_header_size + 40] ^= 1;
        write(repo() / pack_name(pack.sha), bytes);
    }
    write(source() / "another", "one");
    back_up(*open());  // stores all folders anew
    std::size_t forgotten = 0;
    for (; forgotten < 4; ++forgotten) {
        try {
            prune(*open(), all_of_it());
            break;
        } catch (const Corrupt& error) {
            const std::string what = error.what();
            const auto named = std::ranges::find_if(taken, [&](const auto& each) { return what.find(each.id.text()) != std::string::npos; });
            ASSERT_NE(named, taken.end()) << what;
            forget(*open(), {named->id}, {});
        }
    }
    EXPECT_LE(forgotten, 3u);
    EXPECT_GE(forgotten, 1u);
    EXPECT_EQ(all(check(*open()).problems), "");
}

TEST_F(Prune, a_pack_that_cannot_be_written_anew_stays_until_it_is_mended) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[0].id}, {});
    // A byte of each frame of the first data pack: which of them holds shared.bin depends on who read it.
    for (const auto& pack : repository->inside().load_index({})->packs()) {
        if (pack.header.kind != Kind::data || pack.size < 600'000) continue;
        for (const auto& frame : pack.frames) flip(repo() / pack_name(pack.sha), frame.offset + frame.stored() / 2);
    }
    auto fresh = open();
    const auto before = weight();
    const auto totals = prune(*fresh, all_of_it());
    EXPECT_GE(totals.problems.size(), 1u);
    EXPECT_EQ(before - weight(), totals.bytes_freed);
    // The source still has it: the next backup stores it again, and then the damaged pack goes.
    back_up(*fresh);
    const auto mended = prune(*fresh, all_of_it());
    EXPECT_EQ(mended.problems.size(), 0u);
    expect_whole(*fresh);
    expect_restores(*fresh, taken[2]);
}

// ---- clocks ----

TEST_F(Prune, clocks_that_jump_by_years_give_up_nobody) {
    create();
    const auto wall = std::make_shared<base::ManualClock>(base::system_clock()->now());
    blob::FileStore on_wall(repo(), wall);
    PruneRequest limits;
    SessionWatch watch(on_wall, clock, limits, {});
    const std::string name = "sess/00112233445566778899aabbccddeeff/0123456789abcdef0123456789abcdef";
    auto beacon = on_wall.beacon(name, base::view_of("1"));
    using State = SessionWatch::State;
    EXPECT_EQ(watch.look(name), State::alive);
    for (const int years : {10, -10, 10, -20, 3}) {
        wall->step_wall(std::chrono::hours(24 * 365) * years);
        for (int i = 0; i < 12; ++i) EXPECT_EQ(watch.look(name), State::alive) << years;
    }
    // Time passes here and stands still there, or the other way round.
    beacon->rewrite(base::view_of("1, later"));
    for (int i = 0; i < 30; ++i) {
        clock->advance(std::chrono::minutes(5));
        EXPECT_EQ(watch.look(name), State::alive);
    }
    beacon->rewrite(base::view_of("2"));
    for (int i = 0; i < 20; ++i) {
        wall->advance(std::chrono::minutes(5));
        EXPECT_EQ(watch.look(name), State::alive);
    }
    // Half an hour of both, in ten looks.
    beacon->rewrite(base::view_of("3"));
    auto state = watch.look(name);
    int looks = 0;
    for (; state == State::alive && looks < 100; ++looks) {
        wall->advance(std::chrono::minutes(3));
        clock->advance(std::chrono::minutes(3));
        state = watch.look(name);
    }
    EXPECT_EQ(state, State::given_up);
    EXPECT_EQ(looks, 10);
    beacon.reset();
    EXPECT_EQ(watch.look(name), State::ended) << "its process has gone";
}

TEST_F(Prune, the_order_of_the_wall_clocks_times_decides_nothing) {
    auto repository = create();
    take_three(*repository);
    forget(*repository, {taken[0].id}, {});
    clock->step_wall(-std::chrono::hours(24 * 3650));
    prune(*repository, all_of_it());
    take(*repository, "in the past");
    clock->step_wall(std::chrono::hours(24 * 7300));
    forget(*repository, {taken[1].id}, {});
    prune(*open(), all_of_it());
    expect_whole(*repository);
    expect_restores(*repository, taken[2]);
    expect_restores(*repository, taken[3]);
}

// ---- many at once ----

class PruneCrowd : public Prune {
protected:
    /// So many writers, each so many rounds and so long at least, beside two collectors, a restorer and a checker.
    void run(int writers, int rounds, std::chrono::seconds at_least);
};

void PruneCrowd::run(int writers, int rounds, std::chrono::seconds at_least) {
    const auto seed = new_seed();
    create();
    std::filesystem::create_directories(folder / "copies");
    const auto until = std::chrono::steady_clock::now() + at_least;
    std::atomic<int> working{writers}, written{0};
    std::atomic<int> pruned{0}, checked{0}, restored{0};
    std::mutex mutex;
    std::vector<Taken> kept;                     // guarded by mutex, as the next two
    std::string compared;                        // whose copy is being read
    std::vector<std::string> failures;
    const auto guarded = [&](const char* who, const std::function<void()>& work) {
        try {
            work();
        } catch (const Error& error) {
            const std::lock_guard lock(mutex);
            failures.push_back(std::string(who) + ": " + error.what() + " " + error.subject());
        }
    };
    {
        std::vector<std::jthread> threads;
        for (int w = 0; w < writers; ++w)
            threads.emplace_back([&, w] {
                guarded("writer", [&] {
                    std::mt19937 random(seed + static_cast<unsigned>(w));
                    auto mine = open();
                    const auto from = folder / ("source" + std::to_string(w));
                    auto wanted = request();
                    wanted.name = "writer" + std::to_string(w);
                    wanted.sources = {{.name = "", .path = from}};
                    for (int round = 0; round < rounds || std::chrono::steady_clock::now() < until; ++round) {
                        // All writers draw from the same few contents, so that they build upon each other's packs.
                        std::filesystem::remove_all(from);
                        for (int i = 0; i < 12; ++i) {
                            std::string content(20'000 + 1000 * (random() % 7), static_cast<char>('a' + random() % 5));
                            content += std::to_string(random() % 3);
                            write(from / std::to_string(i % 4) / std::to_string(i), content);
                        }
                        const auto totals = mine->backup(wanted, free_ledger(), exec::no_progress(), {});
                        const auto name = std::to_string(w) + "-" + std::to_string(round);
                        std::filesystem::copy(from, folder / "copies" / name, std::filesystem::copy_options::recursive);
                        std::optional<Taken> old;
                        {
                            const std::lock_guard lock(mutex);
                            kept.push_back({totals.snapshot.id, name});
                            if (kept.size() > static_cast<std::size_t>(writers) + 1) {
                                old = kept.front();
                                kept.erase(kept.begin());
                            }
                        }
                        ++written;
                        if (!old) continue;
                        forget(*mine, {old->id}, {});
                        const std::lock_guard lock(mutex);
                        if (old->copy != compared) std::filesystem::remove_all(folder / "copies" / old->copy);
                    }
                });
                --working;
            });
        for (int c = 0; c < 2; ++c)
            threads.emplace_back([&] {
                guarded("collector", [&] {
                    auto mine = open();
                    while (working > 0) {
                        prune(*mine, all_of_it());
                        ++pruned;
                    }
                });
            });
        threads.emplace_back([&] {
            guarded("restorer", [&] {
                auto mine = open();
                for (int n = 0; working > 0; ++n) {
                    std::optional<Taken> one;
                    {
                        const std::lock_guard lock(mutex);
                        if (!kept.empty()) one = kept.back();
                        compared = one ? one->copy : "";
                    }
                    if (!one) continue;
                    const auto out = folder / ("restored" + std::to_string(n));
                    try {
                        mine->restore(one->id, {.target = out}, exec::no_progress(), {});
                    } catch (const NotFound&) {
                        continue;  // forgotten meanwhile
                    }
                    const auto copy = folder / "copies" / one->copy;
                    for (const auto& entry : std::filesystem::recursive_directory_iterator(copy)) {
                        const auto back = out / entry.path().lexically_relative(copy);
                        if (!entry.is_regular_file() || bytes_of(entry.path()) == bytes_of(back)) continue;
                        const std::lock_guard lock(mutex);
                        failures.push_back("restored otherwise: " + back.string());
                    }
                    std::filesystem::remove_all(out);
                    ++restored;
                }
            });
        });
        threads.emplace_back([&] {
            guarded("checker", [&] {
                auto mine = open();
                while (working > 0) {
                    const auto problems = all(check(*mine).problems);
                    if (!problems.empty()) {
                        const std::lock_guard lock(mutex);
                        failures.push_back("check: " + problems);
                    }
                    ++checked;
                }
            });
        });
    }
    EXPECT_EQ(all(failures), "");
    EXPECT_GT(pruned, 0);
    EXPECT_GT(checked, 0);
    auto repository = open();
    prune(*repository, all_of_it());
    expect_whole(*repository);
    EXPECT_EQ(repository->list().size(), kept.size());
    for (const auto& one : kept) expect_restores(*repository, one);
    EXPECT_LT(check(*repository).bytes_unused, 10'000);
    std::cout << written << " backups, " << pruned << " prunes, " << restored << " restores, " << checked << " checks" << std::endl;
}

TEST_F(PruneCrowd, writers_collectors_restorers_and_checkers_at_once_lose_nothing) { run(3, 6, std::chrono::seconds(0)); }

/// The long tests give them ten minutes.
TEST_F(PruneCrowd, eight_writers_and_two_collectors_lose_nothing) {
    run(8, 2, std::chrono::minutes(std::getenv("TENON_KILLS") ? 10 : 0));
}

TEST_F(Prune, killed_collectors_and_writers_at_random_moments) {
    auto repository = create();
    take_three(*repository);
    repository.reset();
    std::mt19937 random(new_seed());
    for (int round = 0; round < 12; ++round) {
        write(source() / "changing", random_bytes(150'000));
        clock->advance(std::chrono::hours(1));
        std::vector<pid_t> children;
        for (const bool writes : {true, false, false}) {
            const pid_t child = fork();
            if (child == 0) {
                try {
                    auto mine = open();
                    if (writes) mine->backup(request(), free_ledger(), exec::no_progress(), {});
                    else backup::prune(*mine, all_of_it(), exec::no_progress(), {});
                } catch (const Error&) {
                }
                _exit(0);
            }
            children.push_back(child);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
        for (const auto child : children) {
            kill(child, SIGKILL);
            int status = 0;
            ASSERT_EQ(waitpid(child, &status, 0), child);
        }
        auto next = open();
        expect_whole(*next, "round " + std::to_string(round));
        const auto listed = next->list();
        if (listed.size() > 4) forget(*next, {listed[1].id}, {});
    }
    auto next = open();
    prune(*next, all_of_it());
    expect_whole(*next);
    for (const auto& one : taken)
        if (next->find(one.id)) expect_restores(*next, one);
}

// ---- a full disk ----

TEST_F(Prune, works_where_no_byte_is_free) {
    const auto small = folder / "small";
    std::filesystem::create_directories(small);
    if (mount("none", small.c_str(), "tmpfs", 0, "size=24m") != 0) GTEST_SKIP() << "needs the right to mount";
    {
        const auto on_small = [&] { return std::make_shared<blob::FileStore>(small / "repo", base::system_clock()); };
        auto repository = Repository::create(on_small(), vault(), key(), "", options);
        std::filesystem::create_directories(folder / "copies");
        write(source() / "shared.bin", random_bytes(2'000'000));
        write(source() / "old.bin", random_bytes(6'000'000));
        take(*repository, "first");
        std::filesystem::remove(source() / "old.bin");
        write(source() / "new.bin", random_bytes(2'000'000));
        take(*repository, "second");
        write(small / "reserve", std::string(4 << 20, 'r'));
        // Whatever is left.
        std::ofstream filler(small / "filler", std::ios::binary);
        const std::string page(4096, 'f');
        while (filler.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
        }
        filler.close();
        EXPECT_EQ(on_small()->capabilities().free, 0u);
        EXPECT_THROW(back_up(*repository), NoSpace);
        EXPECT_THROW(prune(*repository, all_of_it()), NoSpace) << "without a reserve it cannot even begin";
        PruneRequest wanted = all_of_it();
        int released = 0;
        wanted.release_space = [&] {
            ++released;
            return std::filesystem::remove(small / "reserve");
        };
        // Even to forget takes a byte.
        std::filesystem::resize_file(small / "filler", std::filesystem::file_size(small / "filler") - 16384);
        forget(*repository, {taken[0].id}, {});
        const auto totals = prune(*repository, wanted);
        EXPECT_GT(totals.bytes_freed, 5'000'000);
        expect_whole(*repository);
        expect_restores(*repository, taken[1]);
        back_up(*repository);
    }
    umount2(small.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace tenon::tests
