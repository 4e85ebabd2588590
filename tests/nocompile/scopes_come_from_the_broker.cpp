// Nobody but the session broker makes the right to act for a tenant.
// error: is private within this context|no matching function
#include <db/scope.hpp>

tenon::TenantId use(const tenon::db::TenantScope& scope) { return scope.tenant(); }

#ifdef MISUSE
auto misuse(tenon::TenantId id) { return tenon::db::TenantScope(id, "eu", 0, 1); }
#endif
