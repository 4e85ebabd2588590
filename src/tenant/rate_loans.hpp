#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include <tenant/rates.hpp>

#include "rate_buckets.hpp"

/// Two processors that charge one bucket in turn wait for its cache line more than half of the time. So of a rate of thousands a
/// second, and while the bucket is less than half full, each processor that asks often is lent some of it for a millisecond, and
/// lets calls through by itself.
///
/// Nothing more is let through for it. A loan is charged as it was used and as if all of that had been at its end (a TAT never falls
/// if a call is put later). All loans on a bucket together are at most a 32nd of its burst, and before anything is charged that
/// takes it beyond the half, all are called in: from then on the bucket alone counts. Nor is less, but for a moment: what a loan did
/// not use was never charged, and what looks fuller by it is at most a 32nd of the burst and gone in two milliseconds.
namespace tenon::tenant::rates {

class Loans {
public:
    explicit Loans(Buckets& buckets);

    static LoanTerms terms_of(std::int64_t interval, std::int64_t burst) noexcept;

    /// Which shelves are nearest: of the processor that this thread runs on now.
    std::size_t lane() const noexcept;

    /// Of the loan on that bucket, if there is one and enough of it.
    bool take(std::size_t lane, std::uint64_t name, std::int64_t taken, std::int64_t now) noexcept;
    /// What take() gave was not needed. False: the loan has been charged meanwhile.
    bool put_back(std::size_t lane, std::uint64_t name, std::int64_t taken) noexcept;

    /// After a call that take() had nothing for: charges what was used of the last loan, and lends again to who asks often.
    void lend(std::size_t lane, Set& set, std::uint64_t name, LoanTerms terms, std::int64_t tolerance, std::int64_t now);
    /// Charges all loans on a bucket and ends them.
    void call_in(Set& set, std::uint64_t name, std::int64_t now);

private:
    struct Loan {
        std::uint64_t name = 0;
        std::int64_t until = 0;
        std::int32_t left = 0, amount = 0;
    };
    /// Two cache lines. Locked for a few instructions.
    struct alignas(128) Shelf {
        std::atomic<bool> taken{false};
        std::array<Loan, 5> loans{};

        Loan* find(std::uint64_t name) noexcept;
    };
    class Hand;

    Shelf& shelf(std::size_t lane, std::uint64_t name) const noexcept;
    void charge(Set& set, const Loan& loan, std::int64_t now);
    std::mutex& lender(const Set& set) noexcept { return lenders_[reinterpret_cast<std::uintptr_t>(&set) / sizeof(Set) % lenders_.size()]; }

    Buckets& buckets_;
    const std::size_t lanes_;
    const std::unique_ptr<Shelf[]> shelves_;
    std::array<std::mutex, 64> lenders_;  // nobody lends while loans are called in. Taken before any shelf
};

}  // namespace tenon::tenant::rates
