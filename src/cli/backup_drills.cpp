#include "backups.hpp"
#include "jobs.hpp"
#include "json.hpp"
#include "limits.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

std::string with_goal(Duration measured, Duration goal) {
    return length(measured) + (goal > Duration::zero() ? " (goal " + length(goal) + ")" : "");
}

}  // namespace

int start_drill(Context& context, const Args& args) {
    DrillOptions options{.name = args.text("--name"), .files = static_cast<std::int32_t>(args.integer("--files", 459, 0, 2'000'000'000))};
    options.rto_goal = args.duration("--rto").value_or(Duration{});
    options.rpo_goal = args.duration("--rpo").value_or(Duration{});
    options.schedule = schedule_of(args);
    options.limits = limits_of(args);
    DrillJob job = backup_session(context).backups().drills().start(options);
    if (is_for_later(args)) return show_started(context, job);
    follow(context, job, "drill");
    const DrillReport r = job.result();
    context.out().thing(to_json(r), r.passed ? "passed" : "failed",
                        {{"Drill", r.passed ? "passed" : "failed"},
                         {"Snapshot", r.snapshot.id.text()},
                         {"Restored", count(r.files) + (r.complete ? " files, everything, " : " files, ") + size(r.size)},
                         {"Compared", count(r.compared) + " with the workspace's own"},
                         {"Took", length(r.restore_time)},
                         {r.complete ? "RTO measured" : "RTO estimated", with_goal(r.rto, r.rto_goal)},
                         {"RPO", with_goal(r.rpo, r.rpo_goal)}});
    for (const auto& problem : r.problems) context.out().remark("! " + problem);
    return r.passed ? 0 : exit_code(Errc::corrupt);
}

int list_drills(Context& context, const Args& args) {
    DrillFilter filter{.schedule = args.text("--schedule")};
    if (args.has("--after")) filter.after = JobId::parse(args.text("--after"));
    filter.limit = static_cast<std::int32_t>(args.integer("--limit", 100, 1, 1000));
    Table table({"STARTED", "RESULT", "SCHEDULE", ">FILES", ">SIZE", ">RTO", ">RPO", "SNAPSHOT"});
    std::vector<std::string> keys;
    boost::json::array document;
    for (const auto& r : context.session().backups().drills().list(filter)) {
        table.row({clock(r.started_at), r.passed ? "passed" : "failed", r.schedule, count(r.files), size(r.size), length(r.rto), length(r.rpo),
                   r.snapshot.name});
        keys.push_back(r.job.text());
        document.push_back(to_json(r));
    }
    context.out().list(document, keys, table, "No drill. " + context.command("backup drill") + " restores for practice.");
    return 0;
}

}  // namespace tenon::cli
