#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <tenon/asset.hpp>
#include <tenon/audit.hpp>
#include <tenon/backup.hpp>
#include <tenon/camera.hpp>
#include <tenon/config.hpp>
#include <tenon/event.hpp>
#include <tenon/exports.hpp>
#include <tenon/id.hpp>
#include <tenon/job.hpp>
#include <tenon/picture.hpp>
#include <tenon/principal.hpp>
#include <tenon/project.hpp>
#include <tenon/quota.hpp>
#include <tenon/recurrence.hpp>
#include <tenon/render.hpp>
#include <tenon/settings.hpp>
#include <tenon/takeout.hpp>
#include <tenon/tenant.hpp>
#include <tenon/usage.hpp>

TENON_BEGIN

class ApiKeys;
class Issuers;
class Logins;
class Roles;
class Users;

class RateLimits;

struct SessionOptions {
    TenantId tenant{};                    ///< Required.
    std::string actor{};                  ///< Required, unless `user` is given. Who acts; goes into the audit trail.
    Role role = Role::viewer;
    std::optional<RoleId> custom_role{};  ///< Set: this role of the tenant's own, instead of `role`.
    std::optional<UserId> user{};         ///< A user whom the host has authenticated: with his rights, instead of `role`.
};

/// One tenant, seen by one actor in one role. Nothing reachable from here belongs to any other tenant: another tenant's
/// object is "not found".
///
/// Threads   any member, from any thread, at once.
/// Lifetime  may outlive its Engine; calls then throw Closed.
class TENON_API Session {
public:
    TenantId tenant() const;
    /// The tenant itself: its plan, its state, when its trial ends.
    Tenant info() const;
    /// The tenant's folder: projects, exports, temp, recordings. Backups do not lie in what they are to save.
    std::filesystem::path workspace() const;

    Projects projects() const;
    Assets assets() const;
    Renders renders() const;
    Cameras cameras() const;
    Backups backups() const;
    Exports exports() const;
    Takeouts takeouts() const;
    Pictures pictures() const;
    Jobs jobs() const;
    Recurrences recurrences() const;
    Quotas quotas() const;
    RateLimits rates() const;
    Usage usage() const;
    Settings settings() const;
    Audit audit() const;
    Users users() const;
    Roles roles() const;
    ApiKeys api_keys() const;
    Logins logins() const;
    Issuers issuers() const;
    EventStream subscribe(const SubscribeOptions& options = {});

    /// Who this is and what he may do now. Throws Unauthenticated (the key or login has ended), Closed.
    Principal principal() const;
    /// Whether a call that needs this permission would be let through now: "render:write". In a project where more was granted,
    /// more may be. Throws InvalidArgument, Unauthenticated, Closed.
    bool may(const std::string& permission) const;
    bool may_in(const std::string& permission, const ProjectId& project) const;

    /// Later calls through this session and what it gave throw Closed. Jobs go on.
    void close() noexcept;

private:
    friend struct Internal;
    explicit Session(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
