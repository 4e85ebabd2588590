// New data keys beside several stores: what was dead under the old ones stays dead, and whoever has those buries nothing.
#include "copies_fixture.hpp"

#include <backup/rekey.hpp>
#include <backup/retention.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>

#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

using namespace backup;
using Mood = MoodyStore::Mood;

class CopiesRekey : public CopiesTest {
protected:
    /// Two snapshots, all stores whole.
    void take_two() {
        auto repository = create_many();
        gone = back_up(*repository).snapshot.id;
        std::filesystem::remove(source() / "long.bin");
        write(source() / "other.bin", crypto::random_bytes(100'000));
        stays = back_up(*repository).snapshot.id;
        EXPECT_EQ(problems_of(catch_up(*repository)), "");
    }
    void remove_first(Repository& repository) {
        forget(repository, {gone}, {});
        const auto totals = prune_all(repository);
        EXPECT_GE(totals.packs_removed + totals.packs_rewritten, 1);
    }
    RekeyTotals rekey_all(Repository& repository) {
        RekeyRequest wanted;
        wanted.before_retiring = [&] { last_copied = problems_of(catch_up(repository)); };
        return rekey(repository, wanted, exec::no_progress(), {});
    }
    /// Keys with the data keys of now, as somebody has them who could read the ring.
    static Keys leak(Repository& repository) {
        auto& impl = repository.inside();
        Keys keys;
        keys.repo = impl.super.repo;
        const auto name = ring_name(impl.generation);
        keys.ring = open_ring(blob::get_all(*impl.vault, name, 1 << 20), impl.root, impl.super.repo, name);
        return keys;
    }
    /// What of a store opens with one of these, whatever an object says of its own.
    std::vector<std::string> opened_by(const Keys& keys, const std::string& where) {
        std::vector<std::string> names;
        for (const auto& object : blob::list_all(*files(where), "")) {
            if (object.name.starts_with("super")) continue;
            const auto header = decode_header(blob::get_all(*files(where), object.name, 1 << 28), object.name);
            for (const auto& [id, of_class] : keys.ring.classes)
                for (const auto& [number, dek] : of_class.dek)
                    if (derive_pack_key(dek.bytes(), header.salt, keys.repo, header.class_id, header.kind).commitment == header.commitment)
                        names.push_back(object.name);
        }
        return names;
    }
    /// A grave of his making.
    static std::string bury_with(const Keys& keys, const std::set<std::string>& names, blob::Store& store) {
        std::string text = "gone 1\n";
        for (const auto& name : names) text += name + "\n";
        const auto sealed = seal_object(keys, Kind::collector, base::view_of(text));
        const auto name = "gone/" + crypto::to_hex(crypto::sha256(sealed));
        blob::put_bytes(store, name, sealed);
        return name;
    }
    std::set<std::string> needed_names() {
        std::set<std::string> names;
        for (const auto* prefix : {"packs/", "index/", "snap/"})
            for (const auto& object : blob::list_all(*files("home"), prefix)) names.insert(object.name);
        return names;
    }
    void expect_only_second(const std::string& when = "") {
        for (const auto* name : {"home", "a", "b"}) {
            expect_alone(name, 1, when);
            EXPECT_EQ(blob::list_all(*files(name), "snap/").size(), 1u) << name << " " << when;
            for (const auto* prefix : {"packs/", "index/", "log/", "gone/"})
                EXPECT_EQ(blob::list_all(*files(name), prefix).size(), blob::list_all(*files("home"), prefix).size()) << name << prefix << when;
        }
    }

    SnapshotId gone{}, stays{};
    std::string last_copied;
};

TEST_F(CopiesRekey, a_store_that_was_away_through_all_of_it_brings_nothing_back) {
    take_two();
    a->be(Mood::away);
    auto repository = open_many();
    const auto leaked = leak(*repository);
    remove_first(*repository);
    repository->rotate_data_key();
    repository = open_many();
    EXPECT_TRUE(rekey_all(*repository).is_done);
    EXPECT_NE(last_copied, "") << "it was asked before the old keys went";
    EXPECT_EQ(all(opened_by(leaked, "home")), "");
    catch_up(*repository);
    EXPECT_EQ(all(opened_by(leaked, "b")), "") << "b answered";
    EXPECT_FALSE(blob::list_all(*files("home"), "gone/").empty());

    a->be(Mood::well);
    EXPECT_EQ(blob::list_all(*files("a"), "snap/").size(), 2u);
    // Another process, which has seen nothing of it.
    renew_stores();
    repository = open_many();
    EXPECT_EQ(repository->list().size(), 1u);
    const auto report = catch_up(*repository, {.heal = true, .verify = true});
    EXPECT_EQ(problems_of(report), "");
    EXPECT_EQ(report.home.healed_objects, 0);
    expect_only_second();
    for (const auto* name : {"home", "a", "b"}) EXPECT_EQ(all(opened_by(leaked, name)), "") << name;
    expect_restores(*repository, stays);
    // And where nothing but that is left: once the home is lost, others say what is dead.
    lose_home();
    renew_stores();
    many = many_over(home);
    auto away = Repository::open(many->elsewhere(), vault(), key(), options);
    EXPECT_EQ(away->list().size(), 1u);
    EXPECT_EQ(problems_of(heal(*many, *away)), "");
    expect_only_second("home lost");
}

TEST_F(CopiesRekey, a_home_that_is_lost_in_the_midst_of_a_rotation_comes_back_without_what_was_dead) {
    take_two();
    a->be(Mood::away);
    auto repository = open_many();
    remove_first(*repository);
    catch_up(*repository);
    repository->rotate_data_key();  // and nothing is written anew yet
    lose_home();
    renew_stores();
    many = many_over(home);
    EXPECT_TRUE(many->is_lost({}));
    auto away = Repository::open(many->elsewhere(), vault(), key(), options);
    EXPECT_EQ(away->list().size(), 1u) << "b knows what is dead, a has it";
    EXPECT_EQ(problems_of(heal(*many, *away)), "");
    expect_only_second();
    repository = open_many();
    EXPECT_TRUE(rekey_all(*repository).is_done);
    catch_up(*repository);
    expect_only_second("rekeyed");
    expect_restores(*repository, stays);
}

TEST_F(CopiesRekey, whoever_has_the_old_keys_and_another_store_buries_nothing) {
    take_two();
    auto repository = open_many();
    const auto leaked = leak(*repository);
    const auto wanted = needed_names();
    ASSERT_GT(wanted.size(), 5u);
    const auto expect_nothing_buried = [&](const std::string& when) {
        renew_stores();
        auto fresh = open_many();
        EXPECT_EQ(problems_of(catch_up(*fresh, {.heal = true})), "") << when;
        EXPECT_EQ(fresh->list().size(), 2u) << when;
        for (const auto* name : {"home", "a", "b"}) expect_alone(name, 2, when);
        expect_restores(*fresh, stays, when);
    };
    repository->rotate_data_key();
    bury_with(leaked, wanted, *files("b"));
    expect_nothing_buried("rotated");
    EXPECT_EQ(blob::list_all(*files("home"), "gone/").size(), 1u) << "and the home does not hold it";
    repository = open_many();
    EXPECT_TRUE(rekey_all(*repository).is_done);
    expect_nothing_buried("written anew");
    EXPECT_EQ(all(opened_by(leaked, "b")), "") << "what nobody can open is gone from there";
    // Keys that are retired bury nothing anywhere, the home's own store included, nor for the process that retired them.
    const auto now = needed_names();
    const auto there = bury_with(leaked, now, *files("b"));
    const auto here = bury_with(leaked, now, *files("home"));
    EXPECT_EQ(repository->list().size(), 2u);
    EXPECT_EQ(problems_of(catch_up(*repository, {.heal = true})), "");
    expect_nothing_buried("retired");
    EXPECT_FALSE(files("b")->head(there, {}));
    prune_all(*open_many());
    EXPECT_FALSE(files("home")->head(here, {})) << "goes with the next collection";
    // The test can tell: under the keys of now it would be so.
    bury_with(leak(*open_many()), now, *files("b"));
    renew_stores();
    auto fresh = open_many();
    catch_up(*fresh);
    EXPECT_EQ(fresh->list().size(), 0u);
}

TEST_F(CopiesRekey, what_is_removed_by_a_store_that_was_opened_before_is_buried_under_the_new_keys) {
    take_two();
    auto stale = open_many();
    const auto of_stale = many;
    const auto leaked = leak(*stale);
    const auto before = opened_by(leaked, "home").size();
    auto repository = open_many();
    repository->rotate_data_key();
    const std::string name = "packs/ab/" + std::string(64, 'a');
    EXPECT_GT(of_stale->bury({name}, blob::Burial::at_once, {}), 0);
    EXPECT_EQ(opened_by(leaked, "home").size(), before);
    auto other = open_many();
    EXPECT_TRUE(rekey_all(*other).is_done);
    stale.reset();
    EXPECT_THROW(blob::get_all(*many, name, 100), NotFound);
    EXPECT_EQ(all(opened_by(leaked, "home")), "");
}

TEST_F(CopiesRekey, old_keys_stay_until_the_copies_that_are_wanted_have_followed) {
    take_two();
    auto repository = open_many();
    const auto leaked = leak(*repository);
    repository->rotate_data_key();
    repository = open_many();
    a->be(Mood::away);
    RekeyRequest wanted;
    wanted.before_retiring = [&] {
        if (catch_up(*repository).whole() < 2) throw Unavailable("a store is away");
    };
    EXPECT_THROW(rekey(*repository, wanted, exec::no_progress(), {}), Unavailable);
    EXPECT_TRUE(open_many()->has_old_data_keys());
    // Should the home be lost now, that store still opens.
    EXPECT_EQ(all(check(*Repository::open(files("a"), vault(), key(), options)).problems), "");
    a->be(Mood::well);
    const auto totals = rekey(*repository, wanted, exec::no_progress(), {});
    EXPECT_TRUE(totals.is_done);
    EXPECT_EQ(totals.packs, 0) << "what was written anew is not written anew again";
    catch_up(*repository);
    for (const auto* name : {"home", "a", "b"}) {
        EXPECT_EQ(all(opened_by(leaked, name)), "") << name;
        expect_alone(name, 2);
    }
}

TEST_F(CopiesRekey, a_damaged_grave_is_mended_from_another_store_before_old_keys_go) {
    take_two();
    auto repository = open_many();
    a->be(Mood::away);
    remove_first(*repository);
    catch_up(*repository);
    damage_all("home", "gone");
    EXPECT_NE(all(check(*repository).problems).find("gone/"), std::string::npos) << "a check names it";
    repository->rotate_data_key();
    renew_stores();
    a->be(Mood::away);
    repository = open_many();
    const auto totals = rekey_all(*repository);
    EXPECT_FALSE(totals.is_done) << "what they say is not lost with the keys";
    EXPECT_FALSE(totals.problems.empty());
    EXPECT_TRUE(repository->has_old_data_keys());
    // Under old keys another store is not believed beside a home that answers: it is, of what the home has damaged, by its hash alone.
    EXPECT_EQ(problems_of(catch_up(*repository, {.verify = true})).find("b:"), std::string::npos);
    EXPECT_TRUE(rekey_all(*open_many()).is_done);
    renew_stores();
    repository = open_many();
    EXPECT_EQ(problems_of(catch_up(*repository, {.heal = true})), "");
    expect_only_second();
}

TEST_F(CopiesRekey, killed_at_every_operation_nothing_dead_comes_back_and_all_stores_agree) {
    take_two();
    {
        auto repository = open_many();
        a->be(Mood::away);
        remove_first(*repository);
        catch_up(*repository);
        repository->rotate_data_key();
    }
    keep_stores();
    const auto leaked = leak(*open_many());
    Keys old;
    old.repo = leaked.repo;
    for (const auto& [id, of_class] : leaked.ring.classes)
        old.ring.classes[id].dek.emplace(of_class.dek.begin()->first, of_class.dek.begin()->second.clone());
    int kills = 0;
    // Of the home's own store, then of the one that answers.
    for (const bool of_home : {true, false})
        for (int at = 1;; ++at) {
            bring_stores_back();
            const auto when = std::string(of_home ? "home" : "b") + " killed at operation " + std::to_string(at);
            be_alone();
            const int end = elsewhere([&] {
                const Faults faults{.stop_at = at, .stop = Faults::Stop::kill, .after = at % 2 == 0};
                const auto is_away = std::make_shared<MoodyStore>(files("a"));
                is_away->be(Mood::away);
                const auto its_home = of_home ? std::make_shared<FaultStore>(files("home"), faults) : files("home");
                const auto its_b = of_home ? files("b") : std::make_shared<FaultStore>(files("b"), faults);
                const std::vector<blob::OtherStore> its_others{{.name = "a", .open = as_is(is_away)}, {.name = "b", .open = as_is(its_b)}};
                const auto its = std::make_shared<blob::ManyStores>(its_home, its_others, base::system_clock(), patience);
                auto mine = Repository::open(its, vault(), key(), options);
                if (!rekey_all(*mine).is_done) _exit(3);
            });
            const bool was_killed = end > 0;
            kills += was_killed ? 1 : 0;
            EXPECT_GE(end, 0) << when;
            renew_stores();
            auto repository = open_many();
            EXPECT_EQ(repository->list().size(), 1u) << when;
            EXPECT_TRUE(rekey_all(*repository).is_done) << when;
            repository = open_many();
            EXPECT_EQ(problems_of(catch_up(*repository, {.heal = true})), "") << when;
            prune_all(*repository);
            EXPECT_EQ(problems_of(catch_up(*repository, {.heal = true})), "") << when;
            expect_only_second(when);
            for (const auto* name : {"home", "a", "b"}) EXPECT_EQ(all(opened_by(old, name)), "") << name << " " << when;
            expect_restores(*repository, stays, when);
            if (!was_killed) break;
        }
    EXPECT_GT(kills, 40);
}

}  // namespace
}  // namespace tenon::tests
