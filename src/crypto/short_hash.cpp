#include <crypto/short_hash.hpp>

#include <tuple>

#include <tenon/error.hpp>

#include "sodium.hpp"

namespace tenon::crypto {

ShortDigest siphash_128(base::ByteView key, base::ByteView data) {
    start_sodium();
    if (key.size() != crypto_shorthash_siphashx24_KEYBYTES) throw InternalError("a SipHash key has 16 bytes");
    ShortDigest digest;
    static_assert(std::tuple_size_v<ShortDigest> == crypto_shorthash_siphashx24_BYTES);
    crypto_shorthash_siphashx24(digest.data(), data.data(), data.size(), key.data());
    return digest;
}

}  // namespace tenon::crypto
