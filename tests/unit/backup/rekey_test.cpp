// New data keys: at once for what comes, and by and by for what there is, until the old ones open nothing any more.
#include "fixture.hpp"

#include <atomic>
#include <random>
#include <thread>

#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/retention.hpp>
#include <base/id.hpp>
#include <crypto/hash.hpp>
#include <new_seed.hpp>

#include "collector.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

/// Is called with each stage.
class StageWatcher final : public exec::ProgressSink {
public:
    explicit StageWatcher(std::function<void(const std::string& stage)> at) : at_(std::move(at)) {}
    void stage(std::string_view name, double, std::int64_t, std::string_view) override { at_(std::string(name)); }
    void total(std::int64_t) override {}
    void advance(std::int64_t) override { at_("advance"); }

private:
    const std::function<void(const std::string&)> at_;
};

class Rekey : public BackupTest {
protected:
    struct Copied {
        SnapshotId id;
        std::string name;
    };
    std::vector<Copied> copied;

    void take(Repository& repository, const std::string& name, const BackupRequest& wanted) {
        copied.push_back({back_up(repository, wanted).snapshot.id, name});
        std::filesystem::create_directories(folder / "copies");
        std::filesystem::copy(source(), folder / "copies" / name, std::filesystem::copy_options::recursive);
    }
    void take(Repository& repository, const std::string& name) { take(repository, name, request()); }
    /// Two snapshots with a file in common, and folders.
    void take_two(Repository& repository) {
        for (int i = 0; i < 20; ++i) write(source() / ("folder" + std::to_string(i % 3)) / std::to_string(i), "file " + std::to_string(i));
        write(source() / "common.bin", crypto::random_bytes(300'000));
        write(source() / "first.bin", crypto::random_bytes(200'000));
        take(repository, "first");
        std::filesystem::remove(source() / "first.bin");
        write(source() / "folder1/1", "changed");
        write(source() / "second.bin", crypto::random_bytes(150'000));
        take(repository, "second");
    }
    void expect_restores(Repository& repository, const Copied& one, const std::string& when = "") {
        const auto out = folder / "out";
        std::filesystem::remove_all(out);
        restore(repository, one.id, "out");
        const auto copy = folder / "copies" / one.name;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(copy)) {
            if (!entry.is_regular_file()) continue;
            const auto name = entry.path().lexically_relative(copy);
            EXPECT_EQ(bytes_of(entry.path()), bytes_of(out / name)) << when << name;
        }
    }

    /// The ring as somebody has it who could read the vault and the root key of now.
    Ring leak(Repository& repository) {
        auto& impl = repository.inside();
        const auto name = ring_name(impl.generation);
        return open_ring(blob::get_all(*vault(), name, 1 << 20), impl.root, impl.super.repo, name);
    }
    /// What of the store opens with one of its data keys, whatever an object says of its own.
    std::vector<std::string> opened_by(const Ring& ring) {
        std::vector<std::string> names;
        const auto repo_id = open()->inside().super.repo;
        for (const auto& object : blob::list_all(*store(), "")) {
            if (object.name.starts_with("super")) continue;
            const auto raw = blob::get_all(*store(), object.name, 1 << 28);
            const auto header = decode_header(raw, object.name);
            bool opens = false;
            for (const auto& [id, keys] : ring.classes)
                for (const auto& [number, dek] : keys.dek)
                    opens = opens || derive_pack_key(dek.bytes(), header.salt, repo_id, header.class_id, header.kind).commitment == header.commitment;
            if (opens) names.push_back(object.name);
        }
        return names;
    }
    /// Old keys open nothing, and the vault has none.
    void expect_revoked(const Ring& leaked, const std::string& when = "") {
        EXPECT_EQ(all(opened_by(leaked)), "") << when;
        const auto now = leak(*open());
        EXPECT_FALSE(now.has_old_data_keys()) << when;
        for (const auto& [id, keys] : leaked.classes) {
            if (!now.classes.contains(id)) continue;
            for (const auto& [number, dek] : keys.dek) EXPECT_FALSE(now.knows(id, number)) << when;
        }
    }
    RekeyTotals rekey_all(std::int64_t batch = std::int64_t{256} << 20) {
        RekeyRequest wanted;
        wanted.batch = batch;
        return rekey(*open(), wanted, exec::no_progress(), {});
    }

    int elsewhere(const Faults& on_store, const Faults& on_vault, const std::function<void(Repository&)>& work) {
        return BackupTest::elsewhere([&] {
            const auto faulty = std::make_shared<FaultStore>(store(), on_store);
            work(*Repository::open(faulty, std::make_shared<FaultStore>(vault(), on_vault), key(), options));
        });
    }
};

TEST_F(Rekey, a_leaked_ring_opens_nothing_that_the_store_holds_once_all_is_written_anew) {
    auto repository = create();
    take_two(*repository);
    set_tags(*repository, copied[0].id, {{"keep", "contract"}}, {});
    write(source() / "gone.bin", crypto::random_bytes(100'000));
    const auto gone = back_up(*repository).snapshot.id;
    forget(*repository, {gone}, {});
    prune(*repository, {.unused_percent = 0}, exec::no_progress(), {});
    const auto leaked = leak(*repository);
    const auto everything = opened_by(leaked).size();
    EXPECT_GT(everything, 8u);
    EXPECT_EQ(check(*repository).bytes_under_old_keys, 0);

    EXPECT_EQ(repository->rotate_data_key(), 2u);
    EXPECT_THROW(back_up(*repository), KeysChanged);
    EXPECT_THROW(prune(*repository, {}, exec::no_progress(), {}), KeysChanged);
    expect_whole(*repository, "who has it open goes on reading");
    repository = open();
    EXPECT_TRUE(repository->has_old_data_keys());
    const auto before = opened_by(leaked);
    std::filesystem::remove(source() / "gone.bin");
    write(source() / "later.bin", crypto::random_bytes(50'000));
    const auto first_later = back_up(*repository);
    EXPECT_LT(first_later.bytes_new, 60'000) << "what is stored under old keys is not stored again";
    copied.push_back({first_later.snapshot.id, "later"});
    std::filesystem::copy(source(), folder / "copies/later", std::filesystem::copy_options::recursive);
    EXPECT_EQ(all(opened_by(leaked)), all(before)) << "the old keys seal nothing new";
    const auto under_old = check(*repository).bytes_under_old_keys;
    EXPECT_GT(under_old, 600'000);

    const auto totals = rekey_all();
    EXPECT_TRUE(totals.is_done);
    EXPECT_EQ(totals.bytes_left, 0);
    EXPECT_GT(totals.packs, 3);
    EXPECT_GT(totals.objects, 6);
    EXPECT_GT(totals.bytes_rewritten, 600'000);
    EXPECT_EQ(all(totals.problems), "");
    expect_revoked(leaked);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(repository->list().size(), 3u);
        EXPECT_EQ(check(*repository).bytes_under_old_keys, 0);
        repository = open();
    }
    EXPECT_FALSE(repository->has_old_data_keys());
    expect_whole(*repository);
    for (const auto& one : copied) expect_restores(*repository, one);
    EXPECT_EQ(repository->find(copied[0].id)->tags.size(), 1u);
    EXPECT_FALSE(repository->find(gone)) << "what was forgotten stays so";
    EXPECT_EQ(back_up(*repository).bytes_new, 0);
    // Once more, and with nothing to do.
    EXPECT_TRUE(rekey_all().is_done);
    const auto second = leak(*open());
    open()->rotate_data_key();
    open()->rotate_data_key();
    EXPECT_TRUE(rekey_all(1).is_done) << "in many goes, over two generations of keys";
    expect_revoked(second);
    expect_whole(*open());
    for (const auto& one : copied) expect_restores(*open(), one);
}

TEST_F(Rekey, chains_of_the_log_and_what_they_say_of_snapshots_go_into_a_book) {
    auto repository = create();
    take_two(*repository);
    std::map<std::string, Id> records;
    for (const auto& object : blob::list_all(*store(), "log/")) records[object.name] = crypto::sha256(blob::get_all(*store(), object.name, 1 << 20));
    EXPECT_EQ(records.size(), 4u);
    repository->rotate_data_key();
    rekey_all();
    repository = open();
    auto& impl = repository->inside();
    const auto shelf = impl.annotations.shelf(impl.keys, *store(), {});
    std::set<Id> heads;
    for (const auto& [name, sha] : records) {
        const auto place = log_place(name).value();
        EXPECT_TRUE(shelf->has(place.first, place.second, sha)) << name;
        EXPECT_FALSE(store()->head(name, {})) << name;
        heads.insert(sha);
    }
    for (const auto& each : copied) {
        EXPECT_TRUE(shelf->is_committed(each.id));
        EXPECT_TRUE(heads.contains(impl.snapshot(each.id, {}).log_head)) << "snapshots name the record before them as it was";
    }
}

TEST_F(Rekey, killed_at_every_operation_of_a_rotation_it_happened_or_it_did_not) {
    auto repository = create();
    take_two(*repository);
    const auto leaked = leak(*repository);
    repository.reset();
    keep_state();
    const auto counting = std::make_shared<FaultStore>(vault(), Faults{});
    Repository::open(store(), counting, key(), options)->rotate_data_key();
    const int operations = counting->operations();
    EXPECT_GE(operations, 8);
    int kept = 0, turned = 0;
    for (int at = 1; at <= operations; ++at)
        for (const bool after : {false, true}) {
            bring_state_back();
            const auto when = "operation " + std::to_string(at) + (after ? ", done: " : ", not done: ");
            const Faults faults{.stop_at = at, .stop = Faults::Stop::kill, .after = after};
            ASSERT_EQ(elsewhere({}, faults, [](Repository& it) { it.rotate_data_key(); }), SIGKILL) << when;
            auto next = open();
            expect_restores(*next, copied[1], when);
            next->settle();
            (next->has_old_data_keys() ? turned : kept) += 1;
            next->rotate_data_key();
            EXPECT_TRUE(rekey_all().is_done) << when;
            expect_revoked(leaked, when);
            expect_whole(*open(), when);
            expect_restores(*open(), copied[0], when);
        }
    EXPECT_GT(kept, 0);
    EXPECT_GT(turned, 0);
}

TEST_F(Rekey, killed_at_every_store_operation_it_goes_on_where_it_was) {
    auto repository = create();
    take_two(*repository);
    set_tags(*repository, copied[0].id, {{"keep", "x"}}, {});
    const auto leaked = leak(*repository);
    repository->rotate_data_key();
    repository.reset();
    keep_state();
    const auto work = [](Repository& at) { rekey(at, {}, exec::no_progress(), {}); };
    const auto on_store = std::make_shared<FaultStore>(store(), Faults{}), on_vault = std::make_shared<FaultStore>(vault(), Faults{});
    work(*Repository::open(on_store, on_vault, key(), options));
    EXPECT_GT(on_store->operations(), 30) << all(on_store->trace());
    EXPECT_GE(on_vault->operations(), 2);
    const auto after_kill = [&](const std::string& when) {
        auto next = open();
        // Of the ring's two copies one may have lost the old keys before the other: this very job, which goes on, has both do so.
        auto problems = check(*next).problems;
        std::erase_if(problems, [](const auto& problem) { return problem.object == "vault:ring/2.1" && problem.message == "the two copies differ"; });
        EXPECT_EQ(all(problems), "") << when;
        EXPECT_EQ(next->list().size(), 2u) << when;
        expect_restores(*next, copied[0], when);
        EXPECT_EQ(next->find(copied[0].id)->tags.size(), 1u) << when;
        EXPECT_EQ(back_up(*next).problems.size(), 0u) << when;
        EXPECT_TRUE(rekey_all().is_done) << when;
        expect_revoked(leaked, when);
        next = open();
        prune(*next, {.unused_percent = 0}, exec::no_progress(), {});
        expect_whole(*next, when);
        EXPECT_EQ(next->list().size(), 3u) << when;
        for (const auto& one : copied) expect_restores(*next, one, when);
        EXPECT_LT(check(*next).bytes_unused, 10'000) << when;
    };
    // What is there before an operation is what was there behind the one before it: only the last is killed behind, too.
    const int last = on_store->operations();
    for (int at = 1; at <= last + 1; ++at) {
        bring_state_back();
        const auto when = "store operation " + std::to_string(at) + ": ";
        const Faults faults{.stop_at = std::min(at, last), .stop = Faults::Stop::kill, .after = at > last};
        ASSERT_EQ(elsewhere(faults, {}, work), SIGKILL) << when;
        after_kill(when);
    }
    for (int at = 1; at <= on_vault->operations(); ++at)
        for (const bool after : {false, true}) {
            bring_state_back();
            const auto when = "vault operation " + std::to_string(at) + (after ? ", done: " : ", not done: ");
            ASSERT_EQ(elsewhere({}, {.stop_at = at, .stop = Faults::Stop::kill, .after = after}, work), SIGKILL) << when;
            after_kill(when);
        }
}

TEST_F(Rekey, failing_at_every_store_operation_it_can_be_asked_for_again) {
    auto repository = create();
    take_two(*repository);
    const auto leaked = leak(*repository);
    repository->rotate_data_key();
    keep_state();
    const auto counting = std::make_shared<FaultStore>(store(), Faults{});
    rekey(*Repository::open(counting, vault(), key(), options), {}, exec::no_progress(), {});
    for (int at = 1; at <= counting->operations(); at += 2) {
        bring_state_back();
        auto failing = Repository::open(std::make_shared<FaultStore>(store(), Faults{.stop_at = at}), vault(), key(), options);
        try {
            rekey(*failing, {}, exec::no_progress(), {});
        } catch (const Unavailable&) {
        }
        failing.reset();
        expect_whole(*open(), std::to_string(at));
        EXPECT_TRUE(rekey_all().is_done) << at;
        expect_revoked(leaked, std::to_string(at));
        expect_restores(*open(), copied[1], std::to_string(at));
    }
}

TEST_F(Rekey, cancelled_anywhere_the_next_goes_on) {
    auto repository = create();
    take_two(*repository);
    const auto leaked = leak(*repository);
    repository->rotate_data_key();
    for (int at = 1; at < 16; ++at) {
        std::stop_source stop;
        std::atomic<int> left = at;
        StageWatcher progress([&](const std::string&) {
            if (--left == 0) stop.request_stop();
        });
        try {
            RekeyRequest little;
            little.batch = 1;
            rekey(*open(), little, progress, stop.get_token());
        } catch (const Cancelled&) {
        }
        expect_whole(*open(), std::to_string(at));
    }
    EXPECT_TRUE(rekey_all().is_done);
    expect_revoked(leaked);
    for (const auto& one : copied) expect_restores(*open(), one);
}

// ---- others at work ----

TEST_F(Rekey, whoever_has_the_old_keys_reads_on_and_says_under_the_new_ones_what_he_has_to_say) {
    auto repository = create();
    take_two(*repository);
    const auto leaked = leak(*repository);
    auto stale = open();
    EXPECT_EQ(stale->list().size(), 2u);
    repository->rotate_data_key();
    std::atomic<int> looks{0};
    StageWatcher progress([&](const std::string&) {
        if (++looks % 4 != 0) return;
        expect_restores(*stale, copied[0]);
        EXPECT_EQ(all(stale->check(CheckDepth::full, exec::no_progress(), {}).problems), "");
        EXPECT_EQ(stale->list().size(), 2u);
    });
    RekeyRequest little;
    little.batch = 1;
    EXPECT_TRUE(rekey(*open(), little, progress, {}).is_done);
    EXPECT_GT(looks, 12);
    expect_revoked(leaked);
    expect_restores(*stale, copied[1]);
    EXPECT_THROW(back_up(*stale), KeysChanged);
    set_tags(*stale, copied[1].id, {{"late", "1"}}, {});
    forget(*stale, {copied[0].id}, {});
    expect_revoked(leaked, "what it said since");
    EXPECT_EQ(open()->list().size(), 1u);
    EXPECT_EQ(open()->list().front().tags.size(), 1u);
    expect_whole(*open());
}

TEST_F(Rekey, a_backup_that_runs_is_waited_for_and_its_snapshot_is_written_anew_too) {
    auto repository = create();
    take_two(*repository);
    const auto leaked = leak(*repository);
    for (int i = 0; i < 30; ++i) write(source() / "more" / std::to_string(i), crypto::random_bytes(100'000));
    std::jthread rekeying;
    std::atomic<bool> begun{false};
    StageWatcher progress([&](const std::string& stage) {
        if (stage != "backup" || begun.exchange(true)) return;
        open()->rotate_data_key();
        rekeying = std::jthread([&] { EXPECT_TRUE(rekey_all().is_done); });
        while (blob::list_all(*store(), "gc/00000001/").empty()) std::this_thread::yield();
    });
    clock->advance(std::chrono::hours(1));
    const auto totals = repository->backup(request(), free_ledger(), progress, {});
    rekeying.join();
    std::filesystem::copy(source(), folder / "copies/late", std::filesystem::copy_options::recursive);
    copied.push_back({totals.snapshot.id, "late"});
    expect_revoked(leaked);
    expect_whole(*open());
    EXPECT_EQ(open()->list().size(), 3u);
    for (const auto& one : copied) expect_restores(*open(), one);
}

TEST_F(Rekey, a_backup_that_slept_through_all_of_it_does_not_take_its_snapshot_for_one) {
    auto repository = create();
    take_two(*repository);
    const auto leaked = leak(*repository);
    write(source() / "late.bin", crypto::random_bytes(100'000));
    RekeyRequest impatient;
    impatient.given_up_after = Duration{1};
    impatient.given_up_looks = 1;
    std::atomic<bool> begun{false};
    StageWatcher progress([&](const std::string& stage) {
        if (stage != "backup" || begun.exchange(true)) return;
        open()->rotate_data_key();
        std::atomic<bool> done{false};
        std::jthread rekeying([&] {
            EXPECT_TRUE(rekey(*open(), impatient, exec::no_progress(), {}).is_done);
            done = true;
        });
        while (!done) {
            clock->advance(std::chrono::minutes(1));
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    EXPECT_THROW(repository->backup(request(), free_ledger(), progress, {}), KeysChanged);
    EXPECT_TRUE(begun);
    auto next = open();
    EXPECT_EQ(next->list().size(), 2u);
    expect_whole(*next, "what it left under keys that are retired is no damage");
    take(*next, "late");
    prune(*next, {.unused_percent = 0}, exec::no_progress(), {});
    expect_revoked(leaked, "and goes with the next collection");
    expect_whole(*next);
    EXPECT_EQ(open()->list().size(), 3u);
    for (const auto& one : copied) expect_restores(*next, one);
}

TEST_F(Rekey, writers_prunes_rotations_restores_and_checks_at_once_lose_nothing) {
    const auto seed = new_seed();
    create();
    std::filesystem::create_directories(folder / "copies");
    constexpr int writers = 2, rounds = 5;
    std::atomic<int> working{writers}, rekeyed{0}, pruned{0};
    std::mutex mutex;
    std::vector<Copied> kept;           // guarded by mutex
    std::vector<std::string> failures;  // guarded by mutex
    const auto leaked = leak(*open());
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
                    for (int round = 0; round < rounds;) {
                        std::filesystem::remove_all(from);
                        for (int i = 0; i < 12; ++i)
                            write(from / std::to_string(i % 4) / std::to_string(i),
                                  std::string(20'000 + 1000 * (random() % 7), static_cast<char>('a' + random() % 5)) + std::to_string(random() % 3));
                        BackupTotals totals;
                        try {
                            totals = mine->backup(wanted, free_ledger(), exec::no_progress(), {});
                        } catch (const KeysChanged&) {
                            mine = open();
                            continue;
                        }
                        const auto name = std::to_string(w) + "-" + std::to_string(round++);
                        std::filesystem::copy(from, folder / "copies" / name, std::filesystem::copy_options::recursive);
                        std::optional<Copied> old;
                        {
                            const std::lock_guard lock(mutex);
                            kept.push_back({totals.snapshot.id, name});
                            if (kept.size() > 4) {
                                old = kept.front();
                                kept.erase(kept.begin());
                            }
                        }
                        if (old) forget(*mine, {old->id}, {});
                    }
                });
                --working;
            });
        threads.emplace_back([&] {
            while (working > 0)
                guarded("rotation", [&] {
                    try {
                        open()->rotate_data_key();
                        if (rekey_all().is_done) ++rekeyed;
                    } catch (const KeysChanged&) {
                    }
                });
        });
        threads.emplace_back([&] {
            while (working > 0)
                guarded("prune", [&] {
                    try {
                        prune(*open(), {.unused_percent = 0}, exec::no_progress(), {});
                        ++pruned;
                    } catch (const KeysChanged&) {
                    }
                });
        });
        threads.emplace_back([&] {
            guarded("reader", [&] {
                auto mine = open();  // with the keys of the beginning, all the time
                while (working > 0) {
                    const auto problems = all(check(*mine).problems);
                    std::optional<Copied> one;
                    {
                        const std::lock_guard lock(mutex);
                        if (!problems.empty()) failures.push_back("check: " + problems);
                        if (!kept.empty()) one = kept.back();
                    }
                    if (!one) continue;
                    try {
                        expect_restores(*mine, *one);
                    } catch (const NotFound&) {
                        continue;  // forgotten meanwhile
                    }
                }
            });
        });
    }
    EXPECT_EQ(all(failures), "");
    EXPECT_GT(rekeyed, 0);
    EXPECT_GT(pruned, 0);
    EXPECT_TRUE(rekey_all().is_done);
    expect_revoked(leaked);
    auto repository = open();
    expect_whole(*repository);
    EXPECT_EQ(repository->list().size(), kept.size());
    for (const auto& one : kept) expect_restores(*repository, one);
}

// ---- what there is besides ----

TEST_F(Rekey, what_was_erased_stays_erased_and_its_packs_go) {
    for (const auto* person : {"anna", "bert"}) write(source() / "people" / person / "film.bin", crypto::random_bytes(200'000));
    create()->add_classes({"user-1", "user-2"});
    auto repository = open();
    auto wanted = request();
    wanted.classes = {{"people/anna", "user-1"}, {"people/bert", "user-2"}};
    take(*repository, "people", wanted);
    const auto leaked = leak(*repository);
    repository->shred("user-1");
    EXPECT_GT(opened_by(leaked).size(), 0u);
    open()->rotate_data_key();
    EXPECT_TRUE(rekey_all().is_done);
    expect_revoked(leaked, "also not what was erased, which a ring of before the erasure would have opened");
    repository = open();
    ASSERT_EQ(repository->erased().size(), 1u);
    EXPECT_TRUE(repository->browse(copied[0].id, "people")[0].erased);
    EXPECT_EQ(restore(*repository, copied[0].id, "out").problems.size(), 1u);
    EXPECT_EQ(std::filesystem::file_size(folder / "out/people/bert/film.bin"), 200'000u);
    expect_whole(*repository);
    take(*repository, "again");
}

TEST_F(Rekey, a_class_that_is_erased_meanwhile_stays_erased) {
    for (const auto* person : {"anna", "bert"}) write(source() / "people" / person / "film.bin", crypto::random_bytes(200'000));
    create()->add_classes({"user-1", "user-2"});
    auto repository = open();
    auto wanted = request();
    wanted.classes = {{"people/anna", "user-1"}, {"people/bert", "user-2"}};
    take(*repository, "people", wanted);
    const auto leaked = leak(*repository);
    repository->rotate_data_key();
    bool shredded = false;
    StageWatcher progress([&](const std::string& stage) {
        if (stage == "rewrite" && !std::exchange(shredded, true)) open()->shred("user-1");
    });
    try {
        rekey(*open(), {}, progress, {});
    } catch (const Error&) {
        // It may have met what it could not read any more.
    }
    EXPECT_TRUE(shredded);
    EXPECT_TRUE(rekey_all().is_done);
    expect_revoked(leaked);
    repository = open();
    EXPECT_EQ(repository->subjects(), std::vector<std::string>{"user-2"});
    EXPECT_TRUE(repository->browse(copied[0].id, "people")[0].erased);
    expect_whole(*repository);
}

TEST_F(Rekey, what_is_damaged_keeps_its_key_until_it_is_mended) {
    auto repository = create();
    take_two(*repository);
    const auto leaked = leak(*repository);
    for (const auto& pack : repository->inside().load_index({})->packs())
        if (pack.header.kind == Kind::data && pack.size < 200'000 && pack.size > 100'000) flip(repo() / pack_name(pack.sha));
    EXPECT_NE(all(check(*repository).problems), "");
    repository->rotate_data_key();
    const auto totals = rekey_all();
    EXPECT_FALSE(totals.is_done);
    EXPECT_GT(totals.bytes_left, 100'000);
    expect_restores(*open(), copied[0]);
    EXPECT_TRUE(open()->has_old_data_keys());
    EXPECT_EQ(check(*open()).bytes_under_old_keys, totals.bytes_left);
    // The source still has it: the next backup stores it again.
    back_up(*open());
    EXPECT_TRUE(rekey_all().is_done);
    expect_revoked(leaked);
    expect_whole(*open());
    expect_restores(*open(), copied[1]);
}

/// Of what does not even say under which key it lies, somebody may have a whole copy.
TEST_F(Rekey, a_damaged_header_keeps_the_old_keys_until_it_is_mended) {
    auto repository = create();
    take_two(*repository);
    set_hold(*repository, copied[0].id, "a court", {});
    EXPECT_TRUE(take_checkpoint(*repository, {}, {}).is_new);
    repository->rotate_data_key();
    keep_state();
    for (const auto& object : blob::list_all(*store(), "")) {
        const auto kind = object.name.substr(0, object.name.find('/'));
        if (kind != "log" && kind != "snap" && kind != "index" && kind != "checkpoint") continue;
        std::fstream(repo() / object.name, std::ios::in | std::ios::out | std::ios::binary).seekp(1).put('?');
        try {
            const auto totals = rekey_all();
            EXPECT_FALSE(totals.is_done) << object.name;
            EXPECT_NE(all(totals.problems).find(object.name), std::string::npos) << object.name << '\n' << all(totals.problems);
        } catch (const Corrupt& error) {
            EXPECT_EQ(kind, "snap") << object.name << ": " << error.what();
        }
        EXPECT_TRUE(open()->has_old_data_keys()) << object.name;
        std::filesystem::copy_file(folder / "kept/repo" / object.name, repo() / object.name, std::filesystem::copy_options::overwrite_existing);
        EXPECT_TRUE(rekey_all().is_done) << object.name;
        expect_whole(*open());
        EXPECT_EQ(open()->find(copied[0].id)->held, "a court") << object.name;
        bring_state_back();
    }
}

TEST_F(Rekey, a_chain_of_the_log_that_was_tampered_with_comes_out_of_it_as_it_was) {
    auto repository = create();
    take_two(*repository);
    const auto records = blob::list_all(*store(), "log/");
    ASSERT_GT(records.size(), 1u);
    store()->remove(records.front().name, {}, {});
    repository->rotate_data_key();
    const auto totals = rekey_all();
    EXPECT_FALSE(totals.is_done);
    EXPECT_EQ(totals.problems.size(), 1u);
    EXPECT_GT(totals.bytes_left, 0);
    EXPECT_NE(all(check(*open()).problems), "") << "nobody takes it for a sound one";
    for (const auto& one : copied) expect_restores(*open(), one);
}

TEST_F(Rekey, a_killed_backup_begins_anew_and_finds_what_it_needs) {
    create();
    for (int i = 0; i < 200; ++i) write(source() / "many" / std::to_string(i), crypto::random_bytes(40'000));
    auto busy = request();
    busy.checkpoint_after = Duration{1};
    const auto leaked = leak(*open());
    clock->advance(std::chrono::hours(1));
    const auto begin = [&](Repository& at) { at.backup(busy, free_ledger(), exec::no_progress(), {}); };
    ASSERT_EQ(elsewhere({.stop_at = 12, .stop = Faults::Stop::kill}, {}, begin), SIGKILL);
    open()->rotate_data_key();
    EXPECT_TRUE(rekey_all().is_done);
    expect_revoked(leaked);
    auto repository = open();
    take(*repository, "all", busy);
    expect_whole(*repository);
    expect_restores(*repository, copied[0]);
}

TEST_F(Rekey, flags_that_stay_for_ever_are_sealed_anew) {
    auto repository = create();
    take_two(*repository);
    auto& impl = repository->inside();
    const Id16 session{7};
    blob::put_bytes(*store(), gc_name(3, "sweep"), seal_object(impl.keys, Kind::collector, encode(Sweep{.is_void = true})));
    blob::put_bytes(*store(), gc_name(4, "sweep"), seal_object(impl.keys, Kind::collector, encode(Sweep{.is_void = false, .expired = {session}})));
    const auto leaked = leak(*repository);
    repository->rotate_data_key();
    EXPECT_TRUE(rekey_all().is_done);
    expect_revoked(leaked);
    repository = open();
    expect_whole(*repository);
    EXPECT_TRUE(repository->inside().named_sessions({}).contains(session));
    EXPECT_TRUE(store()->head(gc_name(3, "sweep"), {}));
}

}  // namespace
}  // namespace tenon::tests
