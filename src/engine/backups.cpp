#include <tenon/backup.hpp>

#include <algorithm>

#include <backup/diff.hpp>
#include <backup/retention.hpp>
#include <base/id.hpp>
#include <base/json.hpp>
#include <base/text.hpp>
#include <tenant/quota.hpp>
#include <tenon/backup_drill.hpp>
#include <tenon/backup_schedule.hpp>

#include "backup_json.hpp"
#include "backup_rows.hpp"
#include "core.hpp"
#include "footage_use.hpp"
#include "recorded.hpp"
#include "repositories.hpp"
#include "repository_charge.hpp"

TENON_BEGIN

const char* to_string(ChangeKind change) noexcept {
    switch (change) {
        case ChangeKind::added: return "added";
        case ChangeKind::removed: return "removed";
        case ChangeKind::modified: return "modified";
        case ChangeKind::attributes: return "attributes";
    }
    return "unknown";
}

TENON_END

namespace tenon {

namespace quota = tenant::quota;
using base::Json;
using engine::Permission;
using engine::recorded;
using engine::repositories;

namespace {

/// What a job finds byte for byte when it runs.
const std::string& kept(const char* field, const std::string& text) {
    if (!base::is_utf8(text)) throw InvalidArgument("is not valid UTF-8, and is kept with the job as text", {.subject = field});
    return text;
}

const std::vector<std::string>& kept(const char* field, const std::vector<std::string>& texts) {
    for (const auto& text : texts) kept(field, text);
    return texts;
}

std::string payload_text(const Json& payload, const char* field) {
    auto text = base::to_json(payload);
    if (text.size() > base::JsonLimits{}.max_size)
        throw InvalidArgument("paths and patterns of one job may take 1 MiB together", {.subject = field});
    return text;
}

/// The first name of a path in a snapshot.
std::string top_of(const std::string& path) {
    const auto begin = std::min(path.find_first_not_of('/'), path.size());
    return path.substr(begin, path.find('/', begin) - begin);
}

void check_tags(const std::vector<Label>& tags) {
    if (tags.size() > 100) throw InvalidArgument("a snapshot has at most 100 tags", {.subject = "tags"});
    for (const auto& tag : tags) {
        base::check_name("tags", tag.key);
        base::check_text("tags", tag.value, 200);
    }
}

bool has_all(const std::vector<Label>& tags, const std::vector<Label>& wanted) {
    return std::all_of(wanted.begin(), wanted.end(), [&](const Label& want) {
        return std::any_of(tags.begin(), tags.end(),
                           [&](const Label& tag) { return tag.key == want.key && (want.value.empty() || tag.value == want.value); });
    });
}

FileKind kind_of(backup::EntryKind kind) {
    switch (kind) {
        case backup::EntryKind::file: return FileKind::file;
        case backup::EntryKind::folder: return FileKind::folder;
        case backup::EntryKind::link: return FileKind::link;
        default: return FileKind::other;
    }
}

std::string no_snapshot(const SnapshotId& id) { return "there is no such snapshot: " + id.text(); }

/// Puts a job of the repository into the queue with its audit record.
JobId enqueue(const SessionImpl& session, const std::string& action, jobs::NewJob job, const std::optional<HoldId>& hold) {
    const auto at = session.now();
    job.hold = hold;
    const auto granted = session.granted();
    return session.change(action, "", [&](db::Tx& tx) {
        const auto [id, is_new, project] = engine::enqueue(session, *granted, tx, job);
        if (!is_new) return id;
        // One byte, so that there is a hold to extend: what a backup stores is known only as it goes.
        if (hold) quota::reserve(tx, *hold, {.asks = {{Resource::storage, 1}}, .cause = {.kind = quota::CauseKind::job, .id = id.text()}}, at);
        session.audit(tx, action, id.text(), at);
        return id;
    });
}

jobs::NewJob scheduled(jobs::NewJob job, const JobSchedule& schedule) {
    jobs::schedule(job, schedule);
    return job;
}

template <class Handle>
std::optional<Handle> find_handle(const std::shared_ptr<SessionImpl>& session, const JobId& id, const char* kind) {
    const auto pass = session->enter(Permission::backup_read);
    if (!engine::find_job(*session, id, kind)) return std::nullopt;
    return Internal::make<Handle>(std::make_shared<JobImpl>(JobImpl{session, id, kind}));
}

}  // namespace

namespace engine {

void check_backup(const BackupOptions& options) {
    base::check_name("name", options.name);
    check_tags(options.tags);
    backup::check_patterns(options.exclude);
    kept("exclude", options.exclude);
    backup::check_limits(options.limits);
    constexpr std::size_t most_erasable = 10'000;
    if (options.erasable.size() > most_erasable) throw InvalidArgument("at most 10,000 folders are erasable by themselves", {.subject = "erasable"});
    for (const auto& folder : options.erasable) {
        base::check_name("erasable", folder.subject);
        kept("erasable", folder.path);
        backup::check_class_path(folder.path);
    }
    kept("include", options.include);
    backup::check_includes(options.include);
    for (const auto& path : options.include) {
        const auto top = top_of(path);
        if (top == "recordings" && !options.include_recordings)
            throw InvalidArgument("recordings are left out unless include_recordings asks for them", {.subject = "include"});
        if (top != "projects" && top != "exports" && top != "recordings")
            throw InvalidArgument("a snapshot has projects, exports and recordings: begin with one of them", {.subject = "include"});
    }
}

void check_keep(const KeepRules& rules) { (void)judge(nullptr, {.keep = rules}); }

void check_stream(const BackupStreamOptions& options) {
    base::check_name("name", options.name);
    check_tags(options.tags);
    if (options.upload_per_second.count < 0) throw InvalidArgument("a limit is not negative", {.subject = "upload_per_second"});
}

std::filesystem::path restore_target(const SessionImpl& session, const RestoreOptions& options) {
    const bool wants_rows = std::any_of(options.paths.begin(), options.paths.end(), [](const auto& path) { return top_of(path) == rows_folder; });
    if (wants_rows && options.target.empty()) throw InvalidArgument("rows are restored to a folder, and into no workspace", {.subject = "target"});
    if (options.target.native().find('\0') != std::string::npos) throw InvalidArgument("the path holds a NUL byte", {.subject = "target"});
    auto target = options.target.empty() ? session.workspace.root : std::filesystem::absolute(options.target).lexically_normal();
    if (target != session.workspace.root) session.check_outside(target, "target", false);
    backup::check_patterns(options.exclude);
    backup::check_limits(options.limits);
    if (options.delete_extra && options.salvage)
        throw InvalidArgument("what is lost of a snapshot would be taken for extra: salvage first", {.subject = "delete_extra"});
    return target;
}

JobId enqueue_backup_job(const SessionImpl& session, const std::string& action, jobs::NewJob job, bool holds) {
    return tenon::enqueue(session, action, std::move(job), holds ? std::optional(base::new_id<HoldId>(session.now())) : std::nullopt);
}

namespace {

/// The one that there is room for at a time: nobody starts another before it has ended, so it is the newest.
std::optional<jobs::JobRow> unended_backup(const SessionImpl& session) {
    auto newest = session.engine->queue->list(session.scope, {.kind = backup_kind, .limit = 1});
    if (newest.empty() || jobs::has_ended(newest.front().state)) return std::nullopt;
    return std::move(newest.front());
}

bool is_at_once(const JobSchedule& schedule) {
    return !schedule.start && schedule.priority == 0 && schedule.unique_key.empty() && schedule.after.empty() && schedule.batch.empty();
}

}  // namespace

JobId start_check(const SessionImpl& session, const CheckOptions& options, bool repairs) {
    const auto pass = session.enter(repairs ? Permission::backup_write : Permission::backup_read);
    jobs::check_schedule(options.schedule, session.now());
    backup::check_limits(options.limits);
    Json payload;
    payload.set("level", static_cast<std::int64_t>(options.level)).set("percent", std::int64_t{options.percent});
    if (!options.against.empty()) payload.set("against", kept("against", options.against));
    if (repairs) payload.set("repairs", true);
    set_limits(payload, options.limits);
    return enqueue_backup_job(session, "backup.check", scheduled({.kind = check_kind, .payload = base::to_json(payload)}, options.schedule), false);
}

JobId start_backup(const SessionImpl& session, const BackupOptions& options, const std::optional<KeepRules>& keep) {
    const auto pass = session.enter(Permission::backup_write);
    check_backup(options);
    if (options.include_rows) (void)session.enter(Permission::tenant_export);
    jobs::check_schedule(options.schedule, session.now());
    Json payload;
    payload.set("name", options.name).set("include_recordings", options.include_recordings).set("tags", tags_json(options.tags));
    payload.set("exclude", texts_json(kept("exclude", options.exclude)));
    set_limits(payload, options.limits);
    if (!options.erasable.empty()) payload.set("erasable", erasable_json(options.erasable));
    if (!options.include.empty()) payload.set("include", texts_json(options.include));
    if (options.include_rows) payload.set("rows", true);
    if (keep) payload.set("keep", keep_json(*keep));
    std::shared_ptr<void> stays;
    if (options.include_recordings) stays = hold_footage(*session.engine, session.scope.tenant(), session.engine->stopping.get_token());
    const auto job = scheduled({.kind = backup_kind, .payload = payload_text(payload, "exclude"), .unique_key = backup_kind}, options.schedule);
    constexpr int most_tries = 10;
    for (int tried = 1;; ++tried) {
        try {
            return enqueue_backup_job(session, "backup.start", job, true);
        } catch (const Conflict&) {
            const auto other = unended_backup(session);
            // None: it has ended meanwhile, or something else is in the way, which says itself what.
            if (!other && tried == most_tries) throw;
            if (!other) continue;
            // Of a process that was killed, say: it begins with what there is by then.
            if (other->state == JobState::ready && other->payload == job.payload && is_at_once(options.schedule)) return other->id;
            throw Conflict(std::string("a backup of this tenant ") + (other->state == JobState::running ? "is running" : "is waiting") +
                               " already: join, reschedule or cancel it",
                           {.subject = other->id.text()});
        }
    }
}

}  // namespace engine

Backups::Backups(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

BackupJob Backups::start(const BackupOptions& options) {
    const auto id = engine::start_backup(*impl_, options);
    return Internal::make<BackupJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::backup_kind}));
}

