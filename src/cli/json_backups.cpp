#include "json.hpp"
#include "text.hpp"

namespace tenon::cli {

namespace json = boost::json;

namespace {

/// As --level takes it.
const char* word_of(CheckLevel level) {
    switch (level) {
    case CheckLevel::structure: return "structure";
    case CheckLevel::objects: return "objects";
    case CheckLevel::full: break;
    }
    return "full";
}

}  // namespace

const char* to_string(FileKind kind) {
    switch (kind) {
    case FileKind::file: return "file";
    case FileKind::folder: return "folder";
    case FileKind::link: return "link";
    case FileKind::other: break;
    }
    return "other";
}

json::object to_json(const Snapshot& s) {
    return {{"id", s.id.text()},
            {"name", s.name},
            {"taken_at", stamp(s.taken_at)},
            {"tags", labels(s.tags)},
            {"files", s.files},
            {"size", s.size.count},
            {"stored", s.stored ? json::value(s.stored->count) : json::value(nullptr)},
            {"held", s.held}};
}

json::object to_json(const BackupResult& r) {
    return {{"snapshot", to_json(r.snapshot)},
            {"files_new", r.files_new},
            {"files_unchanged", r.files_unchanged},
            {"read", r.read.count},
            {"deduplicated", r.deduplicated.count},
            {"stored", r.stored.count},
            {"problems", strings(r.problems)}};
}

json::object to_json(const FileEntry& e) {
    return {{"name", e.name}, {"kind", to_string(e.kind)}, {"size", e.size.count}, {"modified_at", stamp(e.modified_at)}, {"erased", e.erased}};
}

json::object to_json(const BackupErasure& e) {
    return {{"subject", e.subject}, {"erased_at", stamp(e.erased_at)}, {"packs", e.packs}, {"size", e.size.count}, {"receipt", e.receipt},
            {"signature", e.signature}, {"public_key", e.public_key}};
}

json::object to_json(const FileChange& c) {
    return {{"path", c.path}, {"change", to_string(c.change)}, {"kind", to_string(c.kind)}, {"before", c.before.count}, {"after", c.after.count}};
}

json::object to_json(const SnapshotDiff& d) {
    return {{"changes", to_json(d.changes)},
            {"added", d.added},
            {"removed", d.removed},
            {"modified", d.modified},
            {"attributes", d.attributes},
            {"bytes_added", d.bytes_added.count},
            {"bytes_removed", d.bytes_removed.count}};
}

json::object to_json(const SnapshotVerdict& v) {
    return {{"snapshot", to_json(v.snapshot)}, {"kept", v.kept}, {"reasons", strings(v.reasons)}};
}

json::object to_json(const ForgetResult& r) {
    return {{"snapshots", to_json(r.snapshots)}, {"kept", r.kept}, {"forgotten", r.forgotten}};
}

json::array to_json(const std::vector<DamagedFile>& damaged) {
    json::array all;
    for (const auto& d : damaged)
        all.push_back(json::object{{"snapshot", d.snapshot.text()}, {"path", d.path}, {"offset", d.offset.count}, {"size", d.size.count}});
    return all;
}

json::object to_json(const RestoreResult& r) {
    return {{"target", r.target.string()},
            {"files", r.files},
            {"written", r.written.count},
            {"files_unchanged", r.files_unchanged},
            {"deleted", r.deleted},
            {"damaged", to_json(r.damaged)},
            {"problems", strings(r.problems)}};
}

json::object to_json(const RestorePreview& p) {
    return {{"target", p.target.string()},
            {"files", p.files},
            {"files_new", p.files_new},
            {"files_replaced", p.files_replaced},
            {"files_unchanged", p.files_unchanged},
            {"folders_new", p.folders_new},
            {"extra", p.extra},
            {"deleted", p.deleted},
            {"written", p.written.count},
            {"kept", p.kept.count},
            {"fetched", p.fetched.count},
            {"requests", p.requests},
            {"time_us", p.time.count()},
            {"measured", p.measured},
            {"changes", to_json(p.changes)},
            {"problems", strings(p.problems)}};
}

json::object to_json(const CheckReport& r) {
    return {{"snapshots", r.snapshots},
            {"objects", r.objects},
            {"chunks", r.chunks},
            {"read", r.read.count},
            {"unused", r.unused.count},
            {"under_old_keys", r.under_old_keys.count},
            {"tampered", r.tampered},
            {"repairable", r.repairable},
            {"unprotected", r.unprotected},
            {"read_since", to_json(r.read_since)},
            {"problems", strings(r.problems)}};
}

json::object to_json(const RepairResult& r) {
    return {{"objects", r.objects},
            {"read", r.read.count},
            {"repaired", r.repaired},
            {"protected_again", r.protected_again},
            {"reread", r.reread.count},
            {"damaged", to_json(r.damaged)},
            {"problems", strings(r.problems)}};
}

json::object to_json(const BackupCheckpoint& c) {
    return {{"number", c.number},
            {"made_at", stamp(c.made_at)},
            {"snapshots", c.snapshots},
            {"packs", c.packs},
            {"record", c.record},
            {"public_key", c.public_key},
            {"accepted", strings(c.accepted)}};
}

json::object to_json(const RekeyResult& r) {
    return {{"packs", r.packs},
            {"objects", r.objects},
            {"rewritten", r.rewritten.count},
            {"left", r.left.count},
            {"revoked", r.revoked},
            {"problems", strings(r.problems)}};
}

namespace {

template <class Id> json::value id_or_null(const std::optional<Id>& id) { return id ? json::value(id->text()) : json::value(nullptr); }

json::value rules_or_null(const std::optional<KeepRules>& keep) {
    if (!keep) return nullptr;
    return json::object{{"last", keep->last},
                        {"hourly", keep->hourly},
                        {"daily", keep->daily},
                        {"weekly", keep->weekly},
                        {"monthly", keep->monthly},
                        {"yearly", keep->yearly},
                        {"within_us", keep->within.count()},
                        {"tags", labels(keep->tags)},
                        {"utc_offset_us", keep->utc_offset.count()},
                        {"zone", or_null(keep->zone)}};
}

json::object standing_json(const ScheduleStanding& s) {
    return {{"work", to_string(s.work)},
            {"cron", s.cron},
            {"next_at", to_json(s.next_at)},
            {"last_at", to_json(s.last_at)},
            {"last_job", id_or_null(s.last_job)},
            {"last_state", s.last_state ? json::value(to_string(*s.last_state)) : json::value(nullptr)},
            {"last_error", s.last_error ? json::value(to_string(*s.last_error)) : json::value(nullptr)},
            {"last_message", or_null(s.last_message)},
            {"failures", s.failures},
            {"succeeded_at", to_json(s.succeeded_at)},
            {"snapshot", id_or_null(s.snapshot)},
            {"runs", s.runs}};
}

}  // namespace

json::object to_json(const BackupSchedule& s) {
    const auto& o = s.options;
    json::array standings, erasable;
    for (const auto& one : s.standings) standings.push_back(standing_json(one));
    for (const auto& folder : o.backup.erasable) erasable.push_back(json::object{{"path", folder.path}, {"subject", folder.subject}});
    return {{"name", o.name},
            {"cron", o.cron},
            {"zone", o.zone},
            {"backup", json::object{{"name", o.backup.name},
                                    {"include_recordings", o.backup.include_recordings},
                                    {"include_rows", o.backup.include_rows},
                                    {"tags", labels(o.backup.tags)},
                                    {"include", strings(o.backup.include)},
                                    {"exclude", strings(o.backup.exclude)},
                                    {"erasable", erasable},
                                    {"limits", to_json(o.backup.limits)},
                                    {"priority", o.backup.schedule.priority}}},
            {"misfire", to_string(o.misfire)},
            {"overlap", to_string(o.overlap)},
            {"retries", o.retries},
            {"retry_pause_us", o.retry_pause.count()},
            {"time_limit_us", o.time_limit.count()},
            {"keep", rules_or_null(o.keep)},
            {"prune_cron", or_null(o.prune_cron)},
            {"unused_percent", o.unused_percent},
            {"check_cron", or_null(o.check_cron)},
            {"check_level", word_of(o.check_level)},
            {"check_percent", o.check_percent},
            {"check_repairs", o.check_repairs},
            {"drill_cron", or_null(o.drill_cron)},
            {"drill_files", o.drill_files},
            {"rto_goal_us", o.rto_goal.count()},
            {"limits", to_json(o.limits)},
            {"overdue_after", o.overdue_after},
            {"paused", s.paused},
            {"overdue_at", to_json(s.overdue_at)},
            {"standings", standings},
            {"created_at", stamp(s.created_at)}};
}

json::object to_json(const UpcomingWork& w) { return {{"at", stamp(w.at)}, {"work", to_string(w.work)}}; }

json::object to_json(const DrillReport& r) {
    return {{"job", r.job.text()},
            {"schedule", or_null(r.schedule)},
            {"snapshot", to_json(r.snapshot)},
            {"started_at", stamp(r.started_at)},
            {"passed", r.passed},
            {"complete", r.complete},
            {"files", r.files},
            {"size", r.size.count},
            {"compared", r.compared},
            {"restore_time_us", r.restore_time.count()},
            {"rto_us", r.rto.count()},
            {"rto_goal_us", r.rto_goal.count()},
            {"rpo_us", r.rpo.count()},
            {"rpo_goal_us", r.rpo_goal.count()},
            {"problems", strings(r.problems)}};
}

json::object to_json(const BackupStore& s) { return {{"name", s.name}, {"path", s.path.string()}, {"regions", strings(s.regions)}}; }

json::object to_json(const CopyState& s) {
    return {{"store", s.store},
            {"is_allowed", s.is_allowed},
            {"is_reached", s.is_reached},
            {"is_whole", s.is_whole},
            {"objects", s.objects},
            {"size", s.size.count},
            {"behind_objects", s.behind_objects},
            {"behind", s.behind.count},
            {"seen_at", s.seen_at ? json::value(stamp(*s.seen_at)) : json::value()},
            {"whole_at", s.whole_at ? json::value(stamp(*s.whole_at)) : json::value()},
            {"problem", s.problem}};
}

json::object to_json(const CopyResult& r) {
    json::array stores;
    for (const auto& state : r.stores) stores.push_back(to_json(state));
    return {{"stores", std::move(stores)},
            {"copied_objects", r.copied_objects},
            {"copied", r.copied.count},
            {"removed_objects", r.removed_objects},
            {"healed_objects", r.healed_objects}};
}

json::object to_json(const PruneResult& r) {
    return {{"snapshots", r.snapshots},
            {"packs_removed", r.packs_removed},
            {"packs_rewritten", r.packs_rewritten},
            {"freed", r.freed.count},
            {"rewritten", r.rewritten.count},
            {"unused", r.unused.count},
            {"problems", strings(r.problems)}};
}

json::object to_json(const KeySlot& s) {
    return {{"number", s.number}, {"kind", s.kind}, {"label", s.label}, {"derivation", s.derivation}, {"generation", s.generation}};
}

}  // namespace tenon::cli
