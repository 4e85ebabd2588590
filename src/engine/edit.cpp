#include "edit.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include <fcntl.h>

#include <base/file.hpp>
#include <base/json.hpp>
#include <crypto/encoding.hpp>
#include <render/still.hpp>
#include <tenon/error.hpp>

#include "intake.hpp"

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

namespace {

/// What `work` makes of an asset's file; failures name the asset, which people know, and not our copy.
template <class Find, class Work> auto with_file(const AssetId& id, const Find& find, Work&& work) {
    const std::optional<Asset> asset = find(id);
    if (!asset) throw NotFound("there is no such asset", {.subject = id.text()});
    try {
        return work(*asset);
    } catch (const Error& error) {
        if (error.code() == Errc::not_found) throw NotFound("the file of an asset has vanished", {.subject = id.text()});
        if (error.subject() == asset->path.string()) throw_error(error.code(), error.what(), {.subject = id.text()});
        throw;
    }
}

render::Source source_of(const Asset& asset, const std::stop_token& stop) {
    const auto bytes = crypto::from_hex(asset.sha256);
    crypto::Digest digest{};
    if (!bytes || bytes->size() != digest.size()) throw Corrupt("the asset's digest is damaged", {.subject = asset.id.text()});
    std::copy(bytes->begin(), bytes->end(), digest.begin());
    if (static_cast<std::int64_t>(base::file_size(base::open_file(asset.path, O_RDONLY), asset.path.string())) != asset.size.count)
        throw Conflict("the file of an asset has changed since it was imported", {.subject = asset.id.text()});
    auto source = render::inspect(asset.id, asset.path, digest, stop);
    source.stored_at = asset.created_at;
    return source;
}

template <class Find> render::Materials materials_of(const Timeline& timeline, const Find& find, const std::stop_token& stop) {
    render::Materials materials;
    materials.still = [&find, stop](const AssetId& image) {
        return with_file(image, find, [&](const Asset& asset) { return render::read_still(asset.path, stop); });
    };
    if (const AssetId lut = timeline.lut_asset(); !lut.is_nil())
        materials.lut = with_file(lut, find, [&](const Asset& asset) {
            if (asset.container != cube_container) throw Unsupported("the asset is no LUT: it needs a .cube file", {.subject = lut.text()});
            return std::make_shared<const render::Cube>(render::read_cube(asset.path));
        });
    return materials;
}

}  // namespace

Prepared prepare(const Edit& edit, const std::function<std::optional<Asset>(const AssetId&)>& find, const std::stop_token& stop) {
    std::vector<render::Source> sources;
    std::map<AssetId, Asset> assets;
    for (const auto& clip : edit.timeline.clips()) {
        if (assets.contains(clip.asset)) continue;
        with_file(clip.asset, find, [&](const Asset& asset) {
            sources.push_back(source_of(asset, stop));
            assets.emplace(clip.asset, asset);
        });
    }
    Prepared prepared{.plan = render::compile(edit.timeline, edit.outputs, sources, edit.loudness, materials_of(edit.timeline, find, stop), stop)};
    for (const auto& source : prepared.plan.sources) {
        prepared.files.push_back(assets.at(source.asset).path);
        prepared.names.push_back(assets.at(source.asset).name);
    }
    return prepared;
}

}  // namespace tenon::engine
