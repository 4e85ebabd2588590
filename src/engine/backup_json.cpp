#include "backup_json.hpp"

namespace tenon::engine {

using base::Json;

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

Json snapshot_json(const Snapshot& snapshot) {
    Json json;
    json.set("id", snapshot.id.text()).set("name", snapshot.name).set("taken_at", snapshot.taken_at.time_since_epoch().count());
    json.set("tags", tags_json(snapshot.tags)).set("files", snapshot.files).set("bytes", snapshot.size.count);
    if (snapshot.stored) json.set("stored_bytes", snapshot.stored->count);
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
    if (const auto* stored = json.find("stored_bytes")) snapshot.stored = Bytes{stored->as_int("stored_bytes")};
    return snapshot;
}

}  // namespace tenon::engine
