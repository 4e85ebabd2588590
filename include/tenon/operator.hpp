#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/audit.hpp>
#include <tenon/config.hpp>
#include <tenon/copies.hpp>
#include <tenon/id.hpp>
#include <tenon/limit.hpp>
#include <tenon/partner.hpp>
#include <tenon/plan.hpp>
#include <tenon/takeout.hpp>
#include <tenon/tenant.hpp>
#include <tenon/units.hpp>
#include <tenon/usage.hpp>

TENON_BEGIN

struct Internal;
struct OperatorImpl;
class TokenKeys;

struct OperatorOptions {
    std::string actor{};   ///< Required. Who acts; goes into the audit trail.
    std::string reason{};  ///< Required. Why; goes into the audit trail.
    std::optional<PartnerId> partner{};  ///< Set: that partner's own operator. Its tenants are all there is; anybody else's are not
                                         ///< found. Limits, partners and their shares are not his to change.
};

struct TenantOptions {
    std::string name{};                    ///< Required.
    std::string slug{};                    ///< Required. a-z, 0-9 and '-'; unique with its partner.
    std::string plan{};                    ///< Required. A plan of a loaded catalogue.
    std::optional<PartnerId> partner{};    ///< Whose tenant it is. Unset: the operator's own, or the operator's partner's.
    std::string region = "local";          ///< Where its data must stay.
    std::string zone = "UTC";              ///< IANA time zone.
    std::int32_t anchor_day = 1;           ///< Day of the month on which its periods begin.
    bool trial = false;                    ///< Begins as a trial of the plan's length.
    std::string owner_email{};             ///< Not empty: a user is invited with it, as the tenant's owner.
    std::string owner_name{};              ///< Needed with `owner_email`.
};

/// What is to change of a tenant. Unset fields stay as they are.
struct TenantUpdate {
    TenantId tenant{};                          ///< Required.
    std::optional<std::string> name{};
    std::optional<std::string> slug{};          ///< Unique with its partner.
    std::optional<std::string> zone{};          ///< Counts from the next period on, as the anchor day does.
    std::optional<std::int32_t> anchor_day{};
    std::optional<std::int64_t> expected{};     ///< Conflict unless this is the tenant's version: nobody's change is lost.
};

struct TenantFilter {
    std::optional<TenantState> state{};    ///< Unset: every state but erased.
    std::string plan{};                    ///< Empty: every plan.
    std::optional<PartnerId> partner{};    ///< Nil: the operator's own tenants. Unset: everybody's.
    std::string region{};                  ///< Empty: every region.
    std::string text{};                    ///< Part of the name or the slug, upper and lower case alike. Empty: every tenant.
    std::optional<TenantId> after{};       ///< The last one of the page before.
    std::int32_t limit = 100;              ///< 1 to 1000, oldest first.
};

struct EraseOptions {
    TenantId tenant{};                                ///< Required.
    std::string reason{};                             ///< Required.
    Duration undo_window = std::chrono::hours(720);   ///< Until then undo_erase() brings it back. 0: erased at once.
};

/// Says that an event of a tenant's usage was wrong.
struct CorrectionOptions {
    TenantId tenant{};                       ///< Required.
    std::string source{};                    ///< Required, with `id`: the correction's own name. Told again, it counts once.
    std::string id{};
    std::string corrects_source{};           ///< Required, with `corrects_id`: the event that is corrected.
    std::string corrects_id{};
    std::optional<std::int64_t> by{};        ///< What is added to it, mostly below 0 …
    std::optional<std::int64_t> to{};        ///< … or what it should have been. One of the two.
    std::string reason{};                    ///< Required.
};

/// Why nothing of a tenant may be destroyed, such as a dispute at court. As long as it has one, no record of its audit trail is pruned,
/// no personal value in it erased, and the tenant itself is not erased.
struct LegalHold {
    std::string name{};                               ///< Unique within the tenant.
    std::string reason{};
    std::string placed_by{};
    Time placed_at{};
};

