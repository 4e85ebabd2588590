#include "backups.hpp"
#include "json.hpp"
#include "jobs.hpp"
#include "renders.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

constexpr Operand name_operand{"NAME", "its name"};
constexpr Option cron_option{"--cron", "TIMES", "minute, hour, day, month, weekday: \"30 2 * * mon-fri\"; or @hourly, @daily, @weekly, @monthly"};
constexpr Option zone_option{"--zone", "ZONE", "time zone of these times, such as Europe/Berlin; default the tenant's"};
constexpr Option missed_option{"--missed", "RULE", "of times that nobody saw: once (one job makes up for them) or skip; default once"};

Misfire misfire_of(const Args& args) {
    const auto given = args.text(missed_option.name, "once");
    if (given == "once") return Misfire::run_once;
    if (given == "skip") return Misfire::skip;
    throw UsageError("--missed takes once or skip");
}

int show_recurrence(const Context& context, const Recurrence& r) {
    context.out().thing(to_json(r), r.name,
                        {{"Recurrence", r.name},
                         {"Job", r.kind},
                         {"Project", r.project ? r.project->text() : ""},
                         {"Times", r.cron + " (" + r.zone + ")"},
                         {"Missed times", r.misfire == Misfire::run_once ? "one job makes up for them" : "passed over"},
                         {"State", r.paused ? "paused" : "active"},
                         {"Next", clock(r.next_at)},
                         {"Last", clock(r.last_at)},
                         {"Last job", r.last_job ? r.last_job->text() : ""},
                         {"Refused", r.last_error ? to_string(*r.last_error) : ""},
                         {"Message", r.last_message},
                         {"Jobs started", count(r.runs)},
                         {"Times refused", count(r.refused)},
                         {"Created", clock(r.created_at)}});
    return 0;
}

int create(Context& context, const Args& args) {
    RecurrenceOptions options{.name = args.operand(0), .cron = args.text(cron_option.name), .zone = args.text(zone_option.name)};
    options.misfire = misfire_of(args);
    if (args.has("--backup") + args.has("--check") + args.has("--render") != 1)
        throw UsageError("one of --backup SNAPSHOT-NAME, --check LEVEL and --render NAME is needed");
    const Session session = context.session();
    if (args.has("--render")) {
        if (!args.has("--project") || !args.has("--timeline")) throw UsageError("--render needs --project PROJECT and --timeline FILE");
        RenderOptions render{.project = project_named(session, args.text("--project")), .timeline = timeline_from_file(args.text("--timeline")),
                             .outputs = presets(args)};
        render.name = args.text("--render");
        render.schedule.priority = static_cast<std::int32_t>(args.integer(priority_option.name, 0, -100, 100));
        options.render = render;
    } else if (args.has("--check")) {
        options.check = level_named(args.text("--check"), "--check");
    } else {
        BackupOptions backup{.name = args.text("--backup"), .include_recordings = args.has("--recordings"), .exclude = args.all("--exclude")};
        for (const auto& given : args.all("--tag")) backup.tags.push_back(label(given, "--tag"));
        backup.schedule.priority = static_cast<std::int32_t>(args.integer(priority_option.name, 0, -100, 100));
        options.backup = backup;
    }
    return show_recurrence(context, session.recurrences().create(options));
}

int list(Context& context, const Args&) {
    const auto all = context.session().recurrences().list();
    Table table({"NAME", "JOB", "TIMES", "ZONE", "NEXT", "LAST", "MESSAGE"});
    std::vector<std::string> keys;
    for (const auto& r : all) {
        table.row({r.name, r.kind, r.cron, r.zone, r.paused ? "paused" : clock(r.next_at), clock(r.last_at), r.last_message});
        keys.push_back(r.name);
    }
    context.out().list(to_json(all), keys, table, "Nothing comes again. " + context.command("recurrence create") + " makes it.");
    return 0;
}

int show(Context& context, const Args& args) { return show_recurrence(context, context.session().recurrences().get(args.operand(0))); }

int update(Context& context, const Args& args) {
    RecurrenceUpdate change{.name = args.operand(0)};
    if (args.has(cron_option.name)) change.cron = args.text(cron_option.name);
    if (args.has(zone_option.name)) change.zone = args.text(zone_option.name);
    if (args.has(missed_option.name)) change.misfire = misfire_of(args);
    return show_recurrence(context, context.session().recurrences().update(change));
}

int pause(Context& context, const Args& args) { return show_recurrence(context, context.session().recurrences().pause(args.operand(0))); }

int resume(Context& context, const Args& args) { return show_recurrence(context, context.session().recurrences().resume(args.operand(0))); }

int trigger(Context& context, const Args& args) { return show_recurrence(context, context.session().recurrences().trigger(args.operand(0))); }

int remove(Context& context, const Args& args) {
    context.session().recurrences().remove(args.operand(0));
    context.out().done({{"removed", args.operand(0)}}, "Removed.");
    return 0;
}

