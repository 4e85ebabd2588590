// The jobs of Repositories: what they are asked, what they do, what they end with.
#include "repositories.hpp"

#include <algorithm>
#include <functional>

#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/repair.hpp>
#include <base/json.hpp>
#include <nvr/segment.hpp>
#include <tenant/events.hpp>
#include <tenant/quota.hpp>
#include <tenant/usage.hpp>

#include "backup_json.hpp"
#include "backup_rows.hpp"
#include "check_rounds.hpp"
#include "recordings_pause.hpp"
#include "repository_charge.hpp"
#include "restored.hpp"

namespace tenon::engine {

namespace quota = tenant::quota;
using base::Json;

namespace {

/// A run over a broken disk must not fill the job's row.
constexpr std::size_t most_lines = 1000;

/// Problems as people read them.
std::vector<std::string> lines_of(const std::vector<backup::FileProblem>& problems) {
    std::vector<std::string> lines;
    for (const auto& problem : problems) {
        if (lines.size() == most_lines) {
            lines.push_back("and " + std::to_string(problems.size() - most_lines) + " more");
            break;
        }
        lines.push_back(problem.path + ": " + problem.message);
    }
    return lines;
}

std::int64_t repairable_of(const std::vector<backup::CheckProblem>& problems) {
    return std::count_if(problems.begin(), problems.end(), [](const auto& problem) { return problem.repairable; });
}

/// One that is damaged is done without once there is a newer one; where that must not be, none is taken.
bool has_checkpoint(const std::vector<backup::CheckProblem>& problems) {
    return std::any_of(problems.begin(), problems.end(), [](const auto& problem) { return problem.object.starts_with("checkpoint/"); });
}

constexpr std::size_t most_told = 10;

Json check_lines(const std::vector<backup::CheckProblem>& found, std::size_t most = most_lines) {
    Json problems = Json::array();
    for (const auto& problem : found) {
        if (problems.as_array().size() == most) {
            problems.push("and " + std::to_string(found.size() - most) + " more");
            break;
        }
        std::string line = problem.object;
        if (problem.length > 0) line += " bytes " + std::to_string(problem.offset) + " to " + std::to_string(problem.offset + problem.length);
        problems.push(line + ": " + problem.message + (problem.repairable ? " (can be repaired)" : ""));
    }
    return problems;
}

}  // namespace

std::shared_ptr<backup::Repository> within(std::shared_ptr<backup::Repository> repository, const WorkLimits& limits) {
    return repository && is_limited(limits) ? repository->within(limits) : repository;
}

template <class Work>
auto Repositories::with_newest_keys(const db::TenantScope& scope, const std::string& otherwise, const WorkLimits& limits, Work work) {
    constexpr int most_tries = 10;
    for (int tried = 1;; ++tried) {
        const auto repository = find(scope);
        if (!repository) throw NotFound(otherwise);
        try {
            return work(*within(repository, limits));
        } catch (const backup::KeysChanged&) {
            if (tried == most_tries) throw;
        }
    }
}

std::string path_in_workspace(const nvr::rows::SegmentRow& row) {
    const auto& [camera, segment] = row;
    return "recordings/" + camera.text() + "/" + nvr::day_name(segment.day) + "/" + nvr::segment_name(segment.place.run, segment.place.number);
}

backup::BackupRequest Repositories::request_of(const jobs::Attempt& attempt) {
    const auto payload = base::parse_json(attempt.job.payload);
    const auto workspace = engine_.workspace(attempt.scope.tenant());
    backup::BackupRequest request{.name = payload.get_string("name")};
    request.tags = tags_from(payload);
    request.exclude = texts_from(payload, "exclude");
    request.include = texts_from(payload, "include");
    for (auto& folder : erasable_from(payload)) request.classes.push_back({std::move(folder.path), std::move(folder.subject)});
    request.sources = {{"projects", workspace.root / "projects"}, {"exports", workspace.exports()}};
    const auto is_wanted = [&](const backup::Source& source) {
        const auto begins = [&](const std::string& path) {
            const auto from = std::min(path.find_first_not_of('/'), path.size());
            return path.compare(from, path.find('/', from) - from, source.name) == 0;
        };
        return request.include.empty() || std::any_of(request.include.begin(), request.include.end(), begins);
    };
    std::erase_if(request.sources, std::not_fn(is_wanted));
    if (!payload.get_bool("include_recordings") || !is_wanted({"recordings", {}})) return request;

    request.sources.push_back({"recordings", workspace.recordings()});
    // Footage that is still being written is left to the next backup.
    const auto closed = engine_.database->read(attempt.scope, [](db::Reader& reader) { return nvr::rows::closed_segments(reader); });
    std::vector<std::string> finished;
    for (const auto& row : closed) finished.push_back(path_in_workspace(row));
    std::sort(finished.begin(), finished.end());
    request.keep = [finished = std::move(finished)](const std::string& path) {
        return !path.starts_with("recordings/") || !path.ends_with(".mp4") || std::binary_search(finished.begin(), finished.end(), path);
    };
    return request;
}

jobs::Outcome Repositories::back_up(const jobs::Attempt& attempt) {
    const auto tenant = attempt.scope.tenant();
    await_key(attempt);
    engine_.workspace(tenant).make();
    tidy(attempt.scope, attempt.stop);
    auto request = request_of(attempt);
    const auto repository = with_classes(attempt.scope, request.classes, attempt.stop);
    refuse_tampered(attempt.scope, *repository, attempt.stop);
    repository_charge::reconcile(engine_, attempt.scope);
    request.run = attempt.job.id.text();
    std::optional<BackupRows> rows;
    if (attempt.job.attempt > 1) {
        // The attempt before may have got as far as its snapshot and died, or lost the database, before the job's end.
        for (const auto& info : repository->list(attempt.stop)) {
            if (info.run != request.run) continue;
            const auto cost = info.cost.value_or(backup::SnapshotInfo::Cost{});
            return taken(attempt, {.snapshot = info, .files_new = cost.files_new, .files_unchanged = cost.files_unchanged,
                                   .bytes_read = cost.bytes_read, .bytes_new = cost.bytes_new, .bytes_stored = cost.bytes_stored});
        }
    }
    if (base::parse_json(attempt.job.payload).bool_or("rows", false)) rows.emplace(engine_, attempt).join(request);
    repository_charge::JobLedger ledger(engine_, attempt.scope, attempt.job.hold.value());
    const auto limits = limits_from(base::parse_json(attempt.job.payload));
    auto totals = with_newest_keys(attempt.scope, "", {}, [&](backup::Repository&) {
        const auto mine = within(with_classes(attempt.scope, request.classes, attempt.stop), limits);
        return mine->backup(request, ledger, attempt.progress, attempt.stop);
    });
    keep_reserve();
    if (rows)
        for (const auto& problem : rows->problems()) totals.problems.push_back({rows_folder, Errc::conflict, problem});
    return taken(attempt, totals);
}

/// What a backup that has its snapshot ends with.
jobs::Outcome Repositories::taken(const jobs::Attempt& attempt, const backup::BackupTotals& totals) {
    note_state(attempt.scope);
    repository_charge::try_reconcile(engine_, attempt.scope);  // the snapshot stands: that its weight is not booked yet is no failure of the backup
    reach_level(attempt, *find(attempt.scope));
    const auto forgotten = forget_by_rules(attempt);
    Json json;
    if (forgotten.snapshots > 0) json.set("forgotten", forgotten.snapshots);
    if (!forgotten.problem.empty()) json.set("not_forgotten", forgotten.problem);
    json.set("snapshot", snapshot_json(to_public(totals.snapshot))).set("files_new", totals.files_new).set("files_unchanged", totals.files_unchanged);
    json.set("read", totals.bytes_read).set("deduplicated", totals.bytes_read - totals.bytes_new).set("stored", totals.bytes_stored);
    json.set("problems", texts_json(lines_of(totals.problems)));
    return {.result = base::to_json(json), .settle = [this, job = attempt.job, stored = totals.bytes_stored](db::Tx& tx) {
                const auto at = engine_.now();
                quota::release(tx, job.hold.value(), at);
                copy_later(tx);
                tenant::usage::record(
                    tx,
                    {.source = "backup", .id = job.id.text(), .meter = "backup_bytes", .quantity = stored, .occurred_at = at},
                    at);
            }};
}

/// The snapshot stands: that older ones could not be forgotten is no failure of the backup. The next one does it.
Repositories::Forgotten Repositories::forget_by_rules(const jobs::Attempt& attempt) noexcept {
    try {
        const auto payload = base::parse_json(attempt.job.payload);
        const auto* rules = payload.find("keep");
        if (!rules) return {};
        const auto repository = find(attempt.scope);
        std::vector<SnapshotId> ids;
        Json list = Json::array();
        for (const auto& verdict : judge(repository.get(), {.keep = keep_from(*rules), .name = payload.get_string("name")})) {
            if (verdict.kept) continue;
            ids.push_back(verdict.snapshot.id);
            list.push(verdict.snapshot.id.text());
        }
        if (ids.empty()) return {};
        engine_.database->write(attempt.scope, [&](db::Tx& tx) {
            tenant::refuse_under_legal_hold(tx, "forgotten");
            Json details;
            details.set("snapshots", list).set("job", attempt.job.id.text());
            const auto target = ids.size() == 1 ? ids.front().text() : payload.get_string("name");
            tenant::audit::append(tx, tenant::engine_actor("keep rules"),
                                  {.time = engine_.now(), .action = "backup.forget", .target = target, .details = std::move(details)});
        });
        forget(attempt.scope, ids);
        return {.snapshots = std::ssize(ids)};
    } catch (const std::exception& error) {
        engine_.log->failure("backup", "what the keep rules drop is not forgotten before the next backup", error);
        return {.problem = std::string("what the keep rules drop is not forgotten yet: ") + error.what()};
    }
}

/// Whether a restore puts footage where cameras record.
bool Repositories::restores_recordings(const db::TenantScope& scope, const SnapshotId& snapshot, const std::filesystem::path& target,
                                       const std::vector<std::string>& paths) {
    if (target != engine_.workspace(scope.tenant()).root) return false;
    const auto is_recordings = [](const std::string& path) {
        const auto clean = std::filesystem::path("/" + path).lexically_normal();
        return clean == "/" || *std::next(clean.begin()) == "recordings";
    };
    if (!paths.empty() && std::none_of(paths.begin(), paths.end(), is_recordings)) return false;
    const auto repository = find(scope);
    if (!repository) return false;
    const auto top = repository->browse(snapshot, "");
    return std::any_of(top.begin(), top.end(), [](const auto& entry) { return entry.name == "recordings"; });
}

jobs::Outcome Repositories::restore(const jobs::Attempt& attempt) {
    await_key(attempt);
    const auto payload = base::parse_json(attempt.job.payload);
    std::exception_ptr away;
    std::shared_ptr<backup::Repository> repository;
    try {
        repository = find(attempt.scope);
        if (!repository) throw NotFound("nothing was backed up yet");
    } catch (const Unavailable&) {
        away = std::current_exception();
    }
    if (away && !(repository = open_elsewhere(attempt.scope))) std::rethrow_exception(away);
    const auto target = payload.get_string("target");  // empty: the workspace, wherever it lies by now
    backup::RestoreRequest request{.target = target.empty() ? engine_.workspace(attempt.scope.tenant()).root : std::filesystem::path(target),
                                    .paths = {}, .exclude = texts_from(payload, "exclude"),
                                    .overwrite = true,
                                    .delete_extra = payload.bool_or("delete_extra", false),
                                    .salvage = payload.find("salvage") && payload.get_bool("salvage")};
    for (const auto& path : payload.get_array("paths")) request.paths.push_back(path.as_string("paths"));
    // Rows are for reading: they are no part of a workspace.
    if (target.empty()) request.exclude.push_back(std::string("/") + rows_folder);
    const auto snapshot = SnapshotId::parse(payload.get_string("snapshot"));
    const auto limits = limits_from(payload, Moves::down);
    try_look_at_past(attempt.scope, *repository);  // said, and no reason not to give back what is there
    std::shared_ptr<void> pause;
    if (restores_recordings(attempt.scope, snapshot, request.target, request.paths))
        pause = pause_recordings(engine_, attempt.scope, attempt.stop);
    const auto totals = [&] {
        try {
            try {
                return restore_charged(attempt, *within(repository, limits), snapshot, request);
            } catch (const Unavailable&) {
                // The home's own store stopped to answer: what was restored by then stays, the rest comes from the others.
                const auto others = away ? nullptr : open_elsewhere(attempt.scope);
                if (!others) throw;
                return restore_charged(attempt, *within(others, limits), snapshot, std::move(request));
            }
        } catch (const Corrupt&) {
            // The repository has kept what is damaged.
            repository_charge::try_reconcile(engine_, attempt.scope);
            throw;
        }
    }();
    // Footage is charged with its segments from here on: the end of the pause takes them in.
    if (pause) restored::hand_over_footage(*engine_.database, attempt.scope, engine_.now());
    pause.reset();
    Json json;
    json.set("target", target).set("files", totals.files).set("written", totals.bytes_written);
    json.set("files_unchanged", totals.files_unchanged).set("deleted", totals.deleted).set("problems", texts_json(lines_of(totals.problems)));
    Json damaged = Json::array();
    for (const auto& part : totals.damaged)
        if (damaged.as_array().size() < most_lines) damaged.push(damaged_json(snapshot, part.path, part.offset, part.length));
    json.set("damaged", std::move(damaged));
    return {.result = base::to_json(json), .settle = {}};
}

/// Into the workspace nothing is written that its tenant's storage has no room for.
backup::RestoreTotals Repositories::restore_charged(const jobs::Attempt& attempt, backup::Repository& repository,
                                                    const SnapshotId& snapshot, backup::RestoreRequest request) {
    const auto workspace = engine_.workspace(attempt.scope.tenant());
    if (request.target != workspace.root) return repository.restore(snapshot, request, attempt.progress, attempt.stop);
    workspace.make();
    tidy(attempt.scope, attempt.stop);
    std::vector<backup::RestoredFile> named;
    if (request.delete_extra) {
        engine_.database->read(attempt.scope, [](db::Reader& reader) { tenant::refuse_under_legal_hold(reader, "deleted"); });
        request.may_delete = restored::deletions(*engine_.database, attempt.scope);
    }
    // Both are called by who has the workspace's lock. What another attempt has left is still to be swept, so its mark is nobody's to take away.
    const auto mark = engine_.home.restoring(attempt.scope.tenant());
    const auto mine = attempt.job.id.text();
    request.admit = [&](const std::vector<backup::RestoredFile>& files) {
        make_private_folder(mark.parent_path());
        base::write_file_atomically(mark, base::view_of(std::filesystem::exists(mark) ? std::string() : mine));
        named = restored::admit(*engine_.database, attempt.scope, workspace, attempt.job.id, files, engine_.now());
    };
    const auto settle = [&](bool is_done) -> std::vector<std::string> {
        // Another restore may have begun since this one's lock ended: it settles for both.
        const auto lock = backup::TargetLock::try_acquire(workspace.root);
        if (!lock) return {};
        if (is_done && std::filesystem::exists(mark) && base::text_of(base::read_file(mark, mine.size())) == mine) std::filesystem::remove(mark);
        return restored::settle(*engine_.database, attempt.scope, workspace, named, engine_.now());
    };
    backup::RestoreTotals totals;
    try {
        totals = repository.restore(snapshot, request, attempt.progress, attempt.stop);
    } catch (...) {
        try {
            settle(false);
        } catch (const std::exception& error) {
            engine_.log->failure("backup", "what a restore did not bring back is charged until the next backup or restore", error);
        }
        throw;
    }
    for (const auto& path : settle(true))
        totals.problems.push_back({path, Errc::quota_exceeded, "was removed meanwhile, and there is no room for it any more"});
    return totals;
}

jobs::Outcome Repositories::check(const jobs::Attempt& attempt) {
    await_key(attempt);
    const auto payload = base::parse_json(attempt.job.payload);
    const auto repository = find(attempt.scope);
    if (!repository) throw NotFound("nothing was backed up yet, so there is nothing to check: take a backup first");
    (void)look_at_past(attempt.scope, *repository, attempt.stop);
    auto known = known_records(attempt.scope);
    if (const auto* against = payload.find("against")) known.push_back(against->as_string("against"));
    const auto level = static_cast<CheckLevel>(payload.get_int("level"));
    const auto limits = limits_from(payload);
    const auto began = engine_.now();
    const auto round = engine_.database->read(attempt.scope, [&](db::Reader& reader) { return check_rounds::find(reader, level); });
    backup::CheckShare share{.percent = static_cast<std::int32_t>(payload.int_or("percent", 100))};
    if (round && share.percent < 100) share.after = round->after;
    const auto report =
        within(repository, limits)->check(static_cast<backup::CheckDepth>(level), attempt.progress, attempt.stop, false, known, share);
    const auto tampered = tell_damage(attempt.scope, report.problems);
    if (has_checkpoint(report.problems)) note_state(attempt.scope);
    if (report.bytes_written > 0) repository_charge::try_reconcile(engine_, attempt.scope);
    Json json;
    json.set("snapshots", report.snapshots).set("objects", report.objects).set("chunks", report.chunks).set("read", report.bytes_read);
    json.set("problems", check_lines(report.problems)).set("unused", report.bytes_unused).set("under_old_keys", report.bytes_under_old_keys);
    json.set("repairable", repairable_of(report.problems));
    json.set("tampered", tampered).set("unprotected", report.unprotected);
    std::optional<check_rounds::Round> next;
    if (level > CheckLevel::structure) {
        next = check_rounds::after_check(round, report.last_pack, report.came_round, share.percent == 100, began);
        if (next->since) json.set("read_since", next->since->time_since_epoch().count());
    }
    const bool repairs = payload.bool_or("repairs", false) && tampered < std::ssize(report.problems);
    return {.result = base::to_json(json), .settle = [this, level, next, repairs, limits](db::Tx& tx) {
                if (next) check_rounds::keep(tx, level, *next);
                if (!repairs) return;
                Json wanted;
                wanted.set("level", static_cast<std::int64_t>(level)).set("reread", true);
                set_limits(wanted, limits);
                engine_.queue->enqueue(tx, {.kind = repair_kind, .payload = base::to_json(wanted)});
            }};
}

std::vector<std::string> Repositories::known_records(const db::TenantScope& scope) const {
    const auto mine = known_checkpoint(scope);
    if (!mine || mine->record.empty()) return {};
    return {mine->record};
}

/// What was tampered with has an event of its own, once; all else has one each time that somebody looks. Returns how much there is of the
/// first kind.
std::int64_t Repositories::tell_damage(const db::TenantScope& scope, const std::vector<backup::CheckProblem>& problems) {
    std::vector<backup::CheckProblem> tampered, damaged;
    for (const auto& problem : problems) (problem.tampered ? tampered : damaged).push_back(problem);
    if (!tampered.empty()) tell_tampered(scope, tampered);
    if (!damaged.empty()) {
        Json data;
        data.set("problems", check_lines(damaged, most_told)).set("count", std::ssize(damaged)).set("repairable", repairable_of(damaged));
        tell(scope, "backup.damaged", std::move(data));
    }
    return std::ssize(tampered);
}

void Repositories::tell(const db::TenantScope& scope, const std::string& kind, Json data) {
    const auto id = backup::Repository::id_of(*stores_of(scope.tenant()).objects);
    engine_.database->write(scope, [&](db::Tx& tx) {
        tenant::append_event(tx, {.kind = kind, .at = engine_.now(), .subject = id, .data = std::move(data)});
    });
}

jobs::Outcome Repositories::repair(const jobs::Attempt& attempt) {
    await_key(attempt);
    const auto payload = base::parse_json(attempt.job.payload);
    const auto limits = limits_from(payload);
    const backup::RepairRequest request{.depth = static_cast<backup::CheckDepth>(payload.get_int("level")),
                                        .reread = payload.get_bool("reread"),
                                        .known = known_records(attempt.scope)};
    std::int64_t repaired = 0;
    const auto totals = [&] {
        try {
            // What is not there at all is named by nothing: it is looked for in the other stores first.
            repaired = heal(attempt);
            return with_newest_keys(attempt.scope, "nothing was backed up yet, so there is nothing to repair", limits, [&](auto& repository) {
                (void)look_at_past(attempt.scope, repository, attempt.stop);
                return backup::repair(repository, request, attempt.progress, attempt.stop);
            });
        } catch (...) {
            repository_charge::try_reconcile(engine_, attempt.scope);
            throw;
        }
    }();
    repaired += totals.check.mended;
    if (totals.bytes_reread + totals.bytes_moved > 0 || has_checkpoint(totals.check.problems)) note_state(attempt.scope);
    repository_charge::try_reconcile(engine_, attempt.scope);
    (void)tell_damage(attempt.scope, totals.check.problems);
    Json damaged = Json::array();
    for (const auto& lost : totals.lost)
        if (damaged.as_array().size() < most_lines) damaged.push(damaged_json(lost.snapshot, lost.path, lost.offset, lost.length));
    Json json;
    json.set("objects", totals.check.objects).set("read", totals.check.bytes_read).set("repaired", repaired);
    json.set("protected_again", totals.check.protected_again).set("reread", totals.bytes_reread).set("damaged", std::move(damaged));
    if (repaired > 0 || totals.bytes_reread > 0 || !totals.lost.empty()) {
        Json data;
        data.set("repaired", repaired).set("reread", totals.bytes_reread).set("lost", std::ssize(totals.lost));
        tell(attempt.scope, "backup.repaired", std::move(data));
    }
    json.set("problems", check_lines(totals.check.problems));
    return {.result = base::to_json(json), .settle = {}};
}

jobs::Outcome Repositories::prune(const jobs::Attempt& attempt) {
    await_key(attempt);
    const auto payload = base::parse_json(attempt.job.payload);
    const auto limits = limits_from(payload);
    repository_charge::try_reconcile(engine_, attempt.scope);
    // A snapshot that only another store has still needs its packs.
    if (const auto repository = payload.get_bool("dry_run") ? nullptr : find(attempt.scope)) try_catch_up(attempt, *repository, {.heal = true});
    backup::PruneRequest request{.unused_percent = static_cast<std::int32_t>(payload.get_int("unused_percent")),
                                 .dry_run = payload.get_bool("dry_run")};
    request.release_space = [this] { return release_reserve(); };
    auto totals = [&] {
        try {
            return with_newest_keys(attempt.scope, "nothing was backed up yet, so there is nothing to give back", limits, [&](auto& repository) {
                refuse_tampered(attempt.scope, repository, attempt.stop);
                return backup::prune(repository, request, attempt.progress, attempt.stop);
            });
        } catch (...) {
            // What it came to is done, however it ended.
            repository_charge::try_reconcile(engine_, attempt.scope);
            throw;
        }
    }();
    if (!request.dry_run) totals.bytes_freed -= note_state(attempt.scope);
    repository_charge::try_reconcile(engine_, attempt.scope);
    keep_reserve();
    if (const auto repository = request.dry_run ? nullptr : find(attempt.scope)) try_catch_up(attempt, *repository, {});
    std::vector<backup::FileProblem> problems;
    for (const auto& problem : totals.problems) problems.push_back({problem.object, Errc::corrupt, problem.message});
    Json json;
    json.set("snapshots", totals.snapshots_removed).set("packs_removed", totals.packs_removed).set("packs_rewritten", totals.packs_rewritten);
    json.set("freed", totals.bytes_freed).set("rewritten", totals.bytes_rewritten).set("unused", totals.bytes_unused);
    json.set("problems", texts_json(lines_of(problems)));
    return {.result = base::to_json(json), .settle = {}};
}

jobs::Outcome Repositories::rekey(const jobs::Attempt& attempt) {
    await_key(attempt);
    const auto payload = base::parse_json(attempt.job.payload);
    const auto limits = limits_from(payload);
    repository_charge::try_reconcile(engine_, attempt.scope);
    backup::RekeyRequest request;
    request.release_space = [this] { return release_reserve(); };
    request.with_keys = [&](const std::function<void()>& work) {
        const auto alone = lock(attempt.scope.tenant(), attempt.stop);
        work();
    };
    const auto totals = [&] {
        try {
            return with_newest_keys(attempt.scope, "nothing was backed up yet, so there is nothing to write anew", limits, [&](auto& repository) {
                refuse_tampered(attempt.scope, repository, attempt.stop);
                request.before_retiring = [&] { follow_everywhere(attempt, repository); };
                return backup::rekey(repository, request, attempt.progress, attempt.stop);
            });
        } catch (...) {
            repository_charge::try_reconcile(engine_, attempt.scope);
            throw;
        }
    }();
    note_state(attempt.scope);
    repository_charge::try_reconcile(engine_, attempt.scope);
    keep_reserve();
    if (totals.is_done) opened_.forget(attempt.scope.tenant());  // what is open still has the keys that were retired
    std::vector<backup::FileProblem> problems;
    for (const auto& problem : totals.problems) problems.push_back({problem.object, Errc::corrupt, problem.message});
    Json json;
    json.set("packs", totals.packs).set("objects", totals.objects).set("rewritten", totals.bytes_rewritten).set("left", totals.bytes_left);
    json.set("revoked", totals.is_done).set("problems", texts_json(lines_of(problems)));
    Json data;
    data.set("job", attempt.job.id.text()).set("rewritten", totals.bytes_rewritten).set("left", totals.bytes_left).set("revoked", totals.is_done);
    const auto id = backup::Repository::id_of(*stores_of(attempt.scope.tenant()).objects);
    return {.result = base::to_json(json), .settle = [this, id, data = std::move(data)](db::Tx& tx) {
                tenant::append_event(tx, {.kind = "backup.rekeyed", .at = engine_.now(), .subject = id, .data = data});
                copy_later(tx);
            }};
}

}  // namespace tenon::engine
