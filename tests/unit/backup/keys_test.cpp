#include "fixture.hpp"

#include "superblock.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

class Keys : public BackupTest {
protected:
    static void flip(const std::filesystem::path& file, std::size_t at) {
        std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekg(static_cast<std::streamoff>(at));
        const auto byte = static_cast<char>(stream.get() ^ 0x40);
        stream.seekp(static_cast<std::streamoff>(at));
        stream.put(byte);
    }
};

TEST_F(Keys, a_wrong_key_or_password_is_permission_denied) {
    create();
    const auto with = [&](const KeySource& other) { return Repository::open(store(), vault(), other, options); };
    EXPECT_THROW(with(KeySource::key(crypto::random_bytes(32))), PermissionDenied);
    EXPECT_THROW(with(KeySource::password("long enough")), PermissionDenied);
    EXPECT_NO_THROW(with(key()));
    EXPECT_THROW(KeySource::password("short"), InvalidArgument);
    EXPECT_THROW(KeySource::key(crypto::random_bytes(31)), InvalidArgument);
}

TEST_F(Keys, slots_are_added_listed_and_removed) {
    fill_source();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    const auto slot = repository->add_slot(KeySource::password("correct horse"), "owner's password");
    EXPECT_EQ(slot.number, 2u);
    auto by_password = Repository::open(store(), vault(), KeySource::password("correct horse"), options);
    EXPECT_EQ(by_password->list().front().id, id);
    ASSERT_EQ(by_password->slots().size(), 2u);
    EXPECT_EQ(by_password->slots()[1].label, "owner's password");
    EXPECT_EQ(by_password->slots()[1].kind, KeySource::Kind::password);
    EXPECT_THROW(Repository::open(store(), vault(), KeySource::password("wrong horse"), options), PermissionDenied);

    by_password->remove_slot(1);
    EXPECT_THROW(open(), PermissionDenied) << "the removed key opens nothing";
    EXPECT_THROW(by_password->remove_slot(1), NotFound);
    EXPECT_THROW(by_password->remove_slot(2), Conflict) << "the last one stays";
    EXPECT_NO_THROW(Repository::open(store(), vault(), KeySource::password("correct horse"), options));
}

TEST_F(Keys, a_repository_is_made_once_and_never_over_data) {
    auto repository = create();
    EXPECT_THROW(create(), Conflict);
    fill_source();
    back_up(*repository);
    std::filesystem::remove(repo() / "super");
    std::filesystem::remove(repo() / "super.1");
    EXPECT_THROW(create(), Corrupt) << "new keys would make the data unreadable";
    EXPECT_THROW(open(), NotFound);
}

TEST_F(Keys, a_creation_killed_before_its_superblock_can_be_repeated) {
    create();
    std::filesystem::remove(repo() / "super");
    std::filesystem::remove(repo() / "super.1");
    EXPECT_NO_THROW(create());
    EXPECT_NO_THROW(open());
}

TEST_F(Keys, either_copy_opens_and_heals_the_other) {
    create()->add_slot(KeySource::password("correct horse"), "");
    const std::filesystem::path files[] = {repo() / "super", vault_folder() / "slot/1", vault_folder() / "slot/2",
                                           vault_folder() / "ring/1"};
    for (const auto& file : files)
        for (const auto& copy : {file, std::filesystem::path(file.string() + ".1")}) {
            const auto size = std::filesystem::file_size(copy);
            for (std::size_t at = 0; at < std::min<std::size_t>(size, 140); at += 19) {
                flip(copy, at);
                EXPECT_NO_THROW(open()) << copy << " byte " << at;
                EXPECT_NO_THROW(Repository::open(store(), vault(), KeySource::password("correct horse"), options));
                if (copy.string().find("slot/") == std::string::npos) {
                    EXPECT_EQ(all(check(*open()).problems), "") << copy;
                }
            }
            std::filesystem::remove(copy);
            EXPECT_NO_THROW(open()) << copy;
            EXPECT_NO_THROW(Repository::open(store(), vault(), KeySource::password("correct horse"), options)) << copy;
        }
    EXPECT_NO_THROW(Repository::open(store(), vault(), KeySource::password("correct horse"), options));
}

