// Books: records of the log that need no objects of their own any more. What they say stays the same, whoever is killed, asleep or reads meanwhile.
#include "copies_fixture.hpp"

#include <cstdlib>
#include <set>

#include <backup/parity_store.hpp>
#include <backup/rekey.hpp>
#include <backup/repair.hpp>
#include <backup/retention.hpp>
#include <base/file.hpp>
#include <hook_store.hpp>

#include "books.hpp"
#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

namespace fs = std::filesystem;
using namespace backup;

class Books : public BackupTest {
protected:
    static PruneRequest quick(int most_records = 1) {
        PruneRequest wanted;
        wanted.look_again = std::chrono::milliseconds(1);
        wanted.most_records = most_records;
        return wanted;
    }
    /// Waits for nobody.
    static PruneRequest hasty() {
        auto wanted = quick();
        wanted.given_up_after = Duration::zero();
        wanted.given_up_looks = 1;
        return wanted;
    }
    static void prune_it(Repository& repository, const PruneRequest& wanted = quick()) { prune(repository, wanted, exec::no_progress(), {}); }
    static RekeyTotals rekey_it(Repository& repository) {
        RekeyRequest wanted;
        static_cast<PruneRequest&>(wanted) = hasty();
        return rekey(repository, wanted, exec::no_progress(), {});
    }
    std::size_t count(const std::string& prefix) const { return blob::list_all(*store(), prefix).size(); }

    /// Snapshots with tags and holds, forgotten ones, packs that are damaged by what is said and whole again, a class that went.
    void make_history() {
        for (int i = 0; i < 6; ++i) write(source() / std::to_string(i), "file " + std::to_string(i));
        (void)create();
        for (int i = 0; i < 4; ++i) {
            const auto repository = open();  // a process that comes and goes
            write(source() / "changed", "round " + std::to_string(i));
            ids.push_back(back_up(*repository).snapshot.id);
        }
        const auto repository = open();
        set_tags(*repository, ids[0], {{"keep", "first"}}, {});
        clock->advance(std::chrono::seconds(1));
        set_tags(*repository, ids[0], {{"keep", "second"}, {"case", "x"}}, {});
        set_hold(*repository, ids[1], "a court", {});
        clock->advance(std::chrono::seconds(1));
        set_hold(*repository, ids[1], "", {});
        clock->advance(std::chrono::seconds(1));
        set_hold(*repository, ids[2], "an audit", {});
        forget(*repository, {ids[1]}, {});
        auto& impl = repository->inside();
        const auto packs = impl.list_packs({});
        std::vector<Id> some;
        for (const auto& [name, size] : packs) some.push_back(*pack_in(name));
        (void)note_packs(impl, {some[0], some[1]}, {}, {});
        (void)note_packs(impl, {}, {some[0], some[1]}, {});
        prune_it(*open(), quick(1000));
        note = take();
    }
    CheckpointNote take() { return take_note(*open()); }
    void append_damage(int rounds, int first = 7) {
        for (int i = 0; i < rounds; ++i)
            (void)append_record(open()->inside(), "damage", damage_body(static_cast<std::uint64_t>(first + i), {}, {}), {});
    }
    /// Most of it in a book, which is to be put into the next one with what has come since.
    void make_history_behind_a_book(int rounds = 2) {
        make_history();
        prune_it(*open());
        append_damage(rounds);
    }
    /// Everything that the log says, as one reads it.
    static std::string meaning(Repository& repository) {
        auto& impl = repository.inside();
        std::string text;
        for (const auto& [id, said] : impl.annotations.read(impl.keys, *impl.objects, {})) {
            text += id.text() + (said.forgotten ? " forgotten" : "") + (said.committed ? " committed" : "") + " held " + said.held;
            if (said.tags)
                for (const auto& label : *said.tags) text += ' ' + label.key + '=' + label.value;
            text += '\n';
        }
        const auto damaged = impl.annotations.damaged_packs(impl.keys, *impl.objects, {});
        text += "round " + std::to_string(damaged.round) + '\n';
        for (const auto& pack : damaged.packs) text += "damaged " + hex(pack) + '\n';
        for (const auto& pack : impl.annotations.swept_packs(impl.keys, *impl.objects, {})) text += "swept " + hex(pack) + '\n';
        return text;
    }
    std::string meaning() { return meaning(*open()); }
    /// Packs may have gone since, whose data keys are no more.
    void expect_as(const std::string& before, const std::string& when) {
        const auto now = meaning();
        const auto rest = [](const std::string& text) { return text.substr(0, text.find("swept")); };
        EXPECT_EQ(rest(now), rest(before)) << when;
        for (auto at = before.find("swept"); at != std::string::npos; at = before.find("swept", at + 1))
            EXPECT_NE(now.find(before.substr(at, before.find('\n', at) - at)), std::string::npos) << when;
    }
    /// Work with a hook of the test at its n-th operation of this kind on what is of books, for each n until there is none.
    void at_each(const std::set<std::string>& kinds, const std::function<void(Repository&)>& work, const std::function<void()>& meanwhile,
                 const std::function<void(const std::string& when)>& then) {
        for (int at = 1;; ++at) {
            bring_state_back();
            const auto hooked = std::make_shared<HookStore>(store());
            int seen = 0;
            std::string when;
            hooked->before = [&](const std::string& what, const std::string& name) {
                const bool counts = name.starts_with("log/") || name.starts_with("book/");
                if (!counts || !kinds.contains(what) || ++seen != at) return;
                when = what + ' ' + name + ", the " + std::to_string(at) + "th: ";
                meanwhile();
            };
            const auto repository = Repository::open(hooked, vault(), key(), options);
            work(*repository);
            if (when.empty()) {
                EXPECT_GT(at, 3);
                return;
            }
            hooked->before = [](const std::string&, const std::string&) {};
            then(when);
        }
    }

