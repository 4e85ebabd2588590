#include "buffers.hpp"

#include <algorithm>
#include <thread>

#include <backup/repository.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::int64_t mib = 1 << 20;
/// Whatever the number of threads: cached nodes, the frames of folders, parity of the pack that is put, frames that wait for
/// their pack's hash, entries that wait for others.
constexpr std::int64_t of_all = 16 * mib;
/// Of each thread: what it reads into with a chunk that is begun, a frame of data and one of nodes, what they become, the state of the
/// compressor. A check's threads need less, a restore's as much.
constexpr std::int64_t of_one = 12 * mib;

}  // namespace

Buffers buffers_within(const WorkLimits& limits) {
    Buffers buffers{.threads = limits.threads > 0 ? static_cast<unsigned>(limits.threads) : std::clamp(std::thread::hardware_concurrency(), 1u, 4u),
                    .read = 4 * mib, .lent = 32, .sealed = 8 * mib, .nodes = 32 * mib, .unlisted = 131'072};
    if (limits.memory.count <= 0) return buffers;
    const auto each = std::max<std::int64_t>(limits.memory.count - of_all, of_one);
    buffers.threads = static_cast<unsigned>(std::clamp<std::int64_t>(each / of_one, 1, buffers.threads));
    const auto spare = each / buffers.threads - of_one;
    buffers.read = static_cast<std::size_t>(std::clamp<std::int64_t>(mib + spare / 3, mib, 4 * mib));
    const auto left = spare - static_cast<std::int64_t>(buffers.read) + mib;
    buffers.lent = static_cast<std::size_t>(std::clamp<std::int64_t>(left / static_cast<std::int64_t>(buffers.read + mib), 0, 32));
    buffers.sealed = std::min(buffers.threads, 8u) * mib;
    buffers.nodes = 4 * mib;
    buffers.unlisted = 32'768;
    return buffers;
}

void check_limits(const WorkLimits& limits) {
    if (limits.threads < 0 || limits.threads > 64) throw InvalidArgument("1 to 64 threads, or 0: no limit", {.subject = "threads"});
    if (limits.memory.count != 0 && limits.memory.count < least_memory)
        throw InvalidArgument("a job needs 32 MiB of memory for its buffers", {.subject = "memory"});
    if (limits.download_per_second.count < 0) throw InvalidArgument("a limit is not negative", {.subject = "download_per_second"});
    if (limits.upload_per_second.count < 0) throw InvalidArgument("a limit is not negative", {.subject = "upload_per_second"});
}

}  // namespace tenon::backup
