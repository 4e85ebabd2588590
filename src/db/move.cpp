#include <db/move.hpp>

#include <algorithm>

#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <crypto/secret.hpp>
#include <tenon/error.hpp>

#include "move_source.hpp"
#include "move_target.hpp"
#include "mover.hpp"
#include "schema.hpp"

namespace tenon::db {
namespace {

constexpr std::int64_t told_rows = 1000;

void lift_file(const MoveOptions& options, const std::vector<Migration>& migrations) {
    std::error_code missing;
    if (!std::filesystem::exists(options.file, missing)) throw NotFound("there is no metadata file to move", {.subject = options.file.string()});
    if (MoveSource(options.file, options.busy_deadline).moved_as()) return;
    prepare_schema({.file = options.file, .clock = options.clock, .busy_deadline = options.busy_deadline}, migrations);
}

}  // namespace

Mover::Mover(const MoveOptions& options, const std::vector<Migration>& migrations)
    : options_(options), migrations_(migrations), clock_(options.clock ? options.clock : base::system_clock()),
      source_((lift_file(options, migrations), options.file), options.busy_deadline), target_(options_), tables_(source_.tables()) {
    source_.check_steps(migrations);
    for (const auto& table : tables_) total_ += table.rows;
    const auto left = target_.unfinished();
    if (const auto moved = source_.moved_as()) {
        if (!left || left->name != *moved) throw Conflict("this home's metadata were moved already", {.subject = options.file.string()});
        name_ = *moved;
        marked_ = true;
        return;
    }
    if (left && left->file != base::to_utf8(options.file.string()))
        throw Conflict("the database holds what is left of another home's move: give each home a database of its own", {.subject = left->file});
    if (left) target_.drop();
    else if (target_.holds_store()) throw Conflict("the database holds metadata already: move them to an empty one", {.subject = "postgres"});
    name_ = crypto::to_hex(crypto::random_bytes(16));
}

void Mover::begin_stage(MoveStep::Stage stage) {
    step_ = {.stage = stage, .table = {}, .rows = 0, .total = total_};
    tell();
}

void Mover::tell() {
    if (options_.stop.stop_requested()) throw Cancelled("the move was cancelled; nothing has changed");
    if (options_.tell) options_.tell(step_);
}

void Mover::count_row() {
    if (++step_.rows % told_rows == 0) tell();
}

void Mover::copy() {
    written_.clear();
    begin_stage(MoveStep::Stage::copy);
    if (!marked_) {
        target_.make(migrations_, name_);
        target_.check_shape(tables_);
    }
    for (const auto& table : tables_) {
        step_.table = table.name;
        RowDigest digest(table);
        const auto rows = [&](const std::function<void(Row)>& put) {
            source_.each_row(table, [&](Row row) {
                put(row);
                digest.add(row);
                count_row();
            });
        };
        if (marked_) rows([](Row) {});
        else target_.copy(table, rows);
        written_.push_back(digest.finish());
    }
    if (!marked_) target_.close_tables();
}

void Mover::verify() {
    begin_stage(MoveStep::Stage::verify);
    for (std::size_t i = 0; i < tables_.size(); ++i) {
        step_.table = tables_[i].name;
        if (target_.digest(tables_[i], [&] { count_row(); }) != written_[i])
            throw Corrupt("what the database gives back of a table is not what was copied", {.subject = tables_[i].name});
    }
}

void Mover::finish() {
    begin_stage(MoveStep::Stage::finish);
    target_.commit();
    if (!marked_) source_.mark_as_moved(name_, clock_->now());
    if (options_.moved) options_.moved(name_);
    target_.finish(options_.name_key, name_);
}

std::vector<MovedTable> move_to_postgres(const MoveOptions& options, const std::vector<Migration>& migrations) {
    Mover mover(options, migrations);
    mover.copy();
    mover.verify();
    mover.finish();
    return mover.tables();
}

}  // namespace tenon::db
