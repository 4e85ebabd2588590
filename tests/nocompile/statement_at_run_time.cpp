// Statements are declared, not put together.
// error: not usable in a constant expression|not a constant expression
#include <string>

#include <db/statement.hpp>

tenon::db::TenantStmt use() { return {"SELECT name FROM project WHERE tenant_id = :tenant"}; }

#ifdef MISUSE
tenon::db::TenantStmt misuse(const std::string& name) {
    const std::string sql = "SELECT name FROM project WHERE tenant_id = :tenant AND name = '" + name + "'";
    return {sql.c_str()};
}
#endif
