#include <nvr/camera_rows.hpp>

#include <algorithm>

#include <base/json.hpp>
#include <nvr/schedule.hpp>
#include <nvr/schema.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {

std::vector<db::Migration> migrations() {
    return {{"nvr", 1,
             db::tenant_table("site",
                              "id BLOB NOT NULL, name TEXT NOT NULL, public_key BLOB NOT NULL, seed BLOB NOT NULL, "
                              "created_at INTEGER NOT NULL",
                              "PRIMARY KEY (tenant_id, id)") +
                 db::tenant_table("camera",
                                  "id BLOB NOT NULL, site_id BLOB NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL, "
                                  "username TEXT NOT NULL, password BLOB NOT NULL, recording INTEGER NOT NULL, "
                                  "removing INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL",
                                  "PRIMARY KEY (tenant_id, id), "
                                  "FOREIGN KEY (tenant_id, site_id) REFERENCES site_ (tenant_id, id)") +
                 "CREATE INDEX camera_intent ON camera_ (tenant_id, id) WHERE recording <> 0 OR removing <> 0;\n" +
                 db::tenant_table("camera_status",
                                  "camera_id BLOB NOT NULL, state INTEGER NOT NULL, problem TEXT NOT NULL, "
                                  "last_frame_at INTEGER",
                                  "PRIMARY KEY (tenant_id, camera_id), "
                                  "FOREIGN KEY (tenant_id, camera_id) REFERENCES camera_ (tenant_id, id)") +
                 db::tenant_table("segment",
                                  "camera_id BLOB NOT NULL, day INTEGER NOT NULL, ordinal INTEGER NOT NULL, "
                                  "run INTEGER NOT NULL, number INTEGER NOT NULL, started_at INTEGER NOT NULL, "
                                  "ended_at INTEGER NOT NULL, bytes INTEGER NOT NULL, charged INTEGER NOT NULL, "
                                  "frames INTEGER NOT NULL, flags INTEGER NOT NULL, finished INTEGER NOT NULL",
                                  "PRIMARY KEY (tenant_id, camera_id, day, ordinal), "
                                  "FOREIGN KEY (tenant_id, camera_id) REFERENCES camera_ (tenant_id, id)")},
            {"nvr", 2, "ALTER TABLE camera_ ADD COLUMN sealed_url BLOB NOT NULL DEFAULT x'';\n"},
            {"nvr", 3,
             "ALTER TABLE camera_ ADD COLUMN schedule TEXT NOT NULL DEFAULT '';\n"
             "ALTER TABLE camera_ ADD COLUMN keep_for INTEGER NOT NULL DEFAULT 0;\n"
             "ALTER TABLE camera_ ADD COLUMN keep_bytes INTEGER NOT NULL DEFAULT 0;\n"
             "ALTER TABLE camera_ ADD COLUMN pruned_until INTEGER;\n"
             "CREATE INDEX camera_keeper ON camera_ (tenant_id, id) WHERE keep_for <> 0 OR keep_bytes <> 0;\n"
             "ALTER TABLE camera_status_ ADD COLUMN health TEXT NOT NULL DEFAULT '';\n" +
                 db::tenant_table("protection",
                                  "camera_id BLOB NOT NULL, number INTEGER NOT NULL, start_at INTEGER NOT NULL, "
                                  "end_at INTEGER NOT NULL, reason TEXT NOT NULL",
                                  "PRIMARY KEY (tenant_id, camera_id, number), "
                                  "FOREIGN KEY (tenant_id, camera_id) REFERENCES camera_ (tenant_id, id)")},
            {"nvr", 4, "ALTER TABLE camera_ ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;\n"}};
}