    std::vector<SnapshotId> ids;
    CheckpointNote note;
};

TEST_F(Books, records_say_the_same_in_a_book_as_in_the_log) {
    make_history();
    const auto before = meaning();
    EXPECT_NE(before.find("forgotten"), std::string::npos);
    EXPECT_NE(before.find("an audit"), std::string::npos);
    EXPECT_NE(before.find("case=x"), std::string::npos);
    EXPECT_EQ(before.find("a court"), std::string::npos);
    EXPECT_NE(before.find("swept"), std::string::npos);
    EXPECT_NE(before.find("round 2"), std::string::npos);
    const auto records = count("log/");
    EXPECT_GT(records, 15u);
    const auto stays = open();
    EXPECT_EQ(meaning(*stays), before);

    prune_it(*open(), quick(static_cast<int>(records) + 1));
    EXPECT_EQ(count("log/"), records) << "as long as there are few";
    EXPECT_EQ(count("book/"), 0u);
    prune_it(*open(), quick(static_cast<int>(records)));
    EXPECT_EQ(count("log/"), 0u);
    EXPECT_EQ(count("book/"), 1u);
    EXPECT_EQ(meaning(), before);
    EXPECT_EQ(meaning(*stays), before) << "by one that had read the records";
    EXPECT_EQ(told({note.record}, CheckDepth::full), "");
    EXPECT_EQ(open()->list().size(), 3u);
    EXPECT_FALSE(open()->find(ids[1])) << "what was forgotten stays so";
    EXPECT_THROW(forget(*open(), {ids[2]}, {}), Conflict) << "it is held";
    const auto next = take();
    EXPECT_EQ(next.chains, note.chains) << "as many as ever, wherever they are";
    EXPECT_EQ(told({note.record, next.record}, CheckDepth::full), "");
    EXPECT_FALSE(take_checkpoint(*open(), {}, {}).is_new);
}

TEST_F(Books, however_many_records_there_were_there_are_few_objects) {
    (void)create();
    std::size_t most_books = 0, most_records = 0;
    for (int night = 0; night < 30; ++night) {
        const auto repository = open();
        for (int i = 0; i < 11; ++i)
            (void)append_record(repository->inside(), "damage", damage_body(static_cast<std::uint64_t>(night * 11 + i), {}, {}), {});
        prune_it(*repository, quick(16));
        most_books = std::max(most_books, count("book/"));
        most_records = std::max(most_records, count("log/"));
    }
    EXPECT_LT(most_records, 16u);
    EXPECT_LE(most_books, 6u);
    const auto repository = open();
    auto& impl = repository->inside();
    const auto shelf = impl.annotations.shelf(impl.keys, *store(), {});
    std::size_t records = count("log/");
    for (const auto& [hash, sheet] : shelf->sheets()) records += sheet->shas.size();
    EXPECT_EQ(records, 330u);
    EXPECT_EQ(impl.annotations.damaged_packs(impl.keys, *store(), {}).round, 329u);
    EXPECT_EQ(told({}, CheckDepth::full), "");
}

