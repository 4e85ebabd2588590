#include "backup_drills.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <random>
#include <utility>

#include <sys/stat.h>

#include <base/json.hpp>
#include <base/text.hpp>
#include <exec/wait.hpp>
#include <jobs/recurrence.hpp>
#include <tenant/quota.hpp>

#include "backup_json.hpp"
#include "repositories.hpp"
#include "repository_charge.hpp"

namespace tenon::engine {

using base::Json;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_drill_problems = 1000;

/// Files of a snapshot as a drill draws them: each with the same chance, in one walk, holding no more than it draws.
class Draw {
public:
    Draw(const backup::Repository& repository, const SnapshotId& snapshot, std::size_t wanted, const JobId& seed)
        : repository_(repository), snapshot_(snapshot), wanted_(wanted), random_(std::hash<std::string>{}(seed.text())) {}

    struct File {
        std::string path;
        std::int64_t size = 0;
        Time modified_at{};
    };

    void walk(const std::string& folder, const std::stop_token& stop) {
        for (const auto& entry : repository_.browse(snapshot_, folder)) {
            exec::check_stop(stop);
            const auto path = folder.empty() ? entry.name : folder + "/" + entry.name;
            if (entry.kind == backup::EntryKind::folder && !entry.erased) walk(path, stop);
            if (entry.kind == backup::EntryKind::file) meet({path, entry.size, entry.modified_at});
        }
    }

    /// A few small files measure what a file costs, and nothing of what bytes do.
    void add_bytes() {
        constexpr std::int64_t share = 64;
        std::int64_t drawn = 0;
        for (const auto& file : files) drawn += file.size;
        const auto is_it = [&](const File& file) { return file.path == largest_.path; };
        if (drawn < bytes / share && !largest_.path.empty() && std::ranges::none_of(files, is_it)) files.push_back(largest_);
    }

    std::vector<File> files{};
    std::int64_t met = 0;
    std::int64_t bytes = 0;  ///< Of all.

private:
    void meet(File file) {
        constexpr std::int64_t most = 256 << 20;
        ++met;
        bytes += file.size;
        if (file.size <= most && (largest_.path.empty() || file.size > largest_.size)) largest_ = file;
        if (files.size() < wanted_) {
            files.push_back(std::move(file));
            return;
        }
        const auto place = std::uniform_int_distribution<std::int64_t>(0, met - 1)(random_);
        if (place < static_cast<std::int64_t>(wanted_)) files[static_cast<std::size_t>(place)] = std::move(file);
    }

    const backup::Repository& repository_;
    const SnapshotId snapshot_;
    const std::size_t wanted_;
    File largest_{};  // of those that are soon restored
    std::mt19937_64 random_;
};

/// A folder that goes with whoever made it, however he ends.
class Scratch {
public:
    explicit Scratch(fs::path path) : path_(std::move(path)) {
        fs::remove_all(path_);  // a killed attempt's
        make_private_folder(path_);
    }
    ~Scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

private:
    fs::path path_;
};

Duration time_of(const fs::path& file) {
    struct stat st {};
    if (::stat(file.c_str(), &st) != 0) return Duration::min();
    return std::chrono::seconds(st.st_mtim.tv_sec) + std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(st.st_mtim.tv_nsec));
}

bool have_same_content(const fs::path& one, const fs::path& other, const std::stop_token& stop) {
    std::ifstream a(one, std::ios::binary), b(other, std::ios::binary);
    std::vector<char> x(1 << 20), y(1 << 20);
    while (a && b) {
        exec::check_stop(stop);
        a.read(x.data(), static_cast<std::streamsize>(x.size()));
        b.read(y.data(), static_cast<std::streamsize>(y.size()));
        if (a.gcount() != b.gcount() || !std::equal(x.begin(), x.begin() + a.gcount(), y.begin())) return false;
    }
    return a.eof() && b.eof();
}

/// All of it from a part, as if each file and byte cost the same: what does not grow with them is counted too often, never too little.
Duration scaled(Duration time, std::int64_t files, std::int64_t all_files, std::int64_t bytes, std::int64_t all_bytes) {
    const auto by_files = files > 0 ? static_cast<double>(all_files) / static_cast<double>(files) : 1;
    const auto by_bytes = bytes > 0 ? static_cast<double>(all_bytes) / static_cast<double>(bytes) : 1;
    return Duration(static_cast<std::int64_t>(static_cast<double>(time.count()) * std::max({by_files, by_bytes, 1.0})));
}

