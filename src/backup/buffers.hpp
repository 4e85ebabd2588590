#pragma once

#include <cstddef>
#include <cstdint>

#include <tenon/work_limits.hpp>

namespace tenon::backup {

/// How many buffers a job has, and how large they are: what its memory is made of, beside the index and lists of names.
struct Buffers {
    unsigned threads = 1;
    std::size_t read = 0;          ///< Of a file at once, by each thread.
    std::size_t lent = 0;          ///< Further ones of that size for each thread, while others work on what is in them.
    std::size_t sealed = 0;        ///< Bytes of frames that wait for their turn to be written.
    std::size_t nodes = 0;         ///< Bytes of frames of folders that are kept open.
    std::int64_t unlisted = 0;     ///< Chunks that were stored, and that no segment lists yet.
};

/// Less than this is not enough for anything.
inline constexpr std::int64_t least_memory = std::int64_t{32} << 20;

Buffers buffers_within(const WorkLimits& limits);

}  // namespace tenon::backup
