#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace tenon::base {

using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;
using ByteVector = std::vector<std::uint8_t>;

/// The bytes of a text, without its end.
inline ByteView view_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view text_of(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

static_assert(std::endian::native == std::endian::little, "disk formats are copied as they lie in memory");

/// Unaligned little-endian access. The caller has checked the bounds.
template <class T> T load_le(const std::uint8_t* from) {
    static_assert(std::is_integral_v<T>);
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
/// The first eight bytes, so that comparing numbers compares bytes.
inline std::uint64_t load_be64(const std::uint8_t* from) { return __builtin_bswap64(load_le<std::uint64_t>(from)); }
template <class T> void store_le(std::uint8_t* to, T value) {
    static_assert(std::is_integral_v<T>);
    std::memcpy(to, &value, sizeof value);
}
template <class T> void append_le(ByteVector& to, T value) {
    std::uint8_t raw[sizeof value];
    store_le(raw, value);
    to.insert(to.end(), raw, raw + sizeof value);
}
inline void append(ByteVector& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

}  // namespace tenon::base
