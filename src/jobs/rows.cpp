#include <jobs/job.hpp>

#include <algorithm>
#include <cmath>

#include <base/json.hpp>
#include <base/text.hpp>
#include <jobs/recurrence.hpp>

#include "statements.hpp"

TENON_BEGIN

const char* to_string(JobState state) noexcept {
    switch (state) {
        case JobState::scheduled: return "scheduled";
        case JobState::ready: return "ready";
        case JobState::running: return "running";
        case JobState::succeeded: return "succeeded";
        case JobState::failed: return "failed";
        case JobState::cancelled: return "cancelled";
        case JobState::dead: return "dead";
        case JobState::blocked: return "blocked";
        case JobState::paused: return "paused";
    }
    return "unknown";
}

const char* to_string(AfterFailure rule) noexcept {
    switch (rule) {
        case AfterFailure::cancel: return "cancel";
        case AfterFailure::go_on: return "go_on";
    }
    return "unknown";
}

TENON_END

namespace tenon::jobs {
namespace {

using base::Json;

}  // namespace

Progress progress_from(const std::string& text) {
    Progress progress;
    if (text.empty()) return progress;
    const Json json = base::parse_json(text);
    progress.percent = static_cast<double>(json.get_int("permyriad")) / 100;
    progress.stage = json.get_string("stage");
    progress.done = json.get_int("done");
    progress.total = json.get_int("total");
    progress.unit = json.get_string("unit");
    if (json.find("eta")) progress.eta = Duration(json.get_int("eta"));
    progress.per_second = static_cast<double>(json.int_or("per_second", 0));
    progress.files = json.int_or("files", 0);
    progress.files_per_second = static_cast<double>(json.int_or("files_per_1000_s", 0)) / 1000;
    return progress;
}

std::vector<db::Migration> migrations() {
    return {{"jobs", 1,
             db::tenant_table("job",
                              "id BLOB NOT NULL, queue TEXT NOT NULL, prio INTEGER NOT NULL, kind TEXT NOT NULL, "
                              "payload TEXT NOT NULL, cause TEXT NOT NULL, unique_key TEXT, hold BLOB, state INTEGER NOT NULL, "
                              "attempt INTEGER NOT NULL, max_attempts INTEGER NOT NULL, fence INTEGER NOT NULL, "
                              "due_at INTEGER NOT NULL, cursor TEXT NOT NULL, progress TEXT NOT NULL, result TEXT NOT NULL, "
                              "failure TEXT NOT NULL, cancel INTEGER NOT NULL, created_at INTEGER NOT NULL, "
                              "started_at INTEGER, ended_at INTEGER",
                              "PRIMARY KEY (tenant_id, id)") +
                 "CREATE INDEX job_ready ON job_ (tenant_id, prio DESC, id) WHERE state = " TENON_JOB_READY ";"
                 "CREATE INDEX job_unended ON job_ (tenant_id, cause) WHERE state <= " TENON_JOB_RUNNING ";"
                 "CREATE INDEX job_scheduled ON job_ (due_at) WHERE state = " TENON_JOB_SCHEDULED ";"
                 "CREATE UNIQUE INDEX job_unique ON job_ (tenant_id, unique_key) WHERE unique_key IS NOT NULL AND state <= "
                 TENON_JOB_RUNNING ";" +
                 db::tenant_table("job_run",
                                  "job_id BLOB NOT NULL, node BLOB NOT NULL, fence INTEGER NOT NULL, "
                                  "heartbeat_at INTEGER NOT NULL, expires_at INTEGER NOT NULL",
                                  "PRIMARY KEY (tenant_id, job_id), "
                                  "FOREIGN KEY (tenant_id, job_id) REFERENCES job_ (tenant_id, id)")},
            {"jobs", 2, "CREATE INDEX job_ended ON job_ (ended_at) WHERE ended_at IS NOT NULL;\n"},
            {"jobs", 3,
             "ALTER TABLE job_ ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;\n"
             "ALTER TABLE job_ ADD COLUMN waits_for INTEGER NOT NULL DEFAULT 0;\n"
             "ALTER TABLE job_ ADD COLUMN job_key TEXT;\n"
             "ALTER TABLE job_ ADD COLUMN batch TEXT;\n"
             "CREATE UNIQUE INDEX job_keyed ON job_ (tenant_id, kind, job_key) WHERE job_key IS NOT NULL AND state <= 3;\n"
             "CREATE INDEX job_batch ON job_ (tenant_id, batch, state) WHERE batch IS NOT NULL;\n" +
                 db::tenant_table("job_need", "job_id BLOB NOT NULL, needs_id BLOB NOT NULL, go_on INTEGER NOT NULL",
                                  "PRIMARY KEY (tenant_id, job_id, needs_id), "
                                  "FOREIGN KEY (tenant_id, job_id) REFERENCES job_ (tenant_id, id)") +
                 "CREATE INDEX job_needed ON job_need_ (tenant_id, needs_id);\n" +
                 db::tenant_table("job_pause", "kind TEXT NOT NULL, paused_at INTEGER NOT NULL", "PRIMARY KEY (tenant_id, kind)")},
            recurrence_migration(),
            // By what a claim does not touch: beginning a job then leaves this index alone.
            {"jobs", 5,
             "DROP INDEX job_unended;\n"
             "CREATE INDEX job_unended ON job_ (tenant_id, cause) WHERE ended_at IS NULL;\n"}};
}

JobRow from_row(const db::Rows& row) {
    JobRow job;
    job.tenant = row.id<TenantId>(0);
    job.id = row.id<JobId>(1);
    job.kind = row.text(2);
    job.payload = row.text(3);
    job.cause = row.text(4);
    const bool paused = row.i64(21) != 0;
    const auto state = row.i64(5);  // TENON_JOB_HELD is no state that anybody else knows
    job.state = state != 0 ? static_cast<JobState>(state) : paused ? JobState::paused
                                                                   : JobState::blocked;
    job.attempt = static_cast<std::int32_t>(row.i64(6));
    job.max_attempts = static_cast<std::int32_t>(row.i64(7));
    job.cursor = row.text(8);
    job.progress = progress_from(row.text(9));
    job.result = row.text(10);
    job.failure = row.text(11);
    job.hold = row.maybe_id<HoldId>(12);
    job.cancel_requested = row.boolean(13);
    job.created_at = row.time(14);
    job.started_at = row.maybe_time(15);
    job.ended_at = row.maybe_time(16);
    job.due_at = row.time(18);
    job.priority = static_cast<std::int32_t>(row.i64(19));
    job.unique_key = row.maybe_text(20).value_or("");
    job.waits_for = row.i64(22);
    job.key = row.maybe_text(23).value_or("");
    job.batch = row.maybe_text(24).value_or("");
    return job;
}

std::int64_t fence_of(const db::Rows& row) { return row.i64(17); }

namespace {

/// What jobs that have ended do not have.
std::string moving_json(const Progress& progress) {
    std::string text;
    if (progress.eta) text += ",\"eta\":" + std::to_string(progress.eta->count());
    if (progress.per_second >= 1) text += ",\"per_second\":" + std::to_string(std::llround(progress.per_second));
    if (progress.files > 0) text += ",\"files\":" + std::to_string(progress.files);
    if (progress.files_per_second > 0) text += ",\"files_per_1000_s\":" + std::to_string(std::llround(progress.files_per_second * 1000));
    return text;
}

}  // namespace

std::string progress_json(const Progress& progress) {
    // Written with every end of a job, by the thread that writes: what needs no escapes, and hardly anything does, is put together at once.
    const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    if (std::ranges::all_of(progress.stage, plain) && std::ranges::all_of(progress.unit, plain))
        return "{\"done\":" + std::to_string(progress.done) + ",\"permyriad\":" + std::to_string(static_cast<std::int64_t>(progress.percent * 100)) +
               ",\"stage\":\"" + progress.stage + "\",\"total\":" + std::to_string(progress.total) + ",\"unit\":\"" + progress.unit + '"' +
               moving_json(progress) + '}';
    Json json;
    json.set("permyriad", static_cast<std::int64_t>(progress.percent * 100));
    json.set("stage", progress.stage);
    json.set("done", progress.done);
    json.set("total", progress.total);
    json.set("unit", progress.unit);
    auto text = base::to_json(json);
    text.pop_back();
    return text + moving_json(progress) + '}';
}

std::string failure_json(const Error& error) {
    Json json;
    json.set("code", static_cast<std::int64_t>(error.code()));
    json.set("message", error.what());
    json.set("subject", error.subject());
    json.set("resource", error.resource());
    if (error.limit()) json.set("limit", *error.limit());
    if (error.used()) json.set("used", *error.used());
    if (error.resets_at()) json.set("resets_at", error.resets_at()->time_since_epoch().count());
    json.set("retryable", error.retryable());
    return base::to_json(json);
}

std::string resource_of_failure(const std::string& text) { return base::parse_json(text).get_string("resource"); }

std::string cancelled_json() { return failure_json(Cancelled("the job was cancelled")); }

void throw_failure(const std::string& text) {
    const Json json = base::parse_json(text);
    const auto number = [&](std::string_view name) -> std::optional<std::int64_t> {
        const Json* value = json.find(name);
        return value ? std::optional(value->as_int(name)) : std::nullopt;
    };
    ErrorInfo info{.subject = json.get_string("subject"), .resource = json.get_string("resource"), .limit = number("limit"),
                   .used = number("used"), .retryable = json.get_bool("retryable")};
    if (const auto at = number("resets_at")) info.resets_at = Time{Duration{*at}};
    throw_error(static_cast<Errc>(json.get_int("code")), json.get_string("message"), std::move(info));
}

void check_schedule(const JobSchedule& schedule, Time now) {
    constexpr std::int32_t widest = 100;
    constexpr auto farthest = std::chrono::hours(24 * 366);
    if (schedule.priority < -widest || schedule.priority > widest)
        throw InvalidArgument("a priority lies between -100 and 100", {.subject = "schedule.priority"});
    if (schedule.start && *schedule.start > now + farthest)
        throw InvalidArgument("a job begins at most 366 days ahead", {.subject = "schedule.start"});
    base::check_text("schedule.unique_key", schedule.unique_key, 200);
    base::check_text("schedule.batch", schedule.batch, 200);
    if (schedule.after.size() > most_needs)
        throw InvalidArgument("a job waits for at most 100 others", {.subject = "schedule.after"});
    if (schedule.after_failure != AfterFailure::cancel && schedule.after_failure != AfterFailure::go_on)
        throw InvalidArgument("there is no such rule", {.subject = "schedule.after_failure"});
}

void schedule(NewJob& job, const JobSchedule& schedule) {
    job.priority = schedule.priority;
    job.due_at = schedule.start;
    job.key = schedule.unique_key;
    job.batch = schedule.batch;
    job.after = schedule.after;
    job.after_failure = schedule.after_failure;
}

std::vector<JobRow> list(db::Reader& reader, const JobFilter& filter) {
    if (filter.limit < 1 || filter.limit > 1000)
        throw InvalidArgument("a list of jobs holds 1 to 1000 of them", {.subject = "limit"});
    const bool held = filter.state == JobState::blocked || filter.state == JobState::paused;
    const std::int64_t state = held ? 0 : filter.state ? static_cast<std::int64_t>(*filter.state) : -1;
    const std::int64_t paused = held ? filter.state == JobState::paused : -1;
    std::vector<JobRow> jobs;
    {
        auto rows = reader.query(sql::list, filter.kind, state, paused, filter.batch, filter.after, filter.limit);
        while (rows.next()) jobs.push_back(from_row(rows));
    }
    for (auto& job : jobs) job.after = needs_of(reader, job);
    return jobs;
}

std::optional<JobRow> find(db::Reader& reader, const JobId& id) {
    std::optional<JobRow> job;
    {
        auto rows = reader.query(sql::find, id);
        if (!rows.next()) return std::nullopt;
        job = from_row(rows);
    }
    job->after = needs_of(reader, *job);
    return job;
}

bool is_cause_of_unended(db::Reader& reader, const std::string& cause) {
    return reader.query(sql::unended_of_cause, cause).next();
}

std::vector<JobId> unended(db::Reader& reader) {
    std::vector<JobId> ids;
    auto rows = reader.query(sql::unended);
    while (rows.next()) ids.push_back(rows.id<JobId>(0));
    return ids;
}

void erase(db::Tx& tx) {
    recurrences::erase(tx);
    tx.exec(sql::erase_needs);
    tx.exec(sql::erase_pauses);
    tx.exec(sql::erase_runs);
    tx.exec(sql::erase_jobs);
}

bool any_to_forget(db::SystemReader& reader, Time now) { return reader.query(sql::any_ended, now - kept_after_end).next(); }

std::int64_t forget_ended(db::SystemTx& tx, Time now, std::int32_t most) { return tx.exec(sql::forget_ended, now - kept_after_end, most); }

void refuse_unknown(const JobId& id) {
    throw NotFound("there is no such job; one that has ended is kept for 90 days", {.subject = id.text()});
}

JobInfo info_of(const JobRow& row) {
    JobInfo info;
    info.id = row.id;
    info.kind = row.kind;
    info.state = row.state;
    info.progress = row.progress;
    info.attempt = row.attempt;
    info.max_attempts = row.max_attempts;
    info.priority = row.priority;
    if (row.state == JobState::scheduled) info.due_at = row.due_at;
    info.unique_key = row.key;
    info.batch = row.batch;
    info.after = row.after;
    info.created_at = row.created_at;
    info.started_at = row.started_at;
    info.ended_at = row.ended_at;
    if (!row.failure.empty()) {
        const Json json = base::parse_json(row.failure);
        info.error = static_cast<Errc>(json.get_int("code"));
        info.message = json.get_string("message");
    }
    return info;
}

}  // namespace tenon::jobs
