#if defined(__x86_64__)

#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "chunker_tables.hpp"

// Four stretches of a stream, each of which begins where the one before it ends, are scanned side by side, so that one register has a
// state of each. Besides the permutation itself, which the processor does two blocks at a time, there is little left: it is bound by that.

namespace tenon::backup {
namespace four {
namespace {

constexpr std::size_t stretches = 4, longest = 4096, group = 4;  // a group is as many positions of each stretch
constexpr std::size_t least = 256 * stretches;                          // below, what a scan prepares costs more than it saves

#define TENON_VAES __attribute__((target("vaes,avx2,aes"), always_inline)) inline

/// A group's bytes.
struct Bytes {
    std::uint32_t of[stretches];

    TENON_VAES Bytes(const std::uint8_t* at, std::size_t stretch) {
#pragma GCC unroll 4
        for (std::size_t i = 0; i < stretches; ++i) std::memcpy(&of[i], at + i * stretch, sizeof of[i]);
    }
};

template <int position> TENON_VAES __m128i row(const Chunker::Tables& tables, std::uint32_t bytes) {
    static_assert(sizeof tables.rows[0] == 16);
    const auto offset = (position == 0 ? bytes << 4 : bytes >> ((8 * position - 4) & 31)) & 0xff0;
    return _mm_load_si128(reinterpret_cast<const __m128i*>(reinterpret_cast<const std::uint8_t*>(tables.rows.data()) + offset));
}

/// The states behind one more position. `leaving` is what leaves the window with it, and becomes what will leave it with the one that is a
/// window further on.
template <int position>
TENON_VAES __m256i roll_on(const Chunker::Tables& tables, __m256i states, const Bytes& bytes, __m256i* leaving) {
    const auto row_of = [&](std::size_t stretch) __attribute__((target("vaes,avx2,aes"), always_inline)) {
        return row<position>(tables, bytes.of[stretch]);
    };
    const auto even = _mm256_inserti128_si256(_mm256_castsi128_si256(row_of(0)), row_of(2), 1);
    const auto odd = _mm256_inserti128_si256(_mm256_castsi128_si256(row_of(1)), row_of(3), 1);
    const auto change = _mm256_xor_si256(_mm256_unpacklo_epi64(even, odd), _mm256_load_si256(leaving + position));
    _mm256_store_si256(leaving + position, _mm256_unpackhi_epi64(even, odd));
    const auto carry = _mm256_and_si256(_mm256_cmpgt_epi64(_mm256_setzero_si256(), states), _mm256_set1_epi64x(0x1b));
    return _mm256_xor_si256(_mm256_xor_si256(_mm256_add_epi64(states, states), carry), change);
}

/// As Scan, of the stretches from `data`; their end if there is nothing.
///
/// A ciphertext begins with 16 bits of zero where the bytes 0 and 5 of what its last round is given are what that round makes zero of: so
/// all rounds but the last one are done, with those two bytes taken into the key before, and what is zero there is looked at closely.
__attribute__((target("vaes,avx2,aes"))) std::size_t scan_four(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t stretch,
                                                               std::uint32_t mask) {
    static_assert(Chunker::strict_bits >= 16 && Chunker::loose_bits >= 16);
    const auto* round_keys = reinterpret_cast<const __m128i*>(tables.round_keys.data());
    __m256i keys[10];
    for (int i = 0; i < 10; ++i) keys[i] = _mm256_broadcastsi128_si256(_mm_load_si128(round_keys + i));
    keys[9] = _mm256_xor_si256(keys[9], _mm256_broadcastsi128_si256(_mm_aesdeclast_si128(_mm_load_si128(round_keys + 10), _mm_setzero_si128())));
    const auto first_low = _mm256_unpacklo_epi64(keys[0], keys[0]), first_high = _mm256_unpackhi_epi64(keys[0], keys[0]);
    const auto wanted = _mm256_set1_epi64x(0x0000'ff00'0000'00ff);

    alignas(32) __m256i leaving[Chunker::window] = {};
    __m256i states[group] = {};  // of the group that comes next
    const auto roll_group = [&](const std::uint8_t* at, __m256i* leaves) __attribute__((target("vaes,avx2,aes"), always_inline)) {
        const Bytes bytes(at, stretch);
        states[0] = roll_on<0>(tables, states[3], bytes, leaves);
        states[1] = roll_on<1>(tables, states[0], bytes, leaves);
        states[2] = roll_on<2>(tables, states[1], bytes, leaves);
        states[3] = roll_on<3>(tables, states[2], bytes, leaves);
    };
    for (std::size_t i = 0; i < Chunker::window; i += group) roll_group(data + i - Chunker::window, leaving + i);
    roll_group(data, leaving);

    std::size_t found = stretches * stretch;
    for (std::size_t at = 0; at < stretch; at += group) {
        __m256i x[2 * group];
#pragma GCC unroll 4
        for (std::size_t i = 0; i < group; ++i) {
            const auto low = _mm256_xor_si256(states[i], first_low);
            x[2 * i] = _mm256_unpacklo_epi64(low, first_high);      // of the stretches 0 and 2
            x[2 * i + 1] = _mm256_unpackhi_epi64(low, first_high);  // 1 and 3
        }
        const auto rounds = [&](int from, int to) __attribute__((target("vaes,avx2,aes"), always_inline)) {
#pragma GCC unroll 2
            for (int key = from; key < to; ++key)
#pragma GCC unroll 8
                for (std::size_t i = 0; i < 2 * group; ++i) x[i] = _mm256_aesenc_epi128(x[i], keys[key]);
        };
        // The states of the next group, between the rounds: they wait for each other. The last group's are those of the first, for nobody.
        const auto next = at + group < stretch ? at + group : 0;
        const Bytes bytes(data + next, stretch);
        auto* leaves = leaving + next % Chunker::window;
        rounds(1, 3);
        states[0] = roll_on<0>(tables, states[3], bytes, leaves);
        rounds(3, 5);
        states[1] = roll_on<1>(tables, states[0], bytes, leaves);
        rounds(5, 7);
        states[2] = roll_on<2>(tables, states[1], bytes, leaves);
        rounds(7, 9);
        states[3] = roll_on<3>(tables, states[2], bytes, leaves);
        rounds(9, 10);
        __m256i zero[group], any = _mm256_setzero_si256();
#pragma GCC unroll 4
        for (std::size_t i = 0; i < group; ++i) {
            zero[i] = _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_unpacklo_epi64(x[2 * i], x[2 * i + 1]), wanted), _mm256_setzero_si256());
            any = _mm256_or_si256(any, zero[i]);
        }
        if (_mm256_testz_si256(any, any)) [[likely]] continue;
        for (std::size_t i = 0; i < group; ++i)
            for (auto bits = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(zero[i]))); bits != 0; bits &= bits - 1) {
                const auto here = at + i + stretch * static_cast<std::size_t>(__builtin_ctz(bits));
                if (here < found && scan_aes_ni(tables, data, here, here + 1, mask) == here) found = here;
            }
        if (found < stretch) return found;
    }
    return found;
}

}  // namespace
}  // namespace four

std::size_t scan_vaes(const Chunker::Tables& tables, const std::uint8_t* data, std::size_t from, std::size_t to, std::uint32_t mask) {
    using namespace four;
    while (from < to && to - from >= least) {
        const auto stretch = std::min((to - from) / stretches, longest) / group * group;
        const auto found = scan_four(tables, data + from, stretch, mask);
        from += found;
        if (found < stretches * stretch) return from;
    }
    return scan_aes_ni(tables, data, from, to, mask);
}

}  // namespace tenon::backup

#endif
