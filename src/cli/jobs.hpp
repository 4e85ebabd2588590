#pragma once

#include <string_view>
#include <vector>

#include <tenon/job.hpp>

#include "command.hpp"
#include "context.hpp"

namespace tenon::cli {

inline constexpr Option detach{"--detach", "", "do not wait: the job begins when a process has this home open"};

void show_job(const Context& context, const JobInfo& job);
void list_jobs(const Context& context, const std::vector<JobInfo>& jobs, std::string_view none);

/// What --detach prints: the job, and how to find it again.
int show_started(const Context& context, const Job& job);

}  // namespace tenon::cli