TEST_F(Books, a_writer_goes_on_behind_its_book) {
    write(source() / "one", "1");
    const auto writer = create();
    std::vector<SnapshotId> taken;
    std::vector<std::string> records;
    for (int round = 0; round < 4; ++round) {
        write(source() / "one", "round " + std::to_string(round));
        taken.push_back(back_up(*writer).snapshot.id);
        records.push_back(take().record);
        if (round == 1) set_tags(*open(), taken[0], {{"a", "b"}}, {});
        EXPECT_EQ(told(records, CheckDepth::full), "") << round;
        if (round % 2 == 0) prune_it(*open());
        EXPECT_EQ(told(records, CheckDepth::full), "") << round;
    }
    EXPECT_EQ(count("log/"), 2u) << "of its chain; the tag is in a book";
    EXPECT_EQ(open()->list().size(), 4u);
    EXPECT_EQ(writer->list().size(), 4u);
    // A gap behind the book is one.
    keep_state();
    fs::remove(objects("log").front());
    EXPECT_NE(told().find("log/"), std::string::npos);
    EXPECT_NE(told(records).find("rolled back"), std::string::npos);
    prune_it(*open());
    EXPECT_NE(told(records).find("rolled back"), std::string::npos) << "and no prune hides it";
    bring_state_back();
    prune_it(*open());
    EXPECT_EQ(count("log/"), 0u);
    records.push_back(take().record);
    EXPECT_EQ(told(records, CheckDepth::full), "");
    EXPECT_EQ(open()->list().size(), 4u);
}

TEST_F(Books, killed_at_every_operation_of_a_prune_they_say_the_same) {
    make_history_behind_a_book(3);
    set_tags(*open(), ids[3], {{"late", "one"}}, {});
    write(source() / "changed", "late");
    (void)back_up(*open());
    const auto newer = take();
    const auto before = meaning();
    keep_state();
    const auto counting = std::make_shared<FaultStore>(store(), Faults{});
    prune_it(*Repository::open(counting, vault(), key(), options));
    EXPECT_GE(counting->operations(), 10);
    for (int at = 1; at <= counting->operations(); ++at)
        for (const bool after : {false, true}) {
            bring_state_back();
            const auto when = counting->trace()[static_cast<std::size_t>(at - 1)] + (after ? ", done: " : ", not done: ");
            const Faults faults{.stop_at = at, .stop = Faults::Stop::kill, .after = after};
            ASSERT_EQ(elsewhere(faults, [](Repository& it) { prune_it(it); }), SIGKILL) << when;
            EXPECT_EQ(meaning(), before) << when;
            EXPECT_EQ(told({note.record, newer.record}), "") << when;
            if (at % 3 == 0) {
                const auto between = take_checkpoint(*open(), {.known = {newer.record}}, {});
                EXPECT_EQ(all(between.problems), "") << when;
            }
            prune_it(*open());
            EXPECT_EQ(meaning(), before) << when;
            EXPECT_EQ(count("log/"), 0u) << when;
            EXPECT_EQ(told({note.record, newer.record}), "") << when;
            EXPECT_EQ(open()->list().size(), 4u) << when;
        }
}

TEST_F(Books, who_reads_while_they_are_made_misses_nothing) {
    make_history_behind_a_book();
    set_tags(*open(), ids[3], {{"late", "one"}}, {});
    const auto newer = take();
    const auto before = meaning();
    keep_state();
    std::unique_ptr<Repository> stays;
    std::set<std::string> wrong;
    const auto look = [&] {
        if (meaning() != before) wrong.insert("another meaning for a new reader");
        if (meaning(*stays) != before) wrong.insert("another meaning for one that stays");
        if (const auto problems = told({note.record, newer.record}); !problems.empty()) wrong.insert(problems);
    };
    at_each({"put", "remove", "list", "durable"},
            [&](Repository& it) {
                stays = open();
                (void)meaning(*stays);
                prune_it(it);
            },
            look,
            [&](const std::string& when) {
                EXPECT_EQ(all(std::vector<std::string>(wrong.begin(), wrong.end())), "") << when;
                wrong.clear();
            });
    // And the other way round: all of it happens in the midst of somebody's look.
    std::string read;
    at_each({"list", "get"}, [&](Repository& it) { read = meaning(it); }, [&] { prune_it(*open()); },
            [&](const std::string& when) { EXPECT_EQ(read, before) << when; });
    at_each({"list", "get"},
            [&](Repository& it) { read = all(it.check(CheckDepth::structure, exec::no_progress(), {}, false, {newer.record}).problems); },
            [&] { prune_it(*open()); }, [&](const std::string& when) { EXPECT_EQ(read, "") << when; });
    at_each({"list", "get"}, [&](Repository& it) { read = all(take_checkpoint(it, {.known = {newer.record}}, {}).problems); },
            [&] { prune_it(*open()); },
            [&](const std::string& when) {
                EXPECT_EQ(read, "") << when;
                EXPECT_EQ(told({newer.record}), "") << when;
            });
}

