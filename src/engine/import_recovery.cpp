#include "import_recovery.hpp"

#include <base/file.hpp>
#include <tenon/error.hpp>

namespace tenon::engine {

tenant::quota::Cause import_cause(const ProjectId& project, const AssetId& asset) {
    return {.kind = tenant::quota::CauseKind::upload, .id = project.text() + "/" + asset.text()};
}

std::filesystem::path import_mark(const Workspace& workspace, const AssetId& asset) {
    return workspace.temp() / (asset.text() + ".import");
}

bool import_lives(const Workspace& workspace, const tenant::quota::Cause& cause) {
    const auto slash = cause.id.find('/');
    if (slash == std::string::npos) throw Corrupt("a hold names an import that cannot be read", {.subject = cause.id});
    const auto project = ProjectId::parse(cause.id.substr(0, slash));
    const auto asset = AssetId::parse(cause.id.substr(slash + 1));
    workspace.make();
    const auto mark = import_mark(workspace, asset);
    const auto lock = base::FileLock::try_acquire(mark);
    if (!lock) return true;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(workspace.assets(project), error)) {
        std::error_code ignored;
        if (entry.path().stem() == asset.text()) std::filesystem::remove(entry.path(), ignored);
    }
    std::filesystem::remove(mark, error);
    return false;
}

}  // namespace tenon::engine
