#include <tenon/engine.hpp>

#include <utility>

#include <base/file.hpp>
#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <nvr/camera_url.hpp>
#include <exec/wait.hpp>

#include <nvr/schema.hpp>
#include <tenant/catalogues.hpp>
#include <tenant/audit_seal.hpp>
#include <tenant/quota.hpp>
#include <tenant/schema.hpp>

#include "asset_rows.hpp"
#include "core.hpp"
#include "doomed.hpp"
#include "export_rows.hpp"
#include "import_recovery.hpp"
#include "repositories.hpp"
#include "restored.hpp"

namespace tenon {
namespace {

constexpr std::string_view room = "engine";
constexpr Duration sweep_interval = std::chrono::minutes(1);
constexpr Duration idle_deadline = std::chrono::seconds(15);

const EngineOptions& checked(const EngineOptions& options) {
    if (options.home.empty()) throw InvalidArgument("an engine needs a folder to live in", {.subject = "home"});
    if (options.home.native().find('\0') != std::string::npos)
        throw InvalidArgument("the path holds a NUL byte", {.subject = "home"});
    if (options.workers < 0 || options.workers > 64)
        throw InvalidArgument("an engine has 0 to 64 workers", {.subject = "workers"});
    if (!options.master_key_file.empty() && !options.master_passphrase.empty())
        throw InvalidArgument("give a key file or a passphrase, not both", {.subject = "master_passphrase"});
    base::check_name("brand.product", options.brand.product);
    if (!options.brand.vendor.empty()) base::check_name("brand.vendor", options.brand.vendor);
    if (!options.brand.url.empty()) base::check_name("brand.url", options.brand.url);
    (void)nvr::Networks(options.camera_networks);  // throws before anything is made
    return options;
}

base::LogLevel level_of(LogLevel level) {
    switch (level) {
        case LogLevel::off: return base::LogLevel::off;
        case LogLevel::error: return base::LogLevel::error;
        case LogLevel::warning: return base::LogLevel::warning;
        case LogLevel::info: return base::LogLevel::info;
        case LogLevel::debug: return base::LogLevel::debug;
    }
    return base::LogLevel::info;
}

std::shared_ptr<base::Log> open_log(const EngineOptions& options, const engine::Home& home,
                                    const std::shared_ptr<const base::Clock>& clock) {
    for (const auto& folder : {home.root, home.keys(), home.logs(), home.root / "workspaces", home.root / "backups", home.root / "run"})
        engine::make_private_folder(folder);
    if (options.log_level == LogLevel::off) return base::Log::none();
    return base::Log::to_file(home.logs() / "engine.log", clock, level_of(options.log_level));
}

crypto::MasterKey open_master(const EngineOptions& options, const engine::Home& home) {
    if (!options.master_passphrase.empty())
        return crypto::MasterKey::from_passphrase(base::view_of(options.master_passphrase), home.keys() / "master.salt");
    return crypto::MasterKey::load_or_create(options.master_key_file.empty() ? home.keys() / "master.key" : options.master_key_file);
}

std::vector<db::Migration> all_migrations() {
    std::vector<db::Migration> all;
    for (const auto& rooms : {tenant::migrations(), jobs::migrations(), nvr::migrations(), engine::asset_rows::migrations(),
                              engine::export_rows::migrations(), engine::repository_migrations(), engine::doomed::migrations(),
                              engine::restored::migrations()})
        all.insert(all.end(), rooms.begin(), rooms.end());
    return all;
}

// A home sealed with one key and written to with another could never be opened whole again.
void check_master(db::Database& database, const db::SystemScope& system, const crypto::MasterKey& master) {
    const auto mine = crypto::to_hex(master.id());
    const auto known = database.read(system, [](db::SystemReader& reader) { return db::meta(reader, "master_key"); });
    if (!known) {
        database.write(system, [&](db::SystemTx& tx) { db::set_meta(tx, "master_key", mine); });
    } else if (*known != mine) {
        throw PermissionDenied("this home was made with another master key: give the key file or passphrase it was made with",
                               {.subject = "master key"});
    }
}

// The passphrase has done its work once the master key is derived.
EngineOptions without_secrets(EngineOptions options) {
    crypto::wipe({reinterpret_cast<std::uint8_t*>(options.master_passphrase.data()), options.master_passphrase.size()});
    options.master_passphrase.clear();
    options.home = std::filesystem::absolute(options.home).lexically_normal();
    return options;
}

}  // namespace

EngineImpl::EngineImpl(const EngineOptions& given)
    : options(without_secrets(checked(given))), home{options.home}, clock(base::system_clock()),
      log(open_log(options, home, clock)), system(engine::SessionBroker::system()) {
    master.emplace(open_master(given, home));
    database = db::Database::open({.file = home.database(), .clock = clock}, all_migrations());
    check_master(*database, system, *master);
    registry = std::make_unique<tenant::Registry>(*database, system, engine::SessionBroker::tenant,
                                                  tenant::Catalogues::load(options.plan_catalogues), clock);
    events = std::make_unique<tenant::EventHub>(*database, clock);
    timers = std::make_unique<exec::Timers>(clock, [log = log](const std::exception& error) { log->failure(room, "a timer failed", error); });

    jobs::Hooks hooks;
    hooks.scope = [this](const TenantId& id) -> std::optional<db::TenantScope> {
        const auto standing = registry->find_standing(id);
        // A tenant that is being erased has jobs to take back, too: nothing new can be enqueued for it.
        if (!standing || standing->tenant.state == TenantState::erased) return std::nullopt;
        return registry->scope_of(*standing);
    };
    hooks.weight = [this](const TenantId& id) {
        const auto standing = registry->find_standing(id);
        return standing ? standing->terms->weight : 1;
    };
    hooks.started = [this](db::Tx& tx, const jobs::JobRow&) {
        try {
            tenant::quota::charge(tx, {Resource::concurrent_jobs, 1}, now());
            return true;
        } catch (const QuotaExceeded&) {
            return false;
        }
    };
    hooks.stopped = [this](db::Tx& tx, const jobs::JobRow&) { tenant::quota::free(tx, {Resource::concurrent_jobs, 1}, now()); };
    hooks.ended = [this](db::Tx& tx, const jobs::JobRow& job) {
        const auto at = now();
        const auto info = jobs::info_of(job);
        tenant::audit::append(tx, tenant::engine_actor("jobs"),
                              {.time = at, .action = job.kind + ".end", .target = job.id.text(), .outcome = info.error.value_or(Errc{})});
        if (info.error == Errc::quota_exceeded) tenant::quota::note_refusal(tx, jobs::resource_of_failure(job.failure), at);
        base::Json data;
        data.set("kind", job.kind);
        if (info.error) data.set("error", to_string(*info.error)).set("message", info.message);
        events->append(tx, {.kind = std::string("job.") + to_string(job.state), .at = at, .subject = job.id.text(), .data = std::move(data)});
    };
    const auto cores = std::max(1u, std::thread::hardware_concurrency());
    queue = std::make_unique<jobs::Queue>(
        jobs::Options{.clock = clock, .log = log, .nodes = home.root / "run",
                      .workers = options.workers ? static_cast<unsigned>(options.workers) : std::min(cores, 4u)},
        *database, system, std::move(hooks));

    renders = engine::make_renders(*this);
    repositories = engine::make_repositories(*this);
    recordings = engine::make_recordings(*this);
    parts = {renders.get(), repositories.get(), recordings.get()};
    for (auto* part : parts) part->prepare();
}

EngineImpl::~EngineImpl() { close(); }

void EngineImpl::start() {
    recover_holds();
    queue->start();
    for (auto* part : parts) part->start();
    schedule_sweep(Duration::zero());  // what a killed process left
    log->info(room, "open", {{"version", TENON_VERSION}});
}

void EngineImpl::close() noexcept {
    if (!gate.close()) return gate.await_end();
    stopping.request_stop();
    if (events) events->close();
    if (timers) timers->close();
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) (*part)->stop();
    if (queue) queue->close();
    gate.drain();
    try {
        if (database && registry) seal_audit();
    } catch (const std::exception& error) {
        log->failure(room, "no last checkpoint of the audit trail was taken; the next start takes it", error);
    }
    if (database) database->close();
    log->info(room, "closed");
    gate.end();
}

