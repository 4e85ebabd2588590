// Copies of backups in other stores: the public face, and the jobs of Repositories that make them.
#include <tenon/copies.hpp>

#include <algorithm>

#include <backup/checkpoint.hpp>
#include <base/json.hpp>
#include <blob/file_store.hpp>
#include <tenant/audit.hpp>
#include <tenant/events.hpp>
#include <tenant/registry.hpp>

#include "backup_json.hpp"
#include "core.hpp"
#include "repositories.hpp"
#include "repository_charge.hpp"
#include "stores.hpp"

TENON_BEGIN

const char* to_string(CommitLevel level) noexcept {
    switch (level) {
        case CommitLevel::local: return "local";
        case CommitLevel::quorum: return "quorum";
        case CommitLevel::all: return "all";
    }
    return "unknown";
}

TENON_END

namespace tenon {

using base::Json;
using engine::Permission;

namespace {

CopyState state_of(const blob::StoreState& seen, Time now) {
    CopyState state;
    state.store = seen.name;
    state.is_allowed = seen.allowed;
    state.is_reached = seen.reached;
    state.is_whole = seen.whole;
    state.objects = seen.objects;
    state.size = {seen.bytes};
    state.behind_objects = seen.missing_objects;
    state.behind = {seen.missing_bytes};
    if (seen.reached) state.seen_at = now;
    if (seen.whole) state.whole_at = now;
    state.problem = seen.problem;
    return state;
}

/// In a job's result, where no row has the rest.
Json copy_state_json(const CopyState& state) {
    auto json = engine::stores::state_json(state);
    json.set("store", state.store);
    if (state.seen_at) json.set("seen_at", state.seen_at->time_since_epoch().count());
    if (state.whole_at) json.set("whole_at", state.whole_at->time_since_epoch().count());
    return json;
}

CopyState copy_state_from(const Json& json) {
    auto state = engine::stores::state_from(json.get_string("store"), json);
    if (json.find("seen_at")) state.seen_at = Time(Duration(json.get_int("seen_at")));
    if (json.find("whole_at")) state.whole_at = Time(Duration(json.get_int("whole_at")));
    return state;
}

/// Throws InvalidArgument, NotFound, PermissionDenied.
void check_store_names(const SessionImpl& session, const std::vector<std::string>& names) {
    const auto kept = engine::stores::read(session.engine->home);
    const auto region = session.engine->registry->standing(session.scope.tenant())->tenant.region;
    auto sorted = names;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) throw InvalidArgument("a store is named twice", {.subject = "stores"});
    for (const auto& name : names) {
        const auto found = std::find_if(kept.begin(), kept.end(), [&](const auto& each) { return each.store.name == name; });
        if (found == kept.end()) throw NotFound("there is no such store", {.subject = name});
        if (!engine::stores::may_hold(found->store, region))
            throw PermissionDenied("data of the region " + region + " must not lie in this store", {.subject = name});
    }
}

void check_own(const OperatorImpl& impl) {
    if (!impl.actor.partner.is_nil()) throw PermissionDenied("a partner's operator has no say in the home's stores", {.subject = "partner"});
}

void note_use(const OperatorImpl& impl, const char* action, const std::string& name, Json details = {}) {
    const auto at = impl.engine->now();
    impl.engine->database->write(impl.engine->registry->operators_scope(), [&](db::Tx& tx) {
        tenant::audit::append(tx, impl.actor, {.time = at, .action = action, .target = name, .details = std::move(details)});
    });
}

}  // namespace

// ---- the home's stores ----

BackupStores::BackupStores(std::shared_ptr<OperatorImpl> impl) : impl_(std::move(impl)) {}

BackupStore BackupStores::add(const BackupStoreOptions& options) {
    const auto pass = impl_->enter();
    check_own(*impl_);
    Json details;
    details.set("path", options.path.string()).set("regions", engine::texts_json(options.regions));
    auto store = engine::stores::add(*impl_->engine, options);
    note_use(*impl_, "backup_store.add", store.name, std::move(details));
    return store;
}

