#include "jobs.hpp"

#include <algorithm>
#include <chrono>

#include "interrupt.hpp"
#include "json.hpp"
#include "progress.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {

JobSchedule schedule_of(const Args& args) {
    JobSchedule schedule{.start = args.time(at_option.name),
                         .priority = static_cast<std::int32_t>(args.integer(priority_option.name, 0, -100, 100)),
                         .unique_key = args.text(unique_option.name),
                         .batch = args.text(batch_option.name)};
    for (const auto& id : args.all(after_job_option.name)) schedule.after.push_back(JobId::parse(id));
    const auto rule = args.text(after_failure_option.name, "cancel");
    if (rule == "go_on") schedule.after_failure = AfterFailure::go_on;
    else if (rule != "cancel") throw UsageError("--after-failure takes cancel or go_on");
    return schedule;
}

bool is_for_later(const Args& args) { return args.has(detach.name) || args.has(at_option.name) || args.has(after_job_option.name); }

namespace {

std::string waited_for(const JobInfo& job) {
    std::string text;
    for (const auto& id : job.after) text += (text.empty() ? "" : ", ") + id.text();
    return text;
}

}  // namespace

void show_job(const Context& context, const JobInfo& j) {
    context.out().thing(to_json(j), j.id.text(),
                        {{"Job", j.kind},
                         {"Id", j.id.text()},
                         {"State", to_string(j.state)},
                         {"Progress", progress_line(j.progress, j.kind, 0, false)},
                         {"Attempt", std::to_string(j.attempt) + " of " + std::to_string(j.max_attempts)},
                         {"Priority", j.priority == 0 ? "" : std::to_string(j.priority)},
                         {"Due", j.due_at ? clock(*j.due_at) : ""},
                         {"Waits for", waited_for(j)},
                         {"Key", j.unique_key},
                         {"Batch", j.batch},
                         {"Created", clock(j.created_at)},
                         {"Begun", j.started_at ? clock(*j.started_at) : ""},
                         {"Ended", j.ended_at ? clock(*j.ended_at) : ""},
                         {"Error", j.error ? to_string(*j.error) : ""},
                         {"Message", j.message}});
}

void list_jobs(const Context& context, const std::vector<JobInfo>& jobs, std::string_view none) {
    Table table({"KIND", "STATE", ">DONE", "CREATED", "ENDED", "ID", "MESSAGE"});
    std::vector<std::string> keys;
    for (const auto& j : jobs) {
        table.row({j.kind, to_string(j.state), percent(j.progress.percent), clock(j.created_at), clock(j.ended_at),
                   j.id.text(), j.message});
        keys.push_back(j.id.text());
    }
    context.out().list(to_json(jobs), keys, table, none);
}

std::vector<JobInfo> jobs_of(Context& context, const Args& args, JobFilter filter) {
    if (args.has(after_option.name)) filter.after = JobId::parse(args.text(after_option.name));
    const auto jobs = context.session().jobs();
    return every<JobInfo>(args.integer(limit_option.name, 100, 1, 1'000'000'000), [&](const JobInfo* last, std::int32_t n) {
        if (last) filter.after = last->id;
        filter.limit = n;
        return jobs.list(filter);
    });
}

int show_started(const Context& context, const Job& job) {
    show_job(context, job.info());
    context.out().remark(context.command("job join " + job.id().text()) + " waits for it.");
    return 0;
}

