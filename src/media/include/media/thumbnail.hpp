#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <vector>

#include <media/input.hpp>

namespace tenon::media {

struct ThumbnailOptions {
    std::optional<Duration> at{};       ///< Unset: a tenth into the file. Past the end: the last frame.
    std::int32_t width = 320;           ///< The height follows the picture's shape. 16 to 4096.
    Limits limits{};
};

/// One frame of a video as a JPEG file in memory, upright and with square pixels.
std::vector<std::uint8_t> thumbnail(const std::filesystem::path& path, const ThumbnailOptions& options = {},
                                    std::stop_token stop = {});

}  // namespace tenon::media