RestoreJob Backups::restore(const RestoreOptions& options) {
    const auto pass = impl_->enter(Permission::backup_restore);
    jobs::check_schedule(options.schedule, impl_->now());
    // Behind a lock nobody can look; the job will.
    if (!repositories(impl_).is_locked(impl_->scope.tenant())) (void)get(options.snapshot);
    const auto target = engine::restore_target(*impl_, options);
    Json payload;
    // The workspace is named by no path: it may lie elsewhere by the time the job runs, and need not be UTF-8.
    const bool is_elsewhere = target != impl_->workspace.root;
    payload.set("snapshot", options.snapshot.text()).set("target", is_elsewhere ? kept("target", target.string()) : "");
    payload.set("paths", engine::texts_json(kept("paths", options.paths)));
    payload.set("exclude", engine::texts_json(kept("exclude", options.exclude)));
    engine::set_limits(payload, options.limits);
    payload.set("salvage", options.salvage).set("delete_extra", options.delete_extra);
    const auto id =
        enqueue(*impl_, "backup.restore",
                scheduled({.kind = engine::restore_kind, .payload = payload_text(payload, "paths"), .cause = options.snapshot.text()},
                          options.schedule),
                {});
    return Internal::make<RestoreJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::restore_kind}));
}

CheckJob Backups::check(const CheckOptions& options) {
    const auto pass = impl_->enter(Permission::backup_read);
    if (options.level > CheckLevel::full) throw InvalidArgument("there is no such level of checking", {.subject = "level"});
    if (options.percent < 1 || options.percent > 100) throw InvalidArgument("must be 1 to 100", {.subject = "percent"});
    try {
        if (!options.against.empty()) (void)backup::read_checkpoint(options.against);
    } catch (const InvalidArgument& error) {
        throw InvalidArgument(error.what(), {.subject = "against"});
    }
    return Internal::make<CheckJob>(std::make_shared<JobImpl>(JobImpl{impl_, engine::start_check(*impl_, options, false), engine::check_kind}));
}

