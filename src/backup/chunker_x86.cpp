#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>

#include "chunker_tables.hpp"

namespace tenon::backup {
namespace {

constexpr std::size_t lanes = 8;  // positions whose permutation is computed together

template <int rcon> __attribute__((target("aes,sse4.1"))) __m128i next_round_key(__m128i key) {
    const auto word = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, rcon), 0xff);
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, word);
}

}  // namespace

__attribute__((target("aes,sse4.1"))) void expand_round_keys(Chunker::Tables& tables) {
    auto* to = reinterpret_cast<__m128i*>(tables.round_keys.data());
    auto key = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tables.key.data()));
    _mm_store_si128(to, key);
    _mm_store_si128(to + 1, key = next_round_key<0x01>(key));
    _mm_store_si128(to + 2, key = next_round_key<0x02>(key));
    _mm_store_si128(to + 3, key = next_round_key<0x04>(key));
    _mm_store_si128(to + 4, key = next_round_key<0x08>(key));
    _mm_store_si128(to + 5, key = next_round_key<0x10>(key));
    _mm_store_si128(to + 6, key = next_round_key<0x20>(key));
    _mm_store_si128(to + 7, key = next_round_key<0x40>(key));
    _mm_store_si128(to + 8, key = next_round_key<0x80>(key));
    _mm_store_si128(to + 9, key = next_round_key<0x1b>(key));
    _mm_store_si128(to + 10, next_round_key<0x36>(key));
}

// The scans work on groups of eight positions. The states of a group are computed while the group before is permuted:
// the first is a chain of dependent steps, the second is wide, and the processor overlaps them. A state is stored as the
// low half of its block; the high halves stay zero.

__attribute__((target("aes,sse4.1"))) std::size_t scan_aes_ni(const Chunker::Tables& tables, const std::uint8_t* data,
                                                              std::size_t from, std::size_t to, std::uint32_t mask) {
    if (from >= to) return to;
    const auto* keys = reinterpret_cast<const __m128i*>(tables.round_keys.data());
    const auto wanted = _mm_set_epi64x(-1, static_cast<long long>(mask));
    alignas(64) std::uint64_t blocks[2][2 * lanes] = {};
    auto d = state_before(tables, data, from);
    std::size_t computed = from;
    const auto compute = [&](std::uint64_t* into) __attribute__((always_inline)) {
        const auto count = computed < to ? (to - computed < lanes ? to - computed : lanes) : 0;
        for (std::size_t i = 0; i < count; ++i) into[2 * i] = d = roll(tables, d, data + computed + i);
        computed += count;
    };
    compute(blocks[0]);
    int group = 0;
    for (auto at = from; at < to; at += lanes, group ^= 1) {
        compute(blocks[group ^ 1]);
        __m128i x[lanes];
        const auto* in = reinterpret_cast<const __m128i*>(blocks[group]);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < lanes; ++i) x[i] = _mm_xor_si128(_mm_load_si128(in + i), keys[0]);
        for (int round = 1; round < 10; ++round)
#pragma GCC unroll 8
            for (std::size_t i = 0; i < lanes; ++i) x[i] = _mm_aesenc_si128(x[i], keys[round]);
        unsigned hits = 0;
#pragma GCC unroll 8
        for (std::size_t i = 0; i < lanes; ++i) {
            x[i] = _mm_and_si128(_mm_aesenclast_si128(x[i], keys[10]), wanted);
            const auto zero = _mm_cmpeq_epi64(x[i], _mm_setzero_si128());
            hits |= static_cast<unsigned>(_mm_movemask_pd(_mm_castsi128_pd(zero)) & 1) << i;
        }
        if (hits != 0) {
            const auto hit = at + static_cast<std::size_t>(__builtin_ctz(hits));
            // Past the end lie lanes of an earlier group.
            if (hit < to) return hit;
        }
    }
    return to;
}

// A state waits for the one before it, which takes longer than what else is to be done for a position. So the widest way scans two
// stretches, one of which begins where the other ends, side by side.
namespace {

constexpr std::size_t longest_stretch = 4096;

/// Of a group of both stretches, a bit for each position whose permuted state has none of the wanted bits.
struct Found {
    unsigned first, second;
};

/// Rolls on by one position in both stretches, as often as it is called: between two rounds of the group before, so that the processor need
/// not look far ahead to do both at once.
struct TwoStates {
    const Chunker::Tables& tables;
    std::uint64_t first, second;

