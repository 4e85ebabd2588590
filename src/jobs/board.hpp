#pragma once

#include <filesystem>
#include <mutex>
#include <optional>

#include <base/file.hpp>
#include <tenon/id.hpp>
#include <tenon/job.hpp>
#include <tenon/units.hpp>

namespace tenon::jobs {

/// Where processes of one machine tell each other how far their jobs are, ten times a second: a small file for each job that runs, written
/// in place, made durable never. The database hears of it once a second, as every write there is a commit that all processes hear of.
///
/// Threads   any member, from any thread, at once.
class Board {
public:
    explicit Board(std::filesystem::path folder) : folder_(std::move(folder)) {}

    /// One running job's place.
    class Place {
    public:
        void write(const Board& board, const JobId& id, Time started, const Progress& progress);
        /// It has ended, or goes on elsewhere: nothing is written any more, and what was goes.
        void leave(const Board& board, const JobId& id) noexcept;

    private:
        std::mutex mutex_;
        base::Fd file_;      // these guarded by mutex_
        bool left_ = false;
    };

    /// What was written last of a job, in an attempt that began then; unset: in any.
    [[nodiscard]] std::optional<Progress> read(const JobId& id, const std::optional<Time>& started) const noexcept;
    void remove(const JobId& id) const noexcept;
    /// Takes away what killed processes have left: what nobody has written to for a while.
    void sweep() const noexcept;

private:
    std::filesystem::path file_of(const JobId& id) const;

    const std::filesystem::path folder_;
};

}  // namespace tenon::jobs
