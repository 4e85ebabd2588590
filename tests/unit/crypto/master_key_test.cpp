#include <crypto/master_key.hpp>

#include <algorithm>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <base/file.hpp>
#include <temp_folder.hpp>
#include <tenon/error.hpp>

#include "vectors.hpp"

namespace tenon::crypto {
namespace {

using base::ByteVector;
using base::view_of;
using tenon::tests::TempFolder;
using tests::text;

const Argon2Cost quick{.memory_kib = 19 * 1024, .passes = 2};

TEST(MasterKey, FileIsMadeOnceAndPrivate) {
    const TempFolder folder;
    const auto first = MasterKey::load_or_create(folder / "master");
    const auto again = MasterKey::load_or_create(folder / "master");
    EXPECT_EQ(first.id(), again.id());
    struct stat st{};
    ASSERT_EQ(stat((folder / "master").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777u, 0600u);
    EXPECT_EQ(st.st_size, 32);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "no leftovers";
    EXPECT_NE(MasterKey::load_or_create(folder / "other").id(), first.id());
}

TEST(MasterKey, ARaceYieldsOneKey) {
    const TempFolder folder;
    std::array<MasterKey::Id, 8> ids{};
    {
        std::vector<std::jthread> racers;
        for (auto& id : ids) racers.emplace_back([&] { id = MasterKey::load_or_create(folder / "master").id(); });
    }
    for (const auto& id : ids) EXPECT_EQ(id, ids[0]);
}

TEST(MasterKey, DamagedOrMissing) {
    const TempFolder folder;
    for (const std::size_t size : {0, 31, 33}) {
        base::write_file_atomically(folder / "bad", ByteVector(size, 1));
        EXPECT_THROW(MasterKey::load_or_create(folder / "bad"), Corrupt) << size;
    }
    EXPECT_THROW(MasterKey::load_or_create(folder / "no" / "folder"), NotFound);
    EXPECT_THROW(MasterKey::from_bytes(ByteVector(31)), InvalidArgument);
}

TEST(MasterKey, SealsAndOpens) {
    const auto key = MasterKey::from_bytes(tests::counting(32));
    for (const std::size_t size : {0, 1, 1000}) {
        const auto plain = tests::counting(size);
        const auto sealed = key.seal("camera/1", plain);
        EXPECT_EQ(sealed.size(), size + 72);
        EXPECT_EQ(text(key.open("camera/1", sealed).bytes()), text(plain));
        EXPECT_NE(key.seal("camera/1", plain), sealed);
    }
    const auto sealed = key.seal("camera/1", view_of("rosebud"));
    EXPECT_THROW(key.open("camera/2", sealed), Corrupt);
    EXPECT_THROW(MasterKey::from_bytes(ByteVector(32, 9)).open("camera/1", sealed), PermissionDenied);
    EXPECT_EQ(std::search(sealed.begin(), sealed.end(), view_of("rosebud").begin(), view_of("rosebud").end()),
              sealed.end());
}

TEST(MasterKey, EveryFlippedBitAndEveryCutIsFound) {
    const auto key = MasterKey::from_bytes(tests::counting(32));
    const auto sealed = key.seal("label", tests::counting(20));
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        auto bad = sealed;
        bad[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
        EXPECT_THROW(key.open("label", bad), Corrupt);
    }
    for (std::size_t size = 0; size < sealed.size(); ++size)
        EXPECT_THROW(key.open("label", base::ByteView(sealed).first(size)), Corrupt);
}

// What is on disk today must open for ever.
TEST(MasterKey, OpensTheStoredFormat) {
    const auto key = MasterKey::from_bytes(tests::counting(32));
    EXPECT_EQ(text(key.id()), "c5fb3a176ec0333393d3c72c7e1dd7fd");
    const auto sealed = tests::hex(
        "010100000a91c46fc5fb3a176ec0333393d3c72c7e1dd7fd6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283"
        "014fca07c005bec989a8b5edf4217f8c1031a3e7d5a1b9");
    EXPECT_EQ(base::text_of(key.open("camera/1", sealed).bytes()), "rosebud");
}

TEST(MasterKey, PassphraseIsTheKey) {
    const TempFolder folder;
    const auto file = folder / "passphrase";
    const auto first = MasterKey::from_passphrase(view_of("open sesame"), file, quick);
    const auto sealed = first.seal("x", view_of("y"));
    EXPECT_EQ(base::text_of(MasterKey::from_passphrase(view_of("open sesame"), file).open("x", sealed).bytes()), "y")
        << "the stored cost counts, not the default";
    EXPECT_THROW(MasterKey::from_passphrase(view_of("open sesam"), file), PermissionDenied);
    EXPECT_THROW(MasterKey::from_passphrase({}, file), InvalidArgument);
    EXPECT_THROW(MasterKey::from_passphrase(view_of("x"), folder / "new", {.passes = 1}), InvalidArgument);
    EXPECT_FALSE(std::filesystem::exists(folder / "new"));
}

TEST(MasterKey, PassphraseFileDamageIsFound) {
    const TempFolder folder;
    const auto file = folder / "passphrase";
    static_cast<void>(MasterKey::from_passphrase(view_of("open sesame"), file, quick));
    const auto good = base::read_file(file, 4096);
    ASSERT_EQ(good.size(), 72u);
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto bad = good;
        bad[i] ^= 0x10;
        base::write_file_atomically(file, bad);
        EXPECT_THROW(MasterKey::from_passphrase(view_of("open sesame"), file), Corrupt) << i;
    }
}

}  // namespace
}  // namespace tenon::crypto
