#include <chrono>
#include <filesystem>
#include <future>

#include "context.hpp"
#include "json.hpp"
#include "progress.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

using namespace std::chrono_literals;

/// There is nothing to show before it has begun.
Progress progress_of_move(const std::filesystem::path& home) {
    try {
        return move_progress(home);
    } catch (const NotFound&) {
        return {};
    }
}

int move(Context& context, const Args&) {
    const auto home = context.home();
    const Secret postgres = context.postgres();
    if (postgres.value().empty())
        throw UsageError("--postgres-file FILE is missing: it holds the connection string of an empty database, or set " +
                         context.variable("POSTGRES"));
    auto work = std::async(std::launch::async, [&] { return move_to_postgres({.home = home, .postgres = postgres.value()}); });
    follow(context, [&] { return work.wait_for(200ms) == std::future_status::ready; }, [&] { cancel_move(home); },
           [&] { return progress_of_move(home); }, "move");
    const MovedHome moved = work.get();
    Table table({"TABLE", ">ROWS", "SHA-256"});
    std::vector<std::string> keys;
    for (const auto& one : moved.tables) {
        table.row({one.name, count(one.rows), one.sha256});
        keys.push_back(one.name);
    }
    context.out().list(to_json(moved), keys, table, "");
    context.out().remark(count(moved.rows) + " rows are in the database as they were in the file, in " + length(moved.took) +
                         ". The home opens with --postgres-file from now on.");
    return 0;
}

}  // namespace

Group home_verbs() {
    return {.name = "home",
            .summary = "where a home's metadata are",
            .about = "A home keeps what it knows of tenants, jobs and files in a file of its own, or in a PostgreSQL database.",
            .commands = {{.path = "home move",
                          .summary = "move a home's metadata into a PostgreSQL database",
                          .about = "Copies every table from the home's own file into an empty database, reads all of it back, compares, and "
                                   "marks the file as moved. No process may have the home open. All or nothing: interrupted at any moment, "
                                   "the home opens as before, or the same command ends what it began. Prints every table with its rows and "
                                   "their SHA-256, which both sides agree on.",
                          .examples = {{"home move --postgres-file postgres.txt", "The file holds: host=db.example dbname=studio user=studio"},
                                       {"home move --postgres-file postgres.txt --json", "To keep beside the database."}},
                          .run = move}}};
}

}  // namespace tenon::cli
