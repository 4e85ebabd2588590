#include <tenon/engine.hpp>

#include <algorithm>
#include <thread>
#include <utility>

#include <base/file.hpp>
#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <engine/all_migrations.hpp>
#include <nvr/camera_url.hpp>

#include <nvr/schema.hpp>
#include <tenant/catalogues.hpp>
#include <tenant/audit_seal.hpp>
#include <tenant/quota.hpp>
#include <tenant/schema.hpp>

#include "access.hpp"
#include "asset_rows.hpp"
#include "backup_drills.hpp"
#include "backup_schedule_rows.hpp"
#include "backup_schedules.hpp"
#include "check_rounds.hpp"
#include "core.hpp"
#include "doomed.hpp"
#include "export_rows.hpp"
#include "leases.hpp"
#include "logs.hpp"
#include "metadata_place.hpp"
#include "repositories.hpp"
#include "restored.hpp"
#include "stores.hpp"
#include "watches.hpp"

namespace tenon {

std::vector<db::Migration> engine::all_migrations() {
    std::vector<db::Migration> all;
    for (const auto& rooms : {tenant::migrations(), jobs::migrations(), nvr::migrations(), engine::asset_rows::migrations(),
                              engine::export_rows::migrations(), engine::repository_migrations(), engine::doomed::migrations(),
                              engine::restored::migrations(), engine::export_rows::later_migrations(), engine::schedule_rows::migrations(),
                              engine::drill_rows::migrations(), engine::checkpoint_rows::migrations(), engine::stores::migrations(),
                              engine::check_rounds::migrations()})
        all.insert(all.end(), rooms.begin(), rooms.end());
    return all;
}

namespace {

constexpr std::string_view room = "engine";

const EngineOptions& checked(const EngineOptions& options) {
    if (options.home.empty()) throw InvalidArgument("an engine needs a folder to live in", {.subject = "home"});
    if (options.home.native().find('\0') != std::string::npos)
        throw InvalidArgument("the path holds a NUL byte", {.subject = "home"});
    if (options.workers < 0 || options.workers > 64)
        throw InvalidArgument("an engine has 0 to 64 workers", {.subject = "workers"});
    if (!options.master_key_file.empty() && !options.master_passphrase.empty())
        throw InvalidArgument("give a key file or a passphrase, not both", {.subject = "master_passphrase"});
    if (!options.postgres.empty()) db::check_postgres(options.postgres);
    base::check_name("brand.product", options.brand.product);
    if (!options.brand.vendor.empty()) base::check_name("brand.vendor", options.brand.vendor);
    if (!options.brand.url.empty()) base::check_name("brand.url", options.brand.url);
    const auto& prefix = options.brand.key_prefix;
    if (prefix.empty() || prefix.size() > 16 ||
        !std::ranges::all_of(prefix, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }))
        throw InvalidArgument("must be 1 to 16 of a-z and 0-9", {.subject = "brand.key_prefix"});
    if (options.backup_parity > BackupParity::full) throw InvalidArgument("there is no such parity", {.subject = "backup_parity"});
    (void)nvr::Networks(options.camera_networks);  // throws before anything is made
    for (const auto& region : options.regions) base::check_slug("regions", region);
    return options;
}

std::shared_ptr<base::Log> open_log(const EngineOptions& options, const engine::Home& home,
                                    const std::shared_ptr<const base::Clock>& clock) {
    for (const auto& folder : {home.root, home.keys(), home.logs(), home.root / "workspaces", home.root / "backups", home.root / "run"})
        engine::make_private_folder(folder);
    if (options.log_level == LogLevel::off) return base::Log::none(clock);
    return base::Log::to_file(home.logs() / "engine.log", clock, engine::level_of(options.log_level));
}

/// `made`: the home was made with a key, and a new one in the place of a file that is gone could open nothing of it.
crypto::MasterKey open_master(const EngineOptions& options, const engine::Home& home, bool made) {
    const bool by_passphrase = !options.master_passphrase.empty();
    auto file = options.master_key_file;
    if (file.empty()) file = home.keys() / (by_passphrase ? "master.salt" : "master.key");
    std::error_code ignored;
    if (made && !std::filesystem::exists(file, ignored))
        throw NotFound(by_passphrase ? "the file that belongs to the home's passphrase is missing: bring it back from a copy, or give "
                                       "the key file the home was made with"
                                     : "the home's master key is missing: bring the file back from a copy, or give the key file or "
                                       "passphrase the home was made with",
                       {.subject = file.string()});
    return by_passphrase ? crypto::MasterKey::from_passphrase(base::view_of(options.master_passphrase), file)
                         : crypto::MasterKey::load_or_create(file);
}

// A home sealed with one key and written to with another could never be opened whole again.
crypto::MasterKey master_of(db::Database& database, const db::SystemScope& system, const EngineOptions& options, const engine::Home& home) {
    auto known = database.read(system, [](db::SystemReader& reader) { return db::meta(reader, "master_key"); });
    auto master = open_master(options, home, known.has_value());
    const auto mine = crypto::to_hex(master.id());
    if (!known)  // another process may be opening it at this moment, with a key of its own: the first one counts
        known = database.write(system, [&](db::SystemTx& tx) {
            auto first = db::meta(tx, "master_key");
            if (!first) db::set_meta(tx, "master_key", mine);
            return first.value_or(mine);
        });
    if (*known != mine)
        throw PermissionDenied("this home was made with another master key: give the key file or passphrase it was made with",
                               {.subject = "master key"});
    return master;
}

unsigned workers_of(const EngineOptions& options) {
    if (!options.background) return 0;
    return options.workers ? static_cast<unsigned>(options.workers) : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
}

// The passphrase has done its work once the master key is derived, and the database keeps its own copy of how it is reached.
EngineOptions without_secrets(EngineOptions options) {
    for (auto* secret : {&options.master_passphrase, &options.postgres}) {
        crypto::wipe({reinterpret_cast<std::uint8_t*>(secret->data()), secret->size()});
        secret->clear();
    }
    options.home = std::filesystem::absolute(options.home).lexically_normal();
    return options;
}

}  // namespace

