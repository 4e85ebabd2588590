#include "repositories.hpp"

#include <algorithm>

#include <base/file.hpp>
#include <base/json.hpp>
#include <blob/file_store.hpp>
#include <nvr/segment.hpp>
#include <tenant/quota.hpp>
#include <tenant/usage.hpp>

#include "recordings_pause.hpp"
#include "restored.hpp"

namespace tenon::engine {

namespace quota = tenant::quota;
using base::Json;

namespace {

/// Of the slot that the home's own key opens.
constexpr const char* home_label = "home";

std::string label_of(const TenantId& tenant) { return "backup.key." + tenant.text(); }

constexpr db::TenantStmt find_charge{"SELECT charged FROM repository WHERE tenant_id = :tenant"};
constexpr db::TenantStmt first_charge{"INSERT INTO repository_ (tenant_id, charged) VALUES (:tenant, :charged)"};
constexpr db::TenantStmt add_charge{"UPDATE repository_ SET charged = charged + :bytes WHERE tenant_id = :tenant"};
constexpr db::TenantStmt erase_charge{"DELETE FROM repository_ WHERE tenant_id = :tenant"};

void charge(db::Tx& tx, std::int64_t bytes) {
    if (tx.exec(add_charge, bytes) == 0) tx.exec(first_charge, bytes);
}

/// Charges a backup's packs as they land. What the hold did not need is returned when the job ends.
class JobLedger final : public backup::Ledger {
public:
    JobLedger(EngineImpl& engine, const db::TenantScope& scope, const HoldId& hold) : engine_(engine), scope_(scope), hold_(hold) {}

