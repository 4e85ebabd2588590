#include <blob/many_stores.hpp>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/clock.hpp>
#include <blob/file_store.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <crypto/secret.hpp>
#include <fault_store.hpp>
#include <moody_store.hpp>
#include <temp_folder.hpp>
#include <tenon/error.hpp>

namespace tenon::tests {
namespace {

using namespace blob;
using Mood = MoodyStore::Mood;
using std::chrono::milliseconds;

/// Twelve stores' worth of trust: a mark in front.
class MarkSeal final : public Seal {
public:
    explicit MarkSeal(std::string mark = "ours") : mark_(std::move(mark)) {}
    ByteVector close(ByteView plain) const override {
        ByteVector bytes(mark_.begin(), mark_.end());
        base::append(bytes, plain);
        return bytes;
    }
    ByteVector open(ByteView sealed, const std::string& object) const override {
        if (sealed.size() < mark_.size() || !std::equal(mark_.begin(), mark_.end(), sealed.begin()))
            throw Corrupt("not ours", {.subject = object});
        return {sealed.begin() + static_cast<std::ptrdiff_t>(mark_.size()), sealed.end()};
    }

private:
    std::string mark_;
};

class ManyStoresTest : public ::testing::Test {
protected:
    ManyStoresTest() {
        patience.read = milliseconds(500);
        patience.last = std::chrono::seconds(10);
        patience.pause = milliseconds(0);
    }
    std::filesystem::path place(const std::string& name) const { return folder.path() / name; }
    std::shared_ptr<MoodyStore> open(const std::string& name) {
        return std::make_shared<MoodyStore>(std::make_shared<FileStore>(place(name), base::system_clock()));
    }
    static OpenStore as_is(std::shared_ptr<Store> store) {
        return [store] { return store; };
    }
    std::vector<OtherStore> both() { return {{.name = "a", .open = as_is(a)}, {.name = "b", .open = as_is(b)}}; }
    std::unique_ptr<ManyStores> make() { return make(both()); }
    std::unique_ptr<ManyStores> make(std::vector<OtherStore> others) {
        auto many = std::make_unique<ManyStores>(home, std::move(others), base::system_clock(), patience);
        many->trust(std::make_shared<MarkSeal>());
        return many;
    }
    static CatchUpReport catch_up(ManyStores& many, const CatchUpRequest& request = {}) { return many.catch_up(request, exec::no_progress(), {}); }
    static const StoreState& of(const CatchUpReport& report, const std::string& name) {
        for (const auto& state : report.others)
            if (state.name == name) return state;
        return report.home;
    }

