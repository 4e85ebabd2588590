#include "backup_rows.hpp"

#include <algorithm>

#include <base/file.hpp>
#include <base/json.hpp>
#include <base/text.hpp>
#include <exec/wait.hpp>

#include "record_files.hpp"
#include "repositories.hpp"

namespace tenon::engine {
namespace {

constexpr std::size_t most_row_problems = 1000;

std::vector<std::string> paths_of(const record_files::Told& told) {
    std::vector<std::string> paths;
    for (const auto& original : told.named) paths.push_back(original.path);
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    return paths;
}

}  // namespace

BackupRows::BackupRows(EngineImpl& engine, const jobs::Attempt& attempt)
    : engine_(engine),
      attempt_(attempt),
      workspace_(engine.workspace(attempt.scope.tenant())),
      folder_(workspace_.temp() / attempt.job.id.text() / rows_folder) {
    named_ = tell();
    met_.assign(named_.size(), false);
}

BackupRows::~BackupRows() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_.parent_path(), ignored);
}

std::vector<std::string> BackupRows::tell() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    make_private_folder(folder_);
    const record_files::Teller teller{.folder = folder_,
                                      .durable = false,
                                      .on_file = {},
                                      .look = [this] { exec::check_stop(attempt_.stop); },
                                      .advance = [](std::int64_t) {}};
    const auto told = engine_.database->read_at_length(attempt_.scope, record_files::longest_read,
                                             [&](db::Reader& reader) { return record_files::tell(reader, engine_.now(), teller); });
    auto counts = base::Json::object();
    for (const auto& [name, count] : told.counts) counts.set(name, count);
    auto about = base::Json::object();
    about.set("at", base::to_rfc3339(told.at))
        .set("audit_records", told.audit_records)
        .set("engine", TENON_VERSION)
        .set("records", std::move(counts))
        .set("schema", record_files::schema())
        .set("tenant", attempt_.scope.tenant().text())
        .set("v", 1);
    base::write_file_atomically(folder_ / "about.json", base::view_of(base::to_json(about) + "\n"));
    return paths_of(told);
}

void BackupRows::join(backup::BackupRequest& request) {
    if (!request.include.empty()) request.include.emplace_back(rows_folder);
    request.keep = [this, before = std::move(request.keep)](const std::string& path) {
        if (before && !before(path)) return false;
        meet(path);
        return true;
    };
    request.sources.push_back({.name = rows_folder, .path = folder_, .prepare = [this] { settle(); }});
}

void BackupRows::meet(const std::string& path) {
    const auto found = std::lower_bound(named_.begin(), named_.end(), path);
    if (found != named_.end() && *found == path) {
        met_[static_cast<std::size_t>(found - named_.begin())] = true;
        return;
    }
    const auto folder = path.substr(0, path.rfind('/'));
    if (folder == "exports" || folder.ends_with("/assets") || folder.ends_with("/thumbnails")) strangers_.insert(path);
}

/// The walk has come by everything else.
void BackupRows::settle() {
    const auto is_there = [&](const std::string& path) {
        std::error_code ignored;
        return std::filesystem::exists(workspace_.root / path, ignored);
    };
    problems_.clear();
    bool gone = false;
    for (std::size_t i = 0; i < named_.size() && !gone; ++i) gone = !met_[i] && !is_there(named_[i]);
    // Where the backup has to begin anew, it comes by here once more.
    const struct Anew {
        BackupRows& my;
        ~Anew() {
            my.met_.assign(my.named_.size(), false);
            my.strangers_.clear();
        }
    } anew{*this};
    if (!gone) return;
    const auto now = tell();
    const auto report = [&](const std::string& path, const char* what) {
        if (problems_.size() < most_row_problems) problems_.push_back(path + ": " + what);
    };
    for (const auto& path : now) {
        const auto before = std::lower_bound(named_.begin(), named_.end(), path);
        const bool is_new = before == named_.end() || *before != path;
        const bool is_met = is_new ? strangers_.contains(path) : met_[static_cast<std::size_t>(before - named_.begin())];
        if (is_met) continue;
        if (!is_there(path)) report(path, "rows name it, and it is not there");
        else if (is_new) report(path, "came while the backup was under way: its row is in the snapshot, and it will be in the next one");
    }
    named_ = now;
}

}  // namespace tenon::engine
