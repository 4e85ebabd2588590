#include "import_recovery.hpp"

#include <chrono>
#include <string>
#include <thread>

#include <tenon/error.hpp>

namespace tenon::engine {

tenant::quota::Cause import_cause(const ProjectId& project, const AssetId& asset) {
    return {.kind = tenant::quota::CauseKind::upload, .id = project.text() + "/" + asset.text()};
}

std::filesystem::path import_mark(const Workspace& workspace, const AssetId& asset) {
    return workspace.temp() / (asset.text() + std::string(import_mark_ending));
}

base::FileLock lock_import_mark(const std::filesystem::path& mark) {
    // A sweep may hold the mark for a moment, or have removed it between its making and its locking.
    for (int tries = 0; tries < 1000; ++tries) {
        auto lock = base::FileLock::try_acquire(mark);
        if (lock && std::filesystem::exists(mark)) return *std::move(lock);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    throw Unavailable("cannot lock the import's mark", {.subject = mark.string()});
}

void remove_dead_mark(const std::filesystem::path& mark) {
    const auto lock = base::FileLock::try_acquire(mark);
    std::error_code ignored;
    if (lock) std::filesystem::remove(mark, ignored);
}

bool import_lives(const Workspace& workspace, const tenant::quota::Cause& cause, const std::function<bool(const AssetId&)>& has_row) {
    const auto slash = cause.id.find('/');
    if (slash == std::string::npos) throw Corrupt("a hold names an import that cannot be read", {.subject = cause.id});
    const auto project = ProjectId::parse(cause.id.substr(0, slash));
    const auto asset = AssetId::parse(cause.id.substr(slash + 1));
    workspace.make();
    const auto mark = import_mark(workspace, asset);
    const auto lock = base::FileLock::try_acquire(mark);
    if (!lock) return true;
    std::error_code error;
    // It may have ended between the look at its hold and the lock: the row comes before the lock is let go.
    if (has_row(asset)) {
        std::filesystem::remove(mark, error);
        return true;
    }
    for (const auto& entry : std::filesystem::directory_iterator(workspace.assets(project), error)) {
        std::error_code ignored;
        // Also "<asset>.jpg.tmp-…", a thumbnail in the making.
        if (entry.path().filename().string().starts_with(asset.text())) std::filesystem::remove(entry.path(), ignored);
    }
    std::filesystem::remove(mark, error);
    return false;
}

}  // namespace tenon::engine
