#include "backups.hpp"

#include <algorithm>
#include <filesystem>

#include "json.hpp"
#include "limits.hpp"
#include "jobs.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {

Label label(const std::string& given, std::string_view option) {
    const auto equals = given.find('=');
    if (equals == std::string::npos || equals == 0) throw UsageError(std::string(option) + " takes KEY=VALUE, not “" + clean(given) + "”");
    return {given.substr(0, equals), given.substr(equals + 1)};
}

Label tag_rule(const std::string& given, std::string_view option) {
    return given.find('=') == std::string::npos ? Label{given, ""} : label(given, option);
}

CheckLevel level_named(const std::string& given, std::string_view option) {
    if (given == "structure") return CheckLevel::structure;
    if (given == "objects") return CheckLevel::objects;
    if (given == "full") return CheckLevel::full;
    throw UsageError(std::string(option) + " takes structure, objects or full");
}

std::string tags_text(const std::vector<Label>& tags) {
    std::string text;
    for (const auto& [key, value] : tags) text += (text.empty() ? "" : ", ") + key + "=" + value;
    return text;
}

Fields fields(const Snapshot& s) {
    return {{"Snapshot", s.name},
            {"Id", s.id.text()},
            {"Taken", clock(s.taken_at)},
            {"Tags", tags_text(s.tags)},
            {"Files", count(s.files)},
            {"Size", size(s.size)},
            {"Stored", s.stored ? size(*s.stored) : "–"},
            {"Held", s.held}};
}

