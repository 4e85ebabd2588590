// What else decides who comes in and is text: stored passwords, secrets and codes of second factors, networks of keys.

#include <cstdlib>
#include <string>

#include <base/bytes.hpp>
#include <base/network.hpp>
#include <crypto/otp.hpp>
#include <tenant/passwords.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {

constexpr std::string_view password =
    "$argon2id$v=19$m=65536,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
constexpr std::string_view secret = "GEZD GNBV-GY3TQOJQgezdgnbvgy3tqojq====";

std::vector<Input> seeds() {
    std::vector<Input> all{seed(0, base::view_of(password)), seed(1, base::view_of(secret)), seed(2, base::view_of("287082"))};
    for (const auto* network : {"192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.7", "0.0.0.0/0"}) all.push_back(seed(3, base::view_of(network)));
    return all;
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon;
    if (size == 0) return 0;
    const std::string text(base::text_of({data + 1, size - 1}));
    switch (data[0] % 4) {
        case 0: fuzz::reads([&] {
            const auto stored = tenant::access::passwords::parse(text);
            if (stored.salt.size() != 16 || stored.hash.size() != 32) std::abort();
        }); break;
        case 1:
            if (const auto key = crypto::from_base32(text); key && crypto::from_base32(crypto::to_base32(*key)) != key) std::abort();
            break;
        case 2: {
            static const auto key = crypto::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").value();
            const auto step = tenant::access::factors::matching_step(key, text, Time{std::chrono::seconds(59)}, 0);
            if (step.has_value() && text.size() != 6) std::abort();
            break;
        }
        default:
            if (const auto network = base::Network::parse(text)) {
                const auto address = base::parse_address(text.substr(0, text.find('/')));
                if (!address || !network->contains(*address)) std::abort();
            }
    }
    return 0;
}