TEST_F(Books, collectors_that_meet_and_sleep_lose_no_record) {
    make_history_behind_a_book();
    const auto newer = take();
    const auto before = meaning();
    keep_state();
    bool fresh = false;
    const auto others = [&] {
        // Two nights of another one, which has something of its own to put into a book, while this one sleeps.
        prune_it(*open(), hasty());
        if (fresh) {
            set_tags(*open(), ids[3], {{"night", "two"}}, {});
            prune_it(*open(), hasty());
        }
    };
    for (const bool with_more : {false, true}) {
        fresh = with_more;
        at_each({"put", "remove", "list", "get", "durable"},
                [&](Repository& it) { prune_it(it, hasty()); }, others,
                [&](const std::string& when) {
                    auto now = meaning();
                    if (with_more) {
                        EXPECT_NE(now.find("night=two"), std::string::npos) << when;
                        now.replace(now.find(" night=two"), 10, "");
                    }
                    EXPECT_EQ(now, before) << when;
                    EXPECT_EQ(told({note.record, newer.record}), "") << when;
                    prune_it(*open(), hasty());
                    EXPECT_EQ(count("log/"), 0u) << when;
                    EXPECT_EQ(told({note.record, newer.record}), "") << when;
                });
    }
}

TEST_F(Books, a_collector_that_sleeps_through_a_rotation_of_data_keys_loses_no_record) {
    make_history_behind_a_book();
    const auto newer = take();
    const auto before = meaning();
    keep_state();
    at_each({"put", "remove", "list", "get", "durable"},
            [&](Repository& it) {
                try {
                    prune_it(it, hasty());
                } catch (const KeysChanged&) {
                }
            },
            [&] {
                (void)open()->rotate_data_key();
                EXPECT_TRUE(rekey_it(*open()).is_done);
            },
            [&](const std::string& when) {
                expect_as(before, when);
                EXPECT_EQ(told({note.record, newer.record}), "") << when;
                prune_it(*open(), hasty());
                expect_as(before, when);
                EXPECT_EQ(told({note.record, newer.record}), "") << when;
                EXPECT_EQ(count("log/"), 0u) << when;
            });
}

TEST_F(Books, new_data_keys_reach_them_and_chains_that_go_on_behind_them) {
    write(source() / "one", "1");
    const auto writer = create();
    const auto first = back_up(*writer).snapshot.id;
    prune_it(*open());
    write(source() / "one", "2");
    (void)back_up(*writer);
    set_tags(*open(), first, {{"a", "b"}}, {});
    (void)take();
    const auto before_note = take();
    const auto before = meaning();
    (void)open()->rotate_data_key();
    keep_state();
    const auto counting = std::make_shared<FaultStore>(store(), Faults{});
    EXPECT_TRUE(rekey_it(*Repository::open(counting, vault(), key(), options)).is_done);
    expect_as(before, "");
    EXPECT_EQ(told({before_note.record}, CheckDepth::full), "");
    for (int at = 1; at <= counting->operations(); ++at) {
        bring_state_back();
        const auto when = counting->trace()[static_cast<std::size_t>(at - 1)] + ": ";
        const Faults faults{.stop_at = at, .stop = Faults::Stop::kill};
        ASSERT_EQ(elsewhere(faults, [](Repository& it) { (void)rekey_it(it); }), SIGKILL) << when;
        expect_as(before, when);
        EXPECT_EQ(told({before_note.record}), "") << when;
        const bool is_done = !open()->has_old_data_keys() || rekey_it(*open()).is_done;
        EXPECT_TRUE(is_done) << when;
        expect_as(before, when);
        EXPECT_EQ(told({before_note.record}), "") << when;
        for (const auto& object : blob::list_all(*store(), "")) {
            if (object.name.starts_with("super")) continue;
            EXPECT_EQ(decode_header(blob::get_all(*store(), object.name, 1 << 28), object.name).dek, 2) << when << object.name;
        }
    }
    // A book that cannot be read keeps the old keys.
    bring_state_back();
    flip(objects("book").front());
    const auto totals = rekey_it(*open());
    EXPECT_FALSE(totals.is_done);
    EXPECT_NE(all(totals.problems).find("book/"), std::string::npos);
    EXPECT_TRUE(open()->has_old_data_keys());
}

