#pragma once

#include <string>

#include <sqlite3.h>

namespace tenon::db {

/// What SQLite answered, as the error that the rest of the library knows. The one table of this translation.
/// `extended` is an extended result code; `deleting` tells a broken reference from one that is still in use.
[[noreturn]] void throw_sqlite(int extended, const std::string& message, bool deleting = false);

/// Throws unless `code` is SQLITE_OK, SQLITE_ROW or SQLITE_DONE, with the connection's own message.
void check(sqlite3* connection, int code);

}  // namespace tenon::db
