#include <tenon/camera.hpp>

#include <base/id.hpp>
#include <base/text.hpp>
#include <nvr/camera_url.hpp>
#include <nvr/schedule.hpp>
#include <tenant/period.hpp>
#include <tenant/quota.hpp>

#include "camera_options.hpp"
#include "recordings.hpp"
#include "recordings_pause.hpp"

namespace tenon::engine {

nvr::rows::CameraRow camera_row(const SessionImpl& session, const CameraId& id) {
    auto row = session.read([&](db::Reader& reader) { return nvr::rows::find(reader, id); });
    if (!row || row->removing) throw NotFound("there is no such camera", {.subject = id.text()});
    return *std::move(row);
}

CameraInfo camera_info(const SessionImpl& session, const nvr::rows::CameraRow& row) {
    CameraInfo info;
    info.id = row.id;
    info.site = row.site;
    info.name = row.name;
    info.url = nvr::parse_camera_url(row.url).url.shown();
    info.recording = row.recording;
    info.created_at = row.created_at;
    info.schedule = row.schedule;
    info.retention = row.retention;
    auto status = recordings_of(*session.engine).recorder.status(row.id);
    // Another process may be the one that records it, or nobody any more: then what was last said is known.
    if (!status || !status->last_frame_at) {
        const auto stored = session.read([&](db::Reader& reader) { return nvr::rows::status(reader, row.id); });
        if (!status) status = stored;
        else if (stored) status->last_frame_at = stored->last_frame_at;
    }
    if (status) {
        info.state = status->state;
        info.problem = status->problem;
        info.last_frame_at = status->last_frame_at;
        info.health = status->health;
    }
    const auto week_time = [&] {
        return tenant::week_time(session.now(), session.engine->registry->standing(session.scope.tenant())->tenant.zone);
    };
    const bool due = row.recording == Recording::continuous || (row.recording == Recording::schedule && nvr::covers(row.schedule, week_time()));
    if (info.state == CameraState::off || !due) {  // what was measured before is no word on now
        info.health.frames_per_second = 0;
        info.health.bits_per_second = 0;
    }
    if (!due) {
        info.state = CameraState::off;
        info.problem.clear();
    } else if (recordings_paused(*session.engine, session.scope.tenant())) {
        info.state = CameraState::retrying;
        info.problem = "footage is being restored; it records again when that is done";
    } else if (info.state == CameraState::off) {
        info.state = CameraState::connecting;  // meant to record, and about to
    }
    return info;
}

}  // namespace tenon::engine

TENON_BEGIN

namespace rows = nvr::rows;
namespace quota = tenant::quota;
using engine::Permission;

namespace {

constexpr Duration removal_patience = std::chrono::seconds(60);

}  // namespace

const char* to_string(Recording recording) noexcept {
    switch (recording) {
    case Recording::off: return "off";
    case Recording::continuous: return "continuous";
    case Recording::schedule: return "schedule";
    }
    return "unknown";
}

const char* to_string(Weekday day) noexcept {
    static constexpr const char* names[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
    return day >= Weekday::monday && day <= Weekday::sunday ? names[static_cast<int>(day) - 1] : "unknown";
}

const char* to_string(SpanKind kind) noexcept { return kind == SpanKind::footage ? "footage" : "gap"; }

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
    engine::check_recording(options.recording, options.schedule);
    engine::check_retention(options.retention);
    auto given = nvr::parse_camera_url(options.url);
    engine::check_one_login(given, !options.username.empty() || !options.password.empty());
    if (!options.username.empty()) given.username = options.username;
    if (!options.password.empty()) given.password = options.password;
    const auto at = impl_->now();
    rows::CameraRow row{.id = base::new_id<CameraId>(at),
                        .name = options.name,
                        .url = given.url.shown(),
                        .username = given.username,
                        .recording = options.recording,
                        .created_at = at,
                        .schedule = options.schedule,
                        .retention = options.retention};
    row.sealed_url = impl_->engine->master->seal(rows::url_label(row.id), base::view_of(given.url.text()));
    if (!given.password.empty())
        row.password = impl_->engine->master->seal(rows::password_label(row.id), base::view_of(given.password));
    const auto new_site = base::new_id<SiteId>(at);

    const tenant::audit::Entry entry{.time = at, .action = "camera.create", .target = row.id.text()};
    tenant::audit::attempt(*impl_->engine->refusals, impl_->scope, impl_->actor, entry, [&] {
        engine::check_address(*impl_, given.url);
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
    if (row.recording != Recording::off) engine::recordings_of(*impl_->engine).recorder.changed();
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
    for (const auto& row : impl_->read([](db::Reader& reader) { return rows::list(reader); })) infos.push_back(engine::camera_info(*impl_, row));
    return infos;
}

std::optional<ClipJob> Cameras::find_clip(const JobId& id) const {
    const auto pass = impl_->enter(Permission::job_read);
    if (!engine::find_job(*impl_, id, engine::clip_kind)) return std::nullopt;
    return Internal::make<ClipJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::clip_kind}));
}

