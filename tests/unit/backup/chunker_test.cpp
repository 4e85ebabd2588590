#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "chunker.hpp"
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <crypto/secret.hpp>

namespace {

using namespace tenon;
using backup::Chunker;
using base::ByteVector;
using base::ByteView;

ByteVector vector_key() {
    ByteVector key(32);
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
    return key;
}

ByteVector vector_input(std::size_t size) {
    ByteVector input;
    for (std::uint64_t i = 0; input.size() < size; ++i) {
        ByteVector counter;
        base::append_le(counter, i);
        base::append(input, crypto::sha256(counter));
    }
    return input;
}

std::vector<std::size_t> cuts(const Chunker& chunker, ByteView data) {
    std::vector<std::size_t> lengths;
    while (!data.empty()) {
        lengths.push_back(chunker.cut(data));
        data = data.subspan(lengths.back());
    }
    return lengths;
}

std::vector<Chunker::Way> ways() {
    std::vector<Chunker::Way> all;
    for (const auto way : {Chunker::Way::portable, Chunker::Way::aes_ni, Chunker::Way::vaes, Chunker::Way::vaes512})
        if (Chunker::available(way)) all.push_back(way);
    return all;
}

TEST(Chunker, gives_the_formats_vectors) {
    const auto input = vector_input(4 << 20);
    const std::vector<std::size_t> expected{226825, 301930, 231889, 269457, 200305, 206444, 294234, 349167, 213772,
                                            126736, 272322, 223483, 260992, 397410, 285968, 228763, 104607};
    for (const auto way : ways()) {
        const Chunker chunker(vector_key(), way);
        EXPECT_EQ(chunker.table(0), 0xd65d03392c0c78c2u);
        EXPECT_EQ(chunker.out_table(0), 0xaddf2f10d4b0c398u);
        EXPECT_EQ(crypto::to_hex(chunker.aes_key()), "c57629a5defaf664d0a55d14e56fb7b0");
        const auto d63 = chunker.state(ByteView(input).first(64));
        EXPECT_EQ(d63, 0xa7324a2a0a21d594u);
        EXPECT_EQ(chunker.permuted(d63), 0xb7205f04d76ce8beu);
        EXPECT_EQ(cuts(chunker, input), expected) << "way " << static_cast<int>(way);
    }
}

TEST(Chunker, every_way_cuts_alike) {
    ByteVector data = crypto::random_bytes(3 << 20);
    data.insert(data.end(), 2 << 20, 0);                             // no cut but the longest
    for (std::size_t i = 0; i < (1 << 20); ++i) data.push_back(static_cast<std::uint8_t>(i / 7));
    const auto key = crypto::random_bytes(32);
    std::vector<std::size_t> first;
    for (const auto way : ways())
        for (const std::size_t skip : {0, 1, 7}) {
            const auto now = cuts(Chunker(key, way), ByteView(data).subspan(skip));
            if (way == Chunker::Way::portable && skip == 0) first = now;
            EXPECT_EQ(now, cuts(Chunker(key, Chunker::Way::portable), ByteView(data).subspan(skip)));
        }
    EXPECT_NE(first, cuts(Chunker(crypto::random_bytes(32)), data)) << "another key must cut elsewhere";
}

/// The wide ways take a stream apart in stretches whose lengths go by where it ends.
TEST(Chunker, every_way_cuts_alike_wherever_a_stream_ends) {
    std::mt19937 random(20261123);
    const auto data = crypto::random_bytes(2 * Chunker::max_size);
    const auto key = crypto::random_bytes(32);
    const Chunker portable(key, Chunker::Way::portable);
    for (int trial = 0; trial < 150; ++trial) {
        const auto from = random() % Chunker::max_size;
        const auto near = std::array{Chunker::min_size, Chunker::normal_size, std::size_t{300'000}}[static_cast<std::size_t>(trial % 3)];
        const auto stream = ByteView(data).subspan(from, near - 20 + random() % (trial % 2 == 0 ? 4'000 : 40'000));
        for (const auto way : ways()) ASSERT_EQ(Chunker(key, way).cut(stream), portable.cut(stream)) << static_cast<int>(way) << ' ' << stream.size();
    }
}

TEST(Chunker, keeps_its_bounds_at_every_end) {
    const auto data = crypto::random_bytes(Chunker::max_size + 10);
    const Chunker chunker(vector_key());
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, Chunker::min_size - 1, Chunker::min_size,
                                   Chunker::min_size + 1, Chunker::normal_size - 1, Chunker::normal_size,
                                   Chunker::normal_size + 1, Chunker::max_size}) {
        const auto cut = chunker.cut(ByteView(data).first(size));
        EXPECT_LE(cut, size);
        EXPECT_GE(cut, std::min(size, Chunker::min_size));
    }
    EXPECT_EQ(chunker.cut(ByteVector(2 * Chunker::max_size)), Chunker::max_size);
}

TEST(Chunker, finds_its_cuts_again_after_an_insertion) {
    auto data = crypto::random_bytes(8 << 20);
    const Chunker chunker(vector_key());
    const auto ends = [&](ByteView of) {
        std::vector<std::size_t> at;
        for (const auto length : cuts(chunker, of)) at.push_back((at.empty() ? 0 : at.back()) + length);
        return at;
    };
    const auto before = ends(data);
    data.insert(data.begin() + 100'000, 13, 0x55);
    std::size_t again = 0;
    const auto after = ends(data);
    for (const auto end : before) again += std::count(after.begin(), after.end(), end + 13);
    EXPECT_GE(again + 6, before.size());
}

/// Rabin's, buzhash's and gear's secrets have been recovered from lengths alone (eprint 2025/532, 2025/558): at a cut of known bytes
/// some bits of the state are known, and each is a sum of the tables' bits. Here those bits are known of what the permutation makes of
/// the state, and of the state itself no sum of any of its bits.
TEST(Chunker, what_ends_at_cuts_of_known_bytes_tells_no_sum_of_bits_of_the_tables) {
    std::mt19937_64 random(2025532);
    ByteVector data(96 << 20);
    for (std::size_t i = 0; i < data.size(); i += 8) base::store_le(&data[i], random());
    const Chunker chunker(vector_key());
    std::vector<std::uint64_t> states;
    std::uint64_t permuted = 0;
    std::size_t end = 0;
    for (const auto length : cuts(chunker, data)) {
        end += length;
        if (length == Chunker::max_size || end == data.size()) continue;
        states.push_back(chunker.state(ByteView(data).subspan(end - Chunker::window, Chunker::window)));
        permuted |= chunker.permuted(states.back());
    }
    ASSERT_GT(states.size(), 400U);
    EXPECT_GE(std::popcount(~permuted), Chunker::loose_bits) << "behind the permutation, some bits are the same at every cut";
    const auto said = static_cast<double>(states.size());
    int beyond = 0;
    for (int trial = 0; trial < 1'000; ++trial) {
        const auto bits = trial < 64 ? std::uint64_t{1} << trial : random();
        const auto odd = std::count_if(states.begin(), states.end(), [&](auto state) { return std::popcount(state & bits) % 2 == 1; });
        const auto deviations = std::abs(2.0 * static_cast<double>(odd) - said) / std::sqrt(said);
        EXPECT_LT(deviations, 5) << trial;
        beyond += deviations > 1.96;
    }
    EXPECT_NEAR(beyond, 50, 25) << "one in twenty lies outside of the 95 % interval of guessing";
}

}  // namespace
