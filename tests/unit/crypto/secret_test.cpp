#include <crypto/secret.hpp>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <tenon/error.hpp>

#include "vectors.hpp"

namespace tenon::crypto {
namespace {

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);

TEST(Secret, HoldsMovesAndClones) {
    auto secret = Secret::copy_of(tests::counting(40));
    const auto clone = secret.clone();
    const auto moved = std::move(secret);
    EXPECT_TRUE(secret.empty());  // NOLINT(bugprone-use-after-move): moved-from is empty by contract
    EXPECT_EQ(tests::text(moved.bytes()), tests::text(tests::counting(40)));
    EXPECT_NE(moved.bytes().data(), clone.bytes().data());
    EXPECT_EQ(tests::text(moved.part(38, 2)), "2627");
    EXPECT_THROW(static_cast<void>(moved.part(39, 2)), InternalError);
    EXPECT_EQ(tests::text(Secret(3).bytes()), "000000");
}

// The line "VmFlags" of the mapping that holds `address`.
std::string flags_of(const void* address) {
    std::ifstream maps("/proc/self/smaps");
    std::string line;
    bool here = false;
    while (std::getline(maps, line)) {
        unsigned long begin = 0, end = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
            const auto at = reinterpret_cast<unsigned long>(address);
            here = at >= begin && at < end;
        } else if (here && line.starts_with("VmFlags:")) {
            return line + ' ';
        }
    }
    return {};
}

TEST(Secret, StaysOutOfCoreDumps) {
    for (const auto size : {1, 32, 64, 65, 5000}) {
        const auto secret = Secret::random(size);
        EXPECT_NE(flags_of(secret.bytes().data()).find(" dd "), std::string::npos) << size;
    }
}

TEST(Secret, KeysShareAPageAndNothingElse) {
    std::vector<Secret> secrets;
    for (int i = 0; i < 1000; ++i) {
        secrets.push_back(Secret(1 + i % 64));
        std::fill(secrets.back().bytes().begin(), secrets.back().bytes().end(), static_cast<std::uint8_t>(i));
    }
    for (int i = 0; i < 1000; ++i)
        for (const auto byte : secrets[i].bytes()) ASSERT_EQ(byte, static_cast<std::uint8_t>(i));
    std::set<std::uintptr_t> pages;
    for (const auto& secret : secrets) pages.insert(reinterpret_cast<std::uintptr_t>(secret.bytes().data()) / 4096);
    EXPECT_LE(pages.size(), 18U);
}

TEST(Secret, IsWipedBeforeTheNextOneGetsItsPlace) {
    const std::uint8_t* place = nullptr;
    {
        const auto secret = Secret::copy_of(base::ByteVector(64, 0xa5));
        place = secret.bytes().data();
    }
    const Secret next(1);
    ASSERT_EQ(next.bytes().data(), place);  // all 64 of them are readable
    EXPECT_EQ(base::ByteVector(place, place + 64), base::ByteVector(64, 0));
}

TEST(Secret, ComeAndGoOnManyThreads) {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([t] {
            for (int i = 0; i < 20'000; ++i) {
                const auto secret = Secret::copy_of(base::ByteVector(32, static_cast<std::uint8_t>(t)));
                const auto copy = secret.clone();
                ASSERT_TRUE(equal_constant_time(copy.bytes(), base::ByteVector(32, static_cast<std::uint8_t>(t))));
            }
        });
}

TEST(Secret, ComparesAndWipes) {
    EXPECT_TRUE(equal_constant_time(tests::counting(9), tests::counting(9)));
    EXPECT_FALSE(equal_constant_time(tests::counting(9), tests::counting(8)));
    EXPECT_FALSE(equal_constant_time(tests::hex("00ff"), tests::hex("00fe")));
    EXPECT_TRUE(equal_constant_time({}, {}));
    auto bytes = tests::counting(9);
    wipe(bytes);
    EXPECT_EQ(bytes, base::ByteVector(9, 0));
}

TEST(Random, Differs) {
    EXPECT_NE(random_bytes(32), random_bytes(32));
    EXPECT_TRUE(random_bytes(0).empty());
}

TEST(Encoding, Rfc4648AndStrictness) {
    EXPECT_EQ(to_base64(base::view_of("fooba")), "Zm9vYmE=");
    EXPECT_EQ(to_base64({}), "");
    EXPECT_EQ(to_base64url(tests::hex("fbff")), "-_8");
    for (std::size_t size = 0; size < 70; ++size) {
        const auto bytes = random_bytes(size);
        EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
        EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
        EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
    }
    for (const auto* bad : {"Zm9vYmE", "Zm9vYmF=", "Zm9v YmE=", "Zm9vYmE=\n", "Zm9vYmE==", "-_8="})
        EXPECT_FALSE(from_base64(bad)) << bad;
    EXPECT_FALSE(from_base64url("-_8="));
    EXPECT_FALSE(from_hex("0"));
    EXPECT_FALSE(from_hex("0g"));
    EXPECT_EQ(from_hex("Ff00"), tests::hex("ff00"));
}

}  // namespace
}  // namespace tenon::crypto
