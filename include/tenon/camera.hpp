#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/job.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct CameraImpl;

/// What a camera is meant to do. An intent: every restart and reconnect returns to it.
enum class Recording : std::uint8_t { off = 0,
                                      continuous = 1 };

enum class CameraState : std::uint8_t {
    off = 0,  ///< Not meant to record.
    connecting = 1,
    recording = 2,
    retrying = 3,  ///< Lost; tries again by itself.
};

TENON_API const char* to_string(Recording recording) noexcept;
TENON_API const char* to_string(CameraState state) noexcept;

struct CameraOptions {
    std::string name{};  ///< Required.
    /// Required. rtsp:// or rtsps://. Sealed at rest, since cameras take passwords and tokens in path and query too. A
    /// login in it is taken out and used as `username` and `password`, which must be empty then.
    std::string url{};
    std::string username{};
    std::string password{};  ///< Sealed at rest, never shown again.
    Recording recording = Recording::off;
};

struct CameraInfo {
    CameraId id{};
    SiteId site{};
    std::string name{};
    std::string url{};  ///< Scheme, host, port and path; *** for the query and what may be secret.
    Recording recording = Recording::off;
    CameraState state = CameraState::off;
    std::string problem{};  ///< Why it is retrying. Empty while all is well.
    std::optional<Time> last_frame_at{};
    Time created_at{};
};

/// Footage without a gap.
struct RecordingInfo {
    Time start{};
    Time end{};
    Bytes size{};
    std::int64_t frames = 0;
    std::string gap_before{};  ///< Why footage is missing before it: "offline", "stalled" … Empty: no gap.
};

struct RecordingFilter {
    std::optional<Time> start{};  ///< Footage that ends after this. Unset: no bound.
    std::optional<Time> end{};    ///< Footage that starts before this.
};

/// Where a clip may begin.
enum class Cut : std::uint8_t {
    gop = 0,    ///< At the key frame at or before `start`: a little more than asked for.
    exact = 1,  ///< At the frame: what leads up to it is in the file but not shown.
};

struct ClipOptions {
    Time start{};  ///< Required.
    Time end{};    ///< Required. After start.
    Cut cut = Cut::gop;
    std::string name = "clip";  ///< Of the file below exports/: <name>-<end of the job's id>.mp4
    JobSchedule schedule{};
};

struct Clip {
    std::filesystem::path path{};
    Time start{};  ///< Of the first frame shown.
    Time end{};
    Duration duration{};  ///< Shorter than end - start if footage is missing in between.
    std::int64_t frames = 0;
    Bytes size{};
    std::string sha256{};  ///< Hex.
};

class TENON_API ClipJob : public Job {
public:
    /// Waits for the end. Throws what ended the job.
    Clip result();

private:
    friend struct Internal;
    explicit ClipJob(std::shared_ptr<JobImpl> impl);
};

class TENON_API Camera {
public:
    CameraId id() const;
    CameraInfo info() const;
    CameraInfo set_recording(Recording recording);
    std::vector<RecordingInfo> recordings(const RecordingFilter& filter = {}) const;
    /// Copies footage into a file below exports/, without re-encoding. Throws NotFound if there is none in the range.
    ClipJob export_clip(const ClipOptions& options);

private:
    friend struct Internal;
    explicit Camera(std::shared_ptr<CameraImpl> impl);
    std::shared_ptr<CameraImpl> impl_;
};

class TENON_API Cameras {
public:
    /// Throws InvalidArgument, PermissionDenied (outside the engine's camera networks), QuotaExceeded.
    Camera create(const CameraOptions& options);
    Camera get(const CameraId& id) const;
    [[nodiscard]] std::optional<Camera> find(const CameraId& id) const;
    std::vector<CameraInfo> list() const;
    [[nodiscard]] std::optional<ClipJob> find_clip(const JobId& id) const;
    /// Stops recording and removes the camera with its footage.
    void remove(const CameraId& id);

private:
    friend struct Internal;
    explicit Cameras(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
