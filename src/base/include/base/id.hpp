#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <base/clock.hpp>
#include <tenon/id.hpp>

namespace tenon::base {

/// The sixteen bytes of an id, big endian: how it is stored, so that databases sort ids by age.
using IdBytes = std::array<std::uint8_t, 16>;

IdBytes id_bytes(std::uint64_t high, std::uint64_t low);
struct IdWords { std::uint64_t high, low; };
IdWords id_words(std::span<const std::uint8_t, 16> bytes);

/// A new UUIDv7: milliseconds of `now`, then a counter that keeps ids of one process in order, then random bits.
IdWords new_id_words(Time now);

template <class Id> Id new_id(Time now) {
    const auto w = new_id_words(now);
    return Id{w.high, w.low};
}
template <class Id> IdBytes bytes_of(const Id& id) { return id_bytes(id.high, id.low); }
template <class Id> Id id_from(std::span<const std::uint8_t, 16> bytes) {
    const auto w = id_words(bytes);
    return Id{w.high, w.low};
}

}  // namespace tenon::base
