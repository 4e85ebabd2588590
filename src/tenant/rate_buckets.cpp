#include "rate_buckets.hpp"

#include <algorithm>
#include <bit>

namespace tenon::tenant::rates {

Buckets::Buckets(std::size_t buckets)
    : count_(std::bit_ceil(std::max<std::size_t>(1, buckets / Set::places))), sets_(std::make_unique<Set[]>(count_)) {}

Cell Buckets::read(const Set& set, std::uint64_t name) noexcept {
    for (;;) {
        const auto place = set.find(name);
        if (place == Set::places) return {};
        const auto word = set.words[place].load(std::memory_order_acquire);
        if (set.names[place].load(std::memory_order_relaxed) == name) return {place, word};
    }
}

Cell Buckets::seated(Set& set, std::uint64_t name, std::int64_t now) {
    for (;;) {
        const auto cell = read(set, name);
        if (!cell.nowhere()) return cell;
        seat(set, name, now);
    }
}

/// It is empty then.
void Buckets::seat(Set& set, std::uint64_t name, std::int64_t now) {
    const std::lock_guard lock(stripes_[reinterpret_cast<std::uintptr_t>(&set) / sizeof(Set) % stripes_.size()]);
    while (set.find(name) == Set::places) {
        // The one that is free, or will be first.
        std::array<std::int64_t, Set::places> words{};
        for (std::size_t i = 0; i < Set::places; ++i) words[i] = set.words[i].load(std::memory_order_acquire);
        const auto place = static_cast<std::size_t>(std::ranges::min_element(words) - words.begin());
        const Cell cell{place, words[place]};
        const bool in_use = cell.tat() > now;
        auto word = cell.word;
        const auto before = set.names[place].exchange(0, std::memory_order_acq_rel);
        if (!set.words[place].compare_exchange_strong(word, word_of(in_use ? now : cell.tat() - 1, false), std::memory_order_acq_rel)) {
            set.names[place].store(before, std::memory_order_release);  // it was just charged
            continue;
        }
        if (before != 0 && in_use) given_up_.fetch_add(1, std::memory_order_relaxed);
        set.names[place].store(name, std::memory_order_release);
    }
}

}  // namespace tenon::tenant::rates
