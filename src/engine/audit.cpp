// The audit trail as a session and an operator see it, and what the engine prunes of every log.

#include <tenon/audit.hpp>

#include <cstdlib>

#include <tenant/audit_due.hpp>
#include <tenant/audit_seal.hpp>

#include "core.hpp"

TENON_BEGIN

Audit::Audit(std::shared_ptr<AuditImpl> impl) : impl_(std::move(impl)) {}

namespace {

/// Runs fn(engine, scope) for whoever's log it is.
template <class Fn> auto on_log(const AuditImpl& impl, Fn&& fn, engine::Permission permission = engine::Permission::audit_read) {
    if (impl.session) {
        const auto pass = impl.session->enter(permission);
        return fn(*impl.session->engine, impl.session->scope);
    }
    const auto pass = impl.operators->enter();
    return fn(*impl.operators->engine, impl.operators->engine->registry->operators_scope(impl.operators->actor.partner));
}

}  // namespace

std::vector<AuditRecord> Audit::list(const AuditFilter& filter) const {
    return on_log(*impl_, [&](EngineImpl& engine, const db::TenantScope& scope) {
        return engine.database->read(scope, [&](db::Reader& reader) { return tenant::audit::list(reader, filter); });
    });
}

AuditReport Audit::verify() const {
    return on_log(*impl_, [](EngineImpl& engine, const db::TenantScope& scope) { return tenant::audit::verify(*engine.database, scope); });
}

AuditCheckpoint Audit::checkpoint() const {
    return on_log(*impl_, [](EngineImpl& engine, const db::TenantScope& scope) {
        engine.seal_audit();
        return tenant::audit::newest_checkpoint(*engine.database, engine.system, scope);
    });
}

AuditProof Audit::prove(std::int64_t seq) const {
    return on_log(*impl_, [&](EngineImpl& engine, const db::TenantScope& scope) {
        if (tenant::audit::newest_checkpoint(*engine.database, engine.system, scope).size <= seq) engine.seal_audit();
        return tenant::audit::prove(*engine.database, engine.system, scope, seq);
    });
}

std::vector<std::string> Audit::consistency(std::int64_t old_size, std::int64_t new_size) const {
    return on_log(*impl_, [&](EngineImpl& engine, const db::TenantScope& scope) {
        return tenant::audit::consistency(*engine.database, scope, old_size, new_size);
    });
}

AuditCheckpoint Audit::export_file(const std::filesystem::path& path) const {
    return on_log(*impl_, [&](EngineImpl& engine, const db::TenantScope& scope) {
        engine.check_outside(path, "path", impl_->session ? &impl_->session->workspace : nullptr);
        engine.seal_audit();
        return tenant::audit::export_file(*engine.database, engine.system, scope, path);
    });
}

AuditListing Audit::export_list(const AuditListOptions& options) const {
    return on_log(*impl_, [&](EngineImpl& engine, const db::TenantScope& scope) {
        engine.check_outside(options.path, "path", impl_->session ? &impl_->session->workspace : nullptr);
        return tenant::audit::export_list(*engine.database, scope, options);
    });
}

ErasedPersonal Audit::erase_personal(const ErasePersonalOptions& options) {
    return on_log(
        *impl_,
        [&](EngineImpl& engine, const db::TenantScope& scope) {
            const auto& actor = impl_->session ? impl_->session->actor : impl_->operators->actor;
            const auto erased = tenant::audit::erase_personal(*engine.database, scope, actor, options, engine.now());
            engine.log_to_empty = true;
            engine.empty_log();
            return erased;
        },
        engine::Permission::audit_write);
}

namespace {

std::optional<std::int32_t> plan_days(const EngineImpl& engine, const TenantId& id) {
    const auto standing = engine.registry->find_standing(id);
    const auto term = standing ? standing->terms_at(engine.now())->retention_of("audit") : std::nullopt;
    return term ? term->days : std::nullopt;
}

AuditRetention retention_of(const EngineImpl& engine, const db::TenantScope& scope) {
    const auto days = plan_days(engine, scope.tenant());  // may read itself
    return engine.database->read(scope, [&](db::Reader& reader) { return tenant::audit::retention(reader, days); });
}

}  // namespace

AuditRetention Audit::retention() const { return on_log(*impl_, retention_of); }

AuditRetention Audit::set_retention(const AuditRetentionOptions& options) {
    return on_log(
        *impl_,
        [&](EngineImpl& engine, const db::TenantScope& scope) {
            const auto& actor = impl_->session ? impl_->session->actor : impl_->operators->actor;
            engine.database->write(scope, [&](db::Tx& tx) { tenant::audit::set_retention(tx, actor, options, engine.now()); });
            return retention_of(engine, scope);
        },
        engine::Permission::audit_write);
}

/// Of every log, what is older than it is to be kept. Announced, signed, and then pruned.
void EngineImpl::prune_audit() {
    constexpr std::string_view done_at = "audit.pruned_at";
    constexpr std::int32_t page = 500;
    const auto started = now();
    const auto last = database->read(system, [&](db::SystemReader& reader) { return db::meta(reader, done_at); });
    if (last && started < Time{Duration{std::atoll(last->c_str())}} + std::chrono::hours(24) &&
        started >= Time{Duration{std::atoll(last->c_str())}})
        return;
    const auto stops = [this] { return stopping.stop_requested(); };
    // A tenant's or a partner's; the operators' own is the nil one's.
    const auto scope_of_log = [this](const TenantId& id) {
        const auto standing = id.is_nil() ? nullptr : registry->find_standing(id);
        return standing ? registry->scope_of(*standing) : registry->operators_scope({id.high, id.low});
    };
    const auto each = [&](const auto& list, const auto& work) {
        std::optional<TenantId> after;
        const auto next = [&] { return database->read(system, [&](db::SystemReader& reader) { return list(reader, after, page); }); };
        for (auto ids = next(); !ids.empty(); after = ids.back(), ids = next())
            for (const auto& id : ids) {
                if (stops()) return;
                try {
                    work(scope_of_log(id));
                } catch (const Closed&) {
                    throw;
                } catch (const std::exception& error) {
                    log->failure("audit", "a log is not pruned yet", error);
                }
            }
    };
    // Hardly any has something: one read says so.
    each(tenant::audit::logs, [&](const db::TenantScope& scope) {
        const auto days = plan_days(*this, scope.tenant());
        const auto before = database->read(scope, [&](db::Reader& reader) -> std::optional<Time> {
            const auto kept = tenant::audit::retention(reader, days);
            if (!kept.days || kept.held) return std::nullopt;
            const auto time = started - std::chrono::days(*kept.days);
            return tenant::audit::begins_before(reader, time) ? std::optional(time) : std::nullopt;
        });
        if (before) tenant::audit::announce_prune(*database, scope, tenant::engine_actor("sweep"), *before, started);
    });
    seal_audit();
    each(tenant::audit::logs_to_prune, [&](const db::TenantScope& scope) {
        if (tenant::audit::prune(*database, scope, stops) > 0) log_to_empty = true;
    });
    if (stops()) return;
    database->write(system, [&](db::SystemTx& tx) { db::set_meta(tx, done_at, std::to_string(started.time_since_epoch().count())); });
}

TENON_END
