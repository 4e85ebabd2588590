#include <cstring>
#include <map>
#include <random>

#include <crypto/hash.hpp>
#include <new_seed.hpp>

#include "fixture.hpp"
#include "parity.hpp"

namespace tenon::tests {
namespace {

using backup::Parity;
using backup::ParityFile;
using backup::ParityMaker;
using backup::stripe_size;

base::ByteVector parity_of(Parity mode, base::ByteView bytes, std::size_t piece = 100'000) {
    ParityMaker maker(mode, bytes.size());
    for (std::size_t at = 0; at < bytes.size(); at += piece) maker.add(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    return maker.finish();
}

/// The object as parity makes it good; empty where it says that it cannot.
std::optional<base::ByteVector> rebuilt(const base::ByteVector& parity, const base::ByteVector& damaged) {
    const auto file = ParityFile::parse(parity, "par");
    const auto read = [&](std::uint64_t offset, std::uint64_t length) {
        if (offset >= damaged.size()) return base::ByteVector{};
        const auto end = std::min<std::uint64_t>(damaged.size(), offset + length);
        return base::ByteVector(damaged.begin() + static_cast<std::ptrdiff_t>(offset), damaged.begin() + static_cast<std::ptrdiff_t>(end));
    };
    const auto stripes = file.rebuild(read);
    if (!stripes) return std::nullopt;
    auto whole = damaged;
    whole.resize(file.size());
    for (const auto& stripe : *stripes) std::copy(stripe.bytes.begin(), stripe.bytes.end(), &whole[stripe.number * stripe_size]);
    return whole;
}

/// Arithmetic without the library's tables: bit by bit, over x⁸+x⁴+x³+x²+1.
std::uint8_t times(std::uint8_t a, std::uint8_t b) {
    unsigned sum = 0;
    for (unsigned bit = 0; bit < 8; ++bit)
        if (b >> bit & 1) sum ^= static_cast<unsigned>(a) << bit;
    for (unsigned bit = 15; bit >= 8; --bit)
        if (sum >> bit & 1) sum ^= 0x11du << (bit - 8);
    return static_cast<std::uint8_t>(sum);
}

const std::size_t sizes[] = {stripe_size + 1, 2 * stripe_size, 31 * stripe_size - 7, 32 * stripe_size, 33 * stripe_size + 5, 3'000'001};

TEST(Parity, is_what_the_page_says_computed_byte_by_byte) {
    for (const auto mode : {Parity::thin, Parity::full})
        for (const auto size : sizes) {
            const auto bytes = crypto::random_bytes(size);
            const auto file = parity_of(mode, bytes);
            const std::uint64_t stripes = (size + stripe_size - 1) / stripe_size, of_row = mode == Parity::full ? 16 : 32;
            const std::uint64_t rows = (stripes + of_row - 1) / of_row, strong = mode == Parity::full ? 2 : 1;
            base::ByteVector wanted{0xda, 0xe2, 0xb5, 0x74, 0xe9, 0x81, 0x2d, 0xa0, static_cast<std::uint8_t>(mode), 0, 0, 0, 0, 0, 0, 0};
            base::append_le(wanted, std::uint64_t{size});
            auto padded = bytes;
            padded.resize(stripes * stripe_size);
            std::vector<base::ByteVector> sums(rows * strong, base::ByteVector(stripe_size));
            for (std::uint64_t i = 0; i < stripes; ++i) {
                const auto stripe = base::ByteView(padded).subspan(i * stripe_size, stripe_size);
                base::append_le(wanted, crypto::crc32c(stripe));
                std::uint8_t factor = 1;
                for (std::uint64_t n = 0; n < i / rows; ++n) factor = times(factor, 2);
                for (std::size_t b = 0; b < stripe_size; ++b) {
                    sums[i % rows][b] ^= stripe[b];
                    if (strong == 2) sums[rows + i % rows][b] ^= times(factor, stripe[b]);
                }
            }
            for (const auto& sum : sums) base::append_le(wanted, crypto::crc32c(sum));
            for (const auto& sum : sums) base::append(wanted, sum);
            base::append(wanted, crypto::sha256(wanted));
            EXPECT_EQ(file.size(), wanted.size());
            EXPECT_TRUE(file == wanted) << size;
            EXPECT_EQ(file.size(), backup::parity_size(mode, size));
            EXPECT_TRUE(ParityFile::parse(file, "par").is_whole());
        }
}

TEST(Parity, does_not_depend_on_the_pieces_that_bytes_come_in) {
    const auto bytes = crypto::random_bytes(2'500'000);
    const auto whole = parity_of(Parity::full, bytes, bytes.size());
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{stripe_size}, std::size_t{stripe_size - 1}, std::size_t{stripe_size + 1}})
        EXPECT_TRUE(parity_of(Parity::full, bytes, piece) == whole) << piece;
}

TEST(Parity, thin_brings_back_any_run_of_as_many_stripes_as_there_are_rows_less_one) {
    std::mt19937_64 random(new_seed());
    const auto bytes = crypto::random_bytes(10'000'000);
    const auto parity = parity_of(Parity::thin, bytes);
    const auto rows = (bytes.size() + stripe_size - 1) / stripe_size / 32 + 1;
    for (int i = 0; i < 40; ++i) {
        auto damaged = bytes;
        const auto length = (rows - 1) * stripe_size;
        const auto at = random() % (bytes.size() - length);
        std::memset(&damaged[at], i % 2 ? 0 : 0xff, length);
        EXPECT_TRUE(rebuilt(parity, damaged) == bytes) << at;
    }
}

TEST(Parity, full_brings_back_any_two_stripes_of_each_row) {
    std::mt19937_64 random(new_seed());
    for (const auto size : sizes) {
        const auto bytes = crypto::random_bytes(size);
        const auto parity = parity_of(Parity::full, bytes);
        const auto stripes = (size + stripe_size - 1) / stripe_size, rows = (stripes + 15) / 16;
        for (int i = 0; i < 40; ++i) {
            auto damaged = bytes;
            for (std::size_t row = 0; row < rows; ++row)
                for (int n = 0; n < 2; ++n) {
                    const auto stripe = row + rows * (random() % ((stripes - row + rows - 1) / rows));
                    const auto at = std::min(stripe * stripe_size + random() % stripe_size, size - 1);
                    damaged[at] ^= static_cast<std::uint8_t>(1 + random() % 255);
                }
            EXPECT_TRUE(rebuilt(parity, damaged) == bytes) << size;
        }
    }
}

TEST(Parity, brings_back_with_its_own_stripes_damaged_as_far_as_those_that_are_left_go) {
    const auto bytes = crypto::random_bytes(10 * stripe_size - 3);
    const auto parity = parity_of(Parity::full, bytes);
    const auto begin = backup::parity_header_size + 4 * (10 + 2);
    for (const std::size_t which : {0u, 1u}) {
        auto worn = parity;
        worn[begin + which * stripe_size + 99] ^= 4;
        EXPECT_FALSE(ParityFile::parse(worn, "par").is_whole());
        for (std::size_t stripe = 0; stripe < 10; ++stripe) {
            auto damaged = bytes;
            damaged[stripe * stripe_size + 5] ^= 1;
            EXPECT_TRUE(rebuilt(worn, damaged) == bytes) << stripe;
        }
        auto damaged = bytes;
        damaged[5] ^= 1;
        damaged[5 + stripe_size] ^= 1;
        EXPECT_FALSE(rebuilt(worn, damaged));
    }
    // A sum that is wrong makes its stripe one to be made anew, no more.
    for (std::size_t sum = 0; sum < 12; ++sum) {
        auto worn = parity;
        worn[backup::parity_header_size + 4 * sum] ^= 1;
        EXPECT_TRUE(rebuilt(worn, bytes) == bytes) << sum;
    }
}

TEST(Parity, a_cut_object_is_one_that_has_lost_its_last_stripes) {
    const auto bytes = crypto::random_bytes(70 * stripe_size + 100);  // thin: three rows
    const auto parity = parity_of(Parity::thin, bytes);
    for (const std::size_t lost : {std::size_t{1}, std::size_t{100}, std::size_t{101}, std::size_t{2 * stripe_size + 100}}) {
        auto damaged = bytes;
        damaged.resize(bytes.size() - lost);
        EXPECT_TRUE(rebuilt(parity, damaged) == bytes) << lost;
    }
    auto damaged = bytes;
    damaged.resize(bytes.size() - 3 * stripe_size - 100);
    EXPECT_FALSE(rebuilt(parity, damaged));
}

TEST(Parity, refuses_a_head_that_was_changed_and_a_length_that_is_not_that_of_the_head) {
    const auto parity = parity_of(Parity::thin, crypto::random_bytes(200'000));
    for (std::size_t at = 0; at < backup::parity_header_size; ++at)
        for (const std::uint8_t bit : {1, 16, 128}) {
            auto changed = parity;
            changed[at] ^= bit;
            try {  // a size that has as many stripes is another object's
                (void)ParityFile::parse(changed, "par");
                EXPECT_TRUE(at >= 16 && at < 19) << at;
                EXPECT_FALSE(ParityFile::parse(changed, "par").is_whole());
            } catch (const Corrupt&) {
            }
        }
    for (const std::size_t size : {std::size_t{0}, std::size_t{10}, parity.size() - 1, parity.size() / 2}) {
        auto cut = parity;
        cut.resize(size);
        EXPECT_THROW((void)ParityFile::parse(cut, "par"), Corrupt);
    }
    auto huge = parity;
    base::store_le(&huge[16], ~std::uint64_t{0});
    EXPECT_THROW((void)ParityFile::parse(huge, "par"), Corrupt);
}

}  // namespace
}  // namespace tenon::tests
