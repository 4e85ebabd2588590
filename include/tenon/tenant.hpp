#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// A tenant's life. Stored: append, never renumber.
enum class TenantState : std::uint8_t {
    trial = 1,      ///< As active, but under nobody's brand but the partner's. Suspended by itself at `trial_ends_at`.
    active = 2,
    suspended = 3,  ///< Its data can be read and exported, nothing changes.
    archived = 4,   ///< Put away: its data can be looked at and taken out, nothing else.
    erasing = 5,    ///< Closed to everyone; erased at `erased_at` unless that is undone before.
    erased = 6,     ///< Only this row and the audit trail remain.
};

/// The state's name: "suspended".
TENON_API const char* to_string(TenantState state) noexcept;

/// One tenant, as it stands at the moment of the call.
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
    std::optional<Time> trial_ends_at{};   ///< Set of every tenant that began as a trial.
    std::optional<Time> erased_at{};
    Time created_at{};
    std::string next_plan{};               ///< Which plan it will have from `plan_changes_at` on. Empty: no change is planned.
    std::int32_t next_plan_version = 0;
    std::optional<Time> plan_changes_at{};
    std::int64_t version = 0;              ///< Grows with each change of the tenant: what TenantUpdate::expected is compared with.
};

TENON_END
