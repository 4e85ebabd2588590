#include "backups.hpp"

#include <algorithm>

#include "json.hpp"
#include "secret.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

const char* sign_of(ChangeKind change) {
    switch (change) {
    case ChangeKind::added: return "+";
    case ChangeKind::removed: return "-";
    case ChangeKind::modified: return "M";
    case ChangeKind::attributes: return "A";
    }
    return "?";
}

std::int32_t rule(const Args& args, std::string_view option) {
    return static_cast<std::int32_t>(args.integer(option, 0, -1, 1'000'000));
}

ForgetOptions forget_options(const Session& session, const Args& args) {
    ForgetOptions options{.name = args.text("--name"), .dry_run = args.has("--dry-run")};
    options.keep = keep_rules(args);
    options.keep.zone = args.text("--zone");
    for (const auto& typed : args.operands_from(0)) options.snapshots.push_back(snapshot_named(session, typed));
    const auto is_given = [&](const Option& option) { return args.has(option.name); };
    if (!options.snapshots.empty() && (std::ranges::any_of(keep_options, is_given) || !options.name.empty()))
        throw UsageError("snapshots that are named are forgotten whatever rules say: leave out either them or the rules");
    return options;
}

std::string reasons_text(const std::vector<std::string>& reasons) {
    std::string text;
    for (const auto& reason : reasons) text += (text.empty() ? "" : ", ") + reason;
    return text;
}

}  // namespace

KeepRules keep_rules(const Args& args) {
    KeepRules keep{.last = rule(args, "--keep-last"),
                   .hourly = rule(args, "--keep-hourly"),
                   .daily = rule(args, "--keep-daily"),
                   .weekly = rule(args, "--keep-weekly"),
                   .monthly = rule(args, "--keep-monthly"),
                   .yearly = rule(args, "--keep-yearly"),
                   .within = args.duration("--keep-within").value_or(Duration{}),
                   .utc_offset = args.duration("--utc-offset").value_or(Duration{})};
    for (const auto& given : args.all("--keep-tag")) keep.tags.push_back(tag_rule(given, "--keep-tag"));
    return keep;
}

int diff_snapshots(Context& context, const Args& args) {
    const Session session = backup_session(context);
    const auto diff = session.backups().diff({.before = snapshot_named(session, args.operand(0)),
                                              .after = snapshot_named(session, args.operand(1)),
                                              .path = args.operand(2),
                                              .limit = static_cast<std::int32_t>(args.integer("--limit", 10'000, 0, 10'000'000))});
    Table table({"", "PATH", ">BEFORE", ">AFTER"});
    std::vector<std::string> keys;
    for (const auto& change : diff.changes) {
        const bool sizes = change.kind == FileKind::file;
        table.row({sign_of(change.change), change.kind == FileKind::folder ? change.path + "/" : change.path,
                   sizes && change.change != ChangeKind::added ? size(change.before) : "",
                   sizes && change.change != ChangeKind::removed ? size(change.after) : ""});
        keys.push_back(change.path);
    }
    context.out().list(to_json(diff), keys, table, "Nothing differs.");
    const auto listed = static_cast<std::int64_t>(diff.changes.size());
    if (listed < diff.added + diff.removed + diff.modified + diff.attributes) context.out().remark("The list is cut; everything is counted.");
    if (listed > 0)
        context.out().remark(count(diff.added) + " added, " + count(diff.removed) + " removed, " + count(diff.modified) + " modified, " +
                             count(diff.attributes) + " with other attributes; +" + size(diff.bytes_added) + ", -" + size(diff.bytes_removed));
    return 0;
}

int tag_snapshot(Context& context, const Args& args) {
    const Session session = backup_session(context);
    TagOptions options{.snapshot = snapshot_named(session, args.operand(0)), .remove = args.all("--remove")};
    for (const auto& given : args.all("--add")) options.add.push_back(label(given, "--add"));
    if (options.add.empty() && options.remove.empty()) throw UsageError("say which tags: --add KEY=VALUE, --remove KEY");
    const Snapshot snapshot = session.backups().tag(options);
    context.out().thing(to_json(snapshot), snapshot.id.text(), fields(snapshot));
    return 0;
}

int hold_snapshot(Context& context, const Args& args) {
    if (args.text("--reason").empty()) throw UsageError("say why: --reason TEXT");
    const Session session = backup_session(context);
    const Snapshot snapshot = session.backups().hold(snapshot_named(session, args.operand(0)), args.text("--reason"));
    context.out().thing(to_json(snapshot), snapshot.id.text(), fields(snapshot));
    return 0;
}

int lift_hold(Context& context, const Args& args) {
    const Session session = backup_session(context);
    const Snapshot snapshot = session.backups().lift_hold(snapshot_named(session, args.operand(0)), args.text("--reason"));
    context.out().thing(to_json(snapshot), snapshot.id.text(), fields(snapshot));
    return 0;
}

int forget_snapshots(Context& context, const Args& args) {
    const Session session = backup_session(context);
    ForgetOptions options = forget_options(session, args);
    const bool dry_run = options.dry_run;
    options.dry_run = true;
    ForgetResult result = session.backups().forget(options);
    if (!dry_run && result.forgotten > 0) {
        confirm(context, args, "Forget " + count(result.forgotten) + " of " + count(result.forgotten + result.kept) + " snapshots?");
        options.dry_run = false;
        result = session.backups().forget(options);
    }
    Table table({"", "TAKEN", "NAME", "TAGS", "ID", "WHY"});
    std::vector<std::string> keys;
    for (const auto& verdict : result.snapshots) {
        const auto& s = verdict.snapshot;
        table.row({verdict.kept ? "keep" : "forget", clock(s.taken_at), s.name, tags_text(s.tags), s.id.text(), reasons_text(verdict.reasons)});
        if (!verdict.kept) keys.push_back(s.id.text());
    }
    context.out().list(to_json(result), keys, table, "No snapshot.");
    return 0;
}

}  // namespace tenon::cli
