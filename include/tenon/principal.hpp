#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

TENON_ID(UserId, "usr_")
TENON_ID(RoleId, "rol_")
TENON_ID(KeyId, "key_")
TENON_ID(LoginId, "lgn_")
TENON_ID(IssuerId, "iss_")

/// What a session may do. Stored: append, never renumber.
enum class Role : std::uint8_t {
    owner = 1,            ///< Everything within the tenant.
    admin = 2,            ///< Everything but billing and the tenant itself.
    billing = 3,          ///< Reads usage and quotas; everything about bills.
    editor = 4,           ///< Projects, assets, renders; reads cameras.
    camera_operator = 5,  ///< Cameras, recordings and clips.
    viewer = 6,           ///< Reads projects, assets, recordings.
    auditor = 7,          ///< Reads everything and the audit trail, changes nothing.
    support = 8,          ///< Reads what is needed to help: jobs, events, usage.
};

/// The role's name: "camera_operator".
TENON_API const char* to_string(Role role) noexcept;

/// Who stands behind a session. Stored: append, never renumber.
enum class PrincipalKind : std::uint8_t {
    host = 1,     ///< Somebody the host application vouches for.
    user = 2,     ///< A user of the tenant, by a login, a foreign token or the host's word.
    key = 3,      ///< An API key.
    support = 4,  ///< Support of the operator, for a time that the tenant sees.
};

/// The kind's name: "user".
TENON_API const char* to_string(PrincipalKind kind) noexcept;

/// Who a session acts for and what it may do now.
struct Principal {
    PrincipalKind kind = PrincipalKind::host;
    std::string actor{};                    ///< As the audit trail names it.
    std::optional<UserId> user{};           ///< Also of a key that belongs to a user.
    std::optional<KeyId> key{};
    std::optional<LoginId> login{};
    std::optional<Role> role{};             ///< Unset: a custom role.
    std::optional<RoleId> custom_role{};
    std::vector<std::string> permissions{};  ///< "project:read" … that hold everywhere in the tenant.
    std::optional<Time> expires_at{};       ///< When the session ends by itself. Unset: never.
};

TENON_END
