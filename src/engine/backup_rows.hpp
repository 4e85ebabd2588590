#pragma once

#include <set>
#include <string>
#include <vector>

#include <backup/repository.hpp>
#include <jobs/queue.hpp>

#include "core.hpp"

namespace tenon::engine {

/// Where a snapshot has the tenant's rows. Behind all others by name, so that it is walked last.
inline constexpr const char* rows_folder = "rows";

/// The tenant's rows on their way into a backup: told as a takeout tells them, all of one moment, into a folder of the workspace's temp that
/// goes with this. That moment is before the walk; where a file that they name goes while the walk is under way, they are told anew behind it.
class BackupRows {
public:
    BackupRows(EngineImpl& engine, const jobs::Attempt& attempt);
    ~BackupRows();
    BackupRows(const BackupRows&) = delete;
    BackupRows& operator=(const BackupRows&) = delete;

    /// Takes its place in what is asked for.
    void join(backup::BackupRequest& request);
    /// Files that the rows name and the snapshot does not have: for people.
    const std::vector<std::string>& problems() const { return problems_; }

private:
    /// Returns which files the rows name, sorted.
    std::vector<std::string> tell();
    void settle();
    void meet(const std::string& path);

    EngineImpl& engine_;
    const jobs::Attempt& attempt_;
    const Workspace workspace_;
    const std::filesystem::path folder_;
    std::vector<std::string> named_;       ///< Before the walk; sorted.
    std::vector<bool> met_;                ///< Of these: the walk has come by.
    std::set<std::string> strangers_;      ///< That nobody had named, where assets and exports lie.
    std::vector<std::string> problems_;
};

}  // namespace tenon::engine
