#include <tenant/jwt.hpp>

#include <algorithm>
#include <cmath>

#include <base/bytes.hpp>
#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::jwt {
namespace {

using base::Json;

constexpr base::JsonLimits limits{.max_size = longest_token, .max_depth = 16};
constexpr double last_second = 253402300799;  // the end of the year 9999

[[noreturn]] void refuse(const std::string& why) { throw Unauthenticated("token: " + why); }

/// One part of a token: base64url without padding, of a JSON object.
Json object_of(std::string_view part, const char* what) {
    const auto bytes = crypto::from_base64url(part);
    if (!bytes) refuse(std::string(what) + " is no base64url");
    try {
        auto json = base::parse_json(base::text_of(*bytes), limits, what);
        if (json.is_object()) return json;
    } catch (const InvalidArgument& error) {
        refuse(std::string(what) + ": " + error.what());
    }
    refuse(std::string(what) + " is no object");
}

std::optional<std::string> text_in(const Json& object, std::string_view name) {
    const auto* value = object.find(name);
    if (!value) return std::nullopt;
    if (!value->is_string()) refuse(std::string(name) + " is no text");
    return value->as_string();
}

std::optional<Time> time_in(const Json& claims, std::string_view name) {
    const auto* value = claims.find(name);
    if (!value) return std::nullopt;
    if (!value->is_number()) refuse(std::string(name) + " is no time");
    const double seconds = value->as_double();
    if (!(seconds >= 0 && seconds <= last_second)) refuse(std::string(name) + " is no time");
    return Time{Duration{static_cast<std::int64_t>(std::floor(seconds * 1e6))}};
}

bool is_for(const Json& claims, std::string_view audience) {
    const auto* given = claims.find("aud");
    if (!given) refuse("no aud");
    if (given->is_string()) return given->as_string() == audience;
    if (!given->is_array()) refuse("aud is neither a text nor a list");
    bool found = false;
    for (const auto& each : given->as_array()) {
        if (!each.is_string()) refuse("aud holds what is no text");
        found = found || each.as_string() == audience;
    }
    return found;
}

[[noreturn]] void refuse_key(const std::string& why) { throw InvalidArgument("JWK set: " + why, {.subject = "jwks"}); }

base::ByteVector number_in(const Json& key, std::string_view name) {
    const auto* value = key.find(name);
    auto bytes = value && value->is_string() ? crypto::from_base64url(value->as_string()) : std::nullopt;
    if (!bytes) refuse_key("a key lacks " + std::string(name));
    return *std::move(bytes);
}

std::string word_in(const Json& key, std::string_view name) {
    const auto* value = key.find(name);
    if (!value) return "";
    if (!value->is_string()) refuse_key(std::string(name) + " is no text");
    return value->as_string();
}

std::optional<crypto::PublicVerifier> verifier_of(const Json& key) {
    const auto kind = word_in(key, "kty"), algorithm = word_in(key, "alg"), curve = word_in(key, "crv"), use = word_in(key, "use");
    if (kind.empty()) refuse_key("a key has no kty");
    for (const auto* secret : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
        if (key.find(secret)) refuse_key("a key holds its secret part: hand over public keys alone");
    const auto fits = [&](std::string_view name) { return algorithm.empty() || algorithm == name; };
    if (!use.empty() && use != "sig") return std::nullopt;
    if (kind == "RSA" && fits("RS256")) return crypto::PublicVerifier::rs256(number_in(key, "n"), number_in(key, "e"));
    if (kind == "EC" && curve == "P-256" && fits("ES256")) return crypto::PublicVerifier::es256(number_in(key, "x"), number_in(key, "y"));
    if (kind == "OKP" && curve == "Ed25519" && fits("EdDSA")) return crypto::PublicVerifier::ed25519(number_in(key, "x"));
    return std::nullopt;
}

}  // namespace

KeySet KeySet::parse(std::string_view text) {
    const auto document = base::parse_json(text, {.max_size = longest_key_set, .max_depth = 16}, "jwks");
    const auto* keys = document.is_object() ? document.find("keys") : nullptr;
    if (!keys || !keys->is_array()) refuse_key("it is an object with a list \"keys\"");
    if (keys->as_array().size() > most_keys) refuse_key("it holds 64 keys at most");
    KeySet set;
    for (const auto& each : keys->as_array()) {
        if (!each.is_object()) refuse_key("a key is no object");
        auto kid = word_in(each, "kid");
        if (auto verifier = verifier_of(each)) set.add(std::move(kid), *std::move(verifier));
    }
    if (set.size() == 0) refuse_key("it holds no public key for RS256, ES256 or EdDSA");
    return set;
}

void KeySet::add(std::string kid, crypto::PublicVerifier key) {
    if (std::ranges::find(keys_, kid, &Entry::kid) != keys_.end()) refuse_key("two keys have one kid");
    keys_.push_back({std::move(kid), std::move(key)});
}

const crypto::PublicVerifier* KeySet::find(const std::optional<std::string>& kid) const noexcept {
    if (!kid) return keys_.size() == 1 ? &keys_.front().key : nullptr;
    const auto found = std::ranges::find(keys_, *kid, &Entry::kid);
    return found == keys_.end() ? nullptr : &found->key;
}

Parsed parse(std::string_view token) {
    if (token.size() > longest_token) refuse("longer than 8 KiB");
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) refuse("not of three parts");
    const auto header = object_of(token.substr(0, first), "header");
    for (const auto* name : {"crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "enc"})
        if (header.find(name)) refuse(std::string("the header holds ") + name);
    const auto type = text_in(header, "typ");
    if (type && *type != "JWT" && *type != "jwt" && *type != "at+jwt") refuse("it is no JWT");
    Parsed parsed;
    parsed.algorithm = text_in(header, "alg").value_or("");
    if (parsed.algorithm != "EdDSA" && parsed.algorithm != "RS256" && parsed.algorithm != "ES256") refuse("no algorithm that is taken");
    parsed.kid = text_in(header, "kid");
    parsed.claims = object_of(token.substr(first + 1, second - first - 1), "claims");
    parsed.signed_part = token.substr(0, second);
    auto signature = crypto::from_base64url(token.substr(second + 1));
    if (!signature || signature->empty()) refuse("the signature is no base64url");
    parsed.signature = *std::move(signature);
    return parsed;
}

Claims verify(const Parsed& token, const KeySet& keys, const Expected& expected) {
    const auto* key = keys.find(token.kid);
    if (!key) refuse("no such key");
    if (token.algorithm != key->algorithm()) refuse("the key is for another algorithm");
    if (!key->verify(base::view_of(token.signed_part), token.signature)) refuse("the signature is wrong");
    const auto& claims = token.claims;
    Claims verified{.issuer = text_in(claims, "iss").value_or(""), .subject = text_in(claims, "sub").value_or(""), .all = claims};
    if (verified.issuer.empty() || verified.issuer != expected.issuer) refuse("another issuer");
    if (!is_for(claims, expected.audience)) refuse("for another audience");
    const auto ends = time_in(claims, "exp");
    if (!ends) refuse("no exp");
    if (*ends + expected.slack <= expected.now) refuse("expired");
    if (const auto begins = time_in(claims, "nbf"); begins && *begins > expected.now + expected.slack) refuse("not valid yet");
    if (const auto made = time_in(claims, "iat"); made && *made > expected.now + expected.slack) refuse("made in the future");
    verified.expires_at = *ends;
    return verified;
}

std::string sign(const crypto::SigningKey& key, const std::string& kid, const Json& claims) {
    auto header = Json::object();
    header.set("alg", "EdDSA").set("kid", kid).set("typ", "JWT");
    const auto part = [](const Json& json) { return crypto::to_base64url(base::view_of(base::to_json(json))); };
    auto text = part(header) + "." + part(claims);
    return text + "." + crypto::to_base64url(key.sign(base::view_of(text)));
}

Json jwk_of(const crypto::PublicKey& key, const std::string& kid) {
    auto jwk = Json::object();
    jwk.set("kty", "OKP").set("crv", "Ed25519").set("x", crypto::to_base64url(key));
    jwk.set("kid", kid).set("alg", "EdDSA").set("use", "sig");
    return jwk;
}

std::string thumbprint(const crypto::PublicKey& key) {
    // The required members in the order of their names, and nothing else.
    const auto text = R"({"crv":"Ed25519","kty":"OKP","x":")" + crypto::to_base64url(key) + R"("})";
    return crypto::to_base64url(crypto::sha256(base::view_of(text)));
}

}  // namespace tenon::tenant::jwt
