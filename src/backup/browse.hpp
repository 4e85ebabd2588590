#pragma once

#include <string>
#include <vector>

#include "repository_impl.hpp"
#include "tree.hpp"

namespace tenon::backup {

/// "a/b" as its names. Throws InvalidArgument for ".." and the like.
std::vector<std::string> split_path(const std::string& path);

/// The entry at a path below a root; the root itself for no parts. Throws NotFound, also for what is below something erased.
Entry find_entry(NodeSource& nodes, const Ring& ring, const Id& root, const std::vector<std::string>& parts, const std::string& path);

/// Throws NotFound for a folder whose class was erased.
void refuse_erased(const Ring& ring, const Entry& entry, const std::string& path);

}  // namespace tenon::backup