namespace {

std::string objects(std::int64_t number) { return count(number) + (number == 1 ? " object" : " objects"); }

void say_problems(const Context& context, const std::vector<std::string>& problems) {
    for (const auto& problem : problems) context.out().remark("! " + problem);
}

void say_damaged(const Context& context, const std::vector<DamagedFile>& damaged) {
    for (const auto& part : damaged) {
        const auto range = part.size.count > 0 ? ", bytes " + std::to_string(part.offset.count) + " to " +
                                                     std::to_string(part.offset.count + part.size.count)
                                               : std::string();
        context.out().remark("! lost in " + part.snapshot.text() + ": " + clean(part.path.empty() ? "everything" : part.path) + range);
    }
}

/// Behind one that is at work, or that a killed process has left in the queue: nobody else may be there to do that.
BackupJob start_behind_others(const Context& context, Backups backups, const BackupOptions& options) {
    constexpr int most_others = 10;
    for (int others = 0;; ++others) {
        try {
            return backups.start(options);
        } catch (const Conflict& refusal) {
            if (others == most_others || !refusal.subject().starts_with(JobId::prefix())) throw;
            auto other = backups.find_job(JobId::parse(refusal.subject()));
            if (!other) continue;
            // One that was put off, or waits for something else, is not waited for.
            const auto state = other->state();
            if (state == JobState::scheduled || state > JobState::dead) throw;
            context.out().remark("Another backup goes first.");
            bool given_up = false;
            follow(
                context, [&] { return given_up || other->join_for(std::chrono::milliseconds(200)); }, [&] { given_up = true; },
                [&] { return other->progress(); }, "backup");
            if (given_up) throw Cancelled("interrupted: the other backup goes on");
        }
    }
}

int start(Context& context, const Args& args) {
    BackupOptions options{.name = args.text("--name", "manual"), .include_recordings = args.has("--recordings")};
    options.schedule = schedule_of(args);
    for (const auto& given : args.all("--tag")) options.tags.push_back(label(given, "--tag"));
    options.exclude = args.all("--exclude");
    options.include = args.all("--include");
    options.include_rows = args.has("--rows");
    options.limits = limits_of(args);
    for (const auto& given : args.all("--erasable")) {
        const auto [path, subject] = label(given, "--erasable");
        options.erasable.push_back({path, subject});
    }
    Backups backups = backup_session(context).backups();
    BackupJob job = is_for_later(args) ? backups.start(options) : start_behind_others(context, backups, options);
    if (is_for_later(args)) return show_started(context, job);
    follow(context, job, "backup");
    const BackupResult result = job.result();
    Fields shown = fields(result.snapshot);
    shown.pop_back();  // what it stored stands at the end
    shown.emplace_back("Read", count(result.files_new) + " files new or changed, " + size(result.read));
    shown.emplace_back("Unchanged", count(result.files_unchanged) + " files");
    shown.emplace_back("Deduplicated", size(result.deduplicated));
    shown.emplace_back("Stored", size(result.stored));
    context.out().thing(to_json(result), result.snapshot.id.text(), shown);
    say_problems(context, result.problems);
    return 0;
}

int list(Context& context, const Args& args) {
    SnapshotFilter filter{.start = args.time("--start"), .end = args.time("--end"), .name = args.text("--name")};
    for (const auto& given : args.all("--tag")) filter.tags.push_back(tag_rule(given, "--tag"));
    const auto all = backup_session(context).backups().list(filter);
    Table table({"TAKEN", "NAME", ">FILES", ">SIZE", "TAGS", "ID"});
    std::vector<std::string> keys;
    for (const auto& s : all) {
        const auto notes = tags_text(s.tags) + (s.held.empty() ? "" : s.tags.empty() ? "held" : ", held");
        table.row({clock(s.taken_at), s.name, count(s.files), size(s.size), notes, s.id.text()});
        keys.push_back(s.id.text());
    }
    context.out().list(to_json(all), keys, table, "No snapshot. " + context.command("backup start") + " takes one.");
    return 0;
}

int show(Context& context, const Args& args) {
    const Session session = backup_session(context);
    const Snapshot snapshot = session.backups().get(snapshot_named(session, args.operand(0)));
    context.out().thing(to_json(snapshot), snapshot.id.text(), fields(snapshot));
    return 0;
}

int browse(Context& context, const Args& args) {
    const Session session = backup_session(context);
    const auto entries =
        session.backups().browse({.snapshot = snapshot_named(session, args.operand(0)), .path = args.operand(1)});
    Table table({"NAME", "KIND", ">SIZE", "MODIFIED"});
    std::vector<std::string> keys;
    for (const auto& e : entries) {
        const bool folder = e.kind == FileKind::folder;
        table.row({folder ? e.name + "/" : e.name, e.erased ? "erased" : to_string(e.kind), folder ? "" : size(e.size), clock(e.modified_at)});
        keys.push_back(e.name);
    }
    context.out().list(to_json(entries), keys, table, "An empty folder.");
    return 0;
}

int restore(Context& context, const Args& args) {
    const Session session = backup_session(context);
    RestoreOptions options{.snapshot = snapshot_named(session, args.operand(0)), .paths = args.operands_from(1), .exclude = args.all("--exclude"),
                           .limits = limits_of(args)};
    if (args.has("--target")) options.target = std::filesystem::absolute(args.text("--target"));
    options.salvage = args.has("--salvage");
    options.delete_extra = args.has("--delete");
    if (args.has("--dry-run")) return preview_restore(context, session, options, !args.has("--by-time"));
    options.schedule = schedule_of(args);
    if (options.delete_extra) confirm(context, args, "Delete what the snapshot does not have?");
    RestoreJob job = session.backups().restore(options);
    if (is_for_later(args)) return show_started(context, job);
    follow(context, job, "restore");
    const RestoreResult result = job.result();
    Fields shown{{"Restored to", result.target.string()},
                 {"Files", count(result.files)},
                 {"Written", size(result.written)},
                 {"Unchanged", count(result.files_unchanged) + " of them were already there"}};
    if (options.delete_extra) shown.emplace_back("Deleted", count(result.deleted) + " that the snapshot does not have");
    context.out().thing(to_json(result), result.target.string(), shown);
    say_problems(context, result.problems);
    say_damaged(context, result.damaged);
    return result.damaged.empty() ? 0 : exit_code(Errc::corrupt);
}

int check(Context& context, const Args& args) {
    const auto level = level_named(args.text("--level", "full"), "--level");
    const auto record = args.has("--against") ? record_in(args, "--against") : std::string();
    Backups backups = backup_session(context).backups();
    CheckJob job = backups.check({.level = level, .percent = static_cast<std::int32_t>(args.integer("--percent", 100, 1, 100)), .against = record,
                                 .limits = limits_of(args)});
    if (args.has(detach.name)) return show_started(context, job);
    follow(context, job, "check");
    const CheckReport report = job.result();
    context.out().thing(to_json(report), report.problems.empty() ? "whole" : "damaged",
                        {{"Backup", report.problems.empty() ? "whole" : "damaged"},
                         {"Snapshots", count(report.snapshots)},
                         {"Objects", count(report.objects)},
                         {"Chunks", count(report.chunks)},
                         {"Read", size(report.read)},
                         {"All read since", report.read_since ? clock(*report.read_since) : ""},
                         {"Unused", size(report.unused)},
                         {"Old keys", report.under_old_keys.count > 0 ? size(report.under_old_keys) : ""},
                         {"Tampered", report.tampered > 0 ? count(report.tampered) : ""},
                         {"Repairable", report.repairable > 0 ? count(report.repairable) + " by “backup repair”" : ""},
                         {"No parity", report.unprotected > 0 ? objects(report.unprotected) : ""}});
    say_problems(context, report.problems);
    return report.problems.empty() ? 0 : exit_code(Errc::corrupt);
}

int repair(Context& context, const Args& args) {
    RepairOptions options{.level = level_named(args.text("--level", "full"), "--level"), .reread = !args.has("--stored-only")};
    options.limits = limits_of(args);
    options.schedule = schedule_of(args);
    RepairJob job = backup_session(context).backups().repair(options);
    if (is_for_later(args)) return show_started(context, job);
    follow(context, job, "repair");
    const RepairResult result = job.result();
    const bool whole = result.damaged.empty();
    context.out().thing(to_json(result), whole ? "whole" : "damaged",
                        {{"Backup", whole ? "everything can be restored" : "damaged"},
                         {"Repaired", objects(result.repaired)},
                         {"Parity", result.protected_again > 0 ? "made for " + objects(result.protected_again) : ""},
                         {"Read again", result.reread.count > 0 ? size(result.reread) : ""},
                         {"Looked at", objects(result.objects)},
                         {"Read", size(result.read)}});
    say_problems(context, result.problems);
    say_damaged(context, result.damaged);
    return whole ? 0 : exit_code(Errc::corrupt);
}

int prune(Context& context, const Args& args) {
    PruneOptions options{.unused_percent = static_cast<std::int32_t>(args.integer("--unused", 5, 0, 100)), .dry_run = args.has("--dry-run")};
    options.schedule = schedule_of(args);
    options.limits = limits_of(args);
    PruneJob job = backup_session(context).backups().prune(options);
    if (is_for_later(args)) return show_started(context, job);
    follow(context, job, "prune");
    const PruneResult result = job.result();
    context.out().thing(to_json(result), std::to_string(result.freed.count),
                        {{options.dry_run ? "Would free" : "Freed", size({std::max<std::int64_t>(result.freed.count, 0)})},
                         {"Snapshots", count(result.snapshots) + " forgotten"},
                         {"Packs", count(result.packs_removed) + " removed, " + count(result.packs_rewritten) + " rewritten"},
                         {"Written", size(result.rewritten)},
                         {"Unused", size(result.unused) + " left"}});
    say_problems(context, result.problems);
    return 0;
}

constexpr Option exclude{"--exclude", "PATTERN", "what to leave out: *.tmp, projects/*/cache/, **/old; !PATTERN takes back", true};
constexpr Operand snapshot_operand{"SNAPSHOT", "its id, its name (then the newest of that name), or latest"};

std::vector<Option> forget_options() {
    std::vector<Option> options(std::begin(keep_options), std::end(keep_options));
    options.insert(options.end(), {{"--utc-offset", "LENGTH", "of the clock by which hours and days are counted; default 0s"},
                                   {"--zone", "ZONE", "time zone of that clock instead, such as Europe/Berlin"},
                                   {"--name", "NAME", "only snapshots of this name"},
                                   {"--dry-run", "", "only say what would be forgotten"},
                                   yes});
    return options;
}

}  // namespace

