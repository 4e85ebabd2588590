#include <tenant/schema.hpp>

#include <db/long_rows.hpp>
#include <tenant/users.hpp>

namespace tenon::tenant {
namespace {

// What belongs to a tenant cannot outlive its row. The audit trail and the events can: the one is kept on purpose, the
// other serves the operators' log too.
constexpr const char* of_tenant = "FOREIGN KEY (tenant_id) REFERENCES tenant_ (tenant_id)";

std::string table(const char* name, const char* columns, const char* key) {
    return db::tenant_table(name, columns, std::string(key) + ", " + of_tenant);
}

std::string tenants() {
    return db::shared_table("plan",
                            "name TEXT NOT NULL, version INTEGER NOT NULL, catalogue TEXT NOT NULL, title TEXT NOT NULL, "
                            "price INTEGER, currency TEXT NOT NULL, price_interval TEXT NOT NULL, per TEXT NOT NULL, "
                            "trial_days INTEGER NOT NULL, features TEXT NOT NULL, limits TEXT NOT NULL, rates TEXT NOT NULL, "
                            "weight INTEGER NOT NULL, retention TEXT NOT NULL, overage TEXT NOT NULL, sla INTEGER",
                            "PRIMARY KEY (name, version)") +
           "CREATE TRIGGER plan_kept BEFORE UPDATE ON plan BEGIN SELECT RAISE(ABORT, 'plans are immutable'); END;\n" +
           db::tenant_table("tenant",
                            "name TEXT NOT NULL, slug TEXT NOT NULL, partner BLOB NOT NULL, plan TEXT NOT NULL, "
                            "plan_version INTEGER NOT NULL, state INTEGER NOT NULL, region TEXT NOT NULL, zone TEXT NOT NULL, "
                            "anchor_day INTEGER NOT NULL CHECK (anchor_day BETWEEN 1 AND 31), trial_ends_at INTEGER, "
                            "erased_at INTEGER, settings TEXT NOT NULL DEFAULT '{}', branding TEXT NOT NULL DEFAULT '{}', "
                            "epoch INTEGER NOT NULL, created_at INTEGER NOT NULL",
                            "PRIMARY KEY (tenant_id), UNIQUE (partner, slug), "
                            "FOREIGN KEY (plan, plan_version) REFERENCES plan (name, version)") +
           "CREATE INDEX tenant_epoch ON tenant_ (epoch);\n"
           "CREATE INDEX tenant_slug ON tenant_ (slug, partner);\n"
           "CREATE INDEX tenant_erased ON tenant_ (erased_at) WHERE erased_at IS NOT NULL;\n" +
           table("period",
                 "n INTEGER NOT NULL CHECK (n >= 0), starts_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, "
                 "zone TEXT NOT NULL, anchor_day INTEGER NOT NULL, rules TEXT NOT NULL, CHECK (ends_at > starts_at)",
                 "PRIMARY KEY (tenant_id, n)") +
           table("project", "id BLOB NOT NULL, name TEXT NOT NULL, created_at INTEGER NOT NULL", "PRIMARY KEY (tenant_id, id)");
}

// No CHECK on lim: lowering a limit never fails.
std::string ledger() {
    return table("quota",
                 "resource INTEGER NOT NULL, period INTEGER NOT NULL, lim INTEGER, soft INTEGER, "
                 "used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0), reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0), "
                 "version INTEGER NOT NULL DEFAULT 0",
                 "PRIMARY KEY (tenant_id, resource, period)") +
           table("hold",
                 "id BLOB NOT NULL, resource INTEGER NOT NULL, period INTEGER NOT NULL, asked INTEGER NOT NULL, "
                 "amount INTEGER NOT NULL CHECK (amount >= 0), cause_kind INTEGER NOT NULL, cause_id TEXT NOT NULL, idem TEXT, "
                 "fence INTEGER NOT NULL, state INTEGER NOT NULL, expires_at INTEGER",
                 "PRIMARY KEY (tenant_id, id, resource)") +
           "CREATE UNIQUE INDEX hold_idem ON hold_ (tenant_id, idem, resource) WHERE idem IS NOT NULL;\n"
           "CREATE INDEX hold_cause ON hold_ (tenant_id, cause_kind, cause_id) WHERE cause_kind <> 0;\n"
           "CREATE INDEX hold_due ON hold_ (state, expires_at);\n" +
           table("usage_event",
                 "source TEXT NOT NULL, id TEXT NOT NULL, meter TEXT NOT NULL, qty INTEGER NOT NULL, "
                 "occurred_at INTEGER NOT NULL, received_at INTEGER NOT NULL, period INTEGER NOT NULL, dims TEXT NOT NULL",
                 "PRIMARY KEY (tenant_id, source, id)") +
           table("usage_rollup",
                 "grain INTEGER NOT NULL, bucket INTEGER NOT NULL, meter TEXT NOT NULL, qty INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, grain, bucket, meter)");
}

std::string trail() {
    return db::tenant_table("audit",
                            "seq INTEGER NOT NULL, time INTEGER NOT NULL, action TEXT NOT NULL, actor BLOB NOT NULL, "
                            "record TEXT NOT NULL, hash BLOB NOT NULL",
                            "PRIMARY KEY (tenant_id, seq)") +
           "CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit_ BEGIN SELECT RAISE(ABORT, 'audit records are kept'); END;\n"
           "CREATE TRIGGER audit_kept BEFORE DELETE ON audit_ BEGIN SELECT RAISE(ABORT, 'audit records are kept'); END;\n" +
           db::tenant_table("audit_private", "seq INTEGER NOT NULL, salt BLOB NOT NULL, reason TEXT, details TEXT",
                            "PRIMARY KEY (tenant_id, seq)") +
           db::tenant_table("audit_actor", "ref BLOB NOT NULL, salt BLOB NOT NULL, value TEXT NOT NULL",
                            "PRIMARY KEY (tenant_id, ref), UNIQUE (tenant_id, value)") +
           db::tenant_table("audit_log", "size INTEGER NOT NULL, head BLOB NOT NULL, edge BLOB NOT NULL",
                            "PRIMARY KEY (tenant_id)") +
           db::tenant_table("event",
                            "id INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, subject TEXT NOT NULL, "
                            "data TEXT NOT NULL",
                            "PRIMARY KEY (tenant_id, id)");
}

/// Signed checkpoints: heads of logs are the leaves of one tree over all logs.
std::string checkpoints() {
    return db::tenant_table("audit_head", "size INTEGER NOT NULL, root BLOB NOT NULL, leaf INTEGER NOT NULL, checkpoint INTEGER NOT NULL",
                            "PRIMARY KEY (tenant_id, size)") +
           "CREATE TRIGGER audit_head_unchanged BEFORE UPDATE ON audit_head_ BEGIN SELECT RAISE(ABORT, 'checkpoints are kept'); END;\n"
           "CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head_ BEGIN SELECT RAISE(ABORT, 'checkpoints are kept'); END;\n" +
           db::system_table("audit_leaf", "leaf INTEGER NOT NULL, hash BLOB NOT NULL", "PRIMARY KEY (leaf)") +
           db::system_table("audit_checkpoint", "n INTEGER NOT NULL, size INTEGER NOT NULL, edge BLOB NOT NULL, time INTEGER NOT NULL, "
                            "note TEXT NOT NULL, vkey TEXT NOT NULL",
                            "PRIMARY KEY (n)");
}

/// Every fourth level of the trees above their leaves, so that a proof reads a few rows of each.
std::string tree_nodes() {
    const char* columns = "level INTEGER NOT NULL, n INTEGER NOT NULL, hash BLOB NOT NULL";
    return db::tenant_table("audit_node", columns, "PRIMARY KEY (tenant_id, level, n)") +
           db::system_table("audit_leaf_node", columns, "PRIMARY KEY (level, n)");
}

/// Where levels stood in each period, and of what a tenant was warned in it.
std::string marks() {
    return table("quota_level",
                 "resource INTEGER NOT NULL, period INTEGER NOT NULL, last INTEGER NOT NULL, peak INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, resource, period)") +
           table("quota_warning",
                 "resource INTEGER NOT NULL, period INTEGER NOT NULL, percent INTEGER NOT NULL, at INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, resource, period, percent)");
}

constexpr const char* pack_columns = "seq INTEGER NOT NULL, size INTEGER NOT NULL, hashes BLOB NOT NULL, records TEXT NOT NULL";
constexpr const char* packs_stay =
    "CREATE TRIGGER audit_pack_unchanged BEFORE UPDATE ON audit_pack_ BEGIN SELECT RAISE(ABORT, 'audit records are kept'); END;\n"
    "CREATE TRIGGER audit_pack_kept BEFORE DELETE ON audit_pack_ BEGIN SELECT RAISE(ABORT, 'audit records are kept'); END;\n";

/// Records that one transaction added to one log, together in a row.
std::string packs() {
    return db::tenant_table("audit_pack", pack_columns, "PRIMARY KEY (tenant_id, seq)") + packs_stay +
           db::tenant_table("audit_pack_private", "seq INTEGER NOT NULL, data BLOB NOT NULL", "PRIMARY KEY (tenant_id, seq)");
}

/// A pack is thousands of bytes long.
std::string long_packs() { return db::tenant_table_for_long_rows("audit_pack", pack_columns, "PRIMARY KEY (tenant_id, seq)") + packs_stay; }

/// What is kept of records that were pruned, and who may keep what. A record goes only when a record said so, and only one that a
/// checkpoint has signed.
std::string pruning() {
    const char* hashes = "seq INTEGER NOT NULL, hashes BLOB NOT NULL";
    const char* key = "PRIMARY KEY (tenant_id, seq)";
    const auto guard = [](const char* event) {
        return std::string("CREATE TRIGGER audit_retention_") + (event[0] == 'I' ? "signed" : "grows") + " BEFORE " + event +
               " ON audit_retention_ WHEN NEW.first > NEW.until OR NEW.until > coalesce((SELECT max(h.size) FROM audit_head_ h "
               "WHERE h.tenant_id = NEW.tenant_id), 0)" +
               (event[0] == 'I' ? "" : " OR NEW.first < OLD.first OR NEW.until < OLD.until") +
               " BEGIN SELECT RAISE(ABORT, 'only what was signed is pruned'); END;\n";
    };
    return db::tenant_table("audit_pruned", hashes, key) + db::tenant_table_for_long_rows("audit_pruned", hashes, key) +
           "CREATE TRIGGER audit_pruned_unchanged BEFORE UPDATE ON audit_pruned_ BEGIN SELECT RAISE(ABORT, 'hashes are kept'); END;\n"
           "CREATE TRIGGER audit_pruned_kept BEFORE DELETE ON audit_pruned_ BEGIN SELECT RAISE(ABORT, 'hashes are kept'); END;\n" +
           db::tenant_table("audit_retention", "first INTEGER NOT NULL, until INTEGER NOT NULL", "PRIMARY KEY (tenant_id)") + guard("INSERT") +
           guard("UPDATE") +
           "CREATE TRIGGER audit_retention_kept BEFORE DELETE ON audit_retention_ BEGIN SELECT RAISE(ABORT, 'hashes are kept'); END;\n"
           "DROP TRIGGER audit_kept;\n"
           "CREATE TRIGGER audit_kept BEFORE DELETE ON audit_ WHEN NOT EXISTS (SELECT 1 FROM audit_retention_ r "
           "WHERE r.tenant_id = OLD.tenant_id AND OLD.seq < r.until) BEGIN SELECT RAISE(ABORT, 'audit records are kept'); END;\n"
           "DROP TRIGGER audit_pack_kept;\n"
           "CREATE TRIGGER audit_pack_kept BEFORE DELETE ON audit_pack_ WHEN NOT EXISTS (SELECT 1 FROM audit_retention_ r "
           "WHERE r.tenant_id = OLD.tenant_id AND OLD.seq + OLD.size <= r.until) BEGIN SELECT RAISE(ABORT, 'audit records are kept'); END;\n" +
           db::tenant_table("audit_policy", "days INTEGER NOT NULL CHECK (days > 0), changed_at INTEGER NOT NULL", "PRIMARY KEY (tenant_id)") +
           db::tenant_table("legal_hold", "name TEXT NOT NULL, reason TEXT NOT NULL, placed_by TEXT NOT NULL, placed_at INTEGER NOT NULL",
                            "PRIMARY KEY (tenant_id, name)");
}

/// Tenants whose files are being removed, and the receipts of those that are gone.
std::string erasures() {
    return db::system_table("erasure",
                            "tenant_id BLOB NOT NULL, begun_at INTEGER NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL, receipt TEXT",
                            "PRIMARY KEY (tenant_id)");
}

/// Partners, changes of plan, limits of one's own, settings; what undoing needs to know.
std::string business() {
    return "ALTER TABLE tenant_ ADD COLUMN activated_at INTEGER;\n"
           "ALTER TABLE tenant_ ADD COLUMN state_before INTEGER;\n"
           "ALTER TABLE tenant_ ADD COLUMN next_plan TEXT;\n"
           "ALTER TABLE tenant_ ADD COLUMN next_plan_version INTEGER;\n"
           "ALTER TABLE tenant_ ADD COLUMN plan_changes_at INTEGER;\n"
           "ALTER TABLE quota_ ADD COLUMN lim_until INTEGER;\n"
           "CREATE INDEX tenant_partner ON tenant_ (partner);\n"
           "CREATE INDEX tenant_trial ON tenant_ (trial_ends_at) WHERE state = 1;\n"
           "CREATE INDEX tenant_plan_due ON tenant_ (plan_changes_at) WHERE plan_changes_at IS NOT NULL;\n" +
           db::system_table("partner",
                            "id BLOB NOT NULL, name TEXT NOT NULL, slug TEXT NOT NULL, catalogues TEXT NOT NULL, "
                            "share_bp INTEGER NOT NULL CHECK (share_bp BETWEEN 0 AND 10000), branding TEXT NOT NULL, "
                            "version INTEGER NOT NULL, created_at INTEGER NOT NULL",
                            "PRIMARY KEY (id), UNIQUE (slug)") +
           table("limit_override",
                 "name TEXT NOT NULL, resource INTEGER NOT NULL, lim INTEGER CHECK (lim >= 0), reason TEXT NOT NULL, "
                 "granted_by TEXT NOT NULL, granted_at INTEGER NOT NULL, expires_at INTEGER, granted INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, name)") +
           table("plan_change",
                 "n INTEGER NOT NULL, plan_before TEXT NOT NULL, version_before INTEGER NOT NULL, plan TEXT NOT NULL, "
                 "version INTEGER NOT NULL, state INTEGER NOT NULL, asked_at INTEGER NOT NULL, effective_at INTEGER NOT NULL, "
                 "reason TEXT NOT NULL",
                 "PRIMARY KEY (tenant_id, n)") +
           table("settings_document",
                 "kind INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL, changed_at INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, kind)");
}

/// What happens beyond a limit: graces that run, and what limits that only watch would have refused.
std::string beyond() {
    return "ALTER TABLE quota_ ADD COLUMN shadow INTEGER NOT NULL DEFAULT 0;\n"
           "ALTER TABLE quota_ ADD COLUMN grace INTEGER;\n"
           "ALTER TABLE limit_override_ ADD COLUMN shadow INTEGER NOT NULL DEFAULT 0;\n" +
           table("quota_grace", "resource INTEGER NOT NULL, period INTEGER NOT NULL, since INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, resource, period)") +
           table("quota_shadow",
                 "resource INTEGER NOT NULL, period INTEGER NOT NULL, refusals INTEGER NOT NULL, amount INTEGER NOT NULL, "
                 "first_at INTEGER NOT NULL, last_at INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, resource, period)");
}

/// Slices that processes spend in memory.
std::string leases() {
    return table("lease",
                 "id BLOB NOT NULL, resource INTEGER NOT NULL, period INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount >= 0), "
                 "turn INTEGER NOT NULL, expires_at INTEGER NOT NULL, told INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, id)") +
           "CREATE INDEX lease_due ON lease_ (expires_at);\n";
}

/// What hosts measure: for what it was, corrections, sums by that, tags for chargeback, and who is to be added up again.
std::string host_usage() {
    return "ALTER TABLE usage_event_ ADD COLUMN share INTEGER NOT NULL DEFAULT 0;\n"
           "ALTER TABLE usage_event_ ADD COLUMN late INTEGER NOT NULL DEFAULT 0;\n"
           "ALTER TABLE usage_event_ ADD COLUMN corrects_source TEXT;\n"
           "ALTER TABLE usage_event_ ADD COLUMN corrects_id TEXT;\n"
           "CREATE INDEX usage_event_time ON usage_event_ (tenant_id, occurred_at);\n"
           "CREATE INDEX usage_event_corrects ON usage_event_ (tenant_id, corrects_source, corrects_id) WHERE corrects_source IS NOT NULL;\n" +
           table("usage_meter", "meter TEXT NOT NULL, unit TEXT NOT NULL", "PRIMARY KEY (tenant_id, meter)") +
           table("usage_dims", "n INTEGER NOT NULL, body TEXT NOT NULL, project BLOB",
                 "PRIMARY KEY (tenant_id, n), UNIQUE (tenant_id, body)") +
           "CREATE INDEX usage_dims_project ON usage_dims_ (tenant_id, project) WHERE project IS NOT NULL;\n" +
           table("usage_share",
                 "bucket INTEGER NOT NULL, meter TEXT NOT NULL, dims INTEGER NOT NULL, period INTEGER NOT NULL, qty INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, bucket, meter, dims, period)") +
           "CREATE INDEX usage_share_period ON usage_share_ (tenant_id, period);\n" +
           table("cost_tags", "kind INTEGER NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, body TEXT NOT NULL",
                 "PRIMARY KEY (tenant_id, kind, name, since)") +
           table("usage_check", "due_at INTEGER NOT NULL, marked INTEGER NOT NULL", "PRIMARY KEY (tenant_id)") +
           "CREATE INDEX usage_check_due ON usage_check_ (due_at);\n"
           // What there was belongs to no project, site or tag.
           "DROP TRIGGER usage_share_insert;\n"
           "INSERT INTO usage_share_ (tenant_id, bucket, meter, dims, period, qty) "
           "SELECT tenant_id, occurred_at / 900000000 * 900000000, meter, 0, period, sum(qty) FROM usage_event_ GROUP BY 1, 2, 3, 5;\n"
           "CREATE TRIGGER usage_share_insert BEFORE INSERT ON usage_share_ WHEN NOT scope_may(NEW.tenant_id) "
           "BEGIN SELECT RAISE(ABORT, 'a row outside of the scope'); END;\n";
}

/// Events by the second in which they happened, within it by name. By the microsecond, those of many devices that come late would each lie
/// in a place of its own, and each would cost a page of the log.
std::string usage_by_second() {
    return "ALTER TABLE usage_event_ ADD COLUMN slot INTEGER NOT NULL DEFAULT 0;\n"
           "UPDATE usage_event_ SET slot = occurred_at / 1000000;\n"
           "DROP INDEX usage_event_time;\n"
           "CREATE INDEX usage_event_slot ON usage_event_ (tenant_id, slot);\n";
}

}  // namespace

std::vector<db::Migration> migrations() {
    std::vector<db::Migration> all = {{.room = "tenant", .number = 1, .sql = tenants()},
            {.room = "tenant", .number = 2, .sql = ledger()},
            {.room = "tenant", .number = 3, .sql = trail()},
            {.room = "tenant", .number = 4, .sql = checkpoints()},
            {.room = "tenant", .number = 5, .sql = tree_nodes()},
            {.room = "tenant", .number = 6, .sql = marks()},
            {.room = "tenant", .number = 7, .sql = packs()},
            {.room = "tenant", .number = 8, .sql = business()},
            {.room = "tenant", .number = 9, .sql = beyond()},
            {.room = "tenant", .number = 10, .sql = leases()}};
    const auto access = access::migrations();
    all.insert(all.end(), access.begin(), access.end());
    all.push_back({.room = "audit", .number = 1, .sql = long_packs()});
    all.push_back({.room = "usage", .number = 1, .sql = host_usage()});
    all.push_back({.room = "audit", .number = 2, .sql = pruning()});
    all.push_back({.room = "audit", .number = 3, .sql = erasures()});
    all.push_back({.room = "usage", .number = 2, .sql = usage_by_second()});
    return all;
}

}  // namespace tenon::tenant
