#if defined(__x86_64__)

#include <immintrin.h>

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

// Both scans work on groups of eight positions. The states of a group are computed while the group before is permuted:
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
        for (std::size_t i = 0; i < lanes; ++i) x[i] = _mm_xor_si128(_mm_load_si128(in + i), keys[0]);
        for (int round = 1; round < 10; ++round)
            for (std::size_t i = 0; i < lanes; ++i) x[i] = _mm_aesenc_si128(x[i], keys[round]);
        unsigned hits = 0;
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

__attribute__((target("vaes,avx2,aes"))) std::size_t scan_vaes(const Chunker::Tables& tables, const std::uint8_t* data,
                                                               std::size_t from, std::size_t to, std::uint32_t mask) {
    if (from >= to) return to;
    __m256i keys[11];
    for (int round = 0; round < 11; ++round)
        keys[round] = _mm256_broadcastsi128_si256(
            _mm_load_si128(reinterpret_cast<const __m128i*>(tables.round_keys.data()) + round));
    const auto wanted = _mm256_set_epi64x(-1, static_cast<long long>(mask), -1, static_cast<long long>(mask));
    alignas(64) std::uint64_t blocks[2][2 * lanes] = {};
    auto d = state_before(tables, data, from);
    std::size_t computed = from;
    const auto compute = [&](std::uint64_t* into) __attribute__((always_inline)) {
        if (to - computed >= lanes) {
            const auto* at = data + computed;
            for (std::size_t i = 0; i < lanes; ++i) into[2 * i] = d = roll(tables, d, at + i);
            computed += lanes;
            return;
        }
        for (std::size_t i = 0; computed < to; ++i, ++computed) into[2 * i] = d = roll(tables, d, data + computed);
    };
    compute(blocks[0]);
    int group = 0;
    for (auto at = from; at < to; at += lanes, group ^= 1) {
        compute(blocks[group ^ 1]);
        const auto* in = reinterpret_cast<const __m256i*>(blocks[group]);
        auto a = _mm256_xor_si256(_mm256_load_si256(in), keys[0]);
        auto b = _mm256_xor_si256(_mm256_load_si256(in + 1), keys[0]);
        auto c = _mm256_xor_si256(_mm256_load_si256(in + 2), keys[0]);
        auto e = _mm256_xor_si256(_mm256_load_si256(in + 3), keys[0]);
        for (int round = 1; round < 10; ++round) {
            a = _mm256_aesenc_epi128(a, keys[round]);
            b = _mm256_aesenc_epi128(b, keys[round]);
            c = _mm256_aesenc_epi128(c, keys[round]);
            e = _mm256_aesenc_epi128(e, keys[round]);
        }
        const auto zero = _mm256_setzero_si256();
        a = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_aesenclast_epi128(a, keys[10]), wanted), zero);
        b = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_aesenclast_epi128(b, keys[10]), wanted), zero);
        c = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_aesenclast_epi128(c, keys[10]), wanted), zero);
        e = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_aesenclast_epi128(e, keys[10]), wanted), zero);
        const auto any = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, e));
        // Even bits are low halves, the states; the odd ones compare the unused half and say nothing.
        if ((_mm256_movemask_pd(_mm256_castsi256_pd(any)) & 5) == 0) continue;
        const __m256i each[] = {a, b, c, e};
        for (std::size_t i = 0; i < lanes; ++i) {
            const int bits = _mm256_movemask_pd(_mm256_castsi256_pd(each[i / 2]));
            if ((bits >> (2 * (i % 2)) & 1) != 0 && at + i < to) return at + i;
        }
    }
    return to;
}

}  // namespace tenon::backup

#endif
