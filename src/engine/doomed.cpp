#include "doomed.hpp"

#include <tenon/error.hpp>

namespace tenon::engine::doomed {
namespace {

constexpr std::int64_t page = 100;

constexpr db::TenantStmt insert_path{
    "INSERT INTO doomed_ (tenant_id, path) VALUES (:tenant, :path) ON CONFLICT (tenant_id, path) DO NOTHING"};
constexpr db::TenantStmt list_paths{"SELECT path FROM doomed WHERE tenant_id = :tenant AND path > :after ORDER BY path LIMIT :page"};
constexpr db::TenantStmt remove_path{"DELETE FROM doomed_ WHERE tenant_id = :tenant AND path = :path"};
constexpr db::TenantStmt erase_paths{"DELETE FROM doomed_ WHERE tenant_id = :tenant"};
constexpr db::SystemStmt list_tenants{"SELECT DISTINCT tenant_id FROM doomed_"};

// What a row names lies below the workspace, whatever was written into the database.
std::filesystem::path checked(const std::string& path) {
    const std::filesystem::path relative(path);
    if (relative.empty() || relative.is_absolute() || relative == "." || *relative.lexically_normal().begin() == "..")
        throw Corrupt("a doomed file lies outside of the workspace", {.subject = path});
    return relative;
}

}  // namespace

std::vector<db::Migration> migrations() {
    return {{"engine", 4, db::tenant_table("doomed", "path TEXT NOT NULL", "PRIMARY KEY (tenant_id, path)")}};
}

void add(db::Tx& tx, const std::filesystem::path& path, const Workspace& workspace) {
    const auto relative = path.lexically_relative(workspace.root).string();
    checked(relative);
    tx.exec(insert_path, relative);
}

std::error_code sweep(db::Database& database, const db::TenantScope& scope, const Workspace& workspace) {
    std::error_code last;
    for (std::string after;;) {
        const auto paths = database.read(scope, [&](db::Reader& reader) {
            std::vector<std::string> list;
            for (auto rows = reader.query(list_paths, after, page); rows.next();) list.push_back(rows.text(0));
            return list;
        });
        if (paths.empty()) return last;
        std::vector<std::string> gone;
        for (const auto& path : paths) {
            std::error_code error;
            std::filesystem::remove_all(workspace.root / checked(path), error);
            if (error) last = error;
            else gone.push_back(path);
        }
        database.write(scope, [&](db::Tx& tx) {
            for (const auto& path : gone) tx.exec(remove_path, path);
        });
        after = paths.back();
    }
}

std::vector<TenantId> tenants(db::Database& database, const db::SystemScope& system) {
    return database.read(system, [](db::SystemReader& reader) {
        std::vector<TenantId> list;
        for (auto rows = reader.query(list_tenants); rows.next();) list.push_back(rows.id<TenantId>(0));
        return list;
    });
}

void erase(db::Tx& tx) { tx.exec(erase_paths); }

}  // namespace tenon::engine::doomed
