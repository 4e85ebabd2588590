#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <render/plan.hpp>
#include <tenon/asset.hpp>
#include <tenon/id.hpp>
#include <tenon/render.hpp>
#include <tenon/timeline.hpp>

namespace tenon::engine {

/// What a render job must know to begin anew in another process: its payload.
struct Edit {
    ProjectId project{};
    Timeline timeline{};
    std::vector<std::string> outputs{};
    std::string name{};
    std::optional<std::int32_t> loudness{};
};

std::string payload_of(const Edit& edit);
Edit edit_of(const RenderOptions& options);
Edit edit_of(const std::string& payload);

/// A plan and what it is made from; `files` and `names` go with Plan::sources.
struct Prepared {
    render::Plan plan{};
    std::vector<std::filesystem::path> files{};
    std::vector<std::string> names{};
};

/// `find`: an asset's row by its id. Throws NotFound naming the asset, and what render::compile does.
Prepared prepare(const Edit& edit, const std::function<std::optional<Asset>(const AssetId&)>& find, const std::stop_token& stop);

/// The same for what a session asks for: of its project, with assets that it may read. Throws what Renders::start does.
Prepared prepare_render(const SessionImpl& session, const RenderOptions& options);

}  // namespace tenon::engine
