#pragma once

#include <optional>
#include <vector>

#include "wire.hpp"

namespace tenon::backup {

/// Which row has an id, in eight bytes a row: 32 bits of a keyed hash and the row's number. That two ids have the same bits is
/// expected: every question comes with a way to look at the row itself, and nothing counts as found that this did not confirm.
///
/// Threads   asking from several at once is fine.
class IdTable {
public:
    static constexpr std::uint32_t max_rows = 0xffffffff;
    /// `bits`: those of the hash that are used; fewer in tests, to have many ids meet.
    explicit IdTable(std::uint32_t bits = 0xffffffff);

    /// Forgets everything; has room for so many at 9.2 bytes each.
    void reset(std::size_t rows);
    std::size_t size() const { return size_; }

    /// The row for which is_it(row) says so; of those that come into question.
    template <class IsIt> std::optional<std::uint32_t> find(const Id& id, IsIt is_it) const {
        if (size_ == 0) return std::nullopt;
        const auto tag = tag_of(id);
        for (auto at = begin_of(tag); slots_[at] != empty && tag_in(slots_[at]) <= tag; ++at)
            if (tag_in(slots_[at]) == tag && is_it(static_cast<std::uint32_t>(slots_[at]))) return static_cast<std::uint32_t>(slots_[at]);
        return std::nullopt;
    }
    /// Puts the row in. Where find() would have found one, that is replaced, or left (then false).
    template <class IsIt> bool put(const Id& id, std::uint32_t row, bool replaces, IsIt is_it) {
        if (size_ >= rows_at_most_) grow();
        const auto tag = tag_of(id);
        auto at = begin_of(tag);
        for (; slots_[at] != empty && tag_in(slots_[at]) <= tag; ++at)
            if (tag_in(slots_[at]) == tag && is_it(static_cast<std::uint32_t>(slots_[at]))) {
                if (replaces) slots_[at] = entry(tag, row);
                return replaces;
            }
        insert(at, entry(tag, row));
        ++size_;
        return true;
    }

private:
    // Slots are sorted, hashes being where they begin to be looked for: so who asks for what is not there ends early, and a nearly full table
    // is fast. A run ends at an empty slot, the last one at the end of the table.
    static constexpr std::uint64_t empty = ~std::uint64_t{0};
    static constexpr std::size_t behind = 512;  // the last run's room
    static std::uint64_t entry(std::uint32_t tag, std::uint32_t row) { return std::uint64_t{tag} << 32 | row; }
    static std::uint32_t tag_in(std::uint64_t slot) { return static_cast<std::uint32_t>(slot >> 32); }
    std::uint32_t tag_of(const Id& id) const;
    /// By the same 32 bits, so that the table grows without looking at any row.
    std::size_t begin_of(std::uint32_t tag) const { return static_cast<std::size_t>(std::uint64_t{tag} * begins_ >> 32); }
    void insert(std::size_t at, std::uint64_t value);
    void make(std::size_t begins);
    void grow();

    std::uint64_t key_[2];
    std::uint32_t bits_;
    std::size_t size_ = 0, rows_at_most_ = 0;
    std::size_t begins_ = 0;            // slots in which runs may begin
    std::vector<std::uint64_t> slots_;  // the last one is empty
};

}  // namespace tenon::backup
