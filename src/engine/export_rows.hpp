#pragma once

#include <optional>
#include <vector>

#include <db/database.hpp>
#include <tenon/exports.hpp>

#include "workspace.hpp"

namespace tenon::engine::export_rows {

/// Table `export`. Names only: the files lie in the workspace's exports.
std::vector<db::Migration> migrations();
/// Those behind other parts' in the engine's order.
std::vector<db::Migration> later_migrations();

/// A file, and the project it was made of; unset: of none, or before projects were noted.
struct Row {
    ExportedFile file{};
    std::optional<ProjectId> project{};
};

void insert(db::Tx& tx, const ExportedFile& file, const std::optional<ProjectId>& project = {});
std::optional<Row> find(db::Reader& reader, const std::string& name, const Workspace& workspace);
std::vector<Row> list(db::Reader& reader, const ExportFilter& filter, const Workspace& workspace);
void remove(db::Tx& tx, const std::string& name);
/// Every row of a tenant that is being erased.
void erase(db::Tx& tx);

}  // namespace tenon::engine::export_rows

namespace tenon::engine {

/// "<name>-<end of the job's id><ending>": nobody else's, and still a name that people know.
std::string export_name(const std::string& name, const JobId& job, const std::string& ending);

/// Throws InvalidArgument, subject `field`, for a name that could not be a file's.
void check_export_name(std::string_view field, const std::string& name);

}  // namespace tenon::engine
