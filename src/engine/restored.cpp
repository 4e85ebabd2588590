#include "restored.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include <sys/stat.h>

#include <base/id.hpp>
#include <nvr/segment_rows.hpp>
#include <tenant/quota.hpp>
#include <tenon/error.hpp>

#include "repositories.hpp"

namespace tenon::engine::restored {

namespace quota = tenant::quota;

namespace {

constexpr db::TenantStmt find_row{"SELECT bytes FROM restored WHERE tenant_id = :tenant AND path = :path"};
constexpr db::TenantStmt list_rows{"SELECT path, bytes FROM restored WHERE tenant_id = :tenant"};
constexpr db::TenantStmt put_row{
    "INSERT INTO restored_ (tenant_id, path, bytes) VALUES (:tenant, :path, :bytes)"
    " ON CONFLICT (tenant_id, path) DO UPDATE SET bytes = excluded.bytes"};
constexpr db::TenantStmt remove_row{"DELETE FROM restored_ WHERE tenant_id = :tenant AND path = :path"};
constexpr db::TenantStmt erase_rows{"DELETE FROM restored_ WHERE tenant_id = :tenant"};
constexpr db::TenantStmt asset_paths{"SELECT path, thumbnail FROM asset WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt find_export{"SELECT 1 FROM export WHERE tenant_id = :tenant AND name = :name"};

// Of one transaction: what the others wait for.
constexpr std::size_t files_at_once = 500;

using Rows = std::map<std::string, std::int64_t>;

Rows rows_of(db::Reader& reader) {
    Rows rows;
    for (auto row = reader.query(list_rows); row.next();) rows.emplace(row.text(0), row.i64(1));
    return rows;
}

std::optional<std::int64_t> charged_for(db::Reader& reader, const std::string& path) {
    auto rows = reader.query(find_row, path);
    return rows.next() ? std::optional(rows.i64(0)) : std::nullopt;
}

/// Empty for text that is no such id.
template <class Id> std::optional<Id> id_in(const std::string& text) {
    try {
        return Id::parse(text);
    } catch (const InvalidArgument&) {
        return std::nullopt;
    }
}

std::vector<std::string> parts_of(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        parts.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

/// Whether the engine itself puts things of this name there. Some come a moment before their row does.
bool is_engines_own(const std::string& path, bool is_folder) {
    const auto parts = parts_of(path);
    if (parts.size() == 1 || parts[0] == "recordings") return true;
    if (parts[0] == "exports") return !is_folder && parts.size() == 2;
    if (parts[0] != "projects" || !id_in<ProjectId>(parts[1])) return false;
    if (parts.size() == 2 || parts[2] == "assets") return is_folder ? parts.size() <= 3 : parts.size() == 4;
    return false;
}

/// Whether the file is charged with what names it. Looks for the one row that could: a workspace has more of them than a
/// transaction has time for.
bool is_named(db::Reader& reader, const std::string& path) {
    const auto parts = parts_of(path);
    if (parts.size() == 2 && parts[0] == "exports") return reader.query(find_export, parts[1]).next();
    if (parts.size() != 4) return false;
    if (parts[0] == "projects" && parts[2] == "assets") {
        // "<asset>.<extension>", and "<asset>.jpg" of its thumbnail.
        const auto asset = id_in<AssetId>(parts[3].substr(0, parts[3].find('.')));
        if (!asset) return false;
        auto rows = reader.query(asset_paths, *asset);
        return rows.next() && (rows.text_view(0) == path || rows.text_view(1) == path);
    }
    if (parts[0] != "recordings") return false;
    const auto camera = id_in<CameraId>(parts[1]);
    const auto day = nvr::parse_day(parts[2]);
    const auto place = nvr::parse_segment_name(parts[3]);
    return camera && day && place && nvr::rows::is_closed(reader, *camera, *day, *place);
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

/// Brings rows down to what lies on the disk and nothing else names. This runs behind each removal, so it looks without
/// keeping anybody from writing, and changes only what it found: who gets a row of its own meanwhile is found the next time.
void free_what_is_gone(db::Database& database, const db::TenantScope& scope, const Workspace& workspace, Time now) {
    std::vector<std::string> named;
    const auto rows = database.read(scope, [&](db::Reader& reader) {
        named.clear();
        auto all = rows_of(reader);
        for (const auto& [path, bytes] : all)
            if (is_named(reader, path)) named.push_back(path);
        return all;
    });
    std::map<std::string, std::int64_t> most;  // of what may stay charged
    for (const auto& [path, bytes] : rows)
        if (const auto size = size_on_disk(workspace, path); size < bytes || bytes == 0) most.emplace(path, size);
    for (const auto& path : named) most.try_emplace(path, rows.at(path));
    if (most.empty()) return;
    database.write(scope, [&](db::Tx& tx) {
        std::int64_t less = 0;
        for (const auto& [path, size] : most) {
            const auto bytes = charged_for(tx, path);
            if (!bytes) continue;
            const auto left = is_named(tx, path) ? 0 : std::min(*bytes, size);
            if (left == *bytes && left > 0) continue;
            less += *bytes - left;
            if (left > 0) tx.exec(put_row, path, left);
            else tx.exec(remove_row, path);
        }
        if (less > 0) quota::free(tx, {Resource::storage, less}, now);
    });
}

struct Page {
    std::int64_t spent = 0;  ///< Of the hold.
    std::vector<backup::RestoredFile> charged_elsewhere{};
};

/// `left`: what the hold still holds. What was named or charged since the whole was weighed is seen here.
template <class Due>
Page admit_page(db::Tx& tx, std::span<const backup::RestoredFile> files, const Due& due_of, const std::optional<HoldId>& hold,
                std::int64_t left, Time now) {
    Page page;
    std::int64_t more = 0;
    for (const auto& file : files) {
        if (is_named(tx, file.path)) {
            page.charged_elsewhere.push_back(file);
            continue;
        }
        const auto charged = charged_for(tx, file.path).value_or(0);
        const auto due = due_of(file, charged);
        if (due <= charged) continue;
        tx.exec(put_row, file.path, due);
        more += due - charged;
    }
    page.spent = hold ? std::min(more, left) : 0;
    if (page.spent > 0) quota::spend(tx, *hold, {Resource::storage, page.spent}, now);
    if (more > page.spent) quota::charge(tx, {Resource::storage, more - page.spent}, now);
    return page;
}

}  // namespace

std::vector<db::Migration> migrations() {
    return {{"engine", 5, db::tenant_table("restored", "path TEXT NOT NULL, bytes INTEGER NOT NULL", "PRIMARY KEY (tenant_id, path)")}};
}

std::vector<backup::RestoredFile> admit(db::Database& database, const db::TenantScope& scope, const Workspace& workspace, const JobId& job,
                                        const std::vector<backup::RestoredFile>& files, Time now) {
    std::vector<std::string> paths;
    for (const auto& file : files) paths.push_back(file.path);
    const auto sizes = sizes_on_disk(workspace, paths);
    // What somebody put here by hand was never charged, and restoring over it takes nothing more.
    const auto due_of = [&](const backup::RestoredFile& file, std::int64_t charged) {
        return file.size - std::max<std::int64_t>(0, sizes.at(file.path) - charged);
    };
    // All or nothing: the whole is held first. The rows follow in pages, because a snapshot has more files than everybody else
    // can wait for; a kill between two of them leaves rows that tidying brings down and a hold of the job, which its next attempt
    // gives back or, if it has none, whoever looks for holds of jobs that have ended.
    const quota::Cause cause{.kind = quota::CauseKind::job, .id = job.text()};
    bool leftovers = false;
    const auto needed = database.read(scope, [&](db::Reader& reader) {
        leftovers = !quota::of_cause(reader, cause.kind, cause.id).empty();
        std::int64_t more = 0;
        for (const auto& file : files) {
            if (is_named(reader, file.path)) continue;
            const auto charged = charged_for(reader, file.path).value_or(0);
            more += std::max<std::int64_t>(0, due_of(file, charged) - charged);
        }
        return more;
    });
    const auto hold = base::new_id<HoldId>(now);
    const bool is_held = needed > 0;
    if (is_held || leftovers)
        database.write(scope, [&](db::Tx& tx) {
            for (const auto& left_behind : quota::of_cause(tx, cause.kind, cause.id)) quota::release(tx, left_behind.id, now);
            if (is_held) quota::reserve(tx, hold, {.asks = {{Resource::storage, needed}}, .cause = cause}, now);
        });
    std::int64_t left = needed;
    std::vector<backup::RestoredFile> charged_elsewhere;
    try {
        for (auto rest = std::span(files); !rest.empty(); rest = rest.subspan(std::min(rest.size(), files_at_once))) {
            const auto page = rest.first(std::min(rest.size(), files_at_once));
            const auto done = database.write(scope, [&](db::Tx& tx) {
                return admit_page(tx, page, due_of, is_held ? std::optional(hold) : std::nullopt, left, now);
            });
            left -= done.spent;
            charged_elsewhere.insert(charged_elsewhere.end(), done.charged_elsewhere.begin(), done.charged_elsewhere.end());
        }
    } catch (...) {
        if (is_held) database.write(scope, [&](db::Tx& tx) { quota::release(tx, hold, now); });
        throw;
    }
    if (is_held) database.write(scope, [&](db::Tx& tx) { quota::release(tx, hold, now); });
    return charged_elsewhere;
}

std::vector<std::string> settle(db::Database& database, const db::TenantScope& scope, const Workspace& workspace,
                                const std::vector<backup::RestoredFile>& files, Time now) {
    free_what_is_gone(database, scope, workspace, now);
    const auto unnamed = database.read(scope, [&](db::Reader& reader) {
        std::vector<std::string> paths;
        for (const auto& file : files)
            if (!charged_for(reader, file.path) && !is_named(reader, file.path)) paths.push_back(file.path);
        return paths;
    });
    std::vector<std::string> removed;
    for (const auto& path : unnamed) {
        const auto size = size_on_disk(workspace, path);
        if (size == 0) continue;
        try {
            database.write(scope, [&](db::Tx& tx) {
                quota::charge(tx, {Resource::storage, size}, now);
                tx.exec(put_row, path, size);
            });
        } catch (const QuotaExceeded&) {
            std::error_code ignored;
            std::filesystem::remove(workspace.root / path, ignored);
            removed.push_back(path);
        }
    }
    return removed;
}

std::function<bool(const std::string&, bool)> deletions(db::Database& database, const db::TenantScope& scope) {
    return [&database, &scope](const std::string& path, bool is_folder) {
        if (!is_engines_own(path, is_folder)) return true;
        if (is_folder || path.starts_with("recordings/")) return false;
        // Brought by a restore, and nobody's since.
        return database.read(scope, [&](db::Reader& reader) { return charged_for(reader, path) && !is_named(reader, path); });
    };
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
