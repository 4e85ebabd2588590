#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

/// Where the buckets of rates.hpp lie.
namespace tenon::tenant::rates {

/// Two cache lines: places for buckets that may share a set.
///
/// A bucket's TAT moves by compare-and-swap alone. A place changes hands under the lock of its stripe: the name goes first, then the
/// TAT gets a value that it did not have, then the new name comes. So who read a TAT and finds the name still there read the bucket's
/// own, and who read it before the hand-over fails to swap it.
struct alignas(128) Set {
    static constexpr std::size_t places = 8;

    std::array<std::atomic<std::uint64_t>, places> names{};  // 0: free
    std::array<std::atomic<std::int64_t>, places> words{};   // Cell::word

    std::size_t find(std::uint64_t name) const noexcept {
        std::size_t place = 0;
        while (place < places && names[place].load(std::memory_order_acquire) != name) ++place;
        return place;
    }
};

/// Where a bucket is, and its TAT.
struct Cell {
    std::size_t place = Set::places;  // Set::places: nowhere, it is empty
    std::int64_t word = INT64_MIN;    // twice the TAT, and one if loans on it may be out: see rate_loans.hpp

    bool nowhere() const noexcept { return place == Set::places; }
    std::int64_t tat() const noexcept { return word >> 1; }
    bool lent() const noexcept { return (word & 1) != 0; }
};

constexpr std::int64_t word_of(std::int64_t tat, bool lent) noexcept { return tat * 2 + (lent ? 1 : 0); }

class Buckets {
public:
    explicit Buckets(std::size_t buckets);

    Set& of(std::uint64_t name) const noexcept { return sets_[name >> 32 & (count_ - 1)]; }
    static Cell read(const Set& set, std::uint64_t name) noexcept;
    /// The same, and a place for it if it has none.
    Cell seated(Set& set, std::uint64_t name, std::int64_t now);
    /// Compares and swaps what seated() or read() said. False: it has changed meanwhile, read it again.
    static bool swap(Set& set, const Cell& cell, std::int64_t word) noexcept {
        auto expected = cell.word;
        return set.words[cell.place].compare_exchange_weak(expected, word, std::memory_order_acq_rel, std::memory_order_relaxed);
    }

    /// Buckets that were given up although they were in use.
    std::int64_t given_up() const noexcept { return given_up_.load(std::memory_order_relaxed); }

private:
    void seat(Set& set, std::uint64_t name, std::int64_t now);

    std::size_t count_;
    std::unique_ptr<Set[]> sets_;
    std::array<std::mutex, 64> stripes_;  // of places that change hands
    std::atomic<std::int64_t> given_up_{0};
};

}  // namespace tenon::tenant::rates
