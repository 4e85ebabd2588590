#pragma once

#include <postgres_home.hpp>
#include <tenon/engine.hpp>

namespace tenon::tests {

/// The same engine, with its metadata in a file of the home or, beside the server of tests/support/postgres.py, in a database there.
inline EngineOptions placed(EngineOptions options) {
    if (postgres_server() && options.postgres.empty() && !options.home.empty()) options.postgres = postgres_for(options.home);
    return options;
}

}  // namespace tenon::tests
