#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <base/log.hpp>
#include <nvr/day_index.hpp>
#include <nvr/segment_file.hpp>

namespace tenon::nvr {

/// A finished segment, as rows and lists know it.
struct SegmentInfo {
    std::uint32_t day = 0;
    std::uint16_t ordinal = 0;
    SegmentPlace place{};
    Time start{};
    Time end{};
    std::uint64_t bytes = 0;
    std::uint64_t frames = 0;
    std::uint8_t flags = 0;  ///< TrailerFlag
};

/// Its file, below the camera's folder.
std::filesystem::path path_of(const std::filesystem::path& camera_folder, const SegmentInfo& segment);

/// Where a camera's footage ends, and so where it goes on.
struct CameraTail {
    std::optional<Time> end{};
    std::uint64_t run = 0;                ///< The highest used.
    crypto::Digest statement{};           ///< Hash of the last segment's; zero: none.
    std::vector<SegmentInfo> segments{};  ///< Of the days that were looked at, in order.
    std::uint32_t day = 0;                ///< The last day looked at, and its first ordinal that is free.
    std::uint32_t next_ordinal = 0;
    std::size_t recovered = 0;  ///< Segments that had to be finished.
    std::size_t dropped = 0;    ///< Files removed because they held no whole fragment.
};

/// Makes a camera's folder whole after any end of its process: half fragments are cut, trailers written with
/// `recovered`, and the index says again what the files say. Looks at the newest two days, since older ones were
/// finished while a newer one was written. A segment that cannot be read is logged and left as it is, out of the index.
/// Nobody may be recording there. `every_day`: after files were put there that no recorder wrote.
CameraTail recover_camera(const std::filesystem::path& folder, const Origin& origin, const crypto::SigningKey* key,
                          base::Log& log, bool every_day = false);

/// One day, looked at in full. Files are the truth: what the index says is kept only where a file says it too.
std::vector<SegmentInfo> recover_day(const std::filesystem::path& folder, std::uint32_t day, const Origin& origin,
                                     const crypto::SigningKey* key, base::Log& log, CameraTail& tail);

/// The days below a camera's folder, oldest first.
std::vector<std::uint32_t> days_of(const std::filesystem::path& camera_folder);
/// Segment files of a day's folder, oldest first.
std::vector<std::string> segments_of(const std::filesystem::path& day_folder);

}  // namespace tenon::nvr
