#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <media/input.hpp>

namespace tenon::media {

/// What a file is, after the first frame of its picture or sound has really been decoded.
struct Probe {
    std::string container{};
    std::optional<Duration> duration{};     ///< Longest stream; counted from packets if the header does not say.
    std::vector<StreamInfo> streams{};
    std::optional<std::int32_t> video{};    ///< Index of the stream that is shown.
    std::optional<std::int32_t> audio{};
};

/// Throws Unsupported (empty, or nothing in it can be played), Corrupt (a media file that breaks off or is damaged
/// before its first frame), NotFound, PermissionDenied, Cancelled.
Probe probe(const std::filesystem::path& path, const Limits& limits = {}, std::stop_token stop = {});

}  // namespace tenon::media
