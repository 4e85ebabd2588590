#pragma once

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <libpq-fe.h>
#include <unistd.h>

namespace tenon::tests {

/// The server that tests/support/postgres.py started around this program, if it did.
inline std::optional<std::string> postgres_server() {
    const char* server = std::getenv("TENON_TEST_POSTGRES");
    return server ? std::optional<std::string>(server) : std::nullopt;
}

/// The database called like the folder on that server, which whoever comes first makes. It goes with the server.
inline std::string postgres_for(const std::filesystem::path& folder) {
    const auto place = std::filesystem::absolute(folder).lexically_normal().string();
    std::string name;
    for (const char c : place) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (plain) name += c;
        else name += c >= 'A' && c <= 'Z' ? std::string("_") + static_cast<char>(c + 32) : "__";
    }
    constexpr std::size_t longest = 60;  // the server would cut what is longer, and two names may begin alike
    if (name.size() > longest) name = "h" + std::to_string(std::hash<std::string>()(place)) + "__" + name.substr(name.size() - 36);
    PGconn* c = PQconnectdb((*postgres_server() + " dbname=postgres").c_str());
    PQclear(PQexec(c, ("CREATE DATABASE \"" + name + "\" TEMPLATE template0").c_str()));  // refused: it is there
    PQfinish(c);
    return *postgres_server() + " dbname=" + name;
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

    /// Of the server, those that work for this database.
    std::vector<pid_t> processes() const {
        PGconn* c = PQconnectdb((*postgres_server() + " user=boss dbname=postgres").c_str());
        PGresult* r = PQexec(c, ("SELECT pid FROM pg_stat_activity WHERE datname = '" + name_ + "'").c_str());
        std::vector<pid_t> found;
        for (int i = 0; i < PQntuples(r); ++i) found.push_back(std::atoi(PQgetvalue(r, i, 0)));
        PQclear(r);
        PQfinish(c);
        return found;
    }
    /// In any database of the server.
    static void command(const std::string& database, const std::string& sql, const std::string& user = "app") {
        PGconn* c = PQconnectdb((*postgres_server() + " user=" + user + " dbname=" + database).c_str());
        PGresult* r = PQexec(c, sql.c_str());
        const auto status = PQresultStatus(r);
        const std::string message = PQerrorMessage(c);
        PQclear(r);
        PQfinish(c);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(message);
    }

private:
    std::string name_;
};

}  // namespace tenon::tests
