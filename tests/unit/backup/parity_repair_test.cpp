// A single store with parity: what is damaged comes back as it was, or is said to be lost; never a wrong byte.
#include "fixture.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <random>

#include <backup/parity_store.hpp>
#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/repair.hpp>
#include <backup/retention.hpp>
#include <blob/many_stores.hpp>
#include <crypto/hash.hpp>
#include <hook_store.hpp>
#include <new_seed.hpp>

#include "parity.hpp"
#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

/// Work that is stopped at one of its store's operations, whichever thread does that.
struct Stopping {
    std::shared_ptr<blob::Store> watch(std::shared_ptr<blob::Store> inner) {
        auto store = std::make_shared<HookStore>(std::move(inner));
        store->before = [this](const std::string&, const std::string&) {
            if (++operations == last) source.request_stop();
        };
        return store;
    }
    int count(const std::function<void()>& work) {
        operations = last = 0;
        work();
        return operations;
    }
    /// Whether the work ended by that.
    bool at(int operation, const std::function<void(std::stop_token)>& work) {
        source = std::stop_source();
        operations = 0;
        last = operation;
        bool cancelled = false;
        try {
            work(source.get_token());
        } catch (const Cancelled&) {
            cancelled = true;
        }
        last = 0;
        return cancelled;
    }

    std::stop_source source;
    std::atomic<int> operations{0}, last{0};
};

class ParityRepair : public BackupTest {
protected:
    std::shared_ptr<blob::Store> with_parity(Parity mode = Parity::thin) const { return std::make_shared<ParityStore>(store(), mode); }
    std::unique_ptr<Repository> create_with(Parity mode = Parity::thin) {
        return Repository::create(with_parity(mode), vault(), key(), "host", options);
    }
    std::unique_ptr<Repository> open_with(Parity mode = Parity::thin) { return Repository::open(with_parity(mode), vault(), key(), options); }

