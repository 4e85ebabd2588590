#pragma once

#include <vector>

#include <tenon/units.hpp>

namespace tenon::media {

/// A stretch of a stream that could not be decoded whole, from the file's time zero.
struct Damage {
    Duration start{}, end{};
    friend bool operator==(const Damage&, const Damage&) = default;
};

/// Stretches in order, none touching another.
using Damages = std::vector<Damage>;

void add(Damages& damages, Damage more);
/// What of them lies within a range.
Damages within(const Damages& damages, Duration start, Duration end);

}  // namespace tenon::media
