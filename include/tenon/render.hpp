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
#include <tenon/timeline.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct RenderOptions {
    ProjectId project{};                   ///< Required.
    Timeline timeline{};                   ///< Required. Not empty.
    std::vector<std::string> outputs{};    ///< Required. Presets: mp4, mov, social_square, social_vertical, 4k.
    std::optional<std::int32_t> loudness{}; ///< LUFS, -40 to -5; 0: sound stays as mixed. Unset: the preset's, -14 for most.
    std::string name = "render";           ///< Of the files below exports/: <name>-<end of the job's id>.mp4 …
    JobSchedule schedule{};
};

/// What ITU-R BS.1770-4 says of a finished file's sound.
struct Loudness {
    bool measured = false;                 ///< False: silent, or shorter than 400 ms.
    double integrated = 0;                 ///< LUFS.
    double range = 0;                      ///< LU.
    double true_peak = 0;                  ///< dBTP.
};

/// How close a finished file's pictures came to what was composed, before it was encoded, and its sound to the loudness asked
/// for.
struct Quality {
    bool measured = false;                 ///< False: rendered before it was measured.
    double score = 0;                      ///< 0 to 1, of everything below and blockiness and loudness; about 0.9 is good.
    double ssim = 0;                       ///< Structural similarity of luma, mean. 1: the same.
    double ssim_low = 0;                   ///< What one picture of twenty stays below.
    double psnr = 0;                       ///< dB, of luma.
    std::int64_t frames = 0;               ///< Looked at.
};

struct RenderedFile {
    std::string preset{};
    std::filesystem::path path{};
    Bytes size{};
    std::string sha256{};                  ///< Hex.
    Duration duration{};
    std::int64_t frames = 0;
    std::int32_t width = 0;
    std::int32_t height = 0;
    Loudness loudness{};
    Quality quality{};
};

/// A stretch of an asset that was damaged where the edit shows it.
struct DamagedRange {
    AssetId asset{};
    Duration start{};                      ///< In the asset.
    Duration end{};
    bool sound = false;                    ///< Silent there; else pictures: the last good one stays, for a second at most.
};

struct RenderResult {
    std::vector<RenderedFile> outputs{};
    std::vector<DamagedRange> damage{};    ///< By asset, pictures before sound, in order of time. Empty: all was whole.
    Duration render_time{};                ///< What was charged: the duration of the outputs together.
};

class TENON_API RenderJob : public Job {
public:
    /// Waits for the end. Throws what ended the job.
    RenderResult result();

private:
    friend struct Internal;
    explicit RenderJob(std::shared_ptr<JobImpl> impl);
};

/// Many renders at once, of one project or of many.
struct RenderBatchOptions {
    std::string batch{};                   ///< Required. What they are counted, listed and cancelled by: Jobs::batch.
    std::vector<RenderOptions> renders{};  ///< Required. At most 1000. A schedule's own batch is not used.
};

class TENON_API Renders {
public:
    /// Checks the timeline against its assets, holds render time and starts.
    ///
    /// Throws    InvalidArgument naming the item, NotFound (project, asset, preset), Conflict (the file of an asset has changed),
    ///           Unsupported (images and titles beyond 1 GiB when painted, an edit of more than 16 hours), QuotaExceeded.
    RenderJob start(const RenderOptions& options);
    /// Starts each as start() would. One that cannot be started, for want of render time, say, keeps no other from it; how many
    /// run at once the plan says. Returned in the order given. Throws InvalidArgument, Closed, PermissionDenied (in no project).
    std::vector<StartedJob> start_batch(const RenderBatchOptions& options);
    [[nodiscard]] std::optional<RenderJob> find(const JobId& id) const;
    /// The newest ones, at most 1000. Page by page: Jobs::list of the kind "render".
    std::vector<JobInfo> list(std::int32_t limit = 100) const;

private:
    friend struct Internal;
    explicit Renders(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
