#include <tenon/recurrence.hpp>

#include <map>
#include <optional>
#include <utility>

#include <base/text.hpp>
#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <jobs/recurrence.hpp>

#include "backup_json.hpp"
#include "backup_schedules.hpp"
#include "core.hpp"
#include "edit.hpp"
#include "repositories.hpp"

namespace tenon {

using base::Json;
using engine::Permission;

namespace {

constexpr std::string_view recurrence_room = "engine";

constexpr const char* render_kind = "render";
constexpr std::size_t most_of_payload = 1 << 20;

/// The right to make or change it.
engine::Gate::Pass enter_to_change(const SessionImpl& session, const Recurrence& info) {
    if (info.project) return session.enter(Permission::render_write, *info.project);
    return session.enter(info.kind == engine::check_kind ? Permission::backup_read : Permission::backup_write);
}

void check_rule(Misfire rule) {
    if (rule != Misfire::run_once && rule != Misfire::skip) throw InvalidArgument("there is no such rule", {.subject = "misfire"});
}

[[noreturn]] void refuse_unknown(const std::string& name) { throw NotFound("there is no recurrence of this name", {.subject = name}); }

/// As it is now, if it is still the one that he may change.
Recurrence row_now(db::Reader& reader, const Recurrence& seen) {
    auto row = jobs::recurrences::find(reader, seen.name);
    if (!row || row->info.kind != seen.kind || row->info.project != seen.project) refuse_unknown(seen.name);
    return std::move(row->info);
}

void check_recurring(const JobSchedule& schedule, const std::string& field, Time now) {
    jobs::check_schedule(schedule, now);
    if (schedule.start) throw InvalidArgument("the expression says when", {.subject = field + ".schedule.start"});
    if (!schedule.after.empty()) throw InvalidArgument("what comes again waits for no single job", {.subject = field + ".schedule.after"});
}

void put_schedule(Json& json, const JobSchedule& schedule) {
    json.set("priority", std::int64_t{schedule.priority}).set("unique_key", schedule.unique_key).set("batch", schedule.batch);
}

JobSchedule schedule_from(const Json& json) {
    JobSchedule schedule{.priority = static_cast<std::int32_t>(json.get_int("priority")), .unique_key = json.get_string("unique_key")};
    schedule.batch = json.get_string("batch");
    return schedule;
}

std::string payload_of(const BackupOptions& options) {
    engine::check_backup(options);
    return base::to_json(engine::backup_json(options));
}

std::string payload_of(const RenderOptions& options) {
    Json json;
    json.set("edit", engine::payload_of(engine::edit_of(options)));
    put_schedule(json, options.schedule);
    auto text = base::to_json(json);
    if (text.size() > most_of_payload) throw InvalidArgument("an edit that comes again is at most 1 MiB as JSON", {.subject = "render.timeline"});
    return text;
}

RenderOptions render_of(const Json& json) {
    auto edit = engine::edit_of(json.get_string("edit"));
    RenderOptions options{.project = edit.project, .timeline = std::move(edit.timeline), .outputs = std::move(edit.outputs)};
    options.loudness = edit.loudness;
    options.name = std::move(edit.name);
    options.schedule = schedule_from(json);
    return options;
}

/// The zone in which a tenant's expressions are read where they name none.
std::string zone_of(const SessionImpl& session, const std::string& zone) {
    return zone.empty() ? session.engine->registry->standing(session.scope.tenant())->tenant.zone : zone;
}

Json described(const Recurrence& info) {
    Json details;
    if (info.project) details.set("project", info.project->text());
    details.set("kind", info.kind).set("cron", info.cron).set("zone", info.zone).set("misfire", to_string(info.misfire));
    return details;
}

}  // namespace

Recurrences::Recurrences(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

Recurrence Recurrences::create(const RecurrenceOptions& options) {
    if (options.backup.has_value() + options.check.has_value() + options.render.has_value() != 1)
        throw InvalidArgument("say what comes again: a backup, a check or a render", {.subject = "backup"});
    jobs::RecurrenceRow row;
    auto& info = row.info;
    info.kind = options.backup ? engine::backup_kind : options.check ? engine::check_kind : render_kind;
    if (options.render) info.project = options.render->project;
    const auto pass = enter_to_change(*impl_, info);
    base::check_name("name", options.name);
    check_rule(options.misfire);
    if (options.check && *options.check > CheckLevel::full) throw InvalidArgument("there is no such level of checking", {.subject = "check"});
    const auto at = impl_->now();
    info.name = options.name;
    info.cron = options.cron;
    info.zone = zone_of(*impl_, options.zone);
    info.misfire = options.misfire;
    info.created_at = at;
    info.next_at = jobs::recurrences::next_of(info.cron, info.zone, at);
    if (options.backup) check_recurring(options.backup->schedule, "backup", at);
    if (options.render) {
        check_recurring(options.render->schedule, "render", at);
        (void)engine::prepare_render(*impl_, *options.render);  // by his own rights: what he may not read he renders neither now nor later
        row.payload = payload_of(*options.render);
    } else {
        row.payload = options.backup ? payload_of(*options.backup) : base::to_json(Json().set("level", static_cast<std::int64_t>(*options.check)));
    }
    impl_->change("recurrence.create", info.name, [&](db::Tx& tx) {
        jobs::recurrences::add(tx, row);
        impl_->audit(tx, "recurrence.create", info.name, at, described(info));
    });
    return info;
}

Recurrence Recurrences::update(const RecurrenceUpdate& change) {
    const auto seen = get(change.name);
    const auto pass = enter_to_change(*impl_, seen);
    if (change.misfire) check_rule(*change.misfire);
    const auto zone = change.zone ? std::optional(zone_of(*impl_, *change.zone)) : std::nullopt;
    const auto at = impl_->now();
    return impl_->change("recurrence.update", change.name, [&](db::Tx& tx) {
        auto info = row_now(tx, seen);
        if (change.cron) info.cron = *change.cron;
        if (zone) info.zone = *zone;
        if (change.misfire) info.misfire = *change.misfire;
        const auto next = jobs::recurrences::next_of(info.cron, info.zone, at);
        if (!info.paused) info.next_at = next;
        jobs::recurrences::change(tx, info);
        impl_->audit(tx, "recurrence.update", info.name, at, described(info));
        return info;
    });
}

Recurrence Recurrences::get(const std::string& name) const {
    if (auto info = find(name)) return *std::move(info);
    refuse_unknown(name);
}

std::optional<Recurrence> Recurrences::find(const std::string& name) const {
    const auto pass = impl_->enter_somewhere(Permission::job_read);
    const auto row = impl_->read([&](db::Reader& reader) { return jobs::recurrences::find(reader, name); });
    if (!row || row->info.kind == jobs::recurrences::clock_kind) return std::nullopt;
    return impl_->may(Permission::job_read, row->info.project) ? std::optional(row->info) : std::nullopt;
}

std::vector<Recurrence> Recurrences::list() const {
    const auto pass = impl_->enter_somewhere(Permission::job_read);
    auto all = impl_->read([](db::Reader& reader) { return jobs::recurrences::list(reader); });
    std::erase_if(all, [granted = impl_->granted()](const Recurrence& one) { return !granted->may(Permission::job_read, one.project); });
    return all;
}

Recurrence Recurrences::pause(const std::string& name) {
    const auto seen = get(name);
    const auto pass = enter_to_change(*impl_, seen);
    const auto at = impl_->now();
    return impl_->change("recurrence.pause", name, [&](db::Tx& tx) {
        auto info = row_now(tx, seen);
        if (info.paused) return info;
        info.paused = true;
        info.next_at.reset();
        jobs::recurrences::change(tx, info);
        impl_->audit(tx, "recurrence.pause", name, at);
        return info;
    });
}

Recurrence Recurrences::resume(const std::string& name) {
    const auto seen = get(name);
    const auto pass = enter_to_change(*impl_, seen);
    const auto at = impl_->now();
    return impl_->change("recurrence.resume", name, [&](db::Tx& tx) {
        auto info = row_now(tx, seen);
        if (!info.paused) return info;
        info.paused = false;
        info.next_at = jobs::recurrences::next_of(info.cron, info.zone, at);
        jobs::recurrences::change(tx, info);
        impl_->audit(tx, "recurrence.resume", name, at);
        return info;
    });
}

Recurrence Recurrences::trigger(const std::string& name) {
    const auto seen = get(name);
    const auto pass = enter_to_change(*impl_, seen);
    const auto at = impl_->now();
    return impl_->change("recurrence.trigger", name, [&](db::Tx& tx) {
        auto info = row_now(tx, seen);
        if (info.paused) throw Conflict("it is paused: resume it first", {.subject = name});
        info.next_at = at;
        jobs::recurrences::change(tx, info);
        impl_->audit(tx, "recurrence.trigger", name, at);
        return info;
    });
}

void Recurrences::remove(const std::string& name) {
    const auto seen = get(name);
    const auto pass = enter_to_change(*impl_, seen);
    const auto at = impl_->now();
    impl_->change("recurrence.remove", name, [&](db::Tx& tx) {
        (void)row_now(tx, seen);
        jobs::recurrences::remove(tx, name);
        impl_->audit(tx, "recurrence.remove", name, at);
    });
}

std::vector<Time> Recurrences::upcoming(const UpcomingOptions& options) const {
    const auto pass = impl_->enter_somewhere(Permission::job_read);
    if (options.limit < 1 || options.limit > 1000) throw InvalidArgument("1 to 1000 times are listed", {.subject = "limit"});
    const auto zone = zone_of(*impl_, options.zone);
    std::vector<Time> times;
    for (auto time = jobs::recurrences::next_of(options.cron, zone, options.start.value_or(impl_->now()));
         time && times.size() < static_cast<std::size_t>(options.limit); time = jobs::recurrences::next_of(options.cron, zone, *time))
        times.push_back(*time);
    return times;
}

namespace engine {
namespace {

/// Starts the jobs of recurrences whose time has come, as a session of the tenant's own would.
class RecurrencePart final : public Part {
public:
    explicit RecurrencePart(EngineImpl& engine) : engine_(engine) {}
    ~RecurrencePart() override { stop(); }

    void start() override {
        thread_ = exec::start_thread("recurrences", [this] { loop(stopping_.get_token()); });
    }

    void stop() noexcept override {
        stopping_.request_stop();
        if (thread_.joinable()) thread_.join();
    }

private:
    static constexpr Duration tick = std::chrono::seconds(1);
    static constexpr Duration pause_after_failure = std::chrono::minutes(1);
    static constexpr std::int32_t portion = 1000;

    void loop(const std::stop_token& stop) {
        do {
            try {
                const auto due = engine_.database->read(
                    engine_.system, [&](db::SystemReader& reader) { return jobs::recurrences::due(reader, engine_.now(), portion); });
                for (const auto& [tenant, name] : due)
                    if (!stop.stop_requested()) take_turn(tenant, name);
                schedules::look_after(engine_, stop);
            } catch (const Closed&) {
                return;
            } catch (const std::exception& error) {
                engine_.log->failure(recurrence_room, "recurring jobs are not looked for", error);
            }
        } while (!exec::sleep_for(engine_.clock, stop, tick));
    }

    /// What is wrong with one keeps no other from its time.
    void take_turn(const TenantId& tenant, const std::string& name) {
        const auto again = try_again_at_.find({tenant, name});
        if (again != try_again_at_.end() && engine_.clock->monotonic() < again->second) return;
        try_again_at_.erase({tenant, name});
        try {
            const auto standing = engine_.registry->find_standing(tenant);
            if (!standing || standing->tenant.state == TenantState::erased) return;
            const auto scope = engine_.registry->scope_of(*standing);
            const auto row = engine_.database->read(scope, [&](db::Reader& reader) { return jobs::recurrences::find(reader, name); });
            const auto now = engine_.now();
            if (!row || !row->info.next_at || *row->info.next_at > now) return;
            if (row->info.kind == jobs::recurrences::clock_kind) return schedules::take_turn(engine_, scope, *row);
            start_job(scope, *row, jobs::recurrences::turn_of(row->info, now));
        } catch (const Closed&) {
            throw;
        } catch (const std::exception& error) {
            try_again_at_[{tenant, name}] = engine_.clock->monotonic() + pause_after_failure;
            engine_.log->failure(recurrence_room, "a recurring job is not started yet", error);
        }
    }

    void start_job(const db::TenantScope& scope, const jobs::RecurrenceRow& row, const jobs::recurrences::Turn& turn) {
        const auto& info = row.info;
        const auto move_on = [&](db::Tx& tx) { return jobs::recurrences::move_on(tx, info.name, info.next_at.value(), turn); };
        if (!turn.run) {
            engine_.database->write(scope, move_on);
            return;
        }
        struct Late {};
        auto actor = tenant::engine_actor("recurrence " + info.name);
        const auto session = make_session(engine_.shared_from_this(), scope, std::move(actor), Role::owner);
        // In the transaction that starts the job: each time has one, whoever dies when.
        session->with_job = [&](db::Tx& tx, const JobId& job) {
            if (!move_on(tx)) throw Late{};
            if (info.last_job)
                if (const auto before = jobs::find(tx, *info.last_job); before && !jobs::has_ended(before->state))
                    throw Conflict("the job of the time before has not ended", {.subject = before->id.text()});
            jobs::recurrences::note_started(tx, info.name, *turn.run, job);
        };
        try {
            const Json payload = base::parse_json(row.payload);
            if (info.kind == render_kind) (void)Internal::make<Renders>(session).start(render_of(payload));
            else if (info.kind == backup_kind) (void)Internal::make<Backups>(session).start(engine::backup_from(payload));
            else (void)Internal::make<Backups>(session).check({.level = static_cast<CheckLevel>(payload.get_int("level"))});
        } catch (const Late&) {
            return;
        } catch (const Error& error) {
            if (error.retryable() || error.code() == Errc::closed || error.code() == Errc::no_space) throw;
            refuse(scope, info, turn, error);
        }
    }

    void refuse(const db::TenantScope& scope, const Recurrence& info, const jobs::recurrences::Turn& turn, const Error& error) {
        engine_.database->write(scope, [&](db::Tx& tx) {
            if (!jobs::recurrences::move_on(tx, info.name, info.next_at.value(), turn)) return;
            jobs::recurrences::note_refused(tx, info.name, *turn.run, error);
            Json data;
            data.set("kind", info.kind).set("error", to_string(error.code())).set("message", error.what());
            engine_.events->append(tx, {.kind = "recurrence.refused", .at = engine_.now(), .subject = info.name, .data = std::move(data)});
        });
    }

    EngineImpl& engine_;
    std::map<std::pair<TenantId, std::string>, Duration> try_again_at_;  // the thread's own
    std::stop_source stopping_;
    std::jthread thread_;
};

}  // namespace

std::unique_ptr<Part> make_recurrences(EngineImpl& engine) { return std::make_unique<RecurrencePart>(engine); }

}  // namespace engine
}  // namespace tenon
