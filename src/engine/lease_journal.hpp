#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>

#include <base/file.hpp>
#include <tenon/id.hpp>

namespace tenon::engine {

/// What the leases of an engine have spent and not told, where others find it once its process was killed: a file that is written
/// through memory and locked as long as the process lives. The kernel keeps what was written there until the machine goes down; a file
/// from before that is not believed.
///
/// Layout: "TNLEASE1", the boot's id (32 digits), zeros to 64; then cells of 64 bytes: state (8: 1 in use), tenant (16), lease (16), spent since the
/// lease was taken (8), zeros. All little-endian.
///
/// Threads   any member, from any thread, at once. Writing to a cell is its lease's.
class LeaseJournal {
public:
    struct alignas(64) Cell {
        std::atomic<std::uint64_t> state{0};
        std::array<std::uint64_t, 2> tenant{}, lease{};
        std::atomic<std::int64_t> spent{0};
    };
    static_assert(sizeof(Cell) == 64 && std::atomic<std::int64_t>::is_always_lock_free);

    /// Takes nothing before the first cell is wanted.
    explicit LeaseJournal(std::filesystem::path folder) : folder_(std::move(folder)) {}
    ~LeaseJournal();
    LeaseJournal(const LeaseJournal&) = delete;
    LeaseJournal& operator=(const LeaseJournal&) = delete;

    /// Null: all are taken. Throws what files throw. Lives as long as this does.
    Cell* open(const TenantId& tenant, const HoldId& lease);
    void close(Cell* cell) noexcept;
    /// No lease is left. Cells stay where they are in memory.
    void remove() noexcept;

    struct Found {
        TenantId tenant{};
        HoldId lease{};
        std::int64_t spent = 0;
    };
    /// Runs settle(found) for each lease of a process that was killed, and removes its file unless one throws.
    void recover(const std::function<void(const Found&)>& settle) const;

private:
    void make(const HoldId& first);

    const std::filesystem::path folder_;
    std::mutex mutex_;
    std::filesystem::path file_;          // under the mutex, as the next
    std::optional<base::FileLock> lock_;
    void* memory_ = nullptr;
    Cell* cells_ = nullptr;
};

}  // namespace tenon::engine
