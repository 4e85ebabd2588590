#pragma once

#include <optional>
#include <string>
#include <vector>

#include <db/tx.hpp>
#include <tenant/actor.hpp>
#include <tenon/project.hpp>

/// Rows of projects. Each change counts its quota and leaves its audit record in the caller's transaction.
namespace tenon::tenant::projects {

/// Throws InvalidArgument for a name that create and rename would refuse: call it before the transaction.
void check(const ProjectOptions& options);

/// Throws InvalidArgument, QuotaExceeded. `id` comes from the caller.
Project create(db::Tx& tx, const Actor& actor, const ProjectId& id, const ProjectOptions& options, Time now);
[[nodiscard]] std::optional<Project> find(db::Reader& reader, const ProjectId& id);
/// Throws NotFound.
Project get(db::Reader& reader, const ProjectId& id);
/// Throw InvalidArgument.
void check_page(const ProjectFilter& filter);
std::vector<Project> list(db::Reader& reader, const ProjectFilter& filter);
/// Throws InvalidArgument, NotFound.
Project rename(db::Tx& tx, const Actor& actor, const ProjectId& id, const std::string& name, Time now);
/// The row and its place in the quota. What lies in the project is removed before, by its owner. Throws NotFound.
void remove(db::Tx& tx, const Actor& actor, const ProjectId& id, Time now);

}  // namespace tenon::tenant::projects
