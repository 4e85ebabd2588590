// A text that merely contains the binding is not bound.
// error: statement_refused
#include <db/statement.hpp>

constexpr tenon::db::TenantStmt use{"SELECT name FROM project WHERE tenant_id = :tenant AND (id = :id OR :id IS NULL)"};

#ifdef MISUSE
constexpr tenon::db::TenantStmt misuse{"SELECT name FROM project WHERE tenant_id = :tenant AND id = :id OR :id IS NULL"};
#endif
