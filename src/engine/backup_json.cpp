#include "backup_json.hpp"

namespace tenon::engine {

using base::Json;

bool is_limited(const WorkLimits& limits) {
    return limits.threads != 0 || limits.memory.count != 0 || limits.download_per_second.count != 0 || limits.upload_per_second.count != 0;
}

void set_limits(Json& json, const WorkLimits& limits) {
    if (!is_limited(limits)) return;
    Json kept;
    kept.set("threads", limits.threads).set("memory", limits.memory.count);
    kept.set("download", limits.download_per_second.count).set("upload", limits.upload_per_second.count);
    json.set("limits", std::move(kept));
}

WorkLimits limits_from(const Json& json, Moves before) {
    WorkLimits limits;
    if (const auto* kept = json.find("limits")) {
        limits.threads = static_cast<std::int32_t>(kept->get_int("threads"));
        limits.memory = {kept->get_int("memory")};
        limits.download_per_second = {kept->get_int("download")};
        limits.upload_per_second = {kept->get_int("upload")};
    } else {
        (before == Moves::up ? limits.upload_per_second : limits.download_per_second) = {json.int_or("per_second", 0)};
    }
    return limits;
}

Json tags_json(const std::vector<Label>& tags) {
    Json list = Json::array();
    for (const auto& tag : tags) {
        Json pair = Json::array();
        pair.push(tag.key).push(tag.value);
        list.push(std::move(pair));
    }
    return list;
}

std::vector<Label> tags_from(const Json& json) {
    std::vector<Label> tags;
    for (const auto& tag : json.get_array("tags"))
        tags.push_back({tag.as_array("tags").at(0).as_string("tags"), tag.as_array("tags").at(1).as_string("tags")});
    return tags;
}

Json erasable_json(const std::vector<ErasableFolder>& folders) {
    Json list = Json::array();
    for (const auto& folder : folders) list.push(Json::array().push(folder.path).push(folder.subject));
    return list;
}

std::vector<ErasableFolder> erasable_from(const Json& json) {
    std::vector<ErasableFolder> folders;
    if (!json.find("erasable")) return folders;
    for (const auto& folder : json.get_array("erasable"))
        folders.push_back({folder.as_array("erasable").at(0).as_string("erasable"), folder.as_array("erasable").at(1).as_string("erasable")});
    return folders;
}

Json damaged_json(const SnapshotId& snapshot, const std::string& path, std::int64_t offset, std::int64_t size) {
    return Json::array().push(snapshot.text()).push(path).push(offset).push(size);
}

std::vector<DamagedFile> damaged_from(const Json& json) {
    std::vector<DamagedFile> damaged;
    if (!json.find("damaged")) return damaged;
    for (const auto& each : json.get_array("damaged")) {
        const auto& part = each.as_array("damaged");
        damaged.push_back({SnapshotId::parse(part.at(0).as_string("damaged")), part.at(1).as_string("damaged"), {part.at(2).as_int("damaged")},
                           {part.at(3).as_int("damaged")}});
    }
    return damaged;
}

Json texts_json(const std::vector<std::string>& texts) {
    Json list = Json::array();
    for (const auto& text : texts) list.push(text);
    return list;
}

std::vector<std::string> texts_from(const Json& json, std::string_view name) {
    std::vector<std::string> texts;
    if (const auto* list = json.find(name))
        for (const auto& text : list->as_array(name)) texts.push_back(text.as_string(name));
    return texts;
}

Json backup_json(const BackupOptions& options) {
    Json json;
    json.set("name", options.name).set("include_recordings", options.include_recordings).set("tags", tags_json(options.tags));
    json.set("exclude", texts_json(options.exclude));
    set_limits(json, options.limits);
    if (!options.erasable.empty()) json.set("erasable", erasable_json(options.erasable));
    if (!options.include.empty()) json.set("include", texts_json(options.include));
    if (options.include_rows) json.set("rows", true);
    const auto& schedule = options.schedule;
    json.set("priority", schedule.priority).set("unique_key", schedule.unique_key).set("batch", schedule.batch);
    return json;
}

BackupOptions backup_from(const Json& json) {
    BackupOptions options{.name = json.get_string("name"), .include_recordings = json.get_bool("include_recordings")};
    options.tags = tags_from(json);
    options.exclude = texts_from(json, "exclude");
    options.erasable = erasable_from(json);
    options.include = texts_from(json, "include");
    options.include_rows = json.bool_or("rows", false);
    options.limits = limits_from(json);
    options.schedule.priority = static_cast<std::int32_t>(json.get_int("priority"));
    options.schedule.unique_key = json.get_string("unique_key");
    options.schedule.batch = json.get_string("batch");
    return options;
}

Json keep_json(const KeepRules& rules) {
    Json json;
    json.set("last", rules.last).set("hourly", rules.hourly).set("daily", rules.daily).set("weekly", rules.weekly);
    json.set("monthly", rules.monthly).set("yearly", rules.yearly).set("within", rules.within.count());
    json.set("tags", tags_json(rules.tags)).set("utc_offset", rules.utc_offset.count()).set("zone", rules.zone);
    return json;
}

KeepRules keep_from(const Json& json) {
    const auto number = [&](const char* name) { return static_cast<std::int32_t>(json.get_int(name)); };
    KeepRules rules{.last = number("last"), .hourly = number("hourly"), .daily = number("daily"), .weekly = number("weekly"),
                    .monthly = number("monthly"), .yearly = number("yearly")};
    rules.within = Duration(json.get_int("within"));
    rules.tags = tags_from(json);
    rules.utc_offset = Duration(json.get_int("utc_offset"));
    rules.zone = json.get_string("zone");
    return rules;
}

Json snapshot_json(const Snapshot& snapshot) {
    Json json;
    json.set("id", snapshot.id.text()).set("name", snapshot.name).set("taken_at", snapshot.taken_at.time_since_epoch().count());
    json.set("tags", tags_json(snapshot.tags)).set("files", snapshot.files).set("bytes", snapshot.size.count);
    if (snapshot.stored) json.set("stored_bytes", snapshot.stored->count);
    if (!snapshot.held.empty()) json.set("held", snapshot.held);
    return json;
}

Snapshot snapshot_from(const Json& json) {
    Snapshot snapshot;
    snapshot.id = SnapshotId::parse(json.get_string("id"));
    snapshot.name = json.get_string("name");
    snapshot.taken_at = Time{Duration{json.get_int("taken_at")}};
    snapshot.tags = tags_from(json);
    snapshot.files = json.get_int("files");
    snapshot.size = {json.get_int("bytes")};
    if (const auto* held = json.find("held")) snapshot.held = held->as_string("held");
    if (const auto* stored = json.find("stored_bytes")) snapshot.stored = Bytes{stored->as_int("stored_bytes")};
    return snapshot;
}

}  // namespace tenon::engine
