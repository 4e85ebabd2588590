// Amounts are integers.
// error: use of deleted function
#include <db/value.hpp>

tenon::db::Value use() { return tenon::db::Value(15); }

#ifdef MISUSE
tenon::db::Value misuse() { return tenon::db::Value(0.15); }
#endif