namespace rows {
namespace {

#define NVR_CAMERA_COLUMNS                                                               \
    "id, site_id, name, url, username, password, recording, removing, created_at, " \
    "sealed_url, schedule, keep_for, keep_bytes, pruned_until, revision"

constexpr db::TenantStmt insert_camera{
    "INSERT INTO camera_ (tenant_id, id, site_id, name, url, username, password, recording, removing, created_at, sealed_url, schedule, "
    "keep_for, keep_bytes) VALUES (:tenant, :id, :site, :name, :url, :username, :password, :recording, 0, :created_at, :sealed_url, "
    ":schedule, :keep_for, :keep_bytes)"};
constexpr db::TenantStmt find_camera{"SELECT " NVR_CAMERA_COLUMNS " FROM camera WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt list_cameras{"SELECT " NVR_CAMERA_COLUMNS " FROM camera WHERE tenant_id = :tenant AND removing = 0 ORDER BY id"};
constexpr db::TenantStmt update_camera{
    "UPDATE camera_ SET name = :name, url = :url, sealed_url = :sealed_url, username = :username, password = :password, "
    "recording = :recording, schedule = :schedule, keep_for = :keep_for, keep_bytes = :keep_bytes, revision = :revision "
    "WHERE tenant_id = :tenant AND id = :id AND removing = 0"};
constexpr db::TenantStmt update_recording{
    "UPDATE camera_ SET recording = :recording WHERE tenant_id = :tenant AND id = :id AND removing = 0"};
constexpr db::TenantStmt update_schedule{
    "UPDATE camera_ SET schedule = :schedule WHERE tenant_id = :tenant AND id = :id AND removing = 0"};
constexpr db::TenantStmt update_retention{
    "UPDATE camera_ SET keep_for = :keep_for, keep_bytes = :keep_bytes WHERE tenant_id = :tenant AND id = :id AND removing = 0"};
constexpr db::TenantStmt update_pruned{
    "UPDATE camera_ SET pruned_until = MAX(COALESCE(pruned_until, :until), :until) WHERE tenant_id = :tenant AND id = :id"};
constexpr db::SystemStmt list_keepers{"SELECT tenant_id, id FROM camera_ WHERE (keep_for <> 0 OR keep_bytes <> 0) AND removing = 0"};
constexpr db::TenantStmt list_segments{
    "SELECT day, ordinal, run, number, started_at, ended_at, bytes, frames, flags, charged, finished FROM segment "
    "WHERE tenant_id = :tenant AND camera_id = :camera ORDER BY day, ordinal"};
constexpr db::TenantStmt delete_segment{
    "DELETE FROM segment_ WHERE tenant_id = :tenant AND camera_id = :camera AND day = :day AND ordinal = :ordinal"};
constexpr db::TenantStmt last_protection{
    "SELECT COALESCE(MAX(number), 0) FROM protection WHERE tenant_id = :tenant AND camera_id = :camera"};
constexpr db::TenantStmt insert_protection{
    "INSERT INTO protection_ (tenant_id, camera_id, number, start_at, end_at, reason) "
    "VALUES (:tenant, :camera, :number, :start_at, :end_at, :reason)"};
constexpr db::TenantStmt list_protections{
    "SELECT number, start_at, end_at, reason FROM protection WHERE tenant_id = :tenant AND camera_id = :camera ORDER BY number"};
constexpr db::TenantStmt delete_protection{
    "DELETE FROM protection_ WHERE tenant_id = :tenant AND camera_id = :camera AND number = :number"};
constexpr db::TenantStmt delete_protections{"DELETE FROM protection_ WHERE tenant_id = :tenant AND camera_id = :id"};
constexpr db::TenantStmt erase_protections{"DELETE FROM protection_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt update_removing{
    "UPDATE camera_ SET removing = 1, recording = 0 WHERE tenant_id = :tenant AND id = :id AND removing = 0"};
constexpr db::TenantStmt delete_camera{"DELETE FROM camera_ WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt delete_status{"DELETE FROM camera_status_ WHERE tenant_id = :tenant AND camera_id = :id"};
constexpr db::TenantStmt delete_segments{"DELETE FROM segment_ WHERE tenant_id = :tenant AND camera_id = :id"};
constexpr db::TenantStmt erase_segments{"DELETE FROM segment_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt erase_status{"DELETE FROM camera_status_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt erase_cameras{"DELETE FROM camera_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt erase_sites{"DELETE FROM site_ WHERE tenant_id = :tenant"};

constexpr db::TenantStmt find_status{
    "SELECT state, problem, last_frame_at, health FROM camera_status WHERE tenant_id = :tenant AND camera_id = :id"};
constexpr db::TenantStmt put_status{
    "INSERT INTO camera_status_ (tenant_id, camera_id, state, problem, last_frame_at, health) "
    "VALUES (:tenant, :id, :state, :problem, :last_frame_at, :health) ON CONFLICT (tenant_id, camera_id) "
    "DO UPDATE SET state = :state, problem = :problem, last_frame_at = COALESCE(:last_frame_at, last_frame_at), "
    "health = :health"};
constexpr db::SystemStmt list_intents{
    "SELECT tenant_id, id, removing, recording, schedule, revision FROM camera_ WHERE recording <> 0 OR removing <> 0 ORDER BY tenant_id, id"};

constexpr db::SystemStmt list_open_urls{"SELECT tenant_id, id, url FROM camera_ WHERE length(sealed_url) = 0"};
constexpr db::TenantStmt update_url{
    "UPDATE camera_ SET url = :url, sealed_url = :sealed_url WHERE tenant_id = :tenant AND id = :id AND length(sealed_url) = 0"};

constexpr db::TenantStmt first_site{"SELECT id, public_key, seed FROM site WHERE tenant_id = :tenant ORDER BY id LIMIT 1"};
constexpr db::TenantStmt site_by_id{"SELECT id, public_key, seed FROM site WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt insert_site{
    "INSERT INTO site_ (tenant_id, id, name, public_key, seed, created_at) "
    "VALUES (:tenant, :id, :name, :public_key, :seed, :created_at)"};

constexpr db::TenantStmt charged_of{
    "SELECT charged FROM segment WHERE tenant_id = :tenant AND camera_id = :camera AND day = :day AND ordinal = :ordinal"};
constexpr db::TenantStmt put_segment{
    "INSERT INTO segment_ (tenant_id, camera_id, day, ordinal, run, number, started_at, ended_at, bytes, charged, frames, flags, finished) "
    "VALUES (:tenant, :camera, :day, :ordinal, :run, :number, :started_at, :ended_at, :bytes, :charged, :frames, :flags, :finished) "
    "ON CONFLICT (tenant_id, camera_id, day, ordinal) DO UPDATE SET run = :run, number = :number, started_at = :started_at, "
    "ended_at = :ended_at, bytes = :bytes, charged = :charged, frames = :frames, flags = :flags, finished = :finished"};
constexpr db::TenantStmt weigh_segments{
    "SELECT COALESCE(SUM(bytes), 0), COALESCE(SUM(charged), 0) FROM segment WHERE tenant_id = :tenant AND camera_id = :camera"};
constexpr db::TenantStmt first_end{
    "SELECT ended_at FROM segment WHERE tenant_id = :tenant AND camera_id = :camera ORDER BY day, ordinal LIMIT 1"};
constexpr db::TenantStmt list_closed{
    "SELECT camera_id, day, ordinal, run, number, started_at, ended_at, bytes, frames, flags FROM segment "
    "WHERE tenant_id = :tenant AND finished = 1 AND ended_at > :after ORDER BY ended_at, camera_id, ordinal"};

CameraRow camera_of(const db::Rows& row) {
    CameraRow camera;
    camera.id = row.id<CameraId>(0);
    camera.site = row.id<SiteId>(1);
    camera.name = row.text(2);
    camera.url = row.text(3);
    camera.username = row.text(4);
    camera.password = row.blob(5);
    camera.recording = static_cast<Recording>(row.i64(6));
    camera.removing = row.boolean(7);
    camera.created_at = row.time(8);
    camera.sealed_url = row.blob(9);
    camera.schedule = schedule_from(row.text(10));
    camera.retention = {Duration{row.i64(11)}, {row.i64(12)}};
    camera.pruned_until = row.maybe_time(13);
    camera.revision = row.i64(14);
    return camera;
}

SiteRow site_of(const db::Rows& row) {
    SiteRow site;
    site.id = row.id<SiteId>(0);
    const auto key = row.blob_view(1);
    if (key.size() != site.public_key.size()) throw Corrupt("a site's public key has the wrong size", {.subject = site.id.text()});
    std::copy(key.begin(), key.end(), site.public_key.begin());
    site.seed = row.blob(2);
    return site;
}

std::string health_text(const CameraHealth& health) {
    base::Json json;
    json.set("millifps", static_cast<std::int64_t>(health.frames_per_second * 1000)).set("bits", health.bits_per_second);
    json.set("key", std::int64_t{health.key_frame_interval.count()}).set("reconnects", health.reconnects);
    if (health.arrived_at) json.set("arrived", std::int64_t{health.arrived_at->time_since_epoch().count()});
    return base::to_json(json);
}

CameraHealth health_from(const std::string& text) {
    CameraHealth health;
    if (text.empty()) return health;
    const auto json = base::parse_json(text);
    health.frames_per_second = static_cast<double>(json.get_int("millifps")) / 1000;
    health.bits_per_second = json.get_int("bits");
    health.key_frame_interval = Duration{json.get_int("key")};
    health.reconnects = json.get_int("reconnects");
    if (json.find("arrived")) health.arrived_at = Time{Duration{json.get_int("arrived")}};
    return health;
}

std::string seed_label(const SiteId& id) { return "site signing seed " + id.text(); }

}  // namespace

void insert(db::Tx& tx, const CameraRow& camera) {
    tx.exec(insert_camera, camera.id, camera.site, camera.name, camera.url, camera.username, camera.password,
            static_cast<std::int64_t>(camera.recording), camera.created_at, camera.sealed_url, schedule_text(camera.schedule),
            std::int64_t{camera.retention.keep_for.count()}, camera.retention.keep_bytes.count);
}

std::optional<CameraRow> find(db::Reader& reader, const CameraId& id) {
    auto rows = reader.query(find_camera, id);
    if (!rows.next()) return {};
    return camera_of(rows);
}

std::vector<CameraRow> list(db::Reader& reader) {
    std::vector<CameraRow> cameras;
    auto rows = reader.query(list_cameras);
    while (rows.next()) cameras.push_back(camera_of(rows));
    return cameras;
}

bool update(db::Tx& tx, const CameraRow& camera) {
    return tx.exec(update_camera, camera.name, camera.url, camera.sealed_url, camera.username, camera.password,
                   static_cast<std::int64_t>(camera.recording), schedule_text(camera.schedule),
                   std::int64_t{camera.retention.keep_for.count()}, camera.retention.keep_bytes.count, camera.revision, camera.id) == 1;
}

bool set_recording(db::Tx& tx, const CameraId& id, Recording recording) {
    return tx.exec(update_recording, static_cast<std::int64_t>(recording), id) == 1;
}

bool set_schedule(db::Tx& tx, const CameraId& id, const std::vector<RecordingWindow>& schedule) {
    return tx.exec(update_schedule, schedule_text(schedule), id) == 1;
}

bool set_retention(db::Tx& tx, const CameraId& id, const Retention& retention) {
    return tx.exec(update_retention, std::int64_t{retention.keep_for.count()}, retention.keep_bytes.count, id) == 1;
}

bool set_removing(db::Tx& tx, const CameraId& id) { return tx.exec(update_removing, id) == 1; }

Bytes remove(db::Tx& tx, const CameraId& id) {
    const auto weight = weigh(tx, id);
    tx.exec(delete_segments, id);
    tx.exec(delete_protections, id);
    tx.exec(delete_status, id);
    tx.exec(delete_camera, id);
    return {weight.charged};
}

void erase(db::Tx& tx) {
    tx.exec(erase_segments);
    tx.exec(erase_protections);
    tx.exec(erase_status);
    tx.exec(erase_cameras);
    tx.exec(erase_sites);
}

std::optional<StatusRow> status(db::Reader& reader, const CameraId& id) {
    auto rows = reader.query(find_status, id);
    if (!rows.next()) return {};
    return StatusRow{static_cast<CameraState>(rows.i64(0)), rows.text(1), rows.maybe_time(2), health_from(rows.text(3))};
}

void set_status(db::Tx& tx, const CameraId& id, const StatusRow& status) {
    tx.exec(put_status, id, static_cast<std::int64_t>(status.state), status.problem, status.last_frame_at, health_text(status.health));
}

std::vector<Intent> intents(db::SystemReader& reader) {
    std::vector<Intent> all;
    auto rows = reader.query(list_intents);
    while (rows.next())
        all.push_back({rows.id<TenantId>(0), rows.id<CameraId>(1), rows.boolean(2), static_cast<Recording>(rows.i64(3)),
                       schedule_from(rows.text(4)), rows.i64(5)});
    return all;
}

std::vector<OpenUrl> open_urls(db::SystemReader& reader) {
    std::vector<OpenUrl> all;
    auto rows = reader.query(list_open_urls);
    while (rows.next()) all.push_back({rows.id<TenantId>(0), rows.id<CameraId>(1), rows.text(2)});
    return all;
}

void seal_url(db::Tx& tx, const CameraId& id, const std::string& url, const crypto::MasterKey& master) {
    const auto given = parse_camera_url(url).url;
    tx.exec(update_url, given.shown(), master.seal(url_label(id), base::view_of(given.text())), id);
}

SiteRow open_site(db::Tx& tx, const SiteId& new_id, const crypto::MasterKey& master, Time now) {
    {
        auto rows = tx.query(first_site);
        if (rows.next()) return site_of(rows);
    }
    const auto key = crypto::SigningKey::generate();
    SiteRow site{new_id, key.public_key(), master.seal(seed_label(new_id), key.seed())};
    tx.exec(insert_site, site.id, std::string_view("Site"), site.public_key, site.seed, now);
    return site;
}

std::optional<SiteRow> find_site(db::Reader& reader, const SiteId& id) {
    auto rows = reader.query(site_by_id, id);
    if (!rows.next()) return {};
    return site_of(rows);
}

crypto::SigningKey signing_key(const SiteRow& site, const crypto::MasterKey& master) {
    const auto seed = master.open(seed_label(site.id), site.seed);
    return crypto::SigningKey::from_seed(seed.bytes());
}

std::string whole_url(const CameraRow& camera, const crypto::MasterKey& master) {
    if (camera.sealed_url.empty()) return camera.url;
    const auto secret = master.open(url_label(camera.id), camera.sealed_url);
    return std::string(base::text_of(secret.bytes()));
}

std::string password_label(const CameraId& id) { return "camera password " + id.text(); }
std::string url_label(const CameraId& id) { return "camera url " + id.text(); }

std::int64_t upsert_segment(db::Tx& tx, const CameraId& camera, const SegmentNote& note, std::int64_t charge_at_most) {
    const auto& s = note.segment;
    std::int64_t charged = 0;
    {
        auto rows = tx.query(charged_of, camera, std::int64_t{s.day}, std::int64_t{s.ordinal});
        if (rows.next()) charged = rows.i64(0);
    }
    const auto bytes = static_cast<std::int64_t>(s.bytes);
    const auto more = std::clamp<std::int64_t>(bytes - charged, 0, charge_at_most);
    tx.exec(put_segment, camera, std::int64_t{s.day}, std::int64_t{s.ordinal}, static_cast<std::int64_t>(s.place.run),
            std::int64_t{s.place.number}, s.start, s.end, bytes, charged + more, static_cast<std::int64_t>(s.frames),
            std::int64_t{s.flags}, note.finished);
    return more;
}

Weight weigh(db::Reader& reader, const CameraId& camera) {
    auto rows = reader.query(weigh_segments, camera);
    rows.next();
    return {rows.i64(0), rows.i64(1)};
}

std::optional<Time> oldest_end(db::Reader& reader, const CameraId& camera) {
    auto rows = reader.query(first_end, camera);
    return rows.next() ? std::optional(rows.time(0)) : std::nullopt;
}

std::vector<KeptSegment> segments(db::Reader& reader, const CameraId& camera) {
    std::vector<KeptSegment> all;
    for (auto rows = reader.query(list_segments, camera); rows.next();) {
        KeptSegment kept;
        kept.segment = {static_cast<std::uint32_t>(rows.i64(0)),
                        static_cast<std::uint16_t>(rows.i64(1)),
                        {static_cast<std::uint64_t>(rows.i64(2)), static_cast<std::uint32_t>(rows.i64(3))},
                        rows.time(4),
                        rows.time(5),
                        static_cast<std::uint64_t>(rows.i64(6)),
                        static_cast<std::uint64_t>(rows.i64(7)),
                        static_cast<std::uint8_t>(rows.i64(8))};
        kept.charged = rows.i64(9);
        kept.finished = rows.boolean(10);
        all.push_back(kept);
    }
    return all;
}

std::int64_t remove_segments(db::Tx& tx, const CameraId& camera, const std::vector<KeptSegment>& gone) {
    std::int64_t charged = 0;
    for (const auto& kept : gone)
        if (tx.exec(delete_segment, camera, std::int64_t{kept.segment.day}, std::int64_t{kept.segment.ordinal}) == 1) charged += kept.charged;
    return charged;
}

void set_pruned(db::Tx& tx, const CameraId& camera, Time until) { tx.exec(update_pruned, until, camera); }

std::vector<Keeper> keepers(db::SystemReader& reader) {
    std::vector<Keeper> all;
    for (auto rows = reader.query(list_keepers); rows.next();) all.push_back({rows.id<TenantId>(0), rows.id<CameraId>(1)});
    return all;
}

std::int64_t protect(db::Tx& tx, const CameraId& camera, const Protection& protection) {
    std::int64_t number = 1;
    {
        auto rows = tx.query(last_protection, camera);
        if (rows.next()) number = rows.i64(0) + 1;
    }
    tx.exec(insert_protection, camera, number, protection.start, protection.end, protection.reason);
    return number;
}

std::vector<Protection> protections(db::Reader& reader, const CameraId& camera) {
    std::vector<Protection> all;
    for (auto rows = reader.query(list_protections, camera); rows.next();)
        all.push_back({rows.i64(0), rows.time(1), rows.time(2), rows.text(3)});
    return all;
}

bool unprotect(db::Tx& tx, const CameraId& camera, std::int64_t number) { return tx.exec(delete_protection, camera, number) == 1; }

std::vector<SegmentRow> closed_segments(db::Reader& reader, std::optional<Time> after) {
    std::vector<SegmentRow> segments;
    auto rows = reader.query(list_closed, after.value_or(Time{}));
    while (rows.next()) {
        SegmentRow row;
        row.camera = rows.id<CameraId>(0);
        row.segment = {static_cast<std::uint32_t>(rows.i64(1)),
                       static_cast<std::uint16_t>(rows.i64(2)),
                       {static_cast<std::uint64_t>(rows.i64(3)), static_cast<std::uint32_t>(rows.i64(4))},
                       rows.time(5),
                       rows.time(6),
                       static_cast<std::uint64_t>(rows.i64(7)),
                       static_cast<std::uint64_t>(rows.i64(8)),
                       static_cast<std::uint8_t>(rows.i64(9))};
        segments.push_back(row);
    }
    return segments;
}

}  // namespace rows
}  // namespace tenon::nvr
