#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <exec/progress.hpp>
#include <media/damage.hpp>
#include <media/loudness.hpp>
#include <render/plan.hpp>
#include <render/yard.hpp>

namespace tenon::render {

/// Where a render asks for disk space before it takes it.
class Storage {
public:
    virtual ~Storage() = default;
    /// From now on the render may use `bytes` on disk in all: pieces, and files that get no name before they are whole.
    /// Throws what refuses it; then nothing more is written.
    virtual void cover(std::int64_t bytes) = 0;
};

struct Request {
    Plan plan{};
    std::vector<std::filesystem::path> sources{};    ///< Files, as Plan::sources.
    std::filesystem::path temp{};                    ///< This job's own folder; made if missing.
    std::filesystem::path exports{};                 ///< Must exist.
    std::vector<std::string> file_names{};           ///< In `exports`, as Plan::outputs; one there is replaced.
    Storage* storage = nullptr;                      ///< Outlives the run. Null: nobody counts.
    Yard* yard = nullptr;                            ///< Outlives the run. Null: a run that is cancelled waits for its threads.
};

/// How close an output came to what was composed, and its sound to what was asked for. docs/design/render.md has the parts.
struct Quality {
    bool measured = false;
    double score = 0;                                ///< 0 to 1.
    double ssim = 0, ssim_low = 0;                   ///< Of luma: mean, and what one picture of twenty stays below.
    double psnr = 0;                                 ///< dB, of luma.
    std::int64_t frames = 0;                         ///< Looked at.
};

struct RenderedOutput {
    std::filesystem::path path{};
    std::string preset{};
    Bytes size{};
    crypto::Digest sha256{};
    Duration duration{};
    std::int64_t frames = 0;
    std::int32_t width = 0, height = 0;
    media::Loudness loudness{};                      ///< Of the finished file, decoded.
    Quality quality{};
};

/// What of a source could not be decoded, within what the edit shows of it: the picture before it stays, sound is silent.
struct SourceDamage {
    AssetId asset{};
    bool sound = false;
    media::Damage range{};                           ///< In the source.
};

struct Rendered {
    std::vector<RenderedOutput> outputs{};
    std::vector<SourceDamage> damage{};              ///< By source, pictures first, in order of time. A resumed run tells the same.
    Duration render_time{};
    std::int64_t chunks_encoded = 0;                 ///< (chunk, output) pairs; what an earlier run left is not among them.
    std::int64_t damaged_packets = 0;                ///< Of the sources, concealed.
};

/// Does what the plan says. Pieces are kept in `temp` as they are finished; a run after a kill finds them and does only
/// what is missing, with the same bytes in the end. A finished run leaves them too: whoever recorded its result removes
/// the folder.
///
/// Throws    Cancelled; NotFound, Conflict, Corrupt (a source vanished, changed, is damaged), NoSpace, Unsupported.
///           Then no new file is in `exports`, and none there was touched.
/// Cancel    within 200 ms if there is a yard: encoders wind down there.
Rendered run(const Request& request, exec::ProgressSink& progress, std::stop_token stop);

}  // namespace tenon::render
