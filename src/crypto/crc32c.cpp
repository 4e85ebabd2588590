#include "crc32c.hpp"

#include <array>
#include <cstring>

#include <crypto/hash.hpp>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace tenon::crypto {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // Castagnoli, bits reversed

using Table = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: what byte b does to the remainder when k more bytes follow it.
constexpr Table make_tables() {
    Table tables{};
    for (std::uint32_t b = 0; b < 256; ++b) {
        auto crc = b;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
        tables[0][b] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t b = 0; b < 256; ++b)
            tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xff];
    return tables;
}
constexpr Table tables = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(ByteView data, std::uint32_t before) noexcept {
    std::uint64_t crc = static_cast<std::uint32_t>(~before);
    auto at = data.data();
    auto left = data.size();
    for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, base::load_le<std::uint64_t>(at));
    auto tail = static_cast<std::uint32_t>(crc);
    for (; left > 0; ++at, --left) tail = _mm_crc32_u8(tail, *at);
    return ~tail;
}
#endif

}  // namespace

std::uint32_t crc32c_scalar(ByteView data, std::uint32_t before) noexcept {
    auto crc = ~before;
    auto at = data.data();
    auto left = data.size();
    for (; left >= 8; at += 8, left -= 8) {
        const auto word = base::load_le<std::uint64_t>(at) ^ crc;
        crc = 0;
        for (unsigned k = 0; k < 8; ++k) crc ^= tables[7 - k][(word >> (8 * k)) & 0xff];
    }
    for (; left > 0; ++at, --left) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)
std::uint32_t crc32c(ByteView data, std::uint32_t before) noexcept {
    static const bool hardware = __builtin_cpu_supports("sse4.2");
    return hardware ? crc32c_sse42(data, before) : crc32c_scalar(data, before);
}
#else
std::uint32_t crc32c(ByteView data, std::uint32_t before) noexcept { return crc32c_scalar(data, before); }
#endif

}  // namespace tenon::crypto
