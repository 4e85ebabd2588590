#pragma once

#include <libpq-fe.h>

#include <db/database.hpp>

namespace tenon::db {

/// Connects, or says what is wrong and what to do: never with a word of the connection string, which may hold a password.
///
/// Throws    InvalidArgument (no connection string), NotFound (no such database), PermissionDenied (the login is refused),
///           Unavailable, Unsupported (an older server, a database in another encoding).
PGconn* pg_connect(const Options& options);

}  // namespace tenon::db
