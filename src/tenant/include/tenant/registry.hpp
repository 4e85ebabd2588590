#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <base/clock.hpp>
#include <crypto/sign.hpp>
#include <db/database.hpp>
#include <tenant/actor.hpp>
#include <tenant/catalogues.hpp>
#include <tenon/operator.hpp>

namespace tenon::tenant {

/// The state that holds at `now`: a trial whose time is up is suspended, whatever row a late worker has not changed. What a state
/// leaves of a role's permissions stands in engine/permissions.hpp.
TenantState state_at(const Tenant& tenant, Time now) noexcept;
/// A change of plan was planned, and its time has come.
bool has_next_plan(const Tenant& tenant, Time now) noexcept;
/// Makes the planned plan the tenant's plan.
void take_next_plan(Tenant& tenant);
/// A stored tenant as it stands at `now`.
Tenant as_of(Tenant tenant, Time now);
/// Whether it shows a brand of its own: its plan has that, and it is in no trial.
bool may_white_label(const Tenant& tenant, const PlanTerms& terms, Time now);

/// What serving a call needs to know of a tenant. Immutable: a change makes another one with a larger epoch.
struct Standing {
    Tenant tenant{};                           ///< `tenant.state` is the stored one.
    std::shared_ptr<const PlanTerms> terms{};  ///< Of the stored plan, in the version that the tenant has, not the newest.
    std::shared_ptr<const PlanTerms> next_terms{};  ///< Of the plan that it is to have from `tenant.plan_changes_at` on. Null: none.
    std::uint64_t epoch = 0;
    std::uint32_t slot = 0;                    ///< Dense index within this process.

    TenantState state_at(Time now) const noexcept;
    /// Of the plan that holds at `now`.
    const std::shared_ptr<const PlanTerms>& terms_at(Time now) const noexcept;
};

/// Throws Conflict while a legal hold of the reader's tenant keeps this from being `what`.
void refuse_under_legal_hold(db::Reader& reader, const char* what);

/// Every tenant of one home, with a cache of those in use.
///
/// Threads   any member, from any thread, at once.
class Registry {
public:
    /// The engine's broker: alone able to make a scope.
    using ScopeMaker = std::function<db::TenantScope(const TenantId&, const std::string& region, std::uint32_t slot,
                                                     std::uint64_t epoch)>;

    /// Stores the catalogues' plans. Throws Conflict if a plan differs from the stored one of the same version: a plan
    /// that tenants may have is never rewritten, it gets a new version.
    Registry(db::Database& database, db::SystemScope system, ScopeMaker make_scope,
             std::shared_ptr<const Catalogues> catalogues, std::shared_ptr<const base::Clock> clock);
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    const Catalogues& catalogues() const noexcept;

    /// Cached; reads the store at the first use and after a change, of this process or another. Throws NotFound.
    std::shared_ptr<const Standing> standing(const TenantId& id) const;
    /// Null: there is no such tenant.
    [[nodiscard]] std::shared_ptr<const Standing> find_standing(const TenantId& id) const;
    /// Moves when a standing may have changed, so that whoever remembers one knows when to ask again. Never 0; read it before
    /// standing().
    std::uint64_t version() const noexcept;
    db::TenantScope scope_of(const Standing& standing) const;
    /// The scope of the operators' own log; of a partner's operator the partner's.
    db::TenantScope operators_scope(const PartnerId& partner = {}) const;

