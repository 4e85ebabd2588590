#include <crypto/cipher.hpp>

#include <algorithm>

#include <gtest/gtest.h>

#include "vectors.hpp"

namespace tenon::crypto {
namespace {

using base::ByteVector;
using tests::counting;
using tests::hex;
using tests::text;

// NIST's GCM revision, test case 16.
const auto key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
const auto aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
const auto plain = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
                       "b16aedf5aa0de657ba637b39");
const auto sealed = hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
                        "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");

Nonce case16() {
    Nonce nonce;
    std::ranges::copy(hex("cafebabefacedbaddecaf888"), nonce.begin());
    return nonce;
}

TEST(Aes256Gcm, KnownAnswer) {
    Aes256Gcm cipher(key);
    for (int again = 0; again < 2; ++again) {  // one context serves many messages
        ByteVector out(plain.size() + 16);
        cipher.seal(case16(), aad, plain, out);
        EXPECT_EQ(text(out), text(sealed));
        ByteVector back(plain.size());
        ASSERT_TRUE(cipher.open(case16(), aad, sealed, back));
        EXPECT_EQ(back, plain);
    }
}

TEST(Aes256Gcm, NothingAndInPlace) {
    Aes256Gcm cipher(key);
    ByteVector tag(16), none;
    cipher.seal(nonce_of(7), {}, {}, tag);
    EXPECT_TRUE(cipher.open(nonce_of(7), {}, tag, none));
    EXPECT_FALSE(cipher.open(nonce_of(8), {}, tag, none));

    auto buffer = counting(1000);
    buffer.resize(1016);
    cipher.seal(nonce_of(1), aad, base::ByteView(buffer).first(1000), buffer);
    ASSERT_TRUE(cipher.open(nonce_of(1), aad, buffer, base::ByteSpan(buffer).first(1000)));
    buffer.resize(1000);
    EXPECT_EQ(buffer, counting(1000));
}

TEST(Aes256Gcm, EveryFlippedBitIsFoundAndNothingComesOut) {
    Aes256Gcm cipher(key);
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        auto bad = sealed;
        bad[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
        ByteVector out(plain.size(), 0xee);
        ASSERT_FALSE(cipher.open(case16(), aad, bad, out));
        EXPECT_EQ(out, ByteVector(plain.size(), 0));
    }
    ByteVector out(plain.size());
    EXPECT_FALSE(cipher.open(case16(), base::ByteView(aad).first(19), sealed, out));
    EXPECT_FALSE(cipher.open(nonce_of(0), aad, sealed, out));
    EXPECT_FALSE(cipher.open(case16(), aad, base::ByteView(sealed).first(15), {}));
    EXPECT_TRUE(cipher.open(case16(), aad, sealed, out)) << "a refusal leaves the cipher usable";
}

TEST(Nonce, IsLittleEndianBehindZeros) {
    EXPECT_EQ(text(nonce_of(0x01020304)), "000000000000000004030201");
}

TEST(Aes128, Fips197AndManyBlocks) {
    Aes128 aes(counting(16));
    const auto block = hex("00112233445566778899aabbccddeeff");
    ByteVector many;
    for (int i = 0; i < 33; ++i) base::append(many, block);
    aes.encrypt(many, many);
    for (int i = 0; i < 33; ++i)
        EXPECT_EQ(text(base::ByteView(many).subspan(static_cast<std::size_t>(i) * 16, 16)),
                  "69c4e0d86a7b0430d8cdb78070b4c55a");
}

}  // namespace
}  // namespace tenon::crypto