namespace {

BackupCheckpoint to_public(const backup::CheckpointResult& result) {
    const auto& note = *result.note;
    BackupCheckpoint taken{.number = static_cast<std::int64_t>(note.number), .made_at = note.made_at, .snapshots = note.snapshots,
                           .packs = note.packs, .record = note.record, .public_key = result.public_key};
    for (const auto& problem : result.problems) taken.accepted.push_back(problem.object + ": " + problem.message);
    return taken;
}

}  // namespace

BackupCheckpoint Backups::checkpoint() {
    const auto pass = impl_->enter(Permission::backup_write);
    const auto result =
        impl_->interruptible([&](const std::stop_token& stop) { return repositories(impl_).take_checkpoint(impl_->scope, {}, false, stop); });
    if (!result.note) {
        const auto more = result.problems.size() - 1;
        throw Corrupt("the repository was tampered with: " + result.problems.front().message +
                          (more > 0 ? "; and " + std::to_string(more) + " more, which a check lists" : ""),
                      {.subject = result.problems.front().object});
    }
    if (result.is_new) {
        engine::repository_charge::try_reconcile(*impl_->engine, impl_->scope);
        repositories(impl_).copy_later(impl_->scope);
    }
    return to_public(result);
}

BackupCheckpoint Backups::accept(const std::string& record) {
    const auto pass = impl_->enter(Permission::backup_keys);
    std::vector<std::string> also;
    if (!record.empty()) also.push_back(backup::read_checkpoint(record).record);
    return recorded(*impl_, "backup.accept", "", [&] {
        return impl_->interruptible(
            [&](const std::stop_token& stop) {
                auto taken = to_public(repositories(impl_).take_checkpoint(impl_->scope, also, true, stop));
                engine::repository_charge::try_reconcile(*impl_->engine, impl_->scope);
                repositories(impl_).copy_later(impl_->scope);
                return taken;
            });
    });
}