namespace {

std::optional<JobState> state_option(const Args& args) {
    if (!args.has("--state")) return std::nullopt;
    for (const auto state : {JobState::scheduled, JobState::ready, JobState::running, JobState::succeeded, JobState::failed,
                             JobState::cancelled, JobState::dead, JobState::blocked, JobState::paused})
        if (args.text("--state") == to_string(state)) return state;
    throw UsageError("--state takes scheduled, ready, running, blocked, paused, succeeded, failed, cancelled or dead");
}

int list(Context& context, const Args& args) {
    const JobFilter filter{.kind = args.text("--kind"), .state = state_option(args), .batch = args.text(batch_option.name)};
    list_jobs(context, jobs_of(context, args, filter), "No job.");
    return 0;
}

Job chosen(Context& context, const Args& args) {
    return context.session().jobs().get(JobId::parse(args.operand(0)));
}

int show(Context& context, const Args& args) {
    show_job(context, chosen(context, args).info());
    return 0;
}

int join(Context& context, const Args& args) {
    Job job = chosen(context, args);
    follow(context, job, job.info().kind);
    job.join();
    show_job(context, job.info());
    return 0;
}

int cancel(Context& context, const Args& args) {
    Job job = chosen(context, args);
    job.cancel();
    if (!job.join_for(std::chrono::seconds(30)))
        context.out().remark("It has been asked to stop and has not yet.");
    show_job(context, job.info());
    return 0;
}

int retry(Context& context, const Args& args) {
    return show_started(context, context.session().jobs().retry(JobId::parse(args.operand(0))));
}

int reschedule(Context& context, const Args& args) {
    if (!args.has("--at") && !args.has("--priority")) throw UsageError("--at TIME, --priority N or both are missing");
    Job job = chosen(context, args);
    const auto was = job.info();
    auto schedule = schedule_of(args);
    if (!args.has("--at")) schedule.start = was.due_at;
    if (!args.has("--priority")) schedule.priority = was.priority;
    job.reschedule(schedule);
    show_job(context, job.info());
    return 0;
}

/// --kind and --all take the place of a job.
bool is_about_kind(const Args& args) {
    const int given = !args.operand(0).empty() + args.has("--kind") + args.has("--all");
    if (given != 1) throw UsageError("name a JOB, or --kind KIND, or --all");
    return args.operand(0).empty();
}

int show_pauses(Context& context, const Args&) {
    const auto pauses = context.session().jobs().pauses();
    Table table({"KIND", "PAUSED"});
    std::vector<std::string> keys;
    for (const auto& pause : pauses) {
        keys.push_back(pause.kind.empty() ? "all" : pause.kind);
        table.row({keys.back(), clock(pause.paused_at)});
    }
    context.out().list(to_json(pauses), keys, table, "Nothing is paused.");
    return 0;
}

int hold(Context& context, const Args& args) {
    if (is_about_kind(args)) {
        context.session().jobs().pause(args.text("--kind"));
        return show_pauses(context, args);
    }
    Job job = chosen(context, args);
    job.pause();
    show_job(context, job.info());
    return 0;
}

int let_go(Context& context, const Args& args) {
    if (is_about_kind(args)) {
        context.session().jobs().resume(args.text("--kind"));
        return show_pauses(context, args);
    }
    Job job = chosen(context, args);
    job.resume();
    show_job(context, job.info());
    return 0;
}

int batch(Context& context, const Args& args) {
    auto jobs = context.session().jobs();
    if (args.has("--cancel")) context.out().remark(count(jobs.cancel_batch(args.operand(0))) + " jobs were asked to stop.");
    const auto b = jobs.batch(args.operand(0));
    context.out().thing(to_json(b), b.name,
                        {{"Batch", b.name},
                         {"Jobs", count(b.total)},
                         {"Done", percent(b.percent)},
                         {"Waiting", count(b.waiting)},
                         {"Running", count(b.running)},
                         {"Succeeded", count(b.succeeded)},
                         {"Failed", count(b.failed)},
                         {"Cancelled", count(b.cancelled)}});
    return 0;
}

int work(Context& context, const Args& args) {
    const auto limit = args.duration("--for");
    const auto grace = args.duration("--drain").value_or(std::chrono::seconds(30));
    const Interrupt interrupt;
    Engine& engine = context.engine();
    const Output& out = context.out();
    out.remark("Working on the jobs of this home; Ctrl-C ends it.");
    const auto begin = std::chrono::steady_clock::now();
    while (!Interrupt::came() && !(limit && std::chrono::steady_clock::now() - begin >= *limit)) {
        const auto left = limit ? std::chrono::ceil<std::chrono::milliseconds>(*limit - (std::chrono::steady_clock::now() - begin))
                                : std::chrono::milliseconds(500);
        pause(static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, 500)));
    }
    out.remark("Ending: what runs may go on for " + length(grace) + ".");
    const bool finished = engine.drain(grace);
    out.thing({{"drained", finished}}, finished ? "drained" : "put back",
              {{"Jobs", finished ? "all that ran here have ended" : "what still ran goes on when the home is opened again"}});
    return 0;
}

constexpr Operand job_operand{"JOB", "its id"};

}  // namespace