std::vector<BackupStore> BackupStores::list() const {
    const auto pass = impl_->enter();
    check_own(*impl_);
    note_use(*impl_, "backup_store.list", "");
    std::vector<BackupStore> all;
    for (auto& kept : engine::stores::read(impl_->engine->home)) all.push_back(std::move(kept.store));
    return all;
}

void BackupStores::remove(const std::string& name) {
    const auto pass = impl_->enter();
    check_own(*impl_);
    engine::stores::remove(*impl_->engine, name);
    note_use(*impl_, "backup_store.remove", name);
}

// ---- a tenant's copies ----

BackupCopies::BackupCopies(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

CopyPolicy BackupCopies::policy() const {
    const auto pass = impl_->enter(Permission::backup_read);
    return impl_->read([](db::Reader& reader) { return engine::stores::policy(reader); });
}

CopyPolicy BackupCopies::set_policy(const CopyPolicy& policy) {
    const auto pass = impl_->enter(Permission::backup_write);
    if (policy.level < CommitLevel::local || policy.level > CommitLevel::all) throw InvalidArgument("there is no such level", {.subject = "level"});
    check_store_names(*impl_, policy.stores);
    backup::check_limits(policy.limits);
    const auto at = impl_->now();
    return impl_->change("backup.copy_policy", "", [&](db::Tx& tx) {
        engine::stores::set_policy(tx, policy);
        Json details;
        details.set("level", to_string(policy.level)).set("stores", engine::texts_json(policy.stores));
        engine::set_limits(details, policy.limits);
        impl_->audit(tx, "backup.copy_policy", "", at, details);
        return policy;
    });
}

std::vector<CopyState> BackupCopies::list() const {
    const auto pass = impl_->enter(Permission::backup_read);
    return impl_->interruptible([&](const std::stop_token& stop) { return engine::repositories_of(*impl_->engine).copies(impl_->scope, stop); });
}

CopyJob BackupCopies::start(const CopyOptions& options) {
    const auto pass = impl_->enter(Permission::backup_write);
    check_store_names(*impl_, options.stores);
    jobs::check_schedule(options.schedule, impl_->now());
    Json payload;
    payload.set("stores", engine::texts_json(options.stores)).set("heal", options.heal).set("verify", options.verify);
    backup::check_limits(options.limits);
    engine::set_limits(payload, options.limits);
    jobs::NewJob job{.kind = engine::copy_kind, .payload = base::to_json(payload)};
    jobs::schedule(job, options.schedule);
    const auto at = impl_->now();
    const auto granted = impl_->granted();
    const auto id = impl_->change("backup.copy", "", [&](db::Tx& tx) {
        const auto [made, is_new, project] = engine::enqueue(*impl_, *granted, tx, job);
        if (is_new) impl_->audit(tx, "backup.copy", made.text(), at);
        return made;
    });
    return Internal::make<CopyJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::copy_kind}));
}

std::optional<CopyJob> BackupCopies::find_job(const JobId& id) const {
    const auto pass = impl_->enter(Permission::backup_read);
    if (!engine::find_job(*impl_, id, engine::copy_kind)) return std::nullopt;
    return Internal::make<CopyJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::copy_kind}));
}

CopyJob::CopyJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
CopyResult CopyJob::result() {
    const auto json = base::parse_json(engine::job_result(*impl_), {.max_size = 1 << 20}, "result");
    CopyResult result{.stores = {}, .copied_objects = json.get_int("copied_objects"), .copied = {json.get_int("copied_bytes")},
                      .removed_objects = json.get_int("removed"), .healed_objects = json.get_int("healed")};
    for (const auto& state : json.get_array("stores")) result.stores.push_back(copy_state_from(state));
    return result;
}