std::optional<backup::SnapshotInfo> newest_of(const backup::Repository& repository, const std::string& name, const std::stop_token& stop) {
    std::optional<backup::SnapshotInfo> newest;
    for (auto& info : repository.list(stop))
        if ((name.empty() || info.name == name) && (!newest || newest->taken_at < info.taken_at)) newest = std::move(info);
    return newest;
}

}  // namespace

JobId start_drill(const SessionImpl& session, const DrillOptions& options, const DrillOwner& owner) {
    const auto pass = session.enter(Permission::backup_restore);
    if (!options.name.empty()) base::check_name("name", options.name);
    if (options.files < 0) throw InvalidArgument("a number of files is not negative", {.subject = "files"});
    if (options.rto_goal < Duration::zero()) throw InvalidArgument("a goal is not negative", {.subject = "rto_goal"});
    if (options.rpo_goal < Duration::zero()) throw InvalidArgument("a goal is not negative", {.subject = "rpo_goal"});
    jobs::check_schedule(options.schedule, session.now());
    backup::check_limits(options.limits);
    Json payload;
    payload.set("name", options.name).set("files", options.files).set("rto_goal", options.rto_goal.count());
    payload.set("rpo_goal", options.rpo_goal.count()).set("schedule", owner.schedule).set("cron", owner.cron).set("zone", owner.zone);
    set_limits(payload, options.limits);
    jobs::NewJob job{.kind = drill_kind, .payload = base::to_json(payload)};
    jobs::schedule(job, options.schedule);
    return enqueue_backup_job(session, "backup.drill", std::move(job), true);
}

namespace {

/// By hand: what was asked for. Of a schedule: as old as a snapshot gets until the time after its next one, unless a backup is missed.
Duration rpo_goal_of(const Json& payload, Time taken_at) {
    const auto cron = payload.get_string("cron"), zone = payload.get_string("zone");
    if (cron.empty()) return Duration(payload.get_int("rpo_goal"));
    const auto next = jobs::recurrences::next_of(cron, zone, taken_at);
    const auto later = next ? jobs::recurrences::next_of(cron, zone, *next) : std::nullopt;
    return later ? *later - taken_at : Duration::zero();
}

/// Files that will be gone again count while they are there.
void hold_for_drill(EngineImpl& engine, const jobs::Attempt& attempt, std::int64_t bytes, const fs::path& place) {
    constexpr std::uintmax_t spare = 64 << 20;
    std::error_code unknown;
    const auto space = fs::space(place, unknown);
    if (!unknown && space.available < static_cast<std::uintmax_t>(bytes) + spare)
        throw NoSpace("the disk has no room for what the drill would restore: practise with fewer files", {.subject = place.string()});
    engine.database->write(attempt.scope, [&](db::Tx& tx) {
        std::int64_t held = 0;
        if (const auto hold = tenant::quota::find(tx, attempt.job.hold.value()))
            for (const auto& ask : hold->asks) held += ask.resource == Resource::storage ? ask.amount : 0;
        if (bytes > held) tenant::quota::extend(tx, attempt.job.hold.value(), {Resource::storage, bytes - held}, engine.now());
    });
}

/// Restores, measures, and reads back what lies there: a second restore compares each piece's hash and writes what differs.
void practise(EngineImpl& engine, const jobs::Attempt& attempt, const backup::Repository& repository, const std::vector<std::string>& paths,
              const fs::path& folder, DrillReport& report) {
    const auto request = [&] { return backup::RestoreRequest{.target = folder, .paths = paths, .overwrite = true}; };
    const auto begun = engine.clock->monotonic();
    const auto restored = repository.restore(report.snapshot.id, request(), attempt.progress, attempt.stop);
    report.restore_time = engine.clock->monotonic() - begun;
    report.files = restored.files;
    for (const auto& problem : restored.problems) report.problems.push_back(problem.path + ": " + problem.message);
    const auto again = repository.restore(report.snapshot.id, request(), attempt.progress, attempt.stop);
    if (again.bytes_written > 0)
        report.problems.push_back(std::to_string(again.bytes_written) + " bytes were not on the disk as they had been restored");
}

}  // namespace

