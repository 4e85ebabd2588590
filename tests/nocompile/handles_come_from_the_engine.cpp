// Nobody outside can make a session out of nothing.
// error: is private within this context|no matching function
#include <tenon/tenon.hpp>

#ifdef MISUSE
tenon::Session from_nothing() { return tenon::Session(nullptr); }
#endif
