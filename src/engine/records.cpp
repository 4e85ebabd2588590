#include "records.hpp"

#include <array>

#include <base/json.hpp>
#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <nvr/camera_url.hpp>
#include <nvr/segment.hpp>
#include <tenant/key_text.hpp>
#include <tenant/permissions.hpp>
#include <tenon/tenon.hpp>

namespace tenon::engine::records {
namespace {

// ---- values ----

void text(std::string& to, const db::Rows& row, int column) {
    if (row.is_null(column)) to += "null";
    else base::append_json_string(to, row.text_view(column));
}

void integer(std::string& to, const db::Rows& row, int column) {
    if (row.is_null(column)) to += "null";
    else to += std::to_string(row.i64(column));
}

void truth(std::string& to, const db::Rows& row, int column) { to += row.boolean(column) ? "true" : "false"; }

void time(std::string& to, const db::Rows& row, int column) {
    if (row.is_null(column)) to += "null";
    else (to += '"') += base::to_rfc3339(row.time(column)) + '"';
}

/// 0: none.
void time_or_none(std::string& to, const db::Rows& row, int column) {
    if (row.is_null(column) || row.i64(column) == 0) to += "null";
    else time(to, row, column);
}

/// A document, stored as text: as it is, in its line.
void document(std::string& to, const db::Rows& row, int column) {
    if (row.is_null(column) || row.text_view(column).empty()) {
        to += "null";
        return;
    }
    for (const char c : row.text_view(column)) to += c == '\n' || c == '\r' ? ' ' : c;
}

void hex(std::string& to, const db::Rows& row, int column) {
    if (row.is_null(column)) to += "null";
    else (to += '"') += crypto::to_hex(row.blob_view(column)) + '"';
}

template <class Id> void id(std::string& to, const db::Rows& row, int column) {
    const auto found = row.maybe_id<Id>(column);
    if (!found || found->is_nil()) to += "null";
    else (to += '"') += found->text() + '"';
}

template <class Enum> void named(std::string& to, const db::Rows& row, int column) {
    if (row.is_null(column)) to += "null";
    else base::append_json_string(to, to_string(static_cast<Enum>(row.i64(column))));
}

/// By number, from `first` on.
template <const auto& names, std::int64_t first = 0> void one_of(std::string& to, const db::Rows& row, int column) {
    const auto number = row.i64(column) - first;
    if (number < 0 || number >= std::ssize(names)) to += std::to_string(number + first);
    else (to += '"') += std::string(names[static_cast<std::size_t>(number)]) + '"';
}

void permissions(std::string& to, const db::Rows& row, int column) {
    if (row.is_null(column)) {
        to += "null";
        return;
    }
    auto names = base::Json::array();
    for (const auto& name : tenant::names_of(tenant::from_stored(row.blob_view(column)))) names.push(name);
    to += base::to_json(names);
}

/// -1: of a level, which has no periods.
void period(std::string& to, const db::Rows& row, int column) {
    if (row.i64(column) < 0) to += "null";
    else integer(to, row, column);
}

/// When the step began; of a whole period its number. Its grain is the column before.
void bucket(std::string& to, const db::Rows& row, int column) {
    if (row.i64(column - 1) == 3) integer(to, row, column);
    else time(to, row, column);
}

void camera_url(std::string& to, const db::Rows& row, int column) {
    // A row of an older version that nobody has sealed yet has the login in it.
    base::append_json_string(to, nvr::parse_camera_url(row.text(column)).url.shown());
}

void day(std::string& to, const db::Rows& row, int column) {
    (to += '"') += nvr::day_name(static_cast<std::uint32_t>(row.i64(column))) + '"';
}

/// Of the run's number and those beside it: where the file lies in the workspace.
void footage_path(std::string& to, const db::Rows& row, int column) {
    const auto name = nvr::segment_name(static_cast<std::uint64_t>(row.i64(column)), static_cast<std::uint32_t>(row.i64(column + 1)));
    (to += "\"recordings/") += row.id<CameraId>(0).text() + "/" + nvr::day_name(static_cast<std::uint32_t>(row.i64(1))) + "/" + name + "\"";
}

/// As lists of keys show it. Prefix and environment are the columns before.
void shown_key(std::string& to, const db::Rows& row, int column) {
    const auto environment = static_cast<KeyEnvironment>(row.i64(column - 1)) == KeyEnvironment::live ? tenant::access::TextKind::live
                                                                                                    : tenant::access::TextKind::test;
    base::append_json_string(to, tenant::access::shown_key(row.text_view(column - 2), environment, row.text_view(column)));
}

constexpr const char* hold_states[] = {"open", "committed", "released", "expired"};
constexpr const char* hold_causes[] = {"none", "job", "camera", "import"};
constexpr const char* grains[] = {"minute", "hour", "period"};
constexpr const char* tag_kinds[] = {"tenant", "project", "site"};
constexpr const char* job_states[] = {"held", "scheduled", "ready", "running", "succeeded", "failed", "cancelled", "dead"};

// ---- kinds ----

constexpr db::TenantStmt tenant_rows{
    "SELECT tenant_id, name, slug, partner, plan, plan_version, state, region, zone, anchor_day, trial_ends_at, erased_at, epoch, created_at, "
    "activated_at, state_before, next_plan, next_plan_version, plan_changes_at FROM tenant WHERE tenant_id = :tenant"};
constexpr Field tenant_fields[] = {
    {"id", id<TenantId>}, {"name", text}, {"slug", text}, {"partner", id<PartnerId>}, {"plan", text}, {"plan_version", integer},
    {"state", named<TenantState>}, {"region", text}, {"zone", text}, {"anchor_day", integer}, {"trial_ends_at", time}, {"erased_at", time},
    {"version", integer}, {"created_at", time}, {"activated_at", time}, {"state_before", named<TenantState>}, {"next_plan", text},
    {"next_plan_version", integer}, {"plan_changes_at", time}};
constexpr Withheld tenant_withheld[] = {{"settings", "empty: see settings"}, {"branding", "empty: see settings"}};

constexpr db::TenantStmt period_rows{"SELECT n, starts_at, ends_at, zone, anchor_day, rules FROM period WHERE tenant_id = :tenant ORDER BY n"};
constexpr Field period_fields[] = {{"number", integer}, {"starts_at", time}, {"ends_at", time},
                                   {"zone", text}, {"anchor_day", integer}, {"zone_rules", text}};

constexpr db::TenantStmt plan_change_rows{
    "SELECT n, plan_before, version_before, plan, version, state, asked_at, effective_at, reason FROM plan_change "
    "WHERE tenant_id = :tenant ORDER BY n"};
constexpr Field plan_change_fields[] = {{"number", integer}, {"plan_before", text}, {"version_before", integer}, {"plan", text}, {"version", integer},
                                        {"state", named<PlanChangeState>}, {"asked_at", time}, {"effective_at", time}, {"reason", text}};

constexpr db::TenantStmt limit_rows{
    "SELECT name, resource, lim, reason, granted_by, granted_at, expires_at, shadow FROM limit_override WHERE tenant_id = :tenant ORDER BY name"};
constexpr Field limit_fields[] = {{"name", text}, {"resource", named<Resource>}, {"limit", integer}, {"reason", text},
                                  {"granted_by", text}, {"granted_at", time}, {"expires_at", time}, {"shadow", truth}};
constexpr Withheld limit_withheld[] = {{"granted", internal}};

constexpr db::TenantStmt settings_rows{"SELECT kind, version, body, changed_at FROM settings_document WHERE tenant_id = :tenant ORDER BY kind"};
constexpr Field settings_fields[] = {{"kind", named<SettingsKind>}, {"version", integer}, {"document", document}, {"changed_at", time}};

constexpr db::TenantStmt role_rows{"SELECT id, name, bits, version, created_at FROM custom_role WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field role_fields[] = {{"id", id<RoleId>}, {"name", text}, {"permissions", permissions}, {"version", integer}, {"created_at", time}};

constexpr db::TenantStmt user_rows{
    "SELECT id, email, name, state, role, role_id, locked_until, last_login_at, created_at FROM account WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field user_fields[] = {{"id", id<UserId>}, {"email", text}, {"name", text}, {"state", named<UserState>}, {"role", named<Role>},
                                 {"custom_role", id<RoleId>}, {"locked_until", time}, {"last_login_at", time}, {"created_at", time}};
constexpr Withheld user_withheld[] = {{"email_key", "the address in the form that is compared"},
                                      {"name_key", "the name in the form that is searched"}, {"password", secret}, {"factor", secret},
                                      {"factor_pending", secret}, {"factor_step", secret}, {"failures", internal}};

constexpr db::TenantStmt grant_rows{"SELECT account, project, role, role_id FROM project_grant WHERE tenant_id = :tenant ORDER BY account, project"};
constexpr Field grant_fields[] = {{"user", id<UserId>}, {"project", id<ProjectId>}, {"role", named<Role>}, {"custom_role", id<RoleId>}};

constexpr db::TenantStmt api_key_rows{
    "SELECT id, name, prefix, environment, kid, turns, role, role_id, scopes, cidrs, limits, account, creator, created_at, expires_at, old_until, "
    "last_used_at, revoked_at FROM api_key WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field api_key_fields[] = {
    {"id", id<KeyId>}, {"name", text}, {"prefix", text}, {"environment", named<KeyEnvironment>}, {"shown", shown_key}, {"rotations", integer},
    {"role", named<Role>}, {"custom_role", id<RoleId>}, {"scopes", permissions}, {"networks", document}, {"limits", document}, {"user", id<UserId>},
    {"created_by", text}, {"created_at", time}, {"expires_at", time}, {"grace_ends_at", time}, {"last_used_at", time}, {"revoked_at", time}};
constexpr Withheld api_key_withheld[] = {{"hash", secret}, {"pepper", secret}, {"hash_old", secret}, {"pepper_old", secret}};

constexpr db::TenantStmt login_rows{
    "SELECT id, kind, account, actor, reason, address, generation, created_at, used_at, expires_at FROM login WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field login_fields[] = {{"id", id<LoginId>}, {"kind", named<PrincipalKind>}, {"user", id<UserId>}, {"actor", text}, {"reason", text},
                                  {"address", text}, {"renewals", integer}, {"created_at", time}, {"used_at", time}, {"expires_at", time}};
constexpr Withheld login_withheld[] = {{"kid", secret}, {"pepper", secret}};

constexpr db::TenantStmt ticket_rows{"SELECT account, expires_at FROM ticket WHERE tenant_id = :tenant ORDER BY account"};
constexpr Field ticket_fields[] = {{"user", id<UserId>}, {"expires_at", time}};
constexpr Withheld ticket_withheld[] = {{"kid", secret}, {"hash", secret}, {"pepper", secret}};

constexpr db::TenantStmt issuer_rows{"SELECT id, issuer, audience, jwks, version, created_at FROM issuer WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field issuer_fields[] = {{"id", id<IssuerId>}, {"issuer", text}, {"audience", text}, {"public_keys", document}, {"version", integer},
                                   {"created_at", time}};

constexpr db::TenantStmt project_rows{"SELECT id, name, created_at FROM project WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field project_fields[] = {{"id", id<ProjectId>}, {"name", text}, {"created_at", time}};

constexpr db::TenantStmt asset_rows_of{
    "SELECT id, project_id, name, path, thumbnail, size, charged, sha256, container, duration, video_codec, width, height, rate_num, rate_den, "
    "audio_codec, sample_rate, channels, created_at FROM asset WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field asset_fields[] = {
    {"id", id<AssetId>}, {"project", id<ProjectId>}, {"name", text}, {"path", text}, {"thumbnail", text}, {"size", integer}, {"charged", integer},
    {"sha256", text}, {"container", text}, {"duration_us", integer}, {"video_codec", text}, {"width", integer}, {"height", integer},
    {"frame_rate_num", integer}, {"frame_rate_den", integer}, {"audio_codec", text}, {"sample_rate", integer}, {"channels", integer},
    {"created_at", time}};

constexpr db::TenantStmt export_rows_of{
    "SELECT name, job_id, size, sha256, created_at, project_id FROM export WHERE tenant_id = :tenant ORDER BY created_at, name"};
constexpr Field export_fields[] = {{"name", text}, {"job", id<JobId>}, {"size", integer}, {"sha256", text}, {"created_at", time},
                                   {"project", id<ProjectId>}};

constexpr db::TenantStmt restored_rows{"SELECT path, bytes FROM restored WHERE tenant_id = :tenant ORDER BY path"};
constexpr Field restored_fields[] = {{"path", text}, {"size", integer}};

constexpr db::TenantStmt site_rows{"SELECT id, name, public_key, created_at FROM site WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field site_fields[] = {{"id", id<SiteId>}, {"name", text}, {"public_key", hex}, {"created_at", time}};
constexpr Withheld site_withheld[] = {{"seed", secret}};

constexpr db::TenantStmt camera_rows{
    "SELECT id, site_id, name, url, recording, removing, created_at, schedule, keep_for, keep_bytes, pruned_until FROM camera "
    "WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field camera_fields[] = {{"id", id<CameraId>}, {"site", id<SiteId>}, {"name", text}, {"url", camera_url}, {"recording", named<Recording>},
                                   {"removing", truth}, {"created_at", time}, {"schedule", text}, {"keep_for_us", integer}, {"keep_bytes", integer},
                                   {"pruned_until", time}};
constexpr Withheld camera_withheld[] = {{"username", secret}, {"password", secret}, {"sealed_url", secret}, {"revision", internal}};

constexpr db::TenantStmt camera_state_rows{
    "SELECT camera_id, state, problem, last_frame_at, health FROM camera_status WHERE tenant_id = :tenant ORDER BY camera_id"};
constexpr Field camera_state_fields[] = {{"camera", id<CameraId>}, {"state", named<CameraState>}, {"problem", text}, {"last_frame_at", time},
                                         {"health", document}};

constexpr db::TenantStmt footage_rows{
    "SELECT camera_id, day, ordinal, run, number, started_at, ended_at, bytes, charged, frames, flags, finished FROM segment "
    "WHERE tenant_id = :tenant ORDER BY camera_id, day, ordinal"};
constexpr Field footage_fields[] = {{"camera", id<CameraId>}, {"day", day}, {"ordinal", integer}, {"path", footage_path}, {"number", integer},
                                    {"started_at", time}, {"ended_at", time}, {"size", integer}, {"charged", integer}, {"frames", integer},
                                    {"flags", integer}, {"finished", truth}};

constexpr db::TenantStmt protection_rows{
    "SELECT camera_id, number, start_at, end_at, reason FROM protection WHERE tenant_id = :tenant ORDER BY camera_id, number"};
constexpr Field protection_fields[] = {{"camera", id<CameraId>}, {"number", integer}, {"start", time}, {"end", time}, {"reason", text}};

constexpr db::TenantStmt job_rows{
    "SELECT id, queue, prio, kind, payload, cause, hold, state, attempt, max_attempts, due_at, progress, result, failure, cancel, created_at, "
    "started_at, ended_at, paused, waits_for, job_key, batch FROM job WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field job_fields[] = {
    {"id", id<JobId>}, {"queue", text}, {"priority", integer}, {"kind", text}, {"request", document}, {"about", text}, {"hold", id<HoldId>},
    {"state", one_of<job_states>}, {"attempt", integer}, {"max_attempts", integer}, {"due_at", time_or_none}, {"progress", document},
    {"result", document}, {"failure", document}, {"cancel_asked", truth}, {"created_at", time}, {"started_at", time}, {"ended_at", time},
    {"paused", integer}, {"waits_for", integer}, {"unique_key", text}, {"batch", text}};
constexpr Withheld job_withheld[] = {{"unique_key", internal}, {"fence", internal}, {"cursor", internal}};

constexpr db::TenantStmt render_rows{
    "SELECT id, cause, state, payload, result, created_at, ended_at FROM job WHERE tenant_id = :tenant AND kind = 'render' ORDER BY id"};
constexpr Field render_fields[] = {{"job", id<JobId>}, {"project", text}, {"state", one_of<job_states>}, {"request", document}, {"result", document},
                                   {"created_at", time}, {"ended_at", time}};

constexpr db::TenantStmt job_need_rows{"SELECT job_id, needs_id, go_on FROM job_need WHERE tenant_id = :tenant ORDER BY job_id, needs_id"};
constexpr Field job_need_fields[] = {{"job", id<JobId>}, {"needs", id<JobId>}, {"go_on", truth}};

constexpr db::TenantStmt job_pause_rows{"SELECT kind, paused_at FROM job_pause WHERE tenant_id = :tenant ORDER BY kind"};
constexpr Field job_pause_fields[] = {{"kind", text}, {"paused_at", time}};

constexpr db::TenantStmt recurrence_rows{
    "SELECT name, kind, payload, project_id, cron, zone, misfire, paused, next_at, last_at, last_job, last_error, last_message, runs, refused, "
    "created_at FROM recurrence WHERE tenant_id = :tenant ORDER BY name"};
constexpr Field recurrence_fields[] = {
    {"name", text}, {"kind", text}, {"request", document}, {"project", id<ProjectId>}, {"cron", text}, {"zone", text}, {"misfire", named<Misfire>},
    {"paused", truth}, {"next_at", time}, {"last_at", time}, {"last_job", id<JobId>}, {"last_error", named<Errc>}, {"last_message", text},
    {"runs", integer}, {"refused", integer}, {"created_at", time}};

constexpr db::TenantStmt backup_schedule_rows{
    "SELECT name, options, paused, overdue_at, told, created_at FROM backup_schedule WHERE tenant_id = :tenant ORDER BY name"};
constexpr Field backup_schedule_fields[] = {{"name", text}, {"options", document}, {"paused", truth}, {"overdue_at", time}, {"told", truth},
                                            {"created_at", time}};

constexpr db::TenantStmt backup_schedule_work_rows{
    "SELECT schedule, work, job_id, retry, retry_at, waits_since, limit_at, timed_out, error, message, failures, succeeded_at, snapshot_id "
    "FROM backup_schedule_work WHERE tenant_id = :tenant ORDER BY schedule, work"};
constexpr Field backup_schedule_work_fields[] = {
    {"schedule", text}, {"work", named<ScheduledWork>}, {"job", id<JobId>}, {"retry", integer}, {"retry_at", time}, {"waits_since", time},
    {"limit_at", time}, {"timed_out", truth}, {"error", named<Errc>}, {"message", text}, {"failures", integer}, {"succeeded_at", time},
    {"snapshot", id<SnapshotId>}};

constexpr db::TenantStmt drill_report_rows{
    "SELECT job_id, schedule, started_at, report FROM drill WHERE tenant_id = :tenant ORDER BY started_at, job_id"};
constexpr Field drill_report_fields[] = {{"job", id<JobId>}, {"schedule", text}, {"started_at", time}, {"report", document}};

constexpr db::TenantStmt copy_policy_rows{"SELECT level, stores FROM copy_policy WHERE tenant_id = :tenant"};
constexpr Field copy_policy_fields[] = {{"level", named<CommitLevel>}, {"stores", document}};

constexpr db::TenantStmt copy_state_rows{"SELECT store, state, seen_at, whole_at FROM copy_state WHERE tenant_id = :tenant ORDER BY store"};
constexpr Field copy_state_fields[] = {{"store", text}, {"state", document}, {"seen_at", time}, {"whole_at", time}};

constexpr db::TenantStmt event_rows{"SELECT id, kind, at, subject, data FROM event WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field event_fields[] = {{"id", integer}, {"kind", text}, {"at", time}, {"subject", text}, {"data", document}};

constexpr db::TenantStmt quota_rows{
    "SELECT resource, period, lim, soft, used, reserved, lim_until, shadow, grace FROM quota WHERE tenant_id = :tenant ORDER BY resource, period"};
constexpr Field quota_fields[] = {{"resource", named<Resource>}, {"period", period}, {"limit", integer}, {"included", integer}, {"used", integer},
                                  {"reserved", integer}, {"limit_until", time}, {"shadow", truth}, {"grace_us", integer}};
constexpr Withheld quota_withheld[] = {{"version", internal}};

constexpr db::TenantStmt quota_grace_rows{"SELECT resource, period, since FROM quota_grace WHERE tenant_id = :tenant ORDER BY resource, period"};
constexpr Field quota_grace_fields[] = {{"resource", named<Resource>}, {"period", period}, {"since", time}};

constexpr db::TenantStmt quota_level_rows{"SELECT resource, period, last, peak FROM quota_level WHERE tenant_id = :tenant ORDER BY resource, period"};
constexpr Field quota_level_fields[] = {{"resource", named<Resource>}, {"period", period}, {"last", integer}, {"peak", integer}};

constexpr db::TenantStmt quota_shadow_rows{
    "SELECT resource, period, refusals, amount, first_at, last_at FROM quota_shadow WHERE tenant_id = :tenant ORDER BY resource, period"};
constexpr Field quota_shadow_fields[] = {{"resource", named<Resource>}, {"period", period}, {"refusals", integer}, {"amount", integer},
                                         {"first_at", time}, {"last_at", time}};

constexpr db::TenantStmt quota_warning_rows{
    "SELECT resource, period, percent, at FROM quota_warning WHERE tenant_id = :tenant ORDER BY resource, period, percent"};
constexpr Field quota_warning_fields[] = {{"resource", named<Resource>}, {"period", period}, {"percent", integer}, {"at", time}};

constexpr db::TenantStmt hold_rows{
    "SELECT id, resource, period, asked, amount, cause_kind, cause_id, idem, state, expires_at FROM hold WHERE tenant_id = :tenant "
    "ORDER BY id, resource"};
constexpr Field hold_fields[] = {{"id", id<HoldId>}, {"resource", named<Resource>}, {"period", period}, {"asked", integer}, {"amount", integer},
                                 {"cause", one_of<hold_causes>}, {"cause_id", text}, {"key", text}, {"state", one_of<hold_states, 1>},
                                 {"expires_at", time}};
constexpr Withheld hold_withheld[] = {{"fence", internal}};

constexpr db::TenantStmt lease_rows{"SELECT id, resource, period, amount, told, expires_at FROM lease WHERE tenant_id = :tenant ORDER BY id"};
constexpr Field lease_fields[] = {{"id", hex}, {"resource", named<Resource>}, {"period", period}, {"amount", integer}, {"spent", integer},
                                  {"expires_at", time}};
constexpr Withheld lease_withheld[] = {{"turn", internal}};

constexpr db::TenantStmt usage_event_rows{
    "SELECT source, id, meter, qty, occurred_at, received_at, period, dims, share, late, corrects_source, corrects_id FROM usage_event "
    "WHERE tenant_id = :tenant ORDER BY source, id"};
constexpr Field usage_event_fields[] = {{"source", text}, {"id", text}, {"meter", text}, {"quantity", integer}, {"occurred_at", time},
                                        {"received_at", time}, {"period", integer}, {"said", document}, {"share", integer}, {"late", truth},
                                        {"corrects_source", text}, {"corrects_id", text}};

constexpr Withheld usage_event_withheld[] = {{"slot", "the second of occurred_at, for the order of an index"}};

constexpr db::TenantStmt usage_rollup_rows{
    "SELECT grain, bucket, meter, qty FROM usage_rollup WHERE tenant_id = :tenant ORDER BY grain, bucket, meter"};
constexpr Field usage_rollup_fields[] = {{"grain", one_of<grains, 1>}, {"start", bucket}, {"meter", text}, {"quantity", integer}};

constexpr db::TenantStmt usage_meter_rows{"SELECT meter, unit FROM usage_meter WHERE tenant_id = :tenant ORDER BY meter"};
constexpr Field usage_meter_fields[] = {{"meter", text}, {"unit", text}};

constexpr db::TenantStmt usage_dims_rows{"SELECT n, body, project FROM usage_dims WHERE tenant_id = :tenant ORDER BY n"};
constexpr Field usage_dims_fields[] = {{"number", integer}, {"said", document}, {"project", id<ProjectId>}};

constexpr db::TenantStmt usage_share_rows{
    "SELECT bucket, meter, dims, period, qty FROM usage_share WHERE tenant_id = :tenant ORDER BY bucket, meter, dims, period"};
constexpr Field usage_share_fields[] = {{"start", time}, {"meter", text}, {"share", integer}, {"period", integer}, {"quantity", integer}};

constexpr db::TenantStmt cost_tag_rows{"SELECT kind, name, since, body FROM cost_tags WHERE tenant_id = :tenant ORDER BY kind, name, since"};
constexpr Field cost_tag_fields[] = {{"of", one_of<tag_kinds>}, {"name", text}, {"since", time_or_none}, {"tags", document}};

constexpr db::TenantStmt audit_policy_rows{"SELECT days, changed_at FROM audit_policy WHERE tenant_id = :tenant"};
constexpr Field audit_policy_fields[] = {{"days", integer}, {"changed_at", time}};

constexpr db::SharedStmt plan_terms{
    "SELECT name, version, catalogue, title, price, currency, price_interval, per, trial_days, features, limits, rates, retention, overage, sla "
    "FROM plan WHERE name = :name AND version = :version"};
constexpr Field plan_fields[] = {{"name", text}, {"version", integer}, {"catalogue", text}, {"title", text}, {"price", integer}, {"currency", text},
                                 {"interval", text}, {"per", text}, {"trial_days", integer}, {"features", document}, {"limits", document},
                                 {"rates", document}, {"retention", document}, {"overage", document}, {"sla_basis_points", integer}};

void append_fields(std::string& to, std::span<const Field> fields, const db::Rows& row) {
    to += '{';
    for (int i = 0; i < std::ssize(fields); ++i) {
        const auto& field = fields[static_cast<std::size_t>(i)];
        if (i > 0) to += ',';
        ((to += '"') += field.name) += "\":";
        field.put(to, row, i);
    }
    to += "}\n";
}

}  // namespace

constinit const Kind tenants{"tenant", tenant_rows, tenant_fields, tenant_withheld};
constinit const Kind periods{"period", period_rows, period_fields};
constinit const Kind plan_changes{"plan_change", plan_change_rows, plan_change_fields};
constinit const Kind limits{"limit", limit_rows, limit_fields, limit_withheld};
constinit const Kind settings{"settings", settings_rows, settings_fields};
constinit const Kind roles{"role", role_rows, role_fields};
constinit const Kind users{"user", user_rows, user_fields, user_withheld};
constinit const Kind grants{"grant", grant_rows, grant_fields};
constinit const Kind api_keys{"api_key", api_key_rows, api_key_fields, api_key_withheld};
constinit const Kind logins{"login", login_rows, login_fields, login_withheld};
constinit const Kind tickets{"ticket", ticket_rows, ticket_fields, ticket_withheld};
constinit const Kind issuers{"issuer", issuer_rows, issuer_fields};
constinit const Kind projects{"project", project_rows, project_fields};
constinit const Kind assets{"asset", asset_rows_of, asset_fields};
constinit const Kind exports{"export", export_rows_of, export_fields};
constinit const Kind restored_files{"restored_file", restored_rows, restored_fields};
constinit const Kind sites{"site", site_rows, site_fields, site_withheld};
constinit const Kind cameras{"camera", camera_rows, camera_fields, camera_withheld};
constinit const Kind camera_states{"camera_state", camera_state_rows, camera_state_fields};
constinit const Kind footage{"footage", footage_rows, footage_fields};
constinit const Kind protections{"protection", protection_rows, protection_fields};
constinit const Kind jobs{"job", job_rows, job_fields, job_withheld};
constinit const Kind renders{"render", render_rows, render_fields};
constinit const Kind job_needs{"job_need", job_need_rows, job_need_fields};
constinit const Kind job_pauses{"job_pause", job_pause_rows, job_pause_fields};
constinit const Kind recurrences{"recurrence", recurrence_rows, recurrence_fields};
constinit const Kind backup_schedules{"backup_schedule", backup_schedule_rows, backup_schedule_fields};
constinit const Kind backup_schedule_works{"backup_schedule_work", backup_schedule_work_rows, backup_schedule_work_fields};
constinit const Kind drills{"drill", drill_report_rows, drill_report_fields};
constinit const Kind copy_policies{"copy_policy", copy_policy_rows, copy_policy_fields};
constinit const Kind copy_states{"copy_state", copy_state_rows, copy_state_fields};
constinit const Kind events{"event", event_rows, event_fields};
constinit const Kind quotas{"quota", quota_rows, quota_fields, quota_withheld};
constinit const Kind quota_graces{"quota_grace", quota_grace_rows, quota_grace_fields};
constinit const Kind quota_levels{"quota_level", quota_level_rows, quota_level_fields};
constinit const Kind quota_shadows{"quota_shadow", quota_shadow_rows, quota_shadow_fields};
constinit const Kind quota_warnings{"quota_warning", quota_warning_rows, quota_warning_fields};
constinit const Kind holds{"hold", hold_rows, hold_fields, hold_withheld};
constinit const Kind leases{"lease", lease_rows, lease_fields, lease_withheld};
constinit const Kind usage_events{"usage_event", usage_event_rows, usage_event_fields, usage_event_withheld};
constinit const Kind usage_rollups{"usage_rollup", usage_rollup_rows, usage_rollup_fields};
constinit const Kind usage_meters{"usage_meter", usage_meter_rows, usage_meter_fields};
constinit const Kind usage_dims{"usage_dims", usage_dims_rows, usage_dims_fields};
constinit const Kind usage_shares{"usage_share", usage_share_rows, usage_share_fields};
constinit const Kind cost_tags{"cost_tags", cost_tag_rows, cost_tag_fields};
constinit const Kind audit_policies{"audit_policy", audit_policy_rows, audit_policy_fields};

void append_line(std::string& to, const Kind& kind, const db::Rows& row) { append_fields(to, kind.fields, row); }

void append_plan(std::string& to, const std::string& name, std::int32_t version, db::Reader& reader) {
    auto rows = reader.query(plan_terms, name, version);
    if (rows.next()) append_fields(to, plan_fields, rows);
}

}  // namespace tenon::engine::records
