#pragma once

#include <optional>
#include <vector>

#include <db/database.hpp>
#include <tenon/asset.hpp>

#include "workspace.hpp"

namespace tenon::engine::asset_rows {

/// Table `asset`. Paths are stored relative to the workspace, so that a home can be moved.
std::vector<db::Migration> migrations();

/// `charged`: what it weighs on disk with its thumbnail.
void insert(db::Tx& tx, const Asset& asset, Bytes charged, const Workspace& workspace);
std::optional<Asset> find(db::Reader& reader, const AssetId& id, const Workspace& workspace);
std::vector<Asset> list(db::Reader& reader, const AssetFilter& filter, const Workspace& workspace);
/// False: there was none.
bool remove(db::Tx& tx, const AssetId& id);
/// Every row of a tenant that is being erased.
void erase(db::Tx& tx);
/// What a project's assets weigh on disk, thumbnails included, and how many there are.
struct Weight {
    Bytes size{};
    std::int64_t count = 0;
};
Weight weigh(db::Reader& reader, const ProjectId& project);
void remove_all(db::Tx& tx, const ProjectId& project);
/// What one asset weighs on disk with its thumbnail: what storage was charged for it.
Bytes charged(db::Reader& reader, const AssetId& id);

}  // namespace tenon::engine::asset_rows