jobs::Outcome Repositories::drill(const jobs::Attempt& attempt) {
    await_key(attempt);
    const auto payload = base::parse_json(attempt.job.payload);
    const auto repository = find(attempt.scope);
    const auto newest = repository ? newest_of(*repository, payload.get_string("name"), attempt.stop) : std::nullopt;
    if (!newest) throw NotFound("there is no such snapshot yet, so there is nothing to practise with: take a backup first");
    DrillReport report{.job = attempt.job.id, .schedule = payload.get_string("schedule"), .snapshot = to_public(*newest),
                       .started_at = engine_.now()};
    report.rto_goal = Duration(payload.get_int("rto_goal"));
    report.rpo = std::max(Duration::zero(), report.started_at - newest->taken_at);
    report.rpo_goal = rpo_goal_of(payload, newest->taken_at);

    constexpr std::size_t most_compared = 459;
    const auto wanted = static_cast<std::size_t>(payload.get_int("files"));
    Draw draw(*repository, newest->id, wanted > 0 ? wanted : most_compared, attempt.job.id);
    const auto workspace = engine_.workspace(attempt.scope.tenant());
    workspace.make();
    const auto folder = workspace.temp() / attempt.job.id.text();
    const Scratch scratch(folder);
    try {
        draw.walk("", attempt.stop);
        report.complete = wanted == 0 || std::ssize(draw.files) == draw.met;
        if (!report.complete) draw.add_bytes();
        for (const auto& file : draw.files) report.size.count += file.size;
        if (report.complete) report.size.count = draw.bytes;
        std::vector<std::string> paths;  // none: everything, folders and links too
        if (!report.complete)
            for (const auto& file : draw.files) paths.push_back(file.path);
        hold_for_drill(engine_, attempt, report.size.count, workspace.temp());
        practise(engine_, attempt, *within(repository, limits_from(payload)), paths, folder, report);
    } catch (const Corrupt& error) {
        report.complete = false;
        report.problems.push_back((error.subject().empty() ? "" : error.subject() + ": ") + error.what());
        repository_charge::try_reconcile(engine_, attempt.scope);  // the repository has kept what is damaged
    }
    for (const auto& file : draw.files) {
        const auto mine = workspace.root / file.path, back = folder / file.path;
        std::error_code gone;
        const auto size = fs::file_size(mine, gone);
        if (gone || static_cast<std::int64_t>(size) != file.size || time_of(mine) != file.modified_at.time_since_epoch()) continue;
        if (!fs::exists(back, gone)) continue;  // said already
        if (have_same_content(mine, back, attempt.stop)) ++report.compared;
        else report.problems.push_back(file.path + ": is not what the workspace has, which is as old and as large as then");
    }
    if (report.problems.size() > most_drill_problems) {
        const auto more = report.problems.size() - most_drill_problems;
        report.problems.resize(most_drill_problems);
        report.problems.push_back("and " + std::to_string(more) + " more");
    }
    report.rto = report.complete ? report.restore_time : scaled(report.restore_time, report.files, draw.met, report.size.count, draw.bytes);
    report.passed = report.problems.empty() && (report.rto_goal == Duration::zero() || report.rto <= report.rto_goal) &&
                    (report.rpo_goal == Duration::zero() || report.rpo <= report.rpo_goal);
    return {.result = drill_json(report), .settle = [this, job = attempt.job, report](db::Tx& tx) {
                tenant::quota::release(tx, job.hold.value(), engine_.now());
                drill_rows::add(tx, report);
            }};
}

// ---- reports ----

std::string drill_json(const DrillReport& report) {
    Json json;
    json.set("job", report.job.text()).set("schedule", report.schedule).set("snapshot", snapshot_json(report.snapshot));
    json.set("started_at", report.started_at.time_since_epoch().count()).set("passed", report.passed).set("complete", report.complete);
    json.set("files", report.files).set("size", report.size.count).set("compared", report.compared);
    json.set("restore_time", report.restore_time.count()).set("rto", report.rto.count()).set("rto_goal", report.rto_goal.count());
    json.set("rpo", report.rpo.count()).set("rpo_goal", report.rpo_goal.count()).set("problems", texts_json(report.problems));
    return base::to_json(json);
}

