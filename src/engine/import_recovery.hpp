#pragma once

#include <functional>
#include <string_view>

#include <base/file.hpp>
#include <tenant/quota.hpp>

#include "workspace.hpp"

namespace tenon::engine {

/// What the storage of a running import is held for.
tenant::quota::Cause import_cause(const ProjectId& project, const AssetId& asset);

constexpr std::string_view import_mark_ending = ".import";

/// Locked by the process that imports.
std::filesystem::path import_mark(const Workspace& workspace, const AssetId& asset);

/// Locks the mark of an import that begins. Throws Unavailable.
base::FileLock lock_import_mark(const std::filesystem::path& mark);

/// Removes a mark that no process holds: its import ended, or was killed before storage was held for it.
void remove_dead_mark(const std::filesystem::path& mark);

/// Whether some process still imports it, or it has just ended well, which `has_row` says. Otherwise removes the files it
/// left: no row names them.
bool import_lives(const Workspace& workspace, const tenant::quota::Cause& cause, const std::function<bool(const AssetId&)>& has_row);

}  // namespace tenon::engine