namespace engine {

namespace {

blob::ManyStores* many_stores(backup::Repository& repository) {
    auto* many = dynamic_cast<blob::ManyStores*>(repository.objects().get());
    return many && many->has_others() ? many : nullptr;
}

/// The pace of copying.
void keep_pace(blob::CatchUpRequest& request, const WorkLimits& limits, const std::shared_ptr<const base::Clock>& clock) {
    constexpr std::int64_t of_one_store = std::int64_t{16} << 20;  // pieces of 4 MiB on their way
    request.uploads = std::make_shared<exec::Throttle>(limits.upload_per_second.count, clock);
    request.downloads = std::make_shared<exec::Throttle>(limits.download_per_second.count, clock);
    request.at_once = static_cast<std::size_t>(limits.threads);
    if (limits.memory.count == 0) return;
    const auto fit = static_cast<std::size_t>(std::max<std::int64_t>(limits.memory.count / of_one_store, 1));
    request.at_once = request.at_once == 0 ? fit : std::min(request.at_once, fit);
}

void accept_ours(blob::CatchUpRequest& request, const backup::Repository& repository) {
    request.accept = [&repository](const std::string& name, base::ByteView bytes) { return repository.is_ours(name, bytes); };
    request.contradicts = [&repository](const std::string& name, base::ByteView bytes) {
        return backup::contradiction_of(repository, name, bytes, {});
    };
}

}  // namespace

/// Whoever listens is told once that a store fell behind, and once that it is whole again.
void Repositories::keep_states(const db::TenantScope& scope, const blob::CatchUpReport& report) {
    const auto now = engine_.now();
    const bool any_forked = std::ranges::any_of(report.others, &blob::StoreState::forked);
    const auto id = report.home.healed_objects > 0 || any_forked ? backup::Repository::id_of(*stores_of(scope.tenant()).objects) : std::string();
    engine_.database->write(scope, [&](db::Tx& tx) {
        const auto told = stores::told(tx);
        const auto before = stores::states(tx);
        const auto is_known = [&](const blob::StoreState& state) {
            return std::ranges::any_of(before, [&](const auto& each) { return each.store == state.name && each.problem == state.problem; });
        };
        Json forks = Json::array();
        for (const auto& other : report.others)
            if (other.forked && !is_known(other)) forks.push("store " + other.name + ": " + other.problem);
        if (const auto count = static_cast<std::int64_t>(forks.as_array().size()); count > 0) {
            Json data;
            data.set("problems", std::move(forks)).set("count", count);
            tenant::append_event(tx, {.kind = "backup.tampered", .at = now, .subject = id, .data = std::move(data)});
        }
        stores::keep_state(tx, state_of(report.home, now), false);
        if (report.home.healed_objects > 0) {
            Json data;
            data.set("objects", report.home.healed_objects);
            tenant::append_event(tx, {.kind = "backup.healed", .at = now, .subject = id, .data = data});
        }
        for (const auto& other : report.others) {
            const bool was_told = told.contains(other.name);
            const bool is_behind = !other.whole && other.allowed;
            stores::keep_state(tx, state_of(other, now), other.left ? was_told : is_behind);
            if (other.left || is_behind == was_told) continue;
            Json data;
            if (is_behind) data.set("problem", other.problem).set("objects", other.missing_objects).set("bytes", other.missing_bytes);
            const auto* kind = is_behind ? "backup.store_behind" : "backup.store_whole";
            tenant::append_event(tx, {.kind = kind, .at = now, .subject = other.name, .data = data});
        }
    });
}

void Repositories::reach_level(const jobs::Attempt& attempt, backup::Repository& repository) {
    catch_up_to_level(attempt.scope, repository, false, attempt.progress, attempt.stop);
}

void Repositories::follow_everywhere(const jobs::Attempt& attempt, backup::Repository& repository) {
    catch_up_to_level(attempt.scope, repository, true, attempt.progress, attempt.stop);
}

void Repositories::catch_up_to_level(const db::TenantScope& scope, backup::Repository& repository, bool everywhere, exec::ProgressSink& progress,
                                     const std::stop_token& stop) {
    auto* many = many_stores(repository);
    if (!many) return;
    const auto policy = engine_.database->read(scope, [](db::Reader& reader) { return stores::policy(reader); });
    const auto level = policy.level;
    const auto all = stores::others_of(engine_, scope);
    const auto others = std::count_if(all.begin(), all.end(), [](const auto& other) { return other.allowed; });
    const int needed = stores::needed(level, static_cast<int>(others));
    if (needed == 0 && !everywhere) return;
    blob::CatchUpRequest request{.share = 0, .enough = everywhere ? -1 : needed};
    accept_ours(request, repository);
    keep_pace(request, policy.limits, engine_.clock);
    const auto report = many->catch_up(request, progress, stop);
    keep_states(scope, report);
    if (report.whole() >= needed) return;
    std::string why;
    for (const auto& other : report.others)
        if (!other.whole && other.allowed) why += "; " + other.name + ": " + other.problem;
    throw Unavailable("the repository is in " + std::to_string(report.whole() + 1) + " of " + std::to_string(others + 1) + " stores, and " +
                          std::to_string(needed + 1) + " are wanted" + why,
                      {.subject = "stores", .retryable = true});
}

void Repositories::try_catch_up(const jobs::Attempt& attempt, backup::Repository& repository, blob::CatchUpRequest request) {
    auto* many = many_stores(repository);
    if (!many) return;
    request.share = 0;
    accept_ours(request, repository);
    keep_pace(request, engine_.database->read(attempt.scope, [](db::Reader& reader) { return stores::policy(reader); }).limits, engine_.clock);
    try {
        keep_states(attempt.scope, many->catch_up(request, attempt.progress, attempt.stop));
    } catch (const Cancelled&) {
        throw;
    } catch (const Error& error) {
        engine_.log->failure("backup", "other stores are caught up with the next job", error);
    }
}

std::int64_t Repositories::heal(const jobs::Attempt& attempt) {
    const auto tenant = attempt.scope.tenant();
    if (!exists(attempt.scope)) return 0;
    const auto many = many_of(tenant);
    if (!many->has_others()) return 0;
    const bool lost = many->is_lost(attempt.stop);
    const auto repository = open_at(tenant, lost ? many->elsewhere() : many);
    blob::CatchUpRequest request{.heal = true, .share = 0};
    accept_ours(request, *repository);
    keep_pace(request, engine_.database->read(attempt.scope, [](db::Reader& reader) { return stores::policy(reader); }).limits, engine_.clock);
    try {
        const auto report = many->catch_up(request, attempt.progress, attempt.stop);
        keep_states(attempt.scope, report);
        if (report.home.healed_objects > 0) opened_.forget(tenant);
        return report.home.healed_objects;
    } catch (const Cancelled&) {
        throw;
    } catch (const Error& error) {
        if (lost) throw;
        engine_.log->failure("backup", "what only other stores have is not brought back", error);
        return 0;
    }
}

void Repositories::copy_later(db::Tx& tx) {
    if (stores::read(engine_.home).empty()) return;
    Json payload;
    payload.set("stores", Json::array()).set("heal", false).set("verify", false);
    engine_.queue->enqueue(tx, {.kind = copy_kind, .payload = base::to_json(payload)});
}

void Repositories::copy_later(const db::TenantScope& scope) noexcept {
    try {
        if (stores::read(engine_.home).empty()) return;
        engine_.database->write(scope, [&](db::Tx& tx) { copy_later(tx); });
    } catch (const std::exception& error) {
        engine_.log->failure("backup", "other stores hear of it with the next job", error);
    }
}

std::vector<std::string> Repositories::forks_elsewhere(backup::Repository& repository, const std::stop_token& stop) {
    std::vector<std::string> records;
    auto* many = many_stores(repository);
    if (!many) return records;
    for (const auto& [name, bytes] : many->checkpoints_elsewhere(stop))
        if (!backup::contradiction_of(repository, name, bytes, stop).empty()) records.push_back(backup::record_in(repository, name, bytes));
    return records;
}

std::shared_ptr<backup::Repository> Repositories::open_elsewhere(const db::TenantScope& scope) {
    const auto many = many_of(scope.tenant());
    return many->has_others() ? open_at(scope.tenant(), many->elsewhere()) : nullptr;
}

std::vector<CopyState> Repositories::copies(const db::TenantScope& scope, const std::stop_token& stop) {
    const auto known = engine_.database->read(scope, [](db::Reader& reader) { return stores::states(reader); });
    const auto seen_before = [&](CopyState& state) {
        const auto found = std::find_if(known.begin(), known.end(), [&](const auto& before) { return before.store == state.store; });
        if (found == known.end()) return;
        if (!state.seen_at) state.seen_at = found->seen_at;
        if (!state.whole_at) state.whole_at = found->whole_at;
    };
    const auto others = stores::others_of(engine_, scope);
    const auto begin = engine_.now();
    blob::CatchUpReport report;
    try {
        blob::Patience patience;
        patience.last = std::chrono::seconds(2);
        const auto own = std::make_shared<blob::FileStore>(engine_.home.repository(scope.tenant()), engine_.clock);
        const auto looking = std::make_shared<blob::ManyStores>(own, others, engine_.clock, patience);
        if (!exists(scope)) throw NotFound("nothing was backed up yet");
        const bool lost = looking->is_lost(stop);
        const auto repository = open_at(scope.tenant(), lost ? looking->elsewhere() : looking);
        blob::CatchUpRequest request{.dry_run = true, .heal = lost};
        accept_ours(request, *repository);
        report = looking->catch_up(request, exec::no_progress(), stop);
    } catch (const Cancelled&) {
        throw;
    } catch (const Error& error) {
        // Nothing to look at yet, or nobody has the keys: what is known from before.
        report.home = {.name = "home", .problem = error.what()};
        for (const auto& other : others) report.others.push_back({.name = other.name, .allowed = other.allowed, .problem = error.what()});
    }
    std::vector<CopyState> states{state_of(report.home, begin)};
    for (const auto& other : report.others) states.push_back(state_of(other, begin));
    for (auto& state : stores::left_out(engine_, scope)) states.push_back(std::move(state));
    for (auto& state : states) seen_before(state);
    return states;
}

jobs::Outcome Repositories::copy(const jobs::Attempt& attempt) {
    await_key(attempt);
    const auto payload = base::parse_json(attempt.job.payload);
    const auto tenant = attempt.scope.tenant();
    if (!exists(attempt.scope)) throw NotFound("nothing was backed up yet, so there is nothing to copy: take a backup first");
    const auto many = many_of(tenant);
    const bool lost = many->is_lost(attempt.stop);
    const auto repository = open_at(tenant, lost ? many->elsewhere() : many);
    blob::CatchUpRequest request{.heal = payload.get_bool("heal"), .verify = payload.get_bool("verify"), .only = texts_from(payload, "stores")};
    accept_ours(request, *repository);
    const auto own = limits_from(payload);
    const auto policy = engine_.database->read(attempt.scope, [](db::Reader& reader) { return stores::policy(reader); });
    keep_pace(request, is_limited(own) ? own : policy.limits, engine_.clock);
    const auto report = many->catch_up(request, attempt.progress, attempt.stop);
    keep_states(attempt.scope, report);
    if (report.home.healed_objects > 0) {
        opened_.forget(tenant);
        repository_charge::try_reconcile(engine_, attempt.scope);
    }
    const auto now = engine_.now();
    auto total = report.home;
    Json states = Json::array();
    states.push(copy_state_json(state_of(report.home, now)));
    for (const auto& other : report.others) {
        states.push(copy_state_json(state_of(other, now)));
        total.copied_objects += other.copied_objects;
        total.copied_bytes += other.copied_bytes;
        total.removed_objects += other.removed_objects;
        total.healed_objects += other.healed_objects;
    }
    Json json;
    json.set("stores", std::move(states)).set("copied_objects", total.copied_objects).set("copied_bytes", total.copied_bytes);
    json.set("removed", total.removed_objects).set("healed", total.healed_objects);
    return {.result = base::to_json(json), .settle = {}};
}

}  // namespace engine
}  // namespace tenon
