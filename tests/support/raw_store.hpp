#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <sqlite3.h>

#include <postgres_home.hpp>

namespace tenon::tests {

/// The store of the home in `folder` in the hands of somebody who goes round the library: its file, or its database by a superuser's
/// login. Statements are written in SQLite's words and may hold x'00', ?1 (see bind) and CAST(x'00' AS TEXT).
class RawStore {
public:
    explicit RawStore(const std::filesystem::path& folder) : file_(folder / "metadata.db") {
        if (postgres_server()) {
            server_ = PQconnectdb((postgres_for(folder) + " user=boss").c_str());
            // What is made beside the home's tables lies elsewhere: among them it would be refused at the next opening.
            ask("SET client_min_messages = error");
            ask("CREATE SCHEMA IF NOT EXISTS raw; SET search_path = raw, store, pg_catalog;"
                "CREATE OR REPLACE FUNCTION hex(bytea) RETURNS text LANGUAGE sql AS $$SELECT upper(encode($1, 'hex'))$$;"
                "CREATE OR REPLACE FUNCTION hex(text) RETURNS text LANGUAGE sql AS $$SELECT upper(encode(convert_to($1, 'UTF8'), 'hex'))$$");
            return;
        }
        if (sqlite3_open(file_.c_str(), &raw_) != SQLITE_OK) throw std::runtime_error("cannot open " + file_.string());
        sqlite3_busy_timeout(raw_, 30'000);
        const auto yes = [](sqlite3_context* context, int, sqlite3_value**) { sqlite3_result_int(context, 1); };
        sqlite3_create_function(raw_, "scope_may", 1, SQLITE_UTF8 | SQLITE_INNOCUOUS, nullptr, yes, nullptr, nullptr);
    }
    RawStore(const RawStore&) = delete;
    RawStore& operator=(const RawStore&) = delete;
    ~RawStore() {
        PQfinish(server_);
        sqlite3_close(raw_);
    }

    /// From now on no trigger holds him, nor what a row refers to.
    void ignore_triggers() {
        if (server_) return void(run("SET session_replication_role = replica"));
        for (const auto& name : column("SELECT name FROM sqlite_schema WHERE type = 'trigger'")) run("DROP TRIGGER " + name);
    }
    /// What ?1 stands for, in hex.
    void bind(std::string id) { id_ = std::move(id); }

    /// False: it was refused, and problem() says why.
    bool run(const std::string& sql) { return ask(sql); }
    const std::string& problem() const { return problem_; }
    std::int64_t changes() const { return changes_; }  ///< Of the newest statement.
    const std::vector<std::string>& rows() const { return found_; }  ///< The first column of what it found.
    /// The same of this statement.
    std::vector<std::string> column(const std::string& sql) {
        if (!ask(sql)) throw std::runtime_error(problem_);
        return found_;
    }
    std::string value(const std::string& sql) {
        const auto all = column(sql);
        return all.empty() ? "" : all.front();
    }

    /// Nobody writes until let_go().
    void hold_writing() { run(server_ ? "BEGIN; SELECT pg_advisory_xact_lock(919183863)" : "BEGIN IMMEDIATE"); }
    void let_go() { run("ROLLBACK"); }
    void refuse_updates(const std::string& table) {
        run("CREATE TRIGGER refuse BEFORE UPDATE ON " + table +
            (server_ ? " FOR EACH ROW EXECUTE FUNCTION store.refuse_row('refused')" : " BEGIN SELECT RAISE(ABORT, 'refused'); END"));
    }
    void accept_updates(const std::string& table) { run(server_ ? "DROP TRIGGER refuse ON " + table : std::string("DROP TRIGGER refuse")); }

    /// Whether any file of the store, or any row of the database, has this in it.
    static bool holds(const std::filesystem::path& folder, const std::string& text) {
        if (postgres_server()) return RawStore(folder).rows_hold(text);
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            if (!entry.path().filename().string().starts_with("metadata.db")) continue;
            std::ifstream in(entry.path(), std::ios::binary);
            const std::string bytes{std::istreambuf_iterator<char>(in), {}};
            if (bytes.find(text) != std::string::npos) return true;
        }
        return false;
    }

private:
    bool rows_hold(const std::string& text) {
        std::string hex;
        for (const char c : text) hex.append({"0123456789abcdef"[static_cast<unsigned char>(c) >> 4], "0123456789abcdef"[c & 15]});
        for (const auto& table : column("SELECT relname FROM pg_class WHERE relnamespace = 'store'::regnamespace AND relkind = 'r'"))
            if (value("SELECT count(*) FROM store." + table + " t WHERE strpos(t::text, '" + text + "') > 0 OR strpos(t::text, '" + hex + "') > 0") !=
                "0")
                return true;
        return false;
    }
    bool ask(const std::string& sql) {
        found_.clear();
        problem_.clear();
        auto text = std::regex_replace(sql, std::regex(R"(\?1)"), "x'" + id_ + "'");
        if (!server_) {
            const auto take = [](void* to, int, char** values, char**) {
                static_cast<std::vector<std::string>*>(to)->emplace_back(values[0] ? values[0] : "");
                return 0;
            };
            const int code = sqlite3_exec(raw_, text.c_str(), take, &found_, nullptr);
            changes_ = sqlite3_changes(raw_);
            if (code != SQLITE_OK) problem_ = sqlite3_errmsg(raw_);
            return code == SQLITE_OK;
        }
        text = std::regex_replace(text, std::regex(R"(CAST\(x'([0-9a-fA-F]*)' AS TEXT\))"), "convert_from('\\x$1'::bytea, 'UTF8')");
        text = std::regex_replace(text, std::regex(R"(\bx'([0-9a-fA-F]*)')"), "'\\x$1'::bytea");
        const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(server_, text.c_str()), PQclear);
        const auto status = PQresultStatus(result.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            problem_ = PQerrorMessage(server_);
            return false;
        }
        changes_ = std::strtoll(PQcmdTuples(result.get()), nullptr, 10);
        for (int i = 0; i < PQntuples(result.get()); ++i) found_.emplace_back(PQgetvalue(result.get(), i, 0));
        return true;
    }

    const std::filesystem::path file_;
    sqlite3* raw_ = nullptr;
    PGconn* server_ = nullptr;
    std::string id_, problem_;
    std::vector<std::string> found_;
    std::int64_t changes_ = 0;
};

}  // namespace tenon::tests
