#include "rate_loans.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <thread>

namespace tenon::tenant::rates {
namespace {

constexpr std::size_t shelves_of_a_lane = 2048;
constexpr std::int64_t longest = 1'000'000;  // nanoseconds
constexpr std::int64_t share = 64;           // of a burst: one loan in time, and half of all loans
constexpr std::int64_t fewest_units = 16;    // else lending costs more than it spares

std::size_t count_of_lanes() noexcept { return std::bit_ceil(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 64)); }

}  // namespace

/// Holds a shelf.
class Loans::Hand {
public:
    /// Holds nothing if another one is at it.
    explicit Hand(Shelf& shelf) noexcept : shelf_(shelf.taken.exchange(true, std::memory_order_acquire) ? nullptr : &shelf) {}
    /// Waits for it.
    Hand(Shelf& shelf, std::defer_lock_t) noexcept : shelf_(&shelf) {
        while (shelf.taken.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
    }
    ~Hand() {
        if (shelf_) shelf_->taken.store(false, std::memory_order_release);
    }
    Hand(const Hand&) = delete;
    Hand& operator=(const Hand&) = delete;
    explicit operator bool() const noexcept { return shelf_ != nullptr; }

private:
    Shelf* shelf_;
};

Loans::Loan* Loans::Shelf::find(std::uint64_t name) noexcept {
    for (auto& loan : loans)
        if (loan.name == name) return &loan;
    return nullptr;
}

Loans::Loans(Buckets& buckets)
    : buckets_(buckets), lanes_(count_of_lanes()), shelves_(std::make_unique<Shelf[]>(lanes_ * shelves_of_a_lane)) {}

LoanTerms Loans::terms_of(std::int64_t interval, std::int64_t burst) noexcept {
    static const auto lanes = static_cast<std::int64_t>(count_of_lanes());
    const auto tolerance = burst * interval;
    const auto lasts = std::min(longest, tolerance / share), amount = std::min(lasts, 2 * tolerance / (share * lanes));
    if (amount < fewest_units * interval) return {};
    return {.amount = static_cast<std::int32_t>(amount), .lasts = static_cast<std::int32_t>(lasts)};
}

std::size_t Loans::lane() const noexcept { return static_cast<std::size_t>(std::max(0, sched_getcpu())) & (lanes_ - 1); }

Loans::Shelf& Loans::shelf(std::size_t lane, std::uint64_t name) const noexcept {
    return shelves_[lane * shelves_of_a_lane + (name >> 8) % shelves_of_a_lane];
}

bool Loans::take(std::size_t lane, std::uint64_t name, std::int64_t taken, std::int64_t now) noexcept {
    auto& from = shelf(lane, name);
    const Hand hand(from);
    if (!hand) return false;
    auto* loan = from.find(name);
    if (!loan || now > loan->until || taken > loan->left) return false;
    loan->left -= static_cast<std::int32_t>(taken);
    return true;
}

bool Loans::put_back(std::size_t lane, std::uint64_t name, std::int64_t taken) noexcept {
    auto& to = shelf(lane, name);
    const Hand hand(to, std::defer_lock);
    auto* loan = to.find(name);
    if (!loan || loan->amount - loan->left < taken) return false;
    loan->left += static_cast<std::int32_t>(taken);
    return true;
}

/// Under the shelf's lock, so that what was used is seen in one of both places.
void Loans::charge(Set& set, const Loan& loan, std::int64_t now) {
    const std::int64_t used = loan.amount - loan.left;
    if (used == 0) return;
    for (;;) {
        const auto cell = buckets_.seated(set, loan.name, now);
        if (Buckets::swap(set, cell, word_of(std::max(cell.tat(), loan.until) + used, cell.lent()))) return;
    }
}

void Loans::lend(std::size_t lane, Set& set, std::uint64_t name, LoanTerms terms, std::int64_t tolerance, std::int64_t now) {
    auto& to = shelf(lane, name);
    {
        const Hand hand(to);
        if (!hand) return;
        if (!to.find(name)) {
            // Asked for once; the second time within a loan's time it is lent.
            auto& last = *std::ranges::min_element(to.loans, {}, &Loan::until);
            if (last.name != 0) charge(buckets_.of(last.name), last, now);
            last = {.name = name, .until = now + terms.lasts};
            return;
        }
    }
    const std::unique_lock lending(lender(set), std::try_to_lock);
    if (!lending) return;
    const Hand hand(to, std::defer_lock);
    auto* loan = to.find(name);
    if (!loan) return;
    const bool often = now <= loan->until || loan->left < loan->amount;
    charge(set, *loan, now);
    const auto until = now + terms.lasts;
    *loan = {.name = name, .until = until};
    while (often) {
        const auto cell = buckets_.seated(set, name, now);
        if (cell.tat() - now > tolerance / 2) return;
        // Its place is not free before all is charged and gone that this loan may become.
        if (Buckets::swap(set, cell, word_of(std::max(cell.tat(), until + terms.amount), true))) break;
    }
    if (often) loan->left = loan->amount = terms.amount;
}

void Loans::call_in(Set& set, std::uint64_t name, std::int64_t now) {
    const std::lock_guard lending(lender(set));
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
        auto& from = shelf(lane, name);
        const Hand hand(from, std::defer_lock);
        if (auto* loan = from.find(name)) {
            charge(set, *loan, now);
            *loan = {};
        }
    }
    for (;;) {
        const auto cell = Buckets::read(set, name);
        if (!cell.lent() || Buckets::swap(set, cell, word_of(cell.tat(), false))) return;
    }
}

}  // namespace tenon::tenant::rates
