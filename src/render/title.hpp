#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <media/blend.hpp>

namespace tenon::render {

/// The text painted for a picture of this size: centred in the lower third, white with a soft dark edge, wrapped at four
/// fifths of the width. Empty if it has nothing to see (spaces).
std::optional<media::Overlay> paint_title(const std::string& text, std::int32_t width, std::int32_t height);

}  // namespace tenon::render