int upcoming(Context& context, const Args& args) {
    const auto times = context.session().recurrences().upcoming({.cron = args.text(cron_option.name),
                                                                 .zone = args.text(zone_option.name),
                                                                 .start = args.time("--start"),
                                                                 .limit = static_cast<std::int32_t>(args.integer(limit_option.name, 10, 1, 1000))});
    Table table({"TIME"});
    std::vector<std::string> keys;
    boost::json::array document;
    for (const auto& time : times) {
        document.push_back(to_json(std::optional(time)));
        table.row({clock(time)});
        keys.push_back(clock(time));
    }
    context.out().list(document, keys, table, "Never.");
    return 0;
}

}  // namespace

Group recurrence_verbs() {
    auto needed_cron = cron_option;
    needed_cron.required = true;
    return {.name = "recurrence",
            .summary = "jobs that come again: nightly backups, weekly checks",
            .about =
                "A recurrence starts a job at each of its times, on the clocks of a time zone, as long as some process has the home "
                "open (“job work” is one). Each time has one job. A time that comes while the job before still runs is passed over.",
            .commands = {
                {.path = "recurrence create",
                 .summary = "let a job come again",
                 .about = "Makes a backup, a check or a render come again. A time that the clocks skip in spring counts as the end of the gap; one "
                          "that they show twice in autumn counts once, unless the expression is for every hour.",
                 .operands = {name_operand},
                 .options = {needed_cron, zone_option, missed_option,
                             {"--backup", "NAME", "take a snapshot of this name"},
                             {"--recordings", "", "camera footage too"},
                             {"--tag", "KEY=VALUE", "a note on each snapshot", true},
                             {"--exclude", "PATTERN", "what to leave out, as for “backup start”", true},
                             priority_option,
                             {"--check", "LEVEL", "check the backup instead: structure, objects or full"},
                             {"--render", "NAME", "render instead, into files of this name"},
                             {"--project", "PROJECT", "of the render: id or name"},
                             {"--timeline", "FILE", "of the render: the edit, as “render start --print-timeline” prints it"},
                             {"--output", "PRESET", "of the render: mp4, mov, social_square …; several by commas; default mp4", true}},
                 .examples = {{"recurrence create nightly --cron \"30 2 * * *\" --zone Europe/Berlin --backup nightly", "Every night."},
                              {"recurrence create weekly --cron @weekly --check full --missed skip", "Sundays; what was missed stays missed."}},
                 .run = create},
                {.path = "recurrence list",
                 .summary = "list what comes again",
                 .about = "Lists the tenant's recurrences by name, with their next times and what came of the last.",
                 .examples = {{"recurrence list", "With the message of one that was refused."}},
                 .run = list,
                 .looks = true},
                {.path = "recurrence show",
                 .summary = "show one recurrence",
                 .about = "Shows when a recurrence starts its next job, and what came of its last time.",
                 .operands = {name_operand},
                 .examples = {{"recurrence show nightly", "Next, last, counts."}},
                 .run = show,
                 .looks = true},
                {.path = "recurrence update",
                 .summary = "change the times of a recurrence",
                 .about = "Gives a recurrence other times, another zone or another rule for missed times. What is not given stays.",
                 .operands = {name_operand},
                 .options = {cron_option, zone_option, missed_option},
                 .examples = {{"recurrence update nightly --cron \"0 4 * * *\"", "At four instead."}},
                 .run = update},
                {.path = "recurrence pause",
                 .summary = "let its times pass",
                 .about = "Lets the times of a recurrence pass unused until “recurrence resume”. Jobs that it has started go on.",
                 .operands = {name_operand},
                 .examples = {{"recurrence pause nightly", "During a move, say."}},
                 .run = pause},
                {.path = "recurrence resume",
                 .summary = "use its times again",
                 .about = "Ends a pause. The times that passed meanwhile are not made up for.",
                 .operands = {name_operand},
                 .examples = {{"recurrence resume nightly", "From its next time on."}},
                 .run = resume},
                {.path = "recurrence trigger",
                 .summary = "start its job now",
                 .about = "Starts a recurrence's job as if one of its times had come, by a process that has the home open (“job work”, say). "
                          "Its other times stay as they are.",
                 .operands = {name_operand},
                 .examples = {{"recurrence trigger nightly", "“recurrence show nightly” then tells what came of it."}},
                 .run = trigger},
                {.path = "recurrence remove",
                 .summary = "let it come no more",
                 .about = "Removes a recurrence. Jobs that it has started go on, snapshots stay.",
                 .operands = {name_operand},
                 .examples = {{"recurrence remove nightly", "No more."}},
                 .run = remove},
                {.path = "recurrence upcoming",
                 .summary = "show what an expression means",
                 .about = "Lists the next times of an expression, ten unless --limit says otherwise, without making anything.",
                 .options = {needed_cron, zone_option, {"--start", "TIME", "those after this; default now"}, limit_option},
                 .examples = {{"recurrence upcoming --cron \"*/15 9-17 * * mon-fri\" --zone America/New_York", "Before it is used."}},
                 .run = upcoming,
                 .looks = true}}};
}

}  // namespace tenon::cli