RepairJob Backups::repair(const RepairOptions& options) {
    const auto pass = impl_->enter(Permission::backup_write);
    if (options.level > CheckLevel::full) throw InvalidArgument("there is no such level of checking", {.subject = "level"});
    jobs::check_schedule(options.schedule, impl_->now());
    backup::check_limits(options.limits);
    Json payload;
    payload.set("level", static_cast<std::int64_t>(options.level)).set("reread", options.reread);
    engine::set_limits(payload, options.limits);
    const auto id =
        enqueue(*impl_, "backup.repair", scheduled({.kind = engine::repair_kind, .payload = base::to_json(payload)}, options.schedule), {});
    return Internal::make<RepairJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::repair_kind}));
}

PruneJob Backups::prune(const PruneOptions& options) {
    const auto pass = impl_->enter(Permission::backup_forget);
    if (options.unused_percent < 0 || options.unused_percent > 100)
        throw InvalidArgument("a share is 0 to 100 percent", {.subject = "unused_percent"});
    jobs::check_schedule(options.schedule, impl_->now());
    Json payload;
    payload.set("unused_percent", static_cast<std::int64_t>(options.unused_percent)).set("dry_run", options.dry_run);
    backup::check_limits(options.limits);
    engine::set_limits(payload, options.limits);
    const auto start = [&] {
        return enqueue(*impl_, "backup.prune", scheduled({.kind = engine::prune_kind, .payload = base::to_json(payload)}, options.schedule), {});
    };
    const auto id = [&] {
        try {
            return start();
        } catch (const NoSpace&) {
            // Not even for the job: this is what the reserve is for.
            if (!repositories(impl_).release_reserve()) throw;
            return start();
        }
    }();
    return Internal::make<PruneJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::prune_kind}));
}

