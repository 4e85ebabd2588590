#pragma once

#include <array>

#include <base/bytes.hpp>

namespace tenon::crypto {

using ShortDigest = std::array<std::uint8_t, 16>;

/// SipHash-2-4 with 16 bytes of output: for tables whose key nobody outside knows, in a third of BLAKE2b's time. No digest of what
/// somebody made who may know the key. `key`: 16 bytes.
ShortDigest siphash_128(base::ByteView key, base::ByteView data);

}  // namespace tenon::crypto
