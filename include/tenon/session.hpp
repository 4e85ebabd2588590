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
#include <tenon/project.hpp>
#include <tenon/quota.hpp>
#include <tenon/render.hpp>
#include <tenon/settings.hpp>
#include <tenon/tenant.hpp>
#include <tenon/usage.hpp>

TENON_BEGIN

/// What a session may do. Stored: append, never renumber.
enum class Role : std::uint8_t {
    owner = 1,            ///< Everything within the tenant.
    admin = 2,            ///< Everything but billing and the tenant itself.
    billing = 3,          ///< Reads usage and quotas.
    editor = 4,           ///< Projects, assets, renders; reads cameras.
    camera_operator = 5,  ///< Cameras, recordings and clips.
    viewer = 6,           ///< Reads projects, assets, recordings.
    auditor = 7,          ///< Reads everything and the audit trail, changes nothing.
    support = 8,          ///< Reads what is needed to help: jobs, events, usage.
};

/// The role's name: "camera_operator".
TENON_API const char* to_string(Role role) noexcept;

struct SessionOptions {
    TenantId tenant{};         ///< Required.
    std::string actor{};       ///< Required. Who acts; goes into the audit trail.
    Role role = Role::viewer;
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
    Pictures pictures() const;
    Jobs jobs() const;
    Quotas quotas() const;
    Usage usage() const;
    Settings settings() const;
    Audit audit() const;
    EventStream subscribe(const SubscribeOptions& options = {});

    /// Later calls through this session and what it gave throw Closed. Jobs go on.
    void close() noexcept;

private:
    friend struct Internal;
    explicit Session(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
