// A session reaches one tenant and cannot become, or be used as, an operator session.
// error: no matching function|could not convert|conversion from|cannot convert
#include <tenon/tenon.hpp>

tenon::Tenants tenants_of(tenon::OperatorSession setup) { return setup.tenants(); }

#ifdef MISUSE
tenon::Tenants misuse(tenon::Session session) { return tenants_of(session); }
#else
tenon::Tenants use(tenon::OperatorSession setup) { return tenants_of(setup); }
#endif
