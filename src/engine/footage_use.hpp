#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include <db/database.hpp>
#include <nvr/recorder.hpp>
#include <tenon/config.hpp>
#include <tenon/id.hpp>

TENON_BEGIN
struct EngineImpl;
TENON_END

namespace tenon::engine {

/// While what it returns lives, retention removes nothing of the tenant's footage, in no process: what is planned now is still
/// there when its job stands in the queue, where retention sees it. Throws Unavailable if it cannot be had in time.
std::shared_ptr<void> hold_footage(const EngineImpl& engine, const TenantId& tenant, const std::stop_token& stop);

/// For retention: what jobs of the tenant read of a camera's footage, while nobody can ask for more. Empty: all of it, or
/// somebody is about to ask.
std::optional<nvr::FootageUse> footage_in_use(const EngineImpl& engine, const db::TenantScope& scope, const CameraId& camera);

}  // namespace tenon::engine
