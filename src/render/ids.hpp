#pragma once

#include <render/plan.hpp>

namespace tenon::render {

/// Fills in the ids of every chunk, sound and output, and the plan's own.
void number(Plan& plan);

}  // namespace tenon::render