void Cameras::remove(const CameraId& id) {
    const auto pass = impl_->enter(Permission::camera_write);
    const auto at = impl_->now();
    impl_->change("camera.remove", id.text(), [&](db::Tx& tx) {
        if (jobs::is_cause_of_unended(tx, id.text()))
            throw Conflict("a clip of this camera is being exported: wait for it or cancel it", {.subject = id.text()});
        if (const auto kept = rows::protections(tx, id).size(); kept > 0)
            throw Conflict("footage of this camera is protected (" + std::to_string(kept) + " ranges): give its protection up first",
                           {.subject = id.text()});
        if (!rows::set_removing(tx, id)) throw NotFound("there is no such camera", {.subject = id.text()});
        quota::free(tx, {Resource::cameras, 1}, at);
        impl_->audit(tx, "camera.remove", id.text(), at);
        impl_->engine->events->append(tx, {.kind = "camera.removed", .at = at, .subject = id.text()});
    });
    // Should the process end here, the next one finds the mark and removes what is left.
    try {
        (void)engine::recordings_of(*impl_->engine).recorder.wait_removed(impl_->scope, id, removal_patience, impl_->engine->stopping.get_token());
    } catch (const Cancelled&) {
        throw Closed("the engine was closed; the camera's footage is removed when it is opened again", {.subject = id.text()});
    }
}

// ---- one camera ----

Camera::Camera(std::shared_ptr<CameraImpl> impl) : impl_(std::move(impl)) {}
CameraId Camera::id() const { return impl_->id; }

CameraInfo Camera::info() const {
    const auto pass = impl_->session->enter(Permission::camera_read);
    return engine::camera_info(*impl_->session, engine::camera_row(*impl_->session, impl_->id));
}

CameraInfo Camera::update(const CameraUpdate& update) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::camera_write);
    engine::check_update(update);
    std::optional<nvr::GivenUrl> given;
    if (update.url) {
        given = nvr::parse_camera_url(*update.url);
        engine::check_one_login(*given, update.username || update.password);
    }
    const auto at = session.now();
    const tenant::audit::Entry entry{.time = at, .action = "camera.update", .target = impl_->id.text()};
    tenant::audit::attempt(*session.engine->refusals, session.scope, session.actor, entry, [&] {
        if (given) engine::check_address(session, given->url);
        const bool moved = session.write([&](db::Tx& tx) {
            auto row = rows::find(tx, impl_->id);
            if (!row || row->removing) throw NotFound("there is no such camera", {.subject = impl_->id.text()});
            const bool other_address = engine::change_address(*row, update, given, *session.engine->master);
            if (update.name) row->name = *update.name;
            if (update.recording) row->recording = *update.recording;
            if (!update.schedule.empty()) row->schedule = update.schedule;
            if (update.retention) row->retention = *update.retention;
            if (update.recording || !update.schedule.empty()) engine::check_recording(row->recording, row->schedule);
            rows::update(tx, *row);
            session.audit(tx, "camera.update", impl_->id.text(), at, engine::details_of(update, *row, other_address));
            session.engine->events->append(tx, {.kind = "camera.updated", .at = at, .subject = impl_->id.text()});
            return other_address;
        });
        if (moved) session.engine->log_to_empty = true;  // what it was
    });
    engine::recordings_of(*session.engine).recorder.changed();
    return engine::camera_info(session, engine::camera_row(session, impl_->id));
}

CameraInfo Camera::set_recording(Recording recording) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::camera_write);
    const auto at = session.now();
    session.change("camera.set_recording", impl_->id.text(), [&](db::Tx& tx) {
        const auto row = rows::find(tx, impl_->id);
        engine::check_recording(recording, row ? row->schedule : std::vector<RecordingWindow>{RecordingWindow{.end = std::chrono::hours(24)}});
        if (!rows::set_recording(tx, impl_->id, recording)) throw NotFound("there is no such camera", {.subject = impl_->id.text()});
        base::Json details;
        details.set("recording", to_string(recording));
        session.audit(tx, "camera.set_recording", impl_->id.text(), at, std::move(details));
    });
    engine::recordings_of(*session.engine).recorder.changed();
    return engine::camera_info(session, engine::camera_row(session, impl_->id));
}

CameraInfo Camera::set_schedule(const std::vector<RecordingWindow>& windows) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::camera_write);
    nvr::check_schedule(windows);
    const auto at = session.now();
    session.change("camera.set_schedule", impl_->id.text(), [&](db::Tx& tx) {
        const auto row = rows::find(tx, impl_->id);
        if (row) engine::check_recording(row->recording, windows);
        if (!rows::set_schedule(tx, impl_->id, windows)) throw NotFound("there is no such camera", {.subject = impl_->id.text()});
        base::Json details;
        details.set("schedule", nvr::schedule_text(windows));
        session.audit(tx, "camera.set_schedule", impl_->id.text(), at, std::move(details));
    });
    engine::recordings_of(*session.engine).recorder.changed();
    return engine::camera_info(session, engine::camera_row(session, impl_->id));
}

CameraInfo Camera::set_retention(const Retention& retention) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::camera_write);
    engine::check_retention(retention);
    const auto at = session.now();
    session.change("camera.set_retention", impl_->id.text(), [&](db::Tx& tx) {
        if (!rows::set_retention(tx, impl_->id, retention)) throw NotFound("there is no such camera", {.subject = impl_->id.text()});
        base::Json details;
        details.set("keep_for_us", std::int64_t{retention.keep_for.count()}).set("keep_bytes", retention.keep_bytes.count);
        session.audit(tx, "camera.set_retention", impl_->id.text(), at, std::move(details));
    });
    return engine::camera_info(session, engine::camera_row(session, impl_->id));
}

TENON_END
