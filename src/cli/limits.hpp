#pragma once

#include <string>

#include <tenon/work_limits.hpp>

#include "command.hpp"

namespace tenon::cli {

inline constexpr Option threads_option{"--threads", "N", "at work at once; default as many as there are processors, 4 at most"};
inline constexpr Option memory_option{"--memory", "SIZE", "for buffers, 32MiB or more; fewer threads work where that is not enough"};
inline constexpr Option upload_option{"--upload", "SIZE", "bytes a second that are written to the stores at most"};
inline constexpr Option download_option{"--download", "SIZE", "bytes a second that are read from the stores at most"};

/// What --threads, --memory, --upload and --download say; what is not given stays. False: none of them is.
bool take_limits(const Args& args, WorkLimits& limits);
WorkLimits limits_of(const Args& args);
/// "2 threads, 64 MiB of memory …"; empty: no limit.
std::string limits_text(const WorkLimits& limits);

}  // namespace tenon::cli