EngineImpl::EngineImpl(const EngineOptions& given, std::shared_ptr<const base::Clock> time)
    : options(without_secrets(checked(given))), home{options.home}, clock(std::move(time)),
      log(open_log(options, home, clock)), watches(std::make_shared<engine::Watches>()),
      session_memory(std::make_shared<base::Slab>(sizeof(SessionImpl), alignof(SessionImpl))), system(engine::SessionBroker::system()) {
    log_to_empty = engine::has_left_log(home);
    database = db::Database::open(engine::metadata_place(given, home, clock), engine::all_migrations());
    if (!given.postgres.empty()) engine::join_metadata(*database, system, home);
    master.emplace(master_of(*database, system, given, home));
    access = std::make_unique<engine::Access>(*this);
    registry = std::make_unique<tenant::Registry>(*database, system, engine::SessionBroker::tenant,
                                                  tenant::Catalogues::load(options.plan_catalogues), clock);
    events = std::make_unique<tenant::EventHub>(*database, clock);
    refusals = std::make_unique<tenant::audit::Refusals>(*database, clock);
    leases = std::make_unique<engine::Leases>(home);
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
        return standing ? standing->terms_at(now())->weight : 1;
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
        engine::schedules::job_ended(*this, tx, job);
    };
    queue = std::make_unique<jobs::Queue>(
        jobs::Options{.clock = clock, .log = log, .nodes = home.root / "run", .workers = workers_of(options), .listener = watches},
        *database, system, std::move(hooks));

    renders = engine::make_renders(*this);
    repositories = engine::make_repositories(*this);
    recordings = engine::make_recordings(*this);
    recurrences = engine::make_recurrences(*this);
    takeouts = engine::make_takeouts(*this);
    parts = {renders.get(), repositories.get(), recordings.get(), recurrences.get(), takeouts.get()};
    for (auto* part : parts) part->prepare();
}

EngineImpl::~EngineImpl() { close(); }

void EngineImpl::start() {
    self = weak_from_this().lock();
    if (options.background) {
        try {
            recover_holds();
        } catch (const Error& error) {
            log->failure(room, "holds of work that has died are not returned yet", error);  // the sweep tries again
        }
        try {
            leases->recover(*this);
        } catch (const std::exception& error) {
            log->failure(room, "leases of processes that were killed are not returned yet", error);
        }
    }
    queue->start();
    if (options.background) {
        for (auto* part : parts) part->start();
        schedule_sweep(Duration::zero());  // what a killed process left
    }
    log->info(room, "open", {{"version", TENON_VERSION}});
}

void EngineImpl::close() noexcept {
    if (gate.forked()) return;  // its threads are the parent's
    if (!gate.close()) return gate.await_end();
    stopping.request_stop();
    if (events) events->close();
    if (timers) timers->close();
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) (*part)->stop();
    if (queue) queue->close();
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) (*part)->end();
    gate.drain();
    if (leases) leases->end();
    if (access) access->close();
    if (refusals) refusals->close();
    try {
        if (options.background && database && registry) seal_audit();
    } catch (const std::exception& error) {
        log->failure(room, "no last checkpoint of the audit trail was taken; the next start takes it", error);
    }
    if (database) database->close();
    log->info(room, "closed");
    log->end_taps();
    const auto last = std::move(self);  // keeps what the next line touches
    gate.end();
}

void EngineImpl::check_region(const std::string& region) const {
    if (options.regions.empty() || std::ranges::find(options.regions, region) != options.regions.end()) return;
    throw PermissionDenied("data of the region " + region + " must not lie in this home", {.subject = "region"});
}

void EngineImpl::seal_audit() {
    const auto seed = master->derive("audit checkpoints");
    tenant::audit::seal(*database, system, crypto::SigningKey::from_seed(seed.bytes()), now());
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
bool Engine::is_closed() const noexcept { return !impl_ || impl_->gate.closed() || impl_->gate.forked(); }
std::string Engine::version() { return TENON_VERSION; }

Session Engine::open_session(const SessionOptions& options) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    if (options.user) {
        // Somebody whom the host let in by its own means.
        const auto user = impl_->access->user_of(options.tenant, *options.user);
        return Internal::make<Session>(impl_->access->open(options.tenant, {.kind = tenant::ActorKind::user, .id = user.text()},
                                                           {.kind = PrincipalKind::user, .user = user}));
    }
    base::check_name("actor", options.actor);
    tenant::check_role("role", options.role);
    using tenant::access::RoleRef;
    const auto role = options.custom_role ? RoleRef{{}, options.custom_role} : RoleRef{options.role, {}};
    return Internal::make<Session>(impl_->access->open(options.tenant, {.id = options.actor}, {.role = role}));
}

OperatorSession Engine::open_operator(const OperatorOptions& options) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    base::check_name("actor", options.actor);
    base::check_name("reason", options.reason);
    if (options.partner) impl_->registry->check_partner(*options.partner);
    auto session = std::make_shared<OperatorImpl>();
    session->engine = impl_;
    session->actor = {.kind = tenant::ActorKind::operator_session, .id = options.actor, .reason = options.reason};
    if (options.partner) session->actor.partner = *options.partner;
    impl_->registry->note(session->actor, "operator.open", options.partner ? options.partner->text() : "");
    return Internal::make<OperatorSession>(std::move(session));
}

}  // namespace tenon
