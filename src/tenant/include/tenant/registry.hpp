#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <base/clock.hpp>
#include <db/database.hpp>
#include <tenant/actor.hpp>
#include <tenant/catalogues.hpp>
#include <tenon/operator.hpp>

namespace tenon::tenant {

/// What serving a call needs to know of a tenant. Immutable: a change makes another one with a larger epoch.
struct Standing {
    Tenant tenant{};                           ///< `tenant.state` is the stored one.
    std::shared_ptr<const PlanTerms> terms{};  ///< Of the version that the tenant has, not the newest.
    std::uint64_t epoch = 0;
    std::uint32_t slot = 0;                    ///< Dense index within this process.

    /// The state that holds at `now`: a trial whose time is up is suspended, whatever row a late worker has not changed.
    TenantState state_at(Time now) const noexcept;
};

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
    /// The scope of the operators' own log.
    db::TenantScope operators_scope() const;

    /// Operators' work. Every call, reads included, leaves a record in the operators' log; a change leaves one in the
    /// tenant's log too, in the same transaction. States in what is returned are those that hold now.
    Tenant create(const Actor& actor, const TenantOptions& options);
    [[nodiscard]] std::optional<Tenant> find(const Actor& actor, const TenantId& id);
    [[nodiscard]] std::optional<Tenant> find_slug(const Actor& actor, const std::string& slug);
    std::vector<Tenant> list(const Actor& actor, const TenantFilter& filter);
    Tenant suspend(const Actor& actor, const TenantId& id, const std::string& reason);
    Tenant resume(const Actor& actor, const TenantId& id, const std::string& reason);
    /// To the state `erasing`. Removing is the engine's work: see due_for_erasure().
    Tenant start_erasure(const Actor& actor, const EraseOptions& options);

    /// Tenants in `erasing` whose undo window has passed.
    std::vector<TenantId> due_for_erasure() const;
    /// The last step, after every other room removed its rows: removes this room's, keeps the tenant's row (without name
    /// and slug) and its audit trail.
    void finish_erasure(db::SystemTx& tx, const Actor& actor, const Standing& standing) const;

    /// For the engine's own sweeps: every tenant's id, in pages.
    std::vector<TenantId> ids(const std::optional<TenantId>& after, std::int32_t limit) const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::tenant
