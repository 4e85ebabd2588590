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
// The instruction takes three times as long as it keeps its unit busy. So three stretches are summed side by side, and put together:
// behind n bytes more a remainder is what n zeros make of it, which is linear in its bits.
constexpr std::size_t stretch = 1024;

struct Behind {
    std::array<std::array<std::uint32_t, 256>, 4> of{};

    Behind() {
        std::array<std::uint32_t, 32> bits;
        for (unsigned bit = 0; bit < 32; ++bit) {
            auto crc = std::uint32_t{1} << bit;
            for (std::size_t i = 0; i < stretch; ++i) crc = (crc >> 8) ^ tables[0][crc & 0xff];
            bits[bit] = crc;
        }
        for (unsigned byte = 0; byte < 4; ++byte)
            for (unsigned value = 0; value < 256; ++value)
                for (unsigned bit = 0; bit < 8; ++bit)
                    if ((value >> bit & 1) != 0) of[byte][value] ^= bits[8 * byte + bit];
    }
    std::uint32_t operator()(std::uint64_t crc) const noexcept {
        return of[0][crc & 0xff] ^ of[1][crc >> 8 & 0xff] ^ of[2][crc >> 16 & 0xff] ^ of[3][crc >> 24 & 0xff];
    }
};

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(ByteView data, std::uint32_t before) noexcept {
    static const Behind behind;
    std::uint64_t crc = static_cast<std::uint32_t>(~before);
    auto at = data.data();
    auto left = data.size();
    for (; left >= 3 * stretch; at += 3 * stretch, left -= 3 * stretch) {
        std::uint64_t second = 0, third = 0;
        for (std::size_t i = 0; i < stretch; i += 8) {
            crc = _mm_crc32_u64(crc, base::load_le<std::uint64_t>(at + i));
            second = _mm_crc32_u64(second, base::load_le<std::uint64_t>(at + stretch + i));
            third = _mm_crc32_u64(third, base::load_le<std::uint64_t>(at + 2 * stretch + i));
        }
        crc = behind(behind(crc) ^ second) ^ third;
    }
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
