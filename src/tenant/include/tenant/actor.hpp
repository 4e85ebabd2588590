#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tenon/id.hpp>

namespace tenon::tenant {

enum class ActorKind : std::uint8_t {
    host = 1,            ///< Someone the host application vouches for: a session's actor.
    operator_session = 2,
    engine = 3,          ///< The engine itself: a sweep, a recovery, a job's own end.
    user = 4,            ///< A user of the tenant: his id.
    key = 5,             ///< An API key: its id.
};

/// As audit records name it: "host", "operator", "engine", "user", "key".
std::string_view to_string(ActorKind kind) noexcept;

/// On whose behalf something is done. Goes into the audit trail.
struct Actor {
    ActorKind kind = ActorKind::host;
    std::string id{};          ///< As the host or the operator gave it. Personal: erasable.
    std::string reason{};      ///< Why. Empty: not given. Personal: erasable.
    std::string request_id{};  ///< Empty: none.
    PartnerId partner{};       ///< Of an operator: the partner whose tenants are all he sees. Nil: everybody's.
};

/// The engine acting by itself. `part`: "sweep", "recovery", "jobs" …
Actor engine_actor(std::string part);

/// The log of what operators do lies under the nil tenant: it belongs to no tenant, and no session can be opened on it.
inline constexpr TenantId operators_log{};

}  // namespace tenon::tenant