Group backup_verbs() {
    return {
        .name = "backup",
        .summary = "encrypted snapshots of the workspace, and back",
        .about =
            "A backup keeps the whole workspace as it was, encrypted and deduplicated, in a repository of the tenant's own "
            "outside the workspace. Each run reads only what changed and gives a snapshot; any snapshot can be browsed and "
            "restored. Without a password only this home's own key opens it: add one and keep it elsewhere. “backup "
            "schedule” takes backups by itself.",
        .commands = {
            {.path = "backup start",
             .summary = "take a snapshot and wait for it",
             .about = "Takes a snapshot of the workspace: projects, exports, everything but temp. Camera footage is left out "
                      "unless --recordings is given. Ctrl-C cancels; there is then no snapshot, never half of one.",
             .options = {{"--name", "NAME", "shown in lists; default manual"},
                         {"--recordings", "", "camera footage too"},
                         {"--rows", "", "what is known of all that, too, as lines of JSON in the folder rows"},
                         {"--tag", "KEY=VALUE", "a note on the snapshot", true},
                         {"--include", "PATH", "only this file or folder of the workspace", true},
                         exclude,
                         threads_option, memory_option, upload_option, download_option,
                         {"--erasable", "PATH=SUBJECT", "a folder with keys of its own, for “backup shred SUBJECT”", true},
                         at_option, priority_option, unique_option, after_job_option, after_failure_option, batch_option, detach},
             .examples = {{"backup start --name nightly", "Says what was read, what was new and what it took."},
                          {"backup start --name release --tag version=3 --recordings", "With footage and a tag."},
                          {"backup start --name tonight --at +8h", "Tonight; “job work” takes what is due."},
                          {"backup start --exclude '*.mov' --exclude 'projects/*/cache/' --upload 20MB", "Without some files, at 20 MB a second."}},
             .run = start},
            {.path = "backup stream",
             .summary = "take a snapshot of what is piped in",
             .about = "Stores standard input as one file of a snapshot, without a copy on a disk: a database's dump, an archive. There is a snapshot "
                      "only when all was read: a pipe whose writer failed is better caught by “set -o pipefail”. Ctrl-C leaves none.",
             .operands = {{"PATH", "what the file is called in the snapshot"}},
             .options = {{"--name", "NAME", "of the snapshot; default stream"},
                         {"--tag", "KEY=VALUE", "a note on the snapshot", true},
                         upload_option},
             .examples = {{"backup stream shop.sql --name database < shop.sql", "What “backup cat database shop.sql” gives back."}},
             .run = write_stream},
            {.path = "backup list",
             .summary = "list snapshots",
             .about = "Lists the snapshots of the workspace, newest first, with how much is in each.",
             .options = {{"--name", "NAME", "only those of this name"},
                         {"--start", "TIME", "taken at or after"},
                         {"--end", "TIME", "taken before"},
                         {"--tag", "KEY[=VALUE]", "only those with this tag", true}},
             .examples = {{"backup list --start -7d", "Of the last week."}},
             .run = list,
             .looks = true},
            {.path = "backup show",
             .summary = "show one snapshot",
             .about = "Shows when a snapshot was taken and how much is in it.",
             .operands = {snapshot_operand},
             .examples = {{"backup show latest", "The newest."}},
             .run = show,
             .looks = true},
            {.path = "backup browse",
             .summary = "look into a snapshot",
             .about = "Lists what is in a folder of a snapshot, without restoring anything.",
             .operands = {snapshot_operand, {"PATH", "a folder within it; default its root", false}},
             .examples = {{"backup browse latest", "The workspace's folders."},
                          {"backup browse nightly exports", "What was rendered by then."}},
             .run = browse,
             .looks = true},
            {.path = "backup cat",
             .summary = "print one file of a snapshot, or a part of it",
             .about = "Writes a file's bytes to standard output, or into a new file, without restoring anything. With --offset and --length "
                      "only what holds these bytes is fetched, however large the file is.",
             .operands = {snapshot_operand, {"PATH", "a file within it"}},
             .options = {{"--offset", "SIZE", "from this byte on; default the first"},
                         {"--length", "SIZE", "so many bytes at most; default all"},
                         {"--output", "FILE", "into this new file instead of standard output"}},
             .examples = {{"backup cat latest exports/notes.txt", "What it said then."},
                          {"backup cat nightly recordings/door.mp4 --offset 2GB --length 1MB --output part.bin", "A MiB out of the middle."}},
             .run = cat_file,
             .looks = true},
            {.path = "backup archive",
             .summary = "write files and folders as a tar archive",
             .about = "Writes files and folders of a snapshot as a tar archive to standard output, or into a new file, without restoring "
                      "anything: owners, modes, times, links, extended attributes and holes included (PAX format).",
             .operands = {snapshot_operand, {"PATH", "files and folders within it; default all", false, true}},
             .options = {exclude,
                         download_option,
                         {"--output", "FILE", "into this new file instead of standard output"}},
             .examples = {{"backup archive latest projects | ssh elsewhere tar -x", "To another machine, with no copy in between."},
                          {"backup archive nightly --exclude '*.mov' --output nightly.tar", "Everything but some."}},
             .run = archive_files,
             .looks = true},
            {.path = "backup diff",
             .summary = "say what differs between two snapshots",
             .about = "Lists what was added (+), removed (-) and modified (M) from one snapshot to another, and what only got other "
                      "attributes (A), and counts it.",
             .operands = {{"BEFORE", "a snapshot: its id, its name or latest"}, {"AFTER", "another"}, {"PATH", "at and below it", false}},
             .options = {{"--limit", "N", "changes that are listed at most; default 10000"}},
             .examples = {{"backup diff nightly latest", "What has changed since the last nightly one."}},
             .run = diff_snapshots,
             .looks = true},
            {.path = "backup tag",
             .summary = "change a snapshot's tags",
             .about = "Adds tags to a snapshot and takes others away. Rules of “backup forget” can keep what has a tag.",
             .operands = {snapshot_operand},
             .options = {{"--add", "KEY=VALUE", "a tag that it gets", true}, {"--remove", "KEY", "a tag that it loses", true}},
             .examples = {{"backup tag nightly --add keep=contract", "So that it is not forgotten."}},
             .run = tag_snapshot},
            {.path = "backup hold",
             .summary = "keep a snapshot whatever rules say",
             .about = "From now on the snapshot cannot be forgotten, by rules or by hand, until “backup lift-hold”. While any snapshot is held, "
                      "nothing is erased by its keys.",
             .operands = {snapshot_operand},
             .options = {{"--reason", "TEXT", "why; kept with it"}},
             .examples = {{"backup hold nightly --reason 'case 4711'", "The newest of that name."}},
             .run = hold_snapshot},
            {.path = "backup lift-hold",
             .summary = "let rules forget a held snapshot again",
             .about = "Ends “backup hold”: rules may forget the snapshot again, and so may anybody with that permission.",
             .operands = {snapshot_operand},
             .options = {{"--reason", "TEXT", "why, for the audit"}},
             .examples = {{"backup lift-hold nightly --reason 'case 4711 is closed'", "Rules may forget it from now on."}},
             .run = lift_hold},
            {.path = "backup forget",
             .summary = "let old snapshots go",
             .about = "Forgets snapshots: those that no rule keeps, or exactly those that are named. Rules count for each name by itself, "
                      "whose newest snapshot always stays; of each hour, day … the newest counts. Says of each snapshot what becomes of "
                      "it and why. The space that only they took is free after “backup prune”.",
             .operands = {{"SNAPSHOT", "forget exactly these", false, true}},
             .options = forget_options(),
             .examples = {{"backup forget --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --dry-run", "What such a policy would do."},
                          {"backup forget nightly --yes", "The newest of that name."}},
             .run = forget_snapshots},
            {.path = "backup prune",
             .summary = "give back the space of forgotten snapshots",
             .about = "Removes what no snapshot needs any more, and writes packs anew of which much is unused. Backups and restores go "
                      "on meanwhile. A backup that is running is waited for before anything is removed. Nothing is in anybody's way "
                      "when this is killed; the next one goes on.",
             .options = {{"--unused", "PERCENT", "so much of what is stored may stay unused; default 5"},
                         {"--dry-run", "", "only say what it would free, about"},
                         threads_option, memory_option, upload_option, download_option,
                         at_option, priority_option, unique_option, after_job_option, after_failure_option, batch_option, detach},
             .examples = {{"backup prune", "After “backup forget”."}, {"backup prune --dry-run", "How much that would give back."}},
             .run = prune},
            {.path = "backup restore",
             .summary = "bring files back",
             .about = "Writes a snapshot's files back into the workspace, or below --target. Only what differs is written; files "
                      "that the snapshot does not have stay, or go with --delete. Without PATH everything is restored.",
             .operands = {snapshot_operand, {"PATH", "files and folders within it", false, true}},
             .options = {{"--target", "DIR", "below this folder instead of the workspace"},
                         {"--salvage", "", "where something is lost, bring back all the rest; exit code 19 then"},
                         {"--delete", "", "delete what the snapshot's folders do not have, but for --exclude, assets, exports and recordings"},
                         exclude,
                         threads_option, memory_option, upload_option, download_option,
                         {"--dry-run", "", "only say what it would do, and about how long it would take"},
                         {"--by-time", "", "with --dry-run: take a file of the same size and time for the same, unread"},
                         at_option, priority_option, unique_option, after_job_option, after_failure_option, batch_option, detach, yes},
             .examples = {{"backup restore latest", "The whole workspace as it was."},
                          {"backup restore latest --target /srv/site --delete --dry-run", "What that would bring there, and delete."},
                          {"backup restore latest --dry-run", "What that would write, replace and keep."},
                          {"backup restore nightly exports/render-2m3n4p5q.mp4 --target /tmp/back", "One file, elsewhere."}},
             .run = restore},
            {.path = "backup check",
             .summary = "prove that a restore would work",
             .about = "Reads the repository and proves that it is whole: structure looks at lists and sizes, objects at the hash "
                      "of everything stored, full also decrypts and recomputes every piece. Each of them also compares with the newest "
                      "checkpoint, so that nothing is taken away or put back unseen. Exit code 19 if anything is damaged.",
             .options = {{"--level", "LEVEL", "structure, objects or full; default full"},
                         {"--percent", "N", "read so much of what is stored, going on where the last such check ended; default 100"},
                         {"--against", "FILE", "and with a checkpoint's record that was kept elsewhere"},
                         threads_option, memory_option, upload_option, download_option,
                         detach},
             .examples = {{"backup check", "Everything."}, {"backup check --level structure", "Quick; for every hour."},
                          {"backup check --percent 1", "A hundredth a day: in a hundred days all of it."},
                           {"backup check --against /mnt/safe/acme.checkpoint", "Also tells of an older copy of the whole home."}},
             .run = check},
            {.path = "backup repair",
             .summary = "mend what is damaged",
             .about = "Looks for damage as “backup check” does and mends it: from other stores, from parity, which backups keep for that, else "
                      "by reading the workspace again. Nothing takes a damaged object's place before its own hash has proven it. Exit code 19 if "
                      "something stays lost; it is named with its snapshot and file.",
             .options = {{"--level", "LEVEL", "how closely to look: structure, objects or full; default full"},
                         {"--stored-only", "", "read nothing from the workspace"},
                         threads_option, memory_option, upload_option, download_option,
                         at_option, priority_option, unique_option, after_job_option, after_failure_option, batch_option, detach},
             .examples = {{"backup repair", "After “backup check” has found damage."}},
             .run = repair},
            {.path = "backup checkpoint",
             .summary = "take a signed record to keep elsewhere",
             .about = "Compares the repository with its newest checkpoint, takes the next one, and gives its record: less than 1 KiB of text. "
                      "Whoever keeps it outside of this home sees with “backup check --against” whether something was taken away, put back or "
                      "replaced since, whoever did it. Exit code 19 if something was already.",
             .options = {{"--to", "FILE", "writes the record there; --json shows it, too"}},
             .examples = {{"backup checkpoint --to /mnt/safe/acme.checkpoint", "On a disk that this machine cannot write to later."}},
             .run = take_checkpoint},
            {.path = "backup accept",
             .summary = "take the repository for right as it is",
             .about = "After the home or its repository was put back from an older copy, or what was lost is known: takes a checkpoint that says "
                      "so for ever, and backups go on. Check first what is missing.",
             .options = {{"--against", "FILE", "a record that was kept elsewhere and is not in the past any more"},
                         {"--to", "FILE", "writes the new record there"},
                         yes},
             .examples = {{"backup accept --to /mnt/safe/acme.checkpoint --yes", "Keep this record instead of the older one."}},
             .run = accept_repository},
            {.path = "backup drill",
             .summary = "restore for practice, and measure it",
             .about = "Restores files of the newest snapshot, drawn at random, to a folder that goes again, reads them back and compares "
                      "them. Says how long restoring everything takes (RTO) and how old the newest snapshot is (RPO), and keeps the report. "
                      "Exit code 19 if a file did not come back as it was, or a goal is missed.",
             .options = {{"--name", "NAME", "the newest snapshot of this name; default the newest of all"},
                         {"--files", "N", "so many files; default 459, 0: everything"},
                         {"--rto", "LENGTH", "what restoring everything may take"},
                         {"--rpo", "LENGTH", "how old the newest snapshot may be"},
                         threads_option, memory_option, upload_option, download_option,
                         at_option, priority_option, unique_option, after_job_option, after_failure_option, batch_option, detach},
             .examples = {{"backup drill", "Finds damage to one file in a hundred, 99 times out of 100."},
                          {"backup drill --files 0 --rto 1h --rpo 24h", "Everything, against goals."}},
             .run = start_drill},
            {.path = "backup drills",
             .summary = "list reports of drills",
             .about = "Lists what drills found, newest first, those of schedules too.",
             .options = {{"--schedule", "NAME", "only those of this schedule"},
                         {"--after", "JOB", "the last one of the page before"},
                         {"--limit", "N", "as many; default 100"}},
             .examples = {{"backup drills --json", "With all figures and problems."}},
             .run = list_drills,
             .looks = true},
            {.path = "backup stores",
             .summary = "show where copies of the backup are",
             .about = "Lists the home's own store and those that the tenant's backups are copied to: whether each answers, what it holds, "
                      "how far it is behind, when it answered and was whole last. --all lists the stores of the home instead.",
             .options = {{"--all", "", "every store of this home, and whose data may lie there"}},
             .examples = {{"backup stores", "Of the tenant."}, {"backup stores --all", "Of the home."}},
             .run = list_stores,
             .looks = true},
            {.path = "backup add-store",
             .summary = "let backups be copied to another folder",
             .about = "Adds a folder, of another disk or region, that every tenant's backups are copied to from now on, if its data may lie "
                      "there. A file “store” in it says that it is this store, so that an empty mount point is not taken for it.",
             .operands = {{"NAME", "a-z, 0-9 and hyphens"}, {"FOLDER", "one that is there, outside of the home"}},
             .options = {{"--region", "NAME", "only data of tenants of this region may lie there", true}},
             .examples = {{"backup add-store north /mnt/north --region eu-north", "A region's."}},
             .run = add_store},
            {.path = "backup remove-store",
             .summary = "copy nothing more to a store",
             .about = "Forgets one of the stores that “backup stores --all” lists. What lies there stays. Added again it is caught up, and brings "
                      "nothing back that was removed meanwhile.",
             .operands = {{"NAME", "of “backup stores --all”"}},
             .options = {yes},
             .examples = {{"backup remove-store north --yes", "Without asking."}},
             .run = remove_store},
            {.path = "backup copy-policy",
             .summary = "say where a backup must be to have succeeded",
             .about = "Shows, and with options changes, in how many stores a snapshot and everything it needs must be before its backup has "
                      "succeeded: local, only in the home's own; quorum, in more than half of all; all. The rest is copied afterwards.",
             .options = {{"--level", "LEVEL", "local, quorum or all"},
                         {"--store", "NAME", "copy only to these", true},
                         {"--every-store", "", "copy to every store that may hold the data"},
                         threads_option, memory_option, upload_option, download_option},
             .examples = {{"backup copy-policy --level quorum", "With two stores beside the home's: in one of them at least."},
                          {"backup copy-policy --upload 5MB", "All stores together get no more than that in a second."}},
             .run = copy_policy},
            {.path = "backup sync",
             .summary = "bring stores up to date",
             .about = "Copies what stores lack, and removes from them what the backup has removed while they were away. Backups and prunes do so "
                      "by themselves. Interrupted, the next one copies only what is missing. Exit code 21 if a store stays behind.",
             .options = {{"--store", "NAME", "only these", true},
                         {"--heal", "", "also bring back what the home's own store has lost, be it all of it"},
                         {"--verify", "", "also read everything, and replace what is damaged"},
                         threads_option, memory_option, upload_option, download_option,
                         at_option, priority_option, unique_option, after_job_option, after_failure_option, batch_option, detach},
             .examples = {{"backup sync", "After a store was away."}, {"backup sync --heal", "After the home's disk was replaced."}},
             .run = sync_stores},
            {.path = "backup keys",
             .summary = "list what opens the repository",
             .about = "Lists what opens the repository: passwords, recovery codes, key files, recipients' keys, and this home's own key or, in its "
                      "stead, the host's.",
             .examples = {{"backup keys", "Numbers, kinds and labels; never the secrets."}},
             .run = list_keys,
             .looks = true},
            {.path = "backup add-password",
             .summary = "let a password open the repository",
             .about = "Adds a password of at least 8 characters that opens the repository where this home's keys are lost. It is "
                      "read from --password-file, $PREFIX_BACKUP_PASSWORD or a prompt, never from the command line.",
             .options = {{"--label", "TEXT", "to know it again; default password"},
                         {"--derivation", "KIND", "argon2id or pbkdf2; default argon2id"},
                         password_file},
             .examples = {{"backup add-password --label safe", "Asks for it twice."},
                          {"backup add-password --derivation pbkdf2", "Where a rule asks for PBKDF2-HMAC-SHA256."}},
             .run = add_password},
            {.path = "backup add-recovery-code",
             .summary = "make a code to lock away",
             .about = "Makes a code of 256 bits that opens the repository with “backup unlock”, and prints it, this once. It has a checksum, "
                      "so a slip in writing it down is told from a wrong code.",
             .options = {{"--label", "TEXT", "to know it again; default recovery code"}},
             .examples = {{"backup add-recovery-code --label safe", "Write it down; it is not kept."}},
             .run = add_recovery_code},
            {.path = "backup add-key-file",
             .summary = "make a file that opens the repository",
             .about = "Makes a key of 256 bits and writes it to FILE, which only you may read and which must not be there yet. “backup unlock "
                      "--key-file” opens the repository with it. Keep it where this home's disk is not: in a safe, or where secrets come from.",
             .operands = {{"FILE", "outside of the home"}},
             .options = {{"--label", "TEXT", "to know it again; default key file"},
                         {"--existing", "", "FILE is there: a key file, or 32 random bytes; others may not read it"}},
             .examples = {{"backup add-key-file /media/safe/backup.key", "Carry it away."},
                          {"backup add-key-file --existing /run/secrets/backup.key", "One that is kept already."}},
             .run = add_key_file},
            {.path = "backup new-recipient",
             .summary = "make a pair of keys for a recipient",
             .about = "Prints a pair of X25519 keys, kept nowhere: the public half is for “backup add-recipient”, the private half opens the "
                      "repository with “backup unlock” on the day it is needed.",
             .examples = {{"backup new-recipient", "Run it where the private key is to stay."}},
             .run = new_recipient,
             .looks = true},
            {.path = "backup add-recipient",
             .summary = "let a recipient's private key open the repository",
             .about = "Seals the repository to a public key of X25519, 32 bytes in base64. Its private key is never needed here.",
             .operands = {{"PUBLIC-KEY", "of “backup new-recipient” or another tool"}},
             .options = {{"--label", "TEXT", "to know it again; default recipient"}},
             .examples = {{"backup add-recipient --label escrow \"$PUBLIC\"", "Whoever has the private half can read the backup."}},
             .run = add_recipient},
            {.path = "backup add-deferred",
             .summary = "keep the key outside of this home",
             .about = "From now on the repository opens with a key that this home does not have: 32 random bytes or more in base64, from "
                      "--key-file, $PREFIX_BACKUP_KEY or a prompt. Commands on backups then need $PREFIX_BACKUP_KEY; a job that a running "
                      "engine works on waits until its host unlocks the repository.",
             .options = {{"--label", "TEXT", "to know it again; default host"},
                         {"--key-file", "FILE", "read the key from the first line of FILE; - is standard input"},
                         {"--unlock-within", "LENGTH", "how long work waits for the key; default 10m"},
                         yes},
             .examples = {{"backup add-deferred --key-file /run/secrets/backup-key --yes", "This home's own key is destroyed."}},
             .run = add_deferred},
            {.path = "backup rotate-keys",
             .summary = "replace the root key and this home's key",
             .about = "Makes a new root key, seals it anew to everything in “backup keys”, and destroys the old one and this home's old key. "
                      "Nobody has to type a password. What is stored stays as it is.",
             .options = {yes},
             .examples = {{"backup rotate-keys --yes", "After a key may have leaked, or once a year."}},
             .run = rotate_keys},
            {.path = "backup rotate-data-key",
             .summary = "replace the data keys and write everything anew under new ones",
             .about = "For the day on which the repository's data keys may have leaked: “backup rotate-keys” replaces only what they are "
                      "sealed with. What is stored from now on gets new keys at once; what there is is written anew, while backups and "
                      "restores go on. Then the old keys are destroyed, and open nothing that the repository holds.",
             .options = {{"--resume", "", "no new keys: go on with what an earlier one has left"},
                         threads_option, memory_option, upload_option, download_option,
                         at_option, priority_option, unique_option, after_job_option, after_failure_option, batch_option, detach, yes},
             .examples = {{"backup rotate-data-key --yes", "After “backup rotate-keys”, where this home's key may have leaked too."},
                          {"backup rotate-data-key --resume", "After damage was mended, or one was cancelled."}},
             .run = rotate_data_key},
            {.path = "backup subjects",
             .summary = "list whose folders can be erased",
             .about = "Lists the subjects that “backup start --erasable” gave keys of their own.",
             .examples = {{"backup subjects", "What “backup shred” takes."}},
             .run = list_subjects,
             .looks = true},
            {.path = "backup shred",
             .summary = "erase a subject from every snapshot",
             .about = "Destroys the keys of what was backed up under a subject, and gives a signed receipt. It takes no longer for much than for "
                      "little, and cannot be undone. Restores leave out what was erased.",
             .operands = {{"SUBJECT", "of “backup subjects”"}},
             .options = {yes},
             .examples = {{"backup shred user-4711 --yes", "In all snapshots, for ever."}},
             .run = shred},
            {.path = "backup erasures",
             .summary = "list what was erased, with receipts",
             .about = "Lists what “backup shred” erased; --json shows receipts and their signatures (Ed25519).",
             .examples = {{"backup erasures --json", "To be kept as proof."}},
             .run = list_erasures,
             .looks = true},
            {.path = "backup remove-key",
             .summary = "take one of them away",
             .about = "Removes one of the keys that “backup keys” lists; the last one stays.",
             .operands = {{"NUMBER", "of “backup keys”"}},
             .options = {yes},
             .examples = {{"backup remove-key 2", "After being asked."}},
             .run = remove_key},
            {.path = "backup unlock",
             .summary = "open the repository with a password, a code or a key file",
             .about = "Opens the repository with a password, a recovery code, a recipient's private key or a key file where this home's own key "
                      "cannot: after its keys were lost, or on another machine. All but key files are read as by “backup add-password”.",
             .options = {password_file, {"--key-file", "FILE", "of “backup add-key-file”; - is standard input"}},
             .examples = {{"backup unlock", "Asks for the password."}, {"backup unlock --key-file /media/safe/backup.key", "With a key file."}},
             .run = unlock}}};
}

}  // namespace tenon::cli
