// What the engine does unasked: it takes back what killed processes left, ends tenants whose undo window has passed and
// removes files that nothing names.

#include <algorithm>
#include <utility>

#include <base/file.hpp>
#include <exec/wait.hpp>
#include <tenant/lease.hpp>
#include <tenant/logins.hpp>
#include <tenant/quota.hpp>
#include <tenant/usage.hpp>

#include "asset_rows.hpp"
#include "core.hpp"
#include "doomed.hpp"
#include "erasure.hpp"
#include "export_rows.hpp"
#include "import_recovery.hpp"
#include "leases.hpp"
#include "repositories.hpp"
#include "stores.hpp"
#include "takeout.hpp"
#include "watches.hpp"

namespace tenon {
namespace {

constexpr std::string_view housekeeping_room = "engine";
constexpr Duration sweep_interval = std::chrono::minutes(1);
constexpr Duration events_interval = std::chrono::minutes(10);  // a look at every tenant
constexpr Duration usage_portion = std::chrono::seconds(1);
constexpr Duration log_retry = std::chrono::seconds(3);            // somebody read or wrote
constexpr Duration idle_deadline = std::chrono::seconds(15);

[[noreturn]] void refuse_busy(const TenantId& id) {
    throw Unavailable("work of the tenant is still ending: it is erased as soon as that has stopped", {.subject = id.text()});
}

bool has_import(db::SystemReader& reader, const TenantId& id) {
    const auto imports = tenant::quota::causes(reader, tenant::quota::CauseKind::upload);
    return std::any_of(imports.begin(), imports.end(), [&](const auto& import) { return import.first == id; });
}

}  // namespace

void EngineImpl::recover_holds() {
    const auto is_live = [this](const TenantId& id, const tenant::quota::Cause& cause) {
        switch (cause.kind) {
            case tenant::quota::CauseKind::upload: return import_lives(id, cause);
            case tenant::quota::CauseKind::job: {
                const auto job = queue->find(scope_of(id), JobId::parse(cause.id));
                return job && !jobs::has_ended(job->state);
            }
            case tenant::quota::CauseKind::camera:  // its recorder settles it
            case tenant::quota::CauseKind::none: return true;
        }
        return true;
    };
    // A workspace that cannot be reached, on a disk that is not mounted, keeps its own holds and nobody else waiting.
    const auto is_live_or_unknown = [&](const TenantId& id, const tenant::quota::Cause& cause) {
        try {
            return is_live(id, cause);
        } catch (const Closed&) {
            throw;
        } catch (const Error& error) {
            log->warning(housekeeping_room, "whether a hold is still needed cannot be said yet",
                         {{"tenant", id.text()}, {"error", error.what()}, {"subject", error.subject()}});
            return true;
        }
    };
    const auto returned = tenant::quota::recover(
        *database, system, [this](const TenantId& id) { return scope_of(id); }, is_live_or_unknown, now());
    if (returned > 0) log->warning(housekeeping_room, "returned holds of work that a process left behind", {{"holds", returned}});
}

bool EngineImpl::import_lives(const TenantId& id, const tenant::quota::Cause& cause) {
    return engine::import_lives(workspace(id), cause, [&](const AssetId& asset) {
        return database->read(scope_of(id), [&](db::Reader& reader) {
            return engine::asset_rows::find(reader, asset, workspace(id)).has_value();
        });
    });
}

void EngineImpl::schedule_sweep(Duration delay) {
    timers->after(delay, [this] {
        try {
            sweep();
        } catch (const Closed&) {
            return;
        } catch (const std::exception& error) {
            log->failure(housekeeping_room, "the sweep failed", error);
        }
        try {
            schedule_sweep(sweep_interval);
        } catch (const Closed&) {
        }
    });
}

/// What fails is written down and keeps nothing after it from being done.
void EngineImpl::sweep() {
    const auto step = [this](std::string_view failure, const auto& work) {
        try {
            work();
        } catch (const Closed&) {
            throw;
        } catch (const std::exception& error) {
            log->failure(housekeeping_room, failure, error);
        }
    };
    // Also of an import that could not return its own, for want of room.
    step("holds of work that has died are not returned yet", [this] { recover_holds(); });
    step("holds are not expired yet", [this] {
        tenant::quota::expire(
            *database, system, [this](const TenantId& id) { return scope_of(id); }, now());
    });
    step("leases of processes that were killed are not returned yet", [this] { leases->recover(*this); });
    step("leases are not expired yet", [this] {
        tenant::lease::expire(
            *database, system, [this](const TenantId& id) { return scope_of(id); }, now());
    });
    step("planned changes of plan are not written down yet", [this] {
        while (registry->settle_plans() > 0 && !stopping.stop_requested()) continue;
    });
    step("what runs of trials that are over is not stopped yet", [this] { halt_lapsed_trials(); });
    step("tenants are not erased yet", [&] {
        for (const auto& id : registry->due_for_erasure()) step("a tenant is not erased yet", [&] { erase(id); });
    });
    step("files that nothing names are not removed yet", [this] { sweep_doomed(); });
    step("what ended jobs left is not removed yet", [this] {
        if (!std::exchange(temp_swept, true)) sweep_temp();
    });
    step("what is kept no longer is not removed yet", [this] { forget_old(); });
    step("usage is not compared with its events yet", [this] { check_usage(); });
    step("the audit trail is not pruned yet", [this] { prune_audit(); });
    step("the audit trail does not tell of all refusals yet", [this] { refusals->settle(); });
    step("the audit trail has no new checkpoint yet", [this] { seal_audit(); });
    step("the database's log is not emptied yet", [this] { empty_log(); });
}

struct EngineImpl::UsageChecked {
    TenantId tenant{};
    db::TenantScope scope;
    tenant::usage::Verifier verifier;
};

/// Each night, tenant by tenant, a second of each sweep, so that nothing else waits for it. A kill begins a tenant again.
void EngineImpl::check_usage() {
    const auto begun = clock->monotonic();
    const auto has_time = [&] { return !stopping.stop_requested() && clock->monotonic() - begun < usage_portion; };
    auto checked = std::exchange(usage_checked, nullptr);  // who fails is met again when his claim lapses
    while (has_time()) {
        if (!checked) {
            const auto due = database->read(system, [&](db::SystemReader& reader) { return tenant::usage::due_for_check(reader, now()); });
            if (!due) return;
            const auto scope = scope_of(*due);
            if (!database->write(scope, [&](db::Tx& tx) { return tenant::usage::begin_check(tx, now()); })) continue;
            checked = std::make_shared<UsageChecked>(UsageChecked{*due, scope, tenant::usage::Verifier(*database, scope)});
        }
        if (checked->verifier.step()) continue;
        const auto check = std::move(checked->verifier).result();
        database->write(checked->scope, [&](db::Tx& tx) { tenant::usage::end_check(tx, check, now()); });
        if (check.different > 0)
            log->warning(housekeeping_room, "sums of usage are not what its events add up to",
                         {{"tenant", checked->tenant.text()}, {"different", check.different}, {"events", check.events}});
        checked.reset();
    }
    usage_checked = std::move(checked);
}

/// What was sealed or removed is not to stand in the database's log any more.
void EngineImpl::empty_log() {
    if (!log_to_empty.exchange(false) || database->empty_log()) return;
    log_to_empty = true;
    timers->after(log_retry, [this] {
        try {
            empty_log();
        } catch (const Closed&) {
            // The end of the last process that has the home open empties it.
        }
    });
}

/// Jobs that ended and events, by portions: one sweep of a home that was away for long ends all the same.
void EngineImpl::forget_old() {
    constexpr std::int32_t portion = 200;
    constexpr int portions = 50;
    for (int i = 0; i < portions && !stopping.stop_requested(); ++i) {
        if (!database->read(system, [&](db::SystemReader& reader) { return jobs::any_to_forget(reader, now()); })) break;
        database->write(system, [&](db::SystemTx& tx) { return jobs::forget_ended(tx, now(), portion); });
    }
    for (int i = 0; i < portions && !stopping.stop_requested(); ++i) {
        if (!database->read(system, [&](db::SystemReader& reader) { return tenant::access::logins::any_expired(reader, now()); })) break;
        database->write(system, [&](db::SystemTx& tx) { tenant::access::logins::forget_expired(tx, now(), portion); });
    }
    if (events_swept_at && clock->monotonic() - *events_swept_at < events_interval) return;
    const auto owners = database->read(system, [&](db::SystemReader& reader) { return tenant::tenants_with_old_events(reader, now(), portion); });
    bool all = static_cast<std::int32_t>(owners.size()) < portion;
    int left = portions;
    for (const auto& owner : owners) {
        while (left > 0 && !stopping.stop_requested() &&
               database->write(system, [&](db::SystemTx& tx) { return tenant::forget_events(tx, owner, now()); }) > 0)
            --left;
        all = all && left > 0;
    }
    if (all) events_swept_at = clock->monotonic();
}

void EngineImpl::sweep_doomed() {
    engine::stores::forget_erased(*this);
    for (const auto& id : engine::doomed::tenants(*database, system)) {
        if (stopping.stop_requested()) return;
        remove_doomed(id);
    }
}

void EngineImpl::remove_doomed(const TenantId& id) noexcept {
    try {
        if (const auto error = engine::doomed::sweep(*database, scope_of(id), workspace(id)))
            log->warning(housekeeping_room, "files that nothing names cannot be removed yet", {{"tenant", id.text()}, {"error", error.message()}});
        engine::repositories_of(*this).settle_restored(scope_of(id));  // with a project go the files that were restored into it
    } catch (const Closed&) {
        // Swept when the home is opened again.
    } catch (const std::exception& error) {
        log->failure(housekeeping_room, "files that nothing names are not removed yet", error);
    }
}

void EngineImpl::remove_doomed_later(db::Tx& tx, const TenantId& id) {
    tx.on_commit([this, id] {
        try {
            timers->after(Duration::zero(), [this, id] { remove_doomed(id); });
        } catch (const Closed&) {
            // Swept when the home is opened again.
        }
    });
}

std::shared_ptr<const tenant::Standing> EngineImpl::standing_named(const std::string& id) const {
    try {
        return registry->find_standing(TenantId::parse(id));
    } catch (const InvalidArgument&) {
        return nullptr;  // a folder of somebody else's
    }
}

/// Removes what jobs left in temp that have ended since, as a kill between the end and the removal would, and the marks of
/// imports that nobody makes any more; and what a call that was under way made for a tenant that is erased.
void EngineImpl::sweep_temp() {
    std::error_code error;
    for (const auto& workspace : std::filesystem::directory_iterator(home.root / "workspaces", error)) {
        if (stopping.stop_requested()) return;
        const auto standing = standing_named(workspace.path().filename().string());
        if (!standing) continue;
        if (standing->tenant.state == TenantState::erased) {
            remove_files(standing->tenant.id);
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(workspace.path() / "temp", error)) {
            try {
                if (entry.path().extension() == engine::import_mark_ending) {
                    engine::remove_dead_mark(entry.path());
                    continue;
                }
                const auto job = JobId::parse(entry.path().stem().string());
                const auto row = queue->find(registry->scope_of(*standing), job);
                if (row && !jobs::has_ended(row->state)) continue;  // without a row it ended long ago
                engine::takeout::clear(entry.path(), job);
                std::error_code ignored;
                std::filesystem::remove_all(entry.path(), ignored);
            } catch (const InvalidArgument&) {
                // Not a job's.
            }
        }
    }
}

/// A trial is over by itself, without anybody who would stop what runs.
void EngineImpl::halt_lapsed_trials() {
    const auto until = now();
    for (const auto& id : registry->lapsed_trials(trials_swept_until, until)) {
        if (stopping.stop_requested()) return;
        halt(id);
    }
    trials_swept_until = until;
}

void EngineImpl::halt(const TenantId& id) {
    for (auto* part : parts) part->halt(id);
    const auto scope = scope_of(id);
    database->write(scope, [&](db::Tx& tx) {
        for (const auto& job : jobs::unended(tx)) queue->cancel(tx, job);
    });
}

void EngineImpl::erase(const TenantId& id) {
    halt(id);
    const auto scope = scope_of(id);
    await_idle(scope);
    // From its moment on an erasure cannot be undone, so what is due stays due.
    const auto due = registry->due_for_erasure();
    if (std::find(due.begin(), due.end(), id) == due.end()) return;
    // Whoever asked for it and the sweep, here and in other processes, may be at it at once: one of them ends it.
    const auto standing = registry->standing(id);
    if (!standing || standing->tenant.state == TenantState::erased) return;
    // What there was is noted before any of it goes: who goes on after a kill finds less.
    const auto places = places_of(id);
    const auto weight = engine::erasure::weigh(places);
    const bool begun = database->write(system, [&](db::SystemTx& tx) {
        if (!registry->awaits_erasure(tx, id)) return false;
        registry->begin_erasure(tx, id, weight.files, weight.bytes);
        return true;
    });
    if (!begun) return;
    // Files first: once the row says erased, nobody would come back for them.
    remove_files(id);
    const auto seed = master->derive("audit checkpoints");
    const auto key = crypto::SigningKey::from_seed(seed.bytes());
    const bool ended = database->write(system, [&](db::SystemTx& tx) {
        if (!registry->awaits_erasure(tx, id)) return false;
        auto mine = tx.tenant(scope);
        // A call that had passed its checks before the erasure began may have enqueued or held something since.
        if (!jobs::unended(mine).empty() || has_import(tx, id)) refuse_busy(id);
        const auto removed = engine::erasure::count(tx, id);
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) (*part)->erase(mine);
        engine::asset_rows::erase(mine);
        engine::export_rows::erase(mine);
        engine::doomed::erase(mine);
        jobs::erase(mine);
        registry->finish_erasure(tx, tenant::engine_actor("sweep"), *standing, removed, key);
        return true;
    });
    if (!ended) return;
    refusals->forget(id);
    log_to_empty = true;
    watches->may_have_changed();
    remove_files(id);  // what a call that was under way wrote meanwhile
    log->info(housekeeping_room, "erased a tenant", {{"tenant", id.text()}});
}

