#include "footage_use.hpp"

#include <base/file.hpp>
#include <base/json.hpp>
#include <exec/wait.hpp>

#include "recordings.hpp"
#include "repositories.hpp"

namespace tenon::engine {
namespace {

using namespace std::chrono_literals;

constexpr Duration look_again = 20ms;
constexpr Duration patience = 30s;  // retention holds it for as long as it takes to remove files

/// What the unended jobs of the tenant read. Empty: everything, for a backup of it that runs; one that waits takes what it finds.
std::optional<std::vector<TimeRange>> ranges_read(db::Reader& reader, const CameraId& camera) {
    std::vector<TimeRange> ranges;
    for (const auto& id : jobs::unended(reader)) {
        const auto job = jobs::find(reader, id);
        if (!job) continue;
        if (job->kind == backup_kind && job->state == JobState::running && base::parse_json(job->payload).get_bool("include_recordings"))
            return std::nullopt;
        if (job->kind == clip_kind && job->cause == camera.text()) ranges.push_back(footage_of_clip(base::parse_json(job->payload)));
    }
    return ranges;
}

}  // namespace

std::shared_ptr<void> hold_footage(const EngineImpl& engine, const TenantId& tenant, const std::stop_token& stop) {
    const auto path = engine.home.footage_lock(tenant);
    make_private_folder(path.parent_path());
    for (const auto begin = engine.clock->monotonic(); engine.clock->monotonic() - begin < patience;) {
        if (auto lock = base::FileLock::try_acquire(path, base::FileLock::Kind::shared))
            return std::make_shared<base::FileLock>(*std::move(lock));
        exec::check_stop(stop);
        (void)exec::sleep_for(engine.clock, stop, look_again);
    }
    throw Unavailable("old footage is being removed right now: try again", {.subject = tenant.text()});
}

std::optional<nvr::FootageUse> footage_in_use(const EngineImpl& engine, const db::TenantScope& scope, const CameraId& camera) {
    const auto path = engine.home.footage_lock(scope.tenant());
    make_private_folder(path.parent_path());
    auto lock = base::FileLock::try_acquire(path);
    if (!lock) return std::nullopt;
    // Behind the lock: whoever held it before has put his job into the queue.
    auto ranges = engine.database->read(scope, [&](db::Reader& reader) { return ranges_read(reader, camera); });
    if (!ranges) return std::nullopt;
    return nvr::FootageUse{*std::move(ranges), std::make_shared<base::FileLock>(*std::move(lock))};
}

}  // namespace tenon::engine
