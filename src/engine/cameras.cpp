#include <tenon/camera.hpp>

#include <algorithm>

#include <base/id.hpp>
#include <base/text.hpp>
#include <nvr/camera_rows.hpp>
#include <nvr/camera_url.hpp>
#include <nvr/footage.hpp>
#include <nvr/recorder.hpp>
#include <tenant/quota.hpp>
#include <tenant/usage.hpp>

#include "core.hpp"
#include "doomed.hpp"
#include "export_rows.hpp"

TENON_BEGIN

namespace rows = nvr::rows;
namespace quota = tenant::quota;
using engine::Permission;

struct CameraImpl {
    std::shared_ptr<SessionImpl> session;
    CameraId id;
};

namespace {

constexpr const char* clip_kind = "clip";
constexpr Duration removal_patience = std::chrono::seconds(60);

base::Json payload_of(const CameraId& camera, const ClipOptions& options) {
    base::Json json;
    json.set("camera", camera.text()).set("start", options.start.time_since_epoch().count());
    json.set("end", options.end.time_since_epoch().count()).set("exact", options.cut == Cut::exact).set("name", options.name);
    return json;
}

Time time_in(const base::Json& json, std::string_view name) { return Time{Duration{json.get_int(name)}}; }

nvr::ClipRequest request_of(const base::Json& payload) {
    return {time_in(payload, "start"), time_in(payload, "end"), payload.get_bool("exact") ? Cut::exact : Cut::gop};
}

std::string result_of(const Clip& clip) {
    base::Json json;
    json.set("name", clip.path.filename().string()).set("start", clip.start.time_since_epoch().count());
    json.set("end", clip.end.time_since_epoch().count()).set("duration", clip.duration.count());
    json.set("frames", clip.frames).set("size", clip.size.count).set("sha256", clip.sha256);
    return base::to_json(json);
}

/// Cameras, their recorder and their clips.
class Recordings final : public engine::Part {
public:
    explicit Recordings(EngineImpl& engine)
        : engine_(engine),
          recorder({.clock = engine.clock,
                    .log = engine.log,
                    .networks = engine.options.camera_networks,
                    .scope = [&engine](const TenantId& id) -> std::optional<db::TenantScope> {
                        const auto standing = engine.registry->find_standing(id);
                        if (!standing || !engine::allows(standing->state_at(engine.now()), Permission::camera_write))
                            return std::nullopt;
                        return engine.registry->scope_of(*standing);
                    },
                    .folder = [&engine](const TenantId& id) { return engine.workspace(id).recordings(); }},
                   *engine.database, engine.system, *engine.events, *engine.master) {}

    void prepare() override {
        engine_.queue->add_kind(clip_kind, {.run = [this](const jobs::Attempt& attempt) { return export_clip(attempt); },
                                            .give_up = [this](db::Tx& tx, const jobs::JobRow& job) { give_up(tx, job); }});
    }
    void start() override { recorder.start(); }
    void stop() noexcept override { recorder.stop(); }
    void halt(const TenantId&) override { recorder.halt(); }
    void resume(const TenantId&) override { recorder.changed(); }
    void erase(db::Tx& tx) override { rows::erase(tx); }

private:
    jobs::Outcome export_clip(const jobs::Attempt& attempt);
    void cover_size(const jobs::Attempt& attempt, Bytes size);
    void give_up(db::Tx& tx, const jobs::JobRow& job);
    std::filesystem::path path_of(const jobs::JobRow& job) const {
        const auto name = base::parse_json(job.payload).get_string("name");
        return engine_.workspace(job.tenant).exports() / engine::export_name(name, job.id, ".mp4");
    }

