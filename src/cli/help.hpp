#pragma once

#include <string>

#include "command.hpp"
#include "context.hpp"

namespace tenon::cli {

/// What --help prints for as much of a verb as was given.
std::string help_text(const Program& program, const Parsed& parsed);

/// A bash script that completes verbs and options.
std::string bash_completion(const Program& program);

}  // namespace tenon::cli
