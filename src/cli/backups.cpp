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

/// Who loses the home loses the backup as long as nothing else opens it: said with the first snapshot, while that is easily mended.
void warn_of_one_key(const Context& context, const Backups& backups) {
    if (!context.out().people()) return;
    try {
        const auto slots = backups.keys().list();
        if (backups.list().size() != 1 || slots.size() != 1 || slots.front().kind != "key_file" || slots.front().label != "home") return;
    } catch (const Error&) {
        return;  // keys may be another one's business; the snapshot is there, whatever becomes of this look
    }
    context.out().remark("! Only a key that lies in this home opens the backup: who loses the home loses it. " +
                         context.command("backup add-password") + " or “add-recovery-code” mends that.");
}

}  // namespace

int take_backup(Context& context, const Args& args) {
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
    std::erase_if(shown, [](const auto& field) { return field.first == "Stored"; });  // it stands at the end, with all overhead
    shown.emplace_back("Read", count(result.files_new) + " files new or changed, " + size(result.read));
    shown.emplace_back("Unchanged", count(result.files_unchanged) + " files");
    shown.emplace_back("Deduplicated", size(result.deduplicated));
    shown.emplace_back("Stored", size(result.stored));
    context.out().thing(to_json(result), result.snapshot.id.text(), shown);
    say_problems(context, result.problems);
    warn_of_one_key(context, backups);
    return 0;
}

int list_backups(Context& context, const Args& args) {
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

int show_backup(Context& context, const Args& args) {
    const Session session = backup_session(context);
    const Snapshot snapshot = session.backups().get(snapshot_named(session, args.operand(0)));
    context.out().thing(to_json(snapshot), snapshot.id.text(), fields(snapshot));
    return 0;
}

int browse_backup(Context& context, const Args& args) {
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

int restore_backup(Context& context, const Args& args) {
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

int check_backups(Context& context, const Args& args) {
    const auto level = level_named(args.text("--level", "full"), "--level");
    const auto record = args.has("--against") ? record_in(args, "--against") : std::string();
    Backups backups = backup_session(context).backups();
    CheckJob job = backups.check({.level = level, .percent = static_cast<std::int32_t>(args.integer("--percent", 100, 1, 100)), .against = record,
                                 .limits = limits_of(args), .schedule = schedule_of(args)});
    if (is_for_later(args)) return show_started(context, job);
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

int repair_backups(Context& context, const Args& args) {
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

int prune_backups(Context& context, const Args& args) {
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

}  // namespace tenon::cli
