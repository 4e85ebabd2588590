#include <jobs/recurrence.hpp>

#include <jobs/cron.hpp>

TENON_BEGIN

const char* to_string(Misfire rule) noexcept {
    switch (rule) {
        case Misfire::run_once: return "run_once";
        case Misfire::skip: return "skip";
    }
    return "unknown";
}

TENON_END

namespace tenon::jobs {
namespace {

#define TENON_RECURRENCE_COLUMNS                                                                                               \
    "name, kind, payload, cron, zone, misfire, paused, next_at, last_at, last_job, last_error, last_message, runs, refused, " \
    "created_at, project_id"

constexpr db::TenantStmt insert{
    "INSERT INTO recurrence_ (tenant_id, name, kind, payload, project_id, cron, zone, misfire, paused, next_at, last_message, runs, refused, "
    "created_at) "
    "VALUES (:tenant, :name, :kind, :payload, :project, :cron, :zone, :misfire, :paused, :next_at, '', 0, 0, :created_at) "
    "ON CONFLICT (tenant_id, name) DO NOTHING"};
constexpr db::TenantStmt one{"SELECT " TENON_RECURRENCE_COLUMNS " FROM recurrence WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt all{"SELECT " TENON_RECURRENCE_COLUMNS " FROM recurrence WHERE tenant_id = :tenant AND kind <> :clock ORDER BY name"};
constexpr db::TenantStmt number{"SELECT COUNT(*) FROM recurrence WHERE tenant_id = :tenant AND kind <> :clock"};
constexpr db::TenantStmt update{"UPDATE recurrence_ SET cron = :cron, zone = :zone, misfire = :misfire, paused = :paused, next_at = :next_at "
                                "WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt drop{"DELETE FROM recurrence_ WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt drop_all{"DELETE FROM recurrence_ WHERE tenant_id = :tenant"};
constexpr db::SystemStmt all_due{"SELECT tenant_id, name FROM recurrence_ WHERE next_at <= :now ORDER BY next_at LIMIT :most"};
constexpr db::TenantStmt advance{"UPDATE recurrence_ SET next_at = :next WHERE tenant_id = :tenant AND name = :name AND next_at = :seen"};
constexpr db::TenantStmt started{"UPDATE recurrence_ SET last_at = :at, last_job = :job, last_error = NULL, last_message = '', runs = runs + 1 "
                                 "WHERE tenant_id = :tenant AND name = :name"};
constexpr db::TenantStmt not_started{
    "UPDATE recurrence_ SET last_at = :at, last_job = NULL, last_error = :code, last_message = :message, refused = refused + 1 "
    "WHERE tenant_id = :tenant AND name = :name"};

RecurrenceRow recurrence_row(const db::Rows& row) {
    RecurrenceRow found;
    auto& info = found.info;
    info.name = row.text(0);
    info.kind = row.text(1);
    found.payload = row.text(2);
    info.cron = row.text(3);
    info.zone = row.text(4);
    info.misfire = static_cast<Misfire>(row.i64(5));
    info.paused = row.boolean(6);
    info.next_at = row.maybe_time(7);
    info.last_at = row.maybe_time(8);
    info.last_job = row.maybe_id<JobId>(9);
    if (const auto code = row.maybe_i64(10)) info.last_error = static_cast<Errc>(*code);
    info.last_message = row.text(11);
    info.runs = row.i64(12);
    info.refused = row.i64(13);
    info.created_at = row.time(14);
    info.project = row.maybe_id<ProjectId>(15);
    return found;
}

}  // namespace

db::Migration recurrence_migration() {
    return {"jobs", 4,
            db::tenant_table("recurrence",
                             "name TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL, project_id BLOB, cron TEXT NOT NULL, "
                             "zone TEXT NOT NULL, "
                             "misfire INTEGER NOT NULL, paused INTEGER NOT NULL, next_at INTEGER, last_at INTEGER, last_job BLOB, "
                             "last_error INTEGER, last_message TEXT NOT NULL, runs INTEGER NOT NULL, refused INTEGER NOT NULL, "
                             "created_at INTEGER NOT NULL",
                             "PRIMARY KEY (tenant_id, name)") +
                "CREATE INDEX recurrence_due ON recurrence_ (next_at) WHERE next_at IS NOT NULL;\n"};
}

namespace recurrences {

std::optional<Time> next_of(const std::string& cron, const std::string& zone, Time after) {
    return Cron::parse(cron).next(after, tenant::Zone(zone));
}

Turn turn_of(const Recurrence& info, Time now) {
    const auto cron = Cron::parse(info.cron);
    const tenant::Zone zone(info.zone);
    Turn turn;
    auto time = cron.next(now - grace, zone);
    for (; time && *time <= now; time = cron.next(*time, zone)) turn.run = time;
    turn.next = time;
    const auto due = info.next_at.value_or(now);
    // The rules of the zone may have changed since it was written down.
    if (!turn.run && due > now - grace) turn.run = due;
    if (!turn.run && info.misfire == Misfire::run_once) turn.run = due;
    return turn;
}

void add(db::Tx& tx, const RecurrenceRow& row) {
    const auto& info = row.info;
    if (info.kind != clock_kind) {
        auto rows = tx.query(number, clock_kind);
        if (rows.next() && rows.i64(0) >= most) throw Conflict("there are 100 recurrences already: remove one", {.subject = info.name});
    }
    if (tx.exec(insert, info.name, info.kind, row.payload, info.project, info.cron, info.zone,
                static_cast<std::int64_t>(info.misfire), info.paused, info.next_at, info.created_at) == 0)
        throw Conflict("there is a recurrence of this name already", {.subject = info.name});
}

std::optional<RecurrenceRow> find(db::Reader& reader, const std::string& name) {
    auto rows = reader.query(one, name);
    if (!rows.next()) return std::nullopt;
    return recurrence_row(rows);
}

std::vector<Recurrence> list(db::Reader& reader) {
    std::vector<Recurrence> found;
    for (auto rows = reader.query(all, clock_kind); rows.next();) found.push_back(recurrence_row(rows).info);
    return found;
}

void change(db::Tx& tx, const Recurrence& info) {
    tx.exec(update, info.cron, info.zone, static_cast<std::int64_t>(info.misfire), info.paused, info.next_at, info.name);
}

bool remove(db::Tx& tx, const std::string& name) { return tx.exec(drop, name) == 1; }

void erase(db::Tx& tx) { tx.exec(drop_all); }

std::vector<std::pair<TenantId, std::string>> due(db::SystemReader& reader, Time now, std::int32_t most_of_them) {
    std::vector<std::pair<TenantId, std::string>> found;
    for (auto rows = reader.query(all_due, now, most_of_them); rows.next();) found.emplace_back(rows.id<TenantId>(0), rows.text(1));
    return found;
}

bool move_on(db::Tx& tx, const std::string& name, Time seen, const Turn& turn) { return tx.exec(advance, turn.next, name, seen) == 1; }

void note_started(db::Tx& tx, const std::string& name, Time at, const JobId& job) { tx.exec(started, at, job, name); }

void note_refused(db::Tx& tx, const std::string& name, Time at, const Error& error) {
    tx.exec(not_started, at, static_cast<std::int64_t>(error.code()), std::string(error.what()), name);
}

}  // namespace recurrences
}  // namespace tenon::jobs
