#pragma once

#include <cstdint>

#include <tenon/units.hpp>

namespace tenon::media {

/// A position in a stream: a count of ticks, each `tick` seconds long. Never a double.
struct MediaTime {
    std::int64_t ticks = 0;
    Rational tick{1, 1'000'000};
};

enum class Rounding : std::uint8_t { down, up, nearest /* ties go down */ };

/// `value` counted in `from` seconds, counted in `to` seconds instead. Products are 128 bits wide; a result beyond 64
/// bits throws InvalidArgument.
std::int64_t rescale(std::int64_t value, Rational from, Rational to, Rounding rounding);

/// Microseconds are how the public face counts.
Duration to_duration(MediaTime time, Rounding rounding = Rounding::nearest);
MediaTime from_duration(Duration duration, Rational tick, Rounding rounding = Rounding::nearest);

/// The frame nearest to `position` at `rate` frames per second, ties down. Both ends of a range go through here, so a
/// duration is always a difference of two positions and rounding errors never add up.
std::int64_t frame_at(Duration position, Rational rate);

/// When frame `number` begins.
Duration frame_start(std::int64_t number, Rational rate);

/// The reduced fraction; a rate within 1e-4 of k * 1000/1001 becomes exactly that (23.976 is 24000/1001).
Rational reduced(Rational value);
Rational exact_rate(Rational rate);

/// Less, equal or greater than zero as a is to b. Exact.
int compare(MediaTime a, MediaTime b);
int compare(Rational a, Rational b);

}  // namespace tenon::media
