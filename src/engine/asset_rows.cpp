#include "asset_rows.hpp"

namespace tenon::engine::asset_rows {
namespace {

constexpr db::TenantStmt insert_asset{
    "INSERT INTO asset_ (tenant_id, id, project_id, name, path, thumbnail, size, charged, sha256, container, duration, "
    "video_codec, width, height, rate_num, rate_den, audio_codec, sample_rate, channels, created_at) "
    "VALUES (:tenant, :id, :project, :name, :path, :thumbnail, :size, :charged, :sha256, :container, :duration, "
    ":video_codec, :width, :height, :rate_num, :rate_den, :audio_codec, :sample_rate, :channels, :created_at)"};

#define TENON_ASSET_COLUMNS                                                                                             \
    "id, project_id, name, path, thumbnail, size, sha256, container, duration, video_codec, width, height, rate_num, " \
    "rate_den, audio_codec, sample_rate, channels, created_at"

constexpr db::TenantStmt find_asset{"SELECT " TENON_ASSET_COLUMNS " FROM asset WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt list_assets{"SELECT " TENON_ASSET_COLUMNS
                                     " FROM asset WHERE tenant_id = :tenant AND (:project IS NULL OR project_id = :project)"
                                     " AND (:after IS NULL OR id > :after) ORDER BY id LIMIT :limit"};
constexpr db::TenantStmt remove_asset{"DELETE FROM asset_ WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt remove_assets{"DELETE FROM asset_ WHERE tenant_id = :tenant AND project_id = :project"};
constexpr db::TenantStmt erase_assets{"DELETE FROM asset_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt weigh_project{
    "SELECT COALESCE(SUM(charged), 0), COUNT(*) FROM asset WHERE tenant_id = :tenant AND project_id = :project"};
constexpr db::TenantStmt weigh_asset{"SELECT charged FROM asset WHERE tenant_id = :tenant AND id = :id"};

Asset from_row(const db::Rows& row, const Workspace& workspace) {
    Asset asset;
    asset.id = row.id<AssetId>(0);
    asset.project = row.id<ProjectId>(1);
    asset.name = row.text(2);
    asset.path = workspace.root / row.text(3);
    if (!row.text_view(4).empty()) asset.thumbnail = workspace.root / row.text(4);
    asset.size = row.bytes(5);
    asset.sha256 = row.text(6);
    asset.container = row.text(7);
    asset.duration = row.duration(8);
    asset.video_codec = row.text(9);
    asset.width = static_cast<std::int32_t>(row.i64(10));
    asset.height = static_cast<std::int32_t>(row.i64(11));
    asset.frame_rate = {row.i64(12), row.i64(13)};
    asset.audio_codec = row.text(14);
    asset.sample_rate = static_cast<std::int32_t>(row.i64(15));
    asset.channels = static_cast<std::int32_t>(row.i64(16));
    asset.created_at = row.time(17);
    return asset;
}

std::string relative(const std::filesystem::path& path, const Workspace& workspace) {
    return path.empty() ? std::string() : path.lexically_relative(workspace.root).string();
}

}  // namespace

std::vector<db::Migration> migrations() {
    return {{"engine", 1,
             db::tenant_table("asset",
                              "id BLOB NOT NULL, project_id BLOB NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, "
                              "thumbnail TEXT NOT NULL, size INTEGER NOT NULL, charged INTEGER NOT NULL, sha256 TEXT NOT NULL, "
                              "container TEXT NOT NULL, duration INTEGER NOT NULL, video_codec TEXT NOT NULL, "
                              "width INTEGER NOT NULL, height INTEGER NOT NULL, rate_num INTEGER NOT NULL, "
                              "rate_den INTEGER NOT NULL, audio_codec TEXT NOT NULL, sample_rate INTEGER NOT NULL, "
                              "channels INTEGER NOT NULL, created_at INTEGER NOT NULL",
                              "PRIMARY KEY (tenant_id, id), "
                              "FOREIGN KEY (tenant_id, project_id) REFERENCES project_ (tenant_id, id)") +
                 "CREATE INDEX asset_by_project ON asset_ (tenant_id, project_id, id);"}};
}

void insert(db::Tx& tx, const Asset& a, Bytes charged, const Workspace& workspace) {
    tx.exec(insert_asset, a.id, a.project, a.name, relative(a.path, workspace), relative(a.thumbnail, workspace), a.size,
            charged, a.sha256, a.container, a.duration, a.video_codec, a.width, a.height, a.frame_rate.num, a.frame_rate.den,
            a.audio_codec, a.sample_rate, a.channels, a.created_at);
}

std::optional<Asset> find(db::Reader& reader, const AssetId& id, const Workspace& workspace) {
    auto rows = reader.query(find_asset, id);
    if (!rows.next()) return std::nullopt;
    return from_row(rows, workspace);
}

std::vector<Asset> list(db::Reader& reader, const AssetFilter& filter, const Workspace& workspace) {
    std::vector<Asset> assets;
    auto rows = reader.query(list_assets, filter.project, filter.after, filter.limit);
    while (rows.next()) assets.push_back(from_row(rows, workspace));
    return assets;
}

bool remove(db::Tx& tx, const AssetId& id) { return tx.exec(remove_asset, id) == 1; }
void remove_all(db::Tx& tx, const ProjectId& project) { tx.exec(remove_assets, project); }
void erase(db::Tx& tx) { tx.exec(erase_assets); }

Weight weigh(db::Reader& reader, const ProjectId& project) {
    auto rows = reader.query(weigh_project, project);
    rows.next();
    return {rows.bytes(0), rows.i64(1)};
}

Bytes charged(db::Reader& reader, const AssetId& id) {
    auto rows = reader.query(weigh_asset, id);
    return rows.next() ? rows.bytes(0) : Bytes{};
}

}  // namespace tenon::engine::asset_rows
