#include "edit.hpp"

#include <algorithm>

#include <base/json.hpp>
#include <crypto/encoding.hpp>
#include <tenon/error.hpp>

namespace tenon::engine {

using base::Json;

std::string payload_of(const Edit& edit) {
    Json outputs = Json::array();
    for (const auto& output : edit.outputs) outputs.push(output);
    Json json;
    json.set("version", 1).set("project", edit.project.text()).set("timeline", edit.timeline.to_json());
    json.set("outputs", std::move(outputs)).set("name", edit.name);
    if (edit.loudness) json.set("loudness", std::int64_t{*edit.loudness});
    return base::to_json(json);
}

Edit edit_of(const std::string& payload) {
    constexpr std::size_t largest = 32 << 20;
    const Json json = base::parse_json(payload, {.max_size = largest}, "payload");
    Edit edit{.project = ProjectId::parse(json.get_string("project")),
              .timeline = Timeline::from_json(json.get_string("timeline")),
              .name = json.get_string("name")};
    if (json.find("loudness") != nullptr) edit.loudness = static_cast<std::int32_t>(json.get_int("loudness"));
    for (const auto& output : json.get_array("outputs")) edit.outputs.push_back(output.as_string("outputs"));
    return edit;
}

Prepared prepare(const Edit& edit, const std::function<std::optional<Asset>(const AssetId&)>& find, const std::stop_token& stop) {
    std::vector<render::Source> sources;
    std::vector<Asset> assets;
    for (const auto& clip : edit.timeline.clips()) {
        const auto known = [&](const Asset& asset) { return asset.id == clip.asset; };
        if (std::any_of(assets.begin(), assets.end(), known)) continue;
        const std::optional<Asset> asset = find(clip.asset);
        if (!asset) throw NotFound("there is no such asset", {.subject = clip.asset.text()});
        const auto bytes = crypto::from_hex(asset->sha256);
        crypto::Digest digest{};
        if (!bytes || bytes->size() != digest.size()) throw Corrupt("the asset's digest is damaged", {.subject = clip.asset.text()});
        std::copy(bytes->begin(), bytes->end(), digest.begin());
        try {
            sources.push_back(render::inspect(clip.asset, asset->path, digest, stop));
        } catch (const NotFound&) {
            throw NotFound("the file of an asset has vanished", {.subject = clip.asset.text()});
        }
        assets.push_back(*asset);
    }
    Prepared prepared{.plan = render::compile(edit.timeline, edit.outputs, sources, edit.loudness)};
    for (const auto& source : prepared.plan.sources)
        for (const Asset& asset : assets)
            if (source.asset == asset.id) {
                prepared.files.push_back(asset.path);
                prepared.names.push_back(asset.name);
            }
    return prepared;
}

}  // namespace tenon::engine
