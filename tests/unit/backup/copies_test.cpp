// A repository with copies in other stores: what is lost or damaged in one is read from another, what was removed comes from none.
#include "copies_fixture.hpp"

#include <backup/retention.hpp>

namespace tenon::tests {
namespace {

using namespace backup;
using Mood = MoodyStore::Mood;

class Copies : public CopiesTest {
protected:
    /// What a check finds in full, with this record in mind.
    static std::string check_against(Repository& repository, const std::string& known) {
        return all(repository.check(CheckDepth::full, exec::no_progress(), {}, false, {known}).problems);
    }
};

TEST_F(Copies, each_store_is_a_whole_repository) {
    auto repository = create_many();
    back_up(*repository);
    write(source() / "more", "more");
    const auto id = back_up(*repository).snapshot.id;
    EXPECT_EQ(problems_of(catch_up(*repository)), "");
    for (const auto* name : {"home", "a", "b"}) expect_alone(name, 2);
    auto alone = Repository::open(files("b"), vault(), key(), options);
    expect_restores(*alone, id);
    EXPECT_EQ(all(check(*repository).problems), "") << "the objects that bury are known to a check";
}

TEST_F(Copies, a_restore_goes_on_whatever_the_home_does_with_its_packs) {
    auto repository = create_many();
    const auto id = back_up(*repository).snapshot.id;
    catch_up(*repository);
    std::filesystem::rename(repo() / "packs", folder / "packs-lost");
    expect_restores(*repository, id, "packs are missing");
    EXPECT_TRUE(std::filesystem::exists(repo() / "packs")) << "and are back";
    damage_all("home", "packs");
    repository = open_many();
    expect_restores(*repository, id, "packs are damaged");
    expect_alone("home", 1, "mended on the way");
    damage_all("home", "packs");
    damage_all("a", "packs");
    repository = open_many();
    expect_restores(*repository, id, "in two stores");
    damage_all("home", "index");
    damage_all("home", "snap");
    repository = open_many();
    expect_restores(*repository, id, "index and snapshot are damaged");
    expect_alone("home", 1);
}

TEST_F(Copies, a_restore_goes_on_elsewhere_when_the_home_stalls_or_is_lost) {
    auto repository = create_many();
    const auto id = back_up(*repository).snapshot.id;
    catch_up(*repository);
    for (const auto mood : {Mood::stalling, Mood::away}) {
        home->be(mood);
        auto away = Repository::open(many->elsewhere(), vault(), key(), options);
        expect_restores(*away, id);
        EXPECT_THROW(back_up(*away), Unavailable);
        EXPECT_THROW(prune_all(*away), Unavailable);
        home->be(Mood::well);
    }
    a->be(Mood::stalling);
    lose_home();
    many = many_over(home);
    EXPECT_THROW(Repository::open(many, vault(), key(), options), Error) << "what is not whole is not opened";
    a->be(Mood::well);
    EXPECT_TRUE(many->is_lost({}));
    auto away = Repository::open(many->elsewhere(), vault(), key(), options);
    expect_restores(*away, id);
    heal(*many, *away);
    expect_alone("home", 1);
    repository = open_many();
    back_up(*repository);
    EXPECT_EQ(problems_of(catch_up(*repository)), "");
    for (const auto* name : {"home", "a", "b"}) expect_alone(name, 2);
}

TEST_F(Copies, a_check_repairs_every_kind_of_object_from_another_store) {
    auto repository = create_many();
    back_up(*repository);
    const auto id = back_up(*repository).snapshot.id;
    catch_up(*repository);
    for (const auto* kind : {"packs", "index", "snap", "log"}) damage_all("home", kind);
    damage_all("a", "log");
    std::filesystem::remove(repo() / "super");
    repository = open_many();
    const auto before = check(*repository);
    EXPECT_NE(all(before.problems), "");
    const auto report = repository->check(CheckDepth::full, exec::no_progress(), {}, true);
    EXPECT_EQ(all(report.problems), "");
    EXPECT_GE(report.mended, 1);
    expect_alone("home", 2);
    expect_restores(*repository, id);
    std::filesystem::remove(*std::filesystem::directory_iterator(repo() / "snap"));
    EXPECT_EQ(repository->list().size(), 1u);
    EXPECT_EQ(catch_up(*repository, {.heal = true}).home.healed_objects, 1);
    EXPECT_EQ(repository->list().size(), 2u);
}

TEST_F(Copies, what_a_prune_removed_while_a_store_was_away_is_removed_there_and_never_comes_back) {
    auto repository = create_many();
    const auto gone = back_up(*repository).snapshot.id;
    std::filesystem::remove(source() / "long.bin");
    write(source() / "other.bin", crypto::random_bytes(300'000));
    const auto stays = back_up(*repository).snapshot.id;
    catch_up(*repository);
    a->be(Mood::away);
    forget(*repository, {gone}, {});
    const auto weighed = [&] {
        std::int64_t total = 0;
        for (const auto& object : blob::list_all(home->inner(), "")) total += static_cast<std::int64_t>(object.size);
        return total;
    };
    const auto before = weighed();
    const auto totals = prune_all(*repository);
    EXPECT_GE(totals.packs_removed + totals.packs_rewritten, 1);
    EXPECT_EQ(before - weighed(), totals.bytes_freed) << "what it took to bury is counted";
    catch_up(*repository);
    a->be(Mood::well);
    repository = open_many();
    EXPECT_EQ(repository->list().size(), 1u);
    const auto report = catch_up(*repository, {.heal = true});
    EXPECT_EQ(problems_of(report), "");
    EXPECT_EQ(report.home.healed_objects, 0);
    for (const auto* name : {"home", "a", "b"}) {
        expect_alone(name, 1);
        EXPECT_EQ(blob::list_all(*files(name), "snap/").size(), 1u) << name;
        EXPECT_EQ(blob::list_all(*files(name), "packs/").size(), blob::list_all(*files("home"), "packs/").size()) << name;
    }
    expect_restores(*repository, stays);
}

TEST_F(Copies, what_was_erased_while_a_store_was_away_reads_as_erased_from_there_too) {
    auto repository = create_many();
    repository->add_classes({"user-1"});
    repository = open_many();
    auto wanted = request();
    wanted.classes = {{"folder1", "user-1"}};
    const auto id = back_up(*repository, wanted).snapshot.id;
    catch_up(*repository);
    a->be(Mood::away);
    repository->shred("user-1");
    a->be(Mood::well);
    std::filesystem::remove_all(repo());
    std::filesystem::create_directories(repo());
    auto away = Repository::open(many_over(files("home"))->elsewhere(), vault(), key(), options);
    std::filesystem::remove_all(folder / "out");
    restore(*away, id, "out");
    EXPECT_FALSE(std::filesystem::exists(folder / "out/folder1/1"));
    EXPECT_TRUE(std::filesystem::exists(folder / "out/folder0/0"));
}

TEST_F(Copies, a_home_that_comes_back_from_its_copies_has_their_checkpoint_and_nothing_to_accept) {
    auto repository = create_many();
    back_up(*repository);
    (void)take_checkpoint(*repository, {}, {});
    write(source() / "more", "more");
    const auto id = back_up(*repository).snapshot.id;
    const auto known = take_checkpoint(*repository, {}, {}).note.value().record;
    EXPECT_EQ(problems_of(catch_up(*repository)), "");
    EXPECT_EQ(check_against(*repository, known), "");

    repository.reset();
    lose_home();
    many = many_over(home);
    ASSERT_TRUE(many->is_lost({}));
    repository = Repository::open(many->elsewhere(), vault(), key(), options);
    EXPECT_EQ(check_against(*repository, known), "") << "it shows while only the others are there";
    (void)heal(*many, *repository);
    repository = open_many();
    EXPECT_EQ(check_against(*repository, known), "");
    EXPECT_EQ(newest_checkpoint(*repository, {}).value().record, known);
    expect_restores(*repository, id);
    back_up(*repository);
    EXPECT_TRUE(take_checkpoint(*repository, {.known = {known}}, {}).note) << "it goes on from there";
}

TEST_F(Copies, what_was_taken_from_the_home_alone_is_told_by_the_others_and_comes_back) {
    auto repository = create_many();
    back_up(*repository);
    (void)take_checkpoint(*repository, {}, {});
    const auto before = folder / "before";
    std::filesystem::copy(repo(), before, std::filesystem::copy_options::recursive);
    write(source() / "more", "more");
    const auto id = back_up(*repository).snapshot.id;
    const auto known = take_checkpoint(*repository, {}, {}).note.value().record;
    EXPECT_EQ(problems_of(catch_up(*repository)), "");
    repository.reset();
    std::filesystem::remove_all(repo());
    std::filesystem::rename(before, repo());
    home = std::make_shared<MoodyStore>(files("home"));
    repository = open_many();
    EXPECT_EQ(repository->list().size(), 1u);
    EXPECT_NE(check_against(*repository, known), "") << "an older state of the home's own store was put in place";
    EXPECT_NE(problems_of(catch_up(*repository)).find("later checkpoint"), std::string::npos) << "also without any record";
    EXPECT_EQ(problems_of(catch_up(*repository, {.heal = true})), "");
    EXPECT_EQ(repository->list().size(), 2u);
    EXPECT_EQ(check_against(*repository, known), "");
    expect_restores(*repository, id);
}

/// Two homes, of which one was put back or copied, each wrote a checkpoint of that number, and each has a store.
TEST_F(Copies, a_store_that_another_home_has_written_to_is_told_and_left_as_it_is_until_somebody_accepts) {
    for (const bool goes_on : {false, true}) {
        for (const auto* name : {"home", "a", "b"}) std::filesystem::remove_all(place(name));
        std::filesystem::remove_all(vault_folder());
        renew_stores();
        auto repository = create_many();
        back_up(*repository);
        (void)take_checkpoint(*repository, {}, {});
        EXPECT_EQ(problems_of(catch_up(*repository)), "");
        const auto before = folder / "before";
        copy_tree(repo(), before);
        // This home has b within its reach and no longer a.
        write(source() / "mine", "mine");
        back_up(*repository);
        const auto mine = take_checkpoint(*repository, {}, {}).note.value().record;
        EXPECT_EQ(problems_of(catch_up(*repository, {.only = {"b"}})), "");
        repository.reset();
        // The other one has a.
        std::filesystem::remove_all(repo());
        std::filesystem::rename(before, repo());
        home = std::make_shared<MoodyStore>(files("home"));
        repository = open_many();
        write(source() / "theirs", "theirs");
        const auto id = back_up(*repository).snapshot.id;
        auto theirs = take_checkpoint(*repository, {}, {}).note.value().record;
        if (goes_on) {
            back_up(*repository);
            theirs = take_checkpoint(*repository, {}, {}).note.value().record;
        }
        EXPECT_EQ(problems_of(catch_up(*repository, {.only = {"a"}})), "");
        // Now both are there.
        const auto objects_of_b = [&] {
            std::set<std::string> names;
            for (const auto& object : blob::list_all(*files("b"), "", {})) names.insert(object.name + ' ' + object.tag);
            return names;
        };
        const auto as_it_was = objects_of_b();
        for (int tried = 0; tried < 2; ++tried) {
            const auto report = catch_up(*repository);
            EXPECT_NE(problems_of(report).find("b: forked: its checkpoint 2 is another one than that of the home's own store"), std::string::npos)
                << problems_of(report);
            EXPECT_EQ(std::ranges::count_if(report.others, &blob::StoreState::forked), 1);
            EXPECT_EQ(report.whole(), 1);
        }
        EXPECT_EQ(objects_of_b(), as_it_was);
        // What is here is right.
        const auto found = many->checkpoints_elsewhere({});
        std::vector<std::string> known;
        for (const auto& [name, bytes] : found)
            if (!backup::contradiction_of(*repository, name, bytes, {}).empty()) known.push_back(backup::record_in(*repository, name, bytes));
        EXPECT_EQ(known, std::vector{mine});
        const auto accepted = take_checkpoint(*repository, {.known = known, .accept = true}, {});
        ASSERT_TRUE(accepted.note);
        EXPECT_EQ(accepted.note->accepted->hash, backup::read_checkpoint(mine).hash());
        EXPECT_EQ(problems_of(catch_up(*repository)), "");
        EXPECT_EQ(problems_of(catch_up(*repository)), "");
        expect_restores(*repository, id);
        EXPECT_EQ(all(check(*Repository::open(files("b"), vault(), key(), options)).problems), "");
        // The other one of the two sees that it was given up; what only it had taken comes along where that is asked for.
        EXPECT_NE(check_against(*repository, mine).find("forked: checkpoint 2"), std::string::npos);
        const auto snapshots = repository->list().size();
        EXPECT_EQ(problems_of(catch_up(*repository, {.heal = true})), "");
        repository = open_many();
        EXPECT_EQ(repository->list().size(), snapshots + 1);
        EXPECT_EQ(all(check(*repository).problems), "");
    }
}

TEST_F(Copies, killed_at_every_operation_of_a_forget_and_prune_all_stores_agree_afterwards) {
    auto repository = create_many();
    const auto gone = back_up(*repository).snapshot.id;
    std::filesystem::remove(source() / "long.bin");
    write(source() / "other.bin", crypto::random_bytes(50'000));
    const auto stays = back_up(*repository).snapshot.id;
    catch_up(*repository);
    repository.reset();
    keep_stores();
    int kills = 0;
    for (int at = 1;; ++at) {
        bring_stores_back();
        const auto when = "killed at operation " + std::to_string(at);
        repository.reset();
        be_alone();
        const bool was_killed = elsewhere([&] {
            const auto faulty = std::make_shared<FaultStore>(files("home"), Faults{.stop_at = at, .stop = Faults::Stop::kill, .after = at % 2 == 0});
            const auto is_away = std::make_shared<MoodyStore>(files("a"));
            is_away->be(Mood::away);
            const std::vector<blob::OtherStore> its_others{{.name = "a", .open = as_is(is_away)}, {.name = "b", .open = as_is(files("b"))}};
            const auto its = std::make_shared<blob::ManyStores>(faulty, its_others, base::system_clock(), patience);
            auto mine = Repository::open(its, vault(), key(), options);
            forget(*mine, {gone}, {});
            prune_all(*mine);
            catch_up(*mine);
        }) > 0;
        kills += was_killed ? 1 : 0;
        renew_stores();
        repository = open_many();
        EXPECT_EQ(problems_of(catch_up(*repository, {.heal = true})), "") << when;
        const auto left = repository->list().size();
        for (const auto* name : {"home", "a", "b"}) expect_alone(name, left, when);
        if (left == 2) forget(*repository, {gone}, {});
        prune_all(*repository);
        EXPECT_EQ(problems_of(catch_up(*repository, {.heal = true})), "") << when;
        for (const auto* name : {"home", "a", "b"}) {
            expect_alone(name, 1, when);
            EXPECT_EQ(blob::list_all(*files(name), "snap/").size(), 1u) << name << " " << when;
        }
        expect_restores(*repository, stays, when);
        if (!was_killed) break;
    }
    EXPECT_GT(kills, 12);
}

/// What a prune writes anew, packs and what the log says, lies in the home alone until copies follow.
TEST_F(Copies, a_home_that_is_lost_at_any_moment_behind_a_prune_has_lost_nothing) {
    auto repository = create_many();
    const auto gone = back_up(*repository).snapshot.id;
    std::filesystem::remove(source() / "long.bin");
    write(source() / "other.bin", crypto::random_bytes(50'000));
    const auto stays = back_up(*repository).snapshot.id;
    set_tags(*repository, stays, {{"case", "x"}}, {});
    set_hold(*repository, stays, "a court", {});
    forget(*repository, {gone}, {});
    const auto known = take_checkpoint(*repository, {}, {}).note.value().record;
    EXPECT_EQ(problems_of(catch_up(*repository)), "");
    repository.reset();
    keep_stores();
    int lost = 0;
    for (int at = 0;; ++at) {
        bring_stores_back();
        const auto when = "the copies end at their operation " + std::to_string(at);
        const auto over = [&](const std::shared_ptr<blob::Store>& first, const std::shared_ptr<blob::Store>& second) {
            const std::vector<blob::OtherStore> both{{.name = "a", .open = as_is(first)}, {.name = "b", .open = as_is(second)}};
            return std::make_shared<blob::ManyStores>(files("home"), both, base::system_clock(), patience);
        };
        repository = Repository::open(over(files("a"), files("b")), vault(), key(), options);
        EXPECT_GT(prune_all(*repository).packs_rewritten, 0) << when;
        EXPECT_EQ(blob::list_all(*files("home"), "log/").size(), 0u) << when;
        // The other one has not begun.
        const auto fails = std::make_shared<FaultStore>(files("a"), Faults{.stop_at = at});
        const auto is_away = std::make_shared<MoodyStore>(files("b"));
        is_away->be(Mood::away);
        repository = Repository::open(over(fails, is_away), vault(), key(), options);
        if (at > 0) catch_up(*repository);
        const bool has_followed = at > 0 && fails->operations() < at;
        repository.reset();

        std::filesystem::remove_all(repo());
        std::filesystem::create_directories(repo());
        const auto stores = over(files("a"), files("b"));
        ASSERT_TRUE(stores->is_lost({})) << when;
        auto away = Repository::open(stores->elsewhere(), vault(), key(), options);
        ASSERT_EQ(away->list().size(), 1u) << when;
        EXPECT_EQ(away->list().front().held, "a court") << when;
        expect_restores(*away, stays, when);
        (void)heal(*stores, *away);
        repository = Repository::open(over(files("a"), files("b")), vault(), key(), options);
        EXPECT_EQ(check_against(*repository, known), "") << when;
        EXPECT_EQ(repository->find(stays)->tags.size(), 1u) << when;
        expect_restores(*repository, stays, when);
        prune_all(*repository);
        EXPECT_EQ(problems_of(catch_up(*repository)), "") << when;
        EXPECT_EQ(check_against(*repository, known), "") << when;
        for (const auto* name : {"home", "a", "b"}) expect_alone(name, 1, when);
        repository.reset();
        lost += at > 0 ? 1 : 0;
        if (has_followed) break;
    }
    EXPECT_GT(lost, 8);
}

TEST_F(Copies, a_snapshot_that_only_another_store_has_keeps_its_packs) {
    auto repository = create_many();
    const auto id = back_up(*repository).snapshot.id;
    std::filesystem::remove(source() / "long.bin");
    back_up(*repository);
    catch_up(*repository);
    for (const auto& entry : std::filesystem::directory_iterator(repo() / "snap"))
        if (entry.path().filename().string().starts_with(id.text().substr(std::string_view(SnapshotId::prefix()).size())))
            std::filesystem::remove(entry.path());
    repository = open_many();
    EXPECT_EQ(repository->list().size(), 1u);
    catch_up(*repository, {.heal = true});  // as the engine does before each prune
    prune_all(*repository);
    EXPECT_EQ(repository->list().size(), 2u);
    EXPECT_EQ(all(check(*repository).problems), "");
}

}  // namespace
}  // namespace tenon::tests