    EngineImpl& engine_;

public:
    nvr::Recorder recorder;
};

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
    return {.result = result_of(clip), .settle = [this, clip, job = attempt.job](db::Tx& tx) {
                const auto at = engine_.now();
                const auto name = clip.path.filename().string();
                engine::export_rows::insert(tx, {.name = name, .job = job.id, .size = clip.size, .sha256 = clip.sha256, .created_at = at});
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
    engine::doomed::add(tx, workspace.temp() / (job.id.text() + ".part"), workspace);
    try {
        engine::doomed::add(tx, path_of(job), workspace);
    } catch (const Error& error) {
        engine_.log->failure(clip_kind, "the file of a clip that was given up cannot be named", error);
    }
    engine_.remove_doomed_later(tx, job.tenant);
}

Recordings& recordings_of(const SessionImpl& session) { return static_cast<Recordings&>(*session.engine->recordings); }

rows::CameraRow row_of(const SessionImpl& session, const CameraId& id) {
    auto row = session.read([&](db::Reader& reader) { return rows::find(reader, id); });
    if (!row || row->removing) throw NotFound("there is no such camera", {.subject = id.text()});
    return *std::move(row);
}

CameraInfo info_of(const SessionImpl& session, const rows::CameraRow& row) {
    CameraInfo info{.id = row.id, .site = row.site, .name = row.name, .url = nvr::parse_camera_url(row.url).url.shown(),
                    .recording = row.recording, .created_at = row.created_at};
    auto status = recordings_of(session).recorder.status(row.id);
    // Another process may be the one that records it, or nobody any more: then what was last said is known.
    if (!status || !status->last_frame_at) {
        const auto stored = session.read([&](db::Reader& reader) { return rows::status(reader, row.id); });
        if (!status) status = stored;
        else if (stored) status->last_frame_at = stored->last_frame_at;
    }
    if (status) {
        info.state = status->state;
        info.problem = status->problem;
        info.last_frame_at = status->last_frame_at;
    }
    if (row.recording == Recording::off) {
        info.state = CameraState::off;
        info.problem.clear();
    } else if (info.state == CameraState::off) {
        info.state = CameraState::connecting;  // meant to record, and about to
    }
    return info;
}

void check_recording(Recording recording) {
    if (recording != Recording::off && recording != Recording::continuous)
        throw InvalidArgument("a camera records continuously or not at all", {.subject = "recording"});
}

}  // namespace

const char* to_string(Recording recording) noexcept { return recording == Recording::continuous ? "continuous" : "off"; }

const char* to_string(CameraState state) noexcept {
    switch (state) {
    case CameraState::off: return "off";
    case CameraState::connecting: return "connecting";
    case CameraState::recording: return "recording";
    case CameraState::retrying: return "retrying";
    }
    return "unknown";
}

// ---- cameras ----

Cameras::Cameras(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

Camera Cameras::create(const CameraOptions& options) {
    const auto pass = impl_->enter(Permission::camera_write);
    base::check_name("name", options.name);
    base::check_text("username", options.username, 256);
    base::check_text("password", options.password, 256);
    check_recording(options.recording);
    auto given = nvr::parse_camera_url(options.url);
    if (!given.username.empty() || !given.password.empty()) {
        if (!options.username.empty() || !options.password.empty())
            throw InvalidArgument("give the login in the URL or beside it, not both", {.subject = "url"});
    } else {
        given.username = options.username;
        given.password = options.password;
    }
    auto& recorder = recordings_of(*impl_).recorder;
    const auto at = impl_->now();
    rows::CameraRow row{.id = base::new_id<CameraId>(at),
                        .name = options.name,
                        .url = given.url.shown(),
                        .username = given.username,
                        .recording = options.recording,
                        .created_at = at};
    row.sealed_url = impl_->engine->master->seal(rows::url_label(row.id), base::view_of(given.url.text()));
    if (!given.password.empty())
        row.password = impl_->engine->master->seal(rows::password_label(row.id), base::view_of(given.password));
    const auto new_site = base::new_id<SiteId>(at);

    const tenant::audit::Entry entry{.time = at, .action = "camera.create", .target = row.id.text()};
    tenant::audit::attempt(*impl_->engine->database, impl_->scope, impl_->actor, entry, [&] {
        try {
            (void)nvr::checked_address(given.url, recorder.networks());
        } catch (const Unavailable&) {  // its name may be known later; the address is checked at every connect
        }
        impl_->write([&](db::Tx& tx) {
            row.site = rows::open_site(tx, new_site, *impl_->engine->master, at).id;
            quota::charge(tx, {Resource::cameras, 1}, at);
            rows::insert(tx, row);
            base::Json details;
            details.set("name", row.name).set("url", row.url).set("recording", to_string(row.recording));
            impl_->audit(tx, "camera.create", row.id.text(), at, std::move(details));
            impl_->engine->events->append(tx, {.kind = "camera.created", .at = at, .subject = row.id.text()});
        });
    });
    if (row.recording != Recording::off) recorder.changed();
    return Internal::make<Camera>(std::make_shared<CameraImpl>(CameraImpl{impl_, row.id}));
}

Camera Cameras::get(const CameraId& id) const {
    if (auto camera = find(id)) return *std::move(camera);
    throw NotFound("there is no such camera", {.subject = id.text()});
}

std::optional<Camera> Cameras::find(const CameraId& id) const {
    const auto pass = impl_->enter(Permission::camera_read);
    const auto row = impl_->read([&](db::Reader& reader) { return rows::find(reader, id); });
    if (!row || row->removing) return std::nullopt;
    return Internal::make<Camera>(std::make_shared<CameraImpl>(CameraImpl{impl_, id}));
}

std::vector<CameraInfo> Cameras::list() const {
    const auto pass = impl_->enter(Permission::camera_read);
    std::vector<CameraInfo> infos;
    for (const auto& row : impl_->read([](db::Reader& reader) { return rows::list(reader); })) infos.push_back(info_of(*impl_, row));
    return infos;
}

std::optional<ClipJob> Cameras::find_clip(const JobId& id) const {
    const auto pass = impl_->enter(Permission::job_read);
    if (!engine::find_job(*impl_, id, clip_kind)) return std::nullopt;
    return Internal::make<ClipJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, clip_kind}));
}

