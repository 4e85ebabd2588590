// Keys, refresh tokens and tickets as anybody sends them: what is read is written again as it was.

#include <cstdlib>

#include <base/bytes.hpp>
#include <tenant/key_text.hpp>

#include "fuzz.hpp"

namespace tenon::fuzz {

namespace access = tenant::access;

std::vector<Input> seeds() {
    std::vector<Input> all;
    for (const auto kind : {access::TextKind::live, access::TextKind::test, access::TextKind::refresh, access::TextKind::ticket}) {
        access::KeyText key{.kind = kind, .kid = "4fGh2kLm9QwZ"};
        for (std::size_t i = 0; i < key.secret.size(); ++i) key.secret[i] = static_cast<std::uint8_t>(i * 37);
        all.push_back(seed(0, base::view_of(access::write_key("sk", key))));
    }
    return all;
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon;
    if (size == 0) return 0;
    const auto text = base::text_of({data + 1, size - 1});
    const auto key = tenant::access::parse_key(text);
    if (!key) return 0;
    const auto again = tenant::access::write_key("x", *key);
    if (!text.ends_with(again.substr(1))) std::abort();
    return 0;
}
