#pragma once

#include <tenant/quota.hpp>

#include "workspace.hpp"

namespace tenon::engine {

/// What the storage of a running import is held for.
tenant::quota::Cause import_cause(const ProjectId& project, const AssetId& asset);

/// Locked by the process that imports.
std::filesystem::path import_mark(const Workspace& workspace, const AssetId& asset);

/// Whether some process still imports it. If none does, removes the files it left: no row names them.
bool import_lives(const Workspace& workspace, const tenant::quota::Cause& cause);

}  // namespace tenon::engine