TEST_F(Books, what_is_taken_away_changed_or_put_back_is_told) {
    make_history();
    keep_state();
    const auto records = objects("log");
    prune_it(*open());
    const auto first = objects("book").front();
    const auto first_bytes = base::read_file(first, 1 << 20);
    const auto newer = take();
    const auto before = meaning();
    copy_tree(repo(), folder / "whole");
    const auto whole = [&] { copy_tree(folder / "whole", repo()); };

    fs::remove(first);
    EXPECT_NE(told().find("deleted: checkpoint 2 saw this sheet of the log, and no book has it any more"), std::string::npos) << told();
    auto lost = take_checkpoint(*open(), {}, {});
    EXPECT_NE(all(lost.problems).find("deleted"), std::string::npos);
    EXPECT_FALSE(lost.is_new);
    EXPECT_TRUE(take_checkpoint(*open(), {.known = {newer.record}, .accept = true}, {}).is_new);
    EXPECT_EQ(told().find("sheet"), std::string::npos) << "once that was accepted";
    whole();
    // Instead of the book the records that had gone into it.
    fs::remove(first);
    copy_tree(folder / "kept/repo/log", repo() / "log");
    EXPECT_NE(told().find("deleted"), std::string::npos);
    whole();
    // Beside it they do no harm, and go.
    copy_tree(folder / "kept/repo/log", repo() / "log");
    EXPECT_EQ(told({newer.record}, CheckDepth::full), "");
    EXPECT_EQ(meaning(), before);
    prune_it(*open(), quick(1000));
    EXPECT_EQ(count("log/"), 0u);
    // But for one in another one's place, which no prune hides.
    copy_tree(folder / "kept/repo/log", repo() / "log");
    fs::copy_file(records.front(), records.back(), fs::copy_options::overwrite_existing);
    EXPECT_NE(told().find("a log record"), std::string::npos);
    whole();
    // Nor another one that whoever has the keys put there.
    const auto place = fs::relative(records.front(), repo()).string();
    write(records.front(), seal_log_record(open()->inside().keys, 0, {}, "damage", clock->now(), damage_body(70, {}, {}), {}));
    const auto fork = base::read_file(records.front(), 1 << 20);
    for (const bool is_pruned : {false, true}) {
        if (is_pruned) prune_it(*open());
        const auto problems = told({newer.record});
        EXPECT_NE(problems.find(place), std::string::npos) << is_pruned << problems;
        EXPECT_NE(problems.find("lies in another one's place"), std::string::npos) << is_pruned << problems;
        EXPECT_EQ(base::read_file(records.front(), 1 << 20), fork) << is_pruned;
    }
    (void)open()->rotate_data_key();
    const auto turned = rekey_it(*open());
    EXPECT_FALSE(turned.is_done);
    EXPECT_NE(all(turned.problems).find(place), std::string::npos);
    fs::remove(records.front());
    EXPECT_TRUE(rekey_it(*open()).is_done);
    EXPECT_EQ(told({newer.record}, CheckDepth::full), "") << "once it is gone";
    expect_as(before, "");
    bring_state_back();
    whole();
    // One that says nothing any more is in the book.
    copy_tree(folder / "kept/repo/log", repo() / "log");
    flip(records.front());
    prune_it(*open());
    EXPECT_EQ(count("log/"), 0u);
    EXPECT_EQ(meaning(), before);
    EXPECT_EQ(told({newer.record}, CheckDepth::full), "");

    for (const auto& harm : {std::function<void()>([&] { flip(first); }), std::function<void()>([&] { fs::resize_file(first, 100); }),
                             std::function<void()>([&] { write(first, ""); })}) {
        harm();
        EXPECT_NE(told().find("book/" + first.filename().string()), std::string::npos);
        EXPECT_EQ(open()->list().size(), 3u) << "snapshots stay, and what was collected stays so";
        whole();
    }

    // A second book into which the first one went; then that one is there again.
    append_damage(20);
    prune_it(*open());
    append_damage(40, 50);
    prune_it(*open());
    ASSERT_EQ(objects("book").size(), 1u);
    EXPECT_FALSE(fs::exists(first));
    const auto last = take();
    const auto now = meaning();
    write(first, first_bytes);
    EXPECT_EQ(told({newer.record, last.record}, CheckDepth::full), "") << "it says what another one says";
    EXPECT_EQ(meaning(), now);
    // But instead of that one it is a rollback.
    const auto second = objects("book");
    for (const auto& path : second)
        if (path != first) fs::remove(path);
    EXPECT_NE(told({last.record}).find("deleted"), std::string::npos);
    // In another one's place.
    for (const auto& path : second)
        if (path != first) fs::copy_file(first, path);
    EXPECT_NE(told({}, CheckDepth::objects).find("are not those its name promises"), std::string::npos);
}

