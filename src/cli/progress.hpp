#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <tenon/job.hpp>

#include "context.hpp"

namespace tenon::cli {

/// Shows a job's progress on standard error until it has ended, well or not: a bar on a terminal, otherwise a line per
/// stage and tenth. Ctrl-C cancels the job and waits until it has stopped.
void follow(const Context& context, Job& job, std::string_view what);

/// The same for work that is no job: `ended` waits a moment for it.
void follow(const Context& context, const std::function<bool()>& ended, const std::function<void()>& cancel,
            const std::function<Progress()>& progress, std::string_view what);

/// "encode  ███████▌        42.0 %  126 of 300 frames  4 s left", fitted to `columns`.
std::string progress_line(const Progress& progress, std::string_view what, std::size_t columns, bool utf8);

}  // namespace tenon::cli
