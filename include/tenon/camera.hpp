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
enum class Recording : std::uint8_t {
    off = 0,
    continuous = 1,
    schedule = 2,  ///< In the windows of the camera's schedule.
};

enum class Weekday : std::uint8_t {
    monday = 1,
    tuesday = 2,
    wednesday = 3,
    thursday = 4,
    friday = 5,
    saturday = 6,
    sunday = 7,
};

/// When a camera records, every week, by the clocks of the tenant's time zone: an hour that they repeat belongs to the window
/// both times, one that they skip is not there.
struct RecordingWindow {
    Weekday day = Weekday::monday;
    Duration start{};  ///< Since midnight, less than 24 h.
    Duration end{};    ///< Since midnight, at most 24 h. Not after `start`: on the next day.
};

/// How long footage is kept. What was asked to be protected, and what is being read by a job, stays longer.
struct Retention {
    Duration keep_for{};  ///< 0: for ever.
    Bytes keep_bytes{};   ///< The oldest goes when the camera's footage weighs more, protected footage not counted. 0: no bound.
};

enum class CameraState : std::uint8_t {
    off = 0,  ///< Not meant to record.
    connecting = 1,
    recording = 2,
    retrying = 3,  ///< Lost; tries again by itself.
};

TENON_API const char* to_string(Recording recording) noexcept;
TENON_API const char* to_string(CameraState state) noexcept;
TENON_API const char* to_string(Weekday day) noexcept;

/// What arrives from a camera, measured over the last five seconds.
struct CameraHealth {
    double frames_per_second = 0;
    std::int64_t bits_per_second = 0;  ///< Picture and sound.
    Duration key_frame_interval{};     ///< The longest of this connection. 0: not known.
    std::optional<Time> arrived_at{};  ///< When the last picture arrived; on disk it is a second later at most.
    std::int64_t reconnects = 0;       ///< Since the recording began.
};

struct CameraOptions {
    std::string name{};  ///< Required.
    /// Required. rtsp:// or rtsps://. Sealed at rest, since cameras take passwords and tokens in path and query too. A
    /// login in it is taken out and used as `username` and `password`, which must be empty then. rtsps:// is encrypted; whose
    /// certificate the camera shows is not checked, since cameras sign their own: who listens in learns nothing, who stands
    /// in between and answers in the camera's place is not found out.
    std::string url{};
    std::string username{};
    std::string password{};  ///< Sealed at rest, never shown again.
    Recording recording = Recording::off;
    std::vector<RecordingWindow> schedule{};  ///< Required for Recording::schedule.
    Retention retention{};
};

/// What is to change of a camera; what is unset stays. All of it changes or nothing.
struct CameraUpdate {
    std::optional<std::string> name{};
    /// As CameraOptions::url. It replaces the whole address. The login stays where it is sent to the same host and port over
    /// nothing less safe; anywhere else it has to be given anew, here or below, so that no password goes where its owner did
    /// not send it. An empty username and password: none.
    std::optional<std::string> url{};
    std::optional<std::string> username{};
    std::optional<std::string> password{};  ///< Sealed at rest, never shown again. Empty: none.
    std::optional<Recording> recording{};
    std::vector<RecordingWindow> schedule{};  ///< Not empty: in place of the windows there are.
    std::optional<Retention> retention{};
};

struct CameraInfo {
    CameraId id{};
    SiteId site{};
    std::string name{};
    std::string url{};  ///< Scheme, host, port and path; *** for the query and what may be secret.
    Recording recording = Recording::off;
    CameraState state = CameraState::off;
    std::string problem{};                ///< Why it is retrying. Empty while all is well.
    std::optional<Time> last_frame_at{};  ///< The end of what is recorded.
    Time created_at{};
    std::vector<RecordingWindow> schedule{};
    Retention retention{};
    CameraHealth health{};
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

enum class SpanKind : std::uint8_t { footage = 0,
                                     gap = 1 };
TENON_API const char* to_string(SpanKind kind) noexcept;

/// A part of a range of time: footage, or that there is none and why.
struct FootageSpan {
    SpanKind kind = SpanKind::footage;
    Time start{};
    Time end{};            ///< Equal to `start` where the camera's or this machine's clock was set and nothing is missing.
    std::string reason{};  ///< Of a gap: "offline", "stalled", "retention" … Empty: nothing says why.
};

struct TimeRange {
    Time start{};  ///< Required.
    Time end{};    ///< Required. After start.
};

struct CameraSnapshotOptions {
    Time at{};                       ///< Required. Shown is the frame at this time.
    std::filesystem::path target{};  ///< Required. A JPEG file of the host's; one that is there is replaced.
    std::int32_t quality = 85;       ///< 1 to 100.
};

struct CameraSnapshot {
    Time at{};  ///< When the frame was taken.
    std::int32_t width = 0;
    std::int32_t height = 0;
    Bytes size{};
};

struct PlaylistOptions {
    Time start{};              ///< Required.
    Time end{};                ///< Required. After start.
    std::string uri_prefix{};  ///< Put before the files' names, such as "/footage/door/". Empty: relative to the camera's folder.
};

/// An HLS playlist over the recorded files themselves: fragmented MP4 by byte ranges, nothing is copied. Whoever serves it
/// serves the files of `folder` below the prefix, with range requests.
struct Playlist {
    std::string text{};                ///< application/vnd.apple.mpegurl
    std::filesystem::path folder{};    ///< What the files' names are relative to.
    std::vector<std::string> files{};  ///< The names that it speaks of.
    Time start{};                      ///< Of the key frame that it begins with.
    Time end{};
    Duration duration{};  ///< Without the gaps.
};

/// Footage that retention leaves alone until it is taken back.
struct Protection {
    std::int64_t number = 0;  ///< Of this camera, from 1.
    Time start{};
    Time end{};
    std::string reason{};
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
    /// Changes what is given, and connects anew where the address or the login is another; footage stays, and the gap until the
    /// camera answers is told as "switched_off". Throws InvalidArgument (also for an update that changes nothing),
    /// PermissionDenied (outside the engine's camera networks).
    CameraInfo update(const CameraUpdate& update);
    /// Throws InvalidArgument: Recording::schedule without windows.
    CameraInfo set_recording(Recording recording);
    /// Replaces the windows. Throws InvalidArgument, also for none while the camera records by them.
    CameraInfo set_schedule(const std::vector<RecordingWindow>& windows);
    /// Holds from now on, also for what is recorded already.
    CameraInfo set_retention(const Retention& retention);
    /// Keeps the footage that overlaps the range, whatever the retention says. Returns its number.
    std::int64_t protect(const TimeRange& range, const std::string& reason);
    std::vector<Protection> protections() const;
    /// Throws NotFound.
    void unprotect(std::int64_t number);
    /// What there is of a range and what is missing, in order, without a hole; nothing is said of the future.
    std::vector<FootageSpan> timeline(const TimeRange& range) const;
    /// Throws NotFound if there is no footage at that time.
    CameraSnapshot snapshot(const CameraSnapshotOptions& options) const;
    /// Throws NotFound if there is no footage in the range.
    Playlist playlist(const PlaylistOptions& options) const;
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
    /// Stops recording and removes the camera with its footage. Throws NotFound, Conflict (some of it is protected, or a clip is
    /// being made of it).
    void remove(const CameraId& id);

private:
    friend struct Internal;
    explicit Cameras(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
