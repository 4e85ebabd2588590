#pragma once

#include <vector>

#include "context.hpp"

namespace tenon::cli {

/// The verbs of usage's events, corrections, chargeback and checks.
std::vector<Command> usage_event_commands();

}  // namespace tenon::cli
