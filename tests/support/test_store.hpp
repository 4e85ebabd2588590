#pragma once

#include <filesystem>
#include <string>

#include <db/database.hpp>
#include <postgres_home.hpp>

namespace tenon::tests {

/// Where the tests' home in `folder` keeps its metadata: in a file there or, beside the server of tests/support/postgres.py, in
/// the database called like the folder, which whoever comes first makes. It goes with the server.
inline db::Options store_in(const std::filesystem::path& folder) {
    if (!postgres_server()) return {.file = folder / "metadata.db"};
    std::string name;
    for (const char c : std::filesystem::weakly_canonical(folder).string()) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (plain) name += c;
        else name += c >= 'A' && c <= 'Z' ? std::string("_") + static_cast<char>(c + 32) : "__";
    }
    PGconn* c = PQconnectdb((*postgres_server() + " dbname=postgres").c_str());
    PQclear(PQexec(c, ("CREATE DATABASE \"" + name + "\" TEMPLATE template0").c_str()));  // refused: it is there
    PQfinish(c);
    return {.postgres = *postgres_server() + " dbname=" + name};
}


}  // namespace tenon::tests
