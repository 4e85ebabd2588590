#include "json.hpp"

#include <boost/json/parse.hpp>

#include "text.hpp"

namespace tenon::cli {

namespace json = boost::json;

json::array strings(const std::vector<std::string>& values) { return json::array(values.begin(), values.end()); }

json::array labels(const std::vector<Label>& values) {
    json::array out;
    for (const auto& [key, value] : values) out.push_back(json::object{{"key", key}, {"value", value}});
    return out;
}

json::value or_null(const std::optional<std::int64_t>& value) { return value ? json::value(*value) : json::value(nullptr); }

json::value or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

json::value embedded(const std::string& text) {
    json::error_code error;
    auto value = json::parse(text, error);
    return error ? or_null(text) : value;
}

json::value to_json(const std::optional<Time>& time) { return time ? json::value(stamp(*time)) : json::value(nullptr); }

json::object to_json(const Tenant& t) {
    return {{"id", t.id.text()},
            {"name", t.name},
            {"slug", t.slug},
            {"plan", t.plan},
            {"plan_version", t.plan_version},
            {"state", to_string(t.state)},
            {"partner", t.partner ? json::value(t.partner->text()) : json::value(nullptr)},
            {"region", t.region},
            {"zone", t.zone},
            {"anchor_day", t.anchor_day},
            {"trial_ends_at", to_json(t.trial_ends_at)},
            {"erased_at", to_json(t.erased_at)},
            {"created_at", stamp(t.created_at)},
            {"next_plan", or_null(t.next_plan)},
            {"next_plan_version", t.next_plan_version},
            {"plan_changes_at", to_json(t.plan_changes_at)},
            {"version", t.version}};
}

json::object to_json(const PlanChange& c) {
    json::array impacts;
    for (const auto& impact : c.impacts)
        impacts.push_back(json::object{{"resource", to_string(impact.resource)},
                                       {"before", or_null(impact.before)},
                                       {"after", or_null(impact.after)},
                                       {"used", impact.used},
                                       {"over", impact.over}});
    return {{"before", c.before},
            {"version_before", c.version_before},
            {"plan", c.plan},
            {"version", c.version},
            {"state", to_string(c.state)},
            {"asked_at", stamp(c.asked_at)},
            {"effective_at", stamp(c.effective_at)},
            {"reason", or_null(c.reason)},
            {"impacts", impacts},
            {"features_gained", strings(c.features_gained)},
            {"features_lost", strings(c.features_lost)}};
}

json::object to_json(const LimitOverride& l) {
    return {{"name", l.name},
            {"resource", to_string(l.resource)},
            {"limit", or_null(l.limit)},
            {"reason", l.reason},
            {"granted_by", or_null(l.granted_by)},
            {"granted_at", stamp(l.granted_at)},
            {"expires_at", to_json(l.expires_at)},
            {"in_force", l.in_force},
            {"shadow", l.shadow}};
}

json::object to_json(const MovedHome& m) {
    json::array tables;
    for (const auto& table : m.tables) tables.push_back(json::object{{"name", table.name}, {"rows", table.rows}, {"sha256", table.sha256}});
    return {{"tables", std::move(tables)}, {"rows", m.rows}, {"took_us", m.took.count()}};
}

json::object to_json(const Partner& p) {
    return {{"id", p.id.text()},
            {"name", p.name},
            {"slug", p.slug},
            {"catalogues", strings(p.catalogues)},
            {"share_basis_points", p.share_basis_points},
            {"branding", embedded(p.branding)},
            {"version", p.version},
            {"created_at", stamp(p.created_at)}};
}

json::object to_json(const SettingsDocument& d) {
    return {{"kind", to_string(d.kind)}, {"body", embedded(d.body)}, {"version", d.version}, {"changed_at", to_json(d.changed_at)}};
}

json::object to_json(const Plan& p) {
    json::object limits;
    for (const auto& limit : p.limits) limits[to_string(limit.resource)] = or_null(limit.limit);
    return {{"name", p.name},
            {"version", p.version},
            {"price", json::object{{"minor", p.price.minor}, {"currency", p.price.currency}}},
            {"trial_days", p.trial_days},
            {"limits", limits},
            {"features", strings(p.features)}};
}

json::object to_json(const Project& p) {
    return {{"id", p.id.text()}, {"name", p.name}, {"created_at", stamp(p.created_at)}};
}

json::object to_json(const Asset& a) {
    return {{"id", a.id.text()},
            {"project", a.project.text()},
            {"name", a.name},
            {"path", a.path.string()},
            {"thumbnail", or_null(a.thumbnail.string())},
            {"size", a.size.count},
            {"sha256", a.sha256},
            {"container", a.container},
            {"duration_us", a.duration.count()},
            {"video_codec", or_null(a.video_codec)},
            {"width", a.width},
            {"height", a.height},
            {"frame_rate", json::object{{"num", a.frame_rate.num}, {"den", a.frame_rate.den}}},
            {"audio_codec", or_null(a.audio_codec)},
            {"sample_rate", a.sample_rate},
            {"channels", a.channels},
            {"created_at", stamp(a.created_at)}};
}

json::object to_json(const Progress& p) {
    return {{"percent", p.percent},
            {"stage", p.stage},
            {"done", p.done},
            {"total", p.total},
            {"unit", p.unit},
            {"eta_us", p.eta ? json::value(p.eta->count()) : json::value(nullptr)},
            {"per_second", p.per_second},
            {"files", p.files},
            {"files_per_second", p.files_per_second}};
}

json::object to_json(const WorkLimits& l) {
    return {{"threads", l.threads},
            {"memory", l.memory.count},
            {"download_per_second", l.download_per_second.count},
            {"upload_per_second", l.upload_per_second.count}};
}

json::object to_json(const JobPause& p) { return {{"kind", p.kind}, {"paused_at", stamp(p.paused_at)}}; }

json::object to_json(const JobBatch& b) {
    return {{"name", b.name}, {"total", b.total}, {"waiting", b.waiting}, {"running", b.running},
            {"succeeded", b.succeeded}, {"failed", b.failed}, {"cancelled", b.cancelled}, {"percent", b.percent}};
}

json::object to_json(const StartedJob& j) {
    return {{"job", j.job.is_nil() ? json::value(nullptr) : json::value(j.job.text())},
            {"error", j.error ? json::value(to_string(*j.error)) : json::value(nullptr)},
            {"message", or_null(j.message)}};
}

json::object to_json(const Recurrence& r) {
    return {{"name", r.name},
            {"kind", r.kind},
            {"project", r.project ? json::value(r.project->text()) : json::value(nullptr)},
            {"cron", r.cron},
            {"zone", r.zone},
            {"misfire", to_string(r.misfire)},
            {"paused", r.paused},
            {"next_at", to_json(r.next_at)},
            {"last_at", to_json(r.last_at)},
            {"last_job", r.last_job ? json::value(r.last_job->text()) : json::value(nullptr)},
            {"last_error", r.last_error ? json::value(to_string(*r.last_error)) : json::value(nullptr)},
            {"last_message", or_null(r.last_message)},
            {"runs", r.runs},
            {"refused", r.refused},
            {"created_at", stamp(r.created_at)}};
}

json::object to_json(const JobInfo& j) {
    json::array after;
    for (const auto& id : j.after) after.push_back(json::value(id.text()));
    return {{"id", j.id.text()},
            {"kind", j.kind},
            {"state", to_string(j.state)},
            {"progress", to_json(j.progress)},
            {"attempt", j.attempt},
            {"max_attempts", j.max_attempts},
            {"priority", j.priority},
            {"due_at", to_json(j.due_at)},
            {"unique_key", or_null(j.unique_key)},
            {"batch", or_null(j.batch)},
            {"after", after},
            {"created_at", stamp(j.created_at)},
            {"started_at", to_json(j.started_at)},
            {"ended_at", to_json(j.ended_at)},
            {"error", j.error ? json::value(to_string(*j.error)) : json::value(nullptr)},
            {"message", or_null(j.message)}};
}

json::object to_json(const RenderResult& r) {
    json::array outputs;
    for (const auto& f : r.outputs)
        outputs.push_back(json::object{{"preset", f.preset},
                                       {"path", f.path.string()},
                                       {"size", f.size.count},
                                       {"sha256", f.sha256},
                                       {"duration_us", f.duration.count()},
                                       {"frames", f.frames},
                                       {"width", f.width},
                                       {"height", f.height},
                                       {"loudness", f.loudness.measured ? json::value{{"lufs", f.loudness.integrated},
                                                                                      {"range_lu", f.loudness.range},
                                                                                      {"true_peak_dbtp", f.loudness.true_peak}}
                                                                        : json::value(nullptr)},
                                       {"quality", f.quality.measured ? json::value{{"score", f.quality.score},
                                                                                    {"ssim", f.quality.ssim},
                                                                                    {"ssim_low", f.quality.ssim_low},
                                                                                    {"psnr_db", f.quality.psnr},
                                                                                    {"frames", f.quality.frames}}
                                                                      : json::value(nullptr)}});
    json::array damage;
    for (const auto& d : r.damage)
        damage.push_back(json::object{
            {"asset", d.asset.text()}, {"sound", d.sound}, {"start_us", d.start.count()}, {"end_us", d.end.count()}});
    return {{"outputs", outputs}, {"render_time_us", r.render_time.count()}, {"damage", damage}};
}

json::object to_json(const ExportedFile& f) {
    return {{"name", f.name},
            {"path", f.path.string()},
            {"job", f.job.text()},
            {"size", f.size.count},
            {"sha256", f.sha256},
            {"created_at", stamp(f.created_at)}};
}

json::object to_json(const CameraInfo& c) {
    return {{"id", c.id.text()},
            {"site", c.site.is_nil() ? json::value(nullptr) : json::value(c.site.text())},
            {"name", c.name},
            {"url", c.url},
            {"recording", to_string(c.recording)},
            {"state", to_string(c.state)},
            {"problem", or_null(c.problem)},
            {"last_frame_at", to_json(c.last_frame_at)},
            {"created_at", stamp(c.created_at)},
            {"schedule", to_json(c.schedule)},
            {"keep_for_us", c.retention.keep_for.count()},
            {"keep_bytes", c.retention.keep_bytes.count},
            {"health", json::object{{"frames_per_second", c.health.frames_per_second},
                                    {"bits_per_second", c.health.bits_per_second},
                                    {"key_frame_interval_us", c.health.key_frame_interval.count()},
                                    {"arrived_at", to_json(c.health.arrived_at)},
                                    {"reconnects", c.health.reconnects}}}};
}

json::object to_json(const RecordingWindow& w) {
    return {{"day", to_string(w.day)}, {"start_us", w.start.count()}, {"end_us", w.end.count()}};
}

json::object to_json(const FootageSpan& s) {
    return {{"kind", to_string(s.kind)}, {"start", stamp(s.start)}, {"end", stamp(s.end)}, {"reason", or_null(s.reason)}};
}

json::object to_json(const Protection& p) {
    return {{"number", p.number}, {"start", stamp(p.start)}, {"end", stamp(p.end)}, {"reason", or_null(p.reason)}};
}

json::object to_json(const CameraSnapshot& s) {
    return {{"at", stamp(s.at)}, {"width", s.width}, {"height", s.height}, {"size", s.size.count}};
}

json::object to_json(const Playlist& p) {
    json::array files;
    for (const auto& file : p.files) files.push_back(json::value(file));
    return {{"text", p.text},
            {"folder", p.folder.string()},
            {"files", files},
            {"start", stamp(p.start)},
            {"end", stamp(p.end)},
            {"duration_us", p.duration.count()}};
}

json::object to_json(const RecordingInfo& r) {
    return {{"start", stamp(r.start)},
            {"end", stamp(r.end)},
            {"size", r.size.count},
            {"frames", r.frames},
            {"gap_before", or_null(r.gap_before)}};
}

json::object to_json(const Clip& c) {
    return {{"path", c.path.string()},
            {"start", stamp(c.start)},
            {"end", stamp(c.end)},
            {"duration_us", c.duration.count()},
            {"frames", c.frames},
            {"size", c.size.count},
            {"sha256", c.sha256}};
}

json::object to_json(const Takeout& t) {
    json::object records;
    for (const auto& [kind, count] : t.records) records[kind] = count;
    return {{"path", t.path.string()},
            {"at", stamp(t.at)},
            {"records", std::move(records)},
            {"originals", t.originals},
            {"files", t.files},
            {"size", t.size.count},
            {"problems", t.problems},
            {"manifest_sha256", t.manifest_sha256},
            {"key", t.key}};
}

json::object to_json(const Quota& q) {
    return {{"resource", to_string(q.resource)},
            {"limit", or_null(q.limit)},
            {"used", q.used},
            {"reserved", q.reserved},
            {"resets_at", to_json(q.resets_at)},
            {"limit_until", to_json(q.limit_until)}};
}

json::object to_json(const QuotaForecast& f) {
    return {{"resource", to_string(f.resource)},
            {"method", to_string(f.method)},
            {"limit", f.limit},
            {"used", f.used},
            {"since", stamp(f.since)},
            {"until", stamp(f.until)},
            {"grown", f.grown},
            {"exhausts_at", to_json(f.exhausts_at)}};
}

json::object to_json(const QuotaOverage& o) {
    return {{"resource", to_string(o.resource)},
            {"rule", to_string(o.rule)},
            {"included", o.included},
            {"over", o.over},
            {"cost_micros", o.cost_micros},
            {"currency", o.currency},
            {"grace_ends_at", to_json(o.grace_ends_at)}};
}

json::object to_json(const ShadowCount& s) {
    return {{"resource", to_string(s.resource)},
            {"refusals", s.refusals},
            {"amount", s.amount},
            {"first_at", stamp(s.first_at)},
            {"last_at", stamp(s.last_at)}};
}

json::object to_json(const RateDecision& d) {
    json::object headers;
    for (const auto& header : d.headers) headers[header.key] = header.value;
    return {{"allowed", d.allowed},
            {"scope", to_string(d.scope)},
            {"route", or_null(d.route)},
            {"limit", or_null(d.limit)},
            {"window_us", d.window.count()},
            {"remaining", d.remaining},
            {"reset_us", d.reset.count()},
            {"retry_after_us", d.retry_after.count()},
            {"headers", headers}};
}

json::object to_json(const LeaseInfo& l) {
    return {{"id", l.id.text()}, {"resource", to_string(l.resource)}, {"amount", l.amount}, {"expires_at", stamp(l.expires_at)}};
}

json::object to_json(const OpenHold& h) {
    json::array asks;
    for (const auto& ask : h.asks) asks.push_back(json::object{{"resource", to_string(ask.resource)}, {"amount", ask.amount}});
    return {{"id", h.id.text()}, {"asks", asks}, {"expires_at", to_json(h.expires_at)}};
}

namespace {

json::array to_json(const std::vector<MeterTotal>& meters) {
    json::array list;
    for (const auto& m : meters) list.push_back(json::object{{"meter", m.meter}, {"unit", m.unit}, {"quantity", m.quantity}});
    return list;
}

}  // namespace

json::object to_json(const UsageReport& r) {
    return {{"start", stamp(r.start)},
            {"end", stamp(r.end)},
            {"plan", r.plan},
            {"meters", to_json(r.meters)},
            {"quotas", to_json(r.quotas)}};
}

json::object to_json(const UsageMonth& m) {
    json::array resources, advice;
    for (const auto& r : m.resources)
        resources.push_back(json::object{{"resource", to_string(r.resource)},
                                         {"limit", r.limit ? json::value(*r.limit) : json::value(nullptr)},
                                         {"used", r.used},
                                         {"peak", r.peak},
                                         {"percent", r.percent ? json::value(*r.percent) : json::value(nullptr)}});
    const auto money = [](const std::optional<Money>& price) {
        return price ? json::value{{"minor", price->minor}, {"currency", price->currency}} : json::value(nullptr);
    };
    for (const auto& a : m.advice) {
        json::array reasons;
        for (const auto& reason : a.reasons)
            reasons.push_back(json::object{{"resource", to_string(reason.resource)},
                                           {"month", reason.month},
                                           {"peak", reason.peak},
                                           {"limit", or_null(reason.limit)},
                                           {"limit_then", or_null(reason.limit_then)}});
        advice.push_back(json::object{{"advice", to_string(a.advice)},
                                      {"resource", a.resource ? json::value(to_string(*a.resource)) : json::value(nullptr)},
                                      {"plan", a.plan},
                                      {"text", a.text},
                                      {"reasons", reasons},
                                      {"threshold", a.threshold},
                                      {"price", money(a.price)},
                                      {"price_then", money(a.price_then)}});
    }
    return {{"number", m.number}, {"start", stamp(m.start)}, {"end", stamp(m.end)}, {"running", m.running},
            {"meters", to_json(m.meters)}, {"resources", resources}, {"advice", advice}};
}

json::object to_json(const UsagePoint& p) { return {{"start", stamp(p.start)}, {"quantity", p.quantity}}; }

json::object to_json(const UsageReceipt& r) {
    return {{"source", r.source}, {"id", r.id}, {"outcome", to_string(r.outcome)}, {"period", r.period}};
}

json::object to_json(const UsageRecord& r) {
    json::value corrects = nullptr;
    if (!r.corrects_source.empty()) corrects = json::object{{"source", r.corrects_source}, {"id", r.corrects_id}};
    return {{"source", r.source},
            {"id", r.id},
            {"meter", r.meter},
            {"unit", r.unit},
            {"quantity", r.quantity},
            {"occurred_at", stamp(r.occurred_at)},
            {"received_at", stamp(r.received_at)},
            {"period", r.period},
            {"late", r.late},
            {"project", r.project ? json::value(r.project->text()) : json::value(nullptr)},
            {"site", or_null(r.site)},
            {"tags", labels(r.tags)},
            {"corrects", corrects}};
}

json::object to_json(const UsageShare& s) {
    return {{"key", or_null(s.key)}, {"meter", s.meter}, {"unit", s.unit}, {"quantity", s.quantity}};
}

json::object to_json(const CostTags& t) {
    return {{"project", t.project ? json::value(t.project->text()) : json::value(nullptr)}, {"site", or_null(t.site)}, {"tags", labels(t.tags)}};
}

json::object to_json(const UsageCheck& c) {
    json::array differences;
    for (const auto& d : c.differences)
        differences.push_back(
            json::object{{"sum", d.sum}, {"meter", d.meter}, {"start", stamp(d.start)}, {"kept", d.kept}, {"counted", d.counted}});
    return {{"events", c.events}, {"different", c.different}, {"differences", differences}};
}

json::object to_json(const AuditRecord& r) {
    return {{"seq", r.seq},
            {"at", stamp(r.at)},
            {"actor", r.actor},
            {"action", r.action},
            {"target", r.target},
            {"outcome", r.outcome},
            {"reason", or_null(r.reason)},
            {"details", embedded(r.details)},
            {"hash", r.hash},
            {"actor_erased", r.actor_erased},
            {"reason_erased", r.reason_erased},
            {"details_erased", r.details_erased}};
}

json::object to_json(const AuditListing& l) {
    return {{"records", l.records}, {"last", l.last}, {"size", l.size.count}, {"sha256", l.sha256}};
}

json::object to_json(const AuditRetention& r) {
    return {{"plan_days", or_null(r.plan_days)}, {"own_days", or_null(r.own_days)}, {"days", or_null(r.days)}, {"first", r.first}, {"held", r.held}};
}

json::object to_json(const LegalHold& h) {
    return {{"name", h.name}, {"reason", h.reason}, {"placed_by", h.placed_by}, {"placed_at", stamp(h.placed_at)}};
}

json::object to_json(const ErasureReceipt& r) {
    json::object removed;
    for (const auto& [kind, count] : r.removed) removed[kind] = count;
    return {{"tenant", r.tenant.text()}, {"erased_at", stamp(r.erased_at)}, {"removed", std::move(removed)}, {"audit_records", r.audit_records},
            {"audit_root", r.audit_root}, {"key", r.key}, {"text", r.text}};
}

json::object to_json(const ErasedPersonal& e) { return {{"records", e.records}, {"actor", e.actor}}; }

json::object to_json(const AuditCheckpoint& c) {
    return {{"size", c.size}, {"root", c.root}, {"at", stamp(c.at)}, {"note", c.note}, {"key", c.key}};
}

json::object to_json(const AuditProof& p) {
    json::array path(p.path.begin(), p.path.end());
    return {{"seq", p.seq}, {"size", p.size}, {"path", std::move(path)}, {"text", p.text}};
}

json::object to_json(const AuditReport& r) { return {{"records", r.records}, {"head", r.head}}; }

json::object to_json(const Event& e) {
    return {{"id", e.id},
            {"kind", e.kind},
            {"at", stamp(e.at)},
            {"subject", e.subject},
            {"data", embedded(e.data)},
            {"dropped_before", e.dropped_before}};
}

json::object to_json(const Error& e, const std::string& hint) {
    return {{"code", to_string(e.code())},
            {"number", static_cast<int>(e.code())},
            {"message", clean(e.what())},
            {"subject", or_null(e.subject())},
            {"resource", or_null(e.resource())},
            {"limit", or_null(e.limit())},
            {"used", or_null(e.used())},
            {"resets_at", to_json(e.resets_at())},
            {"retryable", e.retryable()},
            {"hint", or_null(hint)}};
}

}  // namespace tenon::cli
