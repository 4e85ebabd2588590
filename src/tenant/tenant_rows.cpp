#include "tenant_rows.hpp"

#include <db/database.hpp>
#include <tenant/registry.hpp>
#include <tenant/users.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "plan_rows.hpp"

namespace tenon::tenant {
namespace {

// Column order is shared by all that reads a row: see row_of.
#define TENON_TENANT_COLUMNS                                                                                               \
    "tenant_id, name, slug, partner, plan, plan_version, state, region, zone, anchor_day, trial_ends_at, erased_at, epoch, " \
    "created_at, activated_at, state_before, next_plan, next_plan_version, plan_changes_at"
constexpr db::TenantStmt find_own{"SELECT " TENON_TENANT_COLUMNS " FROM tenant WHERE tenant_id = :tenant"};
constexpr db::SystemStmt find_id{"SELECT " TENON_TENANT_COLUMNS " FROM tenant_ WHERE tenant_id = :id"};
constexpr db::SystemStmt find_by_slug{"SELECT " TENON_TENANT_COLUMNS " FROM tenant_ WHERE slug = :slug ORDER BY partner LIMIT 1"};
constexpr db::SystemStmt find_by_partner_slug{"SELECT " TENON_TENANT_COLUMNS " FROM tenant_ WHERE slug = :slug AND partner = :partner"};
constexpr db::SystemStmt partner_page{"SELECT " TENON_TENANT_COLUMNS
                                      " FROM tenant_ WHERE partner = :partner AND tenant_id > :after ORDER BY tenant_id LIMIT :limit"};
constexpr db::SystemStmt of_partner{"SELECT 1 FROM tenant_ WHERE partner = :partner AND state <> :erased LIMIT 1"};
constexpr db::SystemStmt due_plan{
    "SELECT tenant_id FROM tenant_ WHERE plan_changes_at <= :now ORDER BY plan_changes_at, tenant_id LIMIT :most"};
constexpr db::SystemStmt lapsed{  // the literal is the index's
    "SELECT tenant_id FROM tenant_ WHERE state = 1 AND trial_ends_at > :after AND trial_ends_at <= :until ORDER BY trial_ends_at"};
constexpr db::SystemStmt page{"SELECT " TENON_TENANT_COLUMNS
                              " FROM tenant_ WHERE tenant_id > :after ORDER BY tenant_id LIMIT :limit"};
constexpr db::SystemStmt changed{"SELECT tenant_id, epoch FROM tenant_ WHERE epoch > :epoch ORDER BY epoch"};
constexpr db::SystemStmt newest{"SELECT coalesce(max(epoch), 0) FROM tenant_"};
constexpr db::SystemStmt due{
    "SELECT t.tenant_id FROM tenant_ t WHERE t.erased_at <= :now AND t.state = :erasing "
    "AND NOT EXISTS (SELECT 1 FROM legal_hold_ h WHERE h.tenant_id = t.tenant_id) ORDER BY t.tenant_id"};
constexpr db::SystemStmt insert{
    "INSERT INTO tenant_ (" TENON_TENANT_COLUMNS
    ") VALUES (:id, :name, :slug, :partner, :plan, :plan_version, :state, :region, :zone, :anchor_day, :trial_ends_at, "
    ":erased_at, :epoch, :created_at, :activated_at, :state_before, :next_plan, :next_plan_version, :plan_changes_at)"};
#undef TENON_TENANT_COLUMNS
constexpr db::SystemStmt update{
    "UPDATE tenant_ SET name = :name, slug = :slug, plan = :plan, plan_version = :plan_version, state = :state, zone = :zone, "
    "anchor_day = :anchor_day, trial_ends_at = :trial_ends_at, erased_at = :erased_at, activated_at = :activated_at, "
    "state_before = :state_before, next_plan = :next_plan, next_plan_version = :next_plan_version, "
    "plan_changes_at = :plan_changes_at, epoch = :epoch WHERE tenant_id = :id"};

// In an order in which nothing refers to what is gone. The reasons, details and names in the audit trail are personal.
constexpr db::SystemStmt removals[] = {
    "DELETE FROM usage_rollup_ WHERE tenant_id = :id", "DELETE FROM usage_event_ WHERE tenant_id = :id",
    "DELETE FROM usage_share_ WHERE tenant_id = :id",  "DELETE FROM usage_dims_ WHERE tenant_id = :id",
    "DELETE FROM usage_meter_ WHERE tenant_id = :id",  "DELETE FROM usage_check_ WHERE tenant_id = :id",
    "DELETE FROM cost_tags_ WHERE tenant_id = :id",
    "DELETE FROM hold_ WHERE tenant_id = :id",         "DELETE FROM quota_ WHERE tenant_id = :id",
    "DELETE FROM quota_level_ WHERE tenant_id = :id",  "DELETE FROM quota_warning_ WHERE tenant_id = :id",
    "DELETE FROM period_ WHERE tenant_id = :id",       "DELETE FROM project_ WHERE tenant_id = :id",
    "DELETE FROM quota_grace_ WHERE tenant_id = :id",  "DELETE FROM quota_shadow_ WHERE tenant_id = :id",
    "DELETE FROM lease_ WHERE tenant_id = :id",
    "DELETE FROM limit_override_ WHERE tenant_id = :id", "DELETE FROM plan_change_ WHERE tenant_id = :id",
    "DELETE FROM settings_document_ WHERE tenant_id = :id",
    "DELETE FROM event_ WHERE tenant_id = :id",        "DELETE FROM audit_private_ WHERE tenant_id = :id",
    "DELETE FROM audit_pack_private_ WHERE tenant_id = :id",
    "DELETE FROM audit_actor_ WHERE tenant_id = :id",  "DELETE FROM audit_policy_ WHERE tenant_id = :id",
    "UPDATE tenant_ SET settings = '{}', branding = '{}' WHERE tenant_id = :id"};

TenantRow row_of(db::Rows& rows) {
    TenantRow row;
    auto& t = row.tenant;
    t.id = rows.id<TenantId>(0);
    t.name = rows.text(1);
    t.slug = rows.text(2);
    if (const auto partner = rows.id<PartnerId>(3); !partner.is_nil()) t.partner = partner;
    t.plan = rows.text(4);
    t.plan_version = static_cast<std::int32_t>(rows.i64(5));
    t.state = static_cast<TenantState>(rows.i64(6));
    t.region = rows.text(7);
    t.zone = rows.text(8);
    t.anchor_day = static_cast<std::int32_t>(rows.i64(9));
    t.trial_ends_at = rows.maybe_time(10);
    t.erased_at = rows.maybe_time(11);
    row.epoch = static_cast<std::uint64_t>(rows.i64(12));
    t.created_at = rows.time(13);
    row.activated_at = rows.maybe_time(14);
    if (const auto before = rows.maybe_i64(15)) row.state_before = static_cast<TenantState>(*before);
    t.next_plan = rows.maybe_text(16).value_or("");
    t.next_plan_version = static_cast<std::int32_t>(rows.maybe_i64(17).value_or(0));
    t.plan_changes_at = rows.maybe_time(18);
    t.version = static_cast<std::int64_t>(row.epoch);
    return row;
}

std::optional<TenantRow> first_of(db::Rows rows) {
    if (!rows.next()) return std::nullopt;
    return row_of(rows);
}

}  // namespace

TenantRow own_row(db::Reader& reader) {
    if (auto row = first_of(reader.query(find_own))) return *std::move(row);
    throw NotFound("there is no such tenant", {.subject = reader.scope().tenant().text()});
}

PlanTerms own_terms(db::Reader& reader, Time now) {
    const auto tenant = as_of(own_row(reader).tenant, now);
    if (auto terms = read_plan(reader, tenant.plan, tenant.plan_version)) return *std::move(terms);
    throw NotFound("the tenant's plan is not stored", {.subject = tenant.plan});
}

std::optional<TenantRow> read_row(db::SystemReader& reader, const TenantId& id) { return first_of(reader.query(find_id, id)); }

std::optional<TenantRow> read_slug(db::SystemReader& reader, const std::string& slug, const std::optional<PartnerId>& partner) {
    return first_of(partner ? reader.query(find_by_partner_slug, slug, *partner) : reader.query(find_by_slug, slug));
}

std::vector<TenantRow> read_page(db::SystemReader& reader, const std::optional<TenantId>& after, std::int32_t limit,
                                 const std::optional<PartnerId>& partner) {
    std::vector<TenantRow> list;
    const auto begin = after.value_or(TenantId{});
    for (auto rows = partner ? reader.query(partner_page, *partner, begin, limit) : reader.query(page, begin, limit); rows.next();)
        list.push_back(row_of(rows));
    return list;
}

bool has_tenants(db::SystemReader& reader, const PartnerId& partner) {
    return reader.query(of_partner, partner, TenantState::erased).next();
}

namespace {

std::vector<TenantId> ids_of(db::Rows rows) {
    std::vector<TenantId> list;
    while (rows.next()) list.push_back(rows.id<TenantId>(0));
    return list;
}

}  // namespace

std::vector<TenantId> changed_since(db::SystemReader& reader, std::uint64_t& epoch) {
    std::vector<TenantId> list;
    for (auto rows = reader.query(changed, epoch); rows.next();) {
        list.push_back(rows.id<TenantId>(0));
        epoch = static_cast<std::uint64_t>(rows.i64(1));
    }
    return list;
}

std::uint64_t newest_epoch(db::SystemReader& reader) {
    auto rows = reader.query(newest);
    rows.next();
    return static_cast<std::uint64_t>(rows.i64(0));
}

std::vector<TenantId> due_rows(db::SystemReader& reader, Time now) {
    return ids_of(reader.query(due, now, TenantState::erasing));
}

std::vector<TenantId> due_plans(db::SystemReader& reader, Time now, std::int32_t most) {
    return ids_of(reader.query(due_plan, now, most));
}

std::vector<TenantId> lapsed_rows(db::SystemReader& reader, Time after, Time until) {
    return ids_of(reader.query(lapsed, after, until));
}

namespace {

std::optional<std::string> next_plan_of(const Tenant& t) { return t.plan_changes_at ? std::optional(t.next_plan) : std::nullopt; }
std::optional<std::int32_t> next_version_of(const Tenant& t) {
    return t.plan_changes_at ? std::optional(t.next_plan_version) : std::nullopt;
}

}  // namespace

std::uint64_t next_epoch(db::SystemTx& tx) { return static_cast<std::uint64_t>(db::advance_counter(tx, "tenant.epoch")); }

void insert_row(db::SystemTx& tx, const TenantRow& row) {
    const auto& t = row.tenant;
    tx.exec(insert, t.id, t.name, t.slug, t.partner.value_or(PartnerId{}), t.plan, t.plan_version, t.state, t.region, t.zone,
            t.anchor_day, t.trial_ends_at, t.erased_at, row.epoch, t.created_at, row.activated_at, row.state_before, next_plan_of(t),
            next_version_of(t), t.plan_changes_at);
}

void update_row(db::SystemTx& tx, const TenantRow& row) {
    const auto& t = row.tenant;
    tx.exec(update, t.name, t.slug, t.plan, t.plan_version, t.state, t.zone, t.anchor_day, t.trial_ends_at, t.erased_at,
            row.activated_at, row.state_before, next_plan_of(t), next_version_of(t), t.plan_changes_at, row.epoch, t.id);
}

void remove_rows(db::SystemTx& tx, const TenantId& id) {
    access::remove_rows(tx, id);
    for (const auto& removal : removals) tx.exec(removal, id);
    audit::forget_erasable(id);
}

}  // namespace tenon::tenant