    static std::string pack_of(ByteView bytes) {
        const auto hash = crypto::to_hex(crypto::sha256(bytes));
        return "packs/" + hash.substr(0, 2) + "/" + hash;
    }
    std::string put_pack(Store& store, std::size_t size = 1000) {
        const auto bytes = crypto::random_bytes(size);
        put_bytes(store, pack_of(bytes), bytes);
        return pack_of(bytes);
    }
    /// A repository's names, with little in them.
    void fill(Store& store) {
        put_bytes(store, "super", base::view_of("the superblock"));
        put_bytes(store, "super.1", base::view_of("the superblock"));
        for (int i = 0; i < 3; ++i) packs.push_back(put_pack(store));
        const auto bytes = crypto::random_bytes(100);
        const auto hash = crypto::to_hex(crypto::sha256(bytes));
        put_bytes(store, "index/writer-" + hash, bytes);
        put_bytes(store, "snap/one-" + hash, bytes);
        put_bytes(store, "log/writer/00000000", bytes);
        put_bytes(store, "sess/writer/beacon", bytes);
        put_bytes(store, "gc/lease", bytes);
    }
    static std::map<std::string, ByteVector> content(Store& store) {
        std::map<std::string, ByteVector> all;
        for (const auto& object : list_all(store, ""))
            if (is_copied(object.name)) all[object.name] = get_all(store, object.name, 1 << 26);
        return all;
    }
    static void put_checkpoint(Store& store, int number, const std::string& text = "whole") {
        put_bytes(store, "checkpoint/0000000" + std::to_string(number), base::view_of(text + std::to_string(number)), {.create_only = false});
    }
    /// By their numbers, what they say behind each.
    static std::string checkpoints(Store& store) {
        std::string text;
        for (const auto& object : list_all(store, "checkpoint/")) {
            const auto bytes = get_all(store, object.name, 1 << 20);
            text += object.name.substr(18) + ":" + std::string(bytes.begin(), bytes.end()) + " ";
        }
        return text;
    }
    static bool is_whole_checkpoint(const std::string& name, ByteView bytes) {
        return !name.starts_with("checkpoint/") || (!bytes.empty() && bytes[0] == 'w');
    }
    void damage(const std::string& where, const std::string& name) const {
        std::fstream file(place(where) / name, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(40);
        const auto was = static_cast<char>(file.get());
        file.seekp(40);
        file.put(static_cast<char>(was ^ 1));
    }
    void lose(const std::string& where, const std::string& name) const { std::filesystem::remove(place(where) / name); }

    TempFolder folder;
    std::shared_ptr<MoodyStore> home = open("home"), a = open("a"), b = open("b");
    Patience patience;
    std::vector<std::string> packs;
};

TEST_F(ManyStoresTest, every_store_gets_all_but_beacons_and_collections) {
    fill(*home);
    const auto many = make();
    const auto report = catch_up(*many);
    EXPECT_EQ(report.whole(), 2);
    for (auto* store : {a.get(), b.get()}) {
        EXPECT_EQ(content(store->inner()), content(home->inner()));
        EXPECT_TRUE(list_all(*store, "sess/").empty());
        EXPECT_TRUE(list_all(*store, "gc/").empty());
    }
    EXPECT_EQ(of(report, "a").copied_objects, 8);
    EXPECT_EQ(of(report, "a").objects, 8);
    EXPECT_EQ(of(report, "a").missing_bytes, 0);
    const auto again = catch_up(*many);
    EXPECT_EQ(of(again, "a").copied_objects, 0) << "only what is missing is copied";
    EXPECT_TRUE(of(again, "a").whole);
}

TEST_F(ManyStoresTest, a_look_says_how_far_each_is_behind_and_changes_nothing) {
    fill(*home);
    const auto many = make();
    CatchUpRequest look{.dry_run = true};
    const auto report = catch_up(*many, look);
    EXPECT_FALSE(of(report, "a").whole);
    EXPECT_EQ(of(report, "a").missing_objects, 8);
    EXPECT_GT(of(report, "a").missing_bytes, 3000);
    EXPECT_TRUE(list_all(*a, "").empty());
    EXPECT_TRUE(list_all(*home, "gone/").empty());
}

TEST_F(ManyStoresTest, a_read_goes_to_the_next_store_whatever_is_wrong_with_the_first) {
    fill(*home);
    const auto many = make();
    catch_up(*many);
    const auto want = get_all(home->inner(), packs[0], 1 << 20);
    for (const auto mood : {Mood::away, Mood::stalling, Mood::denying, Mood::losing}) {
        home->be(mood);
        a->be(mood);
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(get_all(*many, packs[0], 1 << 20), want) << static_cast<int>(mood);
        EXPECT_LT(std::chrono::steady_clock::now() - begin, patience.last) << static_cast<int>(mood);
        home->be(Mood::well);
        a->be(Mood::well);
    }
}

TEST_F(ManyStoresTest, stores_that_all_are_slow_are_given_more_time) {
    fill(*home);
    const auto many = make();
    catch_up(*many);
    for (auto* store : {home.get(), a.get(), b.get()}) store->be(Mood::stalling);
    std::jthread later([&] {
        std::this_thread::sleep_for(milliseconds(1800));
        for (auto* store : {home.get(), a.get(), b.get()}) store->be(Mood::well);
    });
    EXPECT_EQ(get_all(*many, packs[0], 1 << 20), get_all(home->inner(), packs[0], 1 << 20));
}

TEST_F(ManyStoresTest, a_missing_object_that_was_read_elsewhere_is_back_afterwards) {
    fill(*home);
    const auto many = make();
    catch_up(*many);
    const auto want = get_all(*home, packs[1], 1 << 20);
    lose("home", packs[1]);
    EXPECT_EQ(get_all(*many, packs[1], 1 << 20), want);
    EXPECT_EQ(get_all(home->inner(), packs[1], 1 << 20), want);
    EXPECT_THROW(get_all(*many, "packs/00/" + std::string(64, '0'), 1 << 20), NotFound);
}

TEST_F(ManyStoresTest, a_damaged_object_is_replaced_by_the_first_whole_copy) {
    fill(*home);
    const auto many = make();
    catch_up(*many);
    const auto want = get_all(*home, packs[1], 1 << 20);
    damage("home", packs[1]);
    damage("a", packs[1]);
    EXPECT_TRUE(many->mend(packs[1], {}, {}));
    EXPECT_EQ(get_all(home->inner(), packs[1], 1 << 20), want);
    damage("home", packs[2]);
    damage("a", packs[2]);
    damage("b", packs[2]);
    EXPECT_FALSE(many->mend(packs[2], {}, {})) << "nobody has it";
}

TEST_F(ManyStoresTest, an_object_without_a_hash_is_mended_as_its_owner_judges) {
    fill(*home);
    const auto many = make();
    catch_up(*many);
    const std::string name = "log/writer/00000000";
    const auto want = get_all(*home, name, 1 << 20);
    damage("home", name);
    damage("a", name);
    EXPECT_FALSE(many->mend(name, {}, {})) << "nobody says which is right";
    EXPECT_TRUE(many->mend(name, [&](ByteView bytes) { return std::ranges::equal(bytes, want); }, {}));
    EXPECT_EQ(get_all(home->inner(), name, 1 << 20), want);
}

TEST_F(ManyStoresTest, where_the_home_is_full_what_is_damaged_is_read_elsewhere) {
    fill(*home);
    const auto many = make();
    catch_up(*many);
    const auto want = get_all(*home, packs[1], 1 << 20);
    damage("home", packs[1]);
    home->be(Mood::full);
    EXPECT_TRUE(many->mend(packs[1], {}, {}));
    EXPECT_EQ(get_all(*many, packs[1], 1 << 20), want);
}

TEST_F(ManyStoresTest, what_was_removed_while_a_store_was_away_never_comes_back) {
    fill(*home);
    {
        const auto many = make();
        catch_up(*many);
        a->be(Mood::away);
        many->bury({packs[0]}, Burial::at_once, {});
        many->remove(packs[0], {}, {});
        many->remove("snap/none", {}, {});
        catch_up(*many);
        EXPECT_FALSE(b->head(packs[0], {}));
    }
    a->be(Mood::well);
    // Another process, which has seen nothing of it.
    const auto many = make();
    EXPECT_TRUE(a->head(packs[0], {}));
    EXPECT_THROW(get_all(*many, packs[0], 1 << 20), NotFound) << "also while a copy lies there";
    EXPECT_FALSE(many->mend(packs[0], {}, {}));
    const auto report = catch_up(*many, {.heal = true});
    EXPECT_EQ(of(report, "a").removed_objects, 1);
    EXPECT_EQ(report.home.healed_objects, 0);
    for (auto* store : {home.get(), a.get(), b.get()}) EXPECT_FALSE(store->head(packs[0], {}));
}

TEST_F(ManyStoresTest, a_store_that_was_taken_away_and_comes_back_brings_nothing_dead) {
    fill(*home);
    catch_up(*make());
    {
        const auto alone = make({});
        EXPECT_TRUE(alone->remove(packs[0], {}, {})) << "buried although there is no other store at the moment";
    }
    const auto report = catch_up(*make(), {.heal = true});
    EXPECT_EQ(of(report, "a").removed_objects, 1);
    EXPECT_FALSE(home->head(packs[0], {}));
    EXPECT_FALSE(a->head(packs[0], {}));
}

TEST_F(ManyStoresTest, what_was_buried_is_known_when_the_home_is_lost) {
    patience.read = patience.last;
    fill(*home);
    const auto many = make();
    catch_up(*many);
    b->be(Mood::away);
    EXPECT_TRUE(many->remove(packs[0], {}, {}));
    b->be(Mood::well);
    ASSERT_FALSE(list_all(*a, "gone/").empty());
    // a was told, b was not, and the home loses everything.
    for (const auto* what : {"super", "super.1", "packs", "index", "snap", "log", "gone"}) std::filesystem::remove_all(place("home") / what);
    const auto fresh = make();
    EXPECT_TRUE(fresh->is_lost({}));
    catch_up(*fresh, {.heal = true});
    for (auto* store : {home.get(), a.get(), b.get()}) EXPECT_FALSE(store->head(packs[0], {}));
    EXPECT_TRUE(home->head(packs[1], {}));
}

TEST_F(ManyStoresTest, stores_that_do_and_list_everything_twice_end_as_the_others) {
    fill(*home);
    a->be(Mood::doubling);
    b->be(Mood::doubling);
    const auto many = make();
    const auto report = catch_up(*many);
    EXPECT_EQ(report.whole(), 2);
    EXPECT_EQ(of(report, "a").copied_objects, 8);
    EXPECT_EQ(of(report, "a").objects, 8);
    EXPECT_EQ(content(a->inner()), content(home->inner()));
    EXPECT_TRUE(many->remove(packs[0], {}, {}));
    EXPECT_EQ(of(catch_up(*many), "b").removed_objects, 1);
    const auto want = content(*home);
    for (const auto* what : {"super", "super.1", "packs", "index", "snap", "log", "gone"}) std::filesystem::remove_all(place("home") / what);
    EXPECT_EQ(catch_up(*make(), {.heal = true}).home.healed_objects, 7);
    EXPECT_EQ(content(*home), want);
    auto others = both();
    others[0].allowed = false;
    EXPECT_EQ(of(catch_up(*make(others)), "a").objects, 0);
    EXPECT_TRUE(list_all(a->inner(), "").empty());
}

TEST_F(ManyStoresTest, nobody_without_the_keys_buries_anything) {
    fill(*home);
    catch_up(*make());
    const MarkSeal forged("theirs");
    const auto bytes = forged.close(base::view_of("gone 1\n" + packs[0] + "\n"));
    put_bytes(*a, "gone/" + crypto::to_hex(crypto::sha256(bytes)), bytes);
    const auto ours = MarkSeal().close(base::view_of("gone 1\n" + packs[1] + "\n"));
    put_bytes(*a, "gone/" + std::string(64, '7'), ours);  // under a name that is not its hash
    const auto report = catch_up(*make(), {.heal = true});
    EXPECT_TRUE(home->head(packs[0], {}));
    EXPECT_TRUE(a->head(packs[0], {}));
    EXPECT_TRUE(a->head(packs[1], {}));
    EXPECT_EQ(of(report, "a").removed_objects, 0);
}

TEST_F(ManyStoresTest, what_another_store_has_alone_comes_back_only_if_it_is_asked_for_and_accepted) {
    fill(*home);
    const auto many = make();
    catch_up(*many);
    const auto want = content(*home);
    lose("home", packs[0]);
    lose("home", "log/writer/00000000");
    put_bytes(*a, "log/intruder/00000000", base::view_of("junk"));
    catch_up(*many);
    EXPECT_FALSE(home->head(packs[0], {}));
    CatchUpRequest heal{.heal = true};
    heal.accept = [](const std::string& name, ByteView) { return !name.starts_with("log/intruder/"); };
    EXPECT_EQ(catch_up(*many, heal).home.healed_objects, 2);
    EXPECT_EQ(content(*home), want);
}

TEST_F(ManyStoresTest, a_lost_home_comes_back_from_the_others_all_of_which_must_answer) {
    fill(*home);
    const auto many = make();
    catch_up(*many);
    const auto want = content(*home);
    for (const auto* what : {"super", "super.1", "packs", "index", "snap", "log", "gone"}) std::filesystem::remove_all(place("home") / what);
    EXPECT_TRUE(many->is_lost({}));
    EXPECT_THROW(catch_up(*many), Unavailable) << "what is lost is not taken for what is wanted";
    EXPECT_EQ(content(*a), want);
    const auto elsewhere = many->elsewhere();
    EXPECT_EQ(content(*elsewhere), want);
    EXPECT_THROW(put_bytes(*elsewhere, "packs/x", {}), Unavailable);
    b->be(Mood::away);
    EXPECT_EQ(content(*elsewhere), want);
    EXPECT_THROW(catch_up(*many, {.heal = true}), Unavailable) << "b may have what a has not";
    b->be(Mood::well);
    const auto report = catch_up(*many, {.heal = true});
    EXPECT_EQ(report.home.healed_objects, 8);
    EXPECT_EQ(content(*home), want);
    EXPECT_FALSE(many->is_lost({}));
}

TEST_F(ManyStoresTest, of_checkpoints_the_others_have_the_newest_alone) {
    fill(*home);
    put_checkpoint(*home, 1);
    put_checkpoint(*home, 2);
    const auto many = make();
    EXPECT_EQ(of(catch_up(*many, {.dry_run = true}), "a").missing_objects, 9);
    EXPECT_EQ(of(catch_up(*many), "a").copied_objects, 9);
    EXPECT_EQ(checkpoints(*a), "2:whole2 ");
    EXPECT_EQ(of(catch_up(*many), "a").copied_objects, 0);
    put_checkpoint(*home, 3);
    many->remove("checkpoint/00000001", {}, {});
    EXPECT_FALSE(of(catch_up(*many, {.dry_run = true}), "a").whole);
    EXPECT_TRUE(of(catch_up(*many), "a").whole);
    EXPECT_EQ(checkpoints(*a) + checkpoints(*home), "3:whole3 2:whole2 3:whole3 ");
    put_checkpoint(*home, 3, "written anew ");
    EXPECT_EQ(of(catch_up(*many), "b").copied_objects, 1);
    EXPECT_EQ(checkpoints(*b), "3:written anew 3 ");
    EXPECT_TRUE(of(catch_up(*many), "b").whole);
    EXPECT_EQ(list_all(*home, "gone/").size(), 1u) << "nobody buries them";
}

TEST_F(ManyStoresTest, a_home_that_lost_its_newest_checkpoint_is_told_and_gets_it_back_when_it_heals) {
    fill(*home);
    put_checkpoint(*home, 1);
    put_checkpoint(*home, 2);
    const auto many = make();
    catch_up(*many);
    lose("home", "checkpoint/00000002");
    const auto report = catch_up(*many);
    EXPECT_FALSE(of(report, "a").whole);
    EXPECT_NE(of(report, "a").problem.find("heal"), std::string::npos);
    EXPECT_EQ(checkpoints(*a), "2:whole2 ") << "what shows the loss stays";
    EXPECT_EQ(catch_up(*many, {.dry_run = true, .heal = true}).home.missing_objects, 1);
    EXPECT_EQ(catch_up(*many, {.heal = true}).home.healed_objects, 1);
    EXPECT_EQ(checkpoints(*home), "1:whole1 2:whole2 ");
    EXPECT_EQ(catch_up(*many).whole(), 2);

    put_checkpoint(*home, 2, "damaged ");
    put_checkpoint(*a, 9, "planted ");
    CatchUpRequest heal{.heal = true};
    heal.accept = is_whole_checkpoint;
    EXPECT_EQ(catch_up(*many, heal).whole(), 2);
    for (auto* store : {a.get(), b.get()}) EXPECT_EQ(checkpoints(*store), "2:whole2 ");
    EXPECT_EQ(checkpoints(*home), "1:whole1 2:whole2 ");
}

TEST_F(ManyStoresTest, a_lost_home_has_the_newest_checkpoint_of_all_before_its_superblock) {
    fill(*home);
    put_checkpoint(*home, 1);
    const auto many = make();
    catch_up(*many);
    put_checkpoint(*home, 2);
    b->be(Mood::away);
    catch_up(*many);
    b->be(Mood::well);
    for (const auto* what : {"super", "super.1", "packs", "index", "snap", "log", "gone", "checkpoint"})
        std::filesystem::remove_all(place("home") / what);
    EXPECT_EQ(checkpoints(*many->elsewhere()), "1:whole1 2:whole2 ");
    EXPECT_EQ(catch_up(*many, {.heal = true}).home.healed_objects, 9);
    EXPECT_EQ(checkpoints(*home), "2:whole2 ");
    EXPECT_EQ(checkpoints(*b), "2:whole2 ");
}

TEST_F(ManyStoresTest, not_a_byte_goes_where_it_must_not_lie_and_what_lies_there_is_removed) {
    fill(*home);
    catch_up(*make());
    auto others = both();
    others[1].allowed = false;
    const auto many = make(others);
    packs.push_back(put_pack(*home));
    const int puts = b->puts(), gets = b->gets();
    home->be(Mood::losing);
    EXPECT_THROW(get_all(*many, packs.back(), 1 << 20), NotFound);
    home->be(Mood::well);
    const auto report = catch_up(*many, {.heal = true});
    EXPECT_EQ(b->puts(), puts);
    EXPECT_EQ(b->gets(), gets);
    EXPECT_TRUE(list_all(*b, "").empty()) << "sealed as it is, it goes";
    EXPECT_FALSE(of(report, "b").whole);
    EXPECT_FALSE(of(report, "b").allowed);
    EXPECT_TRUE(of(report, "a").whole);
    many->remove(packs[0], {}, {});
    EXPECT_TRUE(list_all(*b, "").empty());
}

TEST_F(ManyStoresTest, another_repositorys_store_is_left_alone) {
    fill(*home);
    put_bytes(*a, "super", base::view_of("another superblock"));
    put_bytes(*a, "super.1", base::view_of("another superblock"));
    const auto report = catch_up(*make());
    EXPECT_FALSE(of(report, "a").whole);
    EXPECT_NE(of(report, "a").problem.find("another repository"), std::string::npos) << of(report, "a").problem;
    EXPECT_EQ(list_all(*a, "").size(), 2u);
    EXPECT_TRUE(of(report, "b").whole);
}

TEST_F(ManyStoresTest, what_ails_one_store_keeps_no_other_from_its_copies) {
    fill(*home);
    patience.last = milliseconds(300);
    for (const auto mood : {Mood::away, Mood::stalling, Mood::denying, Mood::full, Mood::forgetful}) {
        const auto many = make();
        packs.push_back(put_pack(*home));
        a->be(mood);
        const auto report = catch_up(*many);
        EXPECT_FALSE(of(report, "a").whole) << static_cast<int>(mood);
        EXPECT_NE(of(report, "a").problem, "") << static_cast<int>(mood);
        EXPECT_TRUE(of(report, "b").whole) << static_cast<int>(mood) << of(report, "b").problem;
        a->be(Mood::well);
    }
    patience.last = std::chrono::seconds(10);
    EXPECT_EQ(catch_up(*make()).whole(), 2);
    EXPECT_EQ(content(*a), content(*home));
}

TEST_F(ManyStoresTest, a_damaged_object_is_not_spread_but_mended) {
    fill(*home);
    const auto many = make({{.name = "b", .open = as_is(b)}});
    catch_up(*many);
    const auto want = content(*home);
    damage("home", packs[0]);
    const auto report = catch_up(*make());
    EXPECT_TRUE(of(report, "a").whole) << of(report, "a").problem;
    EXPECT_EQ(content(*a), want);
    EXPECT_EQ(content(*home), want) << "mended on the way";
    damage("home", packs[1]);
    damage("a", packs[1]);
    damage("b", packs[1]);
    lose("a", packs[1]);
    const auto after = catch_up(*make());
    EXPECT_FALSE(of(after, "a").whole);
    EXPECT_FALSE(a->head(packs[1], {})) << "nobody has it whole";
}

TEST_F(ManyStoresTest, verifying_reads_everything_and_mends_it_both_ways) {
    fill(*home);
    catch_up(*make());
    const auto want = content(*home);
    damage("home", packs[0]);
    damage("a", packs[1]);
    damage("b", packs[2]);
    EXPECT_EQ(of(catch_up(*make()), "a").healed_objects, 0) << "sizes say nothing";
    const auto report = catch_up(*make(), {.verify = true});
    EXPECT_EQ(report.home.healed_objects, 1);
    EXPECT_EQ(of(report, "a").healed_objects, 1);
    EXPECT_EQ(of(report, "b").healed_objects, 1);
    for (auto* store : {home.get(), a.get(), b.get()}) EXPECT_EQ(content(*store), want);
}

TEST_F(ManyStoresTest, a_cut_copy_is_replaced_and_a_cut_original_too) {
    fill(*home);
    catch_up(*make());
    const auto want = content(*home);
    std::filesystem::resize_file(place("a") / packs[0], 100);
    std::filesystem::resize_file(place("home") / packs[1], 100);
    EXPECT_EQ(catch_up(*make()).whole(), 2);
    for (auto* store : {home.get(), a.get(), b.get()}) EXPECT_EQ(content(*store), want);
}

TEST_F(ManyStoresTest, enough_whole_stores_end_it_and_the_slow_one_is_left) {
    fill(*home);
    patience.last = std::chrono::seconds(60);
    const auto many = make();
    b->be(Mood::stalling);
    const auto begin = std::chrono::steady_clock::now();
    const auto report = catch_up(*many, {.enough = 1});
    EXPECT_LT(std::chrono::steady_clock::now() - begin, patience.last);
    EXPECT_TRUE(of(report, "a").whole);
    EXPECT_FALSE(of(report, "b").whole);
    b->be(Mood::well);
}

TEST_F(ManyStoresTest, cancelled_it_ends_soon_and_the_next_copies_only_the_rest) {
    fill(*home);
    for (int i = 0; i < 30; ++i) packs.push_back(put_pack(*home, 200'000));
    const auto many = make({{.name = "a", .open = as_is(a)}});
    struct StopAfter final : exec::ProgressSink {
        std::stop_source stop;
        std::atomic<std::int64_t> left{2'000'000};
        void stage(std::string_view, double, std::int64_t, std::string_view) override {}
        void total(std::int64_t) override {}
        void advance(std::int64_t by) override {
            if ((left -= by) < 0) stop.request_stop();
        }
    } progress;
    EXPECT_THROW(many->catch_up({}, progress, progress.stop.get_token()), Cancelled);
    const auto had = static_cast<std::int64_t>(content(*a).size());
    EXPECT_GE(had, 5);
    const auto report = catch_up(*many);
    EXPECT_EQ(of(report, "a").copied_objects + had, of(report, "a").objects);
    EXPECT_EQ(content(*a), content(*home));
}

TEST_F(ManyStoresTest, killed_at_every_operation_of_a_catch_up_the_next_finishes_it) {
    fill(*home);
    packs.push_back(put_pack(*home));
    int kills = 0;
    put_checkpoint(*home, 2);
    for (int at = 1;; ++at) {
        bool was_killed = false;
        for (const bool after : {false, true}) {
            std::filesystem::remove_all(place("a"));
            std::filesystem::create_directories(place("a"));
            put_checkpoint(*open("a"), 1);
            put_bytes(*open("a"), packs[0], get_all(*home, packs[0], 1 << 20));
            std::filesystem::remove_all(place("home") / "gone");
            const auto extra = put_pack(*home);
            const pid_t child = fork();
            if (child == 0) {
                const auto mine = std::make_shared<FileStore>(place("home"), base::system_clock());
                const auto faulty = std::make_shared<FaultStore>(std::make_shared<FileStore>(place("a"), base::system_clock()),
                                                                 Faults{.stop_at = at, .stop = Faults::Stop::kill, .after = after});
                ManyStores many(mine, {{.name = "a", .open = as_is(faulty)}}, base::system_clock(), patience);
                many.trust(std::make_shared<MarkSeal>());
                many.remove(packs[0], {}, {});
                catch_up(many);
                _exit(0);
            }
            int status = 0;
            ASSERT_EQ(waitpid(child, &status, 0), child);
            was_killed = WIFSIGNALED(status);
            kills += was_killed ? 1 : 0;
            a = open("a");
            const auto many = make({{.name = "a", .open = as_is(a)}});
            EXPECT_EQ(catch_up(*many, {.heal = true}).whole(), 1) << at;
            EXPECT_EQ(content(*a), content(*home)) << at;
            EXPECT_FALSE(a->head(packs[0], {})) << at;
            EXPECT_FALSE(home->head(packs[0], {})) << at;
            EXPECT_EQ(checkpoints(*a), "2:whole2 ") << at;
            put_bytes(*home, packs[0], base::view_of("x"), {.create_only = false});
            lose("home", packs[0]);
            lose("home", extra);
            const auto bytes = crypto::random_bytes(500);
            packs[0] = pack_of(bytes);
            put_bytes(*home, packs[0], bytes);
        }
        if (!was_killed) break;
    }
    EXPECT_GT(kills, 15);
}

TEST_F(ManyStoresTest, two_that_catch_up_at_once_agree) {
    fill(*home);
    for (int i = 0; i < 20; ++i) packs.push_back(put_pack(*home, 50'000));
    const auto one = make(), two = make();
    {
        std::jthread first([&] { catch_up(*one); });
        std::jthread second([&] { catch_up(*two, {.heal = true}); });
        for (int i = 5; i < 15; ++i) one->remove(packs[static_cast<std::size_t>(i)], {}, {});
    }
    EXPECT_EQ(catch_up(*make(), {.heal = true}).whole(), 2);
    EXPECT_EQ(content(*a), content(*home));
    for (int i = 5; i < 15; ++i) EXPECT_FALSE(home->head(packs[static_cast<std::size_t>(i)], {}));
}

}  // namespace
}  // namespace tenon::tests
