// A tenant statement binds every table to its tenant.
// error: statement_refused
#include <db/statement.hpp>

constexpr tenon::db::TenantStmt use{"SELECT name FROM project WHERE tenant_id = :tenant AND id = :id"};

#ifdef MISUSE
constexpr tenon::db::TenantStmt misuse{"SELECT name FROM project WHERE id = :id"};
#endif
