#pragma once

#include <string>
#include <vector>

#include "command.hpp"

namespace tenon::cli {

Timeline timeline_from_file(const std::string& path);
/// What --output says.
std::vector<std::string> presets(const Args& args);

}  // namespace tenon::cli
