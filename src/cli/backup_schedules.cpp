#include <algorithm>

#include "backups.hpp"
#include "jobs.hpp"
#include "json.hpp"
#include "limits.hpp"
#include "progress.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

constexpr Operand schedule_operand{"NAME", "its name"};

template <class Item, std::size_t N> Item chosen_of(const Args& args, std::string_view option, const Item (&items)[N]) {
    std::string all;
    for (const auto item : items) {
        if (args.text(option) == to_string(item)) return item;
        all += (all.empty() ? "" : ", ") + std::string(to_string(item));
    }
    throw UsageError(std::string(option) + " takes one of " + all);
}

constexpr Overlap overlaps[] = {Overlap::skip, Overlap::queue, Overlap::cancel};
constexpr ScheduledWork works[] = {ScheduledWork::backup, ScheduledWork::prune, ScheduledWork::check, ScheduledWork::drill};

/// What is given changes what is there.
void take(const Args& args, BackupScheduleOptions& options) {
    const auto number = [&](std::string_view option, std::int32_t& field, std::int64_t least, std::int64_t most) {
        field = static_cast<std::int32_t>(args.integer(option, field, least, most));
    };
    const auto text = [&](std::string_view option, std::string& field) { field = args.text(option, field); };
    text("--cron", options.cron);
    text("--zone", options.zone);
    text("--prune", options.prune_cron);
    text("--check", options.check_cron);
    text("--drill", options.drill_cron);
    number("--drill-files", options.drill_files, 0, 2'000'000'000);
    options.rto_goal = args.duration("--rto").value_or(options.rto_goal);
    if (args.has("--check-level")) options.check_level = level_named(args.text("--check-level"), "--check-level");
    number("--check-percent", options.check_percent, 1, 100);
    if (args.has("--repair")) {
        if (args.text("--repair") != "yes" && args.text("--repair") != "no") throw UsageError("--repair takes yes or no");
        options.check_repairs = args.text("--repair") == "yes";
    }
    number("--unused", options.unused_percent, 0, 100);
    number("--retries", options.retries, 0, 100);
    number("--overdue-after", options.overdue_after, 0, 1000);
    options.retry_pause = args.duration("--retry-pause").value_or(options.retry_pause);
    options.time_limit = args.duration("--time-limit").value_or(options.time_limit);
    if (args.has("--overlap")) options.overlap = chosen_of(args, "--overlap", overlaps);
    if (args.has("--missed")) {
        if (args.text("--missed") != "once" && args.text("--missed") != "skip") throw UsageError("--missed takes once or skip");
        options.misfire = args.text("--missed") == "once" ? Misfire::run_once : Misfire::skip;
    }
    auto& backup = options.backup;
    text("--snapshots", backup.name);
    if (args.has("--recordings")) backup.include_recordings = true;
    if (args.has("--rows")) backup.include_rows = true;
    if (args.has("--include")) backup.include = args.all("--include");
    if (args.has("--exclude")) backup.exclude = args.all("--exclude");
    if (args.has("--tag")) backup.tags.clear();
    for (const auto& given : args.all("--tag")) backup.tags.push_back(label(given, "--tag"));
    take_limits(args, backup.limits);
    take_limits(args, options.limits);
    number("--priority", backup.schedule.priority, -100, 100);
    const bool keeps = std::any_of(std::begin(keep_options), std::end(keep_options), [&](const Option& option) { return args.has(option.name); });
    if (keeps && args.has("--keep-all")) throw UsageError("--keep-all and rules say different things");
    if (args.has("--keep-all")) options.keep.reset();
    if (keeps) options.keep = keep_rules(args);
}

std::string keep_text(const std::optional<KeepRules>& keep) {
    if (!keep) return "every snapshot";
    std::string text;
    const auto add = [&](const char* rule, const std::string& value) { text += (text.empty() ? "" : ", ") + std::string(rule) + " " + value; };
    const auto number = [&](const char* rule, std::int32_t value) {
        if (value != 0) add(rule, value < 0 ? "all" : std::to_string(value));
    };
    number("last", keep->last);
    number("hourly", keep->hourly);
    number("daily", keep->daily);
    number("weekly", keep->weekly);
    number("monthly", keep->monthly);
    number("yearly", keep->yearly);
    if (keep->within > Duration::zero()) add("within", length(keep->within));
    for (const auto& tag : keep->tags) add("tag", tag.value.empty() ? tag.key : tag.key + "=" + tag.value);
    return text;
}

std::string state_text(const ScheduleStanding& s) {
    std::string text = s.last_state ? to_string(*s.last_state) : s.last_error ? "not started" : "";
    if (s.last_error) text += std::string(", ") + to_string(*s.last_error);
    if (s.failures > 1) text += ", " + std::to_string(s.failures) + " in a row";
    if (!s.last_message.empty()) text += (text.empty() ? "" : ": ") + s.last_message;
    return text;
}

int show_schedule(const Context& context, const BackupSchedule& s) {
    const auto& o = s.options;
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    Fields fields{{"Schedule", o.name},
                  {"Times", o.cron + " (" + o.zone + ")"},
                  {"Snapshots", o.backup.name},
                  {"Keeps", keep_text(o.keep)},
                  {"Prunes", o.prune_cron},
                  {"Checks", o.check_cron},
                  {"Drills", o.drill_cron},
                  {"Limits", limits_text(o.limits)},
                  {"Missed times", o.misfire == Misfire::run_once ? "one job makes up for them" : "passed over"},
                  {"Overlap", to_string(o.overlap)},
                  {"Retries", std::to_string(o.retries)},
                  {"State", s.paused ? "paused" : s.overdue_at && *s.overdue_at <= now ? "overdue" : "active"}};
    for (const auto& one : s.standings) {
        const std::string work = to_string(one.work);
        fields.emplace_back("Next " + work, clock(one.next_at));
        if (one.last_at) fields.emplace_back("Last " + work, clock(one.last_at) + "  " + state_text(one));
        if (one.last_job) fields.emplace_back("Job of it", one.last_job->text());
        if (one.snapshot) fields.emplace_back("Snapshot", one.snapshot->text());
    }
    context.out().thing(to_json(s), o.name, fields);
    return 0;
}

int create(Context& context, const Args& args) {
    BackupScheduleOptions options{.name = args.operand(0)};
    take(args, options);
    return show_schedule(context, context.session().backups().schedules().create(options));
}

int list(Context& context, const Args&) {
    const auto all = context.session().backups().schedules().list();
    Table table({"NAME", "TIMES", "ZONE", "NEXT", "LAST", "RESULT"});
    std::vector<std::string> keys;
    boost::json::array document;
    for (const auto& s : all) {
        const auto backup = s.standings.empty() ? ScheduleStanding{} : s.standings.front();
        table.row({s.options.name, s.options.cron, s.options.zone, s.paused ? "paused" : clock(backup.next_at), clock(backup.last_at),
                   state_text(backup)});
        keys.push_back(s.options.name);
        document.push_back(to_json(s));
    }
    context.out().list(document, keys, table, "No schedule. " + context.command("backup schedule create") + " makes one.");
    return 0;
}

int show(Context& context, const Args& args) { return show_schedule(context, context.session().backups().schedules().get(args.operand(0))); }

int update(Context& context, const Args& args) {
    auto schedules = context.session().backups().schedules();
    auto options = schedules.get(args.operand(0)).options;
    take(args, options);
    return show_schedule(context, schedules.update(options));
}

int pause(Context& context, const Args& args) { return show_schedule(context, context.session().backups().schedules().pause(args.operand(0))); }

int resume(Context& context, const Args& args) { return show_schedule(context, context.session().backups().schedules().resume(args.operand(0))); }

int run(Context& context, const Args& args) {
    const auto work = args.has("--work") ? chosen_of(args, "--work", works) : ScheduledWork::backup;
    auto schedules = backup_session(context).backups().schedules();
    Job job = schedules.run(args.operand(0), work);
    if (args.has(detach.name)) return show_started(context, job);
    follow(context, job, to_string(work));
    job.join();
    return show_schedule(context, schedules.get(args.operand(0)));
}

int remove(Context& context, const Args& args) {
    context.session().backups().schedules().remove(args.operand(0));
    context.out().done({{"removed", args.operand(0)}}, "Removed.");
    return 0;
}

int upcoming(Context& context, const Args& args) {
    const auto limit = static_cast<std::int32_t>(args.integer("--limit", 10, 1, 1000));
    Table table({"TIME", "WORK"});
    std::vector<std::string> keys;
    boost::json::array document;
    for (const auto& one : context.session().backups().schedules().upcoming(args.operand(0), limit)) {
        document.push_back(to_json(one));
        table.row({clock(one.at), to_string(one.work)});
        keys.push_back(clock(one.at));
    }
    context.out().list(document, keys, table, "Never.");
    return 0;
}

std::vector<Option> schedule_options(bool is_new) {
    std::vector<Option> options{
        {"--cron", "TIMES", "when backups are taken: \"30 2 * * *\", @hourly, @daily …, as for “recurrence create”", false, is_new},
        {"--zone", "ZONE", "time zone of all its times, such as Europe/Berlin; default the tenant's"},
        {"--snapshots", "NAME", "what its snapshots are called; default as the schedule"},
        {"--recordings", "", "camera footage too"},
        {"--rows", "", "what is known of all that, too, as lines of JSON in the folder rows"},
        {"--include", "PATH", "only this file or folder of the workspace", true},
        {"--exclude", "PATTERN", "what to leave out, as for “backup start”", true},
        {"--tag", "KEY=VALUE", "a note on each snapshot", true},
        threads_option, memory_option, upload_option, download_option, priority_option};
    options.insert(options.end(), std::begin(keep_options), std::end(keep_options));
    if (!is_new) options.push_back({"--keep-all", "", "no rules any more: every snapshot stays"});
    options.insert(options.end(),
                   {{"--prune", "TIMES", "when space is given back; an empty one: never"},
                    {"--unused", "PERCENT", "so much of what is stored may stay unused; default 5"},
                    {"--check", "TIMES", "when the backups are checked; an empty one: never"},
                    {"--check-level", "LEVEL", "structure, objects or full; default full"},
                    {"--check-percent", "N", "how much each check reads, going on where the last one ended; default 100"},
                    {"--repair", "YES", "yes or no: whether a check that finds damage is followed by a repair; default yes"},
                    {"--drill", "TIMES", "when a restore is practised, as by “backup drill”; an empty one: never"},
                    {"--drill-files", "N", "with so many files; default 459, 0: everything"},
                    {"--rto", "LENGTH", "what restoring everything may take"},
                    {"--missed", "RULE", "of times that nobody saw: once (one job makes up for them) or skip; default once"},
                    {"--overlap", "RULE", "while the job before has not ended: skip, queue or cancel; default skip"},
                    {"--retries", "N", "so often is tried again what failed; default 3"},
                    {"--retry-pause", "LENGTH", "before the first, each next twice as long; default 5m"},
                    {"--time-limit", "LENGTH", "work that takes longer is cancelled and has failed"},
                    {"--overdue-after", "N", "an event tells after so many intervals without success; default 1, 0: never"}});
    return options;
}

}  // namespace

