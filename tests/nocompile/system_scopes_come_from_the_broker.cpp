// Nobody but the session broker makes the right to act across tenants.
// error: is private within this context
#include <db/scope.hpp>

tenon::db::SystemScope use(const tenon::db::SystemScope& scope) { return scope; }

#ifdef MISUSE
auto misuse() { return tenon::db::SystemScope(); }
#endif
