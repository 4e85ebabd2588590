#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "group_writer.hpp"
#include "pg_connection.hpp"

namespace tenon::db {

/// Writes to a PostgreSQL database. Whoever writes to a home holds one advisory lock from BEGIN to COMMIT, so the transactions
/// of all processes stand in one order, as a file's do, and a function sees no change beside its own.
class PgWriter final : public GroupWriter {
public:
    explicit PgWriter(const Options& options);
    ~PgWriter();

    void close() noexcept;
    using GroupWriter::nudge;
    /// Grows with each commit of this writer that changed something.
    std::int64_t changing_commits() const noexcept { return changing_commits_; }
    void on_change(std::function<void()> then) { told_ = std::move(then); }
    void begin() { start(); }

private:
    /// Whether each write of a group can be undone by itself.
    enum class Guard : unsigned char { none,
                                       each };
    enum class Outcome : unsigned char { done,      ///< Everybody has his answer.
                                         spoiled,   ///< Undone because of one that was refused: to run again, guarded.
                                         clashed };  ///< Undone through no fault of its own: to run again as it was.

    void commit_group() override;
    void look_for_others() override;
    Outcome run_group(Batch& batch, Guard guard, bool last_try);
    bool run_all(Batch& batch, Guard guard);
    void apply(Request& request, Guard guard);
    void undo();
    void replay(Batch& batch);
    void begin_transaction();
    void reconnect();
    void commit();
    void meet(std::int64_t number);
    void abandon() noexcept;

    std::unique_ptr<PgConnection> connection_;
    std::function<void()> told_;
    std::int64_t number_ = -1;          ///< Of the newest commit that is known; the writer's thread only.
    std::int64_t changes_before_ = 0;   ///< The writer's thread only.
    Duration reconnected_at_{};         ///< Monotonic; the writer's thread only.
    int guarded_groups_ = 0;            ///< The writer's thread only.
    std::atomic<std::int64_t> changing_commits_ = 0;
};

}  // namespace tenon::db
