#pragma once

#include <string_view>

#include <base/bytes.hpp>
#include <crypto/encoding.hpp>

namespace tenon::crypto::tests {

inline base::ByteVector hex(std::string_view text) { return from_hex(text).value(); }
inline std::string text(base::ByteView bytes) { return to_hex(bytes); }
inline base::ByteVector counting(std::size_t size) {
    base::ByteVector bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i);
    return bytes;
}

}  // namespace tenon::crypto::tests
