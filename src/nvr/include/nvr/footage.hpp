#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <exec/progress.hpp>
#include <tenon/camera.hpp>

namespace tenon::nvr {

/// A camera's footage, oldest first, from its indexes: what follows on without a gap is one entry. `folder` is the
/// camera's; none is no footage.
std::vector<RecordingInfo> list_recordings(const std::filesystem::path& folder, const RecordingFilter& filter);

/// What the indexes do not know.
struct SpanFacts {
    Time now{};
    std::optional<Time> pruned_until{};
    std::string now_missing{};  ///< Why nothing is recorded now, if nothing is.
};
/// The range up to now, as footage and gaps that follow one another.
std::vector<FootageSpan> list_spans(const std::filesystem::path& folder, const TimeRange& range, const SpanFacts& facts);

/// The files from key frame to key frame. Throws InvalidArgument, NotFound when there is none in the range.
Playlist make_playlist(const std::filesystem::path& folder, const PlaylistOptions& options);

/// A frame as a JPEG file in memory.
struct Still {
    CameraSnapshot info{};
    std::vector<std::uint8_t> jpeg{};
};
/// The frame shown at that time. Throws NotFound; Corrupt if it cannot be decoded.
Still take_still(const std::filesystem::path& folder, Time at, std::int32_t quality);

struct ClipRequest {
    Time start{};
    Time end{};
    Cut cut = Cut::gop;
};

/// What a clip will be. Its bytes are still in the segments.
class ClipPlan {
public:
    /// Throws NotFound when there is no footage in the range; Unsupported when the picture's codec or size changes
    /// within it (subject: when); InvalidArgument; Corrupt.
    ClipPlan(const std::filesystem::path& folder, const ClipRequest& request);
    ClipPlan(ClipPlan&&) noexcept;
    ClipPlan& operator=(ClipPlan&&) noexcept;
    ~ClipPlan();

    Bytes size() const;         ///< Of the file, exactly.
    TimeRange footage() const;  ///< What it is copied from: from the key frame that it needs.
    /// Of what is shown. Path and hash are empty.
    const Clip& clip() const;

    /// Writes the file under `part`, syncs it, and renames it to `path`, which must not exist. Returns its SHA-256 in hex.
    /// After any failure neither of the two is there. Throws NoSpace, Conflict, Cancelled …
    std::string write(const std::filesystem::path& part, const std::filesystem::path& path, exec::ProgressSink& progress,
                      const std::stop_token& stop) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::nvr