    void reserve(std::int64_t bytes) override {
        const auto more = bytes - spare_;
        if (more > 0)
            engine_.database->write(scope_, [&](db::Tx& tx) { quota::extend(tx, hold_, {Resource::storage, more}, engine_.now()); });
        spare_ = std::max<std::int64_t>(0, -more);
    }
    void commit(std::int64_t bytes) noexcept override {
        try {
            engine_.database->write(scope_, [&](db::Tx& tx) {
                quota::spend(tx, hold_, {Resource::storage, bytes}, engine_.now());
                charge(tx, bytes);
            });
        } catch (const std::exception& error) {
            engine_.log->failure("backup", "a pack is not charged before the repository is weighed", error);
        }
    }
    void release(std::int64_t bytes) noexcept override { spare_ += bytes; }

private:
    EngineImpl& engine_;
    const db::TenantScope& scope_;
    const HoldId hold_;
    std::int64_t spare_ = 0;  // held and not needed: the next pack's
};

std::int64_t weight_of(const std::filesystem::path& folder) {
    std::int64_t total = 0;
    std::error_code error;
    for (auto entry = std::filesystem::recursive_directory_iterator(folder, error);
         !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
        std::error_code ignored;
        if (entry->is_regular_file(ignored)) {
            const auto size = entry->file_size(ignored);
            if (!ignored) total += static_cast<std::int64_t>(size);
        }
    }
    return total;
}

Json to_json(const backup::SnapshotInfo& info) {
    Json tags = Json::array();
    for (const auto& tag : info.tags) {
        Json pair = Json::array();
        pair.push(tag.key).push(tag.value);
        tags.push(std::move(pair));
    }
    Json json;
    json.set("id", info.id.text()).set("name", info.name).set("taken_at", info.taken_at.time_since_epoch().count());
    json.set("tags", std::move(tags)).set("files", info.files).set("bytes", info.bytes);
    if (info.cost) json.set("stored_bytes", info.cost->bytes_stored);
    return json;
}

Json to_json(const std::vector<std::string>& lines) {
    Json list = Json::array();
    for (const auto& line : lines) list.push(line);
    return list;
}

/// Absent in jobs of an older version.
std::vector<std::string> texts_of(const Json& json, std::string_view name) {
    std::vector<std::string> texts;
    if (const auto* list = json.find(name))
        for (const auto& text : list->as_array(name)) texts.push_back(text.as_string(name));
    return texts;
}

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

}  // namespace

std::vector<db::Migration> repository_migrations() {
    return {{"engine", 3, db::tenant_table("repository", "charged INTEGER NOT NULL", "PRIMARY KEY (tenant_id)")}};
}

std::string path_in_workspace(const nvr::rows::SegmentRow& row) {
    const auto& [camera, segment] = row;
    return "recordings/" + camera.text() + "/" + nvr::day_name(segment.day) + "/" + nvr::segment_name(segment.place.run, segment.place.number);
}

Snapshot to_public(const backup::SnapshotInfo& info) {
    return {.id = info.id, .name = info.name, .taken_at = info.taken_at, .tags = info.tags, .files = info.files, .size = {info.bytes},
            .stored = info.cost ? std::optional(Bytes{info.cost->bytes_stored}) : std::nullopt};
}

Repositories& repositories_of(EngineImpl& engine) { return static_cast<Repositories&>(*engine.repositories); }

void Repositories::prepare() {
    const auto give_up = [this](db::Tx& tx, const jobs::JobRow& job) {
        if (job.hold) quota::release(tx, *job.hold, engine_.now());
    };
    engine_.queue->add_kind(backup_kind, {.run = [this](const jobs::Attempt& attempt) { return back_up(attempt); }, .give_up = give_up});
    // One that was killed and then cancelled while it waited: nobody else cleans up behind it.
    const auto tidy_later = [this](db::Tx& tx, const jobs::JobRow& job) {
        tx.on_commit([this, tenant = job.tenant] {
            try {
                engine_.timers->after(Duration::zero(), [this, tenant] { try_tidy(tenant); });
            } catch (const Closed&) {
                // The next backup or restore does it.
            }
        });
    };
    engine_.queue->add_kind(restore_kind, {.run = [this](const jobs::Attempt& attempt) { return restore(attempt); }, .give_up = tidy_later});
    engine_.queue->add_kind(check_kind, {.run = [this](const jobs::Attempt& attempt) { return check(attempt); }});
}

void Repositories::erase(db::Tx& tx) {
    tx.exec(erase_charge);
    restored::erase(tx);
    opened_.forget(tx.scope().tenant());
}

std::shared_ptr<backup::Repository> Repositories::find(const db::TenantScope& scope) { return open(scope, false); }
std::shared_ptr<backup::Repository> Repositories::open(const db::TenantScope& scope) { return open(scope, true); }

Repositories::Stores Repositories::stores_of(const TenantId& tenant) const {
    return {std::make_shared<blob::FileStore>(engine_.home.repository(tenant), engine_.clock),
            std::make_shared<blob::FileStore>(engine_.home.vault(tenant), engine_.clock)};
}

/// Whether there is a repository. Throws Unavailable when there was one and it is not where it was: taking that for an
/// empty place would replace the keys that open it.
bool Repositories::exists(const db::TenantScope& scope) const {
    const auto folder = engine_.home.repository(scope.tenant());
    std::error_code ignored;
    if (std::filesystem::exists(folder, ignored) && backup::Repository::exists(*stores_of(scope.tenant()).objects)) return true;
    const bool was_made = engine_.database->read(scope, [](db::Reader& reader) { return reader.query(find_charge).next(); });
    if (was_made) throw Unavailable("the repository is not where it was made: is its disk there?", {.subject = folder.string()});
    return false;
}

std::shared_ptr<backup::Repository> Repositories::open(const db::TenantScope& scope, bool make) {
    return opened_.get(scope.tenant(), [&] { return open_now(scope, make); });
}

std::shared_ptr<backup::Repository> Repositories::open_now(const db::TenantScope& scope, bool make) {
    const auto tenant = scope.tenant();
    const bool there = exists(scope);
    if (!there && !make) return nullptr;
    const auto key_file = engine_.home.backup_key(tenant);
    if (!there) write_key(tenant, crypto::Secret::random(32).bytes());
    std::error_code ignored;
    if (!std::filesystem::exists(key_file, ignored))
        throw PermissionDenied("this home has no key to the repository: unlock it with a password",
                               {.subject = engine_.home.repository(tenant).string()});
    const auto secret = engine_.master->open(label_of(tenant), base::read_file(key_file, 4096));
    const auto key = backup::KeySource::key(secret.bytes());
    auto [objects, vault] = stores_of(tenant);
    const backup::RepositoryOptions options{.clock = engine_.clock};
    std::shared_ptr<backup::Repository> repository =
        there ? backup::Repository::open(objects, vault, key, options) : backup::Repository::create(objects, vault, key, home_label, options);
    if (!there) engine_.database->write(scope, [](db::Tx& tx) { charge(tx, 0); });
    return repository;
}

void Repositories::write_key(const TenantId& tenant, base::ByteView key) const {
    const auto file = engine_.home.backup_key(tenant);
    make_private_folder(file.parent_path());
    base::write_file_atomically(file, engine_.master->seal(label_of(tenant), key));
}

void Repositories::unlock(const db::TenantScope& scope, const std::string& password) {
    const auto tenant = scope.tenant();
    const auto given = backup::KeySource::password(password);
    opened_.replace(tenant, [&] {
        if (!exists(scope)) throw NotFound("nothing was backed up yet", {.subject = tenant.text()});
        auto [objects, vault] = stores_of(tenant);
        std::shared_ptr<backup::Repository> repository = backup::Repository::open(objects, vault, given, {.clock = engine_.clock});
        // The home gets a key of its own again, so that whoever opens it next needs no password.
        const auto secret = crypto::Secret::random(32);
        repository->add_slot(backup::KeySource::key(secret.bytes()), home_label);
        write_key(tenant, secret.bytes());
        return repository;
    });
}

void Repositories::remove_key(const db::TenantScope& scope, std::uint32_t number) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = scope.tenant().text()});
    // The newest of the home's slots is the one its key file fits; older ones are of keys that were lost.
    std::uint32_t home_slot = 0;
    for (const auto& slot : repository->slots())
        if (slot.kind == backup::KeySource::Kind::key_file && slot.label == home_label) home_slot = std::max(home_slot, slot.number);
    if (number == home_slot)
        throw Conflict("this is the key of this home: without it nothing could be backed up", {.subject = std::to_string(number)});
    repository->remove_slot(number);
}

