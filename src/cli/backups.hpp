#pragma once

#include "command.hpp"
#include "context.hpp"
#include "output.hpp"

namespace tenon::cli {

Label label(const std::string& given, std::string_view option);
/// "KEY" for any value of it, or "KEY=VALUE".
Label tag_rule(const std::string& given, std::string_view option);
CheckLevel level_named(const std::string& given, std::string_view option);
/// What the options --keep-… say.
KeepRules keep_rules(const Args& args);
inline constexpr Option keep_options[] = {
    {"--keep-last", "N", "the newest N; -1: all, as with each N"},
    {"--keep-hourly", "N", "of the last N hours that have one"},
    {"--keep-daily", "N", "of the last N days"},
    {"--keep-weekly", "N", "of the last N weeks"},
    {"--keep-monthly", "N", "of the last N months"},
    {"--keep-yearly", "N", "of the last N years"},
    {"--keep-within", "LENGTH", "those not older than this before the newest"},
    {"--keep-tag", "KEY[=VALUE]", "those with this tag", true}};
std::string tags_text(const std::vector<Label>& tags);
Fields fields(const Snapshot& snapshot);

// The verbs that take, show, restore and look after snapshots.
int take_backup(Context& context, const Args& args);
int list_backups(Context& context, const Args& args);
int show_backup(Context& context, const Args& args);
int browse_backup(Context& context, const Args& args);
int restore_backup(Context& context, const Args& args);
int check_backups(Context& context, const Args& args);
int repair_backups(Context& context, const Args& args);
int prune_backups(Context& context, const Args& args);

// The verbs that compare, tag and forget snapshots.
int diff_snapshots(Context& context, const Args& args);
int tag_snapshot(Context& context, const Args& args);
int hold_snapshot(Context& context, const Args& args);
int lift_hold(Context& context, const Args& args);
int forget_snapshots(Context& context, const Args& args);

/// A session whose repository is open: where the host keeps its key, $PREFIX_BACKUP_KEY has it.
Session backup_session(Context& context);

// What is in a snapshot without restoring it, and what a restore would do.
int write_stream(Context& context, const Args& args);
int cat_file(Context& context, const Args& args);
int archive_files(Context& context, const Args& args);
int find_files(Context& context, const Args& args);
int preview_restore(Context& context, const Session& session, const RestoreOptions& options, bool compare);

// Restores for practice.
int start_drill(Context& context, const Args& args);
int list_drills(Context& context, const Args& args);
// The verbs of copies in other stores.
int list_stores(Context& context, const Args& args);
int add_store(Context& context, const Args& args);
int remove_store(Context& context, const Args& args);
int copy_policy(Context& context, const Args& args);
int sync_stores(Context& context, const Args& args);

// Checkpoints, and records of them that are kept elsewhere.
int take_checkpoint(Context& context, const Args& args);
int accept_repository(Context& context, const Args& args);
/// The record in a file. Throws NotFound.
std::string record_in(const Args& args, std::string_view option);

// The verbs of a repository's keys.
int list_keys(Context& context, const Args& args);
int add_password(Context& context, const Args& args);
int add_recovery_code(Context& context, const Args& args);
int add_key_file(Context& context, const Args& args);
int new_recipient(Context& context, const Args& args);
int add_recipient(Context& context, const Args& args);
int add_deferred(Context& context, const Args& args);
int list_subjects(Context& context, const Args& args);
int shred(Context& context, const Args& args);
int list_erasures(Context& context, const Args& args);
int rotate_keys(Context& context, const Args& args);
int rotate_data_key(Context& context, const Args& args);
int remove_key(Context& context, const Args& args);
int unlock(Context& context, const Args& args);

}  // namespace tenon::cli
