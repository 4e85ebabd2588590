#pragma once

#include <memory>

#include <db/database.hpp>

#include "connection.hpp"
#include "group_writer.hpp"
#include "log_copier.hpp"

namespace tenon::db {

/// Writes to a file: drains the queue into one transaction at a time.
class Writer final : public GroupWriter {
public:
    Writer(const Options& options, std::shared_ptr<const Registry> registry);
    ~Writer();

    /// Ends when all that was accepted is done. Not to be called by a function of this writer.
    void close() noexcept;
    /// After close(): lets go of the file, of which the last to do so removes the write-ahead log.
    void disconnect() noexcept;

private:
    /// Whether each write of a group can be undone by itself.
    enum class Guard : unsigned char { none,
                                       each };

    void commit_group() override;
    void look_for_others() override;
    bool run_group(Batch& batch, Guard guard);
    void apply(Request& request, Guard guard);
    void undo();
    bool run_all(Batch& batch, Guard guard);
    bool answer_refused(Batch& batch);
    void replay(Batch& batch);
    void run_alone(Request& request);
    void settle(Batch& batch);
    void shorten_log() noexcept;
    void abandon() noexcept;

    SqliteConnection connection_;
    LogCopier copier_;

    std::int64_t data_version_ = 0;   // the writer's thread only
    Duration foreign_seen_{-1};       // the writer's thread only
    Duration copied_at_{};            // the writer's thread only
    int guarded_ = 0;                 // the writer's thread only: so many groups still with savepoints
};

}  // namespace tenon::db