std::vector<Snapshot> Backups::list(const SnapshotFilter& filter) const {
    const auto pass = impl_->enter(Permission::backup_read);
    std::vector<Snapshot> snapshots;
    const auto repository = repositories(impl_).find(impl_->scope);
    if (!repository) return snapshots;
    const auto infos = impl_->interruptible([&](const std::stop_token& stop) { return repository->list(stop); });
    for (const auto& info : infos) {
        if (filter.start && info.taken_at < *filter.start) continue;
        if (filter.end && info.taken_at >= *filter.end) continue;
        if (!filter.name.empty() && info.name != filter.name) continue;
        if (!has_all(info.tags, filter.tags)) continue;
        snapshots.push_back(engine::to_public(info));
    }
    return snapshots;
}

Snapshot Backups::get(const SnapshotId& id) const {
    if (auto snapshot = find(id)) return *std::move(snapshot);
    throw NotFound(no_snapshot(id), {.subject = id.text()});
}

std::optional<Snapshot> Backups::find(const SnapshotId& id) const {
    const auto pass = impl_->enter(Permission::backup_read);
    const auto repository = repositories(impl_).find(impl_->scope);
    const auto info = repository ? repository->find(id) : std::nullopt;
    return info ? std::optional(engine::to_public(*info)) : std::nullopt;
}

std::vector<FileEntry> Backups::browse(const BrowseOptions& options) const {
    const auto pass = impl_->enter(Permission::backup_read);
    const auto repository = repositories(impl_).find(impl_->scope);
    if (!repository) throw NotFound(no_snapshot(options.snapshot), {.subject = options.snapshot.text()});
    std::vector<FileEntry> entries;
    for (const auto& entry : repository->browse(options.snapshot, options.path))
        entries.push_back({.name = entry.name, .kind = kind_of(entry.kind), .size = {entry.size}, .modified_at = entry.modified_at,
                           .erased = entry.erased});
    return entries;
}

SnapshotDiff Backups::diff(const DiffOptions& options) const {
    const auto pass = impl_->enter(Permission::backup_read);
    if (options.limit < 0) throw InvalidArgument("a limit is not negative", {.subject = "limit"});
    const auto repository = repositories(impl_).find(impl_->scope);
    if (!repository) throw NotFound(no_snapshot(options.before), {.subject = options.before.text()});
    SnapshotDiff result;
    const auto keep = [&](const backup::EntryChange& change) {
        if (result.changes.size() >= static_cast<std::size_t>(options.limit)) return;
        result.changes.push_back({
            .path = change.path,
            .change = static_cast<ChangeKind>(change.change),
            .kind = kind_of(change.kind),
            .before = {change.before},
            .after = {change.after},
        });
    };
    const auto totals = impl_->interruptible(
        [&](const std::stop_token& stop) { return backup::diff(*repository, options.before, options.after, options.path, keep, stop); });
    result.added = totals.added;
    result.removed = totals.removed;
    result.modified = totals.modified;
    result.attributes = totals.attributes;
    result.bytes_added = {totals.bytes_added};
    result.bytes_removed = {totals.bytes_removed};
    return result;
}