struct LegalHoldOptions {
    TenantId tenant{};                                ///< Required.
    std::string name{};                               ///< Required. a-z, 0-9 and '-', such as "case-17".
    std::string reason{};                             ///< Required.
};

struct RemovedCount {
    std::string kind{};                               ///< "asset", "job", "segment": a kind of row. "files": of the workspace, the backups
                                                      ///< and their keys; "file_bytes": what those weighed.
    std::int64_t count = 0;
};

/// That a tenant was erased, signed with the key of the audit trail's checkpoints. It names nobody.
struct ErasureReceipt {
    TenantId tenant{};
    Time erased_at{};
    std::vector<RemovedCount> removed{};              ///< What there was of each kind; kinds of which there was nothing are left out.
    std::int64_t audit_records = 0;                   ///< How long its audit trail is, which stays without personal values,
    std::string audit_root{};                         ///< and the RFC 6962 root of it, in hex.
    std::string key{};                                ///< The public key in C2SP form.
    std::string text{};                               ///< All of it as a file for the independent verifier.
};

/// What is to be taken out in a tenant's place.
struct TenantTakeoutOptions {
    TenantId tenant{};                                ///< Required.
    std::filesystem::path target{};                   ///< As in TakeoutOptions.
    JobSchedule schedule{};
};

/// Every tenant of this engine, or of the session's partner.
///
/// Whatever changes one leaves a record in the operators' trail and in the tenant's, and tells the tenant by an event: "tenant.state",
/// "tenant.plan", "tenant.limit".
class TENON_API Tenants {
public:
    /// Throws InvalidArgument, NotFound (the plan, the partner), Conflict (the slug is taken), PermissionDenied (the plan is of no
    /// catalogue of the partner).
    Tenant create(const TenantOptions& options);
    Tenant get(const TenantId& id) const;
    [[nodiscard]] std::optional<Tenant> find(const TenantId& id) const;
    [[nodiscard]] std::optional<Tenant> find_slug(const std::string& slug) const;
    std::vector<Tenant> list(const TenantFilter& filter = {}) const;
    /// Throws InvalidArgument, NotFound, Conflict (the slug is taken, the version is another, the tenant is erased).
    Tenant update(const TenantUpdate& change);

    /// A trial, running or over, becomes an active tenant. Its first period still ends when the trial would have.
    Tenant activate(const TenantId& id, const std::string& reason);
    /// Moves the end of a trial, running or over, by at most a year. It must lie in the future then. Throws InvalidArgument,
    /// Conflict (the tenant is in no trial).
    Tenant extend_trial(const TenantId& id, Duration by, const std::string& reason);
    /// Open sessions can then read and export only; running jobs are cancelled, recording stops.
    Tenant suspend(const TenantId& id, const std::string& reason);
    /// Puts it away: as suspend(), and nothing can be backed up any more. resume() brings it back.
    Tenant archive(const TenantId& id, const std::string& reason);
    /// Back to active, from suspended, archived or erasing; to the trial as long as that runs.
    Tenant resume(const TenantId& id, const std::string& reason);
    /// Closes the tenant and, after the undo window, removes its rows, workspace, backups and keys.
    ///
    /// Throws Conflict as long as the tenant has a legal hold; one that comes later keeps an erasure from going on.
    Tenant erase(const EraseOptions& options);
    /// Back to the state it had before erase(). Throws Conflict once the window has passed, and when nothing is being erased.
    Tenant undo_erase(const TenantId& id, const std::string& reason);