void EngineImpl::recover_holds() {
    const auto is_live = [this](const TenantId& id, const tenant::quota::Cause& cause) {
        switch (cause.kind) {
            case tenant::quota::CauseKind::upload:
                return engine::import_lives(workspace(id), cause, [&](const AssetId& asset) {
                    return database->read(scope_of(id), [&](db::Reader& reader) {
                        return engine::asset_rows::find(reader, asset, workspace(id)).has_value();
                    });
                });
            case tenant::quota::CauseKind::job: {
                const auto job = queue->find(scope_of(id), JobId::parse(cause.id));
                return job && !jobs::has_ended(job->state);
            }
            case tenant::quota::CauseKind::camera:  // its recorder settles it
            case tenant::quota::CauseKind::none: return true;
        }
        return true;
    };
    const auto returned = tenant::quota::recover(*database, system, [this](const TenantId& id) { return scope_of(id); }, is_live, now());
    if (returned > 0) log->warning(room, "returned holds of work that a process left behind", {{"holds", returned}});
}

void EngineImpl::schedule_sweep(Duration delay) {
    timers->after(delay, [this] {
        try {
            sweep();
        } catch (const Closed&) {
            return;
        } catch (const std::exception& error) {
            log->failure(room, "the sweep failed", error);
        }
        try {
            schedule_sweep(sweep_interval);
        } catch (const Closed&) {
        }
    });
}

