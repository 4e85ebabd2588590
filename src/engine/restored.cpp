#include "restored.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

#include <sys/stat.h>

#include <nvr/camera_rows.hpp>
#include <tenant/quota.hpp>
#include <tenon/error.hpp>

#include "repositories.hpp"

namespace tenon::engine::restored {

namespace quota = tenant::quota;

namespace {

constexpr db::TenantStmt list_rows{"SELECT path, bytes FROM restored WHERE tenant_id = :tenant"};
constexpr db::TenantStmt put_row{
    "INSERT INTO restored_ (tenant_id, path, bytes) VALUES (:tenant, :path, :bytes)"
    " ON CONFLICT (tenant_id, path) DO UPDATE SET bytes = excluded.bytes"};
constexpr db::TenantStmt remove_row{"DELETE FROM restored_ WHERE tenant_id = :tenant AND path = :path"};
constexpr db::TenantStmt erase_rows{"DELETE FROM restored_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt asset_paths{"SELECT path, thumbnail FROM asset WHERE tenant_id = :tenant"};
constexpr db::TenantStmt export_names{"SELECT name FROM export WHERE tenant_id = :tenant"};

using Rows = std::map<std::string, std::int64_t>;

Rows rows_of(db::Reader& reader) {
    Rows rows;
    for (auto row = reader.query(list_rows); row.next();) rows.emplace(row.text(0), row.i64(1));
    return rows;
}

/// The files of the workspace that are charged with what names them.
std::unordered_set<std::string> named(db::Reader& reader) {
    std::unordered_set<std::string> paths;
    for (auto rows = reader.query(asset_paths); rows.next();) {
        paths.insert(rows.text(0));
        paths.insert(rows.text(1));
    }
    for (auto rows = reader.query(export_names); rows.next();) paths.insert("exports/" + rows.text(0));
    for (const auto& row : nvr::rows::closed_segments(reader)) paths.insert(path_in_workspace(row));
    return paths;
}

std::int64_t size_on_disk(const Workspace& workspace, const std::string& path) {
    struct stat st {};
    if (lstat((workspace.root / path).c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return 0;
    return static_cast<std::int64_t>(st.st_size);
}

/// What can be seen without the disk's answers changing inside of a transaction that may run again.
std::map<std::string, std::int64_t> sizes_on_disk(const Workspace& workspace, const std::vector<std::string>& paths) {
    std::map<std::string, std::int64_t> sizes;
    for (const auto& path : paths) sizes[path] = size_on_disk(workspace, path);
    return sizes;
}

}  // namespace

std::vector<db::Migration> migrations() {
    return {{"engine", 5, db::tenant_table("restored", "path TEXT NOT NULL, bytes INTEGER NOT NULL", "PRIMARY KEY (tenant_id, path)")}};
}

std::vector<backup::RestoredFile> admit(db::Database& database, const db::TenantScope& scope, const Workspace& workspace,
                                        const std::vector<backup::RestoredFile>& files, Time now) {
    std::vector<std::string> paths;
    for (const auto& file : files) paths.push_back(file.path);
    const auto sizes = sizes_on_disk(workspace, paths);
    return database.write(scope, [&](db::Tx& tx) {
        const auto rows = rows_of(tx);
        const auto others = named(tx);
        std::vector<backup::RestoredFile> charged_elsewhere;
        std::int64_t more = 0;
        for (const auto& file : files) {
            if (others.contains(file.path)) {
                charged_elsewhere.push_back(file);
                continue;
            }
            const auto row = rows.find(file.path);
            const auto charged = row == rows.end() ? 0 : row->second;
            // What somebody put here by hand was never charged, and restoring over it takes nothing more.
            const auto foreign = std::max<std::int64_t>(0, sizes.at(file.path) - charged);
            const auto due = file.size - foreign;
            if (due <= charged) continue;
            tx.exec(put_row, file.path, due);
            more += due - charged;
        }
        if (more > 0) quota::charge(tx, {Resource::storage, more}, now);
        return charged_elsewhere;
    });
}

std::vector<std::string> settle(db::Database& database, const db::TenantScope& scope, const Workspace& workspace,
                                const std::vector<backup::RestoredFile>& files, Time now) {
    std::vector<std::string> paths;
    for (const auto& [path, bytes] : database.read(scope, rows_of)) paths.push_back(path);
    for (const auto& file : files) paths.push_back(file.path);
    if (paths.empty()) return {};
    const auto sizes = sizes_on_disk(workspace, paths);
    const auto late = database.write(scope, [&](db::Tx& tx) {
        auto rows = rows_of(tx);
        const auto others = named(tx);
        std::int64_t less = 0;
        for (auto& [path, bytes] : rows) {
            const auto size = sizes.find(path);
            if (size == sizes.end()) continue;
            const auto left = others.contains(path) ? 0 : std::min(bytes, size->second);
            if (left == bytes && left > 0) continue;
            less += bytes - left;
            if (left > 0) tx.exec(put_row, path, left);
            else tx.exec(remove_row, path);
        }
        if (less > 0) quota::free(tx, {Resource::storage, less}, now);
        return std::make_pair(std::move(rows), std::move(others));
    });
    std::vector<std::string> removed;
    for (const auto& file : files) {
        const auto size = sizes.at(file.path);
        if (size == 0 || late.first.contains(file.path) || late.second.contains(file.path)) continue;
        try {
            database.write(scope, [&](db::Tx& tx) {
                quota::charge(tx, {Resource::storage, size}, now);
                tx.exec(put_row, file.path, size);
            });
        } catch (const QuotaExceeded&) {
            std::error_code ignored;
            std::filesystem::remove(workspace.root / file.path, ignored);
            removed.push_back(file.path);
        }
    }
    return removed;
}

void hand_over_footage(db::Database& database, const db::TenantScope& scope, Time now) {
    database.write(scope, [now](db::Tx& tx) {
        std::int64_t less = 0;
        for (const auto& [path, bytes] : rows_of(tx)) {
            if (!path.starts_with("recordings/") || !path.ends_with(".mp4")) continue;
            less += bytes;
            tx.exec(remove_row, path);
        }
        if (less > 0) quota::free(tx, {Resource::storage, less}, now);
    });
}

void erase(db::Tx& tx) { tx.exec(erase_rows); }

}  // namespace tenon::engine::restored
