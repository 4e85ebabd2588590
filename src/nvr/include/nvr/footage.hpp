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

    Bytes size() const;  ///< Of the file, exactly.
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
