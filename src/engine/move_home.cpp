#include <tenon/move.hpp>

#include <map>
#include <mutex>
#include <stop_token>
#include <utility>

#include <base/clock.hpp>
#include <crypto/encoding.hpp>
#include <db/move.hpp>
#include <engine/all_migrations.hpp>
#include <tenon/error.hpp>

#include "metadata_place.hpp"
#include "workspace.hpp"

namespace tenon {
namespace {

/// One move of this process. There is no engine that could keep it: the home is closed.
struct Move {
    std::stop_source stop;
    Duration begun{};
    Progress progress{};   ///< Guarded by Moves::mutex, as the next.
    bool running = true;
};

struct Moves {
    std::mutex mutex;
    std::map<std::filesystem::path, std::shared_ptr<Move>> by_home;  ///< The last of each home.
};

Moves& moves() {
    static auto& all = *new Moves;  // a thread may be at a move while the process ends
    return all;
}

std::filesystem::path home_named(const std::filesystem::path& home) {
    if (home.empty()) throw InvalidArgument("a move needs the folder of a home", {.subject = "home"});
    if (home.native().find('\0') != std::string::npos) throw InvalidArgument("the path holds a NUL byte", {.subject = "home"});
    return std::filesystem::absolute(home).lexically_normal();
}

/// Copying takes as long as reading back, roughly; the rest is a moment.
Progress progress_of(const db::MoveStep& step, Duration past) {
    constexpr double half = 49.5;
    using Stage = db::MoveStep::Stage;
    Progress progress{.unit = "rows"};
    const double part = step.total > 0 ? static_cast<double>(step.rows) / static_cast<double>(step.total) : 1;
    progress.percent = step.stage == Stage::copy ? half * part : step.stage == Stage::verify ? half + half * part : 2 * half;
    progress.stage = step.stage == Stage::copy ? "copy" : step.stage == Stage::verify ? "verify" : "finish";
    progress.done = step.rows;
    progress.total = step.stage == Stage::finish ? 0 : step.total;
    if (progress.percent >= 1)
        progress.eta = Duration(static_cast<std::int64_t>(static_cast<double>(past.count()) * (100 - progress.percent) / progress.percent));
    return progress;
}

std::shared_ptr<Move> begin_move(const std::filesystem::path& home) {
    auto& all = moves();
    const std::lock_guard lock(all.mutex);
    auto& last = all.by_home[home];
    if (last && last->running) throw Conflict("the home is being moved already", {.subject = home.string()});
    last = std::make_shared<Move>();
    last->begun = base::system_clock()->monotonic();
    return last;
}

}  // namespace
}  // namespace tenon

TENON_BEGIN

MovedHome move_to_postgres(const MoveOptions& options) {
    const engine::Home home{home_named(options.home)};
    if (options.postgres.empty()) throw InvalidArgument("a move needs the connection string of a database", {.subject = "postgres"});
    if (!std::filesystem::exists(home.database())) throw NotFound("there is no home whose metadata are in a file", {.subject = home.root.string()});
    const auto clock = base::system_clock();
    const auto move = begin_move(home.root);
    const auto past = [&] { return clock->monotonic() - move->begun; };
    const auto end = [&](bool well) {
        const std::lock_guard lock(moves().mutex);
        move->running = false;
        if (well) move->progress = {.percent = 100, .stage = "finish", .unit = "rows", .eta = Duration::zero()};
    };
    db::MoveOptions told{.file = home.database(), .postgres = options.postgres, .clock = clock, .stop = move->stop.get_token()};
    told.name_key = engine::metadata_name_key;
    told.moved = [&](const std::string& name) { engine::set_metadata_in_postgres(home, name); };
    told.tell = [&](const db::MoveStep& step) {
        auto progress = progress_of(step, past());
        const std::lock_guard lock(moves().mutex);
        move->progress = std::move(progress);
    };
    MovedHome moved;
    try {
        for (auto& table : db::move_to_postgres(told, engine::all_migrations())) {
            moved.rows += table.rows;
            moved.tables.push_back({.name = std::move(table.name), .rows = table.rows, .sha256 = crypto::to_hex(table.digest)});
        }
    } catch (...) {
        end(false);
        throw;
    }
    end(true);
    moved.took = past();
    return moved;
}

Progress move_progress(const std::filesystem::path& home) {
    auto& all = moves();
    const auto name = home_named(home);
    const std::lock_guard lock(all.mutex);
    const auto found = all.by_home.find(name);
    if (found == all.by_home.end()) throw NotFound("this process has moved no such home", {.subject = name.string()});
    return found->second->progress;
}

void cancel_move(const std::filesystem::path& home) {
    auto& all = moves();
    const auto name = home_named(home);
    const std::lock_guard lock(all.mutex);
    const auto found = all.by_home.find(name);
    if (found != all.by_home.end() && found->second->running) found->second->stop.request_stop();
}

TENON_END