bool EngineImpl::is_idle(const db::TenantScope& scope) {
    if (!database->read(scope, [](db::Reader& reader) { return jobs::unended(reader).empty(); })) return false;
    for (const auto& import : imports_of(scope.tenant())) {
        if (import_lives(scope.tenant(), import)) return false;
        database->write(scope, [&](db::Tx& tx) {
            for (const auto& hold : tenant::quota::of_cause(tx, import.kind, import.id)) tenant::quota::release(tx, hold.id, now());
        });
    }
    return true;
}

std::vector<tenant::quota::Cause> EngineImpl::imports_of(const TenantId& id) {
    constexpr auto kind = tenant::quota::CauseKind::upload;
    std::vector<tenant::quota::Cause> imports;
    for (const auto& [owner, cause] : database->read(system, [](db::SystemReader& reader) { return tenant::quota::causes(reader, kind); }))
        if (owner == id) imports.push_back({.kind = kind, .id = cause});
    return imports;
}

/// Waits until no job and no import of the tenant runs any more, in any process. Throws Unavailable: the sweep tries again.
void EngineImpl::await_idle(const db::TenantScope& scope) {
    const auto deadline = clock->monotonic() + idle_deadline;
    while (!is_idle(scope)) {
        if (clock->monotonic() >= deadline) refuse_busy(scope.tenant());
        if (exec::sleep_for(clock, stopping.get_token(), std::chrono::milliseconds(20))) throw Closed("the engine is closed");
    }
}

std::array<std::filesystem::path, 6> EngineImpl::places_of(const TenantId& id) const {
    return {home.backup_key(id), home.backup_deferred(id), home.vault(id), home.restoring(id), home.workspace(id), home.repository(id)};
}

void EngineImpl::remove_files(const TenantId& id) {
    // Without its key a backup that somebody copied is noise: that goes first.
    engine::erasure::shred(home.backup_key(id));
    engine::takeout::clear_all(workspace(id).temp());  // what a killed one has made outside of the home
    for (const auto& path : places_of(id)) {
        std::error_code error;
        std::filesystem::remove_all(path, error);
        // A sweep or another process may be at the same, and be faster with some of it.
        for (int again = 0; error == std::errc::no_such_file_or_directory && again < 100; ++again) std::filesystem::remove_all(path, error);
        if (error) base::throw_errno("cannot remove the tenant's files", path.string(), error.value());
    }
    engine::stores::remove_files(*this, id);
}

}  // namespace tenon
