#pragma once

#include <cstdint>

#include <media/stream.hpp>

namespace tenon::media {

/// Code points of H.273 that the engine names.
inline constexpr std::uint8_t bt709 = 1, bt470bg = 5, smpte170m = 6, unspecified = 2;

/// What the tags say; where they say nothing, what the size suggests: from 720 lines or 1280 columns BT.709, below
/// that BT.601 of the 525 or 625 line kind.
Colour with_guesses(const Colour& colour, std::int32_t width, std::int32_t height);

}  // namespace tenon::media
