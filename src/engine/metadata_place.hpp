#pragma once

#include <memory>
#include <string>

#include <base/clock.hpp>
#include <db/database.hpp>
#include <tenon/engine.hpp>

#include "workspace.hpp"

namespace tenon::engine {

// A home keeps its metadata in its file or in a PostgreSQL database, and says so: one of the second kind holds a file
// `metadata.postgres` with a name that the database has in `meta`, too. So neither is ever opened with an empty store in the place of
// its own, and no database serves two homes. It is no secret and says nothing of where the server is.

/// What the home's database is opened with. Throws InvalidArgument, Conflict: the metadata are in the other kind of store.
db::Options metadata_place(const EngineOptions& options, const Home& home, const std::shared_ptr<const base::Clock>& clock);

/// The home and the PostgreSQL database that was opened belong together; at a first opening, from now on. Throws Conflict.
void join_metadata(db::Database& database, const db::SystemScope& system, const Home& home);

/// From now on the home's metadata are in the PostgreSQL database whose `meta` has `name` as metadata_name_key. Durable when it returns.
void set_metadata_in_postgres(const Home& home, const std::string& name);
inline constexpr const char* metadata_name_key = "home";

}  // namespace tenon::engine
