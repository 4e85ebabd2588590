#include <crypto/agreement.hpp>

#include <algorithm>

#include <gtest/gtest.h>

#include "vectors.hpp"

namespace tenon::crypto {
namespace {

using tests::hex;
using tests::text;

PublicKey point(const base::ByteVector& bytes) {
    PublicKey key{};
    std::copy(bytes.begin(), bytes.end(), key.begin());
    return key;
}

// RFC 7748, 6.1.
TEST(X25519, Rfc7748) {
    const auto bob = AgreementKey::from_private(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    EXPECT_EQ(text(bob.public_key()), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    const auto alice = point(hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
    EXPECT_EQ(text(bob.agree(alice).bytes()), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

TEST(X25519, PointsOfSmallOrderAreNoKeys) {
    const auto key = AgreementKey::generate();
    EXPECT_TRUE(key.agree(PublicKey{}).empty());
    EXPECT_TRUE(key.agree(PublicKey{1}).empty());
    EXPECT_TRUE(key.agree(point(hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"))).empty());
    EXPECT_FALSE(key.agree(AgreementKey::generate().public_key()).empty());
}

}  // namespace
}  // namespace tenon::crypto