void Cameras::remove(const CameraId& id) {
    const auto pass = impl_->enter(Permission::camera_write);
    const auto at = impl_->now();
    impl_->change("camera.remove", id.text(), [&](db::Tx& tx) {
        if (jobs::is_cause_of_unended(tx, id.text()))
            throw Conflict("a clip of this camera is being exported: wait for it or cancel it", {.subject = id.text()});
        if (!rows::set_removing(tx, id)) throw NotFound("there is no such camera", {.subject = id.text()});
        quota::free(tx, {Resource::cameras, 1}, at);
        impl_->audit(tx, "camera.remove", id.text(), at);
        impl_->engine->events->append(tx, {.kind = "camera.removed", .at = at, .subject = id.text()});
    });
    // Should the process end here, the next one finds the mark and removes what is left.
    try {
        (void)recordings_of(*impl_).recorder.wait_removed(impl_->scope, id, removal_patience, impl_->engine->stopping.get_token());
    } catch (const Cancelled&) {
        throw Closed("the engine was closed; the camera's footage is removed when it is opened again", {.subject = id.text()});
    }
}

// ---- one camera ----

Camera::Camera(std::shared_ptr<CameraImpl> impl) : impl_(std::move(impl)) {}
CameraId Camera::id() const { return impl_->id; }

CameraInfo Camera::info() const {
    const auto pass = impl_->session->enter(Permission::camera_read);
    return info_of(*impl_->session, row_of(*impl_->session, impl_->id));
}

CameraInfo Camera::set_recording(Recording recording) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::camera_write);
    check_recording(recording);
    const auto at = session.now();
    session.change("camera.set_recording", impl_->id.text(), [&](db::Tx& tx) {
        if (!rows::set_recording(tx, impl_->id, recording)) throw NotFound("there is no such camera", {.subject = impl_->id.text()});
        base::Json details;
        details.set("recording", to_string(recording));
        session.audit(tx, "camera.set_recording", impl_->id.text(), at, std::move(details));
    });
    recordings_of(session).recorder.changed();
    return info_of(session, row_of(session, impl_->id));
}

std::vector<RecordingInfo> Camera::recordings(const RecordingFilter& filter) const {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::recording_read);
    if (filter.start && filter.end && *filter.end <= *filter.start)
        throw InvalidArgument("a range ends after it starts", {.subject = "end"});
    (void)row_of(session, impl_->id);
    return nvr::list_recordings(session.workspace.recordings() / impl_->id.text(), filter);
}

ClipJob Camera::export_clip(const ClipOptions& options) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::recording_export);
    engine::check_export_name("name", options.name);
    if (options.cut != Cut::gop && options.cut != Cut::exact)
        throw InvalidArgument("a clip is cut at a GOP or exactly", {.subject = "cut"});
    jobs::check_schedule(options.schedule, session.now());
    (void)row_of(session, impl_->id);
    const auto payload = base::to_json(payload_of(impl_->id, options));
    const auto size = nvr::ClipPlan(session.workspace.recordings() / impl_->id.text(), {options.start, options.end, options.cut}).size();
    const auto at = session.now();
    const auto hold = base::new_id<HoldId>(at);
    const auto job = session.change("clip.start", impl_->id.text(), [&](db::Tx& tx) {
        const auto id = session.engine->queue->enqueue(tx, {.kind = clip_kind, .payload = payload, .cause = impl_->id.text(), .hold = hold,
                                                            .priority = options.schedule.priority, .due_at = options.schedule.start});
        quota::reserve(tx, hold, {.asks = {{Resource::storage, size.count}}, .cause = {quota::CauseKind::job, id.text(), 0}}, at);
        base::Json details;
        details.set("job", id.text());
        session.audit(tx, "clip.start", impl_->id.text(), at, std::move(details));
        return id;
    });
    return Internal::make<ClipJob>(std::make_shared<JobImpl>(JobImpl{impl_->session, job, clip_kind}));
}

ClipJob::ClipJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}

Clip ClipJob::result() {
    const auto json = base::parse_json(engine::job_result(*impl_));
    Clip clip;
    clip.path = impl_->session->workspace.exports() / json.get_string("name");
    clip.start = time_in(json, "start");
    clip.end = time_in(json, "end");
    clip.duration = Duration{json.get_int("duration")};
    clip.frames = json.get_int("frames");
    clip.size = {json.get_int("size")};
    clip.sha256 = json.get_string("sha256");
    return clip;
}

TENON_END

namespace tenon::engine {

std::unique_ptr<Part> make_recordings(EngineImpl& engine) { return std::make_unique<Recordings>(engine); }

}  // namespace tenon::engine
