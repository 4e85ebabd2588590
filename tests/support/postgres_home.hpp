#pragma once

#include <atomic>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>

#include <libpq-fe.h>
#include <unistd.h>

namespace tenon::tests {

/// The server that tests/support/postgres.py started around this program, if it did.
inline std::optional<std::string> postgres_server() {
    const char* server = std::getenv("TENON_TEST_POSTGRES");
    return server ? std::optional<std::string>(server) : std::nullopt;
}

/// A database of its own for one test, gone afterwards.
class PostgresHome {
public:
    PostgresHome() {
        static std::atomic<int> last{0};
        name_ = "home_" + std::to_string(getpid()) + "_" + std::to_string(++last);
        command("postgres", "CREATE DATABASE " + name_ + " TEMPLATE template0");
    }
    PostgresHome(const PostgresHome&) = delete;
    PostgresHome& operator=(const PostgresHome&) = delete;
    ~PostgresHome() {
        try {
            command("postgres", "DROP DATABASE " + name_ + " WITH (FORCE)");
        } catch (const std::exception&) {
        }
    }

    std::string address() const { return *postgres_server() + " dbname=" + name_; }
    /// As a superuser, whom no row is kept from.
    std::string boss() const { return address() + " user=boss"; }
    /// Behind the library's back.
    void damage(const std::string& sql) const { command(name_, "SET search_path = store; " + sql, "boss"); }

private:
    static void command(const std::string& database, const std::string& sql, const std::string& user = "app") {
        PGconn* c = PQconnectdb((*postgres_server() + " user=" + user + " dbname=" + database).c_str());
        PGresult* r = PQexec(c, sql.c_str());
        const auto status = PQresultStatus(r);
        const std::string message = PQerrorMessage(c);
        PQclear(r);
        PQfinish(c);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(message);
    }
    std::string name_;
};

}  // namespace tenon::tests