    /// Operators' work. Every call, reads included, leaves a record in the operators' log; a change leaves one in the
    /// tenant's log too, in the same transaction. What is returned is as it stands now. An actor with a partner finds that
    /// partner's tenants alone.
    void note(const Actor& actor, std::string action, std::string target);
    Tenant create(const Actor& actor, const TenantOptions& options);
    [[nodiscard]] std::optional<Tenant> find(const Actor& actor, const TenantId& id);
    [[nodiscard]] std::optional<Tenant> find_slug(const Actor& actor, const std::string& slug);
    std::vector<Tenant> list(const Actor& actor, const TenantFilter& filter);
    Tenant update(const Actor& actor, const TenantUpdate& change);
    Tenant activate(const Actor& actor, const TenantId& id, const std::string& reason);
    Tenant extend_trial(const Actor& actor, const TenantId& id, Duration by, const std::string& reason);
    Tenant suspend(const Actor& actor, const TenantId& id, const std::string& reason);
    Tenant archive(const Actor& actor, const TenantId& id, const std::string& reason);
    Tenant resume(const Actor& actor, const TenantId& id, const std::string& reason);
    /// To the state `erasing`. Removing is the engine's work: see due_for_erasure().
    Tenant start_erasure(const Actor& actor, const EraseOptions& options);
    Tenant undo_erase(const Actor& actor, const TenantId& id, const std::string& reason);

    PlanChange preview_plan(const Actor& actor, const PlanChangeOptions& options);
    PlanChange change_plan(const Actor& actor, const PlanChangeOptions& options);
    Tenant keep_plan(const Actor& actor, const TenantId& id, const std::string& reason);
    std::vector<PlanChange> plan_changes(const Actor& actor, const TenantId& id);

    LimitOverride grant_limit(const Actor& actor, const LimitOptions& options);
    void revoke_limit(const Actor& actor, const TenantId& id, const std::string& name, const std::string& reason);
    std::vector<LimitOverride> limits(const Actor& actor, const TenantId& id);

    UsageReceipt correct_usage(const Actor& actor, const CorrectionOptions& options);
    UsageCheck rebuild_usage(const Actor& actor, const TenantId& id, const std::string& reason);
    LegalHold place_legal_hold(const Actor& actor, const LegalHoldOptions& options);
    void lift_legal_hold(const Actor& actor, const TenantId& id, const std::string& name, const std::string& reason);
    std::vector<LegalHold> legal_holds(const Actor& actor, const TenantId& id);

    Partner create_partner(const Actor& actor, const PartnerOptions& options);
    [[nodiscard]] std::optional<Partner> find_partner(const Actor& actor, const PartnerId& id);
    [[nodiscard]] std::optional<Partner> find_partner_slug(const Actor& actor, const std::string& slug);
    std::vector<Partner> list_partners(const Actor& actor, const PartnerFilter& filter);
    Partner update_partner(const Actor& actor, const Partner& changed);
    void remove_partner(const Actor& actor, const PartnerId& id, const std::string& reason);
    /// Its branding document, for the engine's own use: "{}" if there is no such partner.
    std::string partner_branding(const PartnerId& id) const;
    /// Throws NotFound. For who opens a session in its name.
    void check_partner(const PartnerId& id) const;

    /// Trials that ended in (after, until]: what runs of them must stop.
    std::vector<TenantId> lapsed_trials(Time after, Time until) const;
    /// Does what was planned: tenants whose change of plan is due get it. Returns how many, at most 500.
    std::int64_t settle_plans();
    /// Tenants in `erasing` whose undo window has passed.
    std::vector<TenantId> due_for_erasure() const;
    /// False: another sweep or process has erased it meanwhile, and nothing is left to do. Throws Conflict: it is not due.
    bool awaits_erasure(db::SystemReader& reader, const TenantId& id) const;
    /// Before anything of it goes: from then on no legal hold can be placed. What its files were is noted once. Throws Conflict: it
    /// is not due, or held.
    void begin_erasure(db::SystemTx& tx, const TenantId& id, std::int64_t files, std::int64_t bytes) const;
    /// The last step, after every other room removed its rows: removes this room's, keeps the tenant's row (without name
    /// and slug) and its audit trail, and signs the receipt. `removed`: what there was of all rooms.
    void finish_erasure(db::SystemTx& tx, const Actor& actor, const Standing& standing, std::vector<RemovedCount> removed,
                        const crypto::SigningKey& key) const;
    /// Throws NotFound.
    ErasureReceipt erasure_receipt(const Actor& actor, const TenantId& id);

    /// For the engine's own sweeps: every tenant's id, in pages.
    std::vector<TenantId> ids(const std::optional<TenantId>& after, std::int32_t limit) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::tenant
