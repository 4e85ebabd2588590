#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <db/tx.hpp>
#include <tenant/permissions.hpp>
#include <tenant/users.hpp>

namespace tenon::tenant::access {

/// On whose rights a session stands. What they are is asked of the store, again after each change.
struct Identity {
    PrincipalKind kind = PrincipalKind::host;
    RoleRef role{};                      ///< Of a host and of support alone.
    std::optional<UserId> user{};
    std::optional<KeyId> key{};
    std::int64_t key_turn = 0;           ///< Which of the key's secrets was shown: how often it had been rotated when this one was made.
    std::optional<LoginId> login{};
    std::optional<IssuerId> issuer{};    ///< Of a foreign token, with the version of the keys that it was checked with.
    std::int64_t issuer_version = 0;
    std::optional<Time> ends_at{};       ///< Of the token.
};

/// What somebody may do, before the tenant's plan and state have their say.
struct Rights {
    RoleRef role{};                                              ///< By which he has most of it.
    PermissionSet everywhere{};
    std::vector<std::pair<ProjectId, PermissionSet>> projects{};  ///< There it is this beside `everywhere`.
    std::optional<UserId> user{};
    std::optional<Time> until{};                                 ///< Then it all ends.

    PermissionSet in(const ProjectId& project) const;
};

/// Throws Unauthenticated: the user is disabled or gone, the key revoked or expired, the login ended.
Rights rights_of(db::Reader& reader, const Identity& identity, Time now);

/// Whatever is wrong with what a client showed, this is all that he hears of it.
[[noreturn]] void refuse_credentials();
/// What was right when the session began and is no longer.
[[noreturn]] void refuse_ended();

}  // namespace tenon::tenant::access
