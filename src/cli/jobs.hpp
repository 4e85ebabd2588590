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

inline constexpr Option unique_option{"--unique", "KEY", "start nothing while a job of this kind with this key has not ended: show that one"};
inline constexpr Option after_job_option{"--after", "JOB", "begin when this job has ended; implies --detach", true};
inline constexpr Option after_failure_option{"--after-failure", "RULE", "where such a job fails: cancel or go_on; default cancel"};
inline constexpr Option batch_option{"--batch", "NAME", "count, list and cancel it together with others of this name"};

/// What --at, --priority, --unique, --after, --after-failure and --batch say.
JobSchedule schedule_of(const Args& args);

/// Whether the job is not to be waited for here.
bool is_for_later(const Args& args);

void show_job(const Context& context, const JobInfo& job);
/// Of a filter, as many as --limit asks for, after --after.
std::vector<JobInfo> jobs_of(Context& context, const Args& args, JobFilter filter);
void list_jobs(const Context& context, const std::vector<JobInfo>& jobs, std::string_view none);

/// What --detach prints: the job, and how to find it again.
int show_started(const Context& context, const Job& job);

}  // namespace tenon::cli
