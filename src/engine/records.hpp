#pragma once

#include <span>
#include <string>

#include <db/database.hpp>

/// How rows are told in a takeout: one JSON object for each, a member for each column. Formats: docs/design/takeout.md.
namespace tenon::engine::records {

struct Field {
    const char* name;
    /// Appends the member's value; of NULL "null".
    void (*put)(std::string& to, const db::Rows& row, int column);
};

/// A column that no record tells of.
struct Withheld {
    const char* column;
    const char* why;
};
inline constexpr const char* secret = "secret: a key, a password or what stands for one";
inline constexpr const char* internal = "the engine's own bookkeeping, of no meaning elsewhere";

/// One kind. The query selects a column for each field, by its plain name, and no other.
struct Kind {
    const char* name;
    db::TenantStmt query;
    std::span<const Field> fields;
    std::span<const Withheld> withheld{};
};

extern const Kind users, api_keys, settings, cameras, camera_states, cost_tags, roles, events, exports, holds, issuers, jobs, job_needs,
    job_pauses, leases, limits, logins, periods, plan_changes, projects, grants, protections, quotas, quota_graces, quota_levels,
    quota_shadows, quota_warnings, recurrences, restored_files, footage, sites, tenants, tickets, usage_dims, usage_events, usage_meters,
    usage_rollups, usage_shares, assets, audit_policies, backup_schedules, backup_schedule_works,
    drills, copy_policies, copy_states;
/// Those of the jobs that render: what was edited together, ready to be rendered elsewhere.
extern const Kind renders;

/// One line, with its end.
void append_line(std::string& to, const Kind& kind, const db::Rows& row);

/// The plan that the tenant has, and the one that it is to have: terms as docs/design/tenant.md has them.
void append_plan(std::string& to, const std::string& name, std::int32_t version, db::Reader& reader);

}  // namespace tenon::engine::records