DrillReport drill_from(const std::string& text) {
    const auto json = base::parse_json(text, {.max_size = largest_backup_result}, "report");
    const auto duration = [&](const char* field) { return Duration(json.get_int(field)); };
    DrillReport report{.job = JobId::parse(json.get_string("job")), .schedule = json.get_string("schedule")};
    report.snapshot = snapshot_from(json.at("snapshot"));
    report.started_at = Time(duration("started_at"));
    report.passed = json.get_bool("passed");
    report.complete = json.get_bool("complete");
    report.files = json.get_int("files");
    report.size = {json.get_int("size")};
    report.compared = json.get_int("compared");
    report.restore_time = duration("restore_time");
    report.rto = duration("rto");
    report.rto_goal = duration("rto_goal");
    report.rpo = duration("rpo");
    report.rpo_goal = duration("rpo_goal");
    report.problems = texts_from(json, "problems");
    return report;
}

namespace drill_rows {
namespace {

constexpr db::TenantStmt insert_drill{
    "INSERT INTO drill_ (tenant_id, job_id, schedule, started_at, report) VALUES (:tenant, :job, :schedule, :started_at, :report)"};
constexpr db::TenantStmt forget_drills{"DELETE FROM drill_ WHERE tenant_id = :tenant AND started_at < :before"};
constexpr db::TenantStmt drop_drills{"DELETE FROM drill_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt drill_place{"SELECT started_at FROM drill WHERE tenant_id = :tenant AND job_id = :job"};
constexpr db::TenantStmt list_drills{
    "SELECT report FROM drill WHERE tenant_id = :tenant AND (:schedule = '' OR schedule = :schedule)"
    " AND (:at IS NULL OR started_at < :at OR (started_at = :at AND job_id < :after)) ORDER BY started_at DESC, job_id DESC LIMIT :limit"};

constexpr Duration kept_drills = std::chrono::hours(24 * 731);

}  // namespace

std::vector<db::Migration> migrations() {
    return {{"engine", 8,
             db::tenant_table("drill", "job_id BLOB NOT NULL, schedule TEXT NOT NULL, started_at INTEGER NOT NULL, report TEXT NOT NULL",
                              "PRIMARY KEY (tenant_id, job_id)") +
                 "CREATE INDEX drill_by_time ON drill_ (tenant_id, started_at);\n"}};
}

void add(db::Tx& tx, const DrillReport& report) {
    tx.exec(insert_drill, report.job, report.schedule, report.started_at, drill_json(report));
    tx.exec(forget_drills, report.started_at - kept_drills);
}

std::vector<DrillReport> list(db::Reader& reader, const DrillFilter& filter) {
    std::optional<Time> at;
    if (filter.after) {
        auto rows = reader.query(drill_place, *filter.after);
        if (!rows.next()) throw NotFound("the report that the page is to follow is not there any more", {.subject = filter.after->text()});
        at = rows.time(0);
    }
    std::vector<DrillReport> reports;
    for (auto rows = reader.query(list_drills, filter.schedule, at, filter.after, filter.limit); rows.next();)
        reports.push_back(drill_from(rows.text(0)));
    return reports;
}

void erase(db::Tx& tx) { tx.exec(drop_drills); }

}  // namespace drill_rows
}  // namespace tenon::engine

namespace tenon {

using engine::Permission;

DrillJob::DrillJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
DrillReport DrillJob::result() { return engine::drill_from(engine::job_result(*impl_)); }

BackupDrills::BackupDrills(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

DrillJob BackupDrills::start(const DrillOptions& options) {
    const auto id = engine::start_drill(*impl_, options);
    return Internal::make<DrillJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::drill_kind}));
}

std::optional<DrillJob> BackupDrills::find(const JobId& id) const {
    const auto pass = impl_->enter(Permission::backup_read);
    if (!engine::find_job(*impl_, id, engine::drill_kind)) return std::nullopt;
    return Internal::make<DrillJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::drill_kind}));
}

std::vector<DrillReport> BackupDrills::list(const DrillFilter& filter) const {
    const auto pass = impl_->enter(Permission::backup_read);
    if (filter.limit < 1 || filter.limit > 1000) throw InvalidArgument("1 to 1000 reports are listed", {.subject = "limit"});
    return impl_->read([&](db::Reader& reader) { return engine::drill_rows::list(reader, filter); });
}

}  // namespace tenon
