// One Engine has one owner: its destructor joins.
// error: use of deleted function
#include <tenon/tenon.hpp>

#include <utility>

tenon::Engine moved(tenon::Engine engine) { return engine; }

#ifdef MISUSE
tenon::Engine copied(const tenon::Engine& engine) { return engine; }
#endif
