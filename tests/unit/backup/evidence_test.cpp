// Checkpoints: what is taken away, put back or replaced is told, with what happened; what is allowed raises no alarm.
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/retention.hpp>
#include <base/file.hpp>

#include "fixture.hpp"

namespace tenon {
namespace {

namespace fs = std::filesystem;
using backup::CheckDepth;

class Evidence : public tests::BackupTest {
protected:
    Evidence() { fill_source(); }

    backup::CheckpointResult accept(backup::Repository& repository, const std::vector<std::string>& known) {
        return backup::take_checkpoint(repository, {.known = known, .accept = true}, {});
    }
    void expect_silence(const std::vector<std::string>& known = {}, CheckDepth depth = CheckDepth::structure) { EXPECT_EQ(told(known, depth), ""); }

    void change_source(int round) {
        write(source() / "folder0/file0", "round " + std::to_string(round));
        write(source() / ("new" + std::to_string(round)), crypto::random_bytes(200'000));
    }
    void forget(backup::Repository& repository, const SnapshotId& id) { backup::forget(repository, {id}, {}); }
    void prune(backup::Repository& repository) {
        backup::prune(repository, {.unused_percent = 0, .look_again = std::chrono::milliseconds(1), .most_records = 4}, exec::no_progress(), {});
    }
    void rekey() {
        open()->rotate_data_key();
        const auto repository = open();
        backup::RekeyRequest request;
        request.look_again = std::chrono::milliseconds(1);
        EXPECT_TRUE(backup::rekey(*repository, request, exec::no_progress(), {}).is_done);
    }
};

TEST_F(Evidence, a_record_says_what_there_is_and_who_signed_it) {
    const auto repository = create();
    back_up(*repository);
    const auto result = backup::take_checkpoint(*repository, {}, {});
    ASSERT_TRUE(result.note);
    EXPECT_TRUE(result.is_new);
    const auto& note = *result.note;
    EXPECT_EQ(note.number, 1u);
    EXPECT_EQ(note.snapshots, 1);
    EXPECT_EQ(note.packs, 2);
    EXPECT_EQ(note.segments, 1);
    EXPECT_EQ(note.chains, 1);
    EXPECT_EQ(note.repository, backup::Repository::id_of(*store()));
    EXPECT_EQ(backup::read_checkpoint(note.record).state, note.state);
    EXPECT_LT(note.record.size(), 1000u);
    const auto again = backup::take_checkpoint(*repository, {.known = {note.record}}, {});
    EXPECT_FALSE(again.is_new) << "nothing has changed";
    EXPECT_EQ(again.note->record, note.record);
    change_source(1);
    back_up(*repository);
    const auto next = take_note(*repository, {note.record});
    EXPECT_EQ(next.number, 2u);
    EXPECT_EQ(next.before, note.hash());
    expect_silence({note.record, next.record}, CheckDepth::full);
}

TEST_F(Evidence, a_record_that_was_changed_or_is_anothers_is_told) {
    const auto repository = create();
    back_up(*repository);
    const auto note = take_note(*repository);
    auto forged = note.record;
    forged.replace(forged.find("holds 1"), 7, "holds 2");
    EXPECT_NE(told({forged}).find("was not signed by this repository"), std::string::npos);
    for (const auto& text : {std::string(), std::string("x"), note.record.substr(1), note.record + "x", note.record.substr(0, 200)})
        EXPECT_THROW((void)told({text}), InvalidArgument) << text;
    // Of a repository that was put in this one's place, with all its keys.
    copy_tree(repo(), folder / "mine");
    copy_tree(vault_folder(), folder / "mine-vault");
    fs::remove_all(repo());
    fs::remove_all(vault_folder());
    const auto other = create();
    back_up(*other);
    take_note(*other);
    EXPECT_NE(told({note.record}).find("swapped: the record is of another repository"), std::string::npos);
}

TEST_F(Evidence, an_older_copy_of_the_whole_repository_is_told_by_any_newer_record) {
    auto repository = create();
    back_up(*repository);
    const auto first = take_note(*repository);
    copy_tree(repo(), folder / "older");
    change_source(1);
    back_up(*repository);
    const auto second = take_note(*repository, {first.record});
    copy_tree(folder / "older", repo());
    expect_silence({first.record}, CheckDepth::full);
    const auto lines = told({second.record});
    EXPECT_NE(lines.find("rolled back: checkpoint 2 is known, and the newest one here is 1"), std::string::npos) << lines;
    repository = open();
    EXPECT_FALSE(backup::compare_past(*repository, {second.record}, {}).empty());
    EXPECT_FALSE(backup::take_checkpoint(*repository, {.known = {second.record}}, {}).note) << "nobody vouches for that";
    // All checkpoints deleted.
    fs::remove_all(repo() / "checkpoint");
    EXPECT_NE(told({second.record}).find("there is no checkpoint here"), std::string::npos);
    expect_silence();  // without a record that shows nothing
}

TEST_F(Evidence, what_was_put_back_on_purpose_is_accepted_and_that_stays_to_be_seen) {
    auto repository = create();
    back_up(*repository);
    const auto first = take_note(*repository);
    copy_tree(repo(), folder / "older");
    change_source(1);
    back_up(*repository);
    const auto second = take_note(*repository);
    change_source(2);
    back_up(*repository);
    const auto third = take_note(*repository);
    copy_tree(folder / "older", repo());
    repository = open();
    const auto accepted = accept(*repository, {third.record});
    ASSERT_TRUE(accepted.note);
    EXPECT_EQ(accepted.note->number, 4u);
    EXPECT_EQ(accepted.note->accepted->number, 3u);
    EXPECT_EQ(accepted.note->accepted->hash, third.hash());
    EXPECT_EQ(accepted.problems.size(), 1u) << "and it says what";
    expect_silence({first.record, accepted.note->record}, CheckDepth::full);
    EXPECT_NE(told({third.record}).find("put back to before checkpoint 3, which checkpoint 4 accepts"), std::string::npos);
    EXPECT_NE(told({second.record}).find("put back to before checkpoint 2, which checkpoint 4 accepts"), std::string::npos);
    change_source(3);
    back_up(*repository);
    EXPECT_EQ(take_note(*repository, {accepted.note->record}).number, 5u) << "and it goes on";
    EXPECT_NE(told({second.record}).find("which checkpoint 4 accepts"), std::string::npos);
}

TEST_F(Evidence, two_copies_that_were_written_on_separately_are_told_apart) {
    const auto repository = create();
    back_up(*repository);
    const auto first = take_note(*repository);
    copy_tree(repo(), folder / "fork");
    change_source(1);
    back_up(*repository);
    const auto mine = take_note(*repository);
    copy_tree(repo(), folder / "mine");
    copy_tree(folder / "fork", repo());
    {
        const auto other = open();
        for (int i = 2; i < 4; ++i) {
            change_source(i);
            back_up(*other);
            take_note(*other);
        }
    }
    const auto lines = told({mine.record});
    EXPECT_NE(lines.find("forked: checkpoint 2 of this repository is another one than the record"), std::string::npos) << lines;
    EXPECT_EQ(told({first.record}), "") << "both went on from there";
    // A single log of the other copy in this one's place.
    copy_tree(repo(), folder / "fork");
    copy_tree(folder / "mine", repo());
    expect_silence({mine.record}, CheckDepth::full);
    const auto heads = objects("log");
    ASSERT_FALSE(heads.empty());
    copy_tree(folder / "fork" / "log", repo() / "log");
    EXPECT_NE(told().find("rolled back: checkpoint 2 saw"), std::string::npos) << told();
}

/// One object after the other is taken away.
TEST_F(Evidence, whatever_is_deleted_is_told) {
    const auto repository = create();
    back_up(*repository);
    change_source(1);
    const auto second = back_up(*repository).snapshot.id;
    backup::set_tags(*repository, second, {{"a", "b"}}, {});
    change_source(2);
    forget(*repository, back_up(*repository).snapshot.id);
    take_note(*repository);
    copy_tree(repo(), folder / "whole");
    expect_silence({}, CheckDepth::full);
    const std::map<std::string, std::string> words{{"snap", "deleted: checkpoint 1 saw this snapshot"},
                                                   {"packs", "deleted: checkpoint 1 saw this pack"},
                                                   {"index", "deleted: checkpoint 1 saw an index of this pack"},
                                                   {"log", "checkpoint 1 saw "}};
    std::size_t tried = 0;
    for (const auto& [below, expected] : words)
        for (const auto& path : objects(below)) {
            copy_tree(folder / "whole", repo());
            fs::remove(path);
            const auto lines = told();
            if (below == "snap" && fs::relative(path, repo() / "snap").string().find(second.text().substr(5)) == std::string::npos && lines.empty())
                continue;  // the forgotten one: it may go
            EXPECT_NE(lines.find(expected), std::string::npos) << path << "\n" << lines;
            ++tried;
        }
    EXPECT_GT(tried, 15u);
    // A snapshot with all that tells of it, so that nothing is missing but to whoever remembers.
    copy_tree(folder / "whole", repo());
    for (const auto& path : objects("log")) fs::remove(path);
    for (const auto& path : objects("snap")) fs::remove(path);
    const auto lines = told();
    EXPECT_NE(lines.find("deleted: checkpoint 1 saw this snapshot"), std::string::npos) << lines;
    EXPECT_NE(lines.find("of this log, and nothing is left of it"), std::string::npos) << lines;
}

TEST_F(Evidence, the_end_of_a_log_cannot_be_cut_off) {
    const auto repository = create();
    back_up(*repository);
    change_source(1);
    back_up(*repository);
    take_note(*repository);
    const auto records = objects("log");
    ASSERT_EQ(records.size(), 4u);
    fs::remove(records.back());
    const auto lines = told();
    EXPECT_NE(lines.find("rolled back: checkpoint 1 saw 4 records of this log, and 3 are there"), std::string::npos) << lines;
}

TEST_F(Evidence, a_forgetting_that_is_undone_is_told) {
    const auto repository = create();
    back_up(*repository);
    change_source(1);
    const auto gone = back_up(*repository).snapshot.id;
    const auto before = objects("log");
    forget(*repository, gone);
    take_note(*repository);
    for (const auto& path : objects("log"))
        if (std::find(before.begin(), before.end(), path) == before.end()) fs::remove(path);
    EXPECT_EQ(open()->list().size(), 2u) << "it is there again";
    EXPECT_NE(told().find("deleted: checkpoint 1 saw 1 records of this log"), std::string::npos) << told();
}

TEST_F(Evidence, what_was_collected_and_is_put_back_is_told) {
    const auto repository = create();
    change_source(1);
    back_up(*repository);
    change_source(2);
    const auto gone = back_up(*repository).snapshot.id;
    fs::remove(source() / "new2");
    change_source(3);
    back_up(*repository);
    copy_tree(repo(), folder / "before");
    forget(*repository, gone);
    prune(*repository);
    take_note(*repository);
    expect_silence({}, CheckDepth::full);
    std::size_t put_back = 0;
    copy_tree(repo(), folder / "after");
    for (const auto* below : {"packs", "index"})
        for (const auto& entry : fs::recursive_directory_iterator(folder / "before" / below)) {
            if (!entry.is_regular_file()) continue;
            const auto there = repo() / fs::relative(entry.path(), folder / "before");
            if (fs::exists(there)) continue;
            fs::create_directories(there.parent_path());
            fs::copy_file(entry.path(), there);
            const auto lines = told();
            EXPECT_NE(lines.find("replayed: checkpoint 1 saw that "), std::string::npos) << there << "\n" << lines;
            fs::remove(there);
            ++put_back;
        }
    EXPECT_GE(put_back, 2u) << "packs, indexes";
    expect_silence({}, CheckDepth::full);
}

TEST_F(Evidence, an_older_vault_and_what_a_rotation_replaced_are_told) {
    auto repository = create();
    back_up(*repository);
    copy_tree(vault_folder(), folder / "old-vault");
    copy_tree(repo(), folder / "old-repo");
    repository->rotate_root();
    repository = open();
    take_note(*repository);
    copy_tree(vault_folder(), folder / "new-vault");
    copy_tree(folder / "old-vault", vault_folder());
    EXPECT_NE(told().find("rolled back: checkpoint 1 saw newer keys"), std::string::npos) << told();
    copy_tree(folder / "new-vault", vault_folder());
    expect_silence({}, CheckDepth::full);

    rekey();
    repository = open();
    take_note(*repository);
    expect_silence({}, CheckDepth::full);
    // What was sealed under retired keys opens nowhere, so it says nothing, wherever it is put.
    for (const auto& entry : fs::recursive_directory_iterator(folder / "old-repo"))
        if (entry.is_regular_file()) {
            const auto there = repo() / fs::relative(entry.path(), folder / "old-repo");
            fs::create_directories(there.parent_path());
            if (!fs::exists(there)) fs::copy_file(entry.path(), there);
        }
    EXPECT_EQ(open()->list().size(), 1u);
    EXPECT_NE(told().find("replayed: checkpoint 2 saw that a collection had taken this pack away"), std::string::npos) << told();
}

TEST_F(Evidence, objects_in_each_others_places_are_told) {
    const auto repository = create();
    back_up(*repository);
    change_source(1);
    back_up(*repository);
    change_source(2);
    back_up(*repository);
    take_note(*repository);
    change_source(3);
    back_up(*repository);
    take_note(*repository);
    copy_tree(repo(), folder / "whole");
    for (const auto* below : {"snap", "index", "packs", "log", "checkpoint"}) {
        copy_tree(folder / "whole", repo());
        const auto paths = objects(below);
        ASSERT_GE(paths.size(), 2u) << below;
        fs::rename(paths[0], folder / "aside");
        fs::rename(paths[1], paths[0]);
        fs::rename(folder / "aside", paths[1]);
        EXPECT_NE(told({}, CheckDepth::full), "") << below;
    }
    copy_tree(folder / "whole", repo());
    const auto marks = objects("checkpoint");
    fs::remove(marks.back());
    fs::copy_file(marks.front(), marks.back());
    EXPECT_NE(told().find("swapped: a checkpoint lies under another one's name"), std::string::npos) << told();
}

TEST_F(Evidence, every_flipped_bit_of_a_checkpoint_is_told) {
    const auto repository = create();
    back_up(*repository);
    take_note(*repository);
    const auto path = objects("checkpoint").at(0);
    const auto whole = base::read_file(path, 1 << 20);
    for (std::size_t bit = 0; bit < whole.size() * 8; bit += 61) {
        auto bytes = whole;
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
        write(path, bytes);
        ASSERT_NE(told(), "") << bit;
    }
    write(path, whole);
    expect_silence();
}

TEST_F(Evidence, everything_that_is_allowed_raises_no_alarm) {
    auto repository = create();
    std::vector<std::string> known;
    std::vector<SnapshotId> taken;
    const auto mark = [&] {
        known.push_back(take_note(*repository, known).record);
        EXPECT_EQ(told(known, CheckDepth::full), "") << known.size();
    };
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 3; ++i) {
            change_source(3 * round + i);
            taken.push_back(back_up(*repository).snapshot.id);
            mark();
        }
        backup::set_tags(*repository, taken.back(), {{"round", std::to_string(round)}}, {});
        mark();
        forget(*repository, taken[taken.size() - 2]);
        mark();
        fs::remove(source() / ("new" + std::to_string(3 * round)));
        prune(*repository);
        mark();
        // Years forth and back.
        clock->advance(std::chrono::hours(24 * 365 * (round == 1 ? -20 : 10)));
        rekey();
        repository = open();
        mark();
        repository->add_classes({"subject " + std::to_string(round)});
        repository = open();
        if (round == 1) repository->shred("subject 0");
        repository = open();
        mark();
    }
    EXPECT_EQ(objects("checkpoint").size(), 2u) << "older ones go";
    EXPECT_EQ(open()->list().size(), 6u);
    // Only the last of the records can say more than the others, and all are in the past.
    expect_silence(known, CheckDepth::full);
}

/// One process does it all and is killed at one of its operations; the next finds nothing to complain about.
TEST_F(Evidence, killed_at_every_store_operation_nothing_raises_an_alarm) {
    auto repository = create();
    std::vector<SnapshotId> taken;
    for (int i = 0; i < 3; ++i) {
        change_source(i);
        taken.push_back(back_up(*repository).snapshot.id);
    }
    forget(*repository, taken[0]);
    const std::vector<std::string> known{take_note(*repository).record};
    repository.reset();
    keep_state();
    change_source(3);
    const auto seal_anew = [](backup::Repository& at) {
        backup::RekeyRequest request;
        request.look_again = std::chrono::milliseconds(1);
        backup::rekey(at, request, exec::no_progress(), {});
        backup::take_checkpoint(at, {}, {});
    };
    const auto change_all = [&](backup::Repository& at) {
        backup::set_tags(at, taken[2], {{"a", "b"}}, {});
        backup::take_checkpoint(at, {}, {});
        at.backup(request(), backup::free_ledger(), exec::no_progress(), {});
        backup::take_checkpoint(at, {}, {});
        try {
            forget(at, taken[1]);
        } catch (const NotFound&) {
            // The killed one did.
        }
        prune(at);
        backup::take_checkpoint(at, {}, {});
    };
    for (const bool rotated : {false, true}) {
        const auto bring_back = [&] {
            bring_state_back();
            if (rotated) open()->rotate_data_key();
        };
        const auto work = [&](backup::Repository& at) { rotated ? seal_anew(at) : change_all(at); };
        bring_back();
        const auto counting = std::make_shared<tests::FaultStore>(store(), tests::Faults{});
        work(*backup::Repository::open(counting, vault(), key(), options));
        const int operations = counting->operations();
        expect_silence(known, CheckDepth::full);
        EXPECT_GT(operations, 30);
        for (int at = 1; at <= operations; at += 2) {
            bring_back();
            ASSERT_EQ(elsewhere({.stop_at = at, .stop = tests::Faults::Stop::kill}, work), SIGKILL) << at;
            // Of the ring's two copies one may have lost the old keys before the other.
            auto problems = open()->check(CheckDepth::structure, exec::no_progress(), {}, false, known).problems;
            std::erase_if(problems, [](const auto& problem) { return problem.message == "the two copies differ"; });
            ASSERT_EQ(all(problems), "") << rotated << ' ' << at;
            const auto next = open();
            ASSERT_NE(take_note(*next, known).record, "") << rotated << ' ' << at;
            work(*next);
            ASSERT_EQ(told(known), "") << rotated << ' ' << at;
        }
    }
}

TEST_F(Evidence, rotations_between_two_checkpoints_take_every_log_along) {
    auto repository = create();
    back_up(*repository);
    change_source(1);
    back_up(*repository);
    const auto note = take_note(*repository);
    for (int i = 0; i < 3; ++i) rekey();
    expect_silence({note.record}, CheckDepth::full);
    // Behind the rotations, too, each record is missed that the checkpoint saw.
    const auto books = objects("book");
    EXPECT_GE(books.size(), 1u);
    std::size_t missed = 0;
    for (const auto& path : books) {
        copy_tree(repo(), folder / "aside");
        fs::remove(path);
        missed += told().find("checkpoint 1 saw") != std::string::npos;
        copy_tree(folder / "aside", repo());
    }
    EXPECT_GE(missed, 1u) << "of both sessions, with their snapshots; and what says why packs have gone";
}

TEST_F(Evidence, writers_prunes_and_checkpoints_at_once_raise_no_alarm) {
    create();
    std::atomic<int> left{2};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    std::vector<std::string> known;
    std::string lines;
    const auto say = [&](const std::string& text) {
        const std::lock_guard lock(mutex);
        lines += text;
        failed = true;
    };
    const auto guard = [&](const std::function<void()>& work) {
        try {
            work();
        } catch (const backup::KeysChanged&) {
        } catch (const Unavailable&) {
        } catch (const Conflict&) {
        } catch (const Error& error) {
            say(std::string("threw: ") + error.what() + ", " + error.subject() + "\n");
        }
    };
    // Whose keys are being rotated just now.
    const auto open_soon = [&] {
        for (;;) {
            try {
                return open();
            } catch (const NotFound&) {
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        for (int w = 0; w < 2; ++w)
            threads.emplace_back([&, w] {
                for (int i = 0; i < 8 && !failed; ++i)
                    guard([&] {
                        const auto repository = open_soon();
                        write(folder / ("other" + std::to_string(w)) / "file", crypto::random_bytes(100'000));
                        const auto path = folder / ("other" + std::to_string(w));
                        const backup::BackupRequest wanted{.name = "w" + std::to_string(w), .sources = {{.name = "", .path = path}}};
                        const auto id = repository->backup(wanted, backup::free_ledger(), exec::no_progress(), {}).snapshot.id;
                        if (i % 2 == 0) forget(*repository, id);
                    });
                --left;
            });
        threads.emplace_back([&] {
            while (left > 0 && !failed) guard([&] { prune(*open_soon()); });
        });
        threads.emplace_back([&] {
            for (int i = 0; i < 2 && !failed; ++i)
                guard([&] {
                    open_soon()->rotate_data_key();
                    backup::RekeyRequest request;
                    request.look_again = std::chrono::milliseconds(1);
                    backup::rekey(*open_soon(), request, exec::no_progress(), {});
                });
        });
        for (int c = 0; c < 2; ++c)
            threads.emplace_back([&] {
                while (left > 0 && !failed)
                    guard([&] {
                        const auto repository = open_soon();
                        std::vector<std::string> mine;
                        {
                            const std::lock_guard lock(mutex);
                            mine = known;
                        }
                        const auto result = backup::take_checkpoint(*repository, {.known = mine}, {});
                        if (!result.problems.empty()) say(all(result.problems));
                        if (!result.note) return;
                        const std::lock_guard lock(mutex);
                        known.push_back(result.note->record);
                    });
            });
    }
    EXPECT_FALSE(failed) << lines;
    EXPECT_GT(known.size(), 3u);
    expect_silence(known, CheckDepth::full);
}

}  // namespace
}  // namespace tenon
