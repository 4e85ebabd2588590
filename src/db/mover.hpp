#pragma once

#include "move_source.hpp"
#include "move_target.hpp"

namespace tenon::db {

/// The steps of move_to_postgres, each of which a test may stop after.
///
/// What is where, in the order in which it becomes durable:
///   1. the database holds all rows and the table `moving`: nobody opens it, and the next move drops it
///   2. the file is marked as moved, under the name that `moving` has: nobody opens either, and the next move goes on from here
///   3. whoever called has kept the name
///   4. `moving` is gone: the database is the store
class Mover {
public:
    /// Takes the file for itself, lifts it to the newest steps, and looks what an earlier move left.
    Mover(const MoveOptions& options, const std::vector<Migration>& migrations);

    void copy();
    void verify();
    void finish();
    const std::vector<MovedTable>& tables() const noexcept { return written_; }
    MoveTarget& target() noexcept { return target_; }

private:
    void begin_stage(MoveStep::Stage stage);
    void tell();
    void count_row();

    const MoveOptions options_;
    const std::vector<Migration>& migrations_;
    const std::shared_ptr<const base::Clock> clock_;
    MoveSource source_;
    MoveTarget target_;
    std::vector<MoveTable> tables_;
    std::string name_;
    bool marked_ = false;  ///< By an earlier move, which was killed after that.
    std::int64_t total_ = 0;
    MoveStep step_{};
    std::vector<MovedTable> written_;
};

}  // namespace tenon::db
