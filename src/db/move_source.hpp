#pragma once

#include <optional>

#include <sqlite3.h>

#include "move_rows.hpp"

namespace tenon::db {

/// The file that a store is moved out of: all of it in one transaction, with a lock that lets nobody else so much as look at it. The lock
/// lasts as long as this, and goes with the process.
class MoveSource {
public:
    /// Throws Conflict if anybody else has the file open.
    MoveSource(const std::filesystem::path& file, Duration patience);
    ~MoveSource();
    MoveSource(const MoveSource&) = delete;
    MoveSource& operator=(const MoveSource&) = delete;

    /// The name it was moved under, if it was.
    std::optional<std::string> moved_as();
    /// Throws Unsupported unless it has exactly these.
    void check_steps(const std::vector<Migration>& migrations);
    /// By name.
    std::vector<MoveTable> tables();
    /// In the order of the primary key.
    void each_row(const MoveTable& table, const std::function<void(Row)>& then);
    /// From now on no Database opens it. Durable when it returns.
    void mark_as_moved(const std::string& name, Time at);

private:
    void script(const std::string& sql);

    sqlite3* handle_ = nullptr;
};

}  // namespace tenon::db
