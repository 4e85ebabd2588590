// Checkpoints: what happens to sleepers, beside rotations, in power cuts and to damaged objects is no tampering.
#include <map>
#include <set>
#include <string>
#include <vector>

#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/retention.hpp>
#include <base/file.hpp>
#include <hook_store.hpp>

#include "fixture.hpp"
#include "repository_impl.hpp"
#include "snapshot.hpp"

namespace tenon {
namespace {

namespace fs = std::filesystem;
using backup::CheckDepth;
using tests::HookStore;

class EvidenceCalm : public tests::BackupTest {
protected:
    EvidenceCalm() { fill_source(); }

    std::string tampering(const std::vector<std::string>& known) {
        auto problems = open()->check(CheckDepth::structure, exec::no_progress(), {}, false, known).problems;
        std::erase_if(problems, [](const auto& each) { return !each.tampered; });
        return all(problems);
    }
    fs::path checkpoint(int number) const { return repo() / backup::checkpoint_name(static_cast<std::uint64_t>(number)); }
    void change_source(int round) { write(source() / ("new" + std::to_string(round)), crypto::random_bytes(100'000)); }
    void rekey() {
        const auto repository = open();
        EXPECT_TRUE(backup::rekey(*repository, quick(), exec::no_progress(), {}).is_done);
    }
    static backup::RekeyRequest quick() {
        backup::RekeyRequest request;
        request.look_again = std::chrono::milliseconds(1);
        return request;
    }
    void prune(backup::Repository& repository) {
        backup::prune(repository, {.unused_percent = 0, .look_again = std::chrono::milliseconds(1), .most_records = 4}, exec::no_progress(), {});
    }
    std::shared_ptr<HookStore> hooked() const { return std::make_shared<HookStore>(store()); }
    std::unique_ptr<backup::Repository> open(const std::shared_ptr<blob::Store>& at) { return backup::Repository::open(at, vault(), key(), options); }
    using BackupTest::open;
};

TEST_F(EvidenceCalm, many_rotations_without_a_rekeying_between_them_lose_no_log) {
    auto repository = create();
    back_up(*repository);
    change_source(1);
    back_up(*repository);
    const auto note = take_note(*repository);
    for (int i = 0; i < 14; ++i) open()->rotate_data_key();
    rekey();
    EXPECT_EQ(told({note.record}), "");
    const auto books = objects("book");
    ASSERT_EQ(books.size(), 1u);
    fs::remove(books.front());
    EXPECT_NE(told().find("checkpoint 1 saw 4 records of this log"), std::string::npos) << "and its records are missed, by its name of then";
}

TEST_F(EvidenceCalm, as_many_finished_rekeyings_without_a_checkpoint_lose_no_log_either) {
    auto repository = create();
    back_up(*repository);
    const auto note = take_note(*repository);
    for (int i = 0; i < 14; ++i) {
        open()->rotate_data_key();
        rekey();
    }
    EXPECT_EQ(told({note.record}), "");
}

/// Records of an earlier version do not say what their chains were called.
TEST_F(EvidenceCalm, logs_that_an_earlier_version_has_carried_over_are_found_again) {
    auto repository = create();
    back_up(*repository);
    const auto note = take_note(*repository);
    for (int i = 0; i < 16; ++i) {
        open()->rotate_data_key();
        if (i == 9) rekey();
    }
    rekey();
    repository = open();
    const auto& keys = repository->inside().keys;
    std::map<fs::path, backup::Id> heads;
    for (const auto& path : objects("log")) {
        const auto name = fs::relative(path, repo()).string();
        const auto record = backup::open_log_record(keys, base::read_file(path, 1 << 20), name);
        const auto bare = backup::seal_log_record(keys, record.seq, heads[path.parent_path()], record.type, record.stored, record.body);
        heads[path.parent_path()] = crypto::sha256(bare);
        write(path, bare);
    }
    EXPECT_EQ(tampering({note.record}), "");
}

/// It sleeps before its put, through a rotation and a whole re-keying, and another one's checkpoint takes the place.
TEST_F(EvidenceCalm, a_checkpoint_of_another_one_in_the_place_of_ones_own_is_never_taken_for_it) {
    back_up(*create());
    const auto at = hooked();
    const auto sleeper = open(at);
    int slept = 0;
    at->before = [&](const std::string& what, const std::string& name) {
        if (what != "put" || name != "checkpoint/00000001" || slept++ > 0) return;
        open()->rotate_data_key();
        rekey();
    };
    std::string theirs;
    at->after = [&](const std::string& what, const std::string& name) {
        if (what != "put" || name != "checkpoint/00000001" || !theirs.empty()) return;
        change_source(1);
        const auto other = open();
        back_up(*other);
        theirs = take_note(*other).record;
    };
    const auto mine = backup::take_checkpoint(*sleeper, {}, {});
    ASSERT_TRUE(mine.note);
    ASSERT_FALSE(theirs.empty());
    EXPECT_EQ(told({mine.note->record, theirs}), "");
}

TEST_F(EvidenceCalm, what_is_put_anew_while_a_prune_removes_it_stays) {
    auto repository = create();
    back_up(*repository);
    take_note(*repository);
    const auto old = base::read_file(checkpoint(1), 1 << 20);
    open()->rotate_data_key();
    rekey();
    take_note(*open());
    const auto fresh = base::read_file(checkpoint(2), 1 << 20);
    write(checkpoint(7), old);  // by one who slept
    const auto at = hooked();
    at->before = [&](const std::string& what, const std::string& name) {
        if (what == "remove" && name == "checkpoint/00000007") write(checkpoint(7), fresh);  // and who wakes up right now
    };
    prune(*open(at));
    EXPECT_EQ(base::read_file(checkpoint(7), 1 << 20), fresh);
    write(checkpoint(7), old);
    prune(*open());
    EXPECT_FALSE(fs::exists(checkpoint(7)));
}

/// A record that was put under the old key behind the re-keying's last look, seen by a checkpoint, and its writer dies right then.
TEST_F(EvidenceCalm, what_comes_between_the_last_look_and_the_retirement_is_carried_over) {
    for (const bool before_the_lock : {true, false}) {
        fs::remove_all(repo());
        fs::remove_all(vault_folder());
        auto repository = create();
        const auto kept = back_up(*repository).snapshot.id;
        const auto at = hooked();
        const auto sleeper = open(at);
        std::vector<std::string> known;
        at->before = [&](const std::string& what, const std::string& name) {
            if (what != "put" || !name.starts_with("log/") || !known.empty()) return;
            known.push_back("");
            open()->rotate_data_key();
            auto request = quick();
            const auto put_and_die = [&] {
                if (known.size() > 1) return;
                // Its record, as it lies in its hands: under the old key.
                const auto body = backup::forget_body({kept});
                const auto& keys = sleeper->inside().keys;
                blob::put_bytes(*store(), name, backup::seal_log_record(keys, 0, {}, "forget", clock->now(), body));
                known.push_back(take_note(*open()).record);
            };
            const auto rekeyer = hooked();
            request.with_keys = [&](const std::function<void()>& work) {
                if (before_the_lock) put_and_die();
                work();
            };
            // Inside of the lock: behind the last look at checkpoint/, which is the last one of all.
            bool in_lock = false;
            if (!before_the_lock) {
                request.with_keys = [&](const std::function<void()>& work) {
                    in_lock = true;
                    work();
                };
                rekeyer->after = [&](const std::string& op, const std::string& prefix) {
                    if (in_lock && op == "list" && prefix == "checkpoint/") put_and_die();
                };
            }
            EXPECT_TRUE(backup::rekey(*open(rekeyer), request, exec::no_progress(), {}).is_done);
            throw Unavailable("the sleeper dies");
        };
        EXPECT_THROW(backup::forget(*sleeper, {kept}, {}), Unavailable);
        ASSERT_EQ(known.size(), 2u) << before_the_lock;
        EXPECT_EQ(told({known[1]}), "") << before_the_lock;
    }
}

TEST_F(EvidenceCalm, a_checkpoint_under_an_older_data_key_is_not_remembered) {
    auto repository = create();
    back_up(*repository);
    const auto note = take_note(*repository);
    EXPECT_EQ(backup::checkpoint_to_remember(*open(), {}).value().record, note.record);
    open()->rotate_data_key();
    EXPECT_FALSE(backup::checkpoint_to_remember(*open(), {})) << "its writer may have slept, and it may vanish";
    rekey();
    EXPECT_EQ(backup::checkpoint_to_remember(*open(), {}).value().record, note.record) << "it was sealed anew";
}

TEST_F(EvidenceCalm, whoever_goes_on_writing_keeps_nobody_from_comparing) {
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    take_note(*repository);
    const auto at = hooked();
    const auto writer = open();
    int count = 0;
    at->after = [&](const std::string& what, const std::string& prefix) {
        if (what == "list" && prefix == "packs/") backup::set_tags(*writer, id, {{"n", std::to_string(++count)}}, {});
    };
    const auto beside = open(at);
    EXPECT_NO_THROW(take_note(*beside));
    const auto report = beside->check(CheckDepth::structure, exec::no_progress(), {});
    EXPECT_EQ(all(report.problems), "");
    EXPECT_LT(count, 40);
    at->after = [](const std::string&, const std::string&) {};
    take_note(*beside);
    EXPECT_EQ(told(), "");
}

/// Packs come and go without a reason that anybody could find, faster than it looks.
TEST_F(EvidenceCalm, a_check_that_cannot_compare_says_so_and_has_checked_all_else) {
    auto repository = create();
    back_up(*repository);
    take_note(*repository);
    const auto at = hooked();
    fs::path last;
    at->after = [&](const std::string& what, const std::string& prefix) {
        if (what != "list" || prefix != "packs/") return;
        if (!last.empty()) fs::remove(last);
        const auto sha = crypto::sha256(crypto::random_bytes(8));
        last = repo() / backup::pack_name(sha);
        write(last, "x");
    };
    const auto report = open(at)->check(CheckDepth::structure, exec::no_progress(), {});
    ASSERT_EQ(report.problems.size(), 1u) << all(report.problems);
    EXPECT_TRUE(report.problems[0].message.starts_with("not compared: ")) << report.problems[0].message;
    EXPECT_FALSE(report.problems[0].tampered);
    EXPECT_EQ(report.snapshots, 1);
}

TEST_F(EvidenceCalm, a_newest_checkpoint_that_cannot_be_read_is_damage_and_the_next_one_takes_its_place) {
    for (const int count : {1, 2, 3}) {
        fs::remove_all(repo());
        fs::remove_all(vault_folder());
        auto repository = create();
        std::vector<std::string> known;
        for (int i = 0; i < count; ++i) {
            change_source(i);
            back_up(*repository);
            known.push_back(take_note(*repository, known).record);
        }
        flip(checkpoint(count));
        const auto lines = told(known);
        EXPECT_NE(lines.find("this checkpoint cannot be read"), std::string::npos) << lines;
        EXPECT_EQ(tampering(known), "") << "what there is is what it saw";
        EXPECT_TRUE(backup::compare_past(*open(), {known.back()}, {}).empty()) << "nothing is in a backup's way";
        const auto result = backup::take_checkpoint(*open(), {.known = {known.back()}}, {});
        ASSERT_TRUE(result.note) << all(result.problems);
        EXPECT_TRUE(result.doubts.empty()) << all(result.doubts);
        EXPECT_EQ(result.note->number, static_cast<std::uint64_t>(count) + 1);
        EXPECT_EQ(result.note->before, backup::read_checkpoint(known.back()).hash());
        known.push_back(result.note->record);
        EXPECT_EQ(told(known), "") << "all of them are in the past, that one too";
    }
}

TEST_F(EvidenceCalm, one_after_the_other_that_cannot_be_read_is_still_in_the_past) {
    auto repository = create();
    std::vector<std::string> known;
    for (int i = 0; i < 2; ++i) {
        change_source(i);
        back_up(*repository);
        known.push_back(take_note(*repository, known).record);
    }
    for (int number = 2; number < 4; ++number) {  // of three in a row nobody would know what was before the last
        flip(checkpoint(number));
        const auto result = backup::take_checkpoint(*open(), {.known = {known.back()}}, {});
        ASSERT_TRUE(result.note) << all(result.problems);
        EXPECT_TRUE(result.doubts.empty());
        known.push_back(result.note->record);
        ASSERT_EQ(told(known), "") << number;
    }
}

TEST_F(EvidenceCalm, a_newest_checkpoint_that_cannot_be_read_and_changes_behind_it_stop_nobody_and_are_told) {
    auto repository = create();
    back_up(*repository);
    const auto first = take_note(*repository);
    change_source(1);
    back_up(*repository);
    const auto second = take_note(*repository, {first.record});
    change_source(2);
    back_up(*repository);
    flip(checkpoint(2));
    EXPECT_TRUE(backup::compare_past(*open(), {second.record}, {}).empty());
    EXPECT_NE(tampering({second.record}).find("it may have been spoiled to hide"), std::string::npos);
    const auto result = backup::take_checkpoint(*open(), {.known = {second.record}}, {});
    ASSERT_TRUE(result.note) << all(result.problems);
    EXPECT_EQ(result.doubts.size(), 1u);
    EXPECT_EQ(told({first.record, second.record, result.note->record}), "");
}

TEST_F(EvidenceCalm, a_newest_checkpoint_that_is_spoiled_hides_no_rollback) {
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    const auto first = take_note(*repository);
    copy_tree(repo(), folder / "older");
    backup::set_tags(*repository, id, {{"a", "b"}}, {});
    const auto second = take_note(*repository);
    change_source(2);
    back_up(*repository);
    const auto third = take_note(*repository);
    // Missing is missing.
    copy_tree(repo(), folder / "whole");
    fs::remove(checkpoint(3));
    EXPECT_NE(tampering({third.record}).find("rolled back: checkpoint 3 is known, and the newest one here is 2"), std::string::npos);
    EXPECT_FALSE(backup::take_checkpoint(*open(), {.known = {third.record}}, {}).note);
    // An older copy with something that has the newest one's name.
    copy_tree(folder / "older", repo());
    write(checkpoint(3), "nothing");
    EXPECT_NE(tampering({third.record}).find("rolled back: checkpoint 3 is known, it cannot be read"), std::string::npos) << told({third.record});
    EXPECT_FALSE(backup::compare_past(*open(), {third.record}, {}).empty());
    EXPECT_FALSE(backup::take_checkpoint(*open(), {.known = {third.record}}, {}).note);
    copy_tree(folder / "older", repo());
    fs::copy_file(folder / "whole" / "checkpoint" / "00000003", checkpoint(2));
    EXPECT_NE(tampering({second.record}).find("rolled back: checkpoint 2 is known, it cannot be read"), std::string::npos) << "a record is missing";
    const auto accepted = backup::take_checkpoint(*open(), {.known = {third.record}, .accept = true}, {});
    ASSERT_TRUE(accepted.note);
    EXPECT_EQ(accepted.note->accepted->number, 3u);
    EXPECT_EQ(told({first.record, accepted.note->record}), "");
}

TEST_F(EvidenceCalm, a_checkpoint_that_is_spoiled_while_one_takes_the_next_stops_nobody) {
    auto repository = create();
    back_up(*repository);
    take_note(*repository);
    change_source(1);
    back_up(*repository);
    const auto at = hooked();
    bool done = false;
    at->after = [&](const std::string& what, const std::string& name) {
        if (what == "put" && name == "checkpoint/00000002" && !std::exchange(done, true)) write(checkpoint(3), "nothing");
    };
    const auto result = backup::take_checkpoint(*open(at), {}, {});
    ASSERT_TRUE(result.note) << all(result.problems);
    EXPECT_EQ(result.note->number, 4u);
    EXPECT_EQ(told({result.note->record}), "");
}

TEST_F(EvidenceCalm, a_forgotten_snapshot_that_a_sleeper_puts_back_is_no_alarm) {
    auto repository = create();
    change_source(1);
    const auto gone = back_up(*repository).snapshot.id;
    fs::remove(source() / "new1");
    change_source(2);
    back_up(*repository);
    copy_tree(repo() / "snap", folder / "snapshots");
    backup::forget(*repository, {gone}, {});
    prune(*repository);
    const auto note = take_note(*repository);
    copy_tree(folder / "snapshots", repo() / "snap");
    EXPECT_EQ(open()->list().size(), 1u);
    EXPECT_EQ(told({note.record}), "");
    EXPECT_TRUE(backup::take_checkpoint(*open(), {.known = {note.record}}, {}).note);
    prune(*repository);
    EXPECT_EQ(objects("snap").size(), 1u);
}

/// What others did shows before it survives a power cut: a checkpoint names nothing that could vanish with one.
TEST_F(EvidenceCalm, whatever_a_checkpoint_names_is_made_durable_before_it) {
    auto repository = create();
    back_up(*repository);
    take_note(*repository);
    change_source(1);
    const auto gone = back_up(*repository).snapshot.id;
    take_note(*repository);
    const auto packs = objects("packs");
    const auto logs = objects("log");
    fs::remove(source() / "new1");
    change_source(2);
    back_up(*repository);
    backup::forget(*repository, {gone}, {});
    prune(*repository);
    std::set<std::string> places{"snap/", "index/"};
    const auto add = [&](const std::vector<fs::path>& before, const std::vector<fs::path>& now) {
        std::vector<fs::path> differ;
        std::set_symmetric_difference(before.begin(), before.end(), now.begin(), now.end(), std::back_inserter(differ));
        for (const auto& path : differ) places.insert(fs::relative(path.parent_path(), repo()).string() + '/');
    };
    add(packs, objects("packs"));
    add(logs, objects("log"));
    ASSERT_GE(places.size(), 6u);
    const auto at = hooked();
    std::set<std::string> durable;
    bool put = false;
    at->before = [&](const std::string& what, const std::string& name) {
        if (what == "durable") durable.insert(name);
        if (what != "put" || !name.starts_with("checkpoint/")) return;
        put = true;
        EXPECT_TRUE(std::includes(durable.begin(), durable.end(), places.begin(), places.end()));
    };
    take_note(*open(at));
    EXPECT_TRUE(put);
    durable.clear();
    EXPECT_TRUE(backup::checkpoint_to_remember(*open(at), {}));
    EXPECT_EQ(durable, std::set<std::string>{"checkpoint/00000003"}) << "nor does anybody remember one that could";
}

}  // namespace
}  // namespace tenon
