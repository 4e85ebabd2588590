#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <vector>

#include <media/input.hpp>

namespace tenon::media {

struct SheetOptions {
    std::int32_t columns = 4, rows = 3;     ///< 1 to 16 each.
    std::int32_t cell_width = 320;          ///< Pixels; the height follows the picture's shape.
    Limits limits{};
};

/// columns x rows frames, evenly spread over the video, as one PNG file in memory.
std::vector<std::uint8_t> contact_sheet(const std::filesystem::path& path, const SheetOptions& options = {},
                                        std::stop_token stop = {});

}  // namespace tenon::media