void EngineImpl::seal_audit() {
    const auto seed = master->derive("audit checkpoints");
    tenant::audit::seal(*database, system, crypto::SigningKey::from_seed(seed.bytes()), now());
}

void EngineImpl::sweep() {
    tenant::quota::expire(*database, system, [this](const TenantId& id) { return scope_of(id); }, now());
    for (const auto& id : registry->due_for_erasure()) {
        try {
            erase(id);
        } catch (const Closed&) {
            throw;
        } catch (const std::exception& error) {
            log->failure(room, "a tenant is not erased yet", error);  // and must not keep the others from it
        }
    }
    sweep_doomed();
    if (!std::exchange(temp_swept, true)) sweep_temp();
    seal_audit();
}

void EngineImpl::sweep_doomed() {
    for (const auto& id : engine::doomed::tenants(*database, system)) {
        if (stopping.stop_requested()) return;
        remove_doomed(id);
    }
}

void EngineImpl::remove_doomed(const TenantId& id) noexcept {
    try {
        if (const auto error = engine::doomed::sweep(*database, scope_of(id), workspace(id)))
            log->warning(room, "files that nothing names cannot be removed yet", {{"tenant", id.text()}, {"error", error.message()}});
        engine::repositories_of(*this).settle_restored(scope_of(id));  // with a project go the files that were restored into it
    } catch (const Closed&) {
        // Swept when the home is opened again.
    } catch (const std::exception& error) {
        log->failure(room, "files that nothing names are not removed yet", error);
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

/// Removes what jobs left in temp that have ended since, as a kill between the end and the removal would, and the marks of
/// imports that nobody makes any more.
void EngineImpl::sweep_temp() {
    std::error_code error;
    for (const auto& workspace : std::filesystem::directory_iterator(home.root / "workspaces", error)) {
        if (stopping.stop_requested()) return;
        for (const auto& entry : std::filesystem::directory_iterator(workspace.path() / "temp", error)) {
            try {
                if (entry.path().extension() == engine::import_mark_ending) {
                    engine::remove_dead_mark(entry.path());
                    continue;
                }
                const auto job = JobId::parse(entry.path().stem().string());
                const auto standing = registry->find_standing(TenantId::parse(workspace.path().filename().string()));
                if (!standing) continue;
                const auto row = queue->find(registry->scope_of(*standing), job);
                if (!row || !jobs::has_ended(row->state)) continue;
                std::error_code ignored;
                std::filesystem::remove_all(entry.path(), ignored);
            } catch (const InvalidArgument&) {
                // Not a job's.
            }
        }
    }
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
    const auto standing = registry->standing(id);
    // Files first: once the row says erased, nobody would come back for them.
    remove_files(id);
    database->write(system, [&](db::SystemTx& tx) {
        auto mine = tx.tenant(scope);
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) (*part)->erase(mine);
        engine::asset_rows::erase(mine);
        engine::export_rows::erase(mine);
        engine::doomed::erase(mine);
        jobs::erase(mine);
        registry->finish_erasure(tx, tenant::engine_actor("sweep"), *standing);
    });
    remove_files(id);  // what a call that was under way wrote meanwhile
    log->info(room, "erased a tenant", {{"tenant", id.text()}});
}

/// Waits until no job of the tenant runs any more, in any process. Throws Unavailable: the sweep tries again.
void EngineImpl::await_idle(const db::TenantScope& scope) {
    const auto deadline = clock->monotonic() + idle_deadline;
    while (!database->read(scope, [](db::Reader& reader) { return jobs::unended(reader).empty(); })) {
        if (clock->monotonic() >= deadline)
            throw Unavailable("work of the tenant is still ending: it is erased as soon as that has stopped", {.subject = scope.tenant().text()});
        if (exec::sleep_for(clock, stopping.get_token(), std::chrono::milliseconds(20))) throw Closed("the engine is closed");
    }
}

void EngineImpl::remove_files(const TenantId& id) {
    for (const auto& path : {home.workspace(id), home.repository(id), home.vault(id), home.backup_key(id)}) {
        std::error_code error;
        std::filesystem::remove_all(path, error);
        if (error) base::throw_errno("cannot remove the tenant's files", path.string(), error.value());
    }
}

Engine::Engine(const EngineOptions& options) : impl_(std::make_shared<EngineImpl>(options)) {
    try {
        impl_->start();
    } catch (...) {
        impl_->close();
        throw;
    }
}
Engine::Engine(Engine&& other) noexcept = default;
Engine& Engine::operator=(Engine&& other) noexcept {
    if (this != &other) {
        close();
        impl_ = std::move(other.impl_);
    }
    return *this;
}
Engine::~Engine() { close(); }

bool Engine::drain(Duration limit) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    if (limit < Duration::zero()) throw InvalidArgument("must be 0 or more", {.subject = "limit"});
    return impl_->queue->drain(std::min<Duration>(limit, std::chrono::hours(24 * 365)), impl_->stopping.get_token());
}

