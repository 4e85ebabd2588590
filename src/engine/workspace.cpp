#include "workspace.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include <base/file.hpp>

namespace tenon::engine {

void make_private_folder(const std::filesystem::path& folder) {
    if (::mkdir(folder.c_str(), 0700) == 0) return;
    if (errno == ENOENT && folder.has_parent_path() && folder.parent_path() != folder) {
        make_private_folder(folder.parent_path());
        if (::mkdir(folder.c_str(), 0700) == 0) return;
    }
    const int error = errno;
    if (error == EEXIST && std::filesystem::is_directory(folder)) return;
    base::throw_errno("cannot make the folder", folder.string(), error);
}

bool has_left_log(const Home& home) {
    std::error_code missing;
    const auto size = std::filesystem::file_size(home.database().string() + "-wal", missing);
    return !missing && size > 0;
}

void Workspace::make() const {
    for (const auto& folder : {root / "projects", exports(), temp(), recordings()}) make_private_folder(folder);
}

}  // namespace tenon::engine
