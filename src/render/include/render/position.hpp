#pragma once

#include <cstdint>

#include <media/time.hpp>

namespace tenon::render {

/// Positions in an edit are counted in 1/705600000 s: every usual frame rate, the NTSC ones too, and every usual sample
/// rate divide it, so positions that are added up stay exact.
using Flicks = std::int64_t;
inline constexpr Rational flick{1, 705'600'000};

inline Flicks flicks_of_frame(std::int64_t frame, Rational rate) {
    return media::rescale(frame, {rate.den, rate.num}, flick, media::Rounding::nearest);
}
inline std::int64_t frame_of(Flicks position, Rational rate) {
    return media::rescale(position, flick, {rate.den, rate.num}, media::Rounding::nearest);
}
inline std::int64_t sample_of(Flicks position, std::int32_t rate) {
    return media::rescale(position, flick, {1, rate}, media::Rounding::nearest);
}
inline Flicks flicks_of(Duration duration) {
    return media::rescale(duration.count(), {1, 1'000'000}, flick, media::Rounding::nearest);
}
inline Duration duration_of(Flicks position) { return media::to_duration({position, flick}); }

}  // namespace tenon::render
