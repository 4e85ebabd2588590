#include "tenant_tables.hpp"

namespace tenon::engine {
namespace {

using enum Fate;

constexpr const char* in_audit = "told as the records of the audit trail";
constexpr const char* in_evidence = "hashes and signatures: in the evidence of the audit trail";

constinit const TenantTable every_table[] = {
    {"account", "SELECT count(*) FROM account_ WHERE tenant_id = :id", goes, &records::users},
    {"api_key", "SELECT count(*) FROM api_key_ WHERE tenant_id = :id", goes, &records::api_keys},
    {"asset", "SELECT count(*) FROM asset_ WHERE tenant_id = :id", goes, &records::assets},
    {"audit", "SELECT count(*) FROM audit_ WHERE tenant_id = :id", stays, nullptr, in_audit},
    {"audit_actor", "SELECT count(*) FROM audit_actor_ WHERE tenant_id = :id", goes, nullptr, in_audit},
    {"audit_head", "SELECT count(*) FROM audit_head_ WHERE tenant_id = :id", stays, nullptr, in_evidence},
    {"audit_log", "SELECT count(*) FROM audit_log_ WHERE tenant_id = :id", stays, nullptr, in_evidence},
    {"audit_node", "SELECT count(*) FROM audit_node_ WHERE tenant_id = :id", stays, nullptr, in_evidence},
    {"audit_pack", "SELECT count(*) FROM audit_pack_ WHERE tenant_id = :id", stays, nullptr, in_audit},
    {"audit_pack_private", "SELECT count(*) FROM audit_pack_private_ WHERE tenant_id = :id", goes, nullptr, in_audit},
    {"audit_policy", "SELECT count(*) FROM audit_policy_ WHERE tenant_id = :id", goes, &records::audit_policies},
    {"audit_private", "SELECT count(*) FROM audit_private_ WHERE tenant_id = :id", goes, nullptr, in_audit},
    {"audit_pruned", "SELECT count(*) FROM audit_pruned_ WHERE tenant_id = :id", stays, nullptr, in_evidence},
    {"audit_retention", "SELECT count(*) FROM audit_retention_ WHERE tenant_id = :id", stays, nullptr, in_evidence},
    {"backup_check", "SELECT count(*) FROM backup_check_ WHERE tenant_id = :id", goes, nullptr, records::internal},
    {"backup_checkpoint", "SELECT count(*) FROM backup_checkpoint_ WHERE tenant_id = :id", goes, nullptr, records::internal},
    {"backup_schedule", "SELECT count(*) FROM backup_schedule_ WHERE tenant_id = :id", goes, &records::backup_schedules},
    {"backup_schedule_work", "SELECT count(*) FROM backup_schedule_work_ WHERE tenant_id = :id", goes, &records::backup_schedule_works},
    {"camera", "SELECT count(*) FROM camera_ WHERE tenant_id = :id", goes, &records::cameras},
    {"camera_status", "SELECT count(*) FROM camera_status_ WHERE tenant_id = :id", goes, &records::camera_states},
    {"copy_policy", "SELECT count(*) FROM copy_policy_ WHERE tenant_id = :id", goes, &records::copy_policies},
    {"copy_state", "SELECT count(*) FROM copy_state_ WHERE tenant_id = :id", goes, &records::copy_states},
    {"cost_tags", "SELECT count(*) FROM cost_tags_ WHERE tenant_id = :id", goes, &records::cost_tags},
    {"custom_role", "SELECT count(*) FROM custom_role_ WHERE tenant_id = :id", goes, &records::roles},
    {"doomed", "SELECT count(*) FROM doomed_ WHERE tenant_id = :id", goes, nullptr, records::internal},
    {"drill", "SELECT count(*) FROM drill_ WHERE tenant_id = :id", goes, &records::drills},
    {"event", "SELECT count(*) FROM event_ WHERE tenant_id = :id", goes, &records::events},
    {"export", "SELECT count(*) FROM export_ WHERE tenant_id = :id", goes, &records::exports},
    {"hold", "SELECT count(*) FROM hold_ WHERE tenant_id = :id", goes, &records::holds},
    {"issuer", "SELECT count(*) FROM issuer_ WHERE tenant_id = :id", goes, &records::issuers},
    {"job", "SELECT count(*) FROM job_ WHERE tenant_id = :id", goes, &records::jobs},
    {"job_need", "SELECT count(*) FROM job_need_ WHERE tenant_id = :id", goes, &records::job_needs},
    {"job_pause", "SELECT count(*) FROM job_pause_ WHERE tenant_id = :id", goes, &records::job_pauses},
    {"job_run", "SELECT count(*) FROM job_run_ WHERE tenant_id = :id", goes, nullptr, records::internal},
    {"lease", "SELECT count(*) FROM lease_ WHERE tenant_id = :id", goes, &records::leases},
    {"legal_hold", "SELECT count(*) FROM legal_hold_ WHERE tenant_id = :id", stays, nullptr, "the operator's: why he keeps what was to go"},
    {"limit_override", "SELECT count(*) FROM limit_override_ WHERE tenant_id = :id", goes, &records::limits},
    {"login", "SELECT count(*) FROM login_ WHERE tenant_id = :id", goes, &records::logins},
    {"period", "SELECT count(*) FROM period_ WHERE tenant_id = :id", goes, &records::periods},
    {"plan_change", "SELECT count(*) FROM plan_change_ WHERE tenant_id = :id", goes, &records::plan_changes},
    {"project", "SELECT count(*) FROM project_ WHERE tenant_id = :id", goes, &records::projects},
    {"project_grant", "SELECT count(*) FROM project_grant_ WHERE tenant_id = :id", goes, &records::grants},
    {"protection", "SELECT count(*) FROM protection_ WHERE tenant_id = :id", goes, &records::protections},
    {"quota", "SELECT count(*) FROM quota_ WHERE tenant_id = :id", goes, &records::quotas},
    {"quota_grace", "SELECT count(*) FROM quota_grace_ WHERE tenant_id = :id", goes, &records::quota_graces},
    {"quota_level", "SELECT count(*) FROM quota_level_ WHERE tenant_id = :id", goes, &records::quota_levels},
    {"quota_shadow", "SELECT count(*) FROM quota_shadow_ WHERE tenant_id = :id", goes, &records::quota_shadows},
    {"quota_warning", "SELECT count(*) FROM quota_warning_ WHERE tenant_id = :id", goes, &records::quota_warnings},
    {"recovery_code", "SELECT count(*) FROM recovery_code_ WHERE tenant_id = :id", goes, nullptr, records::secret},
    {"recurrence", "SELECT count(*) FROM recurrence_ WHERE tenant_id = :id", goes, &records::recurrences},
    {"repository", "SELECT count(*) FROM repository_ WHERE tenant_id = :id", goes, nullptr, records::internal},
    {"restored", "SELECT count(*) FROM restored_ WHERE tenant_id = :id", goes, &records::restored_files},
    {"segment", "SELECT count(*) FROM segment_ WHERE tenant_id = :id", goes, &records::footage},
    {"settings_document", "SELECT count(*) FROM settings_document_ WHERE tenant_id = :id", goes, &records::settings},
    {"site", "SELECT count(*) FROM site_ WHERE tenant_id = :id", goes, &records::sites},
    {"tenant", "SELECT count(*) FROM tenant_ WHERE tenant_id = :id", stays, &records::tenants},
    {"ticket", "SELECT count(*) FROM ticket_ WHERE tenant_id = :id", goes, &records::tickets},
    {"usage_check", "SELECT count(*) FROM usage_check_ WHERE tenant_id = :id", goes, nullptr, records::internal},
    {"usage_dims", "SELECT count(*) FROM usage_dims_ WHERE tenant_id = :id", goes, &records::usage_dims},
    {"usage_event", "SELECT count(*) FROM usage_event_ WHERE tenant_id = :id", goes, &records::usage_events},
    {"usage_meter", "SELECT count(*) FROM usage_meter_ WHERE tenant_id = :id", goes, &records::usage_meters},
    {"usage_rollup", "SELECT count(*) FROM usage_rollup_ WHERE tenant_id = :id", goes, &records::usage_rollups},
    {"usage_share", "SELECT count(*) FROM usage_share_ WHERE tenant_id = :id", goes, &records::usage_shares},
};

}  // namespace

std::span<const TenantTable> tenant_tables() { return every_table; }

}  // namespace tenon::engine