void Engine::close() noexcept {
    if (impl_) impl_->close();
}
bool Engine::is_closed() const noexcept { return !impl_ || impl_->gate.closed(); }
std::string Engine::version() { return TENON_VERSION; }

Session Engine::open_session(const SessionOptions& options) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    base::check_name("actor", options.actor);
    if (options.tenant.is_nil()) throw InvalidArgument("a session belongs to one tenant", {.subject = "tenant"});
    const auto standing = impl_->registry->standing(options.tenant);
    const auto state = standing->state_at(impl_->now());
    if (!engine::allows(state, engine::Permission::project_read))
        throw PermissionDenied(std::string("no session can be opened: the tenant is ") + to_string(state), {.subject = options.tenant.text()});
    auto session = std::make_shared<SessionImpl>(impl_, impl_->registry->scope_of(*standing),
                                                 tenant::Actor{.id = options.actor}, options.role);
    session->workspace.make();
    return Internal::make<Session>(std::move(session));
}

OperatorSession Engine::open_operator(const OperatorOptions& options) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    base::check_name("actor", options.actor);
    base::check_name("reason", options.reason);
    auto session = std::make_shared<OperatorImpl>();
    session->engine = impl_;
    session->actor = {.kind = tenant::ActorKind::operator_session, .id = options.actor, .reason = options.reason};
    impl_->database->write(impl_->registry->operators_scope(), [&, at = impl_->now()](db::Tx& tx) {
        tenant::audit::append(tx, session->actor, {.time = at, .action = "operator.open"});
    });
    return Internal::make<OperatorSession>(std::move(session));
}

}  // namespace tenon