TEST_F(Books, a_record_that_nobody_can_read_stays_what_it_is_and_keeps_no_other_from_its_book) {
    make_history();
    // Whoever has the keys, or a later version, writes what this one does not understand.
    cbor::Writer deep;
    deep.map(1).uint(9);
    for (int i = 0; i < 15; ++i) deep.array(1);
    deep.uint(1);
    const std::string_view broken[] = {"\xa2\x01\x40\x02\x01", "", "\xff"};
    const auto repository = open();
    for (const auto body : broken) (void)append_record(repository->inside(), "tag", base::view_of(body), {});
    (void)append_record(repository->inside(), "tag", deep.data(), {});
    const auto before = meaning();
    for (int night = 0; night < 3; ++night) {
        (void)append_record(open()->inside(), "damage", damage_body(1, {}, {}), {});
        prune_it(*open());
        EXPECT_LE(count("log/"), 4u) << night;
        EXPECT_GE(count("log/"), 3u) << night;
        EXPECT_LE(count("book/"), 2u) << night;
        const auto now = open();
        EXPECT_TRUE(now->inside().annotations.shelf(now->inside().keys, *store(), {})->broken().empty()) << night;
        EXPECT_EQ(meaning(), before) << night;
    }
    EXPECT_EQ(told({note.record}).find("book/"), std::string::npos);
}

