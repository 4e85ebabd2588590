#pragma once

#include <string>

#include <tenon/error.hpp>

#include "context.hpp"

namespace tenon::cli {

/// Exit codes: 0 done, 1 the answer is no (a check found damage is 10 + corrupt instead), 2 wrong words on the command
/// line, 10 + n the library's error n.
constexpr int exit_usage = 2;
constexpr int exit_code(Errc code) { return 10 + static_cast<int>(code); }

/// What to do next, in one sentence. Empty where the message says it all.
std::string next_step(const Program& program, const Command* command, const Error& error);

int report(const Program& program, const Command* command, bool json, const Error& error);
int report_usage(const Program& program, const Parsed& parsed, bool json, const std::string& message);

}  // namespace tenon::cli
