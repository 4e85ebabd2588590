#pragma once

#include <filesystem>

#include <db/database.hpp>
#include <postgres_home.hpp>

namespace tenon::tests {

/// Where the tests' home in `folder` keeps its metadata: in a file there or, beside the server of tests/support/postgres.py, in
/// the database called like the folder.
inline db::Options store_in(const std::filesystem::path& folder) {
    if (!postgres_server()) return {.file = folder / "metadata.db"};
    return {.postgres = postgres_for(folder)};
}

}  // namespace tenon::tests
