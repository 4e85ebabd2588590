// Tokens and key sets as anybody sends them.

#include <base/bytes.hpp>
#include <crypto/encoding.hpp>
#include <jwt_samples.hpp>
#include <tenant/jwt.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {

namespace samples = tests::jwt_samples;

std::vector<Input> seeds() {
    std::vector<Input> all;
    for (const auto* token : {samples::rs256, samples::es256, samples::none, samples::hmac, samples::duplicate, samples::jwk})
        all.push_back(seed(0, base::view_of(token)));
    all.push_back(seed(1, base::view_of(samples::jwks)));
    // The parts before they are encoded: a mutation of base64 rarely is JSON.
    const std::string_view token = samples::es256;
    const auto first = token.find('.'), second = token.find('.', first + 1);
    all.push_back(seed(2, crypto::from_base64url(token.substr(0, first)).value()));
    all.push_back(seed(3, crypto::from_base64url(token.substr(first + 1, second - first - 1)).value()));
    return all;
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon;
    if (size == 0) return 0;
    static const auto keys = tenant::jwt::KeySet::parse(fuzz::samples::jwks);
    const auto rest = base::ByteView(data + 1, size - 1);
    std::string token(base::text_of(rest));
    const std::string_view good = fuzz::samples::es256;
    const auto first = good.find('.'), second = good.find('.', first + 1);
    switch (data[0] % 4) {
        case 1: fuzz::reads([&] { (void)tenant::jwt::KeySet::parse(token); }); return 0;
        case 2: token = crypto::to_base64url(rest) + std::string(good.substr(first)); break;
        case 3: token = std::string(good.substr(0, first + 1)) + crypto::to_base64url(rest) + std::string(good.substr(second)); break;
        default: break;
    }
    fuzz::reads([&] {
        (void)tenant::jwt::verify(tenant::jwt::parse(token), keys,
                                  {.issuer = fuzz::samples::issuer, .audience = fuzz::samples::audience, .now = Time{}});
    });
    return 0;
}
