#include <crypto/public_key.hpp>

#include <gtest/gtest.h>

#include <crypto/encoding.hpp>
#include <tenon/error.hpp>

namespace tenon::crypto {
namespace {

base::ByteVector url(std::string_view text) { return from_base64url(text).value(); }

// RFC 7515, A.2 and A.3; RFC 8037, A.4.
constexpr const char* claims =
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr const char* modulus =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEw"
    "OWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5Zw"
    "Kh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
constexpr const char* rsa_signature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYN"
    "X4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7no"
    "OPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
constexpr const char* x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
constexpr const char* y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
constexpr const char* ec_signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

void expect_only(const PublicVerifier& key, const std::string& message, base::ByteVector signature) {
    EXPECT_TRUE(key.verify(base::view_of(message), signature));
    EXPECT_FALSE(key.verify(base::view_of(message + "x"), signature));
    for (const std::size_t at : {std::size_t{0}, signature.size() / 2, signature.size() - 1}) {
        signature[at] ^= 1;
        EXPECT_FALSE(key.verify(base::view_of(message), signature)) << at;
        signature[at] ^= 1;
    }
    EXPECT_FALSE(key.verify(base::view_of(message), {}));
    signature.push_back(0);
    EXPECT_FALSE(key.verify(base::view_of(message), signature)) << "one byte more";
}

TEST(PublicKeys, Rs256OfRfc7515) {
    const auto key = PublicVerifier::rs256(url(modulus), url("AQAB"));
    EXPECT_STREQ(key.algorithm(), "RS256");
    expect_only(key, std::string("eyJhbGciOiJSUzI1NiJ9") + claims, url(rsa_signature));
}

TEST(PublicKeys, Es256OfRfc7515) {
    const auto key = PublicVerifier::es256(url(x), url(y));
    EXPECT_STREQ(key.algorithm(), "ES256");
    const auto message = std::string("eyJhbGciOiJFUzI1NiJ9") + claims;
    expect_only(key, message, url(ec_signature));
    EXPECT_FALSE(key.verify(base::view_of(message), base::ByteVector(64))) << "the signature of zeros that once passed for any message";
}

TEST(PublicKeys, EdDsaOfRfc8037) {
    const auto key = PublicVerifier::ed25519(url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
    EXPECT_STREQ(key.algorithm(), "EdDSA");
    expect_only(key, "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
                url("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"));
}

TEST(PublicKeys, WeakAndBrokenOnesAreRefused) {
    const auto n = url(modulus);
    const auto refused = [](auto&& make) { EXPECT_THROW(make(), InvalidArgument); };
    refused([&] { PublicVerifier::rs256(base::ByteView(n).first(128), url("AQAB")); });   // 1024 bits
    refused([&] { PublicVerifier::rs256(base::ByteVector(2000, 0xff), url("AQAB")); });   // 16,000
    refused([&] { PublicVerifier::rs256(n, url("AQ")); });                               // e = 1
    refused([&] { PublicVerifier::rs256(n, url("Ag")); });                               // even
    refused([&] { PublicVerifier::rs256(n, n); });                                       // as long as the modulus
    refused([&] { PublicVerifier::rs256({}, {}); });
    auto off = url(x);
    off[5] ^= 1;
    refused([&] { PublicVerifier::es256(off, url(y)); });                                // not on the curve
    refused([&] { PublicVerifier::es256(base::ByteVector(32), base::ByteVector(32)); });
    refused([&] { PublicVerifier::es256(url(x), base::ByteView(off).first(31)); });
    refused([&] { PublicVerifier::ed25519(base::ByteView(off).first(31)); });
}

}  // namespace
}  // namespace tenon::crypto
