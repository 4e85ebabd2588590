#include <crypto/sign.hpp>

#include <algorithm>

#include <gtest/gtest.h>

#include "vectors.hpp"

namespace tenon::crypto {
namespace {

using tests::hex;
using tests::text;

TEST(Ed25519, Rfc8032) {
    const auto first = SigningKey::from_seed(hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
    EXPECT_EQ(text(first.public_key()), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    EXPECT_EQ(text(first.sign({})),
              "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0"
              "595bbe24655141438e7a100b");
    const auto second = SigningKey::from_seed(hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
    EXPECT_EQ(text(second.public_key()), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    EXPECT_EQ(text(second.sign(hex("72"))),
              "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eae"
              "b4302aeeb00d291612bb0c00");
}

TEST(Ed25519, VerifiesItsOwnAndNothingElse) {
    const auto key = SigningKey::generate();
    const auto message = tests::counting(100);
    const auto signature = key.sign(message);
    EXPECT_TRUE(verify(key.public_key(), message, signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        auto bad = signature;
        bad[i] ^= 1;
        EXPECT_FALSE(verify(key.public_key(), message, bad));
    }
    EXPECT_FALSE(verify(key.public_key(), tests::counting(99), signature));
    EXPECT_FALSE(verify(SigningKey::generate().public_key(), message, signature));
    EXPECT_FALSE(verify(key.public_key(), message, base::ByteView(signature).first(63)));
    EXPECT_EQ(SigningKey::from_seed(key.seed()).public_key(), key.public_key());
}

}  // namespace
}  // namespace tenon::crypto
