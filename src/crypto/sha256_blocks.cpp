#include "sha256_blocks.hpp"

#if defined(__x86_64__) && !defined(__clang__)
#include <immintrin.h>
#endif

namespace tenon::crypto {

#if defined(__x86_64__) && !defined(__clang__)  // clang, which only fuzzes, does not know the name "sha"
namespace {

alignas(16) constexpr std::uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// Rows as the instructions want them: of the eight words of the state, one register has a, b, e and f, the other c, d, g and h.
struct Registers {
    __m128i abef, cdgh;
    __m128i words[4];  // the message's, sixteen ahead
};

__attribute__((target("sha,sse4.1"), always_inline)) inline Registers load(const Sha256State& state) {
    const auto abcd = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(state.data())), 0xb1);
    const auto efgh = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(state.data() + 4)), 0x1b);
    return {_mm_alignr_epi8(abcd, efgh, 8), _mm_blend_epi16(efgh, abcd, 0xf0), {}};
}

__attribute__((target("sha,sse4.1"), always_inline)) inline void store(const Registers& from, Sha256State& state) {
    const auto feba = _mm_shuffle_epi32(from.abef, 0x1b);
    const auto dchg = _mm_shuffle_epi32(from.cdgh, 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state.data()), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(state.data() + 4), _mm_alignr_epi8(dchg, feba, 8));
}

__attribute__((target("sha,sse4.1"), always_inline)) inline void read_words(Registers& lane, const std::uint8_t* block) {
    const auto big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
        lane.words[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block) + i), big_endian);
}

/// Four rounds, and the words that are needed twelve rounds on.
template <int at, bool more> __attribute__((target("sha,sse4.1"), always_inline)) inline void rounds(Registers& lane, __m128i constant) {
    auto& [abef, cdgh, words] = lane;
    auto& word = words[at];
    const auto sum = _mm_add_epi32(word, constant);
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
    if constexpr (more) {
        const auto &next = words[(at + 1) % 4], &third = words[(at + 2) % 4], &last = words[(at + 3) % 4];
        word = _mm_add_epi32(_mm_sha256msg1_epu32(word, next), _mm_alignr_epi8(last, third, 4));
        word = _mm_sha256msg2_epu32(word, last);
    }
}

template <int at, bool more, int lanes>
__attribute__((target("sha,sse4.1"), always_inline)) inline void rounds(Registers (&lane)[lanes], const __m128i* constant) {
#pragma GCC unroll 2
    for (int i = 0; i < lanes; ++i) rounds<at, more>(lane[i], _mm_load_si128(constant + at));
}

template <int lanes> __attribute__((target("sha,sse4.1"))) void add(const Sha256Lane* const (&from)[lanes], std::size_t count) {
    Registers lane[lanes];
#pragma GCC unroll 2
    for (int i = 0; i < lanes; ++i) lane[i] = load(*from[i]->state);
    for (std::size_t block = 0; block < count; ++block) {
        __m128i abef[lanes], cdgh[lanes];
#pragma GCC unroll 2
        for (int i = 0; i < lanes; ++i) {
            abef[i] = lane[i].abef;
            cdgh[i] = lane[i].cdgh;
            read_words(lane[i], from[i]->blocks + 64 * block);
        }
        const auto* constant = reinterpret_cast<const __m128i*>(constants);
#pragma GCC unroll 3
        for (int sixteen = 0; sixteen < 3; ++sixteen, constant += 4) {
            rounds<0, true>(lane, constant);
            rounds<1, true>(lane, constant);
            rounds<2, true>(lane, constant);
            rounds<3, true>(lane, constant);
        }
        rounds<0, false>(lane, constant);
        rounds<1, false>(lane, constant);
        rounds<2, false>(lane, constant);
        rounds<3, false>(lane, constant);
#pragma GCC unroll 2
        for (int i = 0; i < lanes; ++i) {
            lane[i].abef = _mm_add_epi32(lane[i].abef, abef[i]);
            lane[i].cdgh = _mm_add_epi32(lane[i].cdgh, cdgh[i]);
        }
    }
#pragma GCC unroll 2
    for (int i = 0; i < lanes; ++i) store(lane[i], *from[i]->state);
}

}  // namespace

bool has_sha256_blocks() noexcept {
    static const bool has = __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1");
    return has;
}

void add_blocks(const Sha256Lane& lane, std::size_t count) noexcept { add<1>({&lane}, count); }
void add_blocks(const Sha256Lane& one, const Sha256Lane& other, std::size_t count) noexcept { add<2>({&one, &other}, count); }

#else

bool has_sha256_blocks() noexcept { return false; }
void add_blocks(const Sha256Lane&, std::size_t) noexcept {}
void add_blocks(const Sha256Lane&, const Sha256Lane&, std::size_t) noexcept {}

#endif

}  // namespace tenon::crypto
