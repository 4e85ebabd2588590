// The verbs of copies in other stores.
#include "backups.hpp"

#include <algorithm>
#include <filesystem>

#include "jobs.hpp"
#include "json.hpp"
#include "limits.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "secret.hpp"
#include "tenant_plans.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

CommitLevel commit_level_named(const std::string& given) {
    for (const auto level : {CommitLevel::local, CommitLevel::quorum, CommitLevel::all})
        if (given == to_string(level)) return level;
    throw UsageError("--level takes local, quorum or all");
}

std::string standing_of(const CopyState& s) {
    if (!s.is_allowed) return s.objects > 0 ? "must be emptied" : "not allowed";
    if (!s.is_reached) return "away";
    return s.is_whole ? "whole" : "behind";
}

void show_states(Context& context, const std::vector<CopyState>& states, const boost::json::value& document) {
    Table table({"STORE", "STATE", ">OBJECTS", ">SIZE", ">BEHIND", "SEEN", "WHOLE"});
    std::vector<std::string> keys;
    for (const auto& s : states) {
        const auto behind = s.behind_objects > 0 ? count(s.behind_objects) + ", " + size(s.behind) : "";
        table.row({s.store, standing_of(s), count(s.objects), size(s.size), behind,
                   s.seen_at ? clock(*s.seen_at) : "never", s.whole_at ? clock(*s.whole_at) : "never"});
        keys.push_back(s.store);
    }
    context.out().list(document, keys, table, "");
    for (const auto& s : states)
        if (!s.problem.empty()) context.out().remark("! " + s.store + ": " + s.problem);
}

boost::json::array states_json(const std::vector<CopyState>& states) {
    boost::json::array all;
    for (const auto& state : states) all.push_back(to_json(state));
    return all;
}

}  // namespace

int list_stores(Context& context, const Args& args) {
    if (args.has("--all")) {
        const auto stores = context.operators().backup_stores().list();
        Table table({"STORE", "FOLDER", "REGIONS"});
        std::vector<std::string> keys;
        boost::json::array document;
        for (const auto& store : stores) {
            table.row({store.name, store.path.string(), store.regions.empty() ? "every one" : joined(store.regions)});
            keys.push_back(store.name);
            document.push_back(to_json(store));
        }
        context.out().list(document, keys, table, "No store but the home's own. " + context.command("backup add-store") + " adds one.");
        return 0;
    }
    const auto states = backup_session(context).backups().copies().list();
    show_states(context, states, states_json(states));
    return 0;
}

int add_store(Context& context, const Args& args) {
    const auto path = std::filesystem::absolute(args.operand(1));
    const auto store = context.operators().backup_stores().add({.name = args.operand(0), .path = path, .regions = args.all("--region")});
    context.out().thing(to_json(store), store.name,
                        {{"Store", store.name},
                         {"Folder", store.path.string()},
                         {"Regions", store.regions.empty() ? "every one" : joined(store.regions)}});
    return 0;
}

int remove_store(Context& context, const Args& args) {
    const auto name = args.operand(0);
    confirm(context, args, "Keep no more copies in " + clean(name) + "?");
    context.operators().backup_stores().remove(name);
    context.out().done({{"store", name}}, "Nothing is copied to " + clean(name) + " any more; what lies there stays.");
    return 0;
}

int copy_policy(Context& context, const Args& args) {
    BackupCopies copies = backup_session(context).backups().copies();
    CopyPolicy policy = copies.policy();
    if (args.has("--level")) policy.level = commit_level_named(args.text("--level"));
    if (args.has("--store")) policy.stores = args.all("--store");
    if (args.has("--every-store")) policy.stores.clear();
    const bool limits = take_limits(args, policy.limits);
    if (limits || args.has("--level") || args.has("--store") || args.has("--every-store")) policy = copies.set_policy(policy);
    const boost::json::object document{{"level", to_string(policy.level)},
                                       {"stores", boost::json::array(policy.stores.begin(), policy.stores.end())},
                                       {"limits", to_json(policy.limits)}};
    context.out().thing(document, to_string(policy.level),
                        {{"Level", to_string(policy.level)},
                         {"Stores", policy.stores.empty() ? "every one that may hold the data" : joined(policy.stores)},
                         {"Limits", limits_text(policy.limits)}});
    return 0;
}

int sync_stores(Context& context, const Args& args) {
    CopyOptions options{.stores = args.all("--store"), .heal = args.has("--heal"), .verify = args.has("--verify")};
    options.schedule = schedule_of(args);
    options.limits = limits_of(args);
    CopyJob job = backup_session(context).backups().copies().start(options);
    if (is_for_later(args)) return show_started(context, job);
    follow(context, job, "copy");
    const CopyResult result = job.result();
    show_states(context, result.stores, to_json(result));
    context.out().remark("Copied " + count(result.copied_objects) + " objects, " + size(result.copied) + "; removed " +
                         count(result.removed_objects) + "; healed " + count(result.healed_objects) + ".");
    const bool whole = std::all_of(result.stores.begin(), result.stores.end(), [](const auto& s) { return s.is_whole || !s.is_allowed; });
    return whole ? 0 : exit_code(Errc::unavailable);
}

}  // namespace tenon::cli
