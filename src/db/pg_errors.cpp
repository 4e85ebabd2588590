#include "pg_errors.hpp"

#include <tenon/error.hpp>

namespace tenon::db {
namespace {

struct StateMeaning {
    std::string_view state;  ///< Five letters, or the two of a class.
    Errc errc;
    bool retryable;
    const char* says;
};

constexpr StateMeaning meanings[] = {
    {"23505", Errc::conflict, false, "it exists already"},
    {"23503", Errc::not_found, false, "what it refers to does not exist"},
    {"22021", Errc::invalid_argument, false, "a text cannot be stored"},
    {"54000", Errc::invalid_argument, false, "a value is too long to store"},
    {"40001", Errc::unavailable, true, "the metadata store is busy; try again"},
    {"40P01", Errc::unavailable, true, "the metadata store is busy; try again"},
    {"55P03", Errc::unavailable, true, "the metadata store is busy; try again"},
    {"53100", Errc::no_space, false, "the disk that holds the metadata store is full"},
    {"53200", Errc::unavailable, true, "out of memory in the metadata store"},
    {"53300", Errc::unavailable, true, "the database server has no connection left"},
    {"57014", Errc::cancelled, false, "a query took too long"},
    {"57P", Errc::unavailable, true, "the database server is going down or coming up"},
    {"58", Errc::unavailable, true, "the disk that holds the metadata store failed; the change may or may not last"},
    {"08", Errc::unavailable, true, "the connection to the database server was lost"},
    {"25006", Errc::unavailable, false, "the metadata store cannot be written"},
    {"XX001", Errc::corrupt, false, "the metadata store is damaged"},
    {"XX002", Errc::corrupt, false, "the metadata store is damaged"},
};

}  // namespace

bool is_clash(const std::string& state) noexcept { return state == "40001" || state == "40P01"; }

void throw_postgres(const std::string& state, const std::string& message, bool deleting) {
    if (state == "23503" && deleting) throw Conflict("something still refers to it", {.subject = message});
    for (const auto& m : meanings)
        if (std::string_view(state).starts_with(m.state)) throw_error(m.errc, m.says, {.subject = message, .retryable = m.retryable});
    throw InternalError("the metadata store refused a statement (" + state + "): " + message);
}

}  // namespace tenon::db
