#pragma once

#include <memory>
#include <stop_token>

#include <db/database.hpp>
#include <tenon/config.hpp>
#include <tenon/id.hpp>

TENON_BEGIN
struct EngineImpl;
TENON_END

namespace tenon::engine {

/// While what it returns lives, no process records a camera of the tenant: footage can be put in place. Intents stay. It is a
/// lock on a file, so that it ends with its process, however that ends, and cameras then record again. At its end the footage
/// that was put there is taken in: indexes made whole, segments known. Waits for recorders of other processes.
/// Throws Cancelled; Conflict, with the camera, if another process does not let go of it.
std::shared_ptr<void> pause_recordings(EngineImpl& engine, const db::TenantScope& scope, const std::stop_token& stop);

/// Whether somebody holds such a pause.
bool recordings_paused(const EngineImpl& engine, const TenantId& tenant);

}  // namespace tenon::engine