backup::SnapshotInfo Repositories::tag(const db::TenantScope& scope, const SnapshotId& id, const std::vector<Label>& tags) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("there is no such snapshot", {.subject = id.text()});
    auto info = backup::set_tags(*repository, id, tags, engine_.stopping.get_token());
    try_reconcile(scope);
    return info;
}

void Repositories::forget(const db::TenantScope& scope, const std::vector<SnapshotId>& ids) {
    const auto repository = find(scope);
    if (!repository) throw NotFound("nothing was backed up yet", {.subject = scope.tenant().text()});
    backup::forget(*repository, ids, engine_.stopping.get_token());
    try_reconcile(scope);
}

std::vector<backup::Verdict> judge(backup::Repository* repository, const ForgetOptions& options) {
    auto infos = repository ? repository->list() : std::vector<backup::SnapshotInfo>{};
    if (!options.snapshots.empty()) {
        std::vector<backup::Verdict> verdicts;
        for (const auto& info : infos)
            if (std::find(options.snapshots.begin(), options.snapshots.end(), info.id) != options.snapshots.end()) verdicts.push_back({.snapshot = info});
        for (const auto& id : options.snapshots)
            if (std::none_of(infos.begin(), infos.end(), [&](const auto& info) { return info.id == id; }))
                throw NotFound("there is no such snapshot: " + id.text(), {.subject = id.text()});
        return verdicts;
    }
    if (!options.name.empty()) std::erase_if(infos, [&](const auto& info) { return info.name != options.name; });
    const auto& keep = options.keep;
    return backup::apply({.last = keep.last, .hourly = keep.hourly, .daily = keep.daily, .weekly = keep.weekly, .monthly = keep.monthly,
                          .yearly = keep.yearly, .within = keep.within, .tags = keep.tags, .utc_offset = keep.utc_offset},
                         std::move(infos));
}