TEST_F(Keys, both_copies_gone_is_corrupt) {
    create();
    flip(repo() / "super", 30);
    flip(repo() / "super.1", 40);
    EXPECT_THROW(open(), Corrupt);
}

TEST_F(Keys, unknown_features_are_refused) {
    create();
    const auto raw = blob::get_all(*store(), "super", 4096);
    const auto with = [&](auto change) {
        auto super = decode_superblock(raw, "super");
        change(super);
        for (const auto* name : {"super", "super.1"}) blob::put_bytes(*store(), name, encode(super), {.create_only = false});
        EXPECT_THROW(open(), Unsupported);
    };
    with([](Superblock& s) { s.mandatory = 1; });
    with([](Superblock& s) { s.mandatory = 0x80000000; });
    with([](Superblock& s) { s.min_reader = 2; });
    with([](Superblock& s) { s.format = 2; });
    with([](Superblock& s) { s.chunker_profile = 2; });
    with([](Superblock& s) { s.id_alg = 2; });
    with([](Superblock& s) { s.aead = 9; });
    auto super = decode_superblock(raw, "super");
    super.optional = 7;  // what a reader need not know
    for (const auto* name : {"super", "super.1"}) blob::put_bytes(*store(), name, encode(super), {.create_only = false});
    EXPECT_NO_THROW(open());
}

TEST_F(Keys, a_slot_that_asks_for_too_little_or_too_much_work_is_refused) {
    auto repository = create();
    repository->add_slot(KeySource::password("correct horse"), "");
    repository->remove_slot(1);
    const auto raw = blob::get_all(*vault(), "slot/2", 4096);
    for (const auto& [at, value] : {std::pair{16, 1024u}, {16, 0xffffffffu}, {20, 1u}, {20, 1000u}, {24, 77u}}) {
        auto bad = raw;
        base::store_le(bad.data() + at, static_cast<std::uint32_t>(value));
        for (const auto* name : {"slot/2", "slot/2.1"}) blob::put_bytes(*vault(), name, bad, {.create_only = false});
        EXPECT_THROW(Repository::open(store(), vault(), KeySource::password("correct horse"), options), Error) << at << ' ' << value;
    }
}

TEST_F(Keys, two_tenants_share_nothing) {
    fill_source();
    auto mine = create();
    const auto theirs_store = std::make_shared<blob::FileStore>(folder / "theirs", base::system_clock());
    const auto theirs_vault = std::make_shared<blob::FileStore>(folder / "theirs-vault", base::system_clock());
    const auto their_key = crypto::random_bytes(32);
    auto theirs = Repository::create(theirs_store, theirs_vault, KeySource::key(their_key), "host", options);
    const auto my_snapshot = back_up(*mine).snapshot.id;
    const auto their_totals = back_up(*theirs);
    EXPECT_EQ(their_totals.bytes_new, back_up(*mine).bytes_new + their_totals.bytes_new) << "the same content is new to each";

    // Their key opens nothing of mine, not even with my slots beside my objects.
    EXPECT_THROW(Repository::open(store(), vault(), KeySource::key(their_key), options), PermissionDenied);
    EXPECT_THROW(Repository::open(store(), theirs_vault, KeySource::key(their_key), options), Error);
    EXPECT_FALSE(theirs->find(my_snapshot));

    // Their objects in my store are damage, found before anything is decrypted, and never content.
    std::filesystem::copy(folder / "theirs/snap", repo() / "snap", std::filesystem::copy_options::recursive);
    std::filesystem::copy(folder / "theirs/packs", repo() / "packs",
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::skip_existing);
    EXPECT_FALSE(mine->list().empty());
    for (const auto& info : mine->list()) EXPECT_NE(info.id, their_totals.snapshot.id);
    EXPECT_THROW(mine->find(their_totals.snapshot.id), Corrupt);
    const auto report = check(*mine);
    EXPECT_NE(all(report.problems).find("not sealed with this repository's keys"), std::string::npos);
    const auto restored = restore(*mine, my_snapshot, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
}

}  // namespace
}  // namespace tenon::tests
