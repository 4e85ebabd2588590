#include "recordings.hpp"

#include <algorithm>

#include <base/file.hpp>
#include <exec/wait.hpp>
#include <nvr/footage.hpp>
#include <tenant/period.hpp>
#include <tenant/quota.hpp>

#include "doomed.hpp"
#include "export_rows.hpp"
#include "footage_use.hpp"
#include "recordings_pause.hpp"

namespace tenon::engine {

namespace quota = tenant::quota;

namespace {

Time time_in(const base::Json& json, std::string_view name) { return Time{Duration{json.get_int(name)}}; }

nvr::ClipRequest request_of(const base::Json& payload) {
    return {time_in(payload, "start"), time_in(payload, "end"), payload.get_bool("exact") ? Cut::exact : Cut::gop};
}

nvr::RecorderOptions options_of(EngineImpl& engine) {
    nvr::RecorderOptions options;
    options.clock = engine.clock;
    options.log = engine.log;
    options.networks = engine.options.camera_networks;
    options.scope = [&engine](const TenantId& id) -> std::optional<db::TenantScope> {
        const auto standing = engine.registry->find_standing(id);
        if (!standing || !allows(standing->state_at(engine.now()), Permission::camera_write)) return std::nullopt;
        if (recordings_paused(engine, id)) return std::nullopt;
        return engine.registry->scope_of(*standing);
    };
    options.folder = [&engine](const TenantId& id) { return engine.workspace(id).recordings(); };
    options.week_time = [&engine](const TenantId& id, Time at) {
        const auto standing = engine.registry->find_standing(id);
        return tenant::week_time(at, standing ? standing->tenant.zone : "UTC");
    };
    options.in_use = [&engine](const db::TenantScope& scope, const CameraId& camera) { return footage_in_use(engine, scope, camera); };
    return options;
}

}  // namespace

Recordings::Recordings(EngineImpl& engine)
    : engine_(engine), recorder(options_of(engine), *engine.database, engine.system, *engine.events, *engine.master) {}

void Recordings::prepare() {
    engine_.queue->add_kind(clip_kind, {.run = [this](const jobs::Attempt& attempt) { return export_clip(attempt); },
                                        .give_up = [this](db::Tx& tx, const jobs::JobRow& job) { give_up(tx, job); }});
}

void Recordings::start() {
    seal_urls();
    recorder.start();
}

std::filesystem::path Recordings::path_of(const jobs::JobRow& job) const {
    const auto name = base::parse_json(job.payload).get_string("name");
    return engine_.workspace(job.tenant).exports() / export_name(name, job.id, ".mp4");
}

/// Cameras that an older version stored have their URL in the open, with whatever secret stands in it.
void Recordings::seal_urls() {
    const auto open = engine_.database->read(engine_.system, [](db::SystemReader& reader) { return nvr::rows::open_urls(reader); });
    for (const auto& [tenant, camera, url] : open) {
        try {
            engine_.database->write(engine_.scope_of(tenant), [&](db::Tx& tx) { nvr::rows::seal_url(tx, camera, url, *engine_.master); });
        } catch (const std::exception& error) {
            engine_.log->failure("nvr", "a camera's address is not sealed yet", error);
        }
    }
    if (!open.empty()) engine_.log_to_empty = true;
}

jobs::Outcome Recordings::export_clip(const jobs::Attempt& attempt) {
    const auto payload = base::parse_json(attempt.job.payload);
    const auto camera = CameraId::parse(payload.get_string("camera"));
    const auto workspace = engine_.workspace(attempt.scope.tenant());
    workspace.make();
    const nvr::ClipPlan plan(workspace.recordings() / camera.text(), request_of(payload));
    cover_size(attempt, plan.size());
    auto clip = plan.clip();
    clip.path = path_of(attempt.job);
    // The name belongs to this job alone: what an attempt that was cut off left there is in the way.
    std::filesystem::remove(clip.path);
    clip.sha256 = plan.write(workspace.temp() / (attempt.job.id.text() + ".part"), clip.path, attempt.progress, attempt.stop);
    return {.result = clip_result(clip), .settle = [this, clip, job = attempt.job](db::Tx& tx) {
                const auto at = engine_.now();
                const auto name = clip.path.filename().string();
                export_rows::insert(tx, {.name = name, .job = job.id, .size = clip.size, .sha256 = clip.sha256, .created_at = at});
                engine_.events->append(tx, {.kind = "export.created", .at = at, .subject = name});
                quota::commit(tx, job.hold.value(), {{Resource::storage, clip.size.count}}, at);
            }};
}

/// Footage of the range may have been recorded since the clip was asked for: that must be granted before it counts.
void Recordings::cover_size(const jobs::Attempt& attempt, Bytes size) {
    engine_.database->write(attempt.scope, [&, at = engine_.now()](db::Tx& tx) {
        const auto hold = quota::find(tx, attempt.job.hold.value());
        if (!hold) throw NotFound("the hold of a clip has vanished", {.subject = attempt.job.id.text()});
        std::int64_t held = 0;
        for (const auto& ask : hold->asks) held += ask.amount;
        if (size.count > held) quota::extend(tx, hold->id, {Resource::storage, size.count - held}, at);
    });
}

void Recordings::give_up(db::Tx& tx, const jobs::JobRow& job) {
    if (job.hold) quota::release(tx, *job.hold, engine_.now());
    const auto workspace = engine_.workspace(job.tenant);
    doomed::add(tx, workspace.temp() / (job.id.text() + ".part"), workspace);
    try {
        doomed::add(tx, path_of(job), workspace);
    } catch (const Error& error) {
        engine_.log->failure(clip_kind, "the file of a clip that was given up cannot be named", error);
    }
    engine_.remove_doomed_later(tx, job.tenant);
}

std::string clip_payload(const CameraId& camera, const ClipOptions& options, const TimeRange& footage) {
    base::Json json;
    json.set("camera", camera.text()).set("start", options.start.time_since_epoch().count());
    json.set("end", options.end.time_since_epoch().count()).set("exact", options.cut == Cut::exact).set("name", options.name);
    json.set("from", footage.start.time_since_epoch().count()).set("to", std::max(footage.end, options.end).time_since_epoch().count());
    return base::to_json(json);
}

TimeRange footage_of_clip(const base::Json& payload) {
    if (payload.find("from")) return {time_in(payload, "from"), time_in(payload, "to")};
    // Of an older version: the key frame it needs lies at most so far back.
    return {time_in(payload, "start") - std::chrono::minutes(10), time_in(payload, "end")};
}

std::string clip_result(const Clip& clip) {
    base::Json json;
    json.set("name", clip.path.filename().string()).set("start", clip.start.time_since_epoch().count());
    json.set("end", clip.end.time_since_epoch().count()).set("duration", clip.duration.count());
    json.set("frames", clip.frames).set("size", clip.size.count).set("sha256", clip.sha256);
    return base::to_json(json);
}

Clip clip_from(const std::string& result) {
    const auto json = base::parse_json(result);
    Clip clip;
    clip.path = json.get_string("name");
    clip.start = time_in(json, "start");
    clip.end = time_in(json, "end");
    clip.duration = Duration{json.get_int("duration")};
    clip.frames = json.get_int("frames");
    clip.size = {json.get_int("size")};
    clip.sha256 = json.get_string("sha256");
    return clip;
}

bool recordings_paused(const EngineImpl& engine, const TenantId& tenant) {
    const auto path = engine.home.recordings_lock(tenant);
    std::error_code ignored;
    return std::filesystem::exists(path, ignored) && !base::FileLock::try_acquire(path, base::FileLock::Kind::shared);
}

std::shared_ptr<void> pause_recordings(EngineImpl& engine, const db::TenantScope& scope, const std::stop_token& stop) {
    constexpr Duration look_again = std::chrono::milliseconds(100);
    constexpr Duration patience = std::chrono::seconds(120);
    const auto workspace = engine.workspace(scope.tenant());
    const auto held = [&](const std::filesystem::path& path, Duration most) {
        const auto begin = engine.clock->monotonic();
        auto lock = base::FileLock::try_acquire(path);
        while (!lock && engine.clock->monotonic() - begin < most) {
            exec::check_stop(stop);
            (void)exec::sleep_for(engine.clock, stop, look_again);
            lock = base::FileLock::try_acquire(path);
        }
        return lock;
    };
    workspace.make();
    const auto path = engine.home.recordings_lock(scope.tenant());
    make_private_folder(path.parent_path());
    auto& recorder = recordings_of(engine).recorder;
    auto lock = held(path, Duration::max());  // another restore puts footage there; who looks holds it for a moment
    const std::shared_ptr<void> pause(new base::FileLock(*std::move(lock)), [&recorder, &engine, scope](base::FileLock* kept) {
        std::unique_ptr<base::FileLock> lock_of_this(kept);
        try {
            recorder.take_in(scope);
        } catch (const std::exception& error) {
            engine.log->failure("nvr", "restored footage is taken in when its camera records again", error);
        }
        lock_of_this.reset();
        recorder.changed();
    });
    recorder.halt();
    for (const auto& camera : engine.database->read(scope, [](db::Reader& reader) { return nvr::rows::list(reader); })) {
        const auto folder = workspace.recordings() / camera.id.text();
        std::error_code ignored;
        if (!std::filesystem::exists(folder, ignored)) continue;
        // Other processes look at their intents every few seconds, and let go then.
        if (!held(folder / ".recorder", patience))
            throw Conflict("another process records this camera and does not let go of it", {.subject = camera.id.text()});
    }
    return pause;
}

std::unique_ptr<Part> make_recordings(EngineImpl& engine) { return std::make_unique<Recordings>(engine); }

}  // namespace tenon::engine