    /// What change_plan() would do. Changes nothing.
    PlanChange preview_plan(const PlanChangeOptions& options) const;
    /// Gives the tenant another plan, or the newest version of its own, in place of whatever change was planned before. A plan that
    /// is too small for what the tenant has removes nothing: what is beyond a limit stays, and more is refused until it is below.
    /// Throws NotFound (tenant, plan), Conflict (it has that plan, it is erased), PermissionDenied (of no catalogue of the partner).
    PlanChange change_plan(const PlanChangeOptions& options);
    /// Withdraws the change that is planned. Throws Conflict if none is.
    Tenant keep_plan(const TenantId& id, const std::string& reason);
    /// Every change there was, newest first, at most 1000. Without impacts and features.
    std::vector<PlanChange> plan_changes(const TenantId& id) const;

    /// Gives the tenant a limit in place of its plan's, at once. One of the same name is replaced. Throws InvalidArgument,
    /// PermissionDenied (a partner's operator).
    LimitOverride grant_limit(const LimitOptions& options);
    /// Throws NotFound.
    void revoke_limit(const TenantId& id, const std::string& name, const std::string& reason);
    /// By name, those that have expired too.
    std::vector<LimitOverride> limits(const TenantId& id) const;

    /// Corrects an event of a tenant's usage by another one, which counts from the time of the first: in its period as long as that is
    /// open (48 hours after its end), and then in the one that is running, whose quota it leaves alone. However often it is corrected, an
    /// event ends up between 0 and 2^53. Throws InvalidArgument, NotFound (tenant, event), Conflict (it is a correction itself; this one
    /// was told with other content), PermissionDenied (a partner's operator).
    UsageReceipt correct_usage(const CorrectionOptions& options);
    /// Adds up all events of a tenant's usage again and sets every sum right that differs, but quotas. Returns what differed. Throws
    /// InvalidArgument, NotFound, PermissionDenied (a partner's operator).
    UsageCheck rebuild_usage(const TenantId& id, const std::string& reason);

    /// As Takeouts::start(), for who is asked for it and for tenants that nobody can log in to any more. The job is the tenant's; the
    /// handle goes on when the operator session is closed. Throws what that does, NotFound (the tenant), PermissionDenied (it is being
    /// erased, or is).
    TakeoutJob take_out(const TenantTakeoutOptions& options);

    /// What erase() left, however often it was interrupted. Throws NotFound: it is not erased, or was before there were receipts.
    ErasureReceipt erasure_receipt(const TenantId& id) const;

    /// Throws InvalidArgument, NotFound, Conflict (one of that name, the tenant is erased or its files are going), PermissionDenied (a
    /// partner's operator).
    LegalHold place_legal_hold(const LegalHoldOptions& options);
    /// Throws NotFound, PermissionDenied (a partner's operator).
    void lift_legal_hold(const TenantId& id, const std::string& name, const std::string& reason);
    /// By name.
    std::vector<LegalHold> legal_holds(const TenantId& id) const;

private:
    friend struct Internal;
    explicit Tenants(std::shared_ptr<OperatorImpl> impl);
    std::shared_ptr<OperatorImpl> impl_;
};

/// The catalogues this engine has loaded.
class TENON_API Plans {
public:
    std::vector<Plan> list() const;
    Plan get(const std::string& name) const;
    [[nodiscard]] std::optional<Plan> find(const std::string& name) const;

private:
    friend struct Internal;
    explicit Plans(std::shared_ptr<OperatorImpl> impl);
    std::shared_ptr<OperatorImpl> impl_;
};

/// Work across tenants: a type of its own, so that no tenant's session can be mistaken for it. Each use is audited with
/// the actor and the reason it was opened with.
class TENON_API OperatorSession {
public:
    Tenants tenants() const;
    Partners partners() const;
    Plans plans() const;
    /// The keys that sign access tokens.
    TokenKeys token_keys() const;
    /// Where copies of backups may lie beside the home.
    BackupStores backup_stores() const;
    /// The operators' own audit trail; of a partner's operator the partner's.
    Audit audit() const;
    void close() noexcept;

private:
    friend struct Internal;
    explicit OperatorSession(std::shared_ptr<OperatorImpl> impl);
    std::shared_ptr<OperatorImpl> impl_;
};

TENON_END
