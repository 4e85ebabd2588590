#include <crypto/hash.hpp>
#include <crypto/short_hash.hpp>
#include <tenon/error.hpp>

#include <gtest/gtest.h>

#include "vectors.hpp"

namespace tenon::crypto {
namespace {

using base::view_of;
using tests::counting;
using tests::hex;
using tests::text;

TEST(Sha256, KnownAnswers) {
    EXPECT_EQ(text(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(text(sha256(view_of("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(text(sha256(base::ByteVector(1'000'000, 'a'))),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesEqualTheWhole) {
    const auto data = counting(1000);
    for (const std::size_t cut : {0, 1, 63, 64, 65, 999, 1000}) {
        Sha256 hash;
        hash.update(base::ByteView(data).first(cut));
        EXPECT_EQ(hash.digest(), sha256(base::ByteView(data).first(cut)));
        hash.update(base::ByteView(data).subspan(cut));
        EXPECT_EQ(hash.finish(), sha256(data));
        EXPECT_EQ(hash.finish(), sha256({})) << "finish begins anew";
    }
}

TEST(HmacSha256, Rfc4231) {
    EXPECT_EQ(text(hmac_sha256(base::ByteVector(20, 0x0b), view_of("Hi There"))),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(text(hmac_sha256(view_of("Jefe"), view_of("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(text(hmac_sha256(base::ByteVector(131, 0xaa),
                               view_of("Test Using Larger Than Block-Size Key - Hash Key First"))),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacSha256, OneKeyManyMessages) {
    HmacSha256 mac(view_of("Jefe"));
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(mac.update(view_of("what do ya want ")).update(view_of("for nothing?")).finish(),
                  hmac_sha256(view_of("Jefe"), view_of("what do ya want for nothing?")));
}

TEST(HmacSha256, SeveralAtATime) {
    HmacSha256 mac(view_of("Jefe"));
    const std::vector<base::ByteView> none;
    mac.each({}, none, {});
    const auto data = counting(2000);
    for (const std::size_t head : {0, 1, 63}) {
        const auto before = counting(head);
        for (const std::size_t number : {1, 2, 3, 7, 400}) {
            std::vector<base::ByteView> messages;
            // Every length up to some blocks, and unlike ones beside each other.
            for (std::size_t i = 0; i < number; ++i) messages.push_back(base::ByteView(data).subspan(i, i % 3 == 2 ? 1500 - 3 * i : i));
            std::vector<Digest> macs(number);
            mac.each(before, messages, macs);
            for (std::size_t i = 0; i < number; ++i) {
                EXPECT_EQ(macs[i], HmacSha256(view_of("Jefe")).update(before).update(messages[i]).finish()) << head << ' ' << number << ' ' << i;
                EXPECT_EQ(macs[i], mac.update(before).update(messages[i]).finish()) << "it begins anew";
            }
        }
    }
    std::vector<Digest> macs(1);
    const base::ByteView message(data);
    EXPECT_THROW(mac.each(counting(64), {&message, 1}, macs), InternalError);
    EXPECT_THROW(mac.each({}, {&message, 1}, {}), InternalError);
}

TEST(Sha256, PiecesOfAnyLength) {
    const auto data = counting(3000);
    for (std::size_t piece = 1; piece < 300; ++piece) {
        Sha256 hash;
        for (std::size_t at = 0; at < data.size(); at += piece) {
            const auto all = base::ByteView(data).first(std::min(at + piece, data.size()));
            hash.update({}).update(all.subspan(at));
            if (at % 7 == 0) {
                EXPECT_EQ(hash.digest(), sha256(all)) << piece;
            }
        }
        EXPECT_EQ(hash.finish(), sha256(data)) << piece;
        EXPECT_EQ(hash.finish(), sha256({})) << "it begins anew";
    }
}

TEST(HmacSha256, AnotherHashBesideMessages) {
    HmacSha256 mac(view_of("Jefe"));
    const auto data = counting(5000);
    for (const std::size_t before : {0, 1, 63, 64, 65, 200})
        for (const std::size_t size : {0, 1, 62, 63, 64, 65, 128, 1000, 4000})
            for (const std::size_t number : {0, 1, 2, 5}) {
                std::vector<base::ByteView> messages;
                for (std::size_t i = 0; i < number; ++i) messages.push_back(base::ByteView(data).subspan(i, 300 * i + before));
                std::vector<Digest> macs(number);
                Sha256 beside;
                beside.update(base::ByteView(data).first(before));
                const auto left = mac.each(view_of("head"), messages, macs, {&beside, base::ByteView(data).subspan(before, size)});
                EXPECT_EQ(left.data() + left.size(), data.data() + before + size) << "the end of what came beside";
                beside.update(left);
                EXPECT_EQ(beside.digest(), sha256(base::ByteView(data).first(before + size))) << before << ' ' << size << ' ' << number;
                EXPECT_EQ(beside.update(base::ByteView(data).subspan(before + size)).finish(), sha256(data)) << "it goes on";
                for (std::size_t i = 0; i < number; ++i)
                    EXPECT_EQ(macs[i], mac.update(view_of("head")).update(messages[i]).finish()) << number << ' ' << i;
            }
}

TEST(Blake2b, KeyedKnownAnswer) {
    EXPECT_EQ(text(blake2b_256(counting(32), counting(200))),
              "a39ff6e7e838226fd50e24a55375ff3a39419fd93e32cc463f3f74323291c425");
}

// The first answers of the list that its authors publish: key 00 01 … 0f, messages of no and of one byte.
TEST(SipHash, KnownAnswers) {
    EXPECT_EQ(text(siphash_128(counting(16), {})), "a3817f04ba25a8e66df67214c7550293");
    EXPECT_EQ(text(siphash_128(counting(16), counting(1))), "da87c1d86b99af44347659119b22fc45");
    EXPECT_NE(siphash_128(counting(16), view_of("a")), siphash_128(base::ByteVector(16, 1), view_of("a")));
    EXPECT_THROW(siphash_128(counting(15), {}), InternalError);
}

TEST(Crc32c, KnownAnswers) {
    EXPECT_EQ(crc32c(view_of("123456789")), 0xe3069283u);
    EXPECT_EQ(crc32c(base::ByteVector(32, 0)), 0x8a9136aau);
    EXPECT_EQ(crc32c(base::ByteVector(32, 0xff)), 0x62a8ab43u);
    EXPECT_EQ(crc32c({}), 0u);
}

/// By its definition, bit by bit.
std::uint32_t remainder_of(base::ByteView bytes, std::uint32_t before = 0) {
    auto crc = ~before;
    for (const auto byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0);
    }
    return ~crc;
}

TEST(Crc32c, IsItsDefinitionAndChains) {
    const auto data = counting(300);
    const base::ByteView all(data);
    for (std::size_t begin = 0; begin < 9; ++begin)
        for (std::size_t size = 0; size < 80; ++size) {
            const auto piece = all.subspan(begin, size);
            EXPECT_EQ(crc32c(piece), remainder_of(piece));
            EXPECT_EQ(crc32c(piece.subspan(size / 3), crc32c(piece.first(size / 3))), crc32c(piece));
        }
    const auto large = counting(20'000);
    for (const std::size_t size : {255, 256, 257, 3'072, 6'143, 20'000}) {
        const auto piece = base::ByteView(large).first(size);
        EXPECT_EQ(crc32c(piece), remainder_of(piece)) << size;
        EXPECT_EQ(crc32c(piece.subspan(1, size - 1), 17), remainder_of(piece.subspan(1, size - 1), 17)) << size;
    }
}

}  // namespace
}  // namespace tenon::crypto
