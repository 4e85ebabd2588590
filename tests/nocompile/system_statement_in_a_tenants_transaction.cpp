// A tenant's transaction runs the tenant's statements only.
// error: could not convert|cannot convert|no matching function|invalid initialization
#include <db/tx.hpp>

constexpr tenon::db::SystemStmt all{"DELETE FROM project_"};
constexpr tenon::db::TenantStmt own{"DELETE FROM project_ WHERE tenant_id = :tenant"};

void use(tenon::db::Tx& tx) { tx.exec(own); }

#ifdef MISUSE
void misuse(tenon::db::Tx& tx) { tx.exec(all); }
#endif
