#pragma once

#include <string_view>
#include <vector>

#include <tenon/job.hpp>

#include "command.hpp"
#include "context.hpp"

namespace tenon::cli {

inline constexpr Option detach{"--detach", "", "do not wait: the job begins when a process has this home open"};

inline constexpr Option at_option{"--at", "TIME", "begin not before this, such as 2026-05-01T02:00:00Z or +8h; implies --detach"};
inline constexpr Option priority_option{"--priority", "N", "-100 to 100: of the tenant's own jobs the higher goes first; default 0"};

/// What --at and --priority say.
JobSchedule schedule_of(const Args& args);

void show_job(const Context& context, const JobInfo& job);
/// Of a filter, as many as --limit asks for, after --after.
std::vector<JobInfo> jobs_of(Context& context, const Args& args, JobFilter filter);
void list_jobs(const Context& context, const std::vector<JobInfo>& jobs, std::string_view none);

/// What --detach prints: the job, and how to find it again.
int show_started(const Context& context, const Job& job);

}  // namespace tenon::cli
