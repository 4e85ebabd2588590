#include <media/colour.hpp>

namespace tenon::media {

Colour with_guesses(const Colour& colour, std::int32_t width, std::int32_t height) {
    const bool high_definition = height >= 720 || width >= 1280;
    const bool lines_525 = height <= 486;
    const std::uint8_t guess = high_definition ? bt709 : lines_525 ? smpte170m : bt470bg;
    // BT.601 in both kinds shares its transfer curve with 525 lines' code point.
    const std::uint8_t transfer = high_definition ? bt709 : smpte170m;
    Colour result = colour;
    if (result.primaries == unspecified || result.primaries == 0) result.primaries = guess;
    if (result.transfer == unspecified || result.transfer == 0) result.transfer = transfer;
    // 0 says that the picture was RGB: as YCbCr it gets what its size suggests.
    if (result.matrix == unspecified || result.matrix == 0) result.matrix = guess;
    return result;
}

}  // namespace tenon::media
