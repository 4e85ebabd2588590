#pragma once

#include <cstdint>
#include <string>

#include <base/json.hpp>
#include <tenant/audit.hpp>
#include <tenant/events.hpp>
#include <tenant/registry.hpp>
#include <tenon/error.hpp>

#include "standings.hpp"
#include "tenant_rows.hpp"

namespace tenon::tenant {

/// Rows that one transaction of a long list reads.
inline constexpr std::int32_t page_size = 500;

[[noreturn]] inline void refuse_slug(const std::string& slug) { throw Conflict("the slug \"" + slug + "\" is taken", {.subject = slug}); }

inline bool is_ending(const Tenant& tenant) { return tenant.state == TenantState::erasing || tenant.state == TenantState::erased; }

/// What the registry's sources share: who sees what, and how a change is recorded.
struct Registry::Impl {
    Impl(db::Database& db, db::SystemScope s, ScopeMaker maker, std::shared_ptr<const Catalogues> loaded,
         std::shared_ptr<const base::Clock> c);

    /// The scope of the operators' own log.
    db::TenantScope operators() const { return make_scope(operators_log, "local", 0, 0); }
    db::TenantScope scope_of(const TenantRow& row) const { return make_scope(row.tenant.id, row.tenant.region, 0, row.epoch); }

    /// One use of an operator session: in the operators' log, and of a partner's operator in that partner's too.
    void note(db::SystemTx& tx, const Actor& actor, const audit::Entry& entry) const;
    /// The same in a transaction of its own: of a use that only reads.
    void note_alone(const Actor& actor, const audit::Entry& entry) const {
        database.write(system, [&](db::SystemTx& tx) { note(tx, actor, entry); });
    }
    /// A change: in the log of the tenant too, which may know who touched it.
    void note_both(db::SystemTx& tx, const Actor& actor, const TenantRow& row, const audit::Entry& entry) const;
    /// Tells the tenant.
    void tell(db::SystemTx& tx, const TenantRow& row, std::string kind, Time now, base::Json data) const;

    void forget_later(db::SystemTx& tx, const TenantId& id) const {
        tx.on_commit([known = standings, id] { known->forget(id); });
    }

    /// A row that `actor` may know of; empty as well when there is none. What is due of it has been done.
    std::optional<TenantRow> find_row(db::SystemTx& tx, const Actor& actor, const TenantId& id, Time now) const;
    /// The same. Throws NotFound.
    TenantRow row_for(db::SystemTx& tx, const Actor& actor, const TenantId& id, Time now) const;
    /// Stores a changed row under the next epoch.
    void store(db::SystemTx& tx, TenantRow& row) const;
    /// A planned change of plan whose time has come.
    void settle_plan(db::SystemTx& tx, TenantRow& row, Time now) const;

    /// Throws NotFound (the partner), PermissionDenied (the plan is of no catalogue of it).
    void check_offer(db::SystemReader& reader, const std::optional<PartnerId>& partner, const PlanTerms& terms) const;

    /// Changes the state of a tenant. `change(row, now, details)` returns false when there is nothing to change.
    template <class Change>
    Tenant transition(Actor actor, const TenantId& id, const std::string& reason, const char* action, Change change) {
        check_reason(reason);
        actor.reason = reason;
        const auto now = clock->now();
        return database.write(system, [&](db::SystemTx& tx) {
            auto row = row_for(tx, actor, id, now);
            auto details = base::Json::object();
            if (change(tx, row, now, details)) {
                store(tx, row);
                tell(tx, row, "tenant.state", now, base::Json::object().set("state", to_string(state_at(row.tenant, now))));
            }
            details.set("state", to_string(row.tenant.state));
            note_both(tx, actor, row, {.time = now, .action = action, .target = id.text(), .details = std::move(details)});
            return as_of(row.tenant, now);
        });
    }

    static void check_reason(const std::string& reason);
    /// Throws Conflict: "a tenant that is erased cannot be suspended".
    [[noreturn]] static void refuse_change(const Tenant& tenant, const char* change);
    /// Throws Conflict unless the tenant still is as the caller knows it.
    static void check_version(const TenantRow& row, const std::optional<std::int64_t>& expected);
    /// Of tenants and limits that are not a partner's to change. Throws PermissionDenied.
    static void check_own(const Actor& actor, const char* what);

    db::Database& database;
    const db::SystemScope system;
    const ScopeMaker make_scope;
    const std::shared_ptr<const Catalogues> catalogues;
    const std::shared_ptr<const base::Clock> clock;
    const std::shared_ptr<Standings> standings;
    std::unique_ptr<db::Database::Watch> watch;
};

/// A partner's log lies under its id: it belongs to no tenant, and no session can be opened on it.
inline TenantId log_of(const PartnerId& partner) { return {partner.high, partner.low}; }

}  // namespace tenon::tenant
