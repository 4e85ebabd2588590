#pragma once

#include <cstdint>

#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// What one job may take of the machine and its network, so that others keep theirs. 0: no limit.
struct WorkLimits {
    std::int32_t threads = 0;                 ///< At work at once, 1 to 64. 0: as many as the machine has processors, 4 at most.
    /// Of buffers and caches together, 32 MiB or more; fewer threads work where these need more. Beside it there are the repository's index,
    /// at most 16 bytes a stored chunk, and lists of names that a job works on.
    Bytes memory{};
    Bytes download_per_second{};              ///< Read from the stores.
    Bytes upload_per_second{};                ///< Written to the stores, once compressed.
};

TENON_END
