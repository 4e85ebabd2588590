#include "backup_schedules.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include <base/text.hpp>
#include <tenon/backup_schedule.hpp>

#include "backup_drills.hpp"
#include "backup_json.hpp"
#include "backup_schedule_rows.hpp"
#include "repositories.hpp"

TENON_BEGIN

const char* to_string(Overlap rule) noexcept {
    switch (rule) {
        case Overlap::skip: return "skip";
        case Overlap::queue: return "queue";
        case Overlap::cancel: return "cancel";
    }
    return "unknown";
}

const char* to_string(ScheduledWork work) noexcept {
    switch (work) {
        case ScheduledWork::backup: return "backup";
        case ScheduledWork::prune: return "prune";
        case ScheduledWork::check: return "check";
        case ScheduledWork::drill: return "drill";
    }
    return "unknown";
}

TENON_END

namespace tenon {

using base::Json;
using engine::Permission;
namespace schedule_rows = engine::schedule_rows;
namespace clocks = jobs::recurrences;

namespace {

constexpr Duration first_retry_pause = std::chrono::minutes(5);
constexpr Duration longest_retry_pause = std::chrono::hours(6);
/// How soon work that waits for other work is looked at again.
constexpr Duration waits_for = std::chrono::seconds(2);
/// Times that passed unused are counted up to here.
constexpr std::int64_t most_missed = 1000;

Json options_json(const BackupScheduleOptions& options) {
    Json json;
    json.set("cron", options.cron).set("zone", options.zone).set("backup", engine::backup_json(options.backup));
    json.set("misfire", static_cast<std::int64_t>(options.misfire)).set("overlap", static_cast<std::int64_t>(options.overlap));
    json.set("retries", options.retries).set("retry_pause", options.retry_pause.count()).set("time_limit", options.time_limit.count());
    if (options.keep) json.set("keep", engine::keep_json(*options.keep));
    json.set("prune_cron", options.prune_cron).set("unused_percent", options.unused_percent);
    json.set("check_cron", options.check_cron).set("check_level", static_cast<std::int64_t>(options.check_level));
    engine::set_limits(json, options.limits);
    json.set("check_percent", options.check_percent).set("check_repairs", options.check_repairs);
    json.set("drill_cron", options.drill_cron).set("drill_files", options.drill_files).set("rto_goal", options.rto_goal.count());
    json.set("overdue_after", options.overdue_after);
    return json;
}

BackupScheduleOptions options_from(const std::string& name, const std::string& text) {
    const auto json = base::parse_json(text, {}, "options");
    const auto number = [&](const char* field) { return static_cast<std::int32_t>(json.get_int(field)); };
    BackupScheduleOptions options{.name = name, .cron = json.get_string("cron"), .zone = json.get_string("zone")};
    options.backup = engine::backup_from(json.at("backup"));
    options.misfire = static_cast<Misfire>(json.get_int("misfire"));
    options.overlap = static_cast<Overlap>(json.get_int("overlap"));
    options.retries = number("retries");
    options.retry_pause = Duration(json.get_int("retry_pause"));
    options.time_limit = Duration(json.get_int("time_limit"));
    if (const auto* keep = json.find("keep")) options.keep = engine::keep_from(*keep);
    options.prune_cron = json.get_string("prune_cron");
    options.unused_percent = number("unused_percent");
    options.check_cron = json.get_string("check_cron");
    options.check_level = static_cast<CheckLevel>(json.get_int("check_level"));
    options.check_percent = static_cast<std::int32_t>(json.int_or("check_percent", 100));
    options.check_repairs = json.bool_or("check_repairs", true);
    options.limits = engine::limits_from(json);
    options.drill_cron = json.get_string("drill_cron");
    options.drill_files = number("drill_files");
    options.rto_goal = Duration(json.get_int("rto_goal"));
    options.overdue_after = number("overdue_after");
    return options;
}

struct Beat {
    ScheduledWork work;
    const char* field;
    std::string cron;
};

std::vector<Beat> beats_of(const BackupScheduleOptions& options) {
    std::vector<Beat> beats{{ScheduledWork::backup, "cron", options.cron}};
    if (!options.prune_cron.empty()) beats.push_back({ScheduledWork::prune, "prune_cron", options.prune_cron});
    if (!options.check_cron.empty()) beats.push_back({ScheduledWork::check, "check_cron", options.check_cron});
    if (!options.drill_cron.empty()) beats.push_back({ScheduledWork::drill, "drill_cron", options.drill_cron});
    return beats;
}

std::optional<Time> next_beat(const Beat& beat, const std::string& zone, Time after) {
    try {
        return clocks::next_of(beat.cron, zone, after);
    } catch (const InvalidArgument& error) {
        if (error.subject() != "cron") throw;
        throw InvalidArgument(error.what(), {.subject = beat.field});
    }
}

void check_between(const char* field, std::int64_t value, std::int64_t least, std::int64_t most) {
    if (value < least || value > most)
        throw InvalidArgument("must be " + std::to_string(least) + " to " + std::to_string(most), {.subject = field});
}

/// With what was left empty filled in, and everything that can be wrong found.
BackupScheduleOptions checked_schedule(const SessionImpl& session, BackupScheduleOptions options, Time now) {
    base::check_name("name", options.name);
    if (options.zone.empty()) options.zone = session.engine->registry->standing(session.scope.tenant())->tenant.zone;
    if (options.backup.name.empty()) options.backup.name = options.name;
    engine::check_backup(options.backup);
    jobs::check_schedule(options.backup.schedule, now);
    if (options.backup.schedule.start) throw InvalidArgument("the expression says when", {.subject = "backup.schedule.start"});
    if (!options.backup.schedule.after.empty())
        throw InvalidArgument("what comes again waits for no single job", {.subject = "backup.schedule.after"});
    if (options.misfire != Misfire::run_once && options.misfire != Misfire::skip)
        throw InvalidArgument("there is no such rule", {.subject = "misfire"});
    if (options.overlap != Overlap::skip && options.overlap != Overlap::queue && options.overlap != Overlap::cancel)
        throw InvalidArgument("there is no such rule", {.subject = "overlap"});
    check_between("retries", options.retries, 0, 100);
    constexpr Duration longest = std::chrono::hours(24 * 366);
    check_between("retry_pause", options.retry_pause.count(), 0, longest.count());
    check_between("time_limit", options.time_limit.count(), 0, longest.count());
    check_between("unused_percent", options.unused_percent, 0, 100);
    check_between("check_percent", options.check_percent, 1, 100);
    check_between("drill_files", options.drill_files, 0, std::numeric_limits<std::int32_t>::max());
    check_between("rto_goal", options.rto_goal.count(), 0, longest.count());
    check_between("overdue_after", options.overdue_after, 0, 1000);
    if (options.check_level > CheckLevel::full) throw InvalidArgument("there is no such level of checking", {.subject = "check_level"});
    if (options.keep) engine::check_keep(*options.keep);
    backup::check_limits(options.limits);
    for (const auto& beat : beats_of(options)) (void)next_beat(beat, options.zone, now);
    if (base::to_json(options_json(options)).size() > base::JsonLimits{}.max_size)
        throw InvalidArgument("paths and patterns of one schedule may take 1 MiB together", {.subject = "backup"});
    return options;
}

std::optional<Time> overdue_of(const BackupScheduleOptions& options, Time after) {
    if (options.overdue_after == 0) return std::nullopt;
    std::optional<Time> time = after;
    for (std::int32_t i = 0; time && i <= options.overdue_after; ++i) time = clocks::next_of(options.cron, options.zone, *time);
    return time;
}

[[noreturn]] void refuse_unknown_schedule(const std::string& name) { throw NotFound("there is no schedule of this name", {.subject = name}); }

schedule_rows::Row schedule_now(db::Reader& reader, const std::string& name) {
    if (auto row = schedule_rows::find(reader, name)) return *std::move(row);
    refuse_unknown_schedule(name);
}

BackupSchedule schedule_of(db::Reader& reader, const schedule_rows::Row& row) {
    BackupSchedule schedule{.options = options_from(row.name, row.options), .paused = row.paused, .overdue_at = row.overdue_at, .standings = {},
                            .created_at = row.created_at};
    for (const auto& work : schedule_rows::works(reader, row.name)) {
        const auto clock = clocks::find(reader, schedule_rows::clock_name(row.name, work.work));
        if (!clock) continue;
        ScheduleStanding standing{.work = work.work, .cron = clock->info.cron, .next_at = clock->info.next_at, .last_at = clock->info.last_at,
                                  .last_job = work.job};
        if (const auto job = work.job ? jobs::find(reader, *work.job) : std::nullopt) standing.last_state = job->state;
        standing.last_error = work.error;
        standing.last_message = work.message;
        standing.failures = work.failures;
        standing.succeeded_at = work.succeeded_at;
        standing.snapshot = work.snapshot;
        standing.runs = clock->info.runs;
        schedule.standings.push_back(std::move(standing));
    }
    return schedule;
}

/// The clock of one work set to `next`; made where there is none.
void set_clock(db::Tx& tx, const BackupScheduleOptions& options, const Beat& beat, bool paused, Time now) {
    const auto name = schedule_rows::clock_name(options.name, beat.work);
    jobs::RecurrenceRow row;
    auto& info = row.info;
    if (auto there = clocks::find(tx, name)) {
        info = std::move(there->info);
    } else {
        info = {.name = name, .kind = clocks::clock_kind, .created_at = now};
        row.payload = "{}";
        info.cron = beat.cron;
        info.zone = options.zone;
        clocks::add(tx, row);
    }
    info.cron = beat.cron;
    info.zone = options.zone;
    info.misfire = options.misfire;
    info.paused = paused;
    info.next_at = paused ? std::nullopt : next_beat(beat, options.zone, now);
    clocks::change(tx, info);
}

/// Clocks and rows of all works, and of no other; what waited or was to be tried again is not.
void set_clocks(db::Tx& tx, const BackupScheduleOptions& options, bool paused, Time now) {
    const auto beats = beats_of(options);
    for (const auto& work : schedule_rows::works(tx, options.name)) {
        if (std::any_of(beats.begin(), beats.end(), [&](const Beat& beat) { return beat.work == work.work; })) continue;
        clocks::remove(tx, schedule_rows::clock_name(options.name, work.work));
        schedule_rows::remove_work(tx, options.name, work.work);
    }
    for (const auto& beat : beats) {
        set_clock(tx, options, beat, paused, now);
        auto work = schedule_rows::find_work(tx, options.name, beat.work).value_or(schedule_rows::WorkRow{.work = beat.work});
        work.retry = 0;
        work.retry_at.reset();
        work.waits_since.reset();
        schedule_rows::put_work(tx, options.name, work);
    }
}

void tell(EngineImpl& engine, db::Tx& tx, const char* what, const std::string& schedule, Json data) {
    engine.events->append(tx, {.kind = std::string("backup_schedule.") + what, .at = engine.now(), .subject = schedule, .data = std::move(data)});
}

Json about(ScheduledWork work, const std::optional<JobId>& job = {}) {
    Json data;
    data.set("work", to_string(work));
    if (job) data.set("job", job->text());
    return data;
}

std::int64_t micros(Time time) { return time.time_since_epoch().count(); }

void tell_missed(EngineImpl& engine, db::Tx& tx, const std::string& schedule, schedule_rows::WorkRow& work, std::int64_t times, const char* why,
                 bool made_up) {
    auto data = about(work.work);
    data.set("times", times).set("reason", why).set("made_up", made_up);
    const std::string lead = times == 1 ? "one time was missed: " : std::to_string(times) + " times were missed: ";
    work.message = lead + (why == std::string("overlap") ? "the job before had not ended" : "no process had the home open");
    tell(engine, tx, "missed", schedule, std::move(data));
}

/// What failed is tried again while tries are left and its next time is further away.
void note_failure(EngineImpl& engine, db::Tx& tx, const BackupScheduleOptions& options, schedule_rows::WorkRow work, Errc code,
                  const std::string& message, bool may_pass) {
    work.error = code;
    work.message = message;
    ++work.failures;
    auto data = about(work.work, work.job);
    data.set("error", to_string(code)).set("message", message).set("failures", work.failures);
    const auto clock = clocks::find(tx, schedule_rows::clock_name(options.name, work.work));
    bool again = false;
    if (may_pass && clock && !clock->info.paused && work.retry < options.retries) {
        auto pause = options.retry_pause == Duration::zero() ? first_retry_pause : options.retry_pause;
        const auto longest = std::max(pause, longest_retry_pause);
        for (std::int32_t i = 0; i < work.retry && pause < longest; ++i) pause = std::min(2 * pause, longest);
        const auto at = engine.now() + pause;
        again = !clock->info.next_at || at < *clock->info.next_at;
        if (again) {
            auto info = clock->info;
            info.next_at = at;
            clocks::change(tx, info);
            ++work.retry;
            work.retry_at = at;
            data.set("retry_at", micros(at));
        }
    }
    if (!again) work.retry = 0;
    schedule_rows::put_work(tx, options.name, work);
    tell(engine, tx, "failed", options.name, std::move(data));
}

/// A job of the work was put into the queue, in the transaction that did.
void note_begun(EngineImpl& engine, db::Tx& tx, const BackupScheduleOptions& options, schedule_rows::WorkRow& work, const JobId& job) {
    work.job = job;
    work.retry_at.reset();
    work.waits_since.reset();
    work.limit_at = options.time_limit > Duration::zero() ? std::optional(engine.now() + options.time_limit) : std::nullopt;
    work.timed_out = false;
    work.error.reset();
    work.message.clear();
    auto data = about(work.work, job);
    if (work.retry > 0) data.set("retry", work.retry);
    tell(engine, tx, "started", options.name, std::move(data));
}

/// Puts the work's job into the queue with this session's rights.
JobId start_work(const std::shared_ptr<SessionImpl>& session, const BackupScheduleOptions& options, ScheduledWork work) {
    auto backups = Internal::make<Backups>(session);
    if (work == ScheduledWork::prune) return backups.prune({.unused_percent = options.unused_percent, .limits = options.limits}).id();
    if (work == ScheduledWork::check)
        return engine::start_check(*session, {.level = options.check_level, .percent = options.check_percent, .limits = options.limits},
                                   options.check_repairs);
    if (work == ScheduledWork::drill)
        return engine::start_drill(*session, {.name = options.backup.name, .files = options.drill_files, .rto_goal = options.rto_goal,
                                             .limits = options.limits},
                                   {.schedule = options.name, .cron = options.cron, .zone = options.zone});
    auto keep = options.keep;
    if (keep && keep->zone.empty() && keep->utc_offset == Duration::zero()) keep->zone = options.zone;
    return engine::start_backup(*session, options.backup, keep);
}

bool is_running(db::Reader& reader, const std::optional<JobId>& id) {
    const auto job = id ? jobs::find(reader, *id) : std::nullopt;
    return job && !jobs::has_ended(job->state);
}

/// The rights that all of a schedule's work takes.
engine::Gate::Pass enter_to_schedule(const SessionImpl& session, const BackupScheduleOptions& options) {
    if (options.keep || !options.prune_cron.empty()) (void)session.enter(Permission::backup_forget);
    if (!options.drill_cron.empty()) (void)session.enter(Permission::backup_restore);
    if (options.backup.include_rows) (void)session.enter(Permission::tenant_export);
    return session.enter(Permission::backup_write);
}

Json described_schedule(const BackupScheduleOptions& options) {
    Json details;
    details.set("cron", options.cron).set("zone", options.zone);
    if (!options.prune_cron.empty()) details.set("prune_cron", options.prune_cron);
    if (!options.check_cron.empty()) details.set("check_cron", options.check_cron);
    if (!options.drill_cron.empty()) details.set("drill_cron", options.drill_cron);
    if (options.keep) details.set("keep", engine::keep_json(*options.keep));
    return details;
}

const char* job_kind(ScheduledWork work) {
    switch (work) {
        case ScheduledWork::backup: return engine::backup_kind;
        case ScheduledWork::prune: return engine::prune_kind;
        case ScheduledWork::check: return engine::check_kind;
        case ScheduledWork::drill: return engine::drill_kind;
    }
    return "";
}

}  // namespace

BackupSchedules::BackupSchedules(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

BackupSchedule BackupSchedules::create(const BackupScheduleOptions& given) {
    const auto pass = enter_to_schedule(*impl_, given);
    const auto at = impl_->now();
    const auto options = checked_schedule(*impl_, given, at);
    return impl_->change("backup_schedule.create", options.name, [&](db::Tx& tx) {
        schedule_rows::Row row{.name = options.name, .options = base::to_json(options_json(options)), .overdue_at = overdue_of(options, at),
                               .created_at = at};
        schedule_rows::add(tx, row);
        set_clocks(tx, options, false, at);
        impl_->audit(tx, "backup_schedule.create", options.name, at, described_schedule(options));
        return schedule_of(tx, row);
    });
}

BackupSchedule BackupSchedules::update(const BackupScheduleOptions& given) {
    const auto seen = get(given.name);
    (void)enter_to_schedule(*impl_, seen.options);
    const auto pass = enter_to_schedule(*impl_, given);
    const auto at = impl_->now();
    const auto options = checked_schedule(*impl_, given, at);
    return impl_->change("backup_schedule.update", options.name, [&](db::Tx& tx) {
        auto row = schedule_now(tx, options.name);
        row.options = base::to_json(options_json(options));
        row.overdue_at = row.paused ? std::nullopt : overdue_of(options, at);
        schedule_rows::change(tx, row);
        set_clocks(tx, options, row.paused, at);
        impl_->audit(tx, "backup_schedule.update", options.name, at, described_schedule(options));
        return schedule_of(tx, row);
    });
}

BackupSchedule BackupSchedules::get(const std::string& name) const {
    if (auto schedule = find(name)) return *std::move(schedule);
    refuse_unknown_schedule(name);
}

std::optional<BackupSchedule> BackupSchedules::find(const std::string& name) const {
    const auto pass = impl_->enter(Permission::backup_read);
    return impl_->read([&](db::Reader& reader) -> std::optional<BackupSchedule> {
        const auto row = schedule_rows::find(reader, name);
        return row ? std::optional(schedule_of(reader, *row)) : std::nullopt;
    });
}

std::vector<BackupSchedule> BackupSchedules::list() const {
    const auto pass = impl_->enter(Permission::backup_read);
    return impl_->read([](db::Reader& reader) {
        std::vector<BackupSchedule> all;
        for (const auto& row : schedule_rows::list(reader)) all.push_back(schedule_of(reader, row));
        return all;
    });
}

BackupSchedule BackupSchedules::pause(const std::string& name) {
    const auto pass = enter_to_schedule(*impl_, get(name).options);
    const auto at = impl_->now();
    return impl_->change("backup_schedule.pause", name, [&](db::Tx& tx) {
        auto row = schedule_now(tx, name);
        if (row.paused) return schedule_of(tx, row);
        row.paused = true;
        row.overdue_at.reset();
        schedule_rows::change(tx, row);
        set_clocks(tx, options_from(name, row.options), true, at);
        impl_->audit(tx, "backup_schedule.pause", name, at);
        return schedule_of(tx, row);
    });
}

BackupSchedule BackupSchedules::resume(const std::string& name) {
    const auto pass = enter_to_schedule(*impl_, get(name).options);
    const auto at = impl_->now();
    return impl_->change("backup_schedule.resume", name, [&](db::Tx& tx) {
        auto row = schedule_now(tx, name);
        if (!row.paused) return schedule_of(tx, row);
        const auto options = options_from(name, row.options);
        row.paused = false;
        row.overdue_at = overdue_of(options, at);
        schedule_rows::change(tx, row);
        set_clocks(tx, options, false, at);
        impl_->audit(tx, "backup_schedule.resume", name, at);
        return schedule_of(tx, row);
    });
}

Job BackupSchedules::run(const std::string& name, ScheduledWork work) {
    const auto options = get(name).options;
    const auto pass = enter_to_schedule(*impl_, options);
    const auto beats = beats_of(options);
    const auto beat = std::find_if(beats.begin(), beats.end(), [&](const Beat& one) { return one.work == work; });
    if (beat == beats.end()) throw NotFound(std::string("the schedule does no such work: ") + to_string(work), {.subject = name});
    const auto at = impl_->now();
    const auto session = make_session(impl_->engine, impl_->scope, impl_->actor, impl_->identity);
    session->with_job = [&](db::Tx& tx, const JobId& job) {
        auto row = schedule_rows::find_work(tx, name, work);
        const auto clock = clocks::find(tx, schedule_rows::clock_name(name, work));
        if (!row || !clock) refuse_unknown_schedule(name);
        if (is_running(tx, row->job)) throw Conflict("this work of the schedule has not ended", {.subject = row->job->text()});
        if (row->retry_at || row->waits_since) set_clock(tx, options, *beat, clock->info.paused, at);
        row->retry = 0;
        clocks::note_started(tx, clock->info.name, at, job);
        note_begun(*impl_->engine, tx, options, *row, job);
        schedule_rows::put_work(tx, name, *row);
        impl_->audit(tx, "backup_schedule.run", name, at, Json().set("work", to_string(work)).set("job", job.text()));
    };
    const auto id = start_work(session, options, work);
    return Internal::make<Job>(std::make_shared<JobImpl>(JobImpl{impl_, id, job_kind(work)}));
}

void BackupSchedules::remove(const std::string& name) {
    const auto pass = enter_to_schedule(*impl_, get(name).options);
    const auto at = impl_->now();
    impl_->change("backup_schedule.remove", name, [&](db::Tx& tx) {
        for (const auto& work : schedule_rows::works(tx, name)) clocks::remove(tx, schedule_rows::clock_name(name, work.work));
        if (!schedule_rows::remove(tx, name)) refuse_unknown_schedule(name);
        impl_->audit(tx, "backup_schedule.remove", name, at);
    });
}

std::vector<UpcomingWork> BackupSchedules::upcoming(const std::string& name, std::int32_t limit) const {
    if (limit < 1 || limit > 1000) throw InvalidArgument("1 to 1000 times are listed", {.subject = "limit"});
    const auto options = get(name).options;
    std::vector<UpcomingWork> all;
    for (const auto& beat : beats_of(options)) {
        auto time = next_beat(beat, options.zone, impl_->now());
        for (std::int32_t i = 0; time && i < limit; ++i, time = next_beat(beat, options.zone, *time)) all.push_back({*time, beat.work});
    }
    std::stable_sort(all.begin(), all.end(), [](const UpcomingWork& a, const UpcomingWork& b) { return a.at < b.at; });
    if (std::ssize(all) > limit) all.resize(static_cast<std::size_t>(limit));
    return all;
}

namespace engine::schedules {
namespace {

struct Late {};

/// One time of one clock.
class ScheduleTurn {
public:
    ScheduleTurn(EngineImpl& engine, const db::TenantScope& scope, const jobs::RecurrenceRow& clock)
        : engine_(engine), scope_(scope), clock_(clock.info), now_(engine.now()) {
        std::tie(name_, kind_) = schedule_rows::named_by(clock_.name);
    }

    void take() {
        const bool there = engine_.database->read(scope_, [&](db::Reader& reader) {
            const auto row = schedule_rows::find(reader, name_);
            const auto work = schedule_rows::find_work(reader, name_, kind_);
            if (!row || !work) return false;
            options_ = options_from(name_, row->options);
            seen_ = *work;
            before_runs_ = is_running(reader, work->job);
            return true;
        });
        if (!there) return;  // removed meanwhile
        turn_ = clocks::turn_of(clock_, now_);
        const auto due = clock_.next_at.value();
        const bool is_retry = seen_.retry_at == due;
        if (seen_.waits_since) turn_.run = seen_.waits_since;
        else if (is_retry) turn_.run = due;
        else seen_.retry = 0;
        missed_ = passed_since(seen_.waits_since.value_or(due)) + (turn_.run ? 0 : 1);
        if (!turn_.run) return pass_over("away");
        if (!before_runs_) return start();
        if (options_.overlap == Overlap::skip) {
            ++missed_;
            return pass_over("overlap");
        }
        wait(options_.overlap == Overlap::cancel && !seen_.waits_since);
    }

private:
    std::int64_t passed_since(Time time) const {
        std::int64_t passed = 0;
        for (auto next = clocks::next_of(clock_.cron, clock_.zone, time); next && *next <= now_ && passed < most_missed;
             next = clocks::next_of(clock_.cron, clock_.zone, *next))
            ++passed;
        return passed;
    }

    bool move_on(db::Tx& tx) const { return clocks::move_on(tx, clock_.name, clock_.next_at.value(), turn_); }

    void pass_over(const char* why) {
        engine_.database->write(scope_, [&](db::Tx& tx) {
            auto work = schedule_rows::find_work(tx, name_, kind_);
            if (!work || !move_on(tx)) return;
            work->retry = 0;
            work->retry_at.reset();
            work->waits_since.reset();
            tell_missed(engine_, tx, name_, *work, missed_, why, false);
            schedule_rows::put_work(tx, name_, *work);
        });
    }

    /// The time stays this one's: the clock comes again in a moment, behind others that are due.
    void wait(bool cancels) {
        engine_.database->write(scope_, [&](db::Tx& tx) {
            auto work = schedule_rows::find_work(tx, name_, kind_);
            if (!work || !clocks::move_on(tx, clock_.name, clock_.next_at.value(), {.run = {}, .next = now_ + waits_for})) return;
            if (work->waits_since == turn_.run) return;
            work->retry = seen_.retry;
            work->retry_at.reset();
            work->waits_since = turn_.run;
            work->message = "waits for work that has not ended";
            schedule_rows::put_work(tx, name_, *work);
            if (cancels && work->job) (void)engine_.queue->cancel(tx, *work->job);
        });
    }

    void start() {
        const auto session =
            make_session(engine_.shared_from_this(), scope_, tenant::engine_actor("backup schedule " + name_), Role::owner);
        // In the transaction that starts the job: each time has one, whoever dies when.
        session->with_job = [&](db::Tx& tx, const JobId& job) {
            auto work = schedule_rows::find_work(tx, name_, kind_);
            if (!work || is_running(tx, work->job) || !move_on(tx)) throw Late{};
            work->retry = seen_.retry;
            clocks::note_started(tx, clock_.name, *turn_.run, job);
            note_begun(engine_, tx, options_, *work, job);
            if (missed_ > 0) tell_missed(engine_, tx, name_, *work, missed_, seen_.waits_since ? "overlap" : "away", true);
            schedule_rows::put_work(tx, name_, *work);
        };
        try {
            (void)start_work(session, options_, kind_);
        } catch (const Late&) {
            return;
        } catch (const Conflict& error) {
            if (kind_ != ScheduledWork::backup) return refuse(error);
            wait(false);  // somebody else's backup, of which there is one at a time
        } catch (const Error& error) {
            if (error.retryable() || error.code() == Errc::closed || error.code() == Errc::no_space) throw;
            refuse(error);
        }
    }

    void refuse(const Error& error) {
        engine_.database->write(scope_, [&](db::Tx& tx) {
            auto work = schedule_rows::find_work(tx, name_, kind_);
            if (!work || !move_on(tx)) return;
            clocks::note_refused(tx, clock_.name, *turn_.run, error);
            work->job.reset();
            work->retry = seen_.retry;
            work->retry_at.reset();
            work->waits_since.reset();
            note_failure(engine_, tx, options_, *work, error.code(), error.what(), true);
        });
    }

    EngineImpl& engine_;
    const db::TenantScope& scope_;
    const Recurrence& clock_;
    const Time now_;
    std::string name_;
    ScheduledWork kind_ = ScheduledWork::backup;
    BackupScheduleOptions options_{};
    schedule_rows::WorkRow seen_{};
    bool before_runs_ = false;
    clocks::Turn turn_{};
    std::int64_t missed_ = 0;
};

/// What a result says is wrong although the job succeeded.
std::vector<std::string> damage_in(ScheduledWork work, const Json& result) {
    const bool looks = work == ScheduledWork::check || work == ScheduledWork::drill;
    return looks ? texts_from(result, "problems") : std::vector<std::string>{};
}

/// A drill's goal that is not met. Empty: all are.
std::string missed_goal(const DrillReport& report) {
    const auto seconds = [](Duration time) { return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s"; };
    if (report.rto_goal > Duration::zero() && report.rto > report.rto_goal)
        return "restoring everything takes " + seconds(report.rto) + ", its goal is " + seconds(report.rto_goal);
    if (report.rpo_goal > Duration::zero() && report.rpo > report.rpo_goal)
        return "the newest snapshot is " + seconds(report.rpo) + " old, its goal is " + seconds(report.rpo_goal);
    return "";
}

void note_success(EngineImpl& engine, db::Tx& tx, schedule_rows::Row row, const BackupScheduleOptions& options, schedule_rows::WorkRow work,
                  const Json& result) {
    work.retry = 0;
    work.failures = 0;
    work.error.reset();
    work.succeeded_at = engine.now();
    auto data = about(work.work, work.job);
    if (work.work == ScheduledWork::backup) {
        work.snapshot = SnapshotId::parse(result.at("snapshot").get_string("id"));
        data.set("snapshot", work.snapshot->text()).set("forgotten", result.int_or("forgotten", 0));
        work.message = result.string_or("not_forgotten", "");
        if (!work.message.empty()) data.set("message", work.message);
        if (!row.paused) {
            row.overdue_at = overdue_of(options, engine.now());
            schedule_rows::change(tx, row);
        }
    } else {
        work.message.clear();
        if (work.work == ScheduledWork::prune) data.set("freed", result.get_int("freed"));
        if (work.work == ScheduledWork::drill) data.set("rto", result.get_int("rto")).set("rpo", result.get_int("rpo"));
    }
    schedule_rows::put_work(tx, row.name, work);
    tell(engine, tx, "succeeded", row.name, std::move(data));
}

}  // namespace

void take_turn(EngineImpl& engine, const db::TenantScope& scope, const jobs::RecurrenceRow& clock) { ScheduleTurn(engine, scope, clock).take(); }

void job_ended(EngineImpl& engine, db::Tx& tx, const jobs::JobRow& job) {
    if (job.kind != backup_kind && job.kind != prune_kind && job.kind != check_kind && job.kind != drill_kind) return;
    auto found = schedule_rows::find_by_job(tx, job.id);
    if (!found) return;
    auto& [name, work] = *found;
    const auto row = schedule_rows::find(tx, name);
    if (!row) return;
    const auto options = options_from(name, row->options);
    work.limit_at.reset();
    if (job.state == JobState::succeeded) {
        const auto result = base::parse_json(job.result, {.max_size = largest_backup_result}, "result");
        const auto damage = damage_in(work.work, result);
        const auto missed = damage.empty() && work.work == ScheduledWork::drill ? missed_goal(drill_from(job.result)) : std::string();
        if (!missed.empty()) return note_failure(engine, tx, options, work, Errc::unavailable, missed, false);
        if (damage.empty()) return note_success(engine, tx, *row, options, work, result);
        const auto more = damage.size() == 1 ? "" : " (and " + std::to_string(damage.size() - 1) + " more)";
        return note_failure(engine, tx, options, work, Errc::corrupt, damage.front() + more, false);
    }
    if (work.timed_out) {
        const auto text = "it took longer than the schedule's time limit and was cancelled";
        return note_failure(engine, tx, options, work, Errc::unavailable, text, true);
    }
    const auto info = jobs::info_of(job);
    note_failure(engine, tx, options, work, info.error.value_or(Errc::internal_error), info.message, job.state != JobState::cancelled);
}

void look_after(EngineImpl& engine, const std::stop_token& stop) {
    constexpr std::int32_t portion = 1000;
    const auto scope_of = [&](const TenantId& id) -> std::optional<db::TenantScope> {
        const auto standing = engine.registry->find_standing(id);
        if (!standing || standing->tenant.state == TenantState::erased) return std::nullopt;
        return engine.registry->scope_of(*standing);
    };
    const auto now = engine.now();
    const auto overdue = engine.database->read(engine.system, [&](db::SystemReader& reader) { return schedule_rows::overdue(reader, now, portion); });
    for (const auto& [tenant, name] : overdue) {
        if (stop.stop_requested()) return;
        const auto scope = scope_of(tenant);
        if (!scope) continue;
        engine.database->write(*scope, [&](db::Tx& tx) {
            if (!schedule_rows::note_overdue(tx, name, now)) return;
            const auto work = schedule_rows::find_work(tx, name, ScheduledWork::backup);
            auto data = about(ScheduledWork::backup);
            if (work && work->succeeded_at) data.set("succeeded_at", micros(*work->succeeded_at));
            if (work) data.set("failures", work->failures).set("message", work->message);
            tell(engine, tx, "overdue", name, std::move(data));
        });
    }
    const auto late = engine.database->read(engine.system, [&](db::SystemReader& reader) { return schedule_rows::late(reader, now, portion); });
    for (const auto& one : late) {
        if (stop.stop_requested()) return;
        const auto scope = scope_of(one.tenant);
        if (!scope) continue;
        engine.database->write(*scope, [&](db::Tx& tx) {
            auto work = schedule_rows::find_work(tx, one.schedule, one.work);
            if (!work || !work->limit_at || *work->limit_at > now) return;
            work->limit_at.reset();
            work->timed_out = true;
            schedule_rows::put_work(tx, one.schedule, *work);
            if (work->job) (void)engine.queue->cancel(tx, *work->job);
        });
    }
}

}  // namespace engine::schedules
}  // namespace tenon
