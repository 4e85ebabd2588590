#include "expected.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "beside.hpp"
#include "globs.hpp"
#include "tree.hpp"

namespace tenon::backup {
namespace {

class Count {
public:
    Count(const BackupRequest& request, const std::stop_token& enough)
        : request_(request), enough_(enough), exclude_(request.exclude), include_(request.include) {}

    void folder(base::Fd fd, const std::string& path) {
        if (!fd) return;
        const std::unique_ptr<DIR, int (*)(DIR*)> names(fdopendir(fd.get()), closedir);
        if (!names) return;
        const int at = fd.release();
        while (const dirent* name = readdir(names.get())) {
            if (enough_.stop_requested()) return;
            const std::string_view text(name->d_name);
            if (text != "." && text != "..") entry(at, name->d_name, join(path, name->d_name));
        }
    }

    std::int64_t bytes = 0;

private:
    void entry(int folder_fd, const char* name, const std::string& path) {
        struct stat st {};
        if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) return;
        if (exclude_.match(path, S_ISDIR(st.st_mode)) || !include_.match(path, S_ISDIR(st.st_mode))) return;
        if (S_ISREG(st.st_mode)) {
            if (!is_beside(name) && (!request_.keep || request_.keep(path))) bytes += st.st_size;
        } else if (S_ISDIR(st.st_mode) && is_folder_path(path)) {
            folder(base::Fd(openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)), path);
        }
    }

    const BackupRequest& request_;
    const std::stop_token& enough_;
    const Globs exclude_;
    const Includes include_;
};

}  // namespace

std::int64_t expected_bytes(const BackupRequest& request, const std::stop_token& enough) noexcept {
    try {
        Count count(request, enough);
        for (const auto& source : request.sources)
            count.folder(base::Fd(open(source.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), source.name);
        return count.bytes;
    } catch (const std::exception&) {
        return 0;  // an estimate that fails is none
    }
}

}  // namespace tenon::backup