Group backup_schedule_verbs() {
    return {
        .name = "backup schedule",
        .summary = "when backups are taken, which stay, when they are checked",
        .about =
            "A schedule takes a backup at each of its times, forgets what its keep rules drop after each, gives space back, checks "
            "and practises restores at times of their own, and tries again what failed, as long as some process has the home open (“job "
            "work” is one). Events tell what becomes of it, and when it is overdue.",
        .commands = {
            {.path = "backup schedule create",
             .summary = "let backups be taken by themselves",
             .about = "Makes a schedule. Without keep rules every snapshot stays; without --prune the space of forgotten ones is not given "
                      "back. Rules count hours and days by the clocks of its time zone.",
             .operands = {schedule_operand},
             .options = schedule_options(true),
             .examples = {{"backup schedule create nightly --cron \"30 2 * * *\" --zone Europe/Berlin --keep-daily 7 --keep-weekly 4 "
                           "--prune \"0 5 * * sun\" --check @monthly",
                           "Every night; space on Sundays, proof each month."},
                          {"backup schedule create hourly --cron @hourly --exclude '*.mov' --keep-within 48h --overlap queue",
                           "What is small, often."}},
             .run = create},
            {.path = "backup schedule list",
             .summary = "list schedules",
             .about = "Lists the tenant's schedules with their next times and what came of the last backups.",
             .examples = {{"backup schedule list", "With the message of one that failed."}},
             .run = list,
             .looks = true},
            {.path = "backup schedule show",
             .summary = "show one schedule",
             .about = "Shows what a schedule does, when it does it next, and what came of it the last time.",
             .operands = {schedule_operand},
             .examples = {{"backup schedule show nightly", "Next, last, overdue or not."}},
             .run = show,
             .looks = true},
            {.path = "backup schedule update",
             .summary = "change a schedule",
             .about = "Changes a schedule. What is not given stays; of what can be repeated, and of keep rules, all that is given takes the "
                      "place of all that was.",
             .operands = {schedule_operand},
             .options = schedule_options(false),
             .examples = {{"backup schedule update nightly --cron \"0 4 * * *\" --check \"\"", "At four instead, and without checks."}},
             .run = update},
            {.path = "backup schedule pause",
             .summary = "let its times pass",
             .about = "Lets all times of a schedule pass unused until “backup schedule resume”. Work that has begun goes on.",
             .operands = {schedule_operand},
             .examples = {{"backup schedule pause nightly", "During a move, say."}},
             .run = pause},
            {.path = "backup schedule resume",
             .summary = "use its times again",
             .about = "Ends a pause. The times that passed meanwhile are not made up for.",
             .operands = {schedule_operand},
             .examples = {{"backup schedule resume nightly", "From its next time on."}},
             .run = resume},
            {.path = "backup schedule run",
             .summary = "do its work now and wait for it",
             .about = "Takes a schedule's backup now, keep rules included, or does another of its works. Its times stay as they are.",
             .operands = {schedule_operand},
             .options = {{"--work", "WORK", "backup, prune, check or drill; default backup"}, detach},
             .examples = {{"backup schedule run nightly", "Before a change, say."},
                          {"backup schedule run nightly --work check", "What its check finds."}},
             .run = run},
            {.path = "backup schedule remove",
             .summary = "take no more backups",
             .about = "Removes a schedule. Jobs that it has started go on, snapshots stay.",
             .operands = {schedule_operand},
             .examples = {{"backup schedule remove nightly", "No more."}},
             .run = remove},
            {.path = "backup schedule upcoming",
             .summary = "show its next times",
             .about = "Lists what a schedule does next, ten times unless --limit says otherwise.",
             .operands = {schedule_operand},
             .options = {{"--limit", "N", "as many; default 10"}},
             .examples = {{"backup schedule upcoming nightly --limit 20", "Backups, prunes and checks in their order."}},
             .run = upcoming,
             .looks = true}}};
}

}  // namespace tenon::cli
