// What a camera has recorded: lists, pictures, playlists, clips, and what is kept of it.
#include <tenon/camera.hpp>

#include <algorithm>

#include <base/file.hpp>
#include <base/id.hpp>
#include <base/text.hpp>
#include <nvr/footage.hpp>
#include <tenant/quota.hpp>

#include "export_rows.hpp"
#include "footage_use.hpp"
#include "recordings.hpp"

TENON_BEGIN

namespace rows = nvr::rows;
namespace quota = tenant::quota;
using engine::Permission;

namespace {

void check_range(Time start, Time end) {
    if (end <= start) throw InvalidArgument("a range ends after it starts", {.subject = "end"});
}

}  // namespace

std::int64_t Camera::protect(const TimeRange& range, const std::string& reason) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::camera_write);
    check_range(range.start, range.end);
    base::check_text("reason", reason, 200);
    const auto at = session.now();
    return session.change("camera.protect", impl_->id.text(), [&](db::Tx& tx) {
        const auto row = rows::find(tx, impl_->id);
        if (!row || row->removing) throw NotFound("there is no such camera", {.subject = impl_->id.text()});
        const auto number = rows::protect(tx, impl_->id, {0, range.start, range.end, reason});
        base::Json details;
        details.set("number", number).set("start", std::int64_t{range.start.time_since_epoch().count()});
        details.set("end", std::int64_t{range.end.time_since_epoch().count()}).set("reason", reason);
        session.audit(tx, "camera.protect", impl_->id.text(), at, std::move(details));
        return number;
    });
}

std::vector<Protection> Camera::protections() const {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::recording_read);
    (void)engine::camera_row(session, impl_->id);
    return session.read([&](db::Reader& reader) { return rows::protections(reader, impl_->id); });
}

void Camera::unprotect(std::int64_t number) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::camera_write);
    const auto at = session.now();
    session.change("camera.unprotect", impl_->id.text(), [&](db::Tx& tx) {
        if (!rows::unprotect(tx, impl_->id, number)) throw NotFound("there is no such protection", {.subject = std::to_string(number)});
        base::Json details;
        details.set("number", number);
        session.audit(tx, "camera.unprotect", impl_->id.text(), at, std::move(details));
    });
}

std::vector<FootageSpan> Camera::timeline(const TimeRange& range) const {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::recording_read);
    check_range(range.start, range.end);
    const auto row = engine::camera_row(session, impl_->id);
    const auto info = engine::camera_info(session, row);
    nvr::SpanFacts facts{.now = session.now(), .pruned_until = row.pruned_until, .now_missing = {}};
    if (info.state == CameraState::off) facts.now_missing = to_string(nvr::GapReason::switched_off);
    // What is being recorded reaches the index a second later: that is no gap.
    else if (info.state == CameraState::recording && info.last_frame_at) facts.now = std::min(facts.now, *info.last_frame_at);
    return nvr::list_spans(session.workspace.recordings() / impl_->id.text(), range, facts);
}

CameraSnapshot Camera::snapshot(const CameraSnapshotOptions& options) const {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::recording_read);
    if (options.target.empty()) throw InvalidArgument("say where the picture goes", {.subject = "target"});
    if (options.quality < 1 || options.quality > 100) throw InvalidArgument("quality is 1 to 100", {.subject = "quality"});
    (void)engine::camera_row(session, impl_->id);
    session.check_outside(options.target, "target", false);
    const auto still = nvr::take_still(session.workspace.recordings() / impl_->id.text(), options.at, options.quality);
    base::write_file_atomically(options.target, still.jpeg, 0644);
    return still.info;
}

Playlist Camera::playlist(const PlaylistOptions& options) const {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::recording_read);
    check_range(options.start, options.end);
    base::check_text("uri_prefix", options.uri_prefix, 2'000);
    if (options.uri_prefix.find_first_of("\"\r\n") != std::string::npos)
        throw InvalidArgument("a prefix holds no quote and no line end", {.subject = "uri_prefix"});
    (void)engine::camera_row(session, impl_->id);
    return nvr::make_playlist(session.workspace.recordings() / impl_->id.text(), options);
}

std::vector<RecordingInfo> Camera::recordings(const RecordingFilter& filter) const {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::recording_read);
    if (filter.start && filter.end && *filter.end <= *filter.start)
        throw InvalidArgument("a range ends after it starts", {.subject = "end"});
    (void)engine::camera_row(session, impl_->id);
    return nvr::list_recordings(session.workspace.recordings() / impl_->id.text(), filter);
}

ClipJob Camera::export_clip(const ClipOptions& options) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::recording_export);
    engine::check_export_name("name", options.name);
    if (options.cut != Cut::gop && options.cut != Cut::exact)
        throw InvalidArgument("a clip is cut at a GOP or exactly", {.subject = "cut"});
    jobs::check_schedule(options.schedule, session.now());
    (void)engine::camera_row(session, impl_->id);
    const auto stays = engine::hold_footage(*session.engine, session.scope.tenant(), session.engine->stopping.get_token());
    const nvr::ClipPlan plan(session.workspace.recordings() / impl_->id.text(), {options.start, options.end, options.cut});
    const auto payload = engine::clip_payload(impl_->id, options, plan.footage());
    const auto size = plan.size();
    const auto at = session.now();
    const auto hold = base::new_id<HoldId>(at);
    jobs::NewJob request{.kind = engine::clip_kind, .payload = payload, .cause = impl_->id.text(), .hold = hold};
    jobs::schedule(request, options.schedule);
    const auto granted = session.granted();
    const auto job = session.change("clip.start", impl_->id.text(), [&](db::Tx& tx) {
        const auto [id, is_new, project] = engine::enqueue(session, *granted, tx, request);
        if (!is_new) return id;
        quota::reserve(tx, hold, {.asks = {{Resource::storage, size.count}}, .cause = {quota::CauseKind::job, id.text(), 0}}, at);
        base::Json details;
        details.set("job", id.text());
        session.audit(tx, "clip.start", impl_->id.text(), at, std::move(details));
        return id;
    });
    return Internal::make<ClipJob>(std::make_shared<JobImpl>(JobImpl{impl_->session, job, engine::clip_kind}));
}

ClipJob::ClipJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}

Clip ClipJob::result() {
    auto clip = engine::clip_from(engine::job_result(*impl_));
    clip.path = impl_->session->workspace.exports() / clip.path;
    return clip;
}

TENON_END
