#include <tenant/users.hpp>

namespace tenon::tenant::access {
namespace {

constexpr const char* of_tenant = ", FOREIGN KEY (tenant_id) REFERENCES tenant_ (tenant_id)";
constexpr const char* of_role = ", FOREIGN KEY (tenant_id, role_id) REFERENCES custom_role_ (tenant_id, id)";
constexpr const char* of_account = ", FOREIGN KEY (tenant_id, account) REFERENCES account_ (tenant_id, id)";

std::string table(const char* name, const char* columns, std::string constraints) {
    return db::tenant_table(name, columns, constraints + of_tenant);
}

std::string first() {
    return table("custom_role",
                 "id BLOB NOT NULL, name TEXT NOT NULL, bits BLOB NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, name)") +
           table("account",
                 "id BLOB NOT NULL, email TEXT NOT NULL, email_key TEXT NOT NULL, name TEXT NOT NULL, name_key TEXT NOT NULL, "
                 "state INTEGER NOT NULL, role INTEGER, role_id BLOB, password TEXT, factor BLOB, factor_pending BLOB, "
                 "factor_step INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, locked_until INTEGER, "
                 "last_login_at INTEGER, created_at INTEGER NOT NULL, CHECK ((role IS NULL) <> (role_id IS NULL))",
                 std::string("PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, email_key)") + of_role) +
           "CREATE INDEX account_role ON account_ (tenant_id, role_id) WHERE role_id IS NOT NULL;\n" +
           table("project_grant", "account BLOB NOT NULL, project BLOB NOT NULL, role INTEGER, role_id BLOB, "
                 "CHECK ((role IS NULL) <> (role_id IS NULL))",
                 std::string("PRIMARY KEY (tenant_id, account, project), "
                             "FOREIGN KEY (tenant_id, project) REFERENCES project_ (tenant_id, id)") + of_account + of_role) +
           "CREATE INDEX project_grant_project ON project_grant_ (tenant_id, project);\n"
           "CREATE INDEX project_grant_role ON project_grant_ (tenant_id, role_id) WHERE role_id IS NOT NULL;\n" +
           // The kid is unique in the home, because who shows a key does not say whose it is.
           table("api_key",
                 "id BLOB NOT NULL, kid TEXT NOT NULL, name TEXT NOT NULL, prefix TEXT NOT NULL, environment INTEGER NOT NULL, "
                 "hash BLOB NOT NULL, pepper INTEGER NOT NULL, hash_old BLOB, pepper_old INTEGER, old_until INTEGER, "
                 "turns INTEGER NOT NULL DEFAULT 0, role INTEGER, role_id BLOB, "
                 "scopes BLOB, cidrs TEXT NOT NULL, limits TEXT NOT NULL DEFAULT '{}', account BLOB, "
                 "creator TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER, last_used_at INTEGER, revoked_at INTEGER, "
                 "CHECK ((role IS NULL) <> (role_id IS NULL))",
                 std::string("PRIMARY KEY (tenant_id, id), UNIQUE (kid)") + of_account + of_role) +
           "CREATE INDEX api_key_account ON api_key_ (tenant_id, account) WHERE account IS NOT NULL;\n"
           "CREATE INDEX api_key_role ON api_key_ (tenant_id, role_id) WHERE role_id IS NOT NULL;\n" +
           table("login",
                 "id BLOB NOT NULL, kid TEXT NOT NULL, kind INTEGER NOT NULL, account BLOB, actor TEXT NOT NULL, reason TEXT NOT NULL, "
                 "address TEXT NOT NULL, generation INTEGER NOT NULL, pepper INTEGER NOT NULL, created_at INTEGER NOT NULL, "
                 "used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL",
                 std::string("PRIMARY KEY (tenant_id, id), UNIQUE (kid)") + of_account) +
           "CREATE INDEX login_account ON login_ (tenant_id, account) WHERE account IS NOT NULL;\n"
           "CREATE INDEX login_expires ON login_ (expires_at);\n" +
           table("ticket", "account BLOB NOT NULL, kid TEXT NOT NULL, hash BLOB NOT NULL, pepper INTEGER NOT NULL, expires_at INTEGER NOT NULL",
                 std::string("PRIMARY KEY (tenant_id, account), UNIQUE (kid)") + of_account) +
           table("recovery_code", "account BLOB NOT NULL, hash BLOB NOT NULL, pepper INTEGER NOT NULL",
                 std::string("PRIMARY KEY (tenant_id, account, hash)") + of_account) +
           table("issuer",
                 "id BLOB NOT NULL, issuer TEXT NOT NULL, audience TEXT NOT NULL, jwks TEXT NOT NULL, version INTEGER NOT NULL, "
                 "created_at INTEGER NOT NULL",
                 "PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, issuer, audience)") +
           db::system_table("token_key",
                            "n INTEGER NOT NULL, kid TEXT NOT NULL, seed BLOB NOT NULL, public BLOB NOT NULL, created_at INTEGER NOT NULL, "
                            "retired_at INTEGER",
                            "PRIMARY KEY (n), UNIQUE (kid)");
}

// Who refers to somebody goes before him.
constexpr db::SystemStmt removals[] = {
    "DELETE FROM issuer_ WHERE tenant_id = :id",   "DELETE FROM recovery_code_ WHERE tenant_id = :id",
    "DELETE FROM ticket_ WHERE tenant_id = :id",   "DELETE FROM login_ WHERE tenant_id = :id",
    "DELETE FROM api_key_ WHERE tenant_id = :id",  "DELETE FROM project_grant_ WHERE tenant_id = :id",
    "DELETE FROM account_ WHERE tenant_id = :id",  "DELETE FROM custom_role_ WHERE tenant_id = :id"};

}  // namespace

std::vector<db::Migration> migrations() { return {{.room = "access", .number = 1, .sql = first()}}; }

void remove_rows(db::SystemTx& tx, const TenantId& id) {
    for (const auto& removal : removals) tx.exec(removal, id);
}

}  // namespace tenon::tenant::access
