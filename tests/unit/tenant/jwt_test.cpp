#include <tenant/jwt.hpp>

#include <gtest/gtest.h>

#include <crypto/encoding.hpp>
#include <jwt_samples.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::jwt {
namespace {

namespace samples = tests::jwt_samples;
using base::Json;

const Time in_2030{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)};

Claims check(std::string_view token, const KeySet& keys, std::string_view audience = samples::audience, Time now = in_2030) {
    return verify(parse(token), keys, {.issuer = samples::issuer, .audience = audience, .now = now});
}

/// Why it is refused; empty: it is not.
std::string why(std::string_view token, const KeySet& keys, std::string_view audience = samples::audience, Time now = in_2030) {
    try {
        check(token, keys, audience, now);
        return "";
    } catch (const Unauthenticated& error) {
        return error.what();
    }
}

/// A token of ours with a header and claims as they are given.
struct Maker {
    crypto::SigningKey key = crypto::SigningKey::from_seed(crypto::from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").value());
    KeySet keys() const {
        KeySet set;
        set.add("k", crypto::PublicVerifier::ed25519(key.public_key()));
        return set;
    }
    std::string token(const std::string& header, const std::string& claims) const {
        const auto text = crypto::to_base64url(base::view_of(header)) + "." + crypto::to_base64url(base::view_of(claims));
        return text + "." + crypto::to_base64url(key.sign(base::view_of(text)));
    }
    std::string why(const std::string& header, const std::string& claims) const { return jwt::why(token(header, claims), keys()); }
};

constexpr const char* good_header = R"({"alg":"EdDSA","kid":"k"})";
const std::string good_claims = R"({"iss":"https://login.example.org","aud":"studio","exp":4102444800})";

TEST(Jwt, SignsAndVerifiesItsOwn) {
    const Maker maker;
    auto claims = Json::object();
    claims.set("iss", samples::issuer).set("aud", samples::audience).set("sub", "anna").set("exp", std::int64_t{4102444800});
    const auto token = sign(maker.key, "k", claims);
    const auto read = check(token, maker.keys());
    EXPECT_EQ(read.subject, "anna");
    EXPECT_EQ(read.expires_at, Time{std::chrono::seconds(4102444800)});
    EXPECT_EQ(thumbprint(maker.key.public_key()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k") << "RFC 8037, A.3";
    EXPECT_EQ(jwk_of(maker.key.public_key(), "k").get_string("x"), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") << "RFC 8037, A.2";
    auto set = Json::object();
    set.set("keys", Json::array().push(jwk_of(maker.key.public_key(), "k")));
    EXPECT_EQ(check(token, KeySet::parse(base::to_json(set))).subject, "anna") << "with the set that we publish";
}

TEST(Jwt, OfOthersInRs256AndEs256) {
    const auto keys = KeySet::parse(samples::jwks);
    EXPECT_EQ(keys.size(), 2u);
    EXPECT_EQ(check(samples::rs256, keys).subject, "anna-4711");
    EXPECT_EQ(check(samples::es256, keys).all.get_string("email"), "anna@example.org");
}

TEST(Jwt, WhatIsRefused) {
    const auto keys = KeySet::parse(samples::jwks);
    EXPECT_NE(why(samples::none, keys).find("algorithm"), std::string::npos);
    EXPECT_NE(why(samples::hmac, keys).find("algorithm"), std::string::npos) << "HMAC with the public key as the secret";
    EXPECT_NE(why(samples::crit, keys).find("crit"), std::string::npos);
    EXPECT_NE(why(samples::jku, keys).find("jku"), std::string::npos);
    EXPECT_NE(why(samples::jwk, keys).find("jwk"), std::string::npos);
    EXPECT_NE(why(samples::x5u, keys).find("x5u"), std::string::npos);
    EXPECT_NE(why(samples::duplicate, keys).find("twice"), std::string::npos);
    EXPECT_NE(why(samples::no_exp, keys).find("no exp"), std::string::npos);
    EXPECT_NE(why(samples::no_aud, keys).find("no aud"), std::string::npos);
    EXPECT_NE(why(samples::other_aud, keys).find("audience"), std::string::npos);
    EXPECT_NE(why(samples::other_issuer, keys).find("issuer"), std::string::npos);
    EXPECT_NE(why(samples::expired, keys).find("expired"), std::string::npos);
    EXPECT_NE(why(samples::es256, keys, "studi").find("audience"), std::string::npos);
    EXPECT_NE(why(std::string(samples::es256) + std::string(longest_token, 'A'), keys).find("8 KiB"), std::string::npos);
}

TEST(Jwt, TheKeyFixesTheAlgorithm) {
    const Maker maker;
    EXPECT_EQ(maker.why(good_header, good_claims), "");
    EXPECT_NE(maker.why(R"({"alg":"ES256","kid":"k"})", good_claims).find("another algorithm"), std::string::npos);
    EXPECT_NE(maker.why(R"({"alg":"eddsa","kid":"k"})", good_claims).find("algorithm"), std::string::npos);
    EXPECT_NE(maker.why(R"({"alg":["EdDSA"],"kid":"k"})", good_claims).find("alg"), std::string::npos);
    EXPECT_NE(maker.why(R"({"alg":"EdDSA","kid":"other"})", good_claims).find("no such key"), std::string::npos);
    EXPECT_EQ(maker.why(R"({"alg":"EdDSA"})", good_claims), "") << "the only key there is";
    EXPECT_NE(maker.why(R"({"alg":"EdDSA","kid":"k","typ":"dpop+jwt"})", good_claims).find("no JWT"), std::string::npos);
    EXPECT_NE(maker.why(R"({"alg":"EdDSA","kid":"k","b64":false})", good_claims).find("b64"), std::string::npos);
}

TEST(Jwt, TimesHoldToTheSecond) {
    const Maker maker;
    const auto keys = maker.keys();
    const auto claims = [](const std::string& more) { return good_claims.substr(0, good_claims.size() - 1) + "," + more + "}"; };
    const auto token = maker.token(good_header, claims(R"("nbf":1893456000,"iat":1893456000)"));  // 2030-01-01
    const auto at = [](std::int64_t seconds) { return Time{std::chrono::seconds(seconds)}; };
    EXPECT_EQ(why(token, keys, samples::audience, at(1893456000)), "");
    EXPECT_NE(why(token, keys, samples::audience, at(1893455999)), "");
    EXPECT_EQ(why(token, keys, samples::audience, at(4102444799)), "");
    EXPECT_NE(why(token, keys, samples::audience, at(4102444800)), "");
    for (const auto* odd : {R"("nbf":"0")", R"("nbf":-1)", R"("nbf":1e300)", R"("iat":true)"}) EXPECT_NE(maker.why(good_header,
        claims(odd)), "") << odd;
    EXPECT_EQ(maker.why(good_header, claims(R"("iat":1893455999.5)")), "") << "NumericDate may have a fraction";
}

TEST(Jwt, BrokenTextsAreRefused) {
    const Maker maker;
    const auto keys = maker.keys();
    const auto token = maker.token(good_header, good_claims);
    for (std::size_t at = 0; at < token.size(); ++at) {
        auto wrong = token;
        wrong[at] = wrong[at] == 'A' ? 'B' : 'A';
        EXPECT_NE(why(wrong, keys), "") << at;
    }
    for (const auto& text : {std::string(), std::string("."), std::string(".."), std::string("..."), token + ".", token + "=", "a." + token,
                             token.substr(0, token.rfind('.')), token.substr(0, token.rfind('.') + 1)})
        EXPECT_NE(why(text, keys), "") << text;
    EXPECT_NE(maker.why("[]", good_claims), "");
    EXPECT_NE(maker.why(good_header, "{}x"), "");
    EXPECT_NE(maker.why(good_header, R"({"iss":"https://login.example.org","aud":["studio",1],"exp":4102444800})"), "");
    EXPECT_NE(maker.why(good_header, R"({"iss":"https://login.example.org","aud":"studio","exp":"4102444800"})"), "");
    EXPECT_NE(maker.why(R"({"alg":"EdDSA","kid":"k","alg":"EdDSA"})", good_claims), "") << "a name twice";
    EXPECT_NE(maker.why(good_header, std::string(100, '[') + std::string(100, ']')), "") << "too deep";
}

TEST(Jwt, KeySetsOfOthers) {
    const auto refused = [](const std::string& text) { EXPECT_THROW(KeySet::parse(text), InvalidArgument) << text; };
    refused("");
    refused("{}");
    refused(R"({"keys":{}})");
    refused(R"({"keys":[]})");
    refused(R"({"keys":[1]})");
    refused(R"({"keys":[{"kid":"a"}]})");
    refused(R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",)"
            R"("d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]})");
    refused(R"({"keys":[{"kty":"oct","k":"AAAA"}]})");
    refused(R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]})");
    refused(R"({"keys":[{"kty":"OKP","crv":"Ed25519"}]})");
    const std::string good = R"({"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
    refused(R"({"keys":[)" + good + "," + good + "]}");
    EXPECT_EQ(KeySet::parse(R"({"keys":[{"kty":"EC","crv":"P-521","x":"AA","y":"AA"},{"kty":"RSA","alg":"RS512"},)"
                            R"({"kty":"new"},)" + good + "]}").size(), 1u)
        << "keys of other kinds are passed over";
    EXPECT_EQ(KeySet::parse(R"({"keys":[{"kty":"OKP","use":"enc"},)" + good + "]}").size(), 1u);
}

}  // namespace
}  // namespace tenon::tenant::jwt