backup::BackupRequest Repositories::request_of(const jobs::Attempt& attempt) {
    const auto payload = base::parse_json(attempt.job.payload);
    const auto workspace = engine_.workspace(attempt.scope.tenant());
    backup::BackupRequest request{.name = payload.get_string("name")};
    for (const auto& tag : payload.get_array("tags"))
        request.tags.push_back({tag.as_array("tags").at(0).as_string("tags"), tag.as_array("tags").at(1).as_string("tags")});
    request.exclude = texts_of(payload, "exclude");
    request.bytes_per_second = payload.int_or("per_second", 0);
    request.sources = {{"projects", workspace.root / "projects"}, {"exports", workspace.exports()}};
    if (!payload.get_bool("include_recordings")) return request;

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

void Repositories::reconcile(const db::TenantScope& scope) {
    const auto weight = weight_of(engine_.home.repository(scope.tenant()));
    try {
        engine_.database->write(scope, [&](db::Tx& tx) {
            std::int64_t charged = 0;
            {
                auto rows = tx.query(find_charge);
                if (rows.next()) charged = rows.i64(0);
            }
            if (weight > charged) quota::charge(tx, {Resource::storage, weight - charged}, engine_.now());
            if (weight < charged) quota::free(tx, {Resource::storage, charged - weight}, engine_.now());
            if (weight != charged) charge(tx, weight - charged);
        });
    } catch (const QuotaExceeded& error) {
        engine_.log->failure("backup", "the repository weighs more than its tenant's storage has room for", error);
    }
}

void Repositories::try_reconcile(const db::TenantScope& scope) noexcept {
    try {
        reconcile(scope);
    } catch (const std::exception& error) {
        engine_.log->failure("backup", "the repository is weighed again with the next backup", error);
    }
}

void Repositories::settle_restored(const db::TenantScope& scope) {
    const auto workspace = engine_.workspace(scope.tenant());
    std::error_code ignored;
    if (!std::filesystem::exists(workspace.root, ignored)) return;
    if (const auto lock = backup::TargetLock::try_acquire(workspace.root))
        restored::settle(*engine_.database, scope, workspace, {}, engine_.now());
}

void Repositories::tidy(const db::TenantScope& scope, const std::stop_token& stop) {
    const auto workspace = engine_.workspace(scope.tenant());
    const auto lock = backup::TargetLock::try_acquire(workspace.root);
    if (!lock) return;  // a restore is at work, which does the same
    for (const auto& folder : {workspace.root / "projects", workspace.exports(), workspace.recordings()}) backup::sweep_left_over(folder, stop);
    restored::settle(*engine_.database, scope, workspace, {}, engine_.now());
}

void Repositories::try_tidy(const TenantId& tenant) noexcept {
    try {
        tidy(engine_.scope_of(tenant), engine_.stopping.get_token());
    } catch (const Cancelled&) {
    } catch (const Closed&) {
        // The next backup or restore does it, as after any failure.
    } catch (const std::exception& error) {
        engine_.log->failure("backup", "a restore's leavings stay", error);
    }
}

jobs::Outcome Repositories::back_up(const jobs::Attempt& attempt) {
    const auto tenant = attempt.scope.tenant();
    engine_.workspace(tenant).make();
    tidy(attempt.scope, attempt.stop);
    const auto repository = open(attempt.scope);
    reconcile(attempt.scope);
    auto request = request_of(attempt);
    request.run = attempt.job.id.text();
    if (attempt.job.attempt > 1) {
        // The attempt before may have got as far as its snapshot and died, or lost the database, before the job's end.
        for (const auto& info : repository->list(attempt.stop)) {
            if (info.run != request.run) continue;
            const auto cost = info.cost.value_or(backup::SnapshotInfo::Cost{});
            return taken(attempt, {.snapshot = info, .files_new = cost.files_new, .files_unchanged = cost.files_unchanged,
                                   .bytes_read = cost.bytes_read, .bytes_new = cost.bytes_new, .bytes_stored = cost.bytes_stored});
        }
    }
    JobLedger ledger(engine_, attempt.scope, attempt.job.hold.value());
    const auto totals = repository->backup(request, ledger, attempt.progress, attempt.stop);
    try_reconcile(attempt.scope);  // the snapshot stands: that its weight is not booked yet is no failure of the backup
    return taken(attempt, totals);
}

/// What a backup that has its snapshot ends with.
jobs::Outcome Repositories::taken(const jobs::Attempt& attempt, const backup::BackupTotals& totals) {
    Json json;
    json.set("snapshot", to_json(totals.snapshot)).set("files_new", totals.files_new).set("files_unchanged", totals.files_unchanged);
    json.set("read", totals.bytes_read).set("deduplicated", totals.bytes_read - totals.bytes_new).set("stored", totals.bytes_stored);
    json.set("problems", to_json(lines_of(totals.problems)));
    return {.result = base::to_json(json), .settle = [this, job = attempt.job, stored = totals.bytes_stored](db::Tx& tx) {
                const auto at = engine_.now();
                quota::release(tx, job.hold.value(), at);
                tenant::usage::record(
                    tx,
                    {.source = "backup", .id = job.id.text(), .meter = "backup_bytes", .quantity = stored, .occurred_at = at},
                    at);
            }};
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
    const auto repository = open(scope, false);
    if (!repository) return false;
    const auto top = repository->browse(snapshot, "");
    return std::any_of(top.begin(), top.end(), [](const auto& entry) { return entry.name == "recordings"; });
}

jobs::Outcome Repositories::restore(const jobs::Attempt& attempt) {
    const auto payload = base::parse_json(attempt.job.payload);
    const auto repository = open(attempt.scope, false);
    if (!repository) throw NotFound("nothing was backed up yet");
    backup::RestoreRequest request{.target = payload.get_string("target"), .paths = {}, .exclude = texts_of(payload, "exclude"),
                                    .bytes_per_second = payload.int_or("per_second", 0), .overwrite = true};
    for (const auto& path : payload.get_array("paths")) request.paths.push_back(path.as_string("paths"));
    const auto snapshot = SnapshotId::parse(payload.get_string("snapshot"));
    std::shared_ptr<void> pause;
    if (restores_recordings(attempt.scope, snapshot, request.target, request.paths))
        pause = pause_recordings(engine_, attempt.scope, attempt.stop);
    const auto totals = restore_charged(attempt, *repository, snapshot, std::move(request));
    // Footage is charged with its segments from here on: the end of the pause takes them in.
    if (pause) restored::hand_over_footage(*engine_.database, attempt.scope, engine_.now());
    pause.reset();
    Json json;
    json.set("target", payload.get_string("target")).set("files", totals.files).set("written", totals.bytes_written);
    json.set("files_unchanged", totals.files_unchanged).set("problems", to_json(lines_of(totals.problems)));
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
    request.admit = [&](const std::vector<backup::RestoredFile>& files) {
        named = restored::admit(*engine_.database, attempt.scope, workspace, files, engine_.now());
    };
    const auto settle = [&]() -> std::vector<std::string> {
        // Another restore may have begun since this one's lock ended: it settles for both.
        const auto lock = backup::TargetLock::try_acquire(workspace.root);
        if (!lock) return {};
        return restored::settle(*engine_.database, attempt.scope, workspace, named, engine_.now());
    };
    backup::RestoreTotals totals;
    try {
        totals = repository.restore(snapshot, request, attempt.progress, attempt.stop);
    } catch (...) {
        try {
            settle();
        } catch (const std::exception& error) {
            engine_.log->failure("backup", "what a restore did not bring back is charged until the next backup or restore", error);
        }
        throw;
    }
    for (const auto& path : settle())
        totals.problems.push_back({path, Errc::quota_exceeded, "was removed meanwhile, and there is no room for it any more"});
    return totals;
}

jobs::Outcome Repositories::check(const jobs::Attempt& attempt) {
    const auto payload = base::parse_json(attempt.job.payload);
    const auto repository = open(attempt.scope, false);
    backup::CheckReport report;
    if (repository) report = repository->check(static_cast<backup::CheckDepth>(payload.get_int("level")), attempt.progress, attempt.stop);
    Json problems = Json::array();
    for (const auto& problem : report.problems) {
        if (problems.as_array().size() == most_lines) {
            problems.push("and " + std::to_string(report.problems.size() - most_lines) + " more");
            break;
        }
        std::string line = problem.object;
        if (problem.length > 0) line += " bytes " + std::to_string(problem.offset) + " to " + std::to_string(problem.offset + problem.length);
        problems.push(line + ": " + problem.message);
    }
    Json json;
    json.set("snapshots", report.snapshots).set("objects", report.objects).set("chunks", report.chunks).set("read", report.bytes_read);
    json.set("problems", std::move(problems));
    return {.result = base::to_json(json), .settle = {}};
}

std::unique_ptr<Part> make_repositories(EngineImpl& engine) { return std::make_unique<Repositories>(engine); }

}  // namespace tenon::engine
