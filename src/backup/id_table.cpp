#include "id_table.hpp"

#include <algorithm>
#include <utility>

#include <crypto/secret.hpp>

namespace tenon::backup {

IdTable::IdTable(std::uint32_t bits) : bits_(bits) {
    // Whoever makes ids up cannot make them meet.
    std::array<std::uint8_t, 16> random;
    crypto::fill_random(random);
    key_[0] = base::load_le<std::uint64_t>(&random[0]);
    key_[1] = base::load_le<std::uint64_t>(&random[8]);
}

std::uint32_t IdTable::tag_of(const Id& id) const {
    const auto one = base::load_le<std::uint64_t>(&id[0]) ^ key_[0];
    const auto other = base::load_le<std::uint64_t>(&id[8]) ^ key_[1];
    __extension__ using Wide = unsigned __int128;
    const auto product = static_cast<Wide>(one) * other;
    const auto folded = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    return static_cast<std::uint32_t>(folded >> 32) & bits_;
}

void IdTable::make(std::size_t begins) {
    begins_ = begins;
    rows_at_most_ = begins / 8 * 7;
    slots_ = {};  // before the next one is there
    slots_.assign(begins + behind, empty);
}

void IdTable::reset(std::size_t rows) {
    size_ = 0;
    make((rows / 7 + 1) * 8);
}

/// At `at` or behind it, up to the end of its run.
void IdTable::insert(std::size_t at, std::uint64_t value) {
    auto end = at;
    while (slots_[end] != empty) ++end;
    if (end + 1 == slots_.size()) slots_.resize(slots_.size() + behind, empty);
    std::move_backward(slots_.begin() + static_cast<std::ptrdiff_t>(at), slots_.begin() + static_cast<std::ptrdiff_t>(end),
                       slots_.begin() + static_cast<std::ptrdiff_t>(end + 1));
    slots_[at] = value;
}

void IdTable::grow() {
    const auto before = std::exchange(slots_, {});
    make((begins_ / 32 + 1) * 40);
    // They come sorted, so each goes behind those that are there.
    std::size_t next = 0;
    for (const auto value : before) {
        if (value == empty) continue;
        next = std::max(next, begin_of(tag_in(value)));
        insert(next, value);
        ++next;
    }
}

}  // namespace tenon::backup