TEST_F(Books, a_log_of_any_length_goes_into_books_under_new_keys) {
    write(source() / "one", "1");
    (void)create();
    const auto id = back_up(*open()).snapshot.id;
    set_tags(*open(), id, {{"a", "b"}}, {});
    for (int i = 0; i < 4; ++i) {
        std::vector<Id> packs(60'000);
        for (auto& pack : packs) crypto::fill_random(pack);
        (void)append_record(open()->inside(), "gc-sweep", damage_body(1, {}, packs), {});
    }
    (void)open()->rotate_data_key();
    const auto totals = rekey_it(*open());
    EXPECT_TRUE(totals.is_done) << all(totals.problems);
    EXPECT_GE(count("book/"), 2u);
    EXPECT_EQ(open()->find(id)->tags.size(), 1u);
    EXPECT_EQ(told({}, CheckDepth::full), "");
}

TEST_F(Books, damage_is_mended_by_parity_and_by_copies_and_a_book_that_is_lost_comes_back) {
    make_history();
    const auto over = [&] { return std::make_shared<ParityStore>(store(), Parity::thin); };
    const auto with_parity = [&] { return Repository::open(over(), vault(), key(), options); };
    prune_it(*with_parity());
    const auto before = meaning();
    const auto book = objects("book").front();
    const auto bytes = base::read_file(book, 1 << 20);
    const auto newer = take();
    flip(book);
    EXPECT_NE(told().find("book/"), std::string::npos);
    EXPECT_NE(base::read_file(book, 1 << 20), bytes) << "a check changes nothing";
    EXPECT_EQ(all(repair(*with_parity(), {}, exec::no_progress(), {}).check.problems), "");
    EXPECT_EQ(base::read_file(book, 1 << 20), bytes);
    flip(book);
    EXPECT_EQ(meaning(*with_parity()), before) << "who needs it mends it";
    EXPECT_EQ(base::read_file(book, 1 << 20), bytes);
    fs::remove(book);
    const auto report = with_parity()->check(CheckDepth::objects, exec::no_progress(), {}, false, {newer.record});
    ASSERT_FALSE(report.problems.empty());
    EXPECT_TRUE(report.problems.front().repairable);
    EXPECT_EQ(all(repair(*with_parity(), {}, exec::no_progress(), {}).check.problems), "");
    EXPECT_EQ(base::read_file(book, 1 << 20), bytes);
    EXPECT_EQ(meaning(), before);
}

TEST_F(Books, the_independent_reader_reads_them) {
    if (std::system("/usr/bin/python3 -c 'import cryptography' 2> /dev/null") != 0) GTEST_SKIP() << "needs python3-cryptography";
    make_history();
    const auto writer = open();
    (void)back_up(*writer);
    prune_it(*open());
    (void)back_up(*writer);
    (void)take();
    write(folder / "key", key_bytes);
    const auto reads = [&](const std::string& script, const std::string& out) {
        const auto path = std::filesystem::path(TENON_SOURCE) / "tests/backup" / script;
        const auto command = "/usr/bin/python3 -B " + path.string() + ' ' + repo().string() + ' ' + vault_folder().string() + ' ' + out +
                             " --key-file " + (folder / "key").string() + " > /dev/null";
        return std::system(command.c_str());
    };
    EXPECT_GT(count("log/"), 0u);
    EXPECT_EQ(reads("read_objects.py", ""), 0);
    EXPECT_EQ(reads("read_repo.py", (folder / "out").string()), 0);
    for (const auto& path : objects("log")) fs::remove(path);
    EXPECT_NE(reads("read_objects.py", "2> /dev/null"), 0);
}

class BooksCopies : public CopiesTest {};

TEST_F(BooksCopies, other_stores_have_them_and_a_home_that_is_lost_comes_back_with_what_they_say) {
    auto repository = create_many();
    std::vector<SnapshotId> ids;
    for (int i = 0; i < 3; ++i) {
        write(source() / "changed", std::to_string(i));
        ids.push_back(back_up(*open_many()).snapshot.id);
    }
    repository = open_many();
    (void)catch_up(*repository);
    set_tags(*repository, ids[2], {{"a", "b"}}, {});
    forget(*repository, {ids[0]}, {});
    const auto note = take_checkpoint(*repository, {}, {}).note.value();
    // One of them is away while the records go into a book.
    EXPECT_EQ(problems_of(catch_up(*repository, {.only = {"a"}})), "");
    auto wanted = PruneRequest{};
    wanted.most_records = 1;
    (void)prune(*repository, wanted, exec::no_progress(), {});
    EXPECT_TRUE(blob::list_all(*files("home"), "log/").empty());
    EXPECT_EQ(problems_of(catch_up(*repository)), "");
    for (const auto* name : {"home", "a", "b"}) {
        EXPECT_TRUE(blob::list_all(*files(name), "log/").empty()) << name;
        EXPECT_EQ(blob::list_all(*files(name), "book/").size(), 1u) << name;
        expect_alone(name, 2, "with a book");
    }
    (void)take_checkpoint(*repository, {.known = {note.record}}, {});
    (void)catch_up(*repository);
    damage_all("home", "book");
    repository = open_many();
    EXPECT_EQ(repository->list().size(), 2u);
    EXPECT_EQ(repository->find(ids[2])->tags.size(), 1u) << "from a copy";
    EXPECT_EQ(all(check(*repository).problems), "") << "which has taken the place of the damaged one";
    const auto known = take_checkpoint(*repository, {.known = {note.record}}, {}).note.value().record;
    EXPECT_EQ(problems_of(catch_up(*repository)), "");
    repository.reset();
    lose_home();
    many = many_over(home);
    ASSERT_TRUE(many->is_lost({}));
    repository = Repository::open(many->elsewhere(), vault(), key(), options);
    EXPECT_EQ(repository->list().size(), 2u);
    EXPECT_FALSE(repository->find(ids[0]));
    (void)heal(*many, *repository);
    repository = open_many();
    EXPECT_EQ(all(repository->check(CheckDepth::full, exec::no_progress(), {}, false, {known}).problems), "");
    EXPECT_EQ(repository->list().size(), 2u);
    EXPECT_EQ(repository->find(ids[2])->tags.size(), 1u);
}

}  // namespace
}  // namespace tenon::tests
