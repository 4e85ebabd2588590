#include "errors.hpp"

#include <tenon/error.hpp>

namespace tenon::db {
namespace {

struct Translation {
    int code;
    Errc errc;
    bool retryable;
    const char* says;
};

// Extended codes stand before the primary ones that they refine.
constexpr Translation table[] = {
    {SQLITE_CONSTRAINT_UNIQUE, Errc::conflict, false, "it exists already"},
    {SQLITE_CONSTRAINT_PRIMARYKEY, Errc::conflict, false, "it exists already"},
    {SQLITE_CONSTRAINT_ROWID, Errc::conflict, false, "it exists already"},
    {SQLITE_CONSTRAINT_FOREIGNKEY, Errc::not_found, false, "what it refers to does not exist"},
    {SQLITE_CONSTRAINT, Errc::internal_error, false, "the metadata store refused a row"},
    {SQLITE_BUSY, Errc::unavailable, true, "the metadata store is busy; try again"},
    {SQLITE_LOCKED, Errc::unavailable, true, "the metadata store is busy; try again"},
    {SQLITE_PROTOCOL, Errc::unavailable, true, "the metadata store is busy; try again"},
    {SQLITE_FULL, Errc::no_space, false, "the disk that holds the metadata store is full"},
    {SQLITE_IOERR_NOMEM, Errc::unavailable, true, "out of memory in the metadata store"},
    {SQLITE_NOMEM, Errc::unavailable, true, "out of memory in the metadata store"},
    {SQLITE_IOERR_SHMSIZE, Errc::no_space, false, "the disk that holds the metadata store is full"},  // it could not grow what it shares
    {SQLITE_IOERR_CORRUPTFS, Errc::corrupt, false, "the file system under the metadata store is damaged"},
    {SQLITE_IOERR, Errc::unavailable, true, "the disk that holds the metadata store failed; the change may or may not last"},
    {SQLITE_CORRUPT, Errc::corrupt, false, "the metadata store is damaged"},
    {SQLITE_NOTADB, Errc::corrupt, false, "the metadata store's file is something else"},
    {SQLITE_READONLY, Errc::unavailable, false, "the metadata store cannot be written"},
    {SQLITE_CANTOPEN, Errc::unavailable, false, "the metadata store cannot be opened"},
    {SQLITE_PERM, Errc::unavailable, false, "the metadata store cannot be opened"},
    {SQLITE_INTERRUPT, Errc::cancelled, false, "a query took too long"},
    {SQLITE_TOOBIG, Errc::invalid_argument, false, "a value is too long to store"},
};

}  // namespace

void throw_sqlite(int extended, const std::string& message, bool deleting) {
    if (extended == SQLITE_CONSTRAINT_FOREIGNKEY && deleting)
        throw Conflict("something still refers to it", {.subject = message});
    for (const auto& t : table)
        if (t.code == extended || t.code == (extended & 0xff))
            throw_error(t.errc, t.says, {.subject = message, .retryable = t.retryable});
    throw InternalError("the metadata store refused a statement (" + std::to_string(extended) + "): " + message);
}

void check(sqlite3* connection, int code) {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
    const int extended = connection ? sqlite3_extended_errcode(connection) : code;
    throw_sqlite(extended == SQLITE_OK ? code : extended, connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code));
}

}  // namespace tenon::db