std::optional<BackupJob> Backups::find_job(const JobId& id) const { return find_handle<BackupJob>(impl_, id, engine::backup_kind); }
std::optional<RestoreJob> Backups::find_restore(const JobId& id) const { return find_handle<RestoreJob>(impl_, id, engine::restore_kind); }
std::optional<CheckJob> Backups::find_check(const JobId& id) const { return find_handle<CheckJob>(impl_, id, engine::check_kind); }
std::optional<RepairJob> Backups::find_repair(const JobId& id) const { return find_handle<RepairJob>(impl_, id, engine::repair_kind); }
std::optional<PruneJob> Backups::find_prune(const JobId& id) const { return find_handle<PruneJob>(impl_, id, engine::prune_kind); }
std::optional<RekeyJob> Backups::find_rekey(const JobId& id) const { return find_handle<RekeyJob>(impl_, id, engine::rekey_kind); }
BackupKeys Backups::keys() const { return Internal::make<BackupKeys>(impl_); }
BackupDrills Backups::drills() const { return Internal::make<BackupDrills>(impl_); }
BackupSchedules Backups::schedules() const { return Internal::make<BackupSchedules>(impl_); }
BackupCopies Backups::copies() const { return Internal::make<BackupCopies>(impl_); }

Snapshot Backups::tag(const TagOptions& options) {
    const auto pass = impl_->enter(Permission::backup_write);
    check_tags(options.add);
    (void)get(options.snapshot);
    const auto change = [&](std::vector<Label>& tags) {
        const auto remove = [&](const std::string& key) { std::erase_if(tags, [&](const Label& tag) { return tag.key == key; }); };
        for (const auto& key : options.remove) remove(key);
        for (const auto& tag : options.add) {
            remove(tag.key);
            tags.push_back(tag);
        }
        check_tags(tags);
    };
    Json added = Json::object();
    for (const auto& tag : options.add) added.set(tag.key, tag.value);
    Json details;
    details.set("add", std::move(added)).set("remove", engine::texts_json(options.remove));
    const auto work = [&] { return engine::to_public(repositories(impl_).tag(impl_->scope, options.snapshot, change)); };
    return recorded(*impl_, "backup.tag", options.snapshot.text(), work, details);
}

Snapshot Backups::hold(const SnapshotId& id, const std::string& reason) {
    const auto pass = impl_->enter(Permission::backup_write);
    if (reason.empty()) throw InvalidArgument("say why it is held", {.subject = "reason"});
    base::check_text("reason", reason, 500);
    (void)get(id);
    const auto work = [&] { return engine::to_public(repositories(impl_).hold(impl_->scope, id, reason)); };
    return recorded(*impl_, "backup.hold", id.text(), work, Json::object().set("reason", reason));
}

Snapshot Backups::lift_hold(const SnapshotId& id, const std::string& reason) {
    const auto pass = impl_->enter(Permission::backup_forget);
    base::check_text("reason", reason, 500);
    if (get(id).held.empty()) throw Conflict("the snapshot is not held", {.subject = id.text()});
    const auto work = [&] { return engine::to_public(repositories(impl_).hold(impl_->scope, id, "")); };
    return recorded(*impl_, "backup.lift_hold", id.text(), work, Json::object().set("reason", reason));
}

ForgetResult Backups::forget(const ForgetOptions& options) {
    const auto pass = impl_->enter(Permission::backup_forget);
    const auto repository = repositories(impl_).find(impl_->scope);
    ForgetResult result;
    for (auto& verdict : engine::judge(repository.get(), options)) {
        ++(verdict.kept ? result.kept : result.forgotten);
        result.snapshots.push_back({.snapshot = engine::to_public(verdict.snapshot), .kept = verdict.kept, .reasons = std::move(verdict.reasons)});
    }
    if (options.dry_run || result.forgotten == 0) return result;
    std::vector<SnapshotId> ids;
    Json list = Json::array();
    for (const auto& verdict : result.snapshots) {
        if (verdict.kept) continue;
        ids.push_back(verdict.snapshot.id);
        list.push(verdict.snapshot.id.text());
    }
    Json details;
    details.set("snapshots", std::move(list)).set("kept", result.kept);
    const auto change = [&] { repositories(impl_).forget(impl_->scope, ids); };
    recorded(*impl_, "backup.forget", ids.size() == 1 ? ids.front().text() : options.name, change, details);
    return result;
}

}  // namespace tenon
