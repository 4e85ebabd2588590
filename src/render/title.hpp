#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <media/blend.hpp>

#include "look.hpp"

namespace tenon::render {

/// The text painted for a picture of this size: shaped, right to left where its script runs so, with colour emoji. Empty if
/// it has nothing to see (spaces). `font` is drawn with before the look's own.
///
/// Throws    NotFound (a font that is asked for, or every font), Unsupported naming the characters that no font has.
std::optional<media::Overlay> paint_title(const std::string& text, const Look& look, const std::string& font, std::int32_t width,
                                          std::int32_t height);

}  // namespace tenon::render