    base::ByteVector read(const std::string& name) { return blob::get_all(*store(), name, 1 << 30); }
    /// As a disk changes what lies on it: without the store.
    void put(const std::string& name, base::ByteView bytes) { write(repo() / name, bytes); }
    std::map<std::string, base::ByteVector> all_objects(const std::string& prefix = "") {
        std::map<std::string, base::ByteVector> all;
        for (const auto& object : blob::list_all(*store(), prefix)) all.emplace(object.name, read(object.name));
        return all;
    }
    /// What only the source makes good: no parity, and each pack of data with a flipped bit. Gives what puts that state back.
    std::function<void()> without_parity_and_damaged() {
        for (const auto& [name, bytes] : all_objects("par/")) store()->remove(name, {}, {});
        for (const auto& [name, bytes] : all_objects("packs/")) {
            if (decode_header(bytes, name).kind != Kind::data) continue;
            auto bad = bytes;
            bad[bad.size() / 2] ^= 1;
            put(name, bad);
        }
        copy_tree(repo(), folder / "damaged");
        return [this] { copy_tree(folder / "damaged", repo()); };
    }
    std::string largest_pack() {
        std::string name;
        std::uint64_t size = 0;
        for (const auto& object : blob::list_all(*store(), "packs/"))
            if (object.size > size) name = object.name, size = object.size;
        return name;
    }
    std::int64_t weight() {
        std::int64_t sum = 0;
        for (const auto& object : blob::list_all(*store(), "")) sum += static_cast<std::int64_t>(object.size);
        return sum;
    }
    RepairTotals mend_all(Repository& repository, bool reread = false) {
        return backup::repair(repository, {.reread = reread}, exec::no_progress(), {});
    }
    /// Some files, one of several stripes that nothing compresses, and a file of several MiB.
    void fill() {
        for (int i = 0; i < 30; ++i) write(source() / ("folder" + std::to_string(i % 3)) / std::to_string(i), "file " + std::to_string(i));
        write(source() / "long.bin", crypto::random_bytes(700'000));
    }
    void expect_all_protected(Parity mode, const std::string& when = "") {
        const auto objects = all_objects();
        for (const auto& [name, bytes] : objects) {
            if (is_protected(name)) {
                const auto there = objects.find(parity_name(name, bytes.size()));
                ASSERT_NE(there, objects.end()) << name << ' ' << when;
                EXPECT_EQ(there->second.size(), parity_size(mode, bytes.size())) << name << ' ' << when;
                EXPECT_TRUE(bytes.size() > stripe_size || there->second == bytes) << name << ' ' << when;
            } else if (const auto about = protected_by(name); !about.empty()) {
                EXPECT_TRUE(objects.contains(about)) << name << " is nobody's " << when;
            }
        }
    }
    /// Killed as it puts its snapshot.
    void back_up_and_die() {
        const auto run = [&](const std::filesystem::path& in, Faults faults) {
            const auto files = std::make_shared<blob::FileStore>(in, base::system_clock());
            const auto faulty = std::make_shared<FaultStore>(files, std::move(faults));
            auto theirs = Repository::open(std::make_shared<ParityStore>(faulty, Parity::thin), vault(), key(), options);
            auto wanted = request();
            wanted.checkpoint_bytes = 1;
            back_up(*theirs, wanted);
            const auto trace = faulty->trace();
            const auto is_it = [](const auto& line) { return line.starts_with("put par/m/snap/"); };
            return static_cast<int>(std::find_if(trace.begin(), trace.end(), is_it) - trace.begin()) + 1;
        };
        const auto twin = folder / "twin";
        copy_tree(repo(), twin);
        const int last = run(twin, {});
        std::filesystem::remove_all(twin);
        EXPECT_EQ(elsewhere([&] { (void)run(repo(), {.stop_at = last, .stop = Faults::Stop::kill}); }), SIGKILL);
    }
    /// Several sessions, a collection, words about snapshots, checkpoints, and what a killed backup leaves. Returns the newest snapshot.
    SnapshotId fill_with_every_kind(std::unique_ptr<Repository>& repository) {
        fill();
        const auto first = back_up(*repository).snapshot.id;
        write(source() / "long.bin", crypto::random_bytes(600'000));
        back_up(*repository);
        forget(*repository, {first}, {});
        PruneRequest wanted;
        wanted.unused_percent = 0;
        wanted.most_records = 1;
        backup::prune(*repository, wanted, exec::no_progress(), {});
        (void)backup::take_checkpoint(*repository, {}, {});
        write(source() / "new", "something new");
        const auto last = back_up(*repository).snapshot.id;
        const auto when = std::filesystem::last_write_time(source());
        write(source() / "more", crypto::random_bytes(100'000));
        back_up_and_die();
        std::filesystem::remove(source() / "more");
        std::filesystem::last_write_time(source(), when);
        note_ = backup::take_checkpoint(*repository, {}, {}).note.value_or(CheckpointNote{});
        EXPECT_FALSE(all_objects("sess/").empty());
        return last;
    }
    CheckpointNote note_;
    /// Of whoever collected last, or of a process that has ended.
    static bool is_made_anew(const std::string& name) { return name.starts_with("sess/") || name == "gc/lease"; }
    blob::IsWhole whole_by(const Repository& repository, const std::string& name) {
        return [&repository, name](base::ByteView bytes) { return repository.is_ours(name, bytes); };
    }
};

TEST_F(ParityRepair, every_object_has_its_parity_and_loses_it_with_it) {
    for (const auto mode : {Parity::thin, Parity::full}) {
        std::filesystem::remove_all(repo());
        std::filesystem::remove_all(vault_folder());
        fill();
        auto repository = create_with(mode);
        const auto first = back_up(*repository).snapshot.id;
        write(source() / "long.bin", crypto::random_bytes(500'000));
        const auto second = back_up(*repository).snapshot.id;
        expect_all_protected(mode);
        EXPECT_EQ(check(*repository).unprotected, 0);
        EXPECT_EQ(all(check(*repository).problems), "");
        forget(*repository, {first}, {});
        const auto before = weight();
        PruneRequest wanted;
        wanted.unused_percent = 0;
        const auto pruned = backup::prune(*repository, wanted, exec::no_progress(), {});
        EXPECT_EQ(pruned.bytes_freed, before - weight());
        EXPECT_GT(pruned.packs_removed + pruned.packs_rewritten, 0);
        expect_all_protected(mode, "after a prune");
        EXPECT_EQ(all(check(*repository).problems), "");
        expect_restores(*repository, second);
    }
}

TEST_F(ParityRepair, what_a_backup_reserves_and_commits_is_what_its_objects_and_their_parity_weigh) {
    class Book final : public Ledger {
    public:
        void reserve(std::int64_t bytes) override { reserved += bytes; }
        void commit(std::int64_t bytes) noexcept override { committed += bytes; }
        void release(std::int64_t bytes) noexcept override { released += bytes; }
        std::int64_t reserved = 0, committed = 0, released = 0;
    };
    fill();
    auto repository = create_with();
    const auto before = weight();
    clock->advance(std::chrono::hours(1));
    Book book;
    const auto totals = repository->backup(request(), book, exec::no_progress(), {});
    EXPECT_EQ(book.committed, weight() - before);
    EXPECT_EQ(book.reserved, book.committed + book.released);
    EXPECT_EQ(totals.bytes_stored, book.committed);
}

TEST_F(ParityRepair, rekeying_and_what_it_replaces_leave_no_parity_under_old_keys) {
    fill();
    auto repository = create_with();
    const auto id = back_up(*repository).snapshot.id;
    repository->rotate_data_key();
    repository = open_with();
    RekeyRequest wanted;
    EXPECT_TRUE(backup::rekey(*repository, wanted, exec::no_progress(), {}).is_done);
    expect_all_protected(Parity::thin, "after re-keying");
    repository = open_with();
    for (const auto& [name, bytes] : all_objects("par/m/")) {
        const auto about = protected_by(name);
        EXPECT_TRUE(repository->is_ours(about, bytes)) << name;
        EXPECT_FALSE(repository->inside().keys.is_old(decode_header(bytes, name))) << name;
    }
    expect_restores(*repository, id);
}

// Every 64th byte of all that is mirrored, each bit of it by turns.
TEST_F(ParityRepair, a_flipped_bit_in_any_small_object_is_mended) {
    fill();
    auto repository = create_with();
    back_up(*repository);
    back_up(*repository);
    int bit = 0, mended = 0;
    for (const auto& [name, good] : all_objects()) {
        if ((!is_protected(name) && name != "super" && name != "super.1") || good.size() > stripe_size) continue;
        for (std::size_t at = 0; at < good.size(); at += 64) {
            auto bad = good;
            bad[at] ^= static_cast<std::uint8_t>(1 << (bit++ % 8));
            put(name, bad);
            EXPECT_TRUE(repository->objects()->can_mend(name, whole_by(*repository, name), {})) << name << " byte " << at;
            EXPECT_TRUE(repository->objects()->mend(name, whole_by(*repository, name), {})) << name << " byte " << at;
            ASSERT_TRUE(read(name) == good) << name << " byte " << at;
            ++mended;
        }
    }
    EXPECT_GT(mended, 100);
}

TEST_F(ParityRepair, a_flipped_bit_in_every_kind_of_object_is_found_said_to_be_repairable_and_repaired) {
    auto repository = create_with();
    const auto id = fill_with_every_kind(repository);
    const auto objects = all_objects();
    std::set<std::string> kinds;
    for (const auto& [name, bytes] : objects) kinds.insert(name.substr(0, name.find('/')));
    EXPECT_EQ(kinds, (std::set<std::string>{"book", "checkpoint", "gc", "index", "log", "packs", "par", "sess", "snap", "super", "super.1"}));
    std::mt19937 random(new_seed());
    for (const auto& [name, good] : objects) {
        for (int i = 0; i < 3; ++i) {
            const auto at = i == 0 ? 0 : i == 1 ? good.size() - 1 : random() % good.size();
            auto bad = good;
            bad[at] ^= static_cast<std::uint8_t>(1 << random() % 8);
            put(name, bad);
            const auto found = check(*repository);
            ASSERT_FALSE(found.problems.empty()) << name << " byte " << at;
            const auto is_it = [&](const auto& problem) { return problem.object == name; };
            const auto named = std::find_if(found.problems.begin(), found.problems.end(), is_it);
            ASSERT_NE(named, found.problems.end()) << name << " byte " << at << '\n' << all(found.problems);
            EXPECT_TRUE(named->repairable) << name << " byte " << at;
            EXPECT_TRUE(read(name) == bad) << "a check changes nothing";
            const auto totals = mend_all(*repository);
            EXPECT_EQ(all(totals.check.problems), "") << name << " byte " << at;
            EXPECT_GE(totals.check.mended + totals.check.protected_again, 1) << name;
            EXPECT_TRUE(totals.lost.empty());
            if (is_made_anew(name)) {
                EXPECT_FALSE(store()->head(name, {})) << "nothing is lost with it";
                put(name, good);
            }
            ASSERT_TRUE(read(name) == good) << name << " byte " << at;
        }
    }
    expect_restores(*repository, id);
}

TEST_F(ParityRepair, a_cut_object_of_every_kind_is_found_and_repaired) {
    auto repository = create_with();
    const auto id = fill_with_every_kind(repository);
    std::mt19937 random(new_seed());
    for (const auto& [name, good] : all_objects())
        for (const auto left : {std::size_t{0}, random() % good.size(), good.size() - 1}) {
            if (name.starts_with("sess/") && left == 0) continue;  // as a power cut leaves them: no damage
            if (left < (good.size() - 1) / stripe_size * stripe_size) continue;  // more than a stripe: beyond what thin parity promises
            auto bad = good;
            bad.resize(left);
            put(name, bad);
            EXPECT_FALSE(check(*repository).problems.empty()) << name << " cut to " << left;
            const auto totals = mend_all(*repository);
            EXPECT_EQ(all(totals.check.problems), "") << name << " cut to " << left;
            EXPECT_TRUE(totals.lost.empty());
            if (is_made_anew(name)) put(name, good);
            ASSERT_TRUE(read(name) == good) << name << " cut to " << left;
        }
    expect_restores(*repository, id);
}

// What a checkpoint or another object misses comes back from its copy, whichever object of a kind it is.
TEST_F(ParityRepair, a_deleted_object_of_every_kind_is_missed_and_comes_back) {
    auto repository = create_with();
    const auto id = fill_with_every_kind(repository);
    int back = 0;
    for (const auto& [name, good] : all_objects()) {
        if (name.starts_with("sess/") || name.starts_with("gc/")) continue;  // nobody misses those, and nothing is lost with them
        if (is_protected(name) && good.size() > stripe_size) continue;       // parity alone makes no object
        store()->remove(name, {}, {});
        const auto newest_is_gone = name.starts_with("checkpoint/");  // who remembers its record tells
        const auto found = check(*repository);
        if (protected_by(name).empty()) {
            if (!newest_is_gone) {
                ASSERT_FALSE(found.problems.empty()) << name;
                EXPECT_TRUE(found.problems.front().repairable) << name << ": " << all(found.problems);
            }
        } else {
            EXPECT_EQ(found.unprotected, 1) << name;
        }
        if (newest_is_gone) {
            const auto known = note_.record;
            const auto told = repository->check(CheckDepth::objects, exec::no_progress(), {}, true, {known});
            EXPECT_EQ(all(told.problems), "") << name;
            if (!store()->head(name, {})) put(name, good);  // an older one that nobody needs
            else ++back;
        } else {
            const auto totals = mend_all(*repository);
            EXPECT_EQ(all(totals.check.problems), "") << name;
            EXPECT_TRUE(totals.lost.empty()) << name;
            ++back;
        }
        ASSERT_TRUE(read(name) == good) << name;
    }
    EXPECT_GT(back, 15);
    expect_restores(*repository, id);
}

// A whole object that a checkpoint finds fault with is no damage that a copy mends.
TEST_F(ParityRepair, what_is_whole_and_should_not_be_there_is_not_said_to_be_repairable) {
    fill();
    auto repository = create_with();
    const auto first = back_up(*repository).snapshot.id;
    write(source() / "long.bin", crypto::random_bytes(700'000));
    back_up(*repository);
    const auto before = all_objects();
    forget(*repository, {first}, {});
    PruneRequest wanted;
    wanted.unused_percent = 0;
    backup::prune(*repository, wanted, exec::no_progress(), {});
    (void)backup::take_checkpoint(*repository, {}, {});
    for (const auto& [name, bytes] : before)
        if (name.starts_with("packs/") && !store()->head(name, {})) put(name, bytes);
    const auto found = check(*repository);
    ASSERT_FALSE(found.problems.empty());
    for (const auto& problem : found.problems) EXPECT_FALSE(problem.repairable) << problem.object << ' ' << problem.message;
    EXPECT_FALSE(mend_all(*repository).check.problems.empty());
}

TEST_F(ParityRepair, damage_to_packs_is_mended_by_the_restore_that_meets_it) {
    const auto seed = new_seed();
    for (const auto mode : {Parity::thin, Parity::full}) {
        std::filesystem::remove_all(repo());
        std::filesystem::remove_all(vault_folder());
        write(source() / "long.bin", crypto::random_bytes(6'000'000));
        const auto id = back_up(*create_with(mode)).snapshot.id;
        const auto name = largest_pack();
        const auto good = read(name);
        const Rows rows(mode, good.size());
        std::mt19937_64 random(seed + static_cast<unsigned>(mode));
        for (int i = 0; i < 24; ++i) {
            auto bad = good;
            const auto begin = random() % (good.size() - rows.rows * stripe_size);
            if (i % 4 == 0) bad[random() % good.size()] ^= 1;
            if (i % 4 == 1) std::memset(&bad[begin], 0, (rows.rows - 1) * stripe_size);
            if (i % 4 == 2) bad.resize(good.size() - 1 - random() % ((rows.rows - 1) * stripe_size));
            if (i % 4 == 3)
                for (std::size_t row = 0; row < rows.rows; ++row)
                    bad[(row + rows.rows * (random() % 2)) * stripe_size + random() % stripe_size] ^= 0x80;
            put(name, bad);
            auto repository = open_with(mode);
            expect_restores(*repository, id, "damage " + std::to_string(i));
            EXPECT_EQ(all(mend_all(*repository).check.problems), "") << "also where no file lies";
            ASSERT_TRUE(read(name) == good) << i;
        }
    }
}

TEST_F(ParityRepair, what_is_lost_beyond_the_promise_is_named_and_all_the_rest_comes_back) {
    for (int i = 0; i < 30; ++i) write(source() / "small" / std::to_string(i), "file " + std::to_string(i));
    const auto data = crypto::random_bytes(4'000'000);
    write(source() / "long.bin", data);
    auto repository = create_with();
    const auto id = back_up(*repository).snapshot.id;
    const auto name = largest_pack();
    const auto rows = Rows(Parity::thin, read(name).size()).rows;
    auto bad = read(name);
    // Two stripes of one row.
    bad[4 * rows * stripe_size + 1000] ^= 1;
    bad[24 * rows * stripe_size + 1000] ^= 1;
    put(name, bad);

    const auto found = check(*repository);
    ASSERT_FALSE(found.problems.empty());
    for (const auto& problem : found.problems) EXPECT_FALSE(problem.repairable) << problem.object;
    EXPECT_THROW(restore(*repository, id, "refused"), Corrupt);
    const auto totals = mend_all(*repository);
    EXPECT_TRUE(read(name) == bad) << "nothing is replaced by a guess";
    ASSERT_FALSE(totals.lost.empty());
    for (const auto& lost : totals.lost) {
        EXPECT_EQ(lost.snapshot, id);
        EXPECT_EQ(lost.path, "long.bin");
        EXPECT_GT(lost.length, 0);
    }

    const auto saved = repository->restore(id, {.target = folder / "saved", .salvage = true}, exec::no_progress(), {});
    ASSERT_EQ(saved.damaged.size(), totals.lost.size());
    for (int i = 0; i < 30; ++i) EXPECT_TRUE(std::filesystem::exists(folder / "saved/small" / std::to_string(i)));
    auto wanted = data;
    for (std::size_t i = 0; i < saved.damaged.size(); ++i) {
        const auto& part = saved.damaged[i];
        EXPECT_EQ(part.path, "long.bin");
        EXPECT_EQ(part.offset, totals.lost[i].offset);
        std::memset(&wanted[static_cast<std::size_t>(part.offset)], 0, static_cast<std::size_t>(part.length));
    }
    std::ifstream in(folder / "saved/long.bin", std::ios::binary);
    const base::ByteVector came((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    EXPECT_TRUE(came == wanted);

    // The source has it still.
    const auto again = mend_all(*repository, true);
    EXPECT_TRUE(again.lost.empty());
    EXPECT_GT(again.bytes_reread, 0);
    repository = open_with();
    expect_restores(*repository, id, "once it was read again");
    EXPECT_TRUE(mend_all(*repository, true).lost.empty()) << "once is enough";
}

TEST_F(ParityRepair, a_source_that_has_changed_brings_nothing_back) {
    write(source() / "long.bin", crypto::random_bytes(4'000'000));
    auto repository = create_with();
    const auto id = back_up(*repository).snapshot.id;
    for (const auto& [name, bytes] : all_objects("par/")) store()->remove(name, {}, {});
    auto bad = read(largest_pack());
    bad[bad.size() / 2] ^= 1;
    put(largest_pack(), bad);
    write(source() / "long.bin", crypto::random_bytes(4'000'000));
    const auto totals = mend_all(*repository, true);
    EXPECT_EQ(totals.bytes_reread, 0);
    EXPECT_FALSE(totals.lost.empty());
    EXPECT_THROW(restore(*repository, id, "out"), Corrupt);
}

TEST_F(ParityRepair, salvage_goes_on_where_folders_are_lost) {
    fill();
    auto repository = create_with(Parity::none);
    const auto id = back_up(*repository).snapshot.id;
    for (const auto& [name, bytes] : all_objects("packs/")) {
        if (decode_header(bytes, name).kind != Kind::tree) continue;
        auto bad = bytes;
        bad[container_header_size + 40] ^= 1;
        put(name, bad);
    }
    EXPECT_THROW(restore(*repository, id, "refused"), Corrupt);
    const auto saved = repository->restore(id, {.target = folder / "saved", .salvage = true}, exec::no_progress(), {});
    ASSERT_EQ(saved.damaged.size(), 1u);
    EXPECT_EQ(saved.damaged.front().path, "") << "the root is in that frame";
    const auto totals = mend_all(*repository);
    ASSERT_EQ(totals.lost.size(), 1u);
    EXPECT_EQ(totals.lost.front().snapshot, id);
    // A backup of the same writes the same folders anew.
    const auto next = back_up(*repository).snapshot.id;
    expect_restores(*repository, id);
    expect_restores(*repository, next);
    EXPECT_TRUE(mend_all(*repository).lost.empty());
}

TEST_F(ParityRepair, damaged_parity_is_named_and_made_anew_and_its_object_stays) {
    fill();
    auto repository = create_with();
    back_up(*repository);
    for (const auto& [name, good] : all_objects("par/"))
        for (int how = 0; how < 3; ++how) {
            auto bad = good;
            if (how == 0) bad[good.size() / 2] ^= 8;
            else if (how == 1) bad.resize(good.size() / 2);
            else bad.assign(good.size(), 0);
            put(name, bad);
            const auto found = check(*repository, CheckDepth::objects);
            ASSERT_EQ(found.problems.size(), 1u) << name << '\n' << all(found.problems);
            EXPECT_EQ(found.problems.front().object, name);
            EXPECT_TRUE(found.problems.front().repairable);
            const auto before = read(protected_by(name));
            const auto totals = mend_all(*repository);
            EXPECT_EQ(all(totals.check.problems), "") << name;
            EXPECT_EQ(totals.check.protected_again, 1);
            EXPECT_EQ(totals.check.mended, 0);
            ASSERT_TRUE(read(name) == good) << name;
            EXPECT_TRUE(read(protected_by(name)) == before);
        }
}

TEST_F(ParityRepair, another_ones_parity_never_makes_a_wrong_byte) {
    write(source() / "a.bin", crypto::random_bytes(3'000'000));
    auto repository = create_with();
    back_up(*repository);
    write(source() / "b.bin", crypto::random_bytes(3'000'000));
    const auto id = back_up(*repository).snapshot.id;
    // Of the same length, and of another object; then with each hash in order, as who forges it would have it.
    std::vector<std::string> packs;
    for (const auto& object : blob::list_all(*store(), "packs/"))
        if (object.size > 2'000'000) packs.push_back(object.name);
    ASSERT_EQ(packs.size(), 2u);
    const auto good = read(packs[0]);
    auto bad = good;
    bad[1'000'000] ^= 1;
    auto lying = bad;
    lying[2'000'000] ^= 1;
    ParityMaker forged(Parity::thin, lying.size());
    forged.add(lying);
    ParityMaker of_bad(Parity::full, bad.size());
    of_bad.add(bad);
    for (const auto& parity : {read("par/" + packs[1]), forged.finish(), of_bad.finish()}) {
        put("par/" + packs[0], parity);
        put(packs[0], bad);
        EXPECT_FALSE(repository->objects()->mend(packs[0], {}, {}));
        EXPECT_TRUE(read(packs[0]) == bad);
        std::filesystem::remove_all(folder / "refused");
        EXPECT_THROW(restore(*open_with(), id, "refused"), Corrupt);
        put(packs[0], good);
        EXPECT_EQ(check(*repository).problems.size(), 1u);
        EXPECT_EQ(mend_all(*repository).check.protected_again, 1);
    }
    // A copy of another record, under this one's name. What number a record has is under its seal; whose chain it begins is not.
    std::string before;
    for (const auto& [name, bytes] : all_objects("log/")) {
        if (!before.empty() && !name.ends_with(before.substr(before.rfind('/')))) {
            put("par/m/" + name, read(before));
            auto damaged = bytes;
            damaged[damaged.size() / 2] ^= 1;
            put(name, damaged);
            EXPECT_FALSE(repository->objects()->mend(name, whole_by(*repository, name), {})) << name;
            put(name, bytes);
            put("par/m/" + name, bytes);
        }
        before = name;
    }
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(ParityRepair, two_repositories_give_each_other_nothing) {
    fill();
    auto mine = create_with();
    back_up(*mine);
    const auto foreign_objects = [&] {
        BackupTest::options.clock = clock;
        const auto other = std::make_shared<ParityStore>(std::make_shared<blob::FileStore>(folder / "other", base::system_clock()), Parity::thin);
        const auto their_vault = std::make_shared<blob::FileStore>(folder / "other-vault", base::system_clock());
        auto theirs = Repository::create(other, their_vault, KeySource::key(crypto::random_bytes(32)), "host", options);
        back_up(*theirs);
        std::vector<base::ByteVector> logs;
        for (const auto& object : blob::list_all(*other, "par/m/log/")) logs.push_back(blob::get_all(*other, object.name, 1 << 20));
        return logs;
    }();
    std::size_t i = 0;
    for (const auto& [name, bytes] : all_objects("log/")) {
        auto bad = bytes;
        bad.back() ^= 1;
        put(name, bad);
        put("par/m/" + name, foreign_objects[i++ % foreign_objects.size()]);
        EXPECT_FALSE(mine->objects()->mend(name, whole_by(*mine, name), {}));
        EXPECT_TRUE(read(name) == bad);
        put(name, bytes);
    }
    EXPECT_EQ(all(mend_all(*mine).check.problems), "");
}

TEST_F(ParityRepair, what_was_stored_without_gets_parity_by_a_repair) {
    fill();
    auto repository = create_with(Parity::none);
    const auto id = back_up(*repository).snapshot.id;
    EXPECT_TRUE(all_objects("par/").empty());
    EXPECT_EQ(check(*repository).unprotected, 0) << "nobody asked for any";
    repository = open_with();
    const auto missing = check(*repository).unprotected;
    EXPECT_GT(missing, 3);
    EXPECT_EQ(all(check(*repository).problems), "") << "that is no damage";
    const auto totals = mend_all(*repository);
    EXPECT_EQ(totals.check.protected_again, missing);
    EXPECT_EQ(totals.check.unprotected, 0);
    expect_all_protected(Parity::thin);
    expect_restores(*repository, id);
}

TEST_F(ParityRepair, a_repair_makes_what_a_thinner_mode_lacks) {
    fill();
    auto repository = create_with(Parity::thin);
    const auto id = back_up(*repository).snapshot.id;
    std::int64_t large = 0;
    for (const auto& object : blob::list_all(*store(), "packs/")) large += object.size > stripe_size ? 1 : 0;
    repository = open_with(Parity::full);
    EXPECT_EQ(check(*repository).unprotected, large);
    EXPECT_EQ(mend_all(*repository).check.protected_again, large);
    expect_all_protected(Parity::full);
    repository = open_with(Parity::thin);
    EXPECT_EQ(check(*repository).unprotected, 0) << "more than wanted";
    EXPECT_EQ(all(check(*repository).problems), "");
    expect_restores(*repository, id);
}

TEST_F(ParityRepair, who_keeps_none_any_more_uses_what_there_is_and_keeps_no_damaged_or_old_parity) {
    fill();
    auto repository = create_with();
    const auto id = back_up(*repository).snapshot.id;
    (void)backup::take_checkpoint(*repository, {}, {});
    repository = open_with(Parity::none);
    const auto name = largest_pack();
    const auto good = read(name);
    auto bad = good;
    bad[bad.size() / 2] ^= 1;
    put(name, bad);
    EXPECT_EQ(mend_all(*repository).check.mended, 1);
    EXPECT_TRUE(read(name) == good);
    // Damaged parity goes, once, and its object stays.
    const auto parity = parity_name(name, good.size());
    auto broken = read(parity);
    broken[broken.size() / 2] ^= 1;
    put(parity, broken);
    const auto found = check(*repository, CheckDepth::objects);
    ASSERT_EQ(found.problems.size(), 1u) << all(found.problems);
    EXPECT_TRUE(found.problems.front().repairable);
    EXPECT_EQ(all(mend_all(*repository).check.problems), "");
    EXPECT_FALSE(store()->head(parity, {}));
    EXPECT_TRUE(read(name) == good);
    // What takes another's place leaves no copy of that one, under keys that are on their way out.
    repository->rotate_data_key();
    repository = open_with(Parity::none);
    RekeyRequest wanted;
    EXPECT_TRUE(backup::rekey(*repository, wanted, exec::no_progress(), {}).is_done);
    repository = open_with(Parity::none);
    for (const auto& [copy, bytes] : all_objects("par/m/")) {
        const auto about = protected_by(copy);
        EXPECT_TRUE(repository->is_ours(about, bytes)) << copy;
        EXPECT_FALSE(repository->inside().keys.is_old(decode_header(bytes, copy))) << copy;
    }
    EXPECT_EQ(all(check(*repository).problems), "");
    expect_restores(*repository, id);
}

TEST_F(ParityRepair, orphans_are_no_damage_and_go_with_a_prune) {
    fill();
    auto repository = create_with();
    back_up(*repository);
    put("par/m/packs/ab/" + std::string(64, 'a'), base::view_of("nobody's"));
    put("par/packs/ab/" + std::string(64, 'b'), base::view_of("nobody's"));
    EXPECT_EQ(all(check(*repository).problems), "");
    const auto before = weight();
    const auto pruned = backup::prune(*repository, {}, exec::no_progress(), {});
    EXPECT_EQ(pruned.bytes_freed, before - weight());
    expect_all_protected(Parity::thin);
}

TEST_F(ParityRepair, nothing_that_was_removed_comes_back) {
    fill();
    auto repository = create_with();
    const auto first = back_up(*repository).snapshot.id;
    write(source() / "long.bin", crypto::random_bytes(700'000));
    back_up(*repository);
    const auto before = all_objects();
    forget(*repository, {first}, {});
    PruneRequest wanted;
    wanted.unused_percent = 0;
    backup::prune(*repository, wanted, exec::no_progress(), {});
    int gone = 0;
    for (const auto& [name, bytes] : before) {
        if (!is_protected(name) || store()->head(name, {})) continue;
        ++gone;
        EXPECT_FALSE(repository->objects()->mend(name, whole_by(*repository, name), {})) << name;
        EXPECT_FALSE(store()->head(name, {})) << name;
    }
    EXPECT_GT(gone, 1);
}

TEST_F(ParityRepair, a_store_that_takes_nothing_is_read_through_its_parity) {
    write(source() / "long.bin", crypto::random_bytes(3'000'000));
    write(source() / "small", "x");
    const auto id = back_up(*create_with()).snapshot.id;
    const auto name = largest_pack();
    auto bad = read(name);
    std::memset(&bad[500'000], 0, 60'000);
    put(name, bad);
    const auto full = std::make_shared<FaultStore>(store(), Faults{.space = 0});
    auto repository = Repository::open(std::make_shared<ParityStore>(full, Parity::thin), vault(), key(), options);
    expect_restores(*repository, id);
    EXPECT_TRUE(read(name) == bad);
}

TEST_F(ParityRepair, killed_at_every_store_operation_of_a_repair) {
    fill();
    const auto id = back_up(*create_with()).snapshot.id;
    const auto good = all_objects();
    const auto spoil = [&] {
        int i = 0;
        for (const auto& [name, bytes] : good) {
            auto bad = bytes;
            bad[bad.size() / 2] ^= 1;
            // Objects, and the parity of others; every sixth has neither's trouble, or has none.
            if (is_protected(name) && i++ % 3 != 2) put(name, bad);
            else if (const auto about = protected_by(name); !about.empty() && read(about) == good.at(about)) put(name, bad);
            else put(name, bytes);
        }
    };
    spoil();
    const auto counting = std::make_shared<FaultStore>(store(), Faults{});
    {
        auto repository = Repository::open(std::make_shared<ParityStore>(counting, Parity::thin), vault(), key(), options);
        EXPECT_EQ(all(mend_all(*repository).check.problems), "");
    }
    const int operations = counting->operations();
    EXPECT_GT(operations, 5);
    for (int at = 1; at <= operations; ++at)
        for (const bool after : {false, true}) {
            spoil();
            const auto when = "killed at " + std::to_string(at) + (after ? ", done" : ", not done");
            const int end = elsewhere([&] {
                const Faults faults{.stop_at = at, .stop = Faults::Stop::kill, .after = after};
                const auto faulty = std::make_shared<FaultStore>(store(), faults);
                auto repository = Repository::open(std::make_shared<ParityStore>(faulty, Parity::thin), vault(), key(), options);
                backup::repair(*repository, {.reread = false}, exec::no_progress(), {});
            });
            EXPECT_GE(end, 0) << when;
            auto repository = open_with();
            const auto totals = mend_all(*repository);
            EXPECT_EQ(all(totals.check.problems), "") << when;
            EXPECT_TRUE(totals.lost.empty()) << when;
            for (const auto& [name, bytes] : good) ASSERT_TRUE(read(name) == bytes) << name << ' ' << when;
        }
    expect_restores(*open_with(), id);
}

// Without parity, so that all of it comes from the source once more.
TEST_F(ParityRepair, killed_at_every_store_operation_of_a_repair_that_reads_the_source_again) {
    fill();
    const auto id = back_up(*create_with()).snapshot.id;
    const auto spoil = without_parity_and_damaged();
    const auto counting = std::make_shared<FaultStore>(store(), Faults{});
    {
        auto repository = Repository::open(std::make_shared<ParityStore>(counting, Parity::thin), vault(), key(), options);
        const auto totals = mend_all(*repository, true);
        EXPECT_TRUE(totals.lost.empty());
        EXPECT_GT(totals.bytes_reread, 0);
        EXPECT_GT(totals.bytes_reread + totals.bytes_moved, 700'000);
    }
    const int operations = counting->operations();
    EXPECT_GT(operations, 8);
    for (int at = 1; at <= operations; ++at)
        for (const bool after : {false, true}) {
            spoil();
            const auto when = "killed at " + std::to_string(at) + (after ? ", done" : ", not done");
            const int end = elsewhere([&] {
                const Faults faults{.stop_at = at, .stop = Faults::Stop::kill, .after = after};
                const auto faulty = std::make_shared<FaultStore>(store(), faults);
                auto repository = Repository::open(std::make_shared<ParityStore>(faulty, Parity::thin), vault(), key(), options);
                backup::repair(*repository, {}, exec::no_progress(), {});
            });
            EXPECT_GE(end, 0) << when;
            auto repository = open_with();
            EXPECT_TRUE(mend_all(*repository, true).lost.empty()) << when;
            expect_restores(*repository, id, when);
            // What nothing needs any more goes, and with it all damage.
            PruneRequest wanted;
            wanted.unused_percent = 0;
            backup::prune(*repository, wanted, exec::no_progress(), {});
            EXPECT_EQ(all(check(*repository).problems), "") << when;
            expect_restores(*open_with(), id, when);
        }
}

TEST_F(ParityRepair, backups_killed_at_every_third_store_operation_leave_what_a_repair_completes) {
    fill();
    const auto counting = std::make_shared<FaultStore>(store(), Faults{});
    create_with();
    {
        auto repository = Repository::open(std::make_shared<ParityStore>(counting, Parity::thin), vault(), key(), options);
        back_up(*repository);
    }
    const int operations = counting->operations();
    for (int at = 1; at <= operations; at += 3) {
        std::filesystem::remove_all(repo());
        std::filesystem::remove_all(vault_folder());
        create_with();
        clock->advance(std::chrono::hours(1));
        (void)elsewhere([&] {
            const auto faulty = std::make_shared<FaultStore>(store(), Faults{.stop_at = at, .stop = Faults::Stop::kill});
            auto repository = Repository::open(std::make_shared<ParityStore>(faulty, Parity::thin), vault(), key(), options);
            repository->backup(request(), free_ledger(), exec::no_progress(), {});
        });
        const auto when = "killed at " + std::to_string(at);
        auto repository = open_with();
        EXPECT_EQ(all(check(*repository).problems), "") << when;
        const auto id = back_up(*repository).snapshot.id;
        EXPECT_EQ(all(mend_all(*repository).check.problems), "") << when;
        PruneRequest wanted;
        wanted.unused_percent = 0;
        backup::prune(*repository, wanted, exec::no_progress(), {});
        EXPECT_EQ(mend_all(*repository).check.unprotected, 0) << when;
        expect_all_protected(Parity::thin, when);
        expect_restores(*repository, id, when);
    }
}

TEST_F(ParityRepair, a_repair_that_is_cancelled_anywhere_leaves_each_object_as_it_was_or_whole) {
    fill();
    create_with();
    back_up(*open_with());
    const auto good = all_objects();
    auto spoilt = good;
    for (auto& [name, bytes] : spoilt)
        if (is_protected(name)) bytes[bytes.size() / 2] ^= 1;
    const auto spoil = [&] {
        for (const auto& [name, bytes] : spoilt) put(name, bytes);
    };
    Stopping stopping;
    auto repository = Repository::open(std::make_shared<ParityStore>(stopping.watch(store()), Parity::thin), vault(), key(), options);
    spoil();
    const auto whole = stopping.count([&] { EXPECT_EQ(all(mend_all(*repository).check.problems), ""); });
    EXPECT_GT(whole, 30);
    int cancelled = 0, halfway = 0;
    for (int at = 1; at <= whole; at += std::max(1, whole / 40)) {
        spoil();
        const auto when = "cancelled at " + std::to_string(at);
        if (stopping.at(at, [&](std::stop_token stop) { backup::repair(*repository, {}, exec::no_progress(), stop); })) ++cancelled;
        std::size_t mended = 0, damaged = 0;
        for (const auto& [name, bytes] : good) {
            const auto now = read(name);
            ASSERT_TRUE(now == bytes || now == spoilt.at(name)) << name << ' ' << when;
            if (now == bytes && bytes != spoilt.at(name)) ++mended;
            if (now != bytes) ++damaged;
        }
        if (mended > 0 && damaged > 0) ++halfway;
        const auto totals = mend_all(*repository);
        EXPECT_EQ(all(totals.check.problems), "") << when;
        EXPECT_TRUE(totals.lost.empty()) << when;
        for (const auto& [name, bytes] : good) ASSERT_TRUE(read(name) == bytes) << name << ' ' << when;
    }
    EXPECT_GT(cancelled, 20);
    EXPECT_GT(halfway, 0) << "some of them had mended something, and not all";
}

TEST_F(ParityRepair, cancelled_anywhere_while_it_reads_the_source_again_the_next_repair_completes_it) {
    fill();
    create_with();
    const auto id = back_up(*open_with()).snapshot.id;
    const auto spoil = without_parity_and_damaged();
    Stopping stopping;
    const auto opened = [&] {
        return Repository::open(std::make_shared<ParityStore>(stopping.watch(store()), Parity::thin), vault(), key(), options);
    };
    auto repository = opened();
    const auto whole = stopping.count([&] { EXPECT_GT(mend_all(*repository, true).bytes_reread, 0); });
    int cancelled = 0;
    for (int at = 1; at <= whole; at += std::max(1, whole / 16)) {
        spoil();
        repository = opened();
        const auto when = "cancelled at " + std::to_string(at);
        if (stopping.at(at, [&](std::stop_token stop) { backup::repair(*repository, {}, exec::no_progress(), stop); })) ++cancelled;
        EXPECT_TRUE(blob::list_all(*store(), "sess/").empty()) << "nobody is taken to be at work any more, " << when;
        EXPECT_TRUE(mend_all(*repository, true).lost.empty()) << when;
        expect_restores(*repository, id, when);
        PruneRequest wanted;
        wanted.unused_percent = 0;
        backup::prune(*repository, wanted, exec::no_progress(), {});
        EXPECT_EQ(all(check(*repository).problems), "") << when;
    }
    EXPECT_GT(cancelled, 8);
}

TEST_F(ParityRepair, a_check_that_is_cancelled_anywhere_changes_no_object_and_the_next_finds_the_same) {
    auto repository = create_with();
    const auto id = fill_with_every_kind(repository);
    const auto name = largest_pack();
    auto bad = read(name);
    bad[bad.size() / 2] ^= 1;
    put(name, bad);
    const auto expected = all(check(*repository).problems);
    EXPECT_NE(expected, "");
    const auto before = all_objects();
    Stopping stopping;
    repository = Repository::open(std::make_shared<ParityStore>(stopping.watch(store()), Parity::thin), vault(), key(), options);
    for (const auto depth : {CheckDepth::structure, CheckDepth::objects, CheckDepth::full}) {
        const auto whole = stopping.count([&] { check(*repository, depth); });
        EXPECT_GT(whole, 10);
        int cancelled = 0;
        for (int at = 1; at <= whole; at += std::max(1, whole / 20)) {
            if (stopping.at(at, [&](std::stop_token stop) { repository->check(depth, exec::no_progress(), stop); })) ++cancelled;
            for (const auto& [object, bytes] : before) ASSERT_TRUE(read(object) == bytes) << object << " cancelled at " << at;
        }
        EXPECT_GT(cancelled, 8);
    }
    EXPECT_EQ(all(check(*repository).problems), expected);
    expect_restores(*repository, id);
}

// What another store has comes first; parity is for what none has. Parity itself is nobody's copy.
TEST_F(ParityRepair, a_copy_elsewhere_comes_before_parity_and_parity_before_nothing) {
    fill();
    const auto other = std::make_shared<blob::FileStore>(folder / "other", base::system_clock());
    const std::vector<blob::OtherStore> others{{.name = "a", .open = [other] { return other; }}};
    const auto many = std::make_shared<blob::ManyStores>(with_parity(), others, base::system_clock());
    auto repository = Repository::create(many, vault(), key(), "host", options);
    const auto id = back_up(*repository).snapshot.id;
    blob::CatchUpRequest wanted;
    wanted.accept = [&](const std::string& name, base::ByteView bytes) { return repository->is_ours(name, bytes); };
    EXPECT_EQ(many->catch_up(wanted, exec::no_progress(), {}).whole(), 1);
    EXPECT_TRUE(blob::list_all(*other, "par/").empty());
    const auto name = largest_pack();
    const auto good = read(name);
    auto bad = good;
    bad[bad.size() / 2] ^= 1;
    // Without parity the copy does it; with a damaged copy parity does; without either nothing.
    const auto parity = read("par/" + name);
    put(name, bad);
    store()->remove("par/" + name, {}, {});
    EXPECT_TRUE(repository->objects()->can_mend(name, {}, {}));
    EXPECT_TRUE(repository->objects()->mend(name, {}, {}));
    EXPECT_TRUE(read(name) == good);
    put(name, bad);
    put("par/" + name, parity);
    blob::put_bytes(*other, name, bad, {.create_only = false});
    EXPECT_TRUE(repository->objects()->can_mend(name, {}, {}));
    EXPECT_TRUE(repository->objects()->mend(name, {}, {}));
    EXPECT_TRUE(read(name) == good);
    put(name, bad);
    store()->remove("par/" + name, {}, {});
    EXPECT_FALSE(repository->objects()->can_mend(name, {}, {}));
    EXPECT_FALSE(repository->objects()->mend(name, {}, {}));
    put(name, good);
    expect_restores(*repository, id);
}

TEST_F(ParityRepair, the_independent_reader_agrees_with_every_parity_file) {
    if (std::system("/usr/bin/python3 -c 'import cryptography' 2> /dev/null") != 0) GTEST_SKIP() << "needs python3-cryptography";
    fill();
    write(source() / "longer.bin", crypto::random_bytes(2'500'000));
    write(folder / "key", key_bytes);
    const auto read_it = [&] {
        const auto script = std::filesystem::path(TENON_SOURCE) / "tests/backup/read_objects.py";
        return std::system(("/usr/bin/python3 -B " + script.string() + ' ' + repo().string() + ' ' + vault_folder().string() + " --key-file " +
                            (folder / "key").string() + " > /dev/null 2>&1").c_str());
    };
    for (const auto mode : {Parity::thin, Parity::full}) {
        std::filesystem::remove_all(repo());
        std::filesystem::remove_all(vault_folder());
        back_up(*create_with(mode));
        EXPECT_EQ(read_it(), 0);
        const auto name = "par/" + largest_pack();
        auto bad = read(name);
        bad[bad.size() / 2] ^= 1;
        put(name, bad);
        EXPECT_NE(read_it(), 0);
    }
}

}  // namespace
}  // namespace tenon::tests
