#include "pg_login.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include <poll.h>

#include <base/clock.hpp>
#include <tenon/error.hpp>

namespace tenon::db {
namespace {

constexpr int oldest_server = 150000;  // views that read as their caller

struct LoginEnd {
    void operator()(PGconn* c) const noexcept { PQfinish(c); }
};
using Login = std::unique_ptr<PGconn, LoginEnd>;

struct LoginWords {
    explicit LoginWords(const Options& options)
        : patience(std::to_string(std::max<std::int64_t>(2, std::chrono::duration_cast<std::chrono::seconds>(options.busy_deadline).count()))),
          values{options.postgres.c_str(), "UTF8", patience.c_str(), "store", nullptr} {}
    const char* const keys[5] = {"dbname", "client_encoding", "connect_timeout", "fallback_application_name", nullptr};
    const std::string patience;
    const char* const values[5];
};

/// Why the server lets nobody in: SQLSTATE, or nothing. It takes an attempt of its own, because only one that goes step by step can
/// ask for the state in the place of a text in the server's language, and only the other kind goes on to the next host in time.
std::string state_of_refusal(const LoginWords& words, Duration patience, bool& wants_password) {
    const Login login(PQconnectStartParams(words.keys, words.values, 1));
    if (!login) return {};
    PQsetErrorVerbosity(login.get(), PQERRORS_SQLSTATE);
    const auto until = base::system_clock()->monotonic() + patience;
    auto step = PQstatus(login.get()) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
    while (step == PGRES_POLLING_WRITING || step == PGRES_POLLING_READING) {
        pollfd socket{PQsocket(login.get()), static_cast<short>(step == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
        poll(&socket, 1, 100);
        if (base::system_clock()->monotonic() > until) return {};
        if (socket.revents != 0) step = PQconnectPoll(login.get());
    }
    wants_password = PQconnectionNeedsPassword(login.get()) != 0;
    const std::string_view message = PQerrorMessage(login.get());
    const auto end = message.find_last_not_of(" \n") + 1;
    if (end < 5) return {};
    const auto state = message.substr(end - 5, 5);
    const bool plain = std::ranges::all_of(state, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
    return plain ? std::string(state) : std::string();
}

[[noreturn]] void refuse_login(const LoginWords& words, const Options& options) {
    const ErrorInfo here{.subject = "postgres"};
    const ErrorInfo passing{.subject = "postgres", .retryable = true};
    const auto ping = PQpingParams(words.keys, words.values, 1);
    if (ping == PQPING_NO_RESPONSE)
        throw Unavailable("the database server cannot be reached: see that it runs, and that host and port of the connection string are right",
                          passing);
    bool wants_password = false;
    const auto state = state_of_refusal(words, options.busy_deadline, wants_password);
    if (wants_password)
        throw PermissionDenied("the database server asks for a password: name a file that holds it by passfile=… in the connection string", here);
    if (state == "28P01" || state == "28000")
        throw PermissionDenied("the database server refuses the login: see user and password of the connection string, and its pg_hba.conf", here);
    if (state == "42501") throw PermissionDenied("the login may not connect to the database: GRANT CONNECT ON DATABASE …", here);
    if (state == "3D000")
        throw NotFound("there is no such database: make it, owned by the login (CREATE DATABASE … OWNER … TEMPLATE template0 ENCODING 'UTF8')",
                       here);
    if (ping == PQPING_REJECT || state.starts_with("57P") || state == "53300")
        throw Unavailable("the database server is starting, stopping or has no connection left; try again", passing);
    throw Unavailable("the database server cannot be reached or refuses the login", passing);
}

std::string_view server_says(const Login& login, const char* parameter) {
    const char* value = PQparameterStatus(login.get(), parameter);
    return value ? value : "";
}

}  // namespace

void check_postgres(const std::string& text) {
    const auto refuse = [](const char* why) { throw InvalidArgument(why, {.subject = "postgres"}); };
    if (text.find('\0') != std::string::npos) refuse("the connection string holds a NUL byte");
    // The text is read apart from connecting, because libpq's own message would quote what it cannot read.
    PQconninfoOption* parsed = PQconninfoParse(text.c_str(), nullptr);
    if (!parsed) refuse("the database server's connection string cannot be read: it is written \"host=… dbname=… user=…\" or postgresql://…");
    PQconninfoFree(parsed);
}

PGconn* pg_connect(const Options& options) {
    check_postgres(options.postgres);
    const LoginWords words(options);
    Login login(PQconnectdbParams(words.keys, words.values, 1));
    if (!login || PQstatus(login.get()) != CONNECTION_OK) {
        login.reset();
        refuse_login(words, options);
    }
    const auto version = PQserverVersion(login.get());
    if (version < oldest_server)
        throw Unsupported("the database server is PostgreSQL " + std::to_string(version / 10000) + ": 15 or a newer one is needed",
                          {.subject = "postgres"});
    if (server_says(login, "server_encoding") != "UTF8")
        throw Unsupported("the database does not hold UTF-8: make it with ENCODING 'UTF8' TEMPLATE template0", {.subject = "postgres"});
    if (server_says(login, "in_hot_standby") == "on")
        throw Unavailable("the database server is a standby and cannot be written: name the primary, or add target_session_attrs=read-write",
                          {.subject = "postgres", .retryable = true});
    return login.release();
}

}  // namespace tenon::db
