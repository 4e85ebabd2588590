#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/audit.hpp>
#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/plan.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct OperatorImpl;

struct OperatorOptions {
    std::string actor{};   ///< Required. Who acts; goes into the audit trail.
    std::string reason{};  ///< Required. Why; goes into the audit trail.
};

/// A tenant's life. Stored: append, never renumber.
enum class TenantState : std::uint8_t {
    trial = 1,
    active = 2,
    suspended = 3,  ///< Its data can be read and exported, nothing changes.
    archived = 4,
    erasing = 5,    ///< Closed to everyone; erased at `erased_at` unless resumed before.
    erased = 6,     ///< Only this row and the audit trail remain.
};

/// The state's name: "suspended".
TENON_API const char* to_string(TenantState state) noexcept;

struct Tenant {
    TenantId id{};
    std::string name{};
    std::string slug{};
    std::string plan{};                    ///< "studio/professional"
    std::int32_t plan_version = 0;
    TenantState state = TenantState::active;
    std::optional<PartnerId> partner{};
    std::string region{};
    std::string zone{};                    ///< IANA name; monthly periods begin at midnight there.
    std::int32_t anchor_day = 1;           ///< 1 to 31; clipped to the month's length.
    std::optional<Time> trial_ends_at{};
    std::optional<Time> erased_at{};
    Time created_at{};
};

struct TenantOptions {
    std::string name{};                    ///< Required.
    std::string slug{};                    ///< Required. a-z, 0-9 and '-'; unique with its partner.
    std::string plan{};                    ///< Required. A plan of a loaded catalogue.
    std::optional<PartnerId> partner{};    ///< Unset: the operator's own tenant.
    std::string region = "local";          ///< Where its data must stay.
    std::string zone = "UTC";              ///< IANA time zone.
    std::int32_t anchor_day = 1;           ///< Day of the month on which its periods begin.
    bool trial = false;                    ///< Begins as a trial of the plan's length.
};

struct TenantFilter {
    std::optional<TenantState> state{};    ///< Unset: every state but erased.
    std::string plan{};                    ///< Empty: every plan.
    std::optional<TenantId> after{};       ///< The last one of the page before.
    std::int32_t limit = 100;              ///< 1 to 1000, oldest first.
};

struct EraseOptions {
    TenantId tenant{};                                ///< Required.
    std::string reason{};                             ///< Required.
    Duration undo_window = std::chrono::hours(720);   ///< Until then resume() brings it back. 0: erased at once.
};

/// Every tenant of this engine.
class TENON_API Tenants {
public:
    /// Throws InvalidArgument, NotFound (the plan), Conflict (the slug is taken).
    Tenant create(const TenantOptions& options);
    Tenant get(const TenantId& id) const;
    [[nodiscard]] std::optional<Tenant> find(const TenantId& id) const;
    [[nodiscard]] std::optional<Tenant> find_slug(const std::string& slug) const;
    std::vector<Tenant> list(const TenantFilter& filter = {}) const;

    /// Open sessions can then read and export only; running jobs are cancelled, recording stops.
    Tenant suspend(const TenantId& id, const std::string& reason);
    /// Back to active, from suspended, archived or erasing.
    Tenant resume(const TenantId& id, const std::string& reason);
    /// Closes the tenant and, after the undo window, removes its rows, workspace, backups and keys.
    Tenant erase(const EraseOptions& options);

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
    Plans plans() const;
    /// The operators' own audit trail.
    Audit audit() const;
    void close() noexcept;

private:
    friend struct Internal;
    explicit OperatorSession(std::shared_ptr<OperatorImpl> impl);
    std::shared_ptr<OperatorImpl> impl_;
};

TENON_END
