#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <vector>

#include <media/input.hpp>

namespace tenon::media {

inline constexpr std::int32_t most_points = 100'000;

struct EnvelopeOptions {
    Duration start{};                 ///< From the file's time zero.
    Duration end{};                   ///< 0: to the end of the sound.
    std::int32_t points = most_points;   ///< 1 to most_points: no more than that come out.
    std::int32_t channels = 0;        ///< 1 or 2: mixed to that many. 0: two of whatever has more than one.
    Limits limits{};
};

/// How loud a stretch of sound is, point by point: what a waveform is drawn from.
struct Envelope {
    std::int32_t rate = 48'000;
    std::int32_t channels = 0;
    std::int64_t samples = 0;             ///< Per channel, silence between stretches included.
    std::int64_t samples_per_point = 1;   ///< The last point may have fewer.
    /// Point by point, and within a point channel by channel. 1 is full scale.
    std::vector<float> minimum{}, maximum{}, rms{};

    std::int64_t points() const { return channels == 0 ? 0 : static_cast<std::int64_t>(minimum.size()) / channels; }
    std::int64_t samples_in(std::int64_t point) const { return std::min(samples_per_point, samples - point * samples_per_point); }
    float peak() const;                   ///< The largest distance from zero.
    /// The same in at most `points` points.
    Envelope coarser(std::int64_t points) const;
};

/// Of the file's first sound, decoded once in bounded memory. Throws what Input::open does; Unsupported without sound.
Envelope envelope(const std::filesystem::path& path, const EnvelopeOptions& options = {}, const std::stop_token& stop = {});

}  // namespace tenon::media
