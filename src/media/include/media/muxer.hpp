#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include <media/encoder.hpp>

namespace tenon::media {

/// Both are the same boxes; a .mov says that it is QuickTime's.
enum class Container : std::uint8_t { mp4, mov };

struct VideoTrack {
    VideoEncoding encoding{};
    std::vector<std::uint8_t> extradata{};
};

struct AudioTrack {
    AudioEncoding encoding{};
    std::vector<std::uint8_t> extradata{};
    std::int32_t priming = 0;
    std::int64_t samples = 0;   ///< Without priming; what the encoder padded at the end is cut off.
};

/// An MP4 file that plays before it is loaded in full. Holds no creation time and no tool's name: its bytes depend on
/// its content only.
///
/// Throws    NoSpace, PermissionDenied, Cancelled, InternalError. The file is whole only after finish().
class Mp4Muxer {
public:
    /// `path` must not exist. Tracks: picture first, then sound if given.
    Mp4Muxer(const std::filesystem::path& path, const VideoTrack& video, const std::optional<AudioTrack>& audio,
             Container container = Container::mp4, const std::stop_token& stop = {});
    Mp4Muxer(Mp4Muxer&&) noexcept;
    Mp4Muxer& operator=(Mp4Muxer&&) noexcept;
    ~Mp4Muxer();

    /// In decode order; pts counts frames, dts is the smallest legal one and computed by the caller.
    void write_video(const Packet& packet);
    /// pts counts samples; priming stands below zero.
    void write_audio(const Packet& packet);
    /// Writes the index, moves it to the front, and syncs the file to disk.
    void finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::media
