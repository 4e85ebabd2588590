// What came before a checkpoint: the oldest lie in pieces of their own, and are proven and missed like all else.
#include <map>

#include <backup/parity_store.hpp>
#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/repair.hpp>
#include <backup/retention.hpp>
#include <base/file.hpp>
#include <crypto/encoding.hpp>
#include <crypto/merkle.hpp>
#include <crypto/note.hpp>

#include "copies_fixture.hpp"
#include "evidence.hpp"
#include "repository_impl.hpp"

namespace tenon::backup {
namespace {

namespace fs = std::filesystem;

Past::Row row_of(std::uint64_t number) { return {number, crypto::sha256(base::view_of(std::to_string(number)))}; }

class PastPieces : public tests::CopiesTest {
protected:
    void SetUp() override { write(source() / "file", "something"); }

    /// A record of that number with nothing in it but who signed it.
    static std::string record(Repository& repository, std::uint64_t number) {
        auto& impl = repository.inside();
        CheckpointNote note{.repository = hex(impl.super.repo), .number = number};
        return crypto::sign_note("backup", statement_of(note), impl.keys.ring.signer());
    }
    /// The newest checkpoint goes on from these instead of what it had before: as an earlier version left it, with all of them in it.
    void grow_old(Repository& repository, std::uint64_t count) {
        auto& impl = repository.inside();
        const auto found = impl.checkpoints.read(impl.keys, *impl.objects, {});
        for (const auto& name : found.names) impl.objects->remove(name, {}, {});
        auto old = *found.newest;
        records.clear();
        old.past = {};
        for (std::uint64_t number = 1; number <= count; ++number) {
            records.push_back(record(repository, number));
            old.past.add(read_checkpoint(records.back()));
        }
        old.note.number = count + 1;
        old.note.before = old.past.latest.back().hash;
        old.note.past = old.past.root();
        old.note.record = crypto::sign_note("backup", statement_of(old.note), impl.keys.ring.signer());
        records.push_back(old.note.record);
        blob::put_bytes(*impl.objects, checkpoint_name(count + 1), seal_object(impl.keys, Kind::checkpoint, encode(old)), {}, {});
    }
    void change(Repository& repository, int round) {
        write(source() / ("new" + std::to_string(round)), "round " + std::to_string(round));
        back_up(repository);
    }
    CheckpointNote take(Repository& repository) {
        auto result = take_checkpoint(repository, {.known = {records.back()}}, {});
        EXPECT_TRUE(result.problems.empty()) << all(result.problems);
        if (result.note && result.is_new) records.push_back(result.note->record);
        return result.note.value_or(CheckpointNote{});
    }
    std::vector<fs::path> pieces() const { return pieces(repo()); }
    static std::vector<fs::path> pieces(const fs::path& in) {
        std::vector<fs::path> found;
        if (fs::exists(in / "past"))
            for (const auto& entry : fs::recursive_directory_iterator(in / "past")) found.push_back(entry.path());
        std::sort(found.begin(), found.end());
        return found;
    }
    /// With two pieces, and 41 or more behind them.
    std::unique_ptr<Repository> create_with_pieces() {
        auto repository = create();
        back_up(*repository);
        records = {take_checkpoint(*repository, {}, {}).note.value().record};
        grow_old(*repository, 168);
        change(*repository, 1);
        (void)take(*repository);
        EXPECT_EQ(pieces().size(), 2u);
        return repository;
    }
    static RekeyRequest quick() {
        RekeyRequest request;
        request.look_again = std::chrono::milliseconds(1);
        return request;
    }
    std::vector<std::string> records;
};

}  // namespace

TEST(Past, its_root_is_that_of_a_line_for_each_however_it_is_cut) {
    Past past;
    crypto::MerkleTree all;
    std::map<Id, PastPiece> stored;
    std::size_t most = 0;
    for (std::uint64_t number = 1; number <= 9000; ++number) {
        const auto row = row_of(number);
        past.latest.push_back(row);
        const auto line = std::to_string(number) + ' ' + crypto::to_hex(row.hash);
        all.append_record(base::view_of(line));
        const auto whole = past;
        for (auto& piece : past.cut()) stored.emplace(piece.root(), std::move(piece));
        ASSERT_EQ(past.root(), all.root()) << number;
        ASSERT_EQ(whole.root(), all.root()) << number;
        ASSERT_EQ(past.size(), number);
        ASSERT_TRUE(is_sound(past)) << number;
        ASSERT_GE(past.latest.size(), std::min<std::size_t>(number, Past::longest - PastPiece::length)) << "these need no piece";
        most = std::max(most, encode_rows(past.latest).size() + encode_pieces(past).size());
    }
    EXPECT_EQ(stored.size(), 140u + 2u);
    EXPECT_EQ(past.pieces.front().level, 1);
    EXPECT_LT(most, 95u * 40 + 65 * 41 + 1) << "however many there are";
    for (const auto& [root, piece] : stored) {
        const auto again = decode_past_piece(encode(piece), "past");
        EXPECT_EQ(again.root(), root);
        EXPECT_EQ(again.level, piece.level);
    }
}

/// An earlier version wrote all of them into each checkpoint: key 2, and neither 8 nor 9.
TEST(Past, a_checkpoint_of_an_earlier_version_is_read_byte_for_byte) {
    Checkpoint old;
    for (std::uint64_t number = 1; number <= 300; ++number) old.past.latest.push_back(row_of(number));
    old.holdings.packs = {Id{1}, Id{2}};
    old.holdings.keys = {.generation = 1, .oldest = 1, .newest = 1, .classes = 2, .erased = 0};
    auto& note = old.note;
    note.repository = std::string(32, 'a');
    note.number = 301;
    note.before = old.past.latest.back().hash;
    note.past = old.past.root();
    note.state = old.holdings.root();
    note.packs = 2;
    note.generation = note.oldest_key = note.newest_key = 1;
    note.classes = 2;
    note.record = crypto::sign_note("backup", statement_of(note), crypto::SigningKey::from_seed(Id{5}));
    const auto bytes = encode(old);
    EXPECT_EQ(crypto::to_hex(crypto::sha256(bytes)), "c93efa80dd6a5d62623fbf5581638fc2b3104fd2c0b9469de25f9e3c0eb7c461");
    EXPECT_EQ(crypto::to_hex(note.past), "76cb8d28cb3806da19952da61016c132b1a0a756ec1e50127b0eaf7eb01a2117");
    const auto again = decode_checkpoint(bytes, "checkpoint/00000301");
    EXPECT_EQ(again.past, old.past);
    auto cut = again;
    EXPECT_EQ(cut.past.cut().size(), 4u);
    EXPECT_EQ(cut.past.root(), note.past);
    EXPECT_EQ(decode_checkpoint(encode(cut), "checkpoint/00000301").past, cut.past);
    EXPECT_LT(encode(cut).size(), 3'000u);
    // Nothing but what it says: pieces in another order, twice, or behind what they come before.
    for (const auto& spoil : std::vector<std::function<void(Past&)>>{
             [](Past& past) { std::swap(past.pieces[0], past.pieces[1]); }, [](Past& past) { past.pieces.push_back(past.pieces.back()); },
             [](Past& past) { past.pieces.pop_back(); }, [](Past& past) { past.pieces[1].level = 1; },
             [](Past& past) { past.pieces.back().row.number = 299; }, [](Past& past) { past.latest.erase(past.latest.begin()); }}) {
        auto spoilt = cut;
        spoil(spoilt.past);
        EXPECT_THROW((void)decode_checkpoint(encode(spoilt), "checkpoint/00000301"), Corrupt);
    }
}

TEST_F(PastPieces, each_of_thousands_is_found_and_what_lies_between_two_is_not) {
    const auto repository = create();
    auto& impl = repository->inside();
    Past past;
    for (std::uint64_t number = 3; past.size() < 4500; number += 3) {
        past.latest.push_back(row_of(number));
        put_pieces(impl, past.cut(), {});
    }
    ASSERT_EQ(past.pieces.front().level, 1);
    const auto last = past.latest.back().number;
    for (std::uint64_t number = 1; number <= last; number += number % 3 == 1 && number % 100 != 1 ? 2 : 1) {
        if (number % 7 > 2) continue;
        const auto found = find_in_past(impl, past, number, true, {});
        if (number % 3 == 0) ASSERT_EQ(found.hash, row_of(number).hash) << number;
        else ASSERT_EQ(found.next, (number / 3 + 1) * 3) << number;
    }
    EXPECT_FALSE(find_in_past(impl, past, last + 1, true, {}).next);
    EXPECT_TRUE(problems_of_pieces(impl, past, true, false, {}).empty());
    put_pieces(impl, {}, {});
    EXPECT_EQ(pieces().size(), 69u + 1u);
}

TEST_F(PastPieces, what_an_earlier_version_wrote_into_each_checkpoint_is_cut_by_the_next_one) {
    auto repository = create();
    back_up(*repository);
    records = {take_checkpoint(*repository, {}, {}).note.value().record};
    grow_old(*repository, 500);
    EXPECT_EQ(told(records), "");
    const auto old = fs::file_size(repo() / "checkpoint/00000501");
    change(*repository, 1);
    EXPECT_EQ(take(*repository).number, 502u);
    EXPECT_EQ(pieces().size(), 7u);
    EXPECT_LT(fs::file_size(repo() / "checkpoint/00000502"), old / 4);
    EXPECT_EQ(told(records, CheckDepth::full), "") << "all that anybody may have kept are in the past";
    // Another one of a number that is in a piece.
    auto& impl = repository->inside();
    CheckpointNote other{.repository = hex(impl.super.repo), .number = 77, .packs = 5};
    other.record = crypto::sign_note("backup", statement_of(other), impl.keys.ring.signer());
    EXPECT_NE(told({other.record}).find("forked: checkpoint 77 of this repository is another one than the record"), std::string::npos);
    other.number = 503;
    EXPECT_NE(told({crypto::sign_note("backup", statement_of(other), impl.keys.ring.signer())}).find("rolled back"), std::string::npos);
}

TEST_F(PastPieces, a_hundred_that_were_really_taken_are_all_in_the_past_of_the_newest) {
    const auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    records = {take_checkpoint(*repository, {}, {}).note.value().record};
    for (int i = 0; i < 100; ++i) {
        set_tags(*repository, id, {{"round", std::to_string(i)}}, {});
        (void)take(*repository);
    }
    EXPECT_EQ(records.size(), 101u);
    EXPECT_EQ(pieces().size(), 1u);
    EXPECT_EQ(told(records, CheckDepth::full), "");
}

TEST_F(PastPieces, one_that_is_deleted_damaged_or_swapped_is_told_and_what_is_lost_can_be_accepted) {
    auto repository = create_with_pieces();
    EXPECT_EQ(told(records, CheckDepth::full), "");
    const auto both = pieces();
    const std::vector<base::ByteVector> whole{base::read_file(both[0], 1 << 20), base::read_file(both[1], 1 << 20)};
    const std::vector<std::string> newest{records.back()};
    fs::remove(both[0]);
    EXPECT_NE(told(newest).find("deleted: what names the checkpoints up to "), std::string::npos) << told(newest);
    EXPECT_TRUE(compare_past(*open(), newest, {}).empty()) << "nothing is in a backup's way";
    write(both[0], whole[0]);
    for (std::size_t bit = 0; bit < whole[0].size() * 8; bit += 331) {
        auto bytes = whole[0];
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
        write(both[0], bytes);
        ASSERT_NE(told(newest, CheckDepth::objects), "") << bit;
    }
    write(both[0], whole[1]);
    EXPECT_NE(told(newest, CheckDepth::objects), "");
    // Under the other one's root, with a name that its bytes have.
    fs::remove(both[0]);
    const auto wrong = both[0].filename().string().substr(0, 65) + both[1].filename().string().substr(65);
    write(both[0].parent_path() / wrong, whole[1]);
    EXPECT_NE(told(newest, CheckDepth::objects).find("swapped: a piece of the past lies under another one's name"), std::string::npos)
        << told(newest, CheckDepth::objects);
    // It goes on, and stays told until somebody accepts it.
    change(*repository, 2);
    (void)take(*repository);
    EXPECT_NE(told({records.back()}, CheckDepth::objects), "");
    const auto accepted = take_checkpoint(*repository, {.known = {records.back()}, .accept = true}, {});
    ASSERT_TRUE(accepted.note && accepted.is_new);
    EXPECT_EQ(accepted.problems.size(), 1u) << all(accepted.problems);
    EXPECT_EQ(told({records.back(), accepted.note->record}, CheckDepth::full), "");
    EXPECT_EQ(pieces().size(), 1u);
    std::size_t unknown = 0;
    for (const auto& record : records)
        if (told({record}).find("nobody can tell whether") != std::string::npos) ++unknown;
    EXPECT_EQ(unknown, PastPiece::length) << "and of those that were in it nobody can say more";
    change(*repository, 3);
    records.push_back(accepted.note->record);
    (void)take(*repository);
    EXPECT_EQ(told({records.back(), accepted.note->record}, CheckDepth::full), "") << "it goes on";
}

TEST_F(PastPieces, killed_at_every_store_operation_of_the_checkpoint_that_cuts_nothing_is_lost_or_told) {
    auto repository = create();
    back_up(*repository);
    records = {take_checkpoint(*repository, {}, {}).note.value().record};
    grow_old(*repository, 100);
    change(*repository, 1);
    repository.reset();
    keep_state();
    const auto work = [](Repository& at) { take_checkpoint(at, {}, {}); };
    const auto counting = std::make_shared<tests::FaultStore>(store(), tests::Faults{});
    work(*Repository::open(counting, vault(), key(), options));
    const int operations = counting->operations();
    EXPECT_EQ(pieces().size(), 1u);
    const auto known = records;
    for (int at = 1; at <= operations; ++at) {
        bring_state_back();
        ASSERT_EQ(elsewhere({.stop_at = at, .stop = tests::Faults::Stop::kill}, work), SIGKILL) << at;
        ASSERT_EQ(told(known, CheckDepth::full), "") << at;
        records = known;
        ASSERT_NE(take(*open()).record, "") << at;
        ASSERT_EQ(told(records, CheckDepth::full), "") << at;
        ASSERT_EQ(pieces().size(), 1u) << at << ": what the killed one has put is taken";
    }
}

TEST_F(PastPieces, new_data_keys_reach_them_prunes_leave_them_and_sleepers_lose_none) {
    auto repository = create_with_pieces();
    const auto old = pieces();
    Past late;  // of a process that has its keys from before the rotation
    for (std::uint64_t number = 1; number <= 100; ++number) late.latest.push_back(row_of(number));
    open()->rotate_data_key();
    repository = open();
    EXPECT_TRUE(rekey(*repository, quick(), exec::no_progress(), {}).is_done);
    const auto anew = pieces();
    ASSERT_EQ(anew.size(), 2u);
    EXPECT_NE(anew, old);
    repository = open();
    backup::prune(*repository, {.unused_percent = 0, .look_again = std::chrono::milliseconds(1)}, exec::no_progress(), {});
    EXPECT_EQ(pieces(), anew);
    EXPECT_EQ(told(records, CheckDepth::full), "");
    // Whoever puts one does it under the keys of now, whatever he has opened the repository with.
    auto sleeper = open();
    open()->rotate_data_key();
    put_pieces(sleeper->inside(), late.cut(), {});
    EXPECT_TRUE(rekey(*open(), quick(), exec::no_progress(), {}).is_done);
    EXPECT_TRUE(problems_of_pieces(open()->inside(), late, true, false, {}).empty());
    EXPECT_EQ(told(records, CheckDepth::full), "");
}

TEST_F(PastPieces, other_stores_have_them_and_a_lost_home_gets_them_back) {
    auto repository = create_many();
    back_up(*repository);
    records = {take_checkpoint(*repository, {}, {}).note.value().record};
    grow_old(*repository, 168);
    change(*repository, 1);
    (void)take(*repository);
    EXPECT_EQ(problems_of(catch_up(*repository)), "");
    for (const auto* name : {"a", "b"}) EXPECT_EQ(pieces(place(name)).size(), 2u) << name;
    const auto check_now = [&] { return all(open_many()->check(CheckDepth::full, exec::no_progress(), {}, true, records).problems); };
    // A damaged one is mended from there.
    auto bytes = base::read_file(pieces()[0], 1 << 20);
    bytes[bytes.size() / 2] ^= 1;
    write(pieces()[0], bytes);
    EXPECT_EQ(check_now(), "");
    // Written anew they go there, too, and the old ones go.
    repository = open_many();
    repository->rotate_data_key();
    repository = open_many();
    EXPECT_TRUE(rekey(*repository, quick(), exec::no_progress(), {}).is_done);
    repository = open_many();
    EXPECT_EQ(problems_of(catch_up(*repository)), "");
    for (const auto* name : {"a", "b"}) EXPECT_EQ(pieces(place(name)).size(), 2u) << name;
    expect_alone("a", 2);
    repository.reset();
    lose_home();
    many = many_over(home);
    repository = Repository::open(many->elsewhere(), vault(), key(), options);
    (void)heal(*many, *repository);
    EXPECT_EQ(pieces().size(), 2u);
    EXPECT_EQ(check_now(), "");
}

TEST_F(PastPieces, one_that_has_gone_comes_back_from_its_copy_on_the_same_disk) {
    const auto files_of = [&] { return std::make_shared<ParityStore>(store(), Parity::thin); };
    auto repository = Repository::create(files_of(), vault(), key(), "host", options);
    back_up(*repository);
    records = {take_checkpoint(*repository, {}, {}).note.value().record};
    grow_old(*repository, 168);
    change(*repository, 1);
    (void)take(*repository);
    const auto both = pieces();
    ASSERT_EQ(both.size(), 2u);
    const auto whole = base::read_file(both[0], 1 << 20);
    for (const bool is_gone : {true, false}) {
        if (is_gone) fs::remove(both[0]);
        else write(both[0], "nothing");
        repository = Repository::open(files_of(), vault(), key(), options);
        EXPECT_EQ(all(repository->check(CheckDepth::objects, exec::no_progress(), {}, true, records).problems), "") << is_gone;
        EXPECT_TRUE(base::read_file(both[0], 1 << 20) == whole) << is_gone;
    }
}

}  // namespace tenon::backup