Group job_verbs() {
    return {.name = "job",
            .summary = "long work: renders, backups, restores, checks, clips",
            .about =
                "Everything that takes long is a job. Jobs are durable: one whose process was killed goes on, or fails "
                "cleanly, when the home is opened again.",
            .commands = {
                {.path = "job list",
                 .summary = "list jobs",
                 .about = "Lists the tenant's jobs of every kind, newest first, 100 unless --limit says otherwise. Ended jobs are "
                          "kept for 90 days.",
                 .options = {{"--kind", "KIND", "render, backup …"},
                             {"--state", "STATE", "scheduled, ready, running, blocked, paused, succeeded, failed, cancelled or dead"},
                             {"--batch", "NAME", "only those of this batch"},
                             after_option,
                             limit_option},
                 .examples = {{"job list --state running", "What is at work now."},
                              {"job list --limit 100000 --quiet", "The ids of all of them."},
                              {"job list --after job_01jd8w3v5e6f7g8h9j0k1m2n3p", "The next hundred."}},
                 .run = list,
                 .looks = true},
                {.path = "job show",
                 .summary = "show one job",
                 .about = "Shows how far a job is, and why it failed if it did.",
                 .operands = {job_operand},
                 .examples = {{"job show job_01jd8w3v5e6f7g8h9j0k1m2n3p", "State, progress, error."}},
                 .run = show,
                 .looks = true},
                {.path = "job join",
                 .summary = "wait for a job",
                 .about = "Shows a job's progress until it has ended. The exit code is that of the job: 0, or 10 and the number "
                          "of its error. Ctrl-C cancels the job.",
                 .operands = {job_operand},
                 .examples = {{"job join job_01jd8w3v5e6f7g8h9j0k1m2n3p", "After “render start --detach”."}},
                 .run = join},
                {.path = "job cancel",
                 .summary = "stop a job",
                 .about = "Asks a job to stop and waits until it has. Whatever it had half made is removed, whatever was held "
                          "for it is returned. A job that has ended stays as it is.",
                 .operands = {job_operand},
                 .examples = {{"job cancel job_01jd8w3v5e6f7g8h9j0k1m2n3p", "Its state is then cancelled."}},
                 .run = cancel},
                {.path = "job retry",
                 .summary = "do a failed job's work once more",
                 .about = "Starts the work of a job that failed, was cancelled or is dead once more, as a new job whose id it "
                          "shows. What may pass by itself, like a store that is away, is tried again without being told, with "
                          "growing pauses; a job is dead when all its attempts were in vain.",
                 .operands = {job_operand},
                 .examples = {{"job retry job_01jd8w3v5e6f7g8h9j0k1m2n3p", "After the cause was mended."}},
                 .run = retry},
                {.path = "job reschedule",
                 .summary = "give a waiting job another time or priority",
                 .about = "Says anew when a job that has not begun begins, and before which of the tenant's other jobs. What is "
                          "not given stays as it was; --at now: as soon as a worker is free.",
                 .operands = {job_operand},
                 .options = {{"--at", "TIME", "begin not before this, such as 2026-05-01T02:00:00Z, +8h or now"}, priority_option},
                 .examples = {{"job reschedule job_01jd8w3v5e6f7g8h9j0k1m2n3p --at +8h", "Tonight."},
                              {"job reschedule job_01jd8w3v5e6f7g8h9j0k1m2n3p --at now --priority 10", "At once, before the others."}},
                 .run = reschedule},
                {.path = "job pause",
                 .summary = "let waiting jobs wait",
                 .about = "Lets a job that has not begun wait until it is resumed, or begins no more jobs of a kind, or none at all. "
                          "New ones can be started and wait, too. What runs goes on.",
                 .operands = {{"JOB", "its id", false}},
                 .options = {{"--kind", "KIND", "render, backup …"}, {"--all", "", "everything of this tenant"}},
                 .examples = {{"job pause job_01jd8w3v5e6f7g8h9j0k1m2n3p", "This one."}, {"job pause --kind render", "No render is begun."}},
                 .run = hold},
                {.path = "job resume",
                 .summary = "let paused jobs go on",
                 .about = "Takes back what “job pause” said. A job that was paused by more than one of them waits for all.",
                 .operands = {{"JOB", "its id", false}},
                 .options = {{"--kind", "KIND", "render, backup …"}, {"--all", "", "what --all paused"}},
                 .examples = {{"job resume --kind render", "Renders begin again."}},
                 .run = let_go},
                {.path = "job pauses",
                 .summary = "list what is paused",
                 .about = "Lists the kinds of jobs of which none is begun, and “all” where nothing is.",
                 .examples = {{"job pauses", "Kinds and since when."}},
                 .run = show_pauses,
                 .looks = true},
                {.path = "job batch",
                 .summary = "show or cancel a batch",
                 .about = "Shows how far the jobs are that were started under one name with --batch or “render batch”, all together.",
                 .operands = {{"NAME", "the batch's"}},
                 .options = {{"--cancel", "", "cancel what of it has not ended"}},
                 .examples = {{"job batch spring", "Counts by state."}, {"job batch spring --cancel", "No more of it."}},
                 .run = batch},
                {.path = "job work",
                 .summary = "work on the jobs of this home",
                 .about = "Keeps the home open and works on every tenant's jobs, those that --detach and --at left for later "
                          "included, until Ctrl-C or SIGTERM. Then it begins nothing more and lets what runs end; what is not "
                          "done in time goes back into the queue with what it has done. Several may work on one home.",
                 .options = {{"--for", "DURATION", "end by itself after this long; default never"},
                             {"--drain", "DURATION", "how long what runs may go on at the end; default 30s"}},
                 .examples = {{"job work", "As a service."}, {"job work --for 1s --drain 10min", "What is due now."}},
                 .run = work}}};
}

}  // namespace tenon::cli
