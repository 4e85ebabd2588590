#include <crypto/kdf.hpp>

#include <gtest/gtest.h>

#include <tenon/error.hpp>

#include "vectors.hpp"

namespace tenon::crypto {
namespace {

using base::ByteVector;
using base::view_of;
using tests::hex;
using tests::text;

TEST(Hkdf, Rfc5869) {
    const ByteVector input(22, 0x0b);
    const auto salt = hex("000102030405060708090a0b0c");
    const auto info = hex("f0f1f2f3f4f5f6f7f8f9");
    const auto prk = hkdf_extract(salt, input);
    EXPECT_EQ(text(prk.bytes()), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    const std::string okm = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
    EXPECT_EQ(text(hkdf_expand(prk.bytes(), info, 42).bytes()), okm);
    EXPECT_EQ(text(hkdf(salt, input, info, 42).bytes()), okm);
    EXPECT_EQ(text(hkdf({}, input, {}, 42).bytes()),
              "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
    EXPECT_EQ(hkdf({}, input, {}, 8160).size(), 8160u);
    EXPECT_THROW(hkdf({}, input, {}, 8161), InternalError);
}

TEST(Argon2id, AgreesWithTheReferenceTool) {
    const auto salt = view_of("0123456789abcdef");
    EXPECT_EQ(text(argon2id(view_of("password"), salt, {.memory_kib = 19 * 1024, .passes = 2}).bytes()),
              "d2ab07b39ef7f8b806227cd86fbb11aa5393066a98e17eacacd126eb26e9276d");
    EXPECT_EQ(text(argon2id(view_of("correct horse"), salt, {}).bytes()),
              "92599c67f23f1d9dce9b6f0cfb5a9b18ce110336de00799947472465edd9e49a");
}

TEST(Argon2id, RefusesDowngradesAndBombs) {
    const auto refuses = [](Argon2Cost cost) {
        EXPECT_THROW(check_cost(cost), InvalidArgument) << cost.memory_kib << ' ' << cost.passes;
        EXPECT_THROW(argon2id(view_of("p"), view_of("0123456789abcdef"), cost), InvalidArgument);
    };
    refuses({.memory_kib = 19 * 1024 - 1});
    refuses({.memory_kib = 1024 * 1024 + 1});
    refuses({.memory_kib = 0xffffffff});
    refuses({.passes = 1});
    refuses({.passes = 17});
    refuses({.lanes = 0});
    EXPECT_THROW(check_cost({.lanes = 4}), Unsupported);
    EXPECT_NO_THROW(check_cost({.memory_kib = 1024 * 1024, .passes = 16}));
}

TEST(Pbkdf2, KnownAnswerAndBounds) {
    EXPECT_EQ(text(pbkdf2_sha256(view_of("password"), view_of("salt"), 600'000).bytes()),
              "669cfe52482116fda1aa2cbe409b2f56c8e4563752b7a28f6eaab614ee005178");
    EXPECT_THROW(pbkdf2_sha256(view_of("p"), view_of("s"), 599'999), InvalidArgument);
    EXPECT_THROW(pbkdf2_sha256(view_of("p"), view_of("s"), 10'000'001), InvalidArgument);
}

}  // namespace
}  // namespace tenon::crypto