    __attribute__((always_inline)) inline void roll_on(const std::uint8_t* data, std::size_t stretch, std::uint64_t (&into)[2][2 * lanes],
                                                       std::size_t i) {
        into[0][2 * i] = first = roll(tables, first, data + i);
        into[1][2 * i] = second = roll(tables, second, data + stretch + i);
    }
};

/// What is found in `blocks`, and the states of the group at `data` into `next`.
__attribute__((target("vaes,avx512f,aes"), always_inline)) inline Found found_in(const std::uint64_t (&blocks)[2][2 * lanes], const __m512i* keys,
                                                                                 __m512i wanted, TwoStates& states, const std::uint8_t* data,
                                                                                 std::size_t stretch, std::uint64_t (&next)[2][2 * lanes]) {
    constexpr std::size_t rows = 2 * lanes / 4;
    __m512i x[rows];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < rows; ++i) x[i] = _mm512_xor_si512(_mm512_load_si512(&blocks[0][0] + 8 * i), keys[0]);
#pragma GCC unroll 9
    for (int round = 1; round < 10; ++round) {
#pragma GCC unroll 4
        for (std::size_t i = 0; i < rows; ++i) x[i] = _mm512_aesenc_epi128(x[i], keys[round]);
        if (round <= static_cast<int>(lanes)) states.roll_on(data, stretch, next, static_cast<std::size_t>(round - 1));
    }
    unsigned bits[rows], any = 0;
#pragma GCC unroll 4
    for (std::size_t i = 0; i < rows; ++i)
        any |= bits[i] = static_cast<unsigned>(_mm512_testn_epi64_mask(_mm512_aesenclast_epi128(x[i], keys[10]), wanted)) & 0x55;
    if (any == 0) return {};
    const auto squeeze = [](unsigned each) { return (each & 1) | (each >> 1 & 2) | (each >> 2 & 4) | (each >> 3 & 8); };
    return {squeeze(bits[0]) | squeeze(bits[1]) << 4, squeeze(bits[2]) | squeeze(bits[3]) << 4};
}

/// As Scan, of the two stretches from `data`; twice `stretch` if there is nothing.
__attribute__((target("vaes,avx512f,aes"))) std::size_t scan_two(const Chunker::Tables& tables, const std::uint8_t* data,
                                                                  std::size_t stretch, std::uint32_t mask) {
    __m512i keys[11];
    for (int round = 0; round < 11; ++round)
        keys[round] = _mm512_maskz_broadcast_i32x4(0xffff, _mm_load_si128(reinterpret_cast<const __m128i*>(tables.round_keys.data()) + round));
    const auto wanted = _mm512_set1_epi64(static_cast<long long>(mask));
    alignas(64) std::uint64_t blocks[2][2][2 * lanes] = {};
    TwoStates states{tables, state_before(tables, data, 0), state_before(tables, data, stretch)};
    for (std::size_t i = 0; i < lanes; ++i) states.roll_on(data, stretch, blocks[0], i);
    std::size_t later = 2 * stretch, group = 0;  // where in the second something was found
    for (std::size_t at = 0; at < stretch; at += lanes, group ^= 1) {
        const auto ahead = at + lanes < stretch ? at + lanes : 0;  // the last one rolls over the first ones, for nobody
        const auto [first, second] = found_in(blocks[group], keys, wanted, states, data + ahead, stretch, blocks[group ^ 1]);
        if (first != 0) return at + static_cast<std::size_t>(__builtin_ctz(first));
        if (second != 0 && later == 2 * stretch) later = stretch + at + static_cast<std::size_t>(__builtin_ctz(second));
    }
    return later;
}

}  // namespace

std::size_t scan_vaes512(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t from, std::size_t to, std::uint32_t mask) {
    while (from < to && to - from >= 32 * lanes) {
        const auto stretch = std::min((to - from) / 2, longest_stretch) / lanes * lanes;
        const auto found = scan_two(tables, data + from, stretch, mask);
        from += found;
        if (found < 2 * stretch) return from;
    }
    return scan_aes_ni(tables, data, from, to, mask);
}

}  // namespace tenon::backup

#endif
