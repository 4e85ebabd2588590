#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <media/envelope.hpp>
#include <render/plan.hpp>

// Pictures for people, as files in memory. The same source gives the same bytes, as long as fonts and codecs stay.
// All of them throw what opening their source does: NotFound, Corrupt, Unsupported; and Cancelled.
namespace tenon::render {

struct SheetOptions {
    std::string title{};                     ///< Written above the frames.
    std::int32_t columns = 4, rows = 3;      ///< 1 to 16 each.
    std::int32_t cell_width = 320;           ///< Pixels, 16 to 4096; the height follows the picture's shape.
};

/// columns x rows frames, evenly spread over the video, each with its time. PNG.
std::vector<std::uint8_t> contact_sheet(const std::filesystem::path& path, const SheetOptions& options, const std::stop_token& stop = {});

struct GradeStillOptions {
    std::string title{};
    std::string grade{};                     ///< Required. NotFound if there is none of that name.
    Duration at{};                           ///< The frame's time.
    std::int32_t width = 1600;               ///< Of the whole picture: 320 to 8192.
};

/// One frame twice: as it is, and graded as a render does it. PNG.
std::vector<std::uint8_t> grade_still(const std::filesystem::path& path, const GradeStillOptions& options, const std::stop_token& stop = {});

struct WaveformOptions {
    std::string title{};
    std::int32_t width = 1600, height = 400;   ///< 320 to 8192 and 160 to 4096.
};

/// A waveform of `sound`, the envelope of `path`. PNG.
std::vector<std::uint8_t> waveform(const std::filesystem::path& path, const media::Envelope& sound, const WaveformOptions& options,
                                   const std::stop_token& stop = {});
struct TimelineImageOptions {
    std::string title{};
    std::int32_t width = 1600;               ///< 480 to 8192.
};

/// An edit on its tracks: titles, clips with frames and ranges, crossfades, sound. `names` and `files` go with
/// Plan::sources. SVG.
std::string timeline_svg(const Timeline& timeline, const Plan& plan, const std::vector<std::filesystem::path>& files,
                         const std::vector<std::string>& names, const TimelineImageOptions& options, const std::stop_token& stop = {});

}  // namespace tenon::render
