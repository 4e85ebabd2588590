#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/timeline.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct SessionImpl;

struct ContactSheetOptions {
    std::optional<AssetId> asset{};        ///< Of this asset …
    std::string exported{};                ///< … or of this export. One of the two is required.
    std::filesystem::path target{};        ///< Required. A PNG file of the host's; one that is there is replaced.
    std::int32_t columns = 4;              ///< 1 to 16.
    std::int32_t rows = 3;                 ///< 1 to 16.
    std::int32_t cell_width = 320;         ///< Pixels, 16 to 4096; the height follows the picture's shape.
};

struct FrameImageOptions {
    std::optional<AssetId> asset{};        ///< Of this asset …
    std::string exported{};                ///< … or of this export. One of the two is required.
    Duration at{};                         ///< The frame shown at this time; past the end: the last frame.
    std::filesystem::path target{};        ///< Required. A PNG file of the host's; one that is there is replaced.
    std::int32_t width = 0;                ///< Pixels, 2 to 16384; the height follows the picture's shape. 0: its own size.
};

struct GradeStillOptions {
    AssetId asset{};                       ///< Required.
    std::string grade{};                   ///< Required. As Timeline::grade takes it: "cinematic_warm".
    Duration at{};                         ///< The frame's time in the asset; past its end: the last frame.
    std::filesystem::path target{};        ///< Required. A PNG file of the host's; one that is there is replaced.
    std::int32_t width = 1600;             ///< Pixels, 320 to 8192, of both frames together.
};

struct WaveformOptions {
    std::optional<AssetId> asset{};        ///< Of this asset …
    std::string exported{};                ///< … or of this export. One of the two is required.
    std::filesystem::path target{};        ///< A PNG file of the host's; one that is there is replaced. Empty: no picture.
    std::filesystem::path data_target{};   ///< A file for Waveform::to_json(), replaced likewise. Empty: none.
    std::int32_t width = 1600;             ///< Of the picture. Pixels, 320 to 8192.
    std::int32_t height = 400;             ///< 160 to 4096.
    std::int32_t points = 1000;            ///< Of the data, at most: 1 to 100,000.
};

/// How loud a sound is from its first to its last moment, point by point. More than two channels are mixed to two.
struct Waveform {
    Duration duration{};
    std::int32_t sample_rate = 0;          ///< What samples are counted in: 48,000 Hz, whatever the source has.
    std::int32_t channels = 0;             ///< 1 or 2.
    std::int64_t samples_per_point = 0;    ///< The last point may have fewer.
    double peak = 0;                       ///< The largest distance from zero; 1 is full scale.
    /// Three numbers for each point, and within a point for each channel: point * channels + channel. 1 is full scale.
    std::vector<double> minimum{};
    std::vector<double> maximum{};
    std::vector<double> rms{};

    /// The data as players in web pages read it: audiowaveform's JSON, version 2, 16 bits.
    TENON_API std::string to_json() const;
};

struct TimelineImageOptions {
    Timeline timeline{};                   ///< This edit …
    std::optional<JobId> render{};         ///< … or that of this render job. One of the two is required.
    std::filesystem::path target{};        ///< Required. An SVG file of the host's; one that is there is replaced.
    std::string title{};                   ///< Written above it. Empty: the render's name, or none.
    std::int32_t width = 1600;             ///< Pixels, 480 to 8192. The height follows the tracks.
};

/// Pictures of what the workspace holds, for people who look rather than read. They are made while the call lasts; a file
/// appears whole or not at all.
///
/// Throws    every member: InvalidArgument naming the field, NotFound, Corrupt, NoSpace and whatever else writing the
///           target meets; PermissionDenied for a target within the home.
class TENON_API Pictures {
public:
    /// columns x rows frames, evenly spread, each with its time. Throws Unsupported without pictures.
    void contact_sheet(const ContactSheetOptions& options) const;
    /// One frame as it is. Throws Unsupported without pictures.
    void frame(const FrameImageOptions& options) const;
    /// One frame twice: as it is, and graded as a render does it. Throws Unsupported without pictures, or in HDR.
    void grade_still(const GradeStillOptions& options) const;
    /// The sound's waveform: as data, and as a picture if a target is given. Throws Unsupported without sound.
    Waveform waveform(const WaveformOptions& options) const;
    /// The edit on its tracks: titles, clips with frames and ranges, crossfades, sound.
    void timeline(const TimelineImageOptions& options) const;

private:
    friend struct Internal;
    explicit Pictures(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
